#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Files as arguments of functions: given with a slash command, named in a typed one, from the shell; what
# does not fit is refused with a sentence, and a command that was cut reads the same file again.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_discord_start || exit 1
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[limits]
messages = 0
[pipeline message]
stages = slash
[agent slash]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/slash.so
isolation = inprocess
[discord]
token = fake-token
api = $DISCORD_API
cdn = $DISCORD_URL
attachment_text = 4k
INI
sed -i 's/^stages = slash$/stages = actor/' "$TAP_DIR/troupe.ini"
cat >>"$TAP_DIR/troupe.ini" <<INI
[agent actor]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/actor.so
isolation = inprocess
INI
chmod 600 "$TAP_DIR/troupe.ini"
host_start || exit 1
fake_discord_wait connected 1

messages() { fake_discord_call "messages?channel=general"; }
shown() { messages | fake_discord_get '[m["content"] for m in d if m["bot"] and not m["deleted"]]' | grep -qF -- "$1"; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
told() { interaction text | grep -qE -- "$1"; }
buttons() { messages | fake_discord_get 'len([b for m in d for r in m["components"] for b in r["components"]])'; }
asked() { [ "$(buttons)" = 2 ]; }
use() { fake_discord_call slash "{\"name\": \"lines\", \"member\": \"alice\", \"channel\": \"general\", \"options\": $1}" >/dev/null; }
yes() { fake_discord_call press '{"member": "alice", "channel": "general", "index": 0}' >/dev/null; }

is "$(fake_discord_call commands | fake_discord_get '[[(o["name"], o["type"], o.get("required", False)) for o in c["options"]] for c in d if c["name"] == "lines"]')" \
    "[[('file', 11, True), ('other', 11, False)]]" "the command is registered with options of type attachment"

use '{"file": {"name": "poem.txt", "type": "text/plain", "text": "one\ntwo\nthree\n"}}'
until_true asked
ok $? "a function with a file asks for confirmation first"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
fake_discord_call fault '{"on": "attachment", "do": "status", "status": 404, "times": 0}' >/dev/null
host_start || exit 1
fake_discord_wait connected 1
yes
until_true shown "poem.txt has 3 lines"
ok $? "after kill -9 it reads what was fetched before"
fake_discord_call heal '{}' >/dev/null
use '{"file": {"name": "a.txt", "type": "text/plain", "text": "x\n"}, "other": {"name": "b.md", "text": "y"}}'
until_true asked
yes
until_true shown "a.txt has 1 lines, beside b.md"
ok $? "two files stand in the order of their options"
use '{"file": {"name": "long.txt", "type": "text/plain", "fill": 1000}}'
until_true told 'must be a text file of at most 900 bytes.*got .long.txt. of 1000 bytes'
ok $? "one that is larger than the function takes is refused with both sizes"
use '{"file": {"name": "cat.png", "type": "image/png", "hex": "89504e470d0a1a0a00"}}'
until_true told 'must be a text file'
ok $? "so is one of another kind"
use '{"file": {"name": "a.zip", "type": "application/zip", "text": "PK"}}'
until_true told 'a kind of file that I can.t read'
ok $? "and one that nobody can read"
use '{"file": {"name": "huge.txt", "type": "text/plain", "fill": 5000}}'
until_true told 'too large'
ok $? "and one that is larger than the configuration takes"
fake_discord_call fault '{"on": "attachment", "do": "status", "status": 404}' >/dev/null
use '{"file": {"name": "gone.txt", "type": "text/plain", "text": "x"}}'
until_true told 'could not fetch it'
ok $? "and one that cannot be fetched"

# ---- typed

python3 - "$TAP_DIR/say.json" <<'PY'
import json, sys
json.dump({"channel": "general", "member": "alice", "text": "{mention} /lines file=1",
           "files": [{"name": "typed.txt", "type": "text/plain", "text": "1\n2\n"}]}, open(sys.argv[1], "w"))
PY
fake_discord_call say "@$TAP_DIR/say.json" >/dev/null
until_true asked
yes
until_true shown "typed.txt has 2 lines"
ok $? "a typed command names an attached file by its number"
fake_discord_say general alice "{mention} /lines file=2" >/dev/null
until_true shown "names file 2, and 0 are attached"
ok $? "one that is not there is told"

# ---- from the shell

printf 'a\nb\nc\nd\n' >"$TAP_DIR/shell.txt"
is "$("$TROUPE" call lines "file=$TAP_DIR/shell.txt" -c "$TAP_DIR/troupe.ini" 2>&1)" "shell.txt has 4 lines" \
    "a call from the shell takes a path"
like "$("$TROUPE" call lines "file=$TAP_DIR/none.txt" -c "$TAP_DIR/troupe.ini" 2>&1)" \
    'none.txt" cannot be read: No such file' "one that is not there is named"
head -c 800000 /dev/zero | tr '\0' x >"$TAP_DIR/large.txt"
like "$("$TROUPE" call lines "file=$TAP_DIR/large.txt" -c "$TAP_DIR/troupe.ini" 2>&1)" \
    'larger than 716800 bytes' "so is one that is too large"
like "$("$TROUPE" functions -c "$TAP_DIR/troupe.ini" --json | tr -d ' \n')" \
    '"file":\{"type":"integer","description":"Whichone\(atextfileofatmost900bytes,byitsnumberamongtheattachedfiles,from1\)","minimum":1\}' \
    "a model is told to name an attached file"
unlike "$(cat "$TAP_DIR/log")" "attachments/" "no address of a file is in the log"
host_stop
is $? 0 "the host ends well"
tap_done
