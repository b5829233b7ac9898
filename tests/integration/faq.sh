#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Frequent questions: asked of the model when the host has started, and after a reload, so that the first
# member has the answer at once; paid by the bot, and left alone while a cap is half spent.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [ { "answer": "{last} indeed." } ] }
JSON
cat >"$TAP_DIR/faq.json" <<'JSON'
{"questions": [ {"question": "what are the rules", "answer": "Be kind."}, {"question": "what is a troupe"} ]}
JSON
fake_start --model fake --script "$TAP_DIR/script.json" || exit 1
write_config
sed -i "s|^\[agent conversation\]|&\nfaq = $TAP_DIR/faq.json\nfaq_warm = 20|; s|^model = fake|&\nlocal = no\nprice_input = 1\nprice_output = 1|" \
    "$TAP_DIR/troupe.ini"
printf '[budget]\ndaily = 1\n' >>"$TAP_DIR/troupe.ini"

chats() { curl -sf --noproxy '*' "$FAKE_URL/_stats" | python3 -c 'import json, sys; print(json.load(sys.stdin)["chats"])'; }
has_asked() { [ "$(chats)" = "$1" ]; }
has_logged() { grep -q "conversation.faq-warm.* was called at the start: .*$1" "$TAP_DIR/log"; }
call() { "$TROUPE" call -c "$TAP_DIR/troupe.ini" "$@" 2>&1; }

host_start
is $? 0 "the host starts"
until_true has_asked 1
ok $? "and asks the model the question that has no answer"
until_true has_logged 'asked[^0-9]*1,[^0-9]*left[^0-9]*0'
ok $? "which the log tells"
out=$(chat "What is a TROUPE?")
like "$out" "what is a troupe indeed\." "who asks first has the answer"
like "$out" "I gave this answer before" "and is told that it was kept"
like "$(chat "what are the rules")" "^Be kind\.$" "a declared answer comes as it is"
is "$(chats)" 1 "the model was asked nothing more"
like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "conversation.faq" "troupe why tells which answer it was"
like "$(call faq-warm | tr -d ' \n')" '"kept":1,"asked":0,"left":0' "the operator can ask how many are there"

printf '{"questions": [ {"question": "what is a troupe"}, {"question": "who are you"} ]}' >"$TAP_DIR/faq.json"
sed -i 's/^faq_warm = .*/faq_warm = 5/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
is $? 0 "a file with one more question is taken over"
until_true has_asked 2
ok $? "which alone is asked after the reload"

printf '{"questions": [ {"question": "what is a troupe", "reply": "x"} ]}' >"$TAP_DIR/faq.json"
sed -i 's/^faq_warm = .*/faq_warm = 6/' "$TAP_DIR/troupe.ini"
like "$("$TROUPE" reload -c "$TAP_DIR/troupe.ini" 2>&1)" 'question 1: "reply" is not known' \
    "a file that does not hold is refused with its place"

printf '{"questions": [ {"question": "why not"} ]}' >"$TAP_DIR/faq.json"
sed -i 's/^daily = .*/daily = 0.000001/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
until_true has_logged 'asked[^0-9]*0,[^0-9]*left[^0-9]*1'
ok $? "nothing is asked while a cap is half spent"
is "$(chats)" 2 "the model heard of nothing"
host_stop
tap_done
