#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Members show pictures on Discord: they reach a model that sees, byte for byte and in each of the three
# formats, and what cannot be looked at is told. A kill -9 in the middle pays nothing twice that was answered.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

# Pictures: a real one of 40 by 30 pixels, one with a side of 9,000, one of more bytes.
python3 - "$TAP_DIR" <<'PY'
import struct, sys, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def png(width, height, rows):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")

def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return value

small = png(40, 30, (b"\0" + bytes(range(120))) * 30)
for name, data in (("small", small), ("wide", png(9000, 1, b"")), ("large", png(100, 100, bytes(30100)))):
    open("%s/%s.hex" % (sys.argv[1], name), "w").write(data.hex())
open(sys.argv[1] + "/told", "w").write("image/png %d %016x" % (len(small), fnv(small)))
PY
TOLD=$(cat "$TAP_DIR/told")

# config LINES [AGENTS]: of [agent llm], beside its model for talks; and what goes for all agents. Nothing is summed
# up, which would be paid for, too.
config()
{
    write_discord_config <<INI
cdn = $DISCORD_URL
INI
    sed -i "s|^model = fake|&\nattempts = 1\nbase_url_2 = $FAKE_URL/v1\nformat_2 = anthropic\nbase_url_3 = $FAKE_URL/api\n${1//$'\n'/\\n}|" \
        "$TAP_DIR/troupe.ini"
    sed -i "s/^\[agent conversation\]/&\nsummary = no/" "$TAP_DIR/troupe.ini"
    [ -z "${2:-}" ] || sed -i "s/^\[agent \(llm\|conversation\)\]/&\n$2/" "$TAP_DIR/troupe.ini"
}

# show TEXT PICTURE…: alice, or who WHO names, writes in #general with pictures; prints the token's number
show()
{
    local text=$1 name list=
    shift
    for name in "$@"; do
        list="$list${list:+,}{\"name\":\"$name.png\",\"type\":\"image/png\",\"hex\":\"$(cat "$TAP_DIR/$name.hex")\"}"
    done
    printf '{"channel": "general", "member": "%s", "kind": "mention", "text": %s, "files": [%s]}' \
        "${WHO:-alice}" "$(json_text "$text")" "$list" >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" >"$TAP_DIR/said.json"
    fake_discord_get 'd["n"]' <"$TAP_DIR/said.json"
}
said_id() { fake_discord_get 'd["message"]' <"$TAP_DIR/said.json"; }
answered() { fake_discord_wait answered 1 30000 "${1:-300}"; }
last() { fake_discord_call "messages?channel=general" | fake_discord_get 'd[-1]["content"]'; }
why() { "$TROUPE" why "$1" -c "$TAP_DIR/troupe.ini"; }
# How many requests with a picture the fake LLM got
shown()
{
    curl -s --noproxy '*' "$FAKE_URL/_log" | fake_discord_get \
        'sum("iVBORw0KGgo" in json.dumps(r["body"]) for r in d)'
}
# The state of each reservation for an answer, a line each
ledger()
{
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for row in db.execute("SELECT state FROM budget_ledger WHERE what LIKE \"llm.chat %\" ORDER BY id"):
    print(row[0])' "$(find "$TAP_DIR/data" -name troupe.db)"
}

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [
  { "match": { "model": "blind", "pictures": 1 }, "fault": "status", "status": 400,
    "error": { "error": { "message": "this model does not support images" } } },
  { "match": { "contains": "pauses", "pictures": 0 }, "times": 1, "fault": "hang_before_headers" },
  { "match": { "contains": "hangs", "pictures": 1 }, "times": 1, "fault": "hang_before_headers" },
  { "match": { "pictures": 1 }, "answer": "{last} shows {pictures}" },
  { "match": { "pictures": 2 }, "answer": "{last} shows {pictures}" }
] }
JSON
fake_start --model fake --model eyes --model blind --script "$TAP_DIR/script.json" || exit 1
fake_discord_start || exit 1

# ---- answers that are kept: of the first messages of two members

echo "You are {{bot}}." >"$TAP_DIR/prompt.txt"
config 'route_vision = eyes'
sed -i "s|^\[agent conversation\]|&\ntemplate = $TAP_DIR/prompt.txt|" "$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts with a prompt that names nobody"
fake_discord_wait connected 1
before=$(shown)
show "{mention} what is it" small >/dev/null
answered
WHO=bob show "{mention} what is it" small >/dev/null
answered
like "$(last)" "I gave this answer before" "who asks the same about the same picture gets the same answer"
is $(($(shown) - before)) 1 "which was asked for once"
host_stop
is $? 0 "it stops well"

# ---- nobody sees

config ''
host_start
is $? 0 "the host starts without a model that sees"
before=$(shown)
n=$(show "{mention} what is this? {token}" small)
answered
text=$(fake_discord_text "$n")
like "$text" "No language model here can see pictures, so I answered without .small.png" \
    "the words are answered, and the member is told that nobody saw the picture"
like "$text" "small.png, which you cannot see" "and the model is"
unlike "$text" "Of your files I left out" "once"
is "$(shown)" "$before" "no model was shown it"
requests() { curl -s --noproxy '*' "$FAKE_URL/_log" | fake_discord_get 'len(d)'; }
asked=$(requests)
n=$(show "{mention} it pauses {token}" small)
pausing() { [ "$(requests)" -gt "$asked" ]; }
until_true pausing
ok $? "a model is being asked without the picture"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
is $? 0 "the host starts after kill -9 in the middle of it"
answered
like "$(fake_discord_text "$n")" "so I answered without .small.png" "it goes on without the picture, and says so"
show "{mention}" small >/dev/null
answered
like "$(last)" "I can.t look at .small.png.: no language model here can see pictures" \
    "a picture alone gets a sentence that names it"
like "$(why "$(said_id)")" "llm.cannot_see" "and a reason"
host_stop
is $? 0 "it stops well"

# ---- in all formats, in the host and in processes of their own

for isolation in inprocess process; do
    for way in eyes 2:eyes 3:eyes; do
        config "route_vision = $way" "isolation = $isolation"
        host_start
        is $? 0 "the host starts with route_vision = $way, $isolation"
        n=$(show "{mention} what is this? {token}" small)
        answered
        like "$(fake_discord_text "$n")" "shows $TOLD" "the model sees the picture"
        host_stop
        is $? 0 "it stops well"
    done
done

# ---- what cannot be looked at, and who cannot look

config $'route_vision = blind 90, eyes 60\npicture_bytes = 8k\npictures = 2'
host_start
is $? 0 "the host starts with a model that refuses pictures"
n=$(show "{mention} first {token}" small)
answered
like "$(fake_discord_text "$n")" "shows $TOLD" "another one answers"
like "$(why "$(said_id)")" "llm.fallback.*blind failed \(no_images\)" "which the trace says"
n=$(show "{mention} second {token}" small)
answered
like "$(why "$(said_id)")" "cannot see pictures" "from then on it is not asked"
n=$(show "{mention} both {token}" small small)
answered
like "$(fake_discord_text "$n")" "shows $TOLD, $TOLD" "two pictures are shown together"
show "{mention} look" small >/dev/null
answered
shown_in=$(said_id)
python3 -c 'import json, sys
print(json.dumps({"channel": "general", "member": "bob", "kind": "mention", "reply_to": sys.argv[1],
                  "text": "{mention} and what is that? {token}"}))' "$shown_in" >"$TAP_DIR/say.json"
n=$(fake_discord_call say "@$TAP_DIR/say.json" | fake_discord_get 'd["n"]')
answered
like "$(fake_discord_text "$n")" "shows $TOLD" "the picture of the message that is answered is shown, too"
before=$(shown)
show "{mention} wide" wide >/dev/null
answered
like "$(last)" "\"wide.png\" is too large" "one with too many pixels gets a sentence that names it"
show "{mention} large" large >/dev/null
answered
like "$(last)" "\"large.png\" is too large" "one with too many bytes, too"
show "{mention} many" small small small >/dev/null
answered
like "$(last)" "more pictures than may be looked at" "and so do too many"
is "$(shown)" "$before" "nobody was asked about them"
host_stop
is $? 0 "it stops well"

# ---- kill -9

config $'route_vision = eyes\nlocal = no\nprice_input = 1\nprice_output = 1\npicture_tokens = 1000'
sed -i 's/^model = fake/model = eyes/' "$TAP_DIR/troupe.ini" # whose price it is
host_start
is $? 0 "the host starts with prices"
paid=$(ledger | wc -l)
fake_discord_call fault '{"on": "create", "do": "hang"}' >/dev/null
before=$(shown) faults=$(fake_discord_report faults)
n=$(show "{mention} killed {token}" small)
sending() { [ "$(fake_discord_report faults)" -gt "$faults" ]; }
until_true sending
ok $? "an answer about a picture is being sent"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
fake_discord_call heal '{}' >/dev/null
host_start
is $? 0 "the host starts after kill -9"
answered 3000
like "$(fake_discord_text "$n")" "shows $TOLD" "the member gets the answer"
is $(($(shown) - before)) 1 "the model was asked once"
is "$(ledger | tail -n +$((paid + 1)) | tr '\n' ' ')" "settled " "and paid once"

before=$(shown)
n=$(show "{mention} hangs {token}" small)
asking() { [ "$(shown)" -gt "$before" ]; }
until_true asking
ok $? "a model is being shown a picture"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
is $? 0 "the host starts after kill -9 in the middle of it"
answered
like "$(fake_discord_text "$n")" "shows $TOLD" "it is shown the same picture again, of which nothing is lost"
is $(($(shown) - before)) 2 "once more, and not more often"
is "$(fake_discord_report lost)" 0 "nothing is lost"
is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
host_stop
is $? 0 "it stops well"
tap_done
