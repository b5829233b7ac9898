#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Retry and Continue below an answer that a kill -9 cut: worth one answer, whatever is pressed again and
# whoever crashes in between.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start || exit 1
python3 - >"$TAP_DIR/script.json" <<'PY'
import json
words = " ".join("word%d" % i for i in range(400))
print(json.dumps({"rules": [
    {"match": "slowly", "times": 1, "answer": "{last} " + words, "delay_ms": 100},
    {"match": "slowly", "answer": "{last} at last"},
]}))
PY
fake_script "$TAP_DIR/script.json"
write_discord_config </dev/null

bot() { fake_discord_call "messages?channel=general" | fake_discord_get "$1"; }
buttons() { bot '[b["label"] for m in d if m["bot"] for row in m["components"] or [] for b in row["components"]]'; }
has() { [ "$(buttons)" = "$1" ]; }
answers() { bot 'len([m for m in d if m["bot"] and "at last" in m["content"]])'; }
answered() { [ "$(answers)" -ge "$1" ]; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
acknowledged() { [ "$(interaction callback)" != 0 ]; }
press() { fake_discord_call press "{\"member\": \"alice\", \"message\": \"$message\", \"custom_id\": \"$1\"}" >/dev/null; }
die() { kill -9 "$HOST_PID"; wait "$HOST_PID" 2>/dev/null; }
events() { python3 - "$TAP_DIR/data" <<'PY'
import glob, sqlite3, sys
path = glob.glob(sys.argv[1] + "/*.db")[0]
print(sqlite3.connect("file:%s?mode=ro" % path, uri=True).execute("SELECT count(*) FROM event").fetchone()[0])
PY
}

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
n=$(fake_discord_say general alice "{mention} slowly {token}")
growing() { bot '"\n".join(m["content"] for m in d if m["bot"])' | grep -q word3; }
until_true growing
ok $? "an answer grows"
die
host_start
fake_discord_wait connected 1
until_true has "['Continue', 'Retry']"
ok $? "which a kill -9 cut, and offers to go on"
message=$(bot '[m["id"] for m in d if m["components"]][0]')
retry=$(bot '[b["custom_id"] for m in d for row in m["components"] or [] for b in row["components"]][1]')
go_on=$(bot '[b["custom_id"] for m in d for row in m["components"] or [] for b in row["components"]][0]')

# The press is stored and its acknowledgement, which takes the buttons away, is lost with the host.
before=$(events)
fake_discord_call fault '{"on": "callback", "do": "hang"}' >/dev/null
press "$retry"
stored() { [ "$(events)" -gt "$before" ]; }
until_true stored
ok $? "a press is stored"
die
is "$(buttons)" "['Continue', 'Retry']" "before its buttons went"
host_start
fake_discord_wait connected 1
until_true answered 1
ok $? "and brings one answer after another kill -9"
press "$retry"
until_true acknowledged
is "$(interaction ephemeral)" True "what is pressed again says so"
like "$(interaction text)" "asked again already" "in words"
until_true has "[]"
ok $? "and its buttons go"
press "$go_on"
until_true acknowledged
like "$(interaction text)" "asked again already" "nor does the other one buy an answer"
fake_discord_wait answered 1 10000 500
is "$(answers)" 1 "there is one answer"
is "$(fake_discord_report callbacks_late)" 0 "no acknowledgement was late"
host_stop
is $? 0 "it stops well"
tap_done
