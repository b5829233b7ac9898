#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The deadlines of a model's call, each by itself with all others far away: for the connection, and for the whole
# of one attempt. And those of a turn beside them: [admission] first_text leaves time for the next model.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [ { "match": "endless", "answer": "tick ", "answer_repeat": 2000, "chunk_words": 1, "delay_ms": 200 },
  { "match": { "contains": "hang", "model": "fake" }, "fault": "hang_before_headers" },
  { "match": { "model": "other" }, "answer": "other says {last}" } ] }
JSON
fake_start --model fake --model other --script "$TAP_DIR/script.json" || exit 1

# A port that takes no connection: as many wait there as may, and nobody accepts them.
python3 -c 'import socket, sys, time
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0)
waiting = [socket.socket() for _ in range(8)]
for one in waiting:
    one.setblocking(False)
    one.connect_ex(server.getsockname())
print(server.getsockname()[1], flush=True)
sys.stdin.read()' < <(tail -f /dev/null --pid=$$) >"$TAP_DIR/port" &
DEAF=$!
until_true test -s "$TAP_DIR/port"

# config URL LINE...
config()
{
    rm -rf "$TAP_DIR/data"
    write_config
    sed -i "s|^base_url = .*|base_url = $1|" "$TAP_DIR/troupe.ini"
    shift
    printf '%s\n' "$@" "attempts = 1" "cache = no" "local = no" "price_input = 1" "price_output = 2" \
        >"$TAP_DIR/lines"
    sed -i "/^\[agent llm\]/r $TAP_DIR/lines" "$TAP_DIR/troupe.ini"
}
states()
{
    python3 -c 'import sqlite3, sys
print(*[row[0] for row in sqlite3.connect(sys.argv[1]).execute("SELECT state FROM budget_ledger ORDER BY id")])' \
        "$(find "$TAP_DIR/data" -name troupe.db)"
}
asked() { curl -sf --noproxy '*' "$FAKE_URL/_log" | python3 -c '
import json, sys
print(sum("endless" in json.dumps(r.get("body", {})) for r in json.load(sys.stdin)))'; }

config "http://127.0.0.1:$(cat "$TAP_DIR/port")/v1" "connect_timeout = 500ms" \
    "first_token_timeout = 600s" "idle_timeout = 600s" "total_timeout = 600s"
host_start
is $? 0 "the host starts"
timeout 60 "$TROUPE" chat -c "$TAP_DIR/troupe.ini" <<<"hello" >"$TAP_DIR/shown" 2>>"$TAP_DIR/chat-log"
is $? 0 "without a connection a question ends long before its other deadlines"
like "$(cat "$TAP_DIR/shown")" "can't reach my language model" "the member reads that nobody is there"
is "$(states)" released "and nothing is booked, as nothing can have left"
host_stop

config "$FAKE_URL/v1" "connect_timeout = 60s" "first_token_timeout = 600s" "idle_timeout = 600s" \
    "total_timeout = 2s"
host_start
timeout 60 "$TROUPE" chat -c "$TAP_DIR/troupe.ini" <<<"endless" >"$TAP_DIR/shown" 2>>"$TAP_DIR/chat-log"
is $? 0 "an answer that goes on and on ends with its attempt"
like "$(cat "$TAP_DIR/shown")" "tick tick .*\(interrupted\)" "what had come stays, marked as cut"
like "$(cat "$TAP_DIR/shown")" "My answer broke off in the middle" "and the member reads why"
is "$(asked)" 1 "it was asked once"
is "$(states)" unknown "and paid for, not left open"
host_stop
kill "$DEAF" 2>/dev/null

# As by default, where first_text is four times first_token_timeout.
config "$FAKE_URL/v1" "first_token_timeout = 2s" "route_chat = fake 90, other 20" "cost_weight = 0"
sed -i "s|^local = no|local = yes|; s|^\[limits\]|[admission]\nfirst_text = 8s\n[limits]|" "$TAP_DIR/troupe.ini"
host_start
timeout 60 "$TROUPE" chat -c "$TAP_DIR/troupe.ini" <<<"hang" >"$TAP_DIR/shown" 2>>"$TAP_DIR/chat-log"
like "$(cat "$TAP_DIR/shown")" "other says hang" "a model that hangs is replaced by the next within first_text"
host_stop

# Where somebody has it the other way round, no other is asked, but it counts against the model.
config "$FAKE_URL/v1" "first_token_timeout = 4s" "route_chat = fake 90, other 20" "cost_weight = 0"
sed -i "s|^local = no|local = yes|; s|^\[limits\]|[admission]\nfirst_text = 3s\n[limits]|" "$TAP_DIR/troupe.ini"
host_start
timeout 60 "$TROUPE" chat -c "$TAP_DIR/troupe.ini" <<<"hang" >"$TAP_DIR/shown" 2>>"$TAP_DIR/chat-log"
like "$(cat "$TAP_DIR/shown")" "nothing to show came in time" "a turn whose time is over says so"
grep -q "failed: llm.too_slow slow (transient), model \"fake\"" "$TAP_DIR/log"
ok $? "and that the model kept silent counts against it"
host_stop

write_config
"$TROUPE" config --effective --json -c "$TAP_DIR/troupe.ini" | python3 -c '
import json, sys
config = json.load(sys.stdin)
first_text = config["admission"]["first_text"]["value"]
first_token = config["agent llm"]["first_token_timeout"]["value"]
sys.exit(0 if first_text > 2 * first_token else 1)'
ok $? "where nobody says anything two models may hang before the third is asked"
tap_done
