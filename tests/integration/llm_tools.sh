#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A model that uses tools: the declared functions of other agents, with the rights of the member whom it
# answers, confirmed by a button where they are declared so, and only so many times.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [
  { "match": "forever", "answer": "enough.",
    "tool_calls": [ { "name": "echo", "arguments": { "text": "more" } } ] },
  { "match": { "last_role": "tool" }, "answer": "{last} tool said {tool}." },
  { "match": "meet", "tool_calls": [ { "name": "meet", "arguments": {} },
      { "name": "meet", "arguments": {} } ] },
  { "match": "both", "answer": "Let me see.", "tool_calls": [
      { "name": "echo", "arguments": { "text": "one" } },
      { "name": "echo", "arguments": { "text": "two", "times": 2 } } ] },
  { "match": "order", "tool_calls": [ { "name": "echo", "arguments": { "text": "low" } },
      { "name": "meet", "arguments": {} }, { "name": "echo", "arguments": { "text": "last" } } ] },
  { "match": "surely", "tool_calls": [
      { "name": "echo", "arguments": { "text": "sure", "confirm": true } } ] },
  { "match": "badly", "tool_calls": [ { "name": "echo", "arguments": "{\"text\": " } ] },
  { "match": "warn", "tool_calls": [ { "name": "warn", "arguments": {} } ] },
  { "match": "wipe", "times": 1, "fault": "status", "status": 503 },
  { "match": "wipe", "tool_calls": [ { "name": "wipe", "arguments": { "what": "notes" } } ] }
] }
JSON
fake_start --model fake --script "$TAP_DIR/script.json" || exit 1
fake_discord_start || exit 1
write_discord_config <<INI
[ops]
listen = 127.0.0.1:0
[agent actor]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/actor.so
isolation = inprocess
[agent asker]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/asker.so
isolation = inprocess
priority = 5
INI
sed -i 's/^model = fake/model = fake\ntool_steps = 2/' "$TAP_DIR/troupe.ini"

answered() { fake_discord_wait answered 1 30000 200; }
# ask MEMBER WORDS: their answer in the channel.
ask()
{
    local n
    n=$(fake_discord_say general "$1" "{mention} $2 {token}")
    answered
    fake_discord_text "$n" | tr '\n' ' '
}
# offered N: names of the tools in the last request but N.
offered()
{
    curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get \
        "' '.join(t['function']['name'] for t in d[-1 - $1]['body'].get('tools', []))"
}
requests() { curl -sf --noproxy '*' "$FAKE_URL/_stats" | fake_discord_get 'd["chats"]'; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
like "$(ask bob "both please")" "Let me see\..*tool said two \(often\)" \
    "two calls of one answer are made, and the model goes on with their results"
results=$(curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get \
    "[m['content'] for m in d[-1]['messages'] if m['role'] == 'tool']")
is "$results" "['one', 'two (often)']" "each result stands where its call stood"
ask bob "meet" >/dev/null
results=$(curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get \
    "[m['content'] for m in d[-1]['messages'] if m['role'] == 'tool']")
is "$results" "['met', 'met']" "those that are declared idempotent run beside each other"
ask bob "in order" >/dev/null
is "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini" | grep -o '[a-z]*\.[a-z]*: status' | tr '\n' ' ')" \
    "asker.meet: status actor.echo: status actor.echo: status " \
    "calls go by the priority of their agents, among equals as they are written"
results=$(curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get \
    "[m['content'] for m in d[-1]['messages'] if m['role'] == 'tool']")
is "$results" "['low', 'met', 'last']" "and each result stands where its call stood"
like "$(ask bob "do it badly")" "tool said error: " "arguments that are no JSON are told to the model"

like "$(ask bob "warn them")" "tool said error: there is no such tool" \
    "what the member may not do the model may not do for them"
unlike "$(offered 0)" "warn" "and is not offered it"
like "$(ask alice "warn them")" "tool said warned" "with the right it may"
like "$(offered 0)" "warn" "and is"

n=$(fake_discord_say general bob "{mention} wipe it {token}")
asked() { fake_discord_call "messages?channel=general" | grep -q '"custom_id"'; }
until_true asked
ok $? "a function that wants to be confirmed asks the member"
before=$(requests)
fake_discord_call press '{"member": "bob", "channel": "general", "index": 0}' >/dev/null
told() { fake_discord_text "$n" | grep -q "tool said wiped"; }
until_true told
after=$(fake_discord_text "$n")
answered
like "$after" "tool said wiped" "and the model learns that they pressed \"Do it\""
is $(($(requests) - before)) 1 "in one more request"
port=$("$TROUPE" status --json -c "$TAP_DIR/troupe.ini" | python3 -c 'import json, sys; print(json.load(sys.stdin)["ops_port"])')
like "$(curl -s --noproxy '*' "http://127.0.0.1:$port/metrics" | grep llm_errors)" \
    '^troupe_agent_llm_errors_total\{kind="[a-z_]+"\} 1$' \
    "what failed before the question counts once, though the stage ran again"

n=$(fake_discord_say general bob "{mention} surely {token}")
until_true asked
ok $? "a call that wants to be confirmed asks where the function does not"
fake_discord_call press '{"member": "bob", "channel": "general", "index": 0}' >/dev/null
sure_told() { fake_discord_text "$n" | grep -q "tool said sure"; }
until_true sure_told
ok $? "and is made when they agree"
answered

before=$(requests)
like "$(ask bob "go on forever")" "enough\." "a model that never ends has to answer"
is $(($(requests) - before)) 3 "after as many rounds of calls as are allowed"
host_stop

# A model that takes no tools writes into its text what it wants.
cat >"$TAP_DIR/words.json" <<'JSON'
{ "rules": [
  { "match": "What wipe gave", "answer": "It was {last}" },
  { "match": "What echo gave", "answer": "It was {last}" },
  { "match": { "contains": "surely", "system": "- echo: " }, "chunk_chars": 3,
    "answer": "```json\n{\"action\": \"echo\", \"params\": {\"text\": \"sure\"}, \"confirm\": true}\n```" },
  { "match": { "contains": "wipe", "system": "- wipe: " }, "chunk_chars": 3,
    "answer": "```json\n{\"action\": \"wipe\", \"params\": {\"what\": \"notes\"}}\n```" },
  { "match": { "contains": "both", "system": "- echo: " }, "chunk_chars": 3,
    "answer": "Let me see.\n```json\n{\"action\": \"echo\", \"params\": {\"text\": \"one\"}}\n```\n```json\n{\"action\": \"echo\", \"params\": {\"text\": \"two\", \"times\": 2}}\n```" }
] }
JSON
fake_script "$TAP_DIR/words.json"
sed -i 's/^tool_steps = 2/tool_steps = 2\nno_tools = fake/' "$TAP_DIR/troupe.ini"
host_start
fake_discord_wait connected 1
text=$(ask bob "both please")
like "$text" "Let me see\..*It was What echo gave: one  What echo gave: two .often." \
    "a model without tools calls functions in words"
unlike "$text" "action|json" "which the member does not see"
is "$(offered 1)$(offered 0)" "" "and is sent no tools"
like "$(ask bob "warn them")" "warn them" "what the member may not do is not described"
unlike "$(curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get 'str(d[-1]["messages"][0])')" \
    "warn" "to the model either"
n=$(fake_discord_say general bob "{mention} wipe it {token}")
until_true asked
ok $? "a function that wants to be confirmed asks here, too"
fake_discord_call press '{"member": "bob", "channel": "general", "index": 0}' >/dev/null
words_told() { fake_discord_text "$n" | tr '\n' ' ' | grep -q "It was What wipe gave: wiped"; }
until_true words_told
ok $? "and is called when they agree"
answered
n=$(fake_discord_say general bob "{mention} surely {token}")
until_true asked
ok $? "an action that wants to be confirmed asks where the function does not"
fake_discord_call press '{"member": "bob", "channel": "general", "index": 1}' >/dev/null
words_refused() { fake_discord_text "$n" | tr '\n' ' ' | grep -q "What echo gave: error: .*not confirmed"; }
until_true words_refused
ok $? "and is not called when they do not"
answered
host_stop
sed -i '/^no_tools/d' "$TAP_DIR/troupe.ini"
fake_script "$TAP_DIR/script.json"

for format in anthropic ollama; do
    path=/v1
    [ "$format" = ollama ] && path=/api
    sed -i "s|^base_url = .*|base_url = $FAKE_URL$path|; /^format/d; s/^tool_steps = 2/&\nformat = $format/" \
        "$TAP_DIR/troupe.ini"
    like "$(chat "both please" | tr '\n' ' ')" "Let me see\..*tool said two \(often\)" \
        "the same in the format of $format"
done
tap_done
