#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Encryption at rest: of a talk with messages, answers, files, reminders and questions no word stands in
# any file of the data directory, and the talk goes on after kill -9; without its key no host starts.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

CANARY=yellowbird4711
key() { python3 -c 'import os; print(os.urandom(32).hex())'; }
cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }
in_clear() { grep -rlaF -- "$CANARY" "$TAP_DIR/data"; }
messages() { fake_discord_call "messages?channel=general"; }
last() { messages | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]' | grep -qE -- "$1"; }
shown() { messages | grep -qF -- "$1"; }
slash()
{
    fake_discord_call slash "{\"name\": \"$2\", \"member\": \"$1\", \"channel\": \"general\", \"options\": ${3:-{\}}}" >/dev/null
}

fake_start --model fake || exit 1
fake_discord_start || exit 1
printf '{"rules": [{"match": "slowly", "answer": "alpha %s beta gamma delta epsilon zeta eta theta", "chunk_words": 1, "delay_ms": 150}]}' \
    "$CANARY" >"$TAP_DIR/slow.json"
fake_script "$TAP_DIR/slow.json"
config()
{
    write_discord_config <<INI
cdn = $DISCORD_URL
[store]
$1
[agent reminder]
[agent memory]
INI
    sed -i 's/^stages = conversation/stages = memory conversation/' "$TAP_DIR/troupe.ini"
}
key >"$TAP_DIR/key"
key >"$TAP_DIR/other"
chmod 600 "$TAP_DIR/key" "$TAP_DIR/other"
KEY="encrypt_key = \${file:$TAP_DIR/key}"

config 'encrypt_key = 0123'
like "$(cli check)" 'is not a key of 64 hexadecimal digits: make one with "openssl rand -hex 32"' \
    "a key that is none is refused with the remedy"
unlike "$(cli check)" "0123" "and not shown"
config "$KEY"
host_start
is $? 0 "the host starts with a key"
unlike "$(cli config)" "$(cat "$TAP_DIR/key")" "which its configuration does not show"
fake_discord_wait connected 1

# ---- a talk

fake_discord_say general bob "{mention} my $CANARY sings {token}" >/dev/null
fake_discord_wait answered 1 30000 300
python3 -c 'import json, sys
print(json.dumps({"channel": "general", "member": "bob", "kind": "mention", "text": "{mention} read this {token}",
                  "files": [{"name": sys.argv[1] + ".txt", "type": "text/plain", "text": "about " + sys.argv[1]}]}))' \
    "$CANARY" >"$TAP_DIR/say.json"
fake_discord_call say "@$TAP_DIR/say.json" >/dev/null
fake_discord_wait answered 1 30000 300
slash bob remind "{\"text\": \"feed $CANARY\", \"when\": \"in 3 days\"}"
until_true last "feed $CANARY"
is $? 0 "members talk of something, send it as a file, want to be reminded of it"
fake_discord_say general bob "{mention} remember that my cat is called $CANARY" >/dev/null
until_true last "I'll remember that: my cat is called $CANARY"
is $? 0 "the memory agent keeps it"
is "$(in_clear)" "" "no file of the data directory has it in clear"

# ---- and on, after kill -9 in the middle of an answer

fake_discord_say general bob "{mention} answer slowly about $CANARY {token}" >/dev/null
until_true shown "alpha $CANARY beta"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
is "$(in_clear)" "" "nor after kill -9 in the middle of an answer"
host_start
fake_discord_wait connected 1
fake_discord_wait answered 1 30000 300
is "$(fake_discord_report lost) $(fake_discord_report doubled)" "0 0" "each message is answered once through it"
fake_discord_say general bob "{mention} what did I say before? {token}" >/dev/null
fake_discord_wait answered 1 30000 300
curl -sf --noproxy '*' "$FAKE_URL/_log" >"$TAP_DIR/asked"
like "$(tail -c 4000 "$TAP_DIR/asked")" "$CANARY sings" "the talk is remembered"
BOB=$(fake_discord_call world | fake_discord_get '[m["id"] for m in d["members"] if m["name"] == "bob"][0]')
like "$(cli user export "$BOB")" "$CANARY sings" "an export is in clear, for whoever may ask for it"
like "$(cli why last)" "answered" "troupe why tells its path"
is "$(in_clear)" "" "and still nothing is in clear"

# ---- a backup

cli backup "$TAP_DIR/backup.tar" >/dev/null
is $? 0 "a backup is made"
is "$(grep -caF -- "$CANARY" "$TAP_DIR/backup.tar")" 0 "in which it is encrypted, too"
is "$(grep -caF -- "$(cat "$TAP_DIR/key")" "$TAP_DIR/backup.tar")" 0 "without the key"

# ---- without the key

host_stop
config ""
cli run >"$TAP_DIR/why"
is $? 78 "without its key the host does not start"
like "$(cat "$TAP_DIR/why")" "the database is encrypted, with the key whose id is [0-9a-f]{8}: give it as encrypt_key" \
    "and says the remedy"
config "encrypt_key = \${file:$TAP_DIR/other}"
cli run >"$TAP_DIR/why"
is $? 78 "nor with a wrong one"
like "$(cat "$TAP_DIR/why")" "add it to encrypt_old_keys" "with the remedy, too"

# ---- another key, and none

config "$KEY"
host_start
cli reseal >"$TAP_DIR/why"
is $? 75 "while a host runs nothing is encrypted anew"
host_stop
config "encrypt_key = \${file:$TAP_DIR/other}
encrypt_old_keys = \${file:$TAP_DIR/key}"
like "$(cli reseal)" "^[1-9][0-9]* values are encrypted with the key of today" "reseal encrypts with another key"
is "$(in_clear)" "" "nothing is in the clear meanwhile"
config "encrypt_key = \${file:$TAP_DIR/other}"
host_start
is $? 0 "the host starts without the old one"
like "$(cli user export "$BOB")" "$CANARY sings" "and reads what there is"
host_stop
config "encrypt_old_keys = \${file:$TAP_DIR/other}"
like "$(cli reseal)" "values are in the clear again" "encryption can be ended"
config ""
host_start
is $? 0 "and the host starts without a key"
like "$(cli user export "$BOB")" "$CANARY sings" "and reads all of it"
[ -n "$(in_clear)" ]
ok $? "now it is in the clear"
host_stop
config "$KEY"
host_start
fake_discord_wait connected 2
fake_discord_say general bob "{mention} once more of $CANARY {token}" >/dev/null
fake_discord_wait answered 1 30000 300
host_stop
cli reseal >/dev/null
is "$(in_clear)" "" "a database of before is encrypted by reseal, to the last page"

tap_done
