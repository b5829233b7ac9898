#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Buttons below answers on Discord: stop while one grows, once more, and a thumb up or down that is
# stored for each member.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start || exit 1
python3 - >"$TAP_DIR/script.json" <<'PY'
import json
words = " ".join("word%d" % i for i in range(400))
print(json.dumps({"rules": [
    {"match": "slowly", "answer": "{last} " + words, "chunk_words": 1, "delay_ms": 100},
]}))
PY
fake_script "$TAP_DIR/script.json"
write_discord_config <<INI
buttons = regenerate, rate, stop
INI

answered() { fake_discord_wait answered 1 30000 "${1:-300}"; }
labels()
{
    fake_discord_call "messages?channel=general" |
        fake_discord_get '[b["label"] for m in d if m["bot"] for row in m["components"] for b in row["components"]]'
}
has_labels() { [ "$(labels)" = "$1" ]; }
press() { fake_discord_call press "{\"member\": \"$1\", \"channel\": \"general\", \"index\": $2}" >"$TAP_DIR/pressed"; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
acknowledged() { [ "$(interaction callback)" != 0 ]; }
ratings()
{
    python3 - "$TAP_DIR/data" <<'PY'
import glob, sqlite3, sys
path = glob.glob(sys.argv[1] + "/*.db")[0]
rows = sqlite3.connect("file:%s?mode=ro" % path, uri=True).execute(
    "SELECT member, value FROM rating ORDER BY member").fetchall()
print(" ".join("%s:%d" % (m[-1], v) for m, v in rows))
PY
}

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
n=$(fake_discord_say general alice "{mention} hello {token}")
answered
until_true has_labels "['Regenerate', '👍', '👎']"
ok $? "an answer has its buttons"
press bob 1
until_true acknowledged
is "$(interaction ephemeral)" True "a thumb up is thanked for privately"
press alice 1
until_true acknowledged
press alice 2
until_true acknowledged
is "$(ratings)" "0:-1 1:1" "each member's last press is stored"
press bob 0
until_true acknowledged
is "$(interaction ephemeral)" True "nobody else has it answered once more"
before=$(fake_discord_report created)
press alice 0
until_true acknowledged
more() { [ "$(fake_discord_report created)" -gt "$before" ]; }
until_true more
ok $? "who asked gets another answer"

n=$(fake_discord_say general bob "{mention} /hello {token}")
answered
until_true sh -c "curl -sf --noproxy '*' '$DISCORD_URL/_fake/messages?channel=general' | grep -q 'Hello, bob'"
is "$(fake_discord_call "messages?channel=general" | fake_discord_get '[m for m in d if "Hello, bob" in m["content"]][0]["components"]')" "[]" \
    "a command's answer has none"

n=$(fake_discord_say general alice "{mention} tell it slowly {token}")
stoppable() { labels | grep -q "'Stop'"; }
until_true stoppable
ok $? "an answer that grows can be stopped"
press bob 0
until_true acknowledged
is "$(interaction ephemeral)" True "not by somebody else"
press alice 0
until_true acknowledged
interrupted() { fake_discord_call "messages?channel=general" | grep -q "slowly tok-$n-.*(interrupted)"; }
until_true interrupted
ok $? "by who asked it is"
unlike "$(labels)" "Stop" "and the button goes"
unlike "$(fake_discord_call "messages?channel=general")" "word399" "with the rest of the answer"
is "$(fake_discord_report callbacks_late)" 0 "no acknowledgement was late"
host_stop
is $? 0 "it stops well"
tap_done
