#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A member's data is deleted at one of two hosts on a database while the other one works for the member: that is
# ended there, and of what it had written nothing is left, neither in the database nor in either host's memory.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"

if ! postgres_is_here; then
    skip "a deletion ends what another host does" "PostgreSQL is not here, or not built in"
    tap_done
    exit 0
fi

CANARY=zilpzalp-brood-4711
BOB=400000000000000001
hosts=()
hosts_stop() { for pid in "${hosts[@]}"; do kill -9 "$pid" && wait "$pid"; done 2>/dev/null; }
trap 'hosts_stop; postgres_stop; tap_cleanup_discord' EXIT
cli() { local which=$1; shift; "$TROUPE" "$@" -c "$TAP_DIR/$which/troupe.ini" 2>&1; }
answers() { cli "$1" status >/dev/null; }
# The slot's host, by the name in its data directory.
of_slot()
{
    local name which
    name=$(sql "SELECT name FROM troupe.host WHERE slot = $1")
    for which in a b; do [ "$(cat "$TAP_DIR/$which/data/host")" != "$name" ] || echo $which; done
}
dumped() { as_postgres "$bin/pg_dump" -U troupe -h "$place" --inserts bot >"$TAP_DIR/dump" 2>/dev/null; }
has_dumped()
{
    until_true dumped &&
        grep -qaF -e "$1" -e "$(printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n')" "$TAP_DIR/dump"
}
brooding() { [ "$(sql "SELECT count(*) FROM troupe.event WHERE finished_ms IS NULL AND member = '$BOB'")" = 1 ]; }
rummaged() { cli "$1" call rummage | grep -qF "$CANARY"; }

mkdir "$TAP_DIR/a" "$TAP_DIR/b"
postgres_make

fake_start --model fake || exit 1
fake_discord_start || exit 1
trap 'hosts_stop; postgres_stop; tap_cleanup_discord' EXIT
write_discord_config <<INI
[agent hoard]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/hoard.so
isolation = inprocess
[store]
backend = postgresql
url = postgresql://troupe@/bot?host=$place
lease = 60s
INI
for which in a b; do
    sed "s#^data = .*#data = $TAP_DIR/$which/data#" "$TAP_DIR/troupe.ini" >"$TAP_DIR/$which/troupe.ini"
    chmod 600 "$TAP_DIR/$which/troupe.ini"
    "$TROUPE" run -c "$TAP_DIR/$which/troupe.ini" >/dev/null 2>>"$TAP_DIR/$which/log" </dev/null &
    hosts+=("$!")
    until_true answers $which
    ok $? "a host starts: $which"
done
fake_discord_wait connected 2

fake_discord_call slash "{\"name\": \"brood\", \"member\": \"bob\", \"channel\": \"general\",
    \"options\": {\"word\": \"$CANARY\"}}" >/dev/null
until_true brooding
ok $? "one of them works for a member"
busy=$(of_slot "$(sql "SELECT host FROM troupe.event WHERE finished_ms IS NULL AND member = '$BOB'")")
other=$([ "$busy" = a ] && echo b || echo a)
until_true rummaged "$busy"
ok $? "and keeps the member's words in its memory, too"
has_dumped "$CANARY"
is $? 0 "and in the database"
cli "$other" user delete "$BOB" >/dev/null
is $? 0 "the member's data is deleted at the other one"
is "$(sql "SELECT count(*) FROM troupe.event WHERE finished_ms IS NULL")" 0 "the work is ended"
like "$(sql "SELECT state FROM troupe.event WHERE kind = 'command'")" "interrupted" "as interrupted"
rummaged "$busy"
is $? 1 "its host's memory has nothing of it"
has_dumped "$CANARY"
is $? 1 "nor has the database"
has_dumped "$BOB"
is $? 1 "nor the member's id"
sleep 3 # as long as it brooded on
rummaged "$busy"
is $? 1 "and nothing of it comes back"
has_dumped "$CANARY"
is $? 1 "anywhere"
is "$(grep -cF "$CANARY" "$TAP_DIR/a/log" "$TAP_DIR/b/log" | tr '\n' ' ')" \
    "$TAP_DIR/a/log:0 $TAP_DIR/b/log:0 " "and no log has it"
fake_discord_say general bob "{mention} are you there? {token}" >/dev/null
fake_discord_wait answered 1 30000 50
is $? 0 "the member's next message is a new beginning"
is "$(sql "SELECT count(*) FROM troupe.event WHERE member = '$BOB' AND state = 'done'")" 1 "which is kept"

# One that does not answer is not waited for beyond its lease; here, not before it is back.
kill -STOP "${hosts[0]}"
cli b user delete "$BOB" >/dev/null &
deleting=$!
open_at() { sql "SELECT part FROM troupe.erasure_part" | grep -q core:host; }
until_true open_at
ok $? "a host that is stopped keeps the deletion open"
kill -CONT "${hosts[0]}"
wait "$deleting"
is $? 0 "and it is done when it goes on"
is "$(sql "SELECT count(*) FROM troupe.erasure_part WHERE part LIKE 'core:host/%'")" 0 "with nothing of it left"
tap_done
