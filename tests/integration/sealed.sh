#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Encryption at rest of what agents keep: of documents, what memories are about, running summaries, values and
# files no word stands in any file of the data directory, and all of it is read back after kill -9; what a build
# before this one wrote in the clear is encrypted by `troupe reseal`.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/canaries.sh"

in_clear() { grep -rlaE -- "$1" "$TAP_DIR/data"; }
key_is() { sed -i "s#^encrypt.*#$1#" "$TAP_DIR/troupe.ini"; }
# What the model was given with the last question of a talk.
given() { curl -sf --noproxy '*' "$FAKE_URL/_log" | tail -c 6000; }

python3 -c 'import os; print(os.urandom(32).hex())' >"$TAP_DIR/key"
chmod 600 "$TAP_DIR/key"
fake_start --model fake || exit 1
fake_discord_start || exit 1
canaries_host "[store]" "encrypt_key = \${file:$TAP_DIR/key}" || exit 1
canary_slash bob preferences "{\"name\": \"$CANARY-nick\"}"
canaries_put
summed_up() { canary_cli user export "$BOB" | grep -q "$CANARY-summary-4711"; }
until_true summed_up
ok $? "a member's words are kept in every place"
is "$(in_clear "$CANARY-(message|reply|file|remembered|immediate|document|reminder|wish|hoard-(field|key|trace|blob)|given|summary|nick|dead|undelivered)")" "" \
    "no file of the data directory has one of them"
is "$(in_clear 'my wombat/name|my wombat')" "" "nor what a memory is about"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
fake_discord_wait connected 1
canary_say bob "{mention} when does the $CANARY-document-4711 sing? {token}"
like "$(given)" "sings at six" "after kill -9 the document is found"
like "$(given)" "$CANARY-summary-4711" "and the summary goes along"
canary_say bob "{mention} remember that my wombat is called Tom"
until_true canary_said "instead of: my wombat is called $CANARY-remembered-4711"
ok $? "a newer name takes the place of the older one, which is known by what it is about"
is "$(in_clear "$CANARY-(document|summary|remembered)|my wombat")" "" "still nothing is in the clear"
host_stop
is $? 0 "the host ends well"

key_is "encrypt_old_keys = \${file:$TAP_DIR/key}"
like "$(canary_cli reseal)" "values are in the clear again" "encryption is ended"
[ -n "$(in_clear "$CANARY-document")" ] && [ -n "$(in_clear 'my wombat/name')" ]
ok $? "and a database is as a build without it wrote it"
key_is "encrypt_key = \${file:$TAP_DIR/key}"
like "$(canary_cli reseal)" "^[1-9][0-9]* values are encrypted" "reseal encrypts it"
is "$(in_clear "$CANARY-(document|remembered|immediate)|my wombat")" "" "documents and memories, though nothing of them was before"
tap_done
