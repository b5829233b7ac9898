#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Chains of replies on Discord: what a message answers, and what that answered, goes to the model as the
# words of others; what is deleted, hidden or late ends the chain and never the answer.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start --members 8 || exit 1
write_discord_config </dev/null

# say MEMBER KIND TEXT REPLY_TO: prints the message's id
say()
{
    python3 -c 'import json, sys
keys = ("member", "kind", "text", "reply_to")
print(json.dumps({k: v for k, v in zip(keys, sys.argv[1:]) if v}))' "$@" >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" | fake_discord_get 'd["message"]'
}
answered() { fake_discord_wait answered 1 30000 300; }
# asked: what the model read last
asked() { curl -s --noproxy '*' "$FAKE_URL/_log" | python3 -c 'import json, sys
log = [r for r in json.load(sys.stdin) if r.get("messages")]
print(log[-1]["messages"][-1]["content"])'; }
gets() { fake_discord_call requests | fake_discord_get 'len([r for r in d if r["method"] == "GET" and "/messages/" in r["path"]])'; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
fake_discord_call set '{"record": true}' >/dev/null
one=$(say bob plain "one: the first of all")
two=$(say "#2" plain "two: no, the second" "$one")
three=$(say bob plain "three: it was blue" "$two")
four=$(say "#3" plain "four: green" "$three")
five=$(say "#2" plain "five: both" "$four")
six=$(say bob plain "six: neither" "$five")
say alice mention "{mention} who is right? {token}" "$six" >/dev/null
answered
asked >"$TAP_DIR/asked"
like "$(cat "$TAP_DIR/asked")" "answers a message of bob" "what is answered goes to the model with its author"
like "$(tr '\n' ' ' <"$TAP_DIR/asked")" "> six: neither .*> five: both .*> four: green .*> three: it was blue .*> two: no" \
    "and what that answered, the nearest first"
unlike "$(cat "$TAP_DIR/asked")" "one: the first" "up to five messages"
is "$(gets)" 2 "for two requests"
say "#4" mention "{mention} and you think? {token}" "$six" >/dev/null
answered
like "$(asked)" "> two: no" "who asks next has the same"
is "$(gets)" 2 "without another request"

# A deleted one is not shown to anybody any more, from memory neither.
fake_discord_call remove "{\"message\": \"$four\"}" >/dev/null
say "#5" mention "{mention} still? {token}" "$six" >/dev/null
answered
asked >"$TAP_DIR/asked"
like "$(cat "$TAP_DIR/asked")" "> five: both" "the chain goes as far as it can be read"
unlike "$(cat "$TAP_DIR/asked")" "four: green" "and ends at what was deleted"

# Discord says nothing: the answer comes.
seven=$(say bob plain "seven" "$one")
eight=$(say bob plain "eight" "$seven")
fake_discord_call fault '{"on": "message", "do": "hang", "times": 0}' >/dev/null
say "#6" mention "{mention} hello? {token}" "$eight" >/dev/null
answered
ok $? "a chain that cannot be had in time holds up no answer"
like "$(asked)" "> eight" "which has the message that it answers"
fake_discord_call heal '{}' >/dev/null
is "$(fake_discord_report lost)" 0 "nothing is left without an answer"
host_stop
is $? 0 "it stops well"
tap_done
