#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A talk of 20 turns in the console: streamed answers, the history used, a restart in the middle,
# and every turn explained.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

fake_start --model fake || exit 1
write_config

first=() second=()
for i in $(seq 1 10); do first+=("note number $i"); done
for i in $(seq 11 20); do second+=("note number $i" "/why"); done

out=$(chat "${first[@]}")
is $? 0 "a piped talk ends with status 0 at its end"
for i in $(seq 1 10); do
    like "$out" "You said: note number $i\b" "turn $i is answered"
done

out=$(chat "${second[@]}")
is $? 0 "the talk goes on in a new process"
for i in $(seq 11 20); do
    like "$out" "You said: note number $i\b" "turn $i is answered after the restart"
done
is "$(grep -c 'stage conversation' <<<"$out")" 20 "/why shows where each of ten turns started and ended"
is "$(grep -cE 'turn [0-9]+ .*done, answered' <<<"$out")" 10 "/why tells how each turn ended"

log=$(curl -sf --noproxy '*' "$FAKE_URL/_log")
last=$(python3 - "$log" <<'PY'
import json, sys
requests = json.loads(sys.argv[1])
requests = requests if isinstance(requests, list) else requests["requests"]
chat = [r for r in requests if r.get("messages")]
# What the bot writes down for itself is no turn.
chat = [r for r in chat if "You keep the notes" not in r["messages"][0]["content"]]
texts = [m["content"] for m in chat[10]["messages"]]
print(len(chat))
print(sum("note number 10" in t for t in texts))
print(sum(m["role"] == "assistant" for m in chat[10]["messages"]) > 3)
print(chat[10]["messages"][0]["role"])
PY
)
is "$(sed -n 1p <<<"$last")" 20 "the model was asked once for each turn"
is "$(sed -n 2p <<<"$last" | grep -c '[12]')" 1 "the turn after the restart carries the one before it"
is "$(sed -n 3p <<<"$last")" True "the bot's own answers are part of the history"
is "$(sed -n 4p <<<"$last")" system "the template leads the messages"

fake_stop
FAKE_PID=
out=$(chat "are you there?" "/hello" "/preferences" "/preferences tone=formal" "/help")
is $? 0 "a talk without a reachable model ends well, too"
like "$out" "language model|can.t reach|not reachable|trouble" "a dead model is told in a sentence"
unlike "$out" "127\.0\.0\.1|curl|errno" "and without the insides of it"
like "$out" "[Hh]ello" "commands answer without a model"
like "$out" "formal" "preferences are kept without a model"
like "$out" "/preferences" "help lists the declared commands"

sed -i '/base_url/d; /model/d' "$TAP_DIR/troupe.ini"
out=$(chat "/intents")
like "$out" "get_status: 1, 0 % answered" "the owner reads what was meant, and that it got no answer"

out=$(chat "hello?" "/preferences")
like "$out" "base_url" "without any model the answer names what is missing"
like "$out" "formal" "what was set before is still there"

# Its end comes while the start looks what an earlier one left.
for i in 1 2 3 4 5; do
    "$TROUPE" chat -c "$TAP_DIR/troupe.ini" </dev/null
done >/dev/null 2>"$TAP_DIR/short"
unlike "$(cat "$TAP_DIR/short")" "warn|error" "a chat that ends at once warns of nothing"
tap_done
