#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The agents of the installed configuration: what members of a server ask alike is one request to the
# model, while what is a member's own, or another tone, is asked for anew.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [
  { "match": { "last_role": "tool" }, "answer": "Answer number {n}, by a tool." },
  { "match": "status", "tool_calls": [ { "name": "schedule_task", "arguments": {} } ] },
  { "answer": "Answer number {n}." }
] }
JSON
fake_start --model fake --script "$TAP_DIR/script.json" || exit 1
fake_discord_start --guilds 2 --channels 2 --members 8 || exit 1

# configure [KEY=VALUE]: what is installed, with a model that is here and one key more of the talks.
configure()
{
    sed -e "s|^\[troupe\]|&\ndata = $TAP_DIR/data|; s|^\[discord\]|&\ntoken = fake-token\napi = $DISCORD_API|" \
        -e "s|^\[agent llm\]|&\nbase_url = $FAKE_URL/v1\nmodel = fake\ntool_steps = 3\nllm_warm = no|" \
        -e "s|^\[agent conversation\]|&\n${1:-}|" "$TROUPE_SRCDIR/etc/troupe.ini" >"$TAP_DIR/troupe.ini"
    chmod 600 "$TAP_DIR/troupe.ini"
}

requests() { curl -sf --noproxy '*' "$FAKE_URL/_stats" | fake_discord_get 'd["chats"]'; }
# ask CHANNEL MEMBER WORDS: in ANSWER what was said to it. Words alone: a mark of the test's would be another question.
ask()
{
    local number

    number=$(fake_discord_say "$1" "$2" "{mention} $3")
    fake_discord_wait answered 1 30000 50
    ANSWER=$(fake_discord_text "$number" | tr '\n' ' ')
}
asked_last() { curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get 'str([r for r in d if r.get("messages")][-1])'; }
# takes_tone MEMBER TONE
takes_tone()
{
    fake_discord_call slash "{\"name\": \"preferences\", \"options\": {\"tone\": \"$2\"}, \"member\": \"$1\", \"channel\": \"#0\"}" >/dev/null
    until_true has_tone "$2"
}
has_tone() { fake_discord_call interactions | fake_discord_get 'd[-1]["text"]' | grep -q "tone is now $1"; }
registered() { [ "$(fake_discord_call commands | fake_discord_get 'len(d)')" -gt 0 ]; }
# costs N NAME: so many requests since it was looked at last.
costs()
{
    local now

    now=$(requests)
    is "$((now - MARK))" "$1" "$2"
    MARK=$now
}
MARK=0
kept='I gave this answer before'

configure
host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
until_true registered

ask '#0' alice "What can you do?"
like "$ANSWER" "Answer number 1\." "who asks for help first has an answer of the model's"
unlike "$ANSWER" "$kept" "which nobody had before"
unlike "$(asked_last)" "alice" "and the model was not told whose question it is"
like "$(asked_last)" "'schedule_task'" "while it knows what it could call"
ask '#1' bob "hi, what can you do"
like "$ANSWER" "Answer number 2\." "other words are another question"
ask '#1' '#2' "what can you do"
like "$ANSWER" "Answer number 1\..*$kept" "another member who asks the same has that answer, and is told"
costs 2 "and the model was asked nothing more"
ask '#2' '#3' "what can you do"
like "$ANSWER" "Answer number 1\..*$kept" "so has one of another server, as nothing of a server is in it"
costs 0 "which is no request either"

ask '#0' alice "what can you do"
unlike "$ANSWER" "$kept" "in a talk the question is the member's own"
like "$(asked_last)" "alice" "and the model knows who asks"
costs 1 "so the model is asked"
ask '#0' '#4' "hello"
like "$(asked_last)" "called.{1,3}#?member" "small talk is with somebody who has a name"
ask '#0' '#4' "what do you think of me"
ask '#0' '#5' "what do you think of me"
costs 3 "what is not surely the same for everybody is asked for each member"

ask '#1' '#4' "status"
ask '#1' '#5' "status"
like "$ANSWER" "by a tool" "what a tool did or found"
unlike "$ANSWER" "$kept" "is nobody else's"
costs 4 "and was asked of the model by each"

takes_tone '#6' formal
ask '#0' '#6' "what can you do"
unlike "$ANSWER" "$kept" "another tone is another answer"
FORMAL=$(grep -oE 'Answer number [0-9]+' <<<"$ANSWER")
costs 1 "of the model's"
takes_tone '#7' formal
ask '#0' '#7' "what can you do"
costs 0 "nor is it asked twice"
like "$ANSWER" "$FORMAL.*$kept" "for whoever wants the same tone"

configure 'share_answers = guild'
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
is $? 0 "answers shall stay in their server"
ask '#0' '#3' "what can you do"
costs 1 "so those of all servers are not used"
ask '#3' '#4' "what can you do"
costs 1 "each server asks for itself"
ask '#3' '#5' "what can you do"
like "$ANSWER" "Answer number .*$kept" "and has its own answer again"
costs 0 "without another request"
host_stop
tap_done
