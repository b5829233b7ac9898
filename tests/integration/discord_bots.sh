#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Other bots that mention this one: ignored as installed, with answer_bots answered by the agent that talks, so many
# times before a person has to say something.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start --channels 2 || exit 1
write_discord_config </dev/null
requests() { curl -sf --noproxy '*' "$FAKE_URL/_stats" | fake_discord_get 'd["chats"]'; }
has_asked() { [ "$(requests)" = "$1" ]; }
# says KIND WORDS, then a person's question, by whose answer it is known that what was before is done with.
says() { fake_discord_say '#0' bob "{mention} $2" "$1" >/dev/null; }
person()
{
    fake_discord_say "$1" alice "{mention} I wait" >/dev/null
    fake_discord_wait answered 1 30000 50
}

host_start
fake_discord_wait connected 1
says bot "beep"
person '#1'
is "$(requests)" 1 "a bot that mentions this one is ignored"

printf 'answer_bots = yes\n' >>"$TAP_DIR/troupe.ini"
sed -i 's/^guild_messages = 0/&\nbot_turns = 2/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
is $? 0 "bots shall be answered"
says bot "one"
until_true has_asked 2
ok $? "one that mentions this one is"
says bot "two"
until_true has_asked 3
ok $? "and once more"
says bot "three"
person '#1'
is "$(requests)" 4 "as often as bot_turns says"
host_stop
tap_done
