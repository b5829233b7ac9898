#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Files that agents attach to their answers: uploaded with the last message, described, there once through
# kill -9 in the middle of it, in the process and isolated; refused where the bot may attach none; told on
# the console.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_discord_start || exit 1

# config ISOLATION
config()
{
    cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[limits]
messages = 0
[pipeline message]
stages = attach
[agent attach]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/attach.so
isolation = $1
[discord]
token = fake-token
api = $DISCORD_API
INI
    chmod 600 "$TAP_DIR/troupe.ini"
}

# The bot's files behind the question of token $1, as "NAME:TYPE:ALT:BYTES:WHOLE …"
files_of()
{
    fake_discord_call "messages?channel=general" >"$TAP_DIR/messages.json"
    python3 - "$TAP_DIR/messages.json" "$1" "$DISCORD_URL" <<'PY'
import json, sys, urllib.request
urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
messages = json.load(open(sys.argv[1]))
first = next((i for i, m in enumerate(messages) if "tok-%s-" % sys.argv[2] in m["content"]
              and not m["bot"]), 0) if sys.argv[2] != "0" else 0
out = []
for m in messages[first:]:
    for a in m["attachments"] if m["bot"] and not m["deleted"] else []:
        data = urllib.request.urlopen(a["url"]).read()
        n = len(data)
        whole = all(data[i] == (i ^ i >> 8 ^ i >> 16) & 255 for i in range(0, n, 97)) and \
            data[-1] == ((n - 1) ^ (n - 1) >> 8 ^ (n - 1) >> 16) & 255
        out.append("%s:%s:%s:%d:%s" % (a["filename"], a["content_type"], a.get("description", ""),
                                       n, whole))
print(" ".join(out))
PY
}
has_file() { [ -n "$(files_of "$1")" ]; }
# rows that are kept of files
kept()
{
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT (SELECT count(*) FROM answer_file) + (SELECT count(*) FROM answer_file_part)").fetchone()[0])' \
        "$(find "$TAP_DIR/data" -name troupe.db)"
}
none_kept() { [ "$(kept)" = 0 ]; }
answered() { fake_discord_wait answered "${1:-1}"; }
whole()
{
    is "$(fake_discord_report lost)" 0 "nothing is lost"
    is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
}

for isolation in inprocess process; do
    config $isolation
    host_start
    is $? 0 "the host starts, the agent $isolation"
    fake_discord_wait connected 1
    n=$(fake_discord_say general alice \
        "{mention} file chart.png image/png 6000000 A chart, \"as told\";file b.txt text/plain 3;say here {token}")
    until_true has_file "$n"
    ok $? "an answer has files"
    is "$(files_of "$n")" \
        'chart.png:image/png:A chart, "as told":6000000:True b.txt:text/plain::3:True' \
        "their names, types, description and bytes are as the agent gave them"
    like "$(fake_discord_text "$n")" "^here tok-" "they stand with its text"
    n=$(fake_discord_say general alice "{mention} file alone.bin application/x-a.b+c 10 {token}")
    until_true has_file "$n"
    ok $? "a file alone is an answer"

    before=$(fake_discord_call "messages?channel=general" | fake_discord_get 'len([a for m in d for a in m["attachments"]])')
    fake_discord_call slash '{"name": "sketch", "options": {"what": "file drawn.png image/png 70000;say drawn {token}"}, "member": "alice", "channel": "general"}' >/dev/null
    more() { [ "$(fake_discord_call "messages?channel=general" | fake_discord_get 'len([a for m in d for a in m["attachments"]])')" -gt "$before" ]; }
    until_true more
    ok $? "so has the answer to a slash command"

    for what in lost_hang hang; do
        [ $isolation-$what = process-hang ] && continue # the same of the gateway
        fake_discord_call fault "{\"on\": \"create\", \"do\": \"$what\"}" >/dev/null
        before=$(fake_discord_report faults)
        n=$(fake_discord_say general bob "{mention} file once.bin a/b 5000000;say once {token}")
        uploading() { [ "$(fake_discord_report faults)" -gt "$before" ]; }
        until_true uploading
        ok $? "a file is being uploaded ($what)"
        kill -9 "$HOST_PID"
        wait "$HOST_PID" 2>/dev/null
        fake_discord_call heal '{}' >/dev/null
        host_start
        is $? 0 "the host starts after kill -9 in the middle of it"
        until_true has_file "$n"
        answered
        is "$(files_of "$n")" "once.bin:a/b::5000000:True" "the file is there once, and whole"
        whole
    done
    until_true none_kept
    ok $? "nothing of files that were sent is kept"
    host_stop
    is $? 0 "it stops well"
done
is "$(fake_discord_report mentions_absent)" 0 "every message forbids to ping, also with files"

# ---- where none may be attached

config inprocess
host_start
fake_discord_wait connected 1
fake_discord_call fault '{"on": "create", "do": "status", "status": 413, "code": 40005}' >/dev/null
n=$(fake_discord_say general bob "{mention} file big.bin a/b 2000;say anyway {token}")
said() { fake_discord_text "$n" | grep -q "$1"; }
until_true said '^anyway tok-'
ok $? "the text comes where a file is too large for the place"
like "$(fake_discord_call "messages?channel=general" | fake_discord_get 'd[-1]["content"]')" \
    'I may not attach files here, so this is missing: .big.bin. \(2.0 kB\)' "and says what is missing"
n=$(fake_discord_say general bob "{mention} file ../etc a/b 2000;say no {token}")
until_true said 'attach.name'
ok $? "a name that is a path is refused"
until_true none_kept
ok $? "nothing of either is kept"
whole
host_stop
is $? 0 "it stops well"

# ---- a console takes no files, and tells of them

like "$(chat 'file chart.png image/png 12345 what it shows;say look')" \
    '^look$' "the console shows the text"
like "$(chat 'file chart.png image/png 12345 what it shows;say look')" \
    '^\[file chart.png, 12.3 kB: what it shows\]$' "and the file's name, size and description"
is "$(kept)" 0 "nothing is kept of it"

# ---- a script of `troupe plugin test` expects one

cat >"$TAP_DIR/attach.test" <<'END'
stages: attach
alice: @bot file chart.png image/png 100;say look
bot: look
  [file chart.png]
alice: @bot file alone.png image/png 100
bot: [file alone.png]
END
cp "$TROUPE_BUILDDIR/tests/plugins_turn/.libs/attach.so" "$TAP_DIR/attach.so"
(cd "$TAP_DIR" && "$TROUPE_BUILDDIR/troupe-play" --troupe "$TROUPE" --libexec "$TROUPE_BUILDDIR" --quiet attach.so) >"$TAP_DIR/play" 2>&1
is $? 0 "a script expects files" || sed 's/^/# /' "$TAP_DIR/play"
sed -i 's/chart.png\]/other.png]/' "$TAP_DIR/attach.test"
(cd "$TAP_DIR" && "$TROUPE_BUILDDIR/troupe-play" --troupe "$TROUPE" --libexec "$TROUPE_BUILDDIR" --quiet attach.so) >"$TAP_DIR/play" 2>&1
isnt=$?
[ "$isnt" != 0 ] && grep -q "chart.png" "$TAP_DIR/play"
ok $? "and fails where another one comes"
tap_done
