#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A word or an option that means nothing is refused by every subcommand, in a sentence with the remedy:
# nobody believes in one that does nothing.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

INI="$TAP_DIR/troupe.ini"
t() { timeout 60 "$TROUPE" "$@" 2>&1 </dev/null; }

# refused CODE PATTERN WORD…: ends with the code, and a line of it matches.
refused()
{
    local code=$1 pattern=$2 out status
    shift 2
    out=$(t "$@")
    status=$?
    is $status "$code" "troupe $* ends with $code"
    like "$out" "$pattern" "and says what to write instead"
}

fake_start --model fake || exit 1
write_config
host_start
is $? 0 "the host starts"

subcommands=$(t help | awk '/^  [a-z]/ { print $1 }')
is "$(wc -w <<<"$subcommands")" "$(t help | grep -c '^  [a-z]')" "help lists the subcommands"
for subcommand in $subcommands; do
    refused 64 'option "--nonsense" is not known.*see troupe help' "$subcommand" --nonsense
done

for subcommand in init doctor run chat check config status reload plugins functions budget audit tail stop \
    migrate reseal; do
    refused 64 "\"nonsense\" is too much: troupe $subcommand" "$subcommand" nonsense
done
refused 64 '"nonsense" is too much: troupe version' version nonsense
refused 64 'subcommand "nonsens" is not known; see troupe help' help nonsens
refused 64 'subcommand "stats" is not known, did you mean "status"' help stats
refused 64 '"more" is too much: troupe help' help check more
refused 64 '"nonsense" is nothing that troupe plugin does.*see troupe help plugin' plugin nonsense
refused 64 'nonsense' plugin describe "$TROUPE_BUILDDIR/plugins/hello/.libs/hello.so" nonsense
refused 64 'nonsense' plugin new thing --lang nonsense
refused 64 'schema takes nothing, or back' schema nonsense -c "$INI"
refused 64 'drain takes nothing, or "off"' drain nonsense -c "$INI"
refused 64 'nonsense.*error, warn, info or debug' log-level nonsense -c "$INI"
refused 64 'user export ID, delete ID or list' user nonsense -c "$INI"
refused 64 'nothing called "nonsense" is stopped; troupe usage' usage nonsense -c "$INI"
refused 64 '"more" is too much: troupe usage' usage one more -c "$INI"
refused 66 'nonsense' call nonsense -c "$INI"
refused 66 'nonsense' call help command=nonsense -c "$INI"
refused 66 'nonsense' why nonsense -c "$INI"
refused 66 'nonsense' call why number=nonsense -c "$INI"
refused 66 'nonsense' call config action=get key=nonsense -c "$INI"
refused 66 'nonsense.*name the folder of a plugin' dev "$TAP_DIR/nonsense"
for subcommand in backup restore; do
    refused 64 "\"more\" is too much: troupe $subcommand" "$subcommand" file more
done
t usage -c "$INI" >/dev/null
is $? 0 "what is right goes on to work"

host_stop
is $? 0 "the host ends"
tap_done
