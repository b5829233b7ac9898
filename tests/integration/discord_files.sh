#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Files on Discord: what members attach is read, kept or named; what is too long for messages goes out
# as a file. Each message is answered once through a kill -9 in the middle of a fetch or an upload.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

config()
{
    write_discord_config <<INI
cdn = $DISCORD_URL
attachments = 3
attachment_text = 1k
attachment_inline = 512
$1
INI
}

# attach TEXT FILES: alice writes in #general with files (JSON list); prints the token's number
attach()
{
    printf '{"channel": "general", "member": "alice", "kind": "mention", "text": %s, "files": %s}' \
        "$(json_text "$1")" "$2" >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" >"$TAP_DIR/said.json"
    fake_discord_get 'd["n"]' <"$TAP_DIR/said.json"
}
said_id() { fake_discord_get 'd["message"]' <"$TAP_DIR/said.json"; }
answered() { fake_discord_wait answered 1 30000 "${1:-300}"; }
says() { fake_discord_text "$1" | grep -q -- "$2"; }
last() { fake_discord_call "messages?channel=general" | fake_discord_get "d[-1]$1"; }
why() { "$TROUPE" why "$1" -c "$TAP_DIR/troupe.ini"; }

fake_start --model fake || exit 1
fake_discord_start || exit 1
python3 - >"$TAP_DIR/script.json" <<'PY'
import json
code = "\n".join("int a_variable_with_a_long_name_of_line_%d = %d;" % (i, i) for i in range(120))
print(json.dumps({"rules": [
    {"match": "at length", "answer": "{last}\n```c\n" + code + "\n```\nThat is all.",
     "chunk_words": 40},
    {"match": "slowly", "answer": "{last}\n```c main.c\n" + code + "\n```\nThat is all.",
     "chunk_words": 40, "delay_ms": 150},
]}))
PY
fake_script "$TAP_DIR/script.json"
config
host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

# ---- in

n=$(attach "{mention} look at this {token}" \
    '[{"name": "notes.txt", "type": "text/plain", "text": "the secret word is plum"}]')
answered
text=$(fake_discord_text "$n")
like "$text" "the secret word is plum" "a text file is part of what is asked"
like "$text" "Attached file \"notes.txt\"" "with its name"
unlike "$text" "left out" "and nothing is said about it"

n=$(attach "{mention} long {token}" \
    '[{"name": "long.log", "type": "text/plain", "fill": 900},
      {"name": "huge.log", "type": "text/plain", "fill": 2000},
      {"name": "pack.zip", "type": "application/zip", "hex": "504b0304"},
      {"name": "fourth.txt", "type": "text/plain", "text": "too many"}]')
answered
text=$(fake_discord_text "$n")
like "$text" "first 512 of 900 bytes" "a long text is cut, which is said to whoever answers"
like "$text" "-# Of your files I left out" "the member reads what was not read"
like "$text" "\"long.log\" \(I read the beginning only\)" "in part"
like "$text" "\"huge.log\" \(too large\)" "by its size"
like "$text" "\"pack.zip\" \(a kind of file" "by its kind"
like "$text" "\"fourth.txt\" \(more files than" "and by their number"
is "$(fake_discord_report fetches)" 2 "nothing is fetched that is not read"

n=$(attach "{mention}" '[{"name": "cat.png", "type": "image/png", "hex": "89504e470d0a1a0a00"}]')
answered
like "$(last '["content"]')" "I can't look at \"cat.png\"" \
    "a message that is nothing but a picture gets a sentence that names it where nobody sees"
like "$(why "$(said_id)")" "llm.cannot_see" "and a reason"
is "$(fake_discord_report fetches)" 3 "it is fetched where an agent may look at it"

n=$(attach "{mention}" '[{"name": "pack.zip", "type": "application/zip", "hex": "504b0304"}]')
answered
like "$(last '["content"]')" "I can't work with what you attached: \"pack.zip\"" \
    "so does a message that is nothing but what nobody reads"
like "$(why "$(said_id)")" "files_unsupported" "with a reason"
is "$(fake_discord_report fetches)" 3 "which is not fetched"

n=$(attach "{mention} elsewhere {token}" \
    '[{"name": "a.txt", "type": "text/plain", "text": "x", "url": "http://127.0.0.1:9/a.txt"}]')
answered
like "$(fake_discord_text "$n")" "\"a.txt\" \(I could not fetch it\)" \
    "what is not at the CDN is not opened, and named"
fake_discord_call fault '{"on": "attachment", "do": "status", "status": 503}' >/dev/null
n=$(attach "{mention} flaky {token}" '[{"name": "f.txt", "type": "text/plain", "text": "at last"}]')
answered
is "$(fake_discord_report faults)" 1 "the CDN answers with an error"
like "$(fake_discord_text "$n")" "at last" "an error of the CDN is tried again"
fake_discord_call fault '{"on": "attachment", "do": "status", "status": 404, "times": 2}' >/dev/null
n=$(attach "{mention} gone {token}" '[{"name": "g.txt", "type": "text/plain", "text": "never"}]')
answered
like "$(fake_discord_text "$n")" "\"g.txt\" \(I could not fetch it\)" "what is gone is named"
fake_discord_call heal '{}' >/dev/null

fake_discord_call fault '{"on": "attachment", "do": "hang"}' >/dev/null
before=$(fake_discord_report fetches)
n=$(attach "{mention} killed {token}" '[{"name": "k.txt", "type": "text/plain", "text": "once only"}]')
fetching() { [ "$(fake_discord_report fetches)" -gt "$before" ]; }
until_true fetching
ok $? "a file is being fetched"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
is $? 0 "the host starts after kill -9 in the middle of it"
answered
like "$(fake_discord_text "$n")" "once only" "the message is answered with the file"
is "$(fake_discord_report lost)" 0 "nothing is lost"
is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
unlike "$(cat "$TAP_DIR/log")" "hm=secret|attachments/" "no address of a file is in the log"
host_stop
is $? 0 "it stops well"

# ---- out

# The files of the bot's messages behind the question of token $1, as "NAME:LINES …"
files_of()
{
    fake_discord_call "messages?channel=general" >"$TAP_DIR/messages.json"
    python3 - "$TAP_DIR/messages.json" "$1" "$DISCORD_URL" <<'PY'
import json, sys, urllib.request
urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
messages = json.load(open(sys.argv[1]))
first = next(i for i, m in enumerate(messages) if "tok-%s-" % sys.argv[2] in m["content"]
             and not m["bot"])
out = []
for m in messages[first + 1:]:
    for a in m["attachments"] if m["bot"] and not m["deleted"] else []:
        text = urllib.request.urlopen(a["url"]).read().decode()
        out.append("%s:%d:%d" % (a["filename"], text.count("\n"), "of_line_119 = 119;" in text))
print(" ".join(out))
PY
}
# What the bot's messages behind it say
texts_of()
{
    fake_discord_call "messages?channel=general" | fake_discord_get "\"\\n\".join(m[\"content\"] for m in
d[next(i for i, m in enumerate(d) if \"tok-$1-\" in m[\"content\"]):] if m[\"bot\"] and not m[\"deleted\"])"
}
has_file() { [ -n "$(files_of "$1")" ]; }

fake_discord_call set '{"stop_expected": false}' >/dev/null
host_start
is $? 0 "the host starts again"
n=$(fake_discord_say general bob "{mention} tell it at length {token}")
until_true has_file "$n"
is "$(files_of "$n")" "code-1.c:120:1" "a long block of code comes as one file with all of its lines"
answered
like "$(texts_of "$n")" "The code is in the file .code-1.c" "a line names the file"
like "$(texts_of "$n")" "That is all" "beside the rest of the answer"
unlike "$(texts_of "$n")" "of_line_119" "which does not have the code once more"
n=$(fake_discord_say general bob "{mention} tell it slowly {token}")
until_true has_file "$n"
is "$(files_of "$n")" "main.c:120:1" "a streamed one likewise, by the name that it was given"
answered
unlike "$(texts_of "$n")" "of_line_119" "and no message of the code stays"

for what in lost_hang hang; do
    fake_discord_call fault "{\"on\": \"create\", \"skip\": 1, \"do\": \"$what\"}" >/dev/null
    before=$(fake_discord_report faults)
    n=$(fake_discord_say general bob "{mention} tell it at length {token}")
    uploading() { [ "$(fake_discord_report faults)" -gt "$before" ]; }
    until_true uploading
    ok $? "a file is being uploaded ($what)"
    kill -9 "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null
    fake_discord_call heal '{}' >/dev/null
    host_start
    is $? 0 "the host starts after kill -9 in the middle of it"
    until_true has_file "$n"
    answered 3000
    is "$(files_of "$n")" "code-1.c:120:1" "the file is there once"
    is "$(fake_discord_report lost)" 0 "nothing is lost"
    is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
done
is "$(fake_discord_report mentions_absent)" 0 "every message forbids to ping, also with a file"

fake_discord_call fault '{"on": "create", "skip": 1, "do": "status", "status": 403, "code": 50013}' >/dev/null
n=$(fake_discord_say general bob "{mention} tell it at length {token}")
refused() { fake_discord_call "messages?channel=general" | grep -q "I may not attach files here"; }
until_true refused
ok $? "where no file may be attached the beginning comes as text, and why"
host_stop
is $? 0 "it stops well"

# ---- more than there is room for

config $'attachment_text = 32k\n[store]\nkeep_files = 64k'
sed -i '/^attachment_text = 1k$/d' "$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts with little room for files"
python3 -c 'import json
print(json.dumps([{"name": "f.txt", "type": "text/plain", "text": "x" * 30000}]))' >"$TAP_DIR/files.json"
for i in 1 2 3 4 5; do
    n=$(attach "{mention} file $i {token}" "$(cat "$TAP_DIR/files.json")")
    answered
    ok $? "a message with file $i is answered"
done
says "$n" "file 5"
ok $? "in its own words"
like "$(fake_discord_text "$n")" 'Attached file "f.txt"' "the last one's file was read"
host_stop
is $? 0 "it stops well"
kept=$(python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT sum(length(data)) FROM event_file").fetchone()[0])' "$(find "$TAP_DIR" -name troupe.db)")
ok "$([ "$kept" -ge 30000 ] && [ "$kept" -le 65536 ]; echo $?)" "what is kept stays below the limit ($kept)"

# ---- a plugin that looks

sed -e 's/^stages = .*/stages = viewer/' "$TAP_DIR/troupe.ini" >"$TAP_DIR/viewer.ini"
cat >>"$TAP_DIR/viewer.ini" <<INI
[agent viewer]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/viewer.so
isolation = inprocess
INI
cp "$TAP_DIR/viewer.ini" "$TAP_DIR/troupe.ini"
chmod 600 "$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts with a plugin that looks at files"
n=$(attach "{mention} see {token}" \
    '[{"name": "cat.png", "type": "image/png", "hex": "89504e470d0a1a0a00"},
      {"name": "not.png", "type": "image/png", "text": "no picture"},
      {"name": "t.txt", "type": "text/plain", "text": "hello"}]')
saw() { fake_discord_call "messages?channel=general" | grep -q "saw 2 cat.png"; }
until_true saw
ok $? "a picture is there for the plugin"
like "$(last '["content"]')" "2 cat.png 9 read 0 first 89" "with its bytes"
like "$(last '["content"]')" "0 not.png 0 read -[0-9]+ first 00" "what is none is not"
like "$(last '["content"]')" "1 t.txt 5 read 0 first 68" "texts are, too"
unlike "$(last '["content"]')" "cat.png\" \(" "a picture that was looked at is not named as left out"
host_stop
is $? 0 "it stops well"
tap_done
