#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The cookbook does what it says: its blocks run in order, outside of the tree, with the installed
# package only; then members use the command on the fake Discord. Prints how long each step took.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/author.sh"

seconds() { awk -v from="$1" -v to="$(date +%s%N)" 'BEGIN { printf "%.1f", (to - from) / 1e9 }'; }

author_install || exit 1
fake_start --model fake || exit 1
fake_discord_start || exit 1
write_discord_config </dev/null
export TROUPE_INI=$TAP_DIR/troupe.ini
cookbook=$(find "$TAP_DIR/root" -name cookbook.md)
begun=$(date +%s%N)

# Block N begins behind the N-th line ```sh; each is a shell of its own, in the folder of the last.
blocks=$(grep -c '^```sh$' "$cookbook")
here=$TAP_DIR
for ((n = 1; n <= blocks; n++)); do
    awk -v n="$n" '/^```/ { if (inside) inside = 0; else inside = /^```sh$/ && ++k == n; next } inside' \
        "$cookbook" >"$TAP_DIR/block"
    title=$(awk -v n="$n" '/^## / { t = substr($0, 4) } /^```sh$/ && ++k == n { print t; exit }' "$cookbook")
    step=$(date +%s%N)
    (cd "$here" && exec bash -e -c '. "$1"; pwd >"$2"' block "$TAP_DIR/block" "$TAP_DIR/here") \
        >"$TAP_DIR/block.log" 2>&1
    status=$?
    printf '# %-40s %6s s\n' "$title (block $n)" "$(seconds "$step")"
    is "$status" 0 "block $n holds: $title"
    [ "$status" = 0 ] || sed 's/^/# /' "$TAP_DIR/block.log"
    [ ! -s "$TAP_DIR/here" ] || here=$(cat "$TAP_DIR/here")
done
[ "$blocks" -ge 6 ]
ok $? "the cookbook has its blocks"

step=$(date +%s%N)
host_start || exit 1
fake_discord_wait connected 1
said() { fake_discord_call "messages?channel=general" | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]'; }
says() { said | grep -qE -- "$1"; }
fake_discord_call slash '{"name": "coin", "member": "bob", "channel": "general"}' >/dev/null
until_true says '^Heads or tails\?$'
ok $? "members use the command on Discord"
fake_discord_call press '{"member": "bob", "channel": "general", "index": 1}' >/dev/null
until_true says '^It shows (heads|tails)\. You have won [01]\.$'
ok $? "and it answers"
printf '# %-40s %6s s\n' "the command on the fake Discord" "$(seconds "$step")"
printf '# %-40s %6s s\n' "all of it" "$(seconds "$begun")"
host_stop
is $? 0 "the host stops well"
tap_done
