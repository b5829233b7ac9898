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
fake_stop
tap_done
