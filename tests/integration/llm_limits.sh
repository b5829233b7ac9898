#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Limits of keys: one that has nothing left is not asked, so that its provider never has to refuse it, whether its
# provider tells it in headers or the config does; and where all are used up the next model answers.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

fake_start --model fake --model other || exit 1

# script ANSWERS HEADER...: key-one answers so often, the last time with the headers, and is refused from then on;
# or always, with them.
script()
{
    python3 - "$@" >"$TAP_DIR/script.json" <<'PY'
import json, sys
headers = dict(h.split(": ", 1) for h in sys.argv[2:])
always = sys.argv[1] == "always"
answers = 1 if always else int(sys.argv[1])
one = {"model": "fake", "key": "key-one"}
json.dump({"rules": [
    {"match": one, "times": answers - 1, "answer": "one says {last}"},
    {"match": one, "times": 1000 if always else 1, "headers": headers, "answer": "one says {last}"},
    {"match": one, "fault": "status", "status": 429},
    {"match": {"model": "other"}, "answer": "other says {last}"},
    {"match": {"key": "key-two"}, "answer": "two says {last}"}]}, sys.stdout)
PY
    curl -sf --noproxy '*' -X POST "$FAKE_URL/_reset" >/dev/null
    fake_script "$TAP_DIR/script.json"
}

# config LINE...: of the agent llm.
config()
{
    rm -rf "$TAP_DIR/data"
    write_config
    printf '%s\n' "api_key = key-one" "cache = no" "cost_weight = 0" "$@" >"$TAP_DIR/lines"
    sed -i "/^model = fake/r $TAP_DIR/lines" "$TAP_DIR/troupe.ini"
}

refusals()
{
    curl -sf --noproxy '*' "$FAKE_URL/_stats" | python3 -c 'import json, sys; print(json.load(sys.stdin)["faults"])'
}

# passes_over WHAT LINE HEADER...: a host with that line, of whose two keys the first has nothing left.
passes_over()
{
    local what=$1 line=$2

    shift 2
    script 1 "$@"
    config "api_key_alt = key-two" "$line"
    host_start
    like "$(chat "first")" "one says first" "$what: the first key answers, and says that nothing is left"
    like "$(chat "second")" "two says second" "$what: the second one answers the next question"
    like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "with key 2 \(one before it is at its limit\)" \
        "$what: as troupe why tells"
    is "$(refusals)" 0 "$what: nobody was refused for that"
    host_stop
}

in_an_hour()
{
    date -u -d "+55 minutes" +%Y-%m-%dT%H:%M:%SZ
}

passes_over "OpenAI's requests" "format = openai" "x-ratelimit-remaining-requests: 0" \
    "x-ratelimit-reset-requests: 6m0s"
passes_over "OpenAI's tokens" "format = openai" "x-ratelimit-remaining-tokens: 7" \
    "x-ratelimit-reset-tokens: 59.5s"
passes_over "seconds" "format = openai" "x-ratelimit-remaining-requests: 0" \
    "x-ratelimit-reset-requests: 60"
passes_over "milliseconds since 1970" "format = openai" "x-ratelimit-remaining: 0" \
    "x-ratelimit-reset: $(($(date +%s) + 3000))000"
passes_over "Anthropic's input" "format = anthropic" "anthropic-ratelimit-input-tokens-remaining: 0" \
    "anthropic-ratelimit-input-tokens-reset: $(in_an_hour)"
passes_over "Anthropic's requests" "format = anthropic" "anthropic-ratelimit-requests-remaining: 0" \
    "anthropic-ratelimit-requests-reset: $(in_an_hour)"

# Nonsense in headers changes nothing.
script always "x-ratelimit-remaining-requests: none" "x-ratelimit-reset-requests: never" \
    "x-ratelimit-remaining-tokens: -1" "x-ratelimit-reset-tokens: 0" "x-ratelimit-remaining: 0" "x-ratelimit-reset: -9"
config "api_key_alt = key-two"
host_start
is "$(chat "first" "second" "third" | grep -oE '(one|two) says [a-z]+' | tr '\n' ' ')" \
    "one says first one says second one says third " "headers that make no sense keep no key from its questions"
host_stop

# By the config.
script 2
config "api_key_alt = key-two" "requests_per_minute = 2, 50"
host_start
is "$(chat "first" "second" "third" | grep -oE '(one|two) says [a-z]+' | tr '\n' ' ')" \
    "one says first one says second two says third " "what goes beyond requests_per_minute goes out with the next key"
is "$("$TROUPE" status --json -c "$TAP_DIR/troupe.ini" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["counted"]["llm"]["limits"])')" "{'passed': 1}" \
    "troupe status counts it"
is "$(refusals)" 0 "and nobody was refused"
host_stop

# Both keys are used up: the other provider answers; and without one the member reads when to come back.
script 1
config "requests_per_minute = 1" "base_url_2 = $FAKE_URL/v1" "route_chat = fake 90, 2:other 20"
host_start
is "$(chat "first" "second" | grep -oE '(one|other) says [a-z]+' | tr '\n' ' ')" \
    "one says first other says second " "where all keys are used up the next model answers"
like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "not fake at .*\(at its limit\)" "and why says for what reason"
host_stop
script 1
config "requests_per_minute = 1"
host_start
like "$(chat "first")" "one says first" "with one key and no other model the first question is answered"
"$TROUPE" chat -c "$TAP_DIR/troupe.ini" <<<"second" >"$TAP_DIR/shown" 2>>"$TAP_DIR/chat-log"
like "$(cat "$TAP_DIR/shown")" "again in [0-9]+ seconds" "and the next one is told when it will be"
is "$(refusals)" 0 "without asking the provider"
host_stop

# A bad list is refused before anything starts.
config "api_key_alt = key-two" "requests_per_minute = many"
like "$("$TROUPE" check -c "$TAP_DIR/troupe.ini" 2>&1)" "requests_per_minute\": \"many\": expected a number for all keys" \
    "troupe check refuses what is no number, with the remedy"
tap_done
