#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 in the middle of a streamed answer: after the restart the message is answered, once.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

WHOLE="alpha beta gamma delta epsilon zeta eta theta"
answered() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | grep -qE "\"answered\": *$1\b"; }
asked() { curl -sf --noproxy '*' "$FAKE_URL/_log" | grep -q slowly; }

fake_start --model fake || exit 1
write_config
printf '{"rules": [{"match": "slowly", "answer": "%s", "chunk_words": 1, "delay_ms": 200}]}' \
    "$WHOLE" >"$TAP_DIR/slow.json"
fake_script "$TAP_DIR/slow.json"
host_start
is $? 0 "the host starts"
chat "first" "answer slowly please" >"$TAP_DIR/cut" &
talk=$!
until_true asked
until_true grep -q alpha "$TAP_DIR/cut"
kill -9 "$HOST_PID"
wait "$talk"
ok "$((! $?))" "a chat whose host was killed ends with a failure"
unlike "$(cat "$TAP_DIR/cut")" "theta" "the answer was cut in the middle"

host_start
is $? 0 "the host starts again"
out=$(chat "after the crash")
like "$out" "You said: after the crash" "and answers"
until_true answered 2
ok $? "the message that the crash cut is taken up"
out="$out
$(chat "and then")"
is "$(grep -c "$WHOLE" <<<"$out")" 1 "its answer is shown whole, once"
like "$out" "You said: and then" "beside what came later"
out=$(chat "all quiet")
unlike "$out" "theta" "and never again"
out=$("$TROUPE" why 2 -c "$TAP_DIR/troupe.ini")
like "$out" "taken up again once" "why tells that the turn was cut"
host_stop
is $? 0 "the host ends with status 0"
tap_done
