#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# An agent whose plugin is not of the host's package runs in a process of its own: whatever it does,
# the host stays the same process and answers.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

write_config
sed -i 's/^stages = conversation/stages = harm/' "$TAP_DIR/troupe.ini"
cat >>"$TAP_DIR/troupe.ini" <<INI
[agent harm]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/harm.so
INI

# of FIELD: what `troupe plugins` says of the agent
of()
{
    "$TROUPE" plugins --json -c "$TAP_DIR/troupe.ini" |
        python3 -c 'import json, sys
print([p.get(sys.argv[1]) for p in json.load(sys.stdin) if p["agent"] == "harm"][0])' "$1"
}
crashed() { [ "$(of crashes)" -ge "$1" ]; }
is_ready() { [ "$(of state)" = ready ]; }

host_start
is $? 0 "the host starts"
is "$(of isolation)" process "the plugin has a process of its own without anybody asking for it"
is "$(of state)" ready "which is ready"
pid=$(of pid)
is "$(cut -d' ' -f4 "/proc/$pid/stat")" "$HOST_PID" "and a child of the host"
is "$(tr -d '\0' <"/proc/$pid/environ" | wc -c)" 0 "its environment is empty"
is "$(readlink /proc/"$pid"/fd/* | grep -cvE '^(/dev/null|socket:.*|pipe:.*)$')" 0 \
    "it holds nothing but the socket to the host"
like "$(chat "echo good morning")" "good morning" "it answers"

like "$(chat "segv")" "it brought me down twice" "a message that it crashes on ends with a sentence"
like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "dead" "as a dead letter"
like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "2 crashes blamed on it, the last in harm" \
    "whose crashes troupe why counts"
is "$(of off_because)" "" "and it is not switched off for it"
like "$(chat "echo still there")" "still there" "the next one is answered"
is "$(of crashes)" 2 "it crashed twice"
until_true is_ready
kill -9 "$(of pid)"
until_true crashed 3
ok $? "its process is killed"
like "$(chat "echo and again")" "and again" "the next process answers"

like "$(chat "abort")" "it brought me down twice" "another one is told as well"
until_true crashed 5
like "$(chat "echo anybody")" "is switched off since it crashed 5 times within a minute" \
    "after five crashes it is switched off"
like "$(of off_because)" "crashed 5 times" "troupe plugins tells why"
like "$("$TROUPE" call hello.hello -c "$TAP_DIR/troupe.ini" 2>&1)" "good day" "the others go on"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
is $? 0 "a reload"
like "$(chat "echo back")" "back" "starts it again"

kill -0 "$HOST_PID"
is $? 0 "all the while the host was the same process"
pid=$(of pid)
host_stop
is $? 0 "it ends with status 0"
ok "$([ -e "/proc/$pid" ] && echo 1 || echo 0)" "and its child with it"
tap_done
