#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# With a Redis, what a member used up of a limit is known after kill -9; without an answer from it the host's own
# count is all there is, and nobody waits.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

if ! ldd "$TROUPE" 2>/dev/null | grep -q libhiredis || [ ! -x /usr/bin/redis-server ]; then
    skip "limits are known after a restart" "Redis is not here, or not built in"
    tap_done
    exit 0
fi

redis() { redis-cli -s "$TAP_DIR/socket" "$@"; }
redis-server --port 0 --unixsocket "$TAP_DIR/socket" --save "" --appendonly no --dir "$TAP_DIR" >/dev/null 2>&1 </dev/null &
REDIS_PID=$!
trap 'kill -9 "$REDIS_PID" 2>/dev/null; tap_cleanup_discord' EXIT
until_true redis ping

fake_start --model fake || exit 1
fake_discord_start --members 4 || exit 1
write_discord_config </dev/null
printf '[cache]\nbackend = redis\nurl = unix:%s\nanswer = 2s\n' "$TAP_DIR/socket" >>"$TAP_DIR/troupe.ini"
sed -i 's/^messages = 0/messages = 3/' "$TAP_DIR/troupe.ini"
say() { fake_discord_say general '#2' "{mention} once more {token}" >/dev/null && fake_discord_wait answered 1 30000 50; }
why() { "$TROUPE" why last -c "$TAP_DIR/troupe.ini"; }
refused() { why | grep -q "limit.messages.member"; }
say_too_much() { fake_discord_say general '#2' "{mention} too much" >/dev/null; until_true refused; }
counted() { [ "$(redis get "$(redis --scan | grep core:limit)")" = 3 ]; }
host_start || exit 1
fake_discord_wait connected 1
say && say && say
until_true counted
ok $? "what a member used up is counted by the server"
unlike "$(redis --scan)" "4000000000000" "under a key that has no member's id"
redis pexpire "$(redis --scan | grep core:limit)" 3600000 >/dev/null # however slow this machine is
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
fake_discord_wait connected 1
say
like "$(why)" "answered" "after kill -9 the first message is let in"
say_too_much
ok $? "and the next one is one too many, as before"

kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
kill -STOP "$REDIS_PID"
host_start
fake_discord_wait connected 1
say && say && say
like "$(why)" "answered" "while the server does not answer the host counts for itself"
say_too_much
ok $? "and refuses by its own count"
kill -CONT "$REDIS_PID"
host_stop
is $? 0 "the host ends well"
tap_done
