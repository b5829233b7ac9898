#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Slash commands on Discord: registered once and only what changed, acknowledged in time, answered
# once through their interaction, errors for the caller alone, and what becomes of an answer whose
# interaction is over or whose host was killed.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

GUILD=200000000000000000

# configure ACTORS [LINE…]: a host with agents of the test plugin; lines go into [discord]
configure()
{
    local actors=$1 name
    shift
    cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[pipeline message]
stages = $actors
INI
    for name in $actors; do
        cat >>"$TAP_DIR/troupe.ini" <<INI
[agent $name]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/actor.so
isolation = inprocess
INI
    done
    printf '%s\n' "[agent slash]" "plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/slash.so" \
        "isolation = inprocess" >>"$TAP_DIR/troupe.ini"
    printf '%s\n' "[discord]" "token = fake-token" "api = $DISCORD_API" "$@" >>"$TAP_DIR/troupe.ini"
    chmod 600 "$TAP_DIR/troupe.ini"
}

reload() { "$TROUPE" reload -c "$TAP_DIR/troupe.ini" >"$TAP_DIR/reload" 2>&1; }
field() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | fake_discord_get "d[\"discord\"]$1"; }
names() { fake_discord_call "commands${1:+?guild=$1}" | fake_discord_get 'sorted(c["name"] for c in d)'; }
command() { fake_discord_call "commands" | fake_discord_get "next(c for c in d if c['name'] == '$1')$2"; }
slash() { fake_discord_call slash "$1" >/dev/null; }
last() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
says() { last text | grep -qE -- "$1"; }
messages() { fake_discord_call "messages?channel=general" | fake_discord_get "$1"; }
public() { messages '[m["content"] for m in d if m["bot"] and not m["deleted"] and not m["ephemeral"]]'; }
shown() { public | grep -qE -- "$1"; }
shown_help() { fake_discord_call "messages?channel=general" | grep -q 'on a message, Apps > Quote this, please'; }
registered() { [ "$(field '["commands"]["registered"]')" -gt 0 ]; }
overwrites() { [ "$(fake_discord_report commands_put)" -ge "$1" ]; }

fake_discord_start || exit 1
configure actor
host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

# ---- registering ------------------------------------------------------------------------------

until_true registered
ok $? "commands are registered at the start"
like "$(names)" "'echo', 'help', .*'whisper', 'why'" "those of agents and the core's own"
is "$(command echo '["options"][0]["type"]')" 3 "with their parameters"
is "$(command echo '["options"][0].get("required", False)')" True "and what must be given"
is "$(command deep '["options"][0]["min_value"]')" 0 "and their ranges"
is "$(command shutdown '["default_member_permissions"]')" 0 "the owner's are not offered to members"
is "$(command echo '["contexts"]')" "[0, 1]" "what everybody may use is offered in direct messages, too"
is "$(fake_discord_report commands_put)" 1 "by one overwrite"
reload
is $? 0 "a reload that changes nothing"
host_stop
host_start
until_true registered
ok $? "and a restart"
is "$(fake_discord_report commands_put)" 1 "register nothing again"
configure "actor second third fourth fifth sixth"
reload
until_true overwrites 2
ok $? "a reload that changes the functions overwrites them"
like "$(names)" "'actor-echo'.*'second-echo'" "names that two agents have are told apart"
slash '{"name": "help", "member": "alice", "channel": "general"}'
followed() { [ "$(last followups)" -ge 1 ] && says '^I am'; }
until_true followed
ok $? "a list that is longer than a message comes in order"
configure actor "commands = off"
reload
is "$(fake_discord_report commands_put)" 2 "commands = off leaves them alone"
configure actor "commands = guild" "commands_guild = 999"
reload
refused() { field '["commands"]["why"]' | grep -q "commands_guild"; }
until_true refused
ok $? "a server that the bot is not in is named with the remedy"
configure actor "commands = guild" "commands_guild = $GUILD"
reload
until_true overwrites 3
like "$(names $GUILD)" "'echo'" "commands = guild registers for one server"
until_true overwrites 4
is "$(names)" "[]" "and no longer for all, who would see them twice"
is "$(fake_discord_report commands_refused)" 0 "no list was refused"
configure actor
reload
until_true overwrites 6
is "$(names $GUILD)" "[]" "so it is on the way back"

# ---- answering --------------------------------------------------------------------------------

slash '{"name": "echo", "options": {"text": "hello {token}"}, "member": "alice", "channel": "general"}'
until_true says '^hello tok-'
ok $? "a command is answered"
is "$(last callback)" 5 "after a deferred response"
is "$(last ephemeral)" False "for everybody"
is "$(last late)" 0 "in time"
is "$(fake_discord_report typings)" 0 "without typing"
slash '{"name": "sum", "options": {"a": 2, "b": 40}, "member": "bob", "channel": "general"}'
until_true says 42
ok $? "numbers reach the function as numbers"
slash '{"name": "whisper", "member": "alice", "channel": "general"}'
until_true says .
is "$(last ephemeral)" True "a private function answers its caller alone"
slash '{"name": "status", "member": "alice", "channel": "general"}'
until_true says 'turns run'
ok $? "the core's own commands answer"
slash '{"name": "help", "options": {"command": "echo"}, "member": "alice", "channel": "dm:alice"}'
until_true says 'Says it again'
ok $? "also in direct messages, with their options"

slash '{"name": "point", "member": "alice", "channel": "general", "options": [
    {"name": "member", "type": 6, "value": "400000000000000001"},
    {"name": "channel", "type": 7, "value": "300000000000000000"},
    {"name": "role", "type": 8, "value": "600000000000000000"}]}'
until_true says 'member 400000000000000001 channel 300000000000000000 role 600000000000000000'
ok $? "members, channels and roles reach it as ids"

is "$(command 'Quote this, please' '["type"]') $(command 'Look at' '["type"]') $(command look_at '["type"]')" \
    "3 2 1" "what is on menus is registered as such, by its name there"
message=$(fake_discord_call "messages?channel=general" | fake_discord_get '[m["id"] for m in d if m["bot"]][0]')
said=$(fake_discord_call "messages?channel=general" | fake_discord_get '[m["content"] for m in d if m["bot"]][0]')
fake_discord_call menu "{\"name\": \"Quote this, please\", \"message\": \"$message\", \"member\": \"alice\", \"channel\": \"general\"}" >/dev/null
until_true says "wrote in $message: ${said%% *}"
ok $? "a message's menu gives the function the message's id and text"
fake_discord_call menu '{"name": "Look at", "whom": "bob", "member": "alice", "channel": "general"}' >/dev/null
until_true says '^looked at 400000000000000001 1 times'
ok $? "a member's menu gives it the member"
is "$(last ephemeral)" True "and is private where the function is"
slash '{"name": "quote", "options": {"text": "x"}, "member": "alice", "channel": "general"}'
until_true says 'must be|missing|no command'
ok $? "what is only in a menu is no command that can be typed"
slash '{"name": "help", "member": "bob", "channel": "general"}'
until_true shown_help
ok $? "help tells of menus"
slash '{"name": "help", "options": {"command": "quote"}, "member": "bob", "channel": "general"}'
until_true says 'In the menu of a message: Quote this, please'
ok $? "and what an entry is for"
like "$("$TROUPE" functions -c "$TAP_DIR/troupe.ini" | grep slash.quote)" "Quote this, please" \
    "troupe functions lists it, too"

# lines: how many of /recite's lines stand in the channel; those that the given kind of message has
lines() { messages "sum(m[\"content\"].count(\"stands here\") for m in d if m[\"ephemeral\"] == $1)"; }
recited() { [ "$(lines "$1")" = "$2" ]; }
slash '{"name": "recite", "options": {"lines": 100}, "member": "alice", "channel": "general"}'
until_true recited False 100
ok $? "a long answer goes on in followups"
slash '{"name": "confide", "options": {"lines": 100}, "member": "alice", "channel": "general"}'
until_true recited True 100
ok $? "which are private where the answer is"
is "$(lines False)" 100 "all of them"
fake_discord_call fault '{"on": "webhook_create", "do": "lost", "times": 1}' >/dev/null
slash '{"name": "recite", "options": {"lines": 100}, "member": "alice", "channel": "general"}'
until_true recited False 200
ok $? "a followup whose end nobody knows"
found() { [ "$(field '["outbox"]["found"]')" -ge 1 ]; }
until_true found
ok $? "is found in the channel"
is "$(lines False)" 200 "and not repeated"

slash '{"name": "choose", "member": "alice", "channel": "general"}'
until_true says 'Which one'
ok $? "a command may ask back"
is "$(last followups)" 0 "in its deferred response"
fake_discord_call press '{"member": "alice", "channel": "general", "index": 1}' >/dev/null
until_true shown 'right it is'
ok $? "and goes on with the press"
like "$(public)" 'Which one' "below its question"

# ---- errors -----------------------------------------------------------------------------------

private() { messages '[m["content"] for m in d if m["bot"] and not m["deleted"] and m["ephemeral"]]'; }
told() { private | grep -qE -- "$1"; }
slash '{"name": "deep", "options": {"n": -1}, "member": "alice", "channel": "general"}'
until_true told 'must be'
ok $? "a wrong value is told to the caller alone"
unlike "$(public)" "must be" "and to nobody else"
is "$(fake_discord_report followups_edited)" 0 "not by the followup that Discord would show to all"
slash '{"name": "shutdown", "member": "bob", "channel": "general"}'
until_true told 'owner only'
ok $? "so is a missing right"
slash '{"name": "broken", "member": "bob", "channel": "general"}'
until_true told 'broken|own words|fail'
ok $? "and a failure"
slash '{"name": "gone", "member": "bob", "channel": "general"}'
until_true says 'no command'
ok $? "a command that is no more is answered"
is "$(last ephemeral)" True "privately"
is "$(fake_discord_report mentions_absent)" 0 "every message and edit says whom it may ping"
is "$(fake_discord_report pings)" 0 "which is nobody"

# ---- choices ----------------------------------------------------------------------------------

fake_discord_call complete '{"name": "echo", "option": "text", "value": "a", "channel": "general"}' >/dev/null
completed() { [ "$(last callback)" = 8 ]; }
until_true completed
ok $? "an option that is being typed is answered at once"
is "$(last choices)" "[]" "with no choices where none are declared"
is "$(command pick '["options"][0]["autocomplete"]')" True "more choices than are shown are completed"
fake_discord_call complete '{"name": "pick", "option": "town", "value": "b", "channel": "general"}' >/dev/null
towns() { fake_discord_call interactions | fake_discord_get '[c["value"] for c in d[-1]["choices"] or []]'; }
offered() { [ "$(towns)" = "['Berlin', 'Bielefeld', 'Bochum', 'Bonn', 'Braunschweig', 'Bremen']" ]; }
until_true offered
ok $? "by what was typed, whatever its case"
slash '{"name": "pick", "options": {"town": "Bonn"}, "member": "alice", "channel": "general"}'
until_true says 'off to Bonn'
ok $? "and what was chosen reaches the function"

# ---- an answer that may have been shown --------------------------------------------------------

unknown() { [ "$(field '["outbox"]["unknown"]')" = "$1" ]; }
followups=$(fake_discord_report followups)
fake_discord_call fault '{"on": "webhook_create", "do": "lost", "times": 1}' >/dev/null
slash '{"name": "shutdown", "member": "bob", "channel": "general"}'
until_true unknown 1
ok $? "a private followup whose end nobody knows is counted as unknown"
is "$(fake_discord_report followups)" "$((followups + 1))" "and not repeated"
fake_discord_call fault '{"on": "webhook_edit", "do": "lost", "times": 1}' >/dev/null
slash '{"name": "echo", "options": {"text": "said once {token}"}, "member": "alice", "channel": "general"}'
until_true says 'said once'
is "$(fake_discord_report doubled)" 0 "an edit of the deferred response may be repeated"
is "$(fake_discord_report lost)" 0 "nothing is lost so far"

# ---- an interaction that is over --------------------------------------------------------------

fake_discord_call set '{"callback_ms": 0}' >/dev/null
slash '{"name": "echo", "options": {"text": "too late {token}"}, "member": "alice", "channel": "general"}'
until_true shown '<@400000000000000000> /echo: too late tok-'
ok $? "where the first response missed its time, the answer stands in the channel, with the name"
slash '{"name": "whisper", "member": "alice", "channel": "general"}'
until_true shown "<@400000000000000000> my answer to /whisper can't be shown any more"
ok $? "a private one is not shown there"
unlike "$(public)" "between us" "and nothing of it is"
is "$(fake_discord_report pings)" 0 "the name pings nobody"
fake_discord_call set '{"callback_ms": 3000}' >/dev/null
slash '{"name": "nap", "options": {"ms": 1000}, "member": "bob", "channel": "general"}'
deferred() { [ "$(last callback)" = 5 ]; }
until_true deferred
fake_discord_call set '{"token_ms": 0}' >/dev/null
until_true shown '<@400000000000000001> /nap: '
ok $? "where the token has ended meanwhile, too"
fake_discord_call set '{"token_ms": 900000}' >/dev/null
fake_discord_call reset >/dev/null # what stands in the channel is no answer that the ledger can tell

# ---- kill -9 ----------------------------------------------------------------------------------

slash '{"name": "nap", "options": {"ms": 2000}, "member": "alice", "channel": "general"}'
until_true deferred
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
is "$(last text)" "" "a host is killed between acknowledgement and answer"
host_start
until_true says .
ok $? "the next one answers"
is "$(last repeated)" 0 "without acknowledging again"
is "$(last followups)" 0 "in the deferred response"

slash '{"name": "wipe", "options": {"what": "the log"}, "member": "alice", "channel": "general"}'
until_true says 'Really do "wipe"'
ok $? "what needs a confirmation asks for it"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
fake_discord_call press '{"member": "alice", "channel": "general", "index": 0}' >/dev/null
until_true shown 'wiped "the log" of 7 days'
ok $? "and is done once it was given, also after a crash"
is "$(public | grep -o "wiped \"the" | wc -l)" 1 "once"
fake_discord_call fault '{"on": "webhook_edit", "do": "hang", "times": 0}' >/dev/null
slash '{"name": "echo", "options": {"text": "after all {token}"}, "member": "bob", "channel": "general"}'
faults() { [ "$(fake_discord_report faults)" -ge 1 ]; }
until_true faults
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
fake_discord_call heal >/dev/null
host_start
until_true says '^after all'
ok $? "an answer that was stored and had not arrived is given by the next one"
is "$(fake_discord_report callbacks_repeated)" 0 "no interaction was acknowledged twice so far"

# Commands in a row, and a kill at whatever they have come to.
for round in 1 2 3 4; do
    for n in 1 2 3 4 5 6 7 8; do
        slash '{"name": "echo", "options": {"text": "in a row {token}"}, "member": "#'$n'", "channel": "general"}'
    done
    kill -9 "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null
    host_start || break
done
none_lost() { [ "$(fake_discord_report lost)" = 0 ]; }
until_true none_lost
ok $? "through four more crashes every command is answered"
fake_discord_wait quiet 1 30000 500
is "$(fake_discord_report doubled)" 0 "and none twice"
unlike "$(cat "$TAP_DIR/log")" "itoken-" "no token is in any line of the log"
host_stop
is $? 0 "it stops well"
tap_done
