#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two hosts on one PostgreSQL database, of which one cannot reach the server any more. It keeps what it gets;
# the other one, which gets it as well, answers it and takes the first one's place away. When that one is back it ends,
# starts again as another host with what it had kept, and answers nothing of it once more.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"

if ! postgres_is_here; then
    skip "what a host kept while it was cut off is answered once" "PostgreSQL is not here, or not built in"
    tap_done
    exit 0
fi

two=$TAP_DIR/two
TWO_PID=
two_stop()
{
    [ -n "$TWO_PID" ] || return 0
    kill -TERM "$TWO_PID"
    wait "$TWO_PID"
}
trap 'two_stop; postgres_stop; tap_cleanup_discord' EXIT

via=$TAP_DIR/via
spool=$TAP_DIR/data/spool
status() { "$TROUPE" status -c "$1" --json | fake_discord_get "d$2"; }
degraded() { [ "$(status "$TAP_DIR/troupe.ini" '["degraded"]')" = "$1" ]; }
spooled() { [ "$(status "$TAP_DIR/troupe.ini" '["spool"]["events"]')" -ge "$1" ]; }
two_answers() { "$TROUPE" status -c "$two/troupe.ini"; }
sessions() { fake_discord_call sessions | fake_discord_get 'sum(s["connected"] for s in d)'; }
both_connected() { [ "$(sessions)" -eq 2 ]; }
answered() { [ "$(fake_discord_call "ledger?n=$1" | fake_discord_get 'd["standing"]')" -gt 0 ]; }
alone() { [ "$(sql "SELECT count(*) FROM troupe.host WHERE held")" -eq 1 ]; }
# The first host's way to the server.
way() { ln -sfn "$place/.s.PGSQL.5432" "$via/.s.PGSQL.5432"; }
no_way()
{
    rm "$via/.s.PGSQL.5432"
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
         AND pid IN ($1)" >/dev/null
}
pids() { sql "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE usename = 'troupe' AND pid <> pg_backend_pid()"; }

mkdir "$two"
postgres_make
mkdir "$via"
way
fake_start --model fake || exit 1
fake_discord_start --channels 10 || exit 1
write_discord_config <<INI
[store]
backend = postgresql
url = postgresql://troupe@/bot?host=$via
away = 500ms
lease = 2s
INI
sed "s#$TAP_DIR/data#$two/data#; s#host=$via#host=$place#" "$TAP_DIR/troupe.ini" >"$two/troupe.ini"
chmod 600 "$two/troupe.ini"
host_start
is $? 0 "the first host starts"
first=$(pids)
"$TROUPE" run -c "$two/troupe.ini" >/dev/null 2>"$two/log" </dev/null &
TWO_PID=$!
until_true two_answers
ok $? "and so does the second"
until_true both_connected
ok $? "both are connected"
n=$(fake_discord_say general alice "before {token}")
until_true answered "$n"

no_way "$first"
until_true degraded True
ok $? "the first cannot reach the server any more"
one=$(fake_discord_say general alice "one {token}")
two_=$(fake_discord_say channel-1 bob "two {token}")
until_true spooled 2
ok $? "and keeps what comes"
until_true answered "$one" && until_true answered "$two_"
ok $? "which the second answers"
until_true alone
ok $? "and whose place it takes away"
way
until_true has_ended "$HOST_PID"
wait "$HOST_PID"
is $? 75 "back again it finds that its place was taken, and ends"
ok "$([ -s "$spool" ]; echo $?)" "with what it had kept"
host_start
is $? 0 "it starts again"
ok "$([ ! -e "$spool" ]; echo $?)" "and has taken that up"
n=$(fake_discord_say general alice "after {token}")
until_true answered "$n"
fake_discord_wait answered 0 30000 1000
is "$(fake_discord_report lost) $(fake_discord_report doubled)" "0 0" "everything is answered once"
is "$(sql "SELECT count(*) FROM troupe.event WHERE kind = 'message'")" 4 "by one turn each"
two_stop
is $? 0 "the second host ends well"
TWO_PID=
host_stop
is $? 0 "and so does the first"
tap_done
