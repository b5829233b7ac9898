#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Reloads under load: two builds of the conversation plugin take turns, a signal each, while three
# members talk. Every message carries a token; the output of each chat is the ledger: a token that
# is not answered is lost, one that is answered twice is doubled.
#
# TROUPE_LONG_COUNT reloads (500); TROUPE_SEED repeats the pauses between them.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

COUNT=${TROUPE_LONG_COUNT:-500}
SEED=${TROUPE_SEED:-$RANDOM}
MEMBERS=3
V1="$TROUPE_BUILDDIR/plugins/conversation/.libs/conversation.so"
V2="$TROUPE_BUILDDIR/plugins/conversation/.libs/conversation2.so"
RANDOM=$SEED
echo "long reload seed $SEED"

fake_start --model fake || exit 1
mkdir "$TAP_DIR/plugins"
cp "$V1" "$TAP_DIR/plugins/conversation.so"
write_config
sed -i "s|^\[agent conversation\]|&\nplugin = $TAP_DIR/plugins/conversation.so\nisolation = inprocess|" \
    "$TAP_DIR/troupe.ini"
host_start || exit 1
pid=$HOST_PID
rss() { awk '/^VmRSS/ {print $2}' "/proc/$pid/status"; }
fds() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
field() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | grep -oE "\"$1\": *[0-9]+" | grep -oE '[0-9]+$'; }

# A member talks until the reloads are over.
talk()
{
    local n=0
    while [ ! -e "$TAP_DIR/enough" ]; do
        n=$((n + 1))
        echo "token-$1-$n-"
    done
}
chat warm-up >/dev/null
rss_before=$(rss) fds_before=$(fds)
talks=()
for m in $(seq "$MEMBERS"); do
    { echo "/as member$m"; talk "$m"; } 2>/dev/null |
        "$TROUPE" chat -c "$TAP_DIR/troupe.ini" >"$TAP_DIR/talk-$m" 2>/dev/null &
    talks+=($!)
done
for i in $(seq "$COUNT"); do
    if [ $((i % 2)) = 1 ]; then from=$V2; else from=$V1; fi
    cp "$from" "$TAP_DIR/plugins/.new" && mv "$TAP_DIR/plugins/.new" "$TAP_DIR/plugins/conversation.so"
    kill -HUP "$pid"
    [ $((i % 100)) = 0 ] && echo "# $i of $COUNT reloads"
    sleep "0.0$((RANDOM % 10))"
done
touch "$TAP_DIR/enough"
for t in "${talks[@]}"; do wait "$t"; done

answers=$(grep -ohE 'You said: token-[0-9]+-[0-9]+-' "$TAP_DIR"/talk-*)
distinct=$(sort -u <<<"$answers" | wc -l)
doubled=$(sort <<<"$answers" | uniq -d | wc -l)
messages=0
for m in $(seq "$MEMBERS"); do
    last=$(grep -oE 'You said: token-[0-9]+-[0-9]+-' "$TAP_DIR/talk-$m" | tail -1 | grep -oE '[0-9]+-$' | tr -d -)
    messages=$((messages + ${last:-0}))
done
lost=$((messages - distinct))
refused=$(field reloads_refused)
echo "# reloads $(field reloads) refused $refused messages $messages"
echo "# rss_kb $rss_before $(rss), descriptors $fds_before $(fds), before and after"
host_stop || exit 1
echo "long reload runs $COUNT lost $lost doubled $doubled"
[ "$lost" = 0 ] && [ "$doubled" = 0 ] && [ "$refused" = 0 ] && [ "$messages" -gt 0 ]
