#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Pictures: painted once, kept for the member, shown again without another request, gone with their data; in a
# file and in a PostgreSQL.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"
trap 'postgres_stop; tap_cleanup' EXIT

echo '{ "rules": [ { "answer": "yes" } ] }' >"$TAP_DIR/script.json"
fake_start --model fake --model painter --script "$TAP_DIR/script.json" || exit 1
write_config
sed -i "s|^model = fake|&\nimage_model = painter\nimage_price = 0.01|" "$TAP_DIR/troupe.ini"
python3 -c 'import os; print(os.urandom(32).hex())' >"$TAP_DIR/key"
chmod 600 "$TAP_DIR/key"
printf '%s\n' "[store]" "encrypt_key = \${file:$TAP_DIR/key}" "[agent imagine]" "pictures = 2" >>"$TAP_DIR/troupe.ini"

rows() { python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])' "$TAP_DIR/data/troupe.db" "$1"; }
painted() { curl -sf --noproxy '*' "$FAKE_URL/_log" | python3 -c 'import json, sys; print(sum(r["body"].get("model") == "painter" for r in json.load(sys.stdin)))'; }

host_start
is $? 0 "the host starts"
like "$(chat '/get-image')" "no pictures of yours here" "who has none is told so"
like "$(chat '/get-image number=1')" "no such picture" "also who asks for one"
out=$(chat '/imagine prompt="a first \"point\"" shape=portrait')
like "$out" '^\[file picture.png, [0-9]+ bytes: a first "point"\]$' "a picture is painted"
out=$(chat '/generate-image prompt="a second point"')
like "$out" '^\[file picture.png, [0-9]+ bytes: a second point\]$' "by its other name, too"
out=$(chat '/get-image')
like "$out" '^1\. a second point \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$' "the list begins with the last one"
like "$out" '^2\. a first "point" ' "and has those before"
before=$(painted)
out=$(chat '/get-image number=2')
like "$out" '^\[file picture.png, [0-9]+ bytes: a first "point"\]$' "one is shown again"
like "$out" '^-# a first "point"$' "with what it shows"
is "$(painted) $before" "2 2" "and nobody paints it again"
chat '/imagine prompt="a third point"' >/dev/null
out=$(chat '/get-image')
like "$out" '^1\. a third point ' "the newest is kept"
like "$out" '^2\. a second point ' "and the one before"
is "$(grep -c 'first' <<<"$out")" 0 "above its bound the oldest goes"
is "$(rows 'SELECT count(*) FROM imagine__generated_images') $(rows 'SELECT count(*) FROM blob_head') $(rows 'SELECT count(*) FROM blob_part')" \
    "2 2 2" "with its bytes"
is "$(rows 'SELECT min(cost_micros) FROM imagine__generated_images')" 10000 "what it cost is known"
is "$(grep -rlaE "(second|third) point|IHDR" "$TAP_DIR/data")" "" "no file has prompt or picture in the clear"
member=$(rows 'SELECT member FROM imagine__generated_images')
out=$("$TROUPE" user export "$member" -c "$TAP_DIR/troupe.ini" 2>&1)
like "$out" "a third point" "an export has what was asked for"
like "$out" "image/png" "and what is kept of it"
"$TROUPE" user delete "$member" -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
is $? 0 "the member's data is deleted"
is "$(rows 'SELECT count(*) FROM imagine__generated_images') $(rows 'SELECT count(*) FROM blob_head') $(rows 'SELECT count(*) FROM blob_part')" \
    "0 0 0" "and with it the pictures"
host_stop
is $? 0 "the host ends well"

echo "isolation = process" >>"$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts with the agent in a process of its own"
chat '/imagine prompt="a fourth point"' >/dev/null
like "$(chat '/get-image number=1')" '^\[file picture.png, [0-9]+ bytes: a fourth point\]$' "which keeps pictures, too"
host_stop

if ! postgres_is_here; then
    skip "pictures are kept in PostgreSQL" "PostgreSQL is not here, or not built in"
    tap_done
    exit 0
fi
postgres_make
sed -i "s|^encrypt_key = .*|&\nbackend = postgresql\nurl = postgresql://troupe@/bot?host=$place|" "$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts on PostgreSQL"
for name in fifth sixth seventh; do chat "/imagine prompt=\"a $name point\"" >/dev/null; done
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
like "$(chat '/get-image')" '^2\. a sixth point ' "after kill -9 they are listed"
like "$(chat '/get-image number=2')" '^\[file picture.png, [0-9]+ bytes: a sixth point\]$' "and shown"
is "$(sql 'SELECT (SELECT count(*) FROM blob_head), (SELECT count(*) FROM blob_part), (SELECT count(*) FROM blob_loose)')" "2|2|0" \
    "with no more bytes than these have"
member=$(sql 'SELECT member FROM "troupe:imagine".generated_images LIMIT 1')
"$TROUPE" user delete "$member" -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
is "$? $(sql 'SELECT (SELECT count(*) FROM blob_head), (SELECT count(*) FROM blob_part), (SELECT count(*) FROM "troupe:imagine".generated_images)')" "0 0|0|0" \
    "the member's deletion takes them"
host_stop
is $? 0 "the host ends well there, too"
tap_done
