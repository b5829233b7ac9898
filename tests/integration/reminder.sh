#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Reminders on Discord: planned by command and in plain words, due once with a ping for their member
# alone, also through kill -9, a stop and a reload.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_discord_start || exit 1
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[pipeline message]
stages = reminder
[agent reminder]
time_zone = Europe/Berlin
[discord]
token = fake-token
api = $DISCORD_API
INI
chmod 600 "$TAP_DIR/troupe.ini"

ALICE=400000000000000000
answered() { fake_discord_wait answered 1 30000 300; }
messages() { fake_discord_call "messages?channel=${1:-general}"; }
# said TEXT [CHANNEL]: how many messages of the bot say this
said() { messages "${2:-general}" | fake_discord_get "sum('''$1''' in m[\"content\"] and m[\"bot\"] for m in d)"; }
is_said() { [ "$(said "$1" "${2:-general}")" = 1 ]; }
# ask TEXT [CHANNEL] [KIND]: the answer
ask()
{
    local n

    n=$(fake_discord_say "${2:-general}" alice "$1" "${3:-mention}") && answered && fake_discord_text "$n"
}

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
ok $? "and is on Discord"

# ---- planning

like "$(ask '{mention} remind me in 2 seconds to drink tea')" \
    "I'll remind you on .* .Europe/Berlin.: drink tea$" "plain words plan a reminder, and it is confirmed"
until_true is_said "<@$ALICE> reminder: drink tea"
ok $? "it comes when it is due"
is "$(messages | fake_discord_get 'd[-1]["reply_to"]')" 0 "and answers no message"
is "$(fake_discord_report pings)" 1 "it pings its member, and nobody else is"

like "$(ask '{mention} /remind when="every weekday at 9" text="stand up <@400000000000000001>"')" \
    "every weekday at 09:00, first on .* at 09:00 .Europe/Berlin.: stand up" "a command plans a recurring one"
like "$(ask '{mention} erinnere mich morgen um 9 daran, den Müll rauszubringen')" \
    "at 09:00 .Europe/Berlin.: den Müll rauszubringen" "German is understood"
list=$(fake_discord_say general alice "{mention} /reminders" >/dev/null; answered
    messages | fake_discord_get 'd[-1]["content"]')
like "$list" "every weekday at 09:00 .next .*: stand up" "they are listed"
number=$(sed -n 's/^\([0-9]*\): every weekday.*/\1/p' <<<"$list")
fake_discord_say general bob "{mention} /forget-reminder $number" >/dev/null
answered
is "$(said "You have no reminder $number here")" 1 "nobody else can take it back"
fake_discord_say general alice "{mention} /forget-reminder $number" >/dev/null
answered
is "$(said "Reminder $number is taken back")" 1 "who planned it can"

like "$(ask '{mention} remind me some day to rest')" "in 20 minutes.*every weekday at 9" \
    "what is not understood is answered with examples"
like "$(ask '{mention} remind me yesterday at 9')" "over already" "and so is a time that is over"
like "$(ask '{mention} remind me today at 00:00 to rest')" "over already" "whatever the day"
like "$(ask '{mention} /reminder-zone zone=Mars/Olympus')" "." "a zone that is none is refused"
fake_discord_say general alice "{mention} /reminder-zone zone=Asia/Kathmandu" >/dev/null
answered
is "$(said "in the time zone Asia/Kathmandu")" 1 "a member has a time zone of his own"
like "$(ask '{mention} remind me tomorrow at 9 to sleep')" "at 09:00 .Asia/Kathmandu." "which counts for what he plans"
like "$(ask 'remind me in 2 seconds to write' dm:alice dm)" "I'll remind you on" "a direct message plans, too"
until_true is_said "Reminder: write" dm:alice
ok $? "and is where it comes"

# ---- restarts

ask '{mention} remind me in 5 seconds to survive' >/dev/null
over=$(($(date +%s) + 5))
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
past() { [ "$(date +%s)" -gt "$1" ]; }
until_true past "$over"
host_start
until_true is_said "<@$ALICE> reminder: survive"
ok $? "what was due while the host was dead comes when it is back"
ask '{mention} remind me in 6 seconds to stay' >/dev/null
host_stop
host_start
until_true is_said "<@$ALICE> reminder: stay"
ok $? "a stop and a start lose nothing"
fake_discord_wait quiet 0 20000 1500
is "$(said "reminder: survive")$(said "reminder: stay")$(said "reminder: drink tea")" 111 "each came once"
is "$(fake_discord_report mentions_absent)" 0 "all messages say whom they may ping"
host_stop
tap_done
