#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole host on a PostgreSQL of the test's own: it answers, remembers and says when the server is away.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"

if ! postgres_is_here; then
    skip "the host keeps everything in PostgreSQL" "PostgreSQL is not here, or not built in"
    tap_done
    exit 0
fi

trap 'postgres_stop; tap_cleanup' EXIT

postgres_make
is $? 0 "a server is there"

degraded() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | grep -qE "\"degraded\": *$1"; }

fake_start --model fake || exit 1
write_config
sed -i 's/^stages = conversation/stages = memory conversation/' "$TAP_DIR/troupe.ini"
printf 'canary9\n' >"$TAP_DIR/password"
chmod 600 "$TAP_DIR/password"
cat >>"$TAP_DIR/troupe.ini" <<INI
[agent reminder]
[agent attach]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/attach.so
isolation = inprocess
[agent memory]
answer = always
session_timeout = 1s
[store]
backend = postgresql
url = postgresql://troupe@/bot?host=$place
password = \${file:$TAP_DIR/password}
away = 500ms
INI
host_start
is $? 0 "the host starts on it"
like "$(chat "hello there")" "You said: hello there" "it answers"
like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "answered — done" "and tells why"
like "$(chat '/remind when="in 3 days" text="water the plants"')" "water the plants" "it takes a reminder"
like "$(chat "remember that my cat is called Minka-4711")" "I'll remember that" "it remembers"
like "$(chat "what's the name of my cat?")" "You told me on .*Minka-4711" "and answers from it"
chat "hello there, I work at the lighthouse" >/dev/null
remembers() { chat "/memory" | grep -q "lighthouse"; }
until_true remembers
ok $? "and gathers from a session"
like "$("$TROUPE" call learn source=rules text="The voice channels close at midnight." -c "$TAP_DIR/troupe.ini")" \
    "Learned rules" "it learns a document"
like "$(chat '/sketch what="file a.bin a/b 5000000 what it shows;say drawn"')" \
    '^\[file a.bin, 5.0 MB: what it shows\]$' "an answer has a file"
like "$("$TROUPE" doctor -c "$TAP_DIR/troupe.ini")" "writes to it" "the doctor finds the storage well"
ok "$([ ! -e "$TAP_DIR/data/troupe.db" ]; echo $?)" "no database file is made"

postgres_stop
until_true degraded true
is $? 0 "status says degraded when the server is away"
like "$(chat "anybody there")" "storage does not work" "members are told"
postgres_start
until_true degraded false
is $? 0 "the host recovers by itself"
like "$(chat "hello again")" "You said: hello again" "and answers again"
is "$(curl -sf --noproxy '*' "$FAKE_URL/_log" | python3 -c '
import json, sys
print("hello there" in json.dumps(json.load(sys.stdin)[-1]["messages"]))')" True "with what was said before"
like "$(chat "/reminders")" "water the plants" "what was kept is there"
"$TROUPE" backup "$TAP_DIR/backup.tar" -c "$TAP_DIR/troupe.ini" 2>"$TAP_DIR/why"
is $? 69 "a backup is pg_dump's"
like "$(cat "$TAP_DIR/why")" "pg_dump" "which is said"
unlike "$(cat "$TAP_DIR/log") $(tr '\0' ' ' <"/proc/$HOST_PID/cmdline")" "canary9" \
    "the password is in no log and no argument"
host_stop
is $? 0 "the host ends with status 0"
postgres_stop
postgres_start
host_start
like "$(chat "/reminders")" "water the plants" "after a restart of both it is there still"
like "$(chat "what's the name of my cat?")" "Minka-4711" "and so is what was remembered"
like "$(chat "when do the voice channels close?")" "midnight" "and learned"
host_stop
tap_done
