#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The fake Discord proven by clients that are not ours: discord.py and discord.js log in, answer, edit,
# lose their connection and resume. What they find wrong with it is wrong.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

CLIENTS="$TROUPE_SRCDIR/tests/integration/clients"
CLIENT_PID=

# said PATTERN: the client has printed such a line.
said() { grep -qE -- "$1" "$TAP_DIR/client"; }
answered() { fake_discord_wait answered 1 30000 100; }

# client_test NAME COMMAND…: the same promises for each client.
client_test()
{
    local name=$1 n
    shift
    fake_discord_start || exit 1
    "$@" "$DISCORD_URL" fake-token >"$TAP_DIR/client" 2>&1 </dev/null &
    CLIENT_PID=$!
    fake_discord_wait connected 1 60000 && until_true said '^ready troupe 1 1'
    ok $? "$name logs in and sees its guild"
    n=$(fake_discord_say general alice '{mention} first {token}')
    answered && until_true said "^history 2 done: tok-$n-"
    ok $? "$name gets a message, answers it, edits the answer and reads the history"
    is "$(fake_discord_text "$n")" "done: tok-$n-" "the fake keeps what $name edited"
    is "$(fake_discord_call "ledger?n=$n" | fake_discord_get 'd["created"], d["edits"], d["pings"]')" \
        "(1, 1, 0)" "the ledger has one answer with one edit that pings nobody"
    is "$(fake_discord_call messages | fake_discord_get 'd[0]["reactions"]')" "['✅']" \
        "the reaction of $name is kept"

    fake_discord_call gateway '{"do": "reset"}' >/dev/null
    n=$(fake_discord_say general bob '{mention} missed {token}')
    fake_discord_wait resumed 1 60000 && answered && until_true said '^resumed'
    ok $? "$name resumes after a reset"
    until_true said "^message bob .*missed tok-$n-"
    ok $? "and gets the message that it missed"
    is "$(fake_discord_text "$n")" "done: tok-$n-" "and answers it"
    fake_discord_call gateway '{"do": "op7"}' >/dev/null
    fake_discord_wait resumed 2 60000
    ok $? "$name resumes after op 7"
    fake_discord_call flood '{"events": 500, "one_in": 100}' >/dev/null
    fake_discord_wait flood_answered 1 60000
    ok $? "$name takes a flood of framed events and answers those that address it"
    fake_discord_call gateway '{"do": "split", "n": 7}' >/dev/null
    fake_discord_call gateway '{"do": "fragment", "n": 50}' >/dev/null
    n=$(fake_discord_say general bob '{mention} pieces {token}')
    answered && [ "$(fake_discord_text "$n")" = "done: tok-$n-" ]
    ok $? "$name reads frames in fragments and writes in pieces"

    fake_discord_call fault '{"on": "create", "do": "user", "retry_after": 0.3}' >/dev/null
    n=$(fake_discord_say general bob '{mention} limited {token}')
    answered && [ "$(fake_discord_text "$n")" = "done: tok-$n-" ]
    ok $? "$name waits out a 429 and sends again"
    is "$(fake_discord_report closes_1000)" 0 "$name has not ended its session"
    fake_discord_call set '{"stop_expected": true}' >/dev/null
    fake_discord_say general bob '{mention} leave {token}' >/dev/null
    fake_discord_wait sessions_lost 1 60000
    ok $? "$name ends its session when it leaves"
    is "$(fake_discord_report | fake_discord_get '[d[k] for k in ("lost", "doubled", "identifies",
        "resumed", "resumes_on_base", "query_changed", "closes_1000")]')" "[0, 0, 1, 2, 0, 0, 0]" \
        "nothing is lost or doubled, with one identify and two resumes in the right place"
    wait "$CLIENT_PID" || sed 's/^/# /' "$TAP_DIR/client"
    fake_discord_stop
}

if /usr/bin/python3 -c 'import discord' 2>/dev/null; then
    client_test discord.py /usr/bin/python3 "$CLIENTS/discord_py_client.py"
else
    skip "discord.py logs in" "python3-discord is not here"
fi

# Kept in the build directory: a second run installs nothing.
modules="$TROUPE_BUILDDIR/tests/integration/npm"
if ! command -v npm >/dev/null; then
    skip "discord.js logs in" "npm is not here"
elif [ ! -d "$modules/node_modules/discord.js" ] &&
    ! timeout 90 npm install --prefix "$modules" --no-audit --no-fund --silent --cache \
        "$modules/cache" discord.js@14 >/dev/null 2>&1; then
    skip "discord.js logs in" "the npm registry does not give it"
else
    client_test discord.js env NODE_PATH="$modules/node_modules" node "$CLIENTS/discord_js_client.js"
fi
tap_done
