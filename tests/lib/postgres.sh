# SPDX-License-Identifier: Apache-2.0
#
# A PostgreSQL of a test's own, on a socket below $TAP_DIR/postgres; after tap.sh:
#
#   postgres_is_here             whether there is one on this machine, and the host was built with it
#   postgres_make                makes the server and its database "bot", and starts it
#   postgres_start, postgres_stop
#   as_postgres COMMAND…         as the user that the server runs as
#   sql TEXT                     what it answers
#
# The test's trap stops it.

bin=/usr/lib/postgresql/15/bin
place=$TAP_DIR/postgres
as_postgres() { "$@"; }
if [ "$(id -u)" -eq 0 ]; then
    as_postgres() { (cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }
fi

postgres_is_here()
{
    [ -x "$bin/postgres" ] && { [ "$(id -u)" -ne 0 ] || id postgres >/dev/null 2>&1; } &&
        ldd "$TROUPE" 2>/dev/null | grep -q libpq
}
postgres_start()
{
    as_postgres "$bin/pg_ctl" -D "$place/data" -s -w -t 30 -l "$place/log" \
        -o "-k $place -c listen_addresses= -c fsync=off -c shared_buffers=16MB" start >/dev/null 2>&1
}
postgres_stop() { as_postgres "$bin/pg_ctl" -D "$place/data" -s -m immediate -w stop >/dev/null 2>&1; }
postgres_make()
{
    mkdir "$place"
    chmod 711 "$TAP_DIR"
    [ "$(id -u)" -ne 0 ] || chown postgres "$place"
    as_postgres "$bin/initdb" -D "$place/data" -U troupe -A trust --no-sync -E UTF8 --no-locale >/dev/null 2>&1
    postgres_start
    as_postgres "$bin/createdb" -U troupe -h "$place" -T template0 bot
}
sql() { as_postgres "$bin/psql" -U troupe -h "$place" -At -c "$1" bot; }
