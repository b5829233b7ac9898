#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Questions with buttons on Discord: who may press, what a press brings, and that each one is
# acknowledged in time, also across a kill -9 between question and press.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_discord_start || exit 1
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[pipeline message]
stages = asker
[agent asker]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/actor.so
isolation = inprocess
script = ask 600000 Shall I do it?
[discord]
token = fake-token
api = $DISCORD_API
INI
chmod 600 "$TAP_DIR/troupe.ini"

asked() { fake_discord_call "messages?channel=general" | grep -q "Shall I do it"; }
press() { fake_discord_call press "{\"member\": \"$1\", \"channel\": \"general\", \"index\": $2}" >"$TAP_DIR/pressed"; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
acknowledged() { [ "$(interaction callback)" != 0 ]; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
n=$(fake_discord_say general alice "{mention} please {token}")
until_true asked
ok $? "the question is asked"
buttons=$(fake_discord_call "messages?channel=general" |
    fake_discord_get '[b["label"] for m in d for row in m["components"] for b in row["components"]]')
is "$buttons" "['No', 'Yes']" "with its buttons"
id=$(fake_discord_call "messages?channel=general" |
    fake_discord_get '[b["custom_id"] for m in d for row in m["components"] for b in row["components"]][0]')
count_buttons() {
    fake_discord_call "messages?channel=general" |
        fake_discord_get 'sum(len(row["components"]) for m in d for row in m["components"] or [])'
}

press bob 1
until_true acknowledged
ok $? "a press by somebody else is acknowledged"
is "$(interaction ephemeral)" True "by a sentence for them alone"
is "$(interaction late)" 0 "in time"
is "$(fake_discord_report callbacks_repeated)" 0 "and once"
is "$(count_buttons)" 2 "and leaves the buttons"

kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
is $? 0 "the host starts after kill -9"
fake_discord_wait connected 1
press alice 1
until_true acknowledged
ok $? "the press of who was asked is acknowledged"
is "$(interaction callback)" 7 "by taking the buttons away"
is "$(count_buttons)" 0 "so that they are gone"
text() { fake_discord_call "messages?channel=general" | fake_discord_get '[m["content"] for m in d if "Shall" in m["content"]][-1]'; }
like "$(text)" "^Yes — chosen by <@[0-9]+>$" "and below the question stands who chose what"
is "$(text | wc -l)" 2 "in a line of its own"
said() { fake_discord_call "messages?channel=general" | fake_discord_get '[m["content"] for m in d if m["bot"]]' | grep -q "$1"; }
until_true said Yes
ok $? "the turn goes on with the answer, in another process"
message=$(fake_discord_call "messages?channel=general" | fake_discord_get '[m["id"] for m in d if "Shall" in m["content"]][0]')
fake_discord_call press "{\"member\": \"alice\", \"channel\": \"general\", \"message\": \"$message\", \"custom_id\": \"$id\"}" >"$TAP_DIR/pressed"
until_true acknowledged
is "$(interaction ephemeral)" True "a second press, of what a client still shows, gets a private note"
like "$(text)" "^Yes — chosen by <@[0-9]+>$" "and the line stays"

sed -i 's/ask 600000 Shall/ask 300 Shall/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
created=$(fake_discord_report created)
n=$(fake_discord_say general alice "{mention} please, soon {token}")
over() { text | grep -q "^nobody chose in time$"; }
until_true over
ok $? "a question that nobody answered says so"
is "$(count_buttons)" 0 "and has no buttons"
answered() { [ "$(fake_discord_report created)" -ge $((created + 2)) ]; }
until_true answered
is "$(fake_discord_report created)" $((created + 2)) "there is the question and the answer, and no other message"
pings=$(fake_discord_call "messages?channel=general" | fake_discord_get 'sum(m["pings"] for m in d if "Shall" in m["content"])')
is "$pings" 0 "nobody was pinged"
is "$(fake_discord_report callbacks_late)" 0 "no acknowledgement was late"
is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
host_stop
is $? 0 "the host ends with status 0"
tap_done
