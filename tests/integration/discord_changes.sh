#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Questions that their authors edit or delete on Discord: before the turn began, while it runs, after it
# ended, and while the host was down.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start || exit 1
python3 - >"$TAP_DIR/script.json" <<'PY'
import json
words = " ".join("word%d" % i for i in range(40))
print(json.dumps({"rules": [
    {"match": "slowly", "answer": "{last} " + words, "chunk_words": 1, "delay_ms": 100},
]}))
PY
fake_script "$TAP_DIR/script.json"
write_discord_config </dev/null

# ask TEXT: alice writes in #general; its answer is in $TAP_DIR/said.json; prints the token's number
ask()
{
    fake_discord_call say "{\"channel\": \"general\", \"member\": \"alice\", \"text\": \"$1\"}" >"$TAP_DIR/said.json"
    fake_discord_get 'd["n"]' <"$TAP_DIR/said.json"
}
said_id() { fake_discord_get 'd["message"]' <"$TAP_DIR/said.json"; }
answered() { fake_discord_wait answered 1 30000 "${1:-300}"; }
shown() { fake_discord_call "ledger?n=$1" | fake_discord_get 'd["created"]'; }
standing() { [ "$(fake_discord_call "ledger?n=$1" | fake_discord_get 'd["standing"]')" = "$2" ]; }
is_shown() { [ "$(shown "$1")" -ge 1 ]; }
why() { "$TROUPE" why "$1" -c "$TAP_DIR/troupe.ini"; }
ended() { why "$1" | grep -q "$2"; }
change() { fake_discord_call "$1" "$2" >/dev/null; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

# ---- deleted

n=$(ask "{mention} tell it slowly {token}")
id=$(said_id)
until_true is_shown "$n"
ok $? "an answer is being shown"
change remove "{\"message\": \"$id\"}"
until_true ended "$id" deleted
ok $? "its question is deleted, and the turn ends by that"
until_true standing "$n" 0
ok $? "what was shown of the answer goes"

ask "{mention} tell it slowly {token}" >/dev/null
first=$(said_id)
n=$(ask "{mention} deleted before its turn {token}")
id=$(said_id)
change remove "{\"message\": \"$id\"}"
until_true ended "$id" deleted
ok $? "a question that waits is canceled when it is deleted"
answered
is "$(shown "$n")" 0 "without a word"
until_true ended "$first" answered
ok $? "while the one before it is answered"

# ---- edited

ask "{mention} tell it slowly {token}" >/dev/null
n=$(ask "{mention} the old text {token}")
id=$(said_id)
change revise "{\"message\": \"$id\", \"text\": \"<@100000000000000001> the new text tok-$n-\"}"
answered
like "$(fake_discord_text "$n")" "the new text" "a question that waits is answered as it was edited"
like "$(why "$id")" "edited" "which the trace says"

n=$(ask "{mention} slowly as it was {token}")
id=$(said_id)
until_true is_shown "$n"
change revise "{\"message\": \"$id\", \"text\": \"<@100000000000000001> too late tok-$n-\"}"
answered
like "$(fake_discord_text "$n")" "as it was" "one whose turn runs is answered as it was"
change revise "{\"message\": \"$id\", \"text\": \"<@100000000000000001> much too late tok-$n-\"}"
ask "{mention} and a last one {token}" >/dev/null
answered
is "$(shown "$n")" 1 "an edit after the answer is no new question"

# ---- while the host was down

fake_discord_call set '{"stop_expected": false}' >/dev/null
host_stop
is $? 0 "it stops well"
n=$(ask "{mention} written and deleted {token}")
id=$(said_id)
change remove "{\"message\": \"$id\"}"
m=$(ask "{mention} still there {token}")
host_start
answered
like "$(fake_discord_text "$m")" "still there" "what was written while it was down is answered"
until_true ended "$id" deleted
ok $? "what was deleted meanwhile is not"
until_true standing "$n" 0
ok $? "and nothing of an answer stays"
is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
host_stop
is $? 0 "it stops well"
tap_done
