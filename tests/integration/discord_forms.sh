#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Questions with a form or a select: on Discord who may open and answer them, in time, across a kill -9
# between each step, and once; and the same on the console.
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
script = form 600000 Who are you?;pick 1 2 600000 Which of them?
[agent slash]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/slash.so
isolation = inprocess
[discord]
token = fake-token
api = $DISCORD_API
INI
chmod 600 "$TAP_DIR/troupe.ini"

messages() { fake_discord_call "messages?channel=general"; }
said() { messages | fake_discord_get '[m["content"] for m in d if m["bot"]]' | grep -q "$1"; }
components() { messages | fake_discord_get "[c$1 for m in d for row in m[\"components\"] for c in row[\"components\"]]"; }
press() { fake_discord_call press "{\"member\": \"$1\", \"channel\": \"general\", \"index\": 0${2:+, \"choice\": $2}}" >"$TAP_DIR/pressed"; }
submit() { fake_discord_call submit "{\"values\": $1}" >"$TAP_DIR/submitted"; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
acknowledged() { [ "$(interaction callback)" != 0 ]; }
killed()
{
    kill -9 "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null
    host_start
    is $? 0 "the host starts after kill -9 $1"
    fake_discord_wait connected 1
}

# ---- a form ------------------------------------------------------------------------------------

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
fake_discord_say general alice "{mention} please {token}" >/dev/null
until_true said "Who are you"
ok $? "the question is asked"
is "$(components '["label"]')" "['Tell me']" "with a button that opens its form"
press bob
until_true acknowledged
is "$(interaction callback) $(interaction ephemeral)" "4 True" "somebody else is told so, alone"

killed "before it was opened"
press alice
until_true acknowledged
is "$(interaction callback)" 9 "who was asked gets the form"
[ "$(interaction callback_ms | cut -d. -f1)" -lt 3000 ]
ok $? "within the 3 s of a first response"
is "$(interaction modal | python3 -c 'import ast, sys; m = ast.literal_eval(sys.stdin.read()); print(m["title"], [(c["label"], c["component"]["style"], c["component"]["required"], c["component"]["max_length"], c["component"].get("placeholder")) for c in m["components"]])')" \
    "Tell me [('Name', 1, True, 20, 'yours'), ('Reason', 2, False, 200, None)]" \
    "with its title and fields"
is "$(components '["label"]')" "['Tell me']" "closed again, it leaves the button"
press alice
until_true acknowledged
is "$(interaction callback)" 9 "which opens it once more"

killed "while it was open"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
is $? 0 "it is reloaded meanwhile"
submit '["a name of far more than twenty characters"]'
until_true acknowledged
is "$(interaction callback) $(interaction ephemeral)" "4 True" "what is too long is told, alone"
submit '["Alice", "I was\nasked"]'
until_true acknowledged
is "$(interaction type) $(interaction callback)" "5 7" "what was filled in is taken, and the button goes"
until_true said "Which of them"
ok $? "the turn goes on"
submit '["Mallory"]'
until_true acknowledged
is "$(interaction callback) $(interaction ephemeral)" "4 True" "a second one is told that it is over"

# ---- a select ----------------------------------------------------------------------------------

is "$(components '["type"]') $(components '["min_values"]') $(components '["max_values"]')" \
    "[3] [1] [2]" "the next question is a select"
is "$(messages | fake_discord_get '[(o["label"], o.get("description"), o.get("default", False)) for m in d for row in m["components"] for c in row["components"] for o in c["options"]]')" \
    "[('Red', 'like blood', False), ('Green', None, True), ('Blue', None, False)]" "of its options"
press bob '[1]'
until_true acknowledged
is "$(interaction callback) $(interaction ephemeral)" "4 True" "somebody else may not choose"
like "$("$TROUPE" why 1 -c "$TAP_DIR/troupe.ini" 2>&1)" "ask.select: begun" \
    "why tells what the turn waits for"
killed "before it was answered"
press alice '[2, 0]'
until_true acknowledged
is "$(interaction callback)" 7 "the choice of who was asked is taken"
until_true said "0,2"
ok $? "and reaches the turn, with what the form said before"
messages >"$TAP_DIR/messages"
like "$(fake_discord_get '[m["content"] for m in d if m["bot"]]' <"$TAP_DIR/messages")" \
    "Alice: I was.*asked" "which another process had stored"
# ---- below the answer to a command -------------------------------------------------------------

for command in wish wish_alone; do
    fake_discord_call slash "{\"name\": \"$command\", \"member\": \"bob\", \"channel\": \"general\"}" >"$TAP_DIR/used"
    shown() { [ "$(components '["label"]')" = "['A wish']" ]; }
    until_true shown
    ok $? "/$command asks"
    press bob
    until_true acknowledged
    is "$(interaction callback)" 9 "its button opens a form"
    submit "[\"peace, by $command\"]"
    until_true said "so be it: peace, by $command"
    ok $? "and what was filled in is answered"
done
is "$(messages | fake_discord_get '[m["ephemeral"] for m in d if m["bot"] and "so be it" in m["content"]]')" \
    "[False, True]" "alone where the command is"
is "$(fake_discord_report callbacks_late) $(fake_discord_report doubled) $(fake_discord_report pings)" \
    "0 0 0" "nothing was late, doubled, or notified anybody"
host_stop
is $? 0 "the host ends with status 0"

# ---- the console -------------------------------------------------------------------------------

sed -i '/^\[discord\]/,$d' "$TAP_DIR/troupe.ini"
printf '%s\n' 'please' '/press 1' '/close' '/press 1' 'Ann' '' '/press 1,3' |
    timeout 60 "$TROUPE" chat -c "$TAP_DIR/troupe.ini" \
        >"$TAP_DIR/chat" 2>"$TAP_DIR/chat_log"
like "$(cat "$TAP_DIR/chat")" "Who are you" "the console asks the same"
like "$(cat "$TAP_DIR/chat")" "closed; its button opens it again" "a form can be left"
like "$(cat "$TAP_DIR/chat")" "Name .1 to 20 characters. yours" "and is asked for field by field"
like "$(cat "$TAP_DIR/chat")" "Red - like blood" "a select is a list"
like "$(cat "$TAP_DIR/chat")" "\[Ann: \]\[0,2\]" "and both reach the turn"
tap_done
