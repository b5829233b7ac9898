#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Models that think before they call tools, and refuse a talk that goes on without what they put beside their calls:
# whole turns with each, and with several rounds of calls.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "thinks": { "gem": "gemini", "deep": "deepseek", "claude": "claude" },
  "rules": [
  { "match": { "contains": "slowly", "model": "plain" }, "fault": "hang_before_headers" },
  { "match": { "contains": "begun", "model": "plain", "last_role": "user" },
    "tool_calls": [ { "name": "echo", "arguments": { "text": "one" } } ] },
  { "match": { "contains": "begun", "model": "plain" }, "fault": "status", "status": 500 },
  { "match": { "contains": "twice", "last_role": "user" }, "answer": "Let me see.",
    "tool_calls": [ { "name": "echo", "arguments": { "text": "one" } },
                    { "name": "echo", "arguments": { "text": "two" } } ] },
  { "match": { "contains": "twice" }, "times": 1,
    "tool_calls": [ { "name": "echo", "arguments": { "text": "three" } } ] },
  { "match": { "last_role": "tool" }, "answer": "{last}: tool said {tool}." },
  { "answer": "plain {last}" }
] }
JSON
fake_start --model gem --model deep --model claude --model plain --script "$TAP_DIR/script.json" || exit 1

# host LINE...: of [agent llm]
host()
{
    rm -rf "$TAP_DIR/data"
    write_config
    sed -i '/^model = fake/d' "$TAP_DIR/troupe.ini"
    printf '%s\n' "$@" "cache = no" "attempts = 1" >"$TAP_DIR/lines"
    sed -i "/^\[agent llm\]/r $TAP_DIR/lines" "$TAP_DIR/troupe.ini"
    cat >>"$TAP_DIR/troupe.ini" <<INI
[agent actor]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/actor.so
isolation = inprocess
INI
    curl -sf --noproxy '*' --data-binary "@$TAP_DIR/script.json" "$FAKE_URL/_script" >/dev/null
    host_start
}
# bodies EXPRESSION: of the bodies b of the log, in order
bodies()
{
    curl -sf --noproxy '*' "$FAKE_URL/_log" | python3 -c 'import json, sys
b = [r["body"] for r in json.load(sys.stdin) if "messages" in r.get("body", {})]
print(eval(sys.argv[1]))' "$1"
}
why() { "$TROUPE" why last -c "$TAP_DIR/troupe.ini"; }

# each MODEL LINE...: a whole turn with that one, and what it puts beside its calls
each()
{
    local model=$1
    shift
    host "model = $model" "$@"
    like "$(chat "twice $model" | tr '\n' ' ')" "Let me see\..*twice $model: tool said three\." \
        "$model goes on after two rounds of calls"
    unlike "$(why)" "llm.fallback|llm.retry" "at the first go"
    like "$(chat "hello")" "plain hello" "and in the next talk"
    host_stop
}

each gem
is "$(bodies "[[('extra_content' in c) for c in m['tool_calls']] for m in b[-2]['messages'] if 'tool_calls' in m]")" \
    "[[True, False], [True]]" "with the signature of the first call of each round"
each deep
is "$(bodies "[m['reasoning_content'].count('guess') for m in b[-2]['messages'] if 'tool_calls' in m]")" \
    "[1, 1]" "with what it thought before each"
each claude "format = anthropic"
is "$(bodies "[[p['type'] for p in m['content']] for m in b[-2]['messages'] if m['role'] == 'assistant']")" \
    "[['thinking', 'redacted_thinking', 'text', 'tool_use', 'tool_use'], ['thinking', 'redacted_thinking', 'tool_use']]" \
    "with its thoughts in front, also those that nobody can read"
# A talk that another model began: it called a tool and then failed, so its call goes to one that thinks.
began()
{
    local model=$1
    shift
    host "route_chat = plain 90, ${TWO:-}$model 20" "cost_weight = 0" "$@"
    like "$(chat "begun $model" | tr '\n' ' ')" "begun $model: tool said one" "$model goes on after another model's call"
    like "$(why)" "plain failed \([a-z_]*\); asking $model" "when that one failed"
    host_stop
}
last="[m for m in b[-1]['messages'] if 'tool_calls' in m or m['role'] == 'assistant'][-1]"

began gem
is "$(bodies "$last['tool_calls'][0]['extra_content']['google']['thought_signature']")" \
    "skip_thought_signature_validator" "its call has what Gemini takes in place of a signature"
began deep
is "$(bodies "b[-1]['thinking'], 'reasoning_content' in $last")" "({'type': 'disabled'}, False)" \
    "DeepSeek is asked not to think"
TWO=2: began claude "base_url_2 = $FAKE_URL/v1" "format_2 = anthropic" "local_2 = yes"
is "$(bodies "[p['type'] for p in $last['content']]")" "['tool_use']" "Anthropic's gets the call alone"

# What the second of two thought that were asked together goes on with it.
host "route_chat = plain 90, deep 60" "hedge = 300ms" "hedge_share = 20" "local = no" \
    "prices = plain 1/1, deep 1/1"
like "$(chat "twice slowly" | tr '\n' ' ')" "Let me see\..*tool said three\." \
    "a model that was asked beside a silent one goes on after two rounds of calls"
unlike "$(why)" "llm.fallback|llm.retry" "at the first go"
host_stop

# ---- the fake itself: what is not as it was is refused
# post PATH BODY: the message of the error, or ok
post()
{
    curl -s --noproxy '*' -H "anthropic-version: 2023-06-01" --data-binary "$2" "$FAKE_URL$1" | python3 -c '
import json, sys
body = json.load(sys.stdin)
body = body[0] if isinstance(body, list) else body
print(body.get("error", {"message": "ok"})["message"])'
}
# gem ID EXTRA, deep ID EXTRA: a talk with a call of that id and what stands beside it
gem()
{
    post /v1/chat/completions '{"model": "gem", "messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "'"$1"'", "type": "function",
            "function": {"name": "echo", "arguments": "{}"}'"$2"'}]},
        {"role": "tool", "tool_call_id": "'"$1"'", "content": "b"}'"${3:-}"']}'
}
deep()
{
    post /v1/chat/completions '{"model": "deep", "tools": [], "messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "'"$1"'", "type": "function",
            "function": {"name": "echo", "arguments": "{}"}}]'"$2"'},
        {"role": "tool", "tool_call_id": "'"$1"'", "content": "b"}]'"${3:-}"'}'
}
claude()
{
    post /v1/messages '{"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "content": ['"$1"'{"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "b"}]}]'"${2:-}"'}'
}
any=', "extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}'
like "$(gem gemini_1 "")" "missing a thought_signature in functionCall parts" "a call without its signature is refused"
is "$(gem gemini_1 "$any")" "Corrupted thought signature." "and one with another"
is "$(gem other "$any")" ok "another model's takes what stands for any"
is "$(gem gemini_1 "" ', {"role": "user", "content": "c"}')" ok "and what was before the last question is not looked at"
like "$(deep deepseek_1 "")" "must be passed back" "thoughts that are missing are refused"
like "$(deep deepseek_1 ', "reasoning_content": "else"')" "must be passed back" "and others, too"
is "$(deep deepseek_1 "" ', "thinking": {"type": "disabled"}')" ok "but not where it shall not think"
like "$(claude "")" 'messages.1.content.0.type: Expected `thinking`.*found `tool_use`' "blocks that are missing are refused"
like "$(claude '{"type": "thinking", "thinking": "else", "signature": "c2ln"},')" "cannot be modified" "and others, too"
like "$(claude "" ', "thinking": {"type": "disabled"}')" "thinking.type.disabled" "and that it shall not think"
fake_stop
tap_done
