#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# /privacy delete, on a file: of words that a member left in every place there is, no byte is left in any file
# below the data directory, nor in the log; what is kept about others is there.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/canaries.sh"

on_disk() { grep -rlaF -- "$1" "$TAP_DIR/data"; }
none_on_disk() { [ -z "$(on_disk "$CANARY")" ]; }
some_on_disk() { [ -n "$(on_disk "$1")" ]; }

fake_start --model fake || exit 1
fake_discord_start || exit 1
canaries_host "[agent heart]" "plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/heart.so" "note = one" || exit 1
canaries_put
# What an agent has in its memory goes from the old one to the new one.
canary_slash bob take "{\"word\": \"$CANARY-heart\"}"
until_true canary_says "taken"
handed_over()
{
    sed -i "s/^note = .*/note = $1/" "$TAP_DIR/troupe.ini"
    canary_cli reload >/dev/null && canary_slash alice tell && until_true canary_says "it has 14 letters"
}
handed_over two
ok $? "a reload hands over what an agent has in its memory"
for place in $(canaries_places); do
    until_true some_on_disk "$CANARY-$place"
    ok $? "a member's words are kept: $place"
done
canaries_erase
ok $? "the member deletes all of it"
until_true none_on_disk
ok $? "no file below the data directory has one of them"
for file in $(on_disk "$CANARY"); do grep -aoE -- "$CANARY-[a-z]+" "$file" | sort | uniq -c | sed "s#^#\# ${file##*/}#"; done
is "$(on_disk "$BOB")" "" "nor the member's id"
is "$(canary_logged "$TAP_DIR/log")" 0 "the log has none"
canary_slash alice rummage
until_true canary_said "cached: "
like "$(canary_messages | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]')" "cached: nothing and nothing" \
    "nothing that the member had put where everybody finds it is cached"
for word in nuthatch-message-0815 nuthatch-remembered-0815 nuthatch-wish-0815; do
    some_on_disk $word
    ok $? "what is kept about others is there: $word"
done
handed_over three
ok $? "a reload hands over what an agent has in its memory still"
is "$(on_disk "$CANARY")" "" "and writes nothing of it"
host_stop
is $? 0 "the host ends well"
is "$(on_disk "$CANARY")" "" "and leaves nothing behind"
tap_done
