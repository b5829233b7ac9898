#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A second model beside a silent one (hedge): whoever has the first token answers, once, and both are paid for.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [
  { "match": { "contains": "hangs", "model": "alpha" }, "fault": "hang_before_headers" },
  { "match": { "contains": "headers", "model": "alpha" }, "fault": "hang_after_headers" },
  { "match": { "contains": "late", "model": "alpha" }, "first_delay_ms": 1500, "answer": "alpha says {last}" },
  { "match": { "contains": "late", "model": "beta" }, "fault": "hang_before_headers" },
  { "match": { "contains": "both", "model": "alpha" }, "first_delay_ms": 1500, "fault": "status", "status": 500 },
  { "match": { "contains": "both", "model": "beta" }, "fault": "status", "status": 503 },
  { "match": { "contains": "breaks", "model": "alpha" }, "first_delay_ms": 1000, "fault": "status", "status": 500 },
  { "match": { "contains": "breaks", "model": "beta" }, "first_delay_ms": 2500, "answer": "beta says {last}" },
  { "match": "nobody", "fault": "hang_before_headers" },
  { "match": "key", "times": 1, "fault": "hang_before_headers" },
  { "match": { "contains": "slowly", "model": "alpha" }, "fault": "hang_before_headers" },
  { "match": { "contains": "slowly", "model": "beta" }, "first_delay_ms": 3000, "answer": "beta says {last}" },
  { "match": { "contains": "shown", "model": "alpha" }, "fault": "hang_before_headers" },
  { "match": { "contains": "shown", "model": "beta" }, "answer": "beta one two three four five six", "delay_ms": 400 },
  { "match": { "model": "alpha" }, "answer": "alpha says {last}" },
  { "match": { "model": "beta" }, "answer": "beta says {last}" },
  { "match": { "model": "gamma" }, "answer": "gamma says {last}" }
] }
JSON
fake_start --model alpha --model beta --model gamma --script "$TAP_DIR/script.json" || exit 1
price='"prices": [
  {"provider": "fake", "model": "alpha", "input": 1000000, "output": 1000000, "effective_from": "2020-01-01"},
  {"provider": "fake", "model": "beta", "input": 2000000, "output": 2000000, "effective_from": "2020-01-01"},
  {"provider": "fake", "model": "gamma", "input": 3000000, "output": 3000000, "effective_from": "2020-01-01"}]'
printf '{"format": 1, "currency": "USD", "unit": "micro-USD for a million tokens", "providers": {"fake": ["127.0.0.1"]}, %s}' \
    "$price" >"$TAP_DIR/prices.json"

# config LINE...: of [agent llm], with those models, the first of which is taken where it may be.
config()
{
    write_config
    sed -i '/^model = fake/d' "$TAP_DIR/troupe.ini"
    printf '%s\n' "$@" "local = no" "price_table = $TAP_DIR/prices.json" "cache = no" "attempts = 1" \
        "hedge = 300ms" >"$TAP_DIR/lines"
    sed -i "/^\[agent llm\]/r $TAP_DIR/lines" "$TAP_DIR/troupe.ini"
}
why() { "$TROUPE" why "${1:-last}" -c "$TAP_DIR/troupe.ini"; }
# asked WORD: which models were asked it, in order
asked()
{
    curl -sf --noproxy '*' "$FAKE_URL/_log" | python3 -c '
import json, sys
print(*[r["body"]["model"] for r in json.load(sys.stdin)
        if "messages" in r.get("body", {}) and sys.argv[1] in r["body"]["messages"][-1]["content"]])' "$1"
}
# ledger: the state of each reservation of the last turn that has any, in the order of their worst cases
ledger()
{
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(*[row[0] for row in db.execute(
    "SELECT state FROM budget_ledger WHERE turn_id = (SELECT max(turn_id) FROM budget_ledger) ORDER BY what, id")])' \
        "$(find "$TAP_DIR/data" -name troupe.db)"
}
open_ones()
{
    python3 -c 'import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute(
    "SELECT count(*) FROM budget_ledger WHERE state IN (\"reserved\", \"dispatched\")").fetchone())' \
        "$(find "$TAP_DIR/data" -name troupe.db)"
}

# checked VALUE: what the check of the configuration says to that hedge.
checked()
{
    sed "s/^hedge = .*/hedge = $1/" "$TAP_DIR/troupe.ini" >"$TAP_DIR/checked.ini"
    "$TROUPE" check -c "$TAP_DIR/checked.ini" 2>&1
}

config "route_chat = alpha 90, beta 60"
takes='key "hedge" in \[agent llm\]: expected off or p95, or a duration like 500ms, 30s, 5m, 2h or 1d from 100ms to 1m, got'
for value in off p95 100ms 2 1m; do
    like "$(checked $value)" "configuration is good" "hedge takes $value"
done
for value in soon 99ms 61s 0 -1s; do
    like "$(checked "$value")" "$takes \"$value\"" "hedge does not take $value, and the check says what it takes"
done
like "$(checked p59)" "$takes \"p59\"; did you mean \"p95\"" "a word that is nearly one is told"

config "route_chat = alpha 90, beta 60" "hedge_share = 20" "first_token_timeout = 3s"
printf '[ops]\nlisten = 127.0.0.1:0\n' >>"$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts"
out=$(chat "hangs a bit")
is "$(grep -c 'beta says' <<<"$out")" 1 "where the first model is silent the second one answers, once"
is "$(asked 'hangs a bit')" "alpha beta" "and both were asked"
out=$(why)
like "$out" "alpha has given no first token yet; asking beta, too" "troupe why tells that"
like "$out" "beta was first" "and who won"
is "$(ledger)" "unknown settled" "both are paid for: the one that was stopped at its worst case"
port=$("$TROUPE" status --json -c "$TAP_DIR/troupe.ini" | python3 -c 'import json, sys; print(json.load(sys.stdin)["ops_port"])')
page=$(curl -s --noproxy '*' "http://127.0.0.1:$port/metrics")
like "$page" '^troupe_agent_llm_hedges_total\{what="sent"\} 1$' "metrics count those that were sent"
like "$page" '^troupe_agent_llm_hedges_total\{what="won"\} 1$' "and those that won"
like "$(chat "plain")" "says plain" "a model that is not silent is asked alone"
is "$(asked plain | wc -w)" 1 "and nobody beside it"
chat "hangs again" >/dev/null
like "$(why)" "nobody else is asked: hedge_share is used up" "no more are sent than hedge_share says"
is "$(asked 'hangs again' | cut -d' ' -f1)" alpha "though the first model is silent"
is "$(open_ones)" 0 "no reservation stays open"
host_stop

# A fresh host may send one hedge at once, so each case has its own.
# case LINE...: a host with those lines
case_of() { rm -rf "$TAP_DIR/data"; config "hedge_share = 20" "$@"; host_start; }

case_of "route_chat = alpha 90, beta 60"
out=$(chat "late")
is "$(grep -c 'alpha says late' <<<"$out")" 1 "where the first one is late, but first, it answers, once"
is "$(asked late)" "alpha beta" "though the second one was asked"
like "$(why)" "alpha was first" "as troupe why tells"
is "$(ledger)" "settled unknown" "and the second one is stopped, and paid for"
host_stop

case_of "route_chat = alpha 90, beta 60"
like "$(chat "headers")" "beta says headers" "a silence behind the headers is one, too"
is "$(open_ones)" 0 "no reservation stays open"
host_stop

case_of "route_chat = alpha 90, beta 60, gamma 30"
like "$(chat "both")" "gamma says both" "where both fail the next one is asked"
is "$(asked both)" "alpha beta gamma" "each once"
like "$(why)" "alpha failed .*; asking gamma" "and the failure that counts is the first one's"
is "$(open_ones)" 0 "no reservation stays open"
host_stop

case_of "route_chat = alpha 90, beta 60"
like "$(chat "breaks")" "beta says breaks" "where the first one fails meanwhile the second one answers"
grep -q 'failed: .* provider_failed (transient), model "alpha"' "$TAP_DIR/log"
ok $? "and that the first one failed is kept"
host_stop

# The turn's time ends while both are waited for: that counts against each of them, as it does where one is asked.
rm -rf "$TAP_DIR/data"
config "hedge_share = 20" "route_chat = alpha 90, beta 60" "first_token_timeout = 4s" "alert_count = 1"
sed -i "s|^\[limits\]|[admission]\nfirst_text = 4s\n[limits]|" "$TAP_DIR/troupe.ini"
printf '[ops]\nlisten = 127.0.0.1:0\n' >>"$TAP_DIR/troupe.ini"
host_start
like "$(chat "nobody")" "nothing to show came in time" "a turn in which both kept silent says so"
is "$(asked nobody)" "alpha beta" "though both were asked"
for model in alpha beta; do
    grep -q "failed: llm.too_slow slow (transient), model \"$model\"" "$TAP_DIR/log"
    ok $? "that counts against $model"
    grep -q "the model \"$model\" at .* failed 1 times within 10 minutes in the same way (slow)" "$TAP_DIR/log"
    ok $? "and the owner is told"
done
port=$("$TROUPE" status --json -c "$TAP_DIR/troupe.ini" | python3 -c 'import json, sys; print(json.load(sys.stdin)["ops_port"])')
page=$(curl -s --noproxy '*' "http://127.0.0.1:$port/metrics")
like "$page" '^troupe_agent_llm_errors_total\{kind="slow"\} 2$' "metrics count both"
host_stop

rm -rf "$TAP_DIR/data"
config "hedge_share = 20" "route_chat = alpha 90, beta 60" "first_token_timeout = 2s"
printf '[budget]\ndaily = 0.005\n' >>"$TAP_DIR/troupe.ini"
host_start
chat "hangs dear" >"$TAP_DIR/dear"
like "$(why)" "beta was not asked: no money for it" "a hedge that the budget does not allow does not happen"
is "$(asked 'hangs dear')" "alpha" "nothing is sent"
is "$(open_ones)" 0 "and nothing stays open"
host_stop

case_of "model = alpha" "api_key = one" "api_key_alt = two"
like "$(chat "key")" "alpha says key" "where there is one model it is asked with its other key"
like "$(why)" "asking alpha with another key, too" "as troupe why tells"
host_stop

# ---- kill -9 between the hedge and the end: before anything was shown, and behind
crash()
{
    local talk

    case_of "route_chat = alpha 90, beta 60"
    chat "$1 please" >"$TAP_DIR/cut" &
    talk=$!
    until_true "$2" "$1"
    kill -9 "$HOST_PID"
    wait "$talk"
    wait "$HOST_PID" 2>/dev/null
    host_start
    chat "quiet now" >"$TAP_DIR/shown" # the console's turns go on when somebody is there
    until_true ended
    ok $? "the turn that was cut ends"
    chat "and then" >>"$TAP_DIR/shown"
}
both_asked() { [ "$(asked "$1")" = "alpha beta" ]; }
some_shown() { grep -q two "$TAP_DIR/cut"; }
ended() { answers 1 | grep -q " end: "; }
answers()
{
    "$TROUPE" why "$1" -c "$TAP_DIR/troupe.ini"
}

crash slowly both_asked
is "$(cat "$TAP_DIR/cut" "$TAP_DIR/shown" | grep -c 'says slowly')" 1 "and is answered once, where nothing had been shown"
like "$(answers 1)" "taken up again once" "after a restart between the hedge and the first token"
is "$(open_ones)" 0 "no reservation stays open"
host_stop
crash shown some_shown
unlike "$(answers 1)" "diverged" "where the second one's answer was cut the turn goes the same way"
like "$(answers 1)" "http.paid: canceled" "the first one is not asked again"
is "$(asked shown)" "alpha beta beta" "the second one is, as the console keeps nothing of what it showed"
is "$(cat "$TAP_DIR/cut" "$TAP_DIR/shown" | grep -c 'beta one two three four five six')" 1 "and its answer is shown whole, once"
is "$(open_ones)" 0 "no reservation stays open"
host_stop
tap_done
