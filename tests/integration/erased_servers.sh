#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# /privacy delete, on a PostgreSQL and a Redis of the test's own: of words that a member left in every place there
# is, none is left in a dump, in the server's files, in a key or a value of the cache, nor in the log; while the
# cache is away the deletion stays open and tells why.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/canaries.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"

redis_dir=$TAP_DIR/redis
if ! postgres_is_here || ! ldd "$TROUPE" 2>/dev/null | grep -q libhiredis ||
    [ ! -x /usr/bin/redis-server ]; then
    skip "a deletion leaves nothing on servers" "PostgreSQL or Redis is not here, or not built in"
    tap_done
    exit 0
fi

redis() { redis-cli -s "$redis_dir/socket" "$@"; }
redis_start()
{
    redis-server --port 0 --unixsocket "$redis_dir/socket" --save "" --appendonly no --dir "$redis_dir" \
        --loglevel warning >/dev/null 2>&1 </dev/null &
    REDIS_PID=$!
    until_true redis ping
}
redis_stop()
{
    [ -n "$REDIS_PID" ] || return 0
    kill -9 "$REDIS_PID" 2>/dev/null
    wait "$REDIS_PID" 2>/dev/null
    REDIS_PID=
}
trap 'redis_stop; postgres_stop; tap_cleanup' EXIT

# Everything in the cache, key by key: a dump would be packed.
cached() { redis --scan | while read -r key; do printf '%s\n' "$key" "$(redis get "$key")"; done; }
has_cached() { cached | grep -qaF -- "$1"; }
# Values of bytes stand in a dump in hexadecimal.
hex_of() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
# Once more where a table was just being written anew.
dumped() { as_postgres "$bin/pg_dump" -U troupe -h "$place" --inserts bot >"$TAP_DIR/dump" 2>/dev/null; }
has_dumped() { until_true dumped && grep -qaF -e "$1" -e "$(hex_of "$1")" "$TAP_DIR/dump"; }
in_files() { sql CHECKPOINT >/dev/null; grep -rlaF -- "$1" "$place/data/base" "$place/data/global"; }
none_in_files() { [ -z "$(in_files "$CANARY")" ]; }

mkdir "$redis_dir"
postgres_make
redis_start
ok $? "the servers are there"

fake_start --model fake || exit 1
fake_discord_start || exit 1
trap 'redis_stop; postgres_stop; tap_cleanup_discord' EXIT
canaries_host "[store]" "backend = postgresql" "url = postgresql://troupe@/bot?host=$place" \
    "[cache]" "backend = redis" "url = unix:$redis_dir/socket" "answer = 1s" || exit 1
canaries_put
for place_of in $(canaries_places); do
    until_true has_dumped "$CANARY-$place_of"
    ok $? "a member's words are in the database: $place_of"
done
has_cached "$CANARY-hoard"
ok $? "in the cache, where everybody finds them"
has_cached "$CANARY-message-4711"
ok $? "as an answer that is given again, too"

spool=$TAP_DIR/data/spool
in_spool() { grep -qaF -- "$CANARY-spool-4711" "$spool"; }
no_spool() { [ ! -e "$spool" ]; }
postgres_stop
fake_discord_call say "{\"channel\": \"general\", \"member\": \"bob\", \"kind\": \"mention\",
    \"text\": \"{mention} and of $CANARY-spool-4711 {token}\"}" >/dev/null
until_true in_spool
ok $? "in the spool while the database is away"
cp "$spool" "$TAP_DIR/kept"
postgres_start
until_true no_spool
ok $? "which goes when it is back"
fake_discord_wait answered 1 30000 200
has_dumped "$CANARY-spool-4711"
ok $? "and what was in it is in the database"

sql ANALYZE >/dev/null
like "$(sql "SELECT histogram_bounds FROM pg_stats WHERE schemaname LIKE 'troupe%'")" "$CANARY" \
    "and in the server's statistics"

kill -STOP "$REDIS_PID"
canary_slash bob privacy '{"action": "delete", "sure": true}'
waits() { canary_cli user list | grep -q "cache's server does not answer"; }
until_true waits
ok $? "while the cache does not answer the deletion is open, and tells so"
kill -CONT "$REDIS_PID"
until_true canary_closed
ok $? "and is done when it does"
has_dumped "$CANARY"
is $? 1 "no dump of the database has one of the words"
has_dumped "$BOB"
is $? 1 "nor the member's id"
until_true none_in_files
for file in $(in_files "$CANARY"); do
    sql "SELECT '# ' || relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relfilenode = ${file##*/}"
    grep -aoE -- "$CANARY-[a-z-]+" "$file" | sort | uniq -c | sed 's/^/# /'
done
is "$(in_files "$CANARY")" "" "no file of the server's tables has one, nor its statistics"
has_cached "$CANARY"
is $? 1 "no key and no value of the cache has one"
is "$(canary_logged "$TAP_DIR/log") $(canary_logged "$place/log")" "0 0" "and no log"
is "$(grep -rlaF -- "$CANARY" "$TAP_DIR/data")" "" "nor a file of the host's own"
for word in nuthatch-message-0815 nuthatch-remembered-0815 nuthatch-wish-0815; do
    has_dumped $word
    ok $? "what is kept about others is there: $word"
done
has_cached nuthatch-message-0815
ok $? "in the cache, too"
host_stop
is $? 0 "the host ends well"

# As if another host had kept the message, which was cut off from the database all the time, and nobody else had it.
sql "DELETE FROM troupe.event WHERE payload = '{}'" >/dev/null
mv "$TAP_DIR/kept" "$spool"
host_start
until_true no_spool
ok $? "a spool of before the deletion is taken up later"
has_dumped "$CANARY"
is $? 1 "and brings nothing back"
host_stop
tap_done
