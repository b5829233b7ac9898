#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A question that needs its talk ("what is his favourite food?") is looked for with what the member said before it;
# one that says all is not.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [ { "match": "", "answer": "SYSTEM {system} END" } ] }
JSON
fake_start --model fake --script "$TAP_DIR/script.json" || exit 1
write_config
printf '[agent memory]\ngather = rules\n' >>"$TAP_DIR/troupe.ini"
sed -i 's/^stages = conversation/stages = memory conversation/' "$TAP_DIR/troupe.ini"
host_start || exit 1
like "$(chat "remember that Rex wants trout-9 each day")" "I'll remember that" "something is remembered"
out=$(chat "what is his favourite food?" | tr '\n' ' ')
like "$out" "SYSTEM" "a question goes to the model"
unlike "$out" "trout-9" "without a talk before it nothing is found for it"
chat "my dog Rex sleeps in the garden" >/dev/null
out=$(chat "what is his favourite food?" | tr '\n' ' ')
like "$out" "- Rex wants trout-9 each day" "behind a message about the dog it is found"
like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "memory.follows" "and the trace says why"
unlike "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "garden" "without the words"
unlike "$(chat "when does the lake open?" | tr '\n' ' ')" "trout-9" "a question that says all is looked for alone"
host_stop
is $? 0 "the host ends well"
tap_done
