#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# troupe migrate: a host's database goes to a PostgreSQL of the test's own and back, and the host goes on
# from it with its talk, its reminders and its history.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"

if ! postgres_is_here; then
    skip "a database goes to PostgreSQL and back" "PostgreSQL is not here, or not built in"
    tap_done
    exit 0
fi

trap 'postgres_stop; tap_cleanup' EXIT
postgres_make
is $? 0 "a server is there"

URL="postgresql://troupe@/bot?host=$place"
cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }
config()
{
    write_config
    printf '[agent reminder]\n[store]\n%s\n' "$1" >>"$TAP_DIR/troupe.ini"
}

fake_start --model fake || exit 1
config ""
host_start
is $? 0 "the host starts on a file"
chat "my parrot is called Yellowbird" >/dev/null
chat '/remind when="in 3 days" text="feed Yellowbird"' >/dev/null
cli migrate --from "$TAP_DIR/data/troupe.db" --to "$URL" >"$TAP_DIR/said"
is $? 75 "while it runs nothing is moved"
like "$(cat "$TAP_DIR/said")" "another" "which is told"
host_stop
cli migrate --from "$TAP_DIR/data/troupe.db" >/dev/null
is $? 64 "both ends are asked for"
cli migrate --from "$TAP_DIR/nothing.db" --to "$URL" >"$TAP_DIR/said"
is $? 66 "a source that is not there is refused"
[ ! -e "$TAP_DIR/nothing.db" ]
ok $? "and not made"
cli migrate --from "$TAP_DIR/data/troupe.db" --to "$URL" >"$TAP_DIR/said"
is $? 0 "the database goes to the server"
like "$(cat "$TAP_DIR/said")" "conversation conversation_history: 2 rows" "with the tables of agents"
like "$(cat "$TAP_DIR/said")" "checksums are the same" "and is held against the source"
cli migrate --from "$TAP_DIR/data/troupe.db" --to "$URL" >"$TAP_DIR/said"
is $? 73 "a target with something in it is refused"

mv "$TAP_DIR/data/troupe.db" "$TAP_DIR/before.db"
config "backend = postgresql
url = $URL"
host_start
is $? 0 "the host starts on the server"
like "$(cli why last)" "answered|reminder|command" "it knows what was answered"
like "$(chat "/reminders")" "feed Yellowbird" "and what is planned"
chat "what is it called?" >/dev/null
curl -sf --noproxy '*' "$FAKE_URL/_log" >"$TAP_DIR/asked"
like "$(tail -c 4000 "$TAP_DIR/asked")" "my parrot is called Yellowbird" "the talk goes on"
host_stop

cli migrate --from "$URL" --to "$TAP_DIR/data/troupe.db" >"$TAP_DIR/said"
is $? 0 "and back into a file"
is "$(stat -c %a "$TAP_DIR/data/troupe.db")" 600 "which is its owner's alone"
config ""
host_start
is $? 0 "the host starts on it"
chat "and once more?" >/dev/null
curl -sf --noproxy '*' "$FAKE_URL/_log" >"$TAP_DIR/asked"
like "$(tail -c 4000 "$TAP_DIR/asked")" "what is it called" "with what was said on the server"
is "$(fake_stop >/dev/null 2>&1; cli user list)" "no deletion is open" "and is well"
host_stop

tap_done
