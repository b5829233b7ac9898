#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# troupe schema: versions are listed while no host runs, steps go back as an operator asks for it, by a file and
# by a server, and a newer build brings the same data forward again.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"

cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }
# version_of NAMESPACE: what the list has of it.
version_of()
{
    cli schema --json | python3 -c 'import json, sys
print(["%(version)s of %(known)s, back to %(back_to)s" % n for n in json.load(sys.stdin) if n["namespace"] == sys.argv[1]])' "$1"
}
config()
{
    write_config
    printf '[agent reminder]\n[agent memory]\n[store]\n%s\n' "$1" >>"$TAP_DIR/troupe.ini"
}
NEWEST=$(printf '%s\n' "$TROUPE_SRCDIR"/core/store/sql/0*.sql | wc -l)

# walk NAME: all of it, on the database that the configuration names.
walk()
{
    host_start
    is $? 0 "$1: the host starts"
    chat "my parrot is called Yellowbird" >/dev/null
    chat '/remind when="in 3 days" text="feed Yellowbird"' >/dev/null
    cli schema >"$TAP_DIR/said"
    is $? 75 "$1: while it runs, versions are not listed"
    cli schema back core 16 --yes >"$TAP_DIR/said"
    is $? 75 "$1: and nothing goes back"
    like "$(cat "$TAP_DIR/said")" "another" "$1: which is told"
    host_stop

    is "$(version_of core)" "['$NEWEST of $NEWEST, back to 1']" "$1: the core is listed"
    is "$(version_of memory)" "['4 of 4, back to 0']" "$1: agents are, too"
    cli schema back core 4 >"$TAP_DIR/said"
    is $? 64 "$1: what loses something wants --yes"
    like "$(cat "$TAP_DIR/said")" "^  lost: whatever is scheduled" "$1: it is named"
    like "$(cat "$TAP_DIR/said")" "make a backup first" "$1: and a backup advised"
    is "$(version_of core)" "['$NEWEST of $NEWEST, back to 1']" "$1: and nothing was changed"
    cli schema back core 0 --yes >"$TAP_DIR/said"
    is $? 69 "$1: the first step stays"
    like "$(cat "$TAP_DIR/said")" "001_core.sql\) has no way back" "$1: as is told"
    cli schema back core 99 --yes >"$TAP_DIR/said"
    is $? 64 "$1: a version that is none before is refused"
    cli schema back nobody 1 --yes >"$TAP_DIR/said"
    is $? 66 "$1: an agent that is not there is, too"
    cli schema back core >/dev/null
    is $? 64 "$1: a version is asked for"

    cli schema back memory 3 --yes >"$TAP_DIR/said"
    is $? 0 "$1: an agent's step goes back"
    is "$(version_of memory)" "['3 of 4, back to 0']" "$1: and is not there any more"
    cli schema back core 14 >"$TAP_DIR/said"
    is $? 64 "$1: of three steps, two lose something"
    cli schema back core 14 --yes >"$TAP_DIR/said"
    is $? 0 "$1: the core goes back"
    like "$(cat "$TAP_DIR/said")" "core is at version 14 now" "$1: as is told"
    is "$(version_of core)" "['14 of $NEWEST, back to 1']" "$1: where it stays while nothing starts"
    cli schema back core 13 >"$TAP_DIR/said"
    is $? 0 "$1: what loses nothing asks for nothing"

    host_start
    is $? 0 "$1: a host brings it forward again"
    like "$(chat "/reminders")" "feed Yellowbird" "$1: with what was planned"
    chat "what is it called?" >/dev/null
    curl -sf --noproxy '*' "$FAKE_URL/_log" >"$TAP_DIR/asked"
    like "$(tail -c 4000 "$TAP_DIR/asked")" "my parrot is called Yellowbird" "$1: the talk goes on"
    host_stop
    is "$(version_of core)" "['$NEWEST of $NEWEST, back to 1']" "$1: the core is where it was"
    is "$(version_of memory)" "['4 of 4, back to 0']" "$1: the agent is"
}

fake_start --model fake || exit 1
config ""
cli schema >"$TAP_DIR/said"
is $? 66 "without a database there is nothing to list"
[ ! -e "$TAP_DIR/data/troupe.db" ]
ok $? "and none is made"
walk file

if postgres_is_here; then
    trap 'postgres_stop; tap_cleanup' EXIT
    postgres_make
    is $? 0 "a server is there"
    config "backend = postgresql
url = postgresql://troupe@/bot?host=$place"
    cli schema >"$TAP_DIR/said"
    is $? 66 "an empty database on a server has no version"
    walk server
else
    skip "the same on a server" "PostgreSQL is not here, or not built in"
fi
tap_done
