#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The first ten minutes of somebody with a new bot, against the fake Discord and the fake model: set it
# up, invite it, start it, talk to it, ask it for help, change something. Prints how long each step
# took; only that it works is tested. In a Debian with nothing installed: tests/clean-root.sh first.
# INSTALLED names the program to try, where it is not that of the build directory.
TROUPE_SRCDIR=${TROUPE_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

unset DISCORD_TOKEN
TROUPE=${INSTALLED:-$TROUPE}

now() { date +%s%N; }
# step NAME: how long it took since the last one
step()
{
    local end
    end=$(now)
    printf '# %-28s %6d ms\n' "$1" $(((end - begun) / 1000000))
    begun=$(now)
}

fake_start --model fake || exit 1
fake_discord_start || exit 1
ini=$XDG_CONFIG_HOME/troupe/troupe.ini
all=$(now)
begun=$all

"$TROUPE" version >/dev/null
is $? 0 "it starts"
step "version"

# What is typed: the token, where the model is, its name, no key, the cap.
out=$(printf 'fake-token\n%s/v1\nfake\n\n1\n' "$FAKE_URL" | "$TROUPE" init --set "discord.api=$DISCORD_API" 2>&1)
is $? 0 "init sets it up"
step "init, with a question asked"
like "$out" "https://discord.com/oauth2/authorize.client_id=[0-9]+&scope=bot%20applications.commands&permissions=[0-9]+" \
    "and gives the invite link"
like "$out" "Next: troupe run$" "and the next command, which needs no option"

"$TROUPE" doctor >"$TAP_DIR/doctor"
is $? 0 "the doctor agrees"
step "doctor"

host_answers() { "$TROUPE" status; }
"$TROUPE" run >"$TAP_DIR/out" 2>"$TAP_DIR/log" </dev/null &
HOST_PID=$!
fake_discord_wait connected 1
ok $? "run brings it to Discord"
step "run, until it is on Discord"

n=$(fake_discord_say general alice "{mention} hi {token}")
fake_discord_wait answered 1 30000
like "$(fake_discord_text "$n")" "You said: hi" "@bot hi is answered"
step "@bot hi"

fake_discord_say general alice "{mention} /help" command >/dev/null
fake_discord_wait answered 1 30000
like "$(fake_discord_call "messages?channel=general" | fake_discord_get 'd[-1]["content"]')" "/hello" \
    "/help lists what it can do"
step "/help, typed"

slash() {
    fake_discord_call slash "$1" >/dev/null
    fake_discord_wait answered 1 30000
    fake_discord_call interactions | fake_discord_get 'd[-1]["text"]'
}
like "$(slash '{"name": "help", "member": "alice", "channel": "general"}')" "or use a command:" \
    "so does the slash command"
step "/help, as a slash command"

like "$(slash '{"name": "config", "options": {"action": "set", "key": "llm.max_tokens", "value": "64"}, "member": "alice", "channel": "general"}')" \
    'is now "64" in this server' "/config changes a setting of the server"
step "/config"

sed -i 's/^daily = .*/daily = 2.50/' "$ini"
"$TROUPE" reload >"$TAP_DIR/reload"
is $? 0 "a change is taken over by reload"
like "$("$TROUPE" status --json)" '"budget_daily_micros": 2500000' "and holds"
step "a change and reload"

n=$(fake_discord_say general alice "{mention} still there? {token}")
fake_discord_wait answered 1 30000
like "$(fake_discord_text "$n")" "still there" "it goes on answering"
is "$(fake_discord_report lost)" 0 "nothing was lost"
is "$(fake_discord_report doubled)" 0 "and nothing answered twice"
step "@bot still there?"

host_stop
is $? 0 "it stops well"
begun=$all
step "all of it"
tap_done
