#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Messages of one member that come while the bot is at an earlier one: with [admission] merge one answer
# speaks to all of them, each has its row and reason, and a kill -9 loses none.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start || exit 1
python3 - >"$TAP_DIR/script.json" <<'PY'
import json
words = " ".join("word%d" % i for i in range(20))
print(json.dumps({"rules": [
    {"match": "slowly", "answer": "{last} " + words, "chunk_words": 1, "delay_ms": 100},
]}))
PY
fake_script "$TAP_DIR/script.json"
write_config
cat >>"$TAP_DIR/troupe.ini" <<INI
[admission]
merge = yes
[discord]
token = fake-token
api = $DISCORD_API
INI
chmod 600 "$TAP_DIR/troupe.ini"

# ask MEMBER TEXT: its answer is in $TAP_DIR/said.json; prints the token's number
ask()
{
    fake_discord_call say "{\"channel\": \"general\", \"member\": \"$1\", \"text\": \"$2\"}" >"$TAP_DIR/said.json"
    fake_discord_get 'd["n"]' <"$TAP_DIR/said.json"
}
said_id() { fake_discord_get 'd["message"]' <"$TAP_DIR/said.json"; }
says() { fake_discord_call "messages?channel=general" | fake_discord_get '"\n".join(m["content"].replace("\n", "|") for m in d if m["bot"])' | grep -q -- "$1"; }
is_shown() { [ "$(fake_discord_call "ledger?n=$1" | fake_discord_get 'd["created"]')" -ge 1 ]; }
why() { "$TROUPE" why "$1" -c "$TAP_DIR/troupe.ini"; }
queued() { why "$1" | grep -q "not ended yet"; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
n=$(ask alice "{mention} tell it slowly {token}")
until_true is_shown "$n"
a=$(ask alice "{mention} first {token}")
first=$(said_id)
b=$(ask alice "{mention} second {token}")
second=$(said_id)
c=$(ask alice "{mention} /hello {token}")
d=$(ask bob "{mention} by bob {token}")
until_true says "first tok-$a-|second tok-$b-"
ok $? "one answer speaks to both messages"
until_true is_shown "$c"
until_true is_shown "$d"
ok $? "a command and somebody else's message have their own"
like "$(why "$second")" "done, merged" "the later one has its reason"
like "$(why "$second")" "into turn" "and tells which turn has it"
like "$(why "$first")" "1 more messages of the member" "the first one says so, too"
is "$(fake_discord_call "ledger?n=$b" | fake_discord_get 'd["created"]')" 0 "it has no answer of its own"

n=$(ask alice "{mention} tell it slowly {token}")
until_true is_shown "$n"
a=$(ask alice "{mention} before the crash {token}")
first=$(said_id)
b=$(ask alice "{mention} and this {token}")
second=$(said_id)
until_true queued "$second"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
is $? 0 "the host starts after kill -9"
ended() { why "$1" | grep -q "done, "; }
until_true ended "$second"
ok $? "what waited is answered after it"
until_true says "and this tok-$b-"
ok $? "with its words"
is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
host_stop
is $? 0 "it stops well"
tap_done
