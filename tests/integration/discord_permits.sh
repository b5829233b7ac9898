#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Where the bot may not do what it wants on Discord: another way where there is one, else a sign on the
# question and the reason for who asks.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start --channels 3 --members 4 || exit 1
write_discord_config <<INI
auto_thread = yes
auto_thread_in = 300000000000000001
INI

permit() { fake_discord_call permit "$1" >/dev/null; }
# ask CHANNEL TEXT: prints the message's id
ask()
{
    python3 -c 'import json, sys
print(json.dumps({"channel": sys.argv[1], "member": "bob", "kind": "mention", "text": sys.argv[2]}))' \
        "$@" >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" | fake_discord_get 'd["message"]'
}
# messages CHANNEL EXPRESSION: of d, all of them
messages() { fake_discord_call "messages?channel=$1" | fake_discord_get "$2"; }
bots() { messages "$1" '[m for m in d if m["bot"]]' | grep -q "$2"; }
signs() { messages "$1" "[m['reactions'] for m in d if m['id'] == '$2'][0]"; }
signed() { [ "$(signs "$1" "$2")" = "['🔇']" ]; }
why() { "$TROUPE" why -c "$TAP_DIR/troupe.ini" "$1"; }
explained() { why "$1" 2>/dev/null | grep -q "$2"; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

permit '{"channel": "#0", "deny": ["READ_MESSAGE_HISTORY"]}'
ask general "{mention} one" >/dev/null
until_true bots "general" "You said: one"
ok $? "without the right to read the history an answer comes"
is "$(messages general '[m["reply_to"] for m in d if m["bot"]]')" "['0']" "which refers to nothing"
ask general "{mention}" >/dev/null
until_true bots general "without a question"
ok $? "so does a sentence"
ask general "{mention} /help" >/dev/null
until_true bots general "/why"
ok $? "and what the core answers by itself"
is "$(fake_discord_report pings)" 0 "which pings nobody"

permit '{"channel": "#1", "deny": ["SEND_MESSAGES_IN_THREADS"]}'
id=$(ask channel-1 "{mention} two")
until_true bots channel-1 "You said: two"
ok $? "where the bot may open a thread and not write in it, the answer stands below the question"
is "$(messages channel-1 '[m["reply_to"] for m in d if m["bot"]]')" "['$id']" "as a reply"

permit '{"channel": "#2", "deny": ["SEND_MESSAGES"]}'
id=$(ask channel-2 "{mention} three")
until_true signed channel-2 "$id"
ok $? "where it may not write, the question gets a sign"
until_true explained "$id" "message 1 of the answer is not there: .*Missing Permissions (code 50013)"
ok $? "and its trace the reason, with Discord's words"
empty=$(ask channel-2 "{mention}")
until_true signed channel-2 "$empty"
ok $? "so does a call without a question"
until_true explained "$empty" "refused, empty"
ok $? "which has a reason of its own"
status=$(ask channel-2 "{mention} /status")
until_true signed channel-2 "$status"
ok $? "and a command of the core's"
until_true explained "$status" "message 1 of the answer is not there: .*50013"
ok $? "although no turn was owed for it"

permit '{"channel": "#2", "deny": ["SEND_MESSAGES", "ADD_REACTIONS"]}'
id=$(ask channel-2 "{mention} four")
until_true explained "$id" "is not there: .*50013"
ok $? "where it may not react either, the reason is left"
is "$(signs channel-2 "$id")" "[]" "and nothing is shown"
permit '{"channel": "#2", "gone": true}'
id=$(ask channel-2 "{mention} five")
until_true explained "$id" "is not there: .*Unknown Channel"
ok $? "a channel that is gone is named, too"
permit '{"channel": "dm:bob", "deny": ["blocked"]}'
id=$(python3 -c 'import json; print(json.dumps({"member": "bob", "kind": "dm", "text": "six"}))' >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" | fake_discord_get 'd["message"]')
until_true explained "$id" "is not there: .*Cannot send messages to this user"
ok $? "and a member who takes nothing from the bot"
host_stop
is $? 0 "it stops well"
tap_done
