#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A provider wants to be asked again after 45 s: who asked reads within moments that it takes longer, by a
# message as by a command, while typing goes on.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_start --model fake || exit 1
fake_discord_start || exit 1
echo '{"rules": [{"match": "patience", "fault": "status", "status": 429, "retry_after": "45"}]}' >"$TAP_DIR/script.json"
fake_script "$TAP_DIR/script.json"
write_discord_config </dev/null

said() { fake_discord_call "messages?channel=general" | fake_discord_get '"\n".join(m["content"] for m in d if m["bot"])'; }
told() { said | grep -qE '^This takes longer: I answer here in about 4[0-9] seconds$'; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
fake_discord_say general alice "{mention} patience {token}" >/dev/null
until_true told
ok $? "who asked is told for how long"
is "$(said | grep -c 'takes longer')" 1 "and once"
is "$(said | grep -c 'patience')" 0 "while there is no answer yet"
typing() { [ "$(fake_discord_report typings)" -ge 1 ]; }
until_true typing
ok $? "and typing goes on"
host_stop
is $? 0 "a stop leaves the question to the next start"
tap_done
