#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Observers of every message on Discord: what is seen from memory, what is owed, and that the latter is
# counted once through kill -9.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

PLUGINS=$TROUPE_BUILDDIR/tests/plugins/.libs

# watch_config KIND [KEY...]
watch_config()
{
    cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[pipeline message]
stages = watch
observers = watch
[agent watch]
plugin = $PLUGINS/watch_$1.so
isolation = inprocess
${2:-}
[discord]
token = fake-token
api = $DISCORD_API
INI
    chmod 600 "$TAP_DIR/troupe.ini"
}

status() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | fake_discord_get "d$1"; }
watched() { "$TROUPE" call watched -c "$TAP_DIR/troupe.ini"; }
says() { watched | grep -q "$1"; }
say() { fake_discord_say general "$1" "$2" "${3:-plain}" >/dev/null; }

# Of one channel, a burst would push what a kill cut beyond the messages that delivery looks through.
fake_discord_start --no-echo --channels 20 || exit 1

# ---- seen

watch_config seen "reads = yes"
host_start
is $? 0 "a host with an observer of every message starts"
fake_discord_wait connected 1
ok $? "and is on Discord"
say alice 'nothing for you: "café" 🙂'
until_true says '^1 messages, the last: nothing for you: "café" 🙂$'
ok $? "a plain message reaches the observer as it was written"
for kind in bot webhook; do
    say bob "from a program" "$kind"
done
say bob "{mention} how many?" mention
until_true says '^2 messages, the last: how many?$'
ok $? "so does one for the bot, and none of a program's"
fake_discord_wait answered 1
ok $? "which is answered as well"
fake_discord_call burst '{"count": 500, "rate": 0, "kind": "plain", "text": "so many"}' >/dev/null
fake_discord_wait burst 1
until_true says '^502 messages'
ok $? "a burst is seen whole"
is "$(status '["observers"]["seen"]')" 501 "the status counts what was seen from memory"
is "$(status '["observers"]["seen_dropped"]')" 0 "and what was dropped"
is "$(fake_discord_report answers_unaddressed)" 0 "none of it is answered"
is "$(status '["turns"]["events"]')" 1 "nor stored"
host_stop
is $? 0 "it stops well"

# ---- owed

rm -rf "$TAP_DIR/data"
fake_discord_call reset '{}' >/dev/null
watch_config owed
host_start
is $? 0 "a host that owes its observer every message starts"
fake_discord_wait connected 1
say alice "nothing for you"
until_true says '^1 messages, at most 1 times$'
ok $? "a plain message is counted"
say bob "{mention} how many?" mention
until_true says '^2 messages, at most 1 times$'
ok $? "so is one for the bot"

sent=2
for _ in 1 2 3; do
    fake_discord_call burst '{"count": 400, "rate": 2000, "kind": "mention", "one_in": 100, "text": "and this {token}"}' >/dev/null
    sent=$((sent + 400))
    fake_discord_wait events $((sent - 200)) 10000
    kill -9 "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null
    fake_discord_wait burst 1
    host_start || break
    fake_discord_wait connected 1
done
until_true says "^$sent messages"
ok $? "after three times kill -9 in the middle of a burst all are counted"
like "$(watched)" "at most 1 times" "each once"
fake_discord_wait answered 1 30000 300
is "$(fake_discord_report lost)" 0 "what addressed the bot is answered"
is "$(fake_discord_report doubled)" 0 "once"
is "$(fake_discord_report answers_unaddressed)" 0 "and nothing else"
is "$(status '["observers"]["owed_lost"]')" 0 "the status tells of no loss"
host_stop
is $? 0 "it stops well"
tap_done
