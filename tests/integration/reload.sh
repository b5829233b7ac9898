#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# SIGHUP swaps the conversation plugin between turns and during a streamed answer.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

V1="$TROUPE_BUILDDIR/plugins/conversation/.libs/conversation.so"
V2="$TROUPE_BUILDDIR/plugins/conversation/.libs/conversation2.so"

# install VERSION: by rename, as a package manager does it.
install_plugin()
{
    cp "$1" "$TAP_DIR/plugins/.new" && mv "$TAP_DIR/plugins/.new" "$TAP_DIR/plugins/conversation.so"
}

generation()
{
    "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | python3 -c \
        'import json, sys; print(json.load(sys.stdin)["generation"])'
}

generation_is() { [ "$(generation)" = "$1" ]; }
refused_is() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | grep -qE "\"reloads_refused\": *$1\b"; }

fake_start --model fake || exit 1
mkdir "$TAP_DIR/plugins"
install_plugin "$V1"
write_config
sed -i "s|^\[agent conversation\]|&\nplugin = $TAP_DIR/plugins/conversation.so\nisolation = inprocess|" \
    "$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts"

out=$(chat "one" "/why")
like "$out" "You said: one" "the first build answers"
like "$out" "plugin [a-z.]+ 1\.0\.0" "and is named by /why"

install_plugin "$V2"
kill -HUP "$HOST_PID"
until_true generation_is 2
ok $? "SIGHUP makes generation 2"
out=$(chat "two" "/why")
like "$out" "You said: two" "the talk goes on"
like "$out" "plugin [a-z.]+ 2\.0\.0" "with the second build"

# During a streamed answer: the fake waits between its chunks until the reload has happened.
cat >"$TAP_DIR/slow.json" <<'JSON'
{"rules": [{"match": "slowly", "answer": "alpha beta gamma delta epsilon zeta eta theta", "chunk_words": 1, "delay_ms": 250}]}
JSON
fake_script "$TAP_DIR/slow.json"
install_plugin "$V1"
(chat "answer slowly please" "/why" "and now" "/why" >"$TAP_DIR/slow-out") &
talk=$!
streams() { curl -sf --noproxy '*' "$FAKE_URL/_log" | grep -q slowly; }
until_true streams
kill -HUP "$HOST_PID"
until_true generation_is 3
ok $? "SIGHUP during a streamed answer makes generation 3"
wait "$talk"
out=$(cat "$TAP_DIR/slow-out")
like "$out" "alpha beta gamma delta epsilon zeta eta theta" "the answer that was running is whole"
is "$(grep -oE 'plugin [a-z.]+ [0-9.]+' <<<"$out" | awk '{print $3}' | tr '\n' ' ')" "2.0.0 1.0.0 " \
    "it finished on the build it began with, and the next one came from the new build"

# A broken build changes nothing.
pid=$HOST_PID
head -c 4000 "$V1" >"$TAP_DIR/plugins/.new" && mv "$TAP_DIR/plugins/.new" "$TAP_DIR/plugins/conversation.so"
kill -HUP "$HOST_PID"
until_true refused_is 1
ok $? "a truncated plugin is refused"
is "$(generation)" 3 "and the generation stays"
out=$(chat "still there?")
like "$out" "You said: still there" "which goes on answering"
kill -0 "$pid" 2>/dev/null
ok $? "in the same process"
install_plugin "$V2"
out=$("$TROUPE" reload -c "$TAP_DIR/troupe.ini" 2>&1)
is $? 0 "troupe reload gives its verdict by its status"
like "$out" "2\.0\.0" "and names what changed"
for i in 1 2 3 4 5; do kill -HUP "$HOST_PID"; done
out=$(chat "after a storm of signals")
like "$out" "You said: after a storm" "signals during a reload do no harm"

# Whatever was written before the last signal is what serves, however many reloads it takes.
last_name()
{
    "$TROUPE" functions -c "$TAP_DIR/troupe.ini" | grep -q "last_one"
}
for name in first_one second_one last_one; do
    sed -i "/^\\[agent [a-z]*_one\\]/,+1d" "$TAP_DIR/troupe.ini"
    printf '[agent %s]\nplugin = hello\n' "$name" >>"$TAP_DIR/troupe.ini"
    kill -HUP "$HOST_PID"
done
until_true last_name
ok $? "the config of the last signal wins"
host_stop
is $? 0 "the host ends with status 0"
unlike "$(cat "$TAP_DIR/log")" "Sanitizer|runtime error" "no sanitizer found anything"
tap_done
