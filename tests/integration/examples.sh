#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The examples of the SDK as an author meets them: built out of tree with the installed package, then
# run against the fake Discord and the fake model.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/author.sh"

author_install
is $? 0 "the package is installed into a root of its own"
for name in dice poll translator digest; do
    cp -r "$TROUPE_SHARE/examples/$name" "$TAP_DIR/$name"
    make -C "$TAP_DIR/$name" CFLAGS='-O2 -Wall -Wextra -Werror' >"$TAP_DIR/make.log" 2>&1
    is $? 0 "$name builds with make, without a warning" || sed 's/^/# /' "$TAP_DIR/make.log"
done

fake_start --model fake || exit 1
fake_discord_start || exit 1
printf '{"rules": [{"match": {"system": "Into: German"}, "answer": "Guten \\"Morgen\\""},
    {"match": {"system": "Into: English"}, "answer": "Good morning"}]}' >"$TAP_DIR/script.json"
fake_script "$TAP_DIR/script.json"
# A key of the section [pipeline message], before the other sections.
write_discord_config </dev/null
sed -i 's/^stages = conversation/&\nobservers = digest/' "$TAP_DIR/troupe.ini"
for name in dice poll translator digest; do plugin_config "$name" "$TAP_DIR/$name/$name.so"; done

messages() { fake_discord_call "messages?channel=${1:-general}"; }
count() { messages | fake_discord_get 'len([m for m in d if m["bot"]])'; }
grown() { [ "$(count)" -gt "$1" ]; }
# What the bot said last, with its buttons.
last() { messages | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]'; }
labels() { messages | fake_discord_get '[b["label"] for m in d if m["bot"] for r in m["components"] for b in r["components"]]'; }
says() { last | grep -qE -- "$1"; }
slash()
{
    fake_discord_call slash "{\"name\": \"$2\", \"member\": \"$1\", \"channel\": \"general\", \"options\": ${3:-{\}}}" >/dev/null
}
# used MEMBER COMMAND OPTIONS PATTERN: the command is answered like that
used()
{
    local before
    before=$(count)
    slash "$1" "$2" "$3"
    until_true grown "$before" && until_true says "$4"
}
press() { fake_discord_call press "{\"member\": \"$1\", \"channel\": \"general\", \"index\": $2}" >/dev/null; }
asked() { [ "$(labels)" = "$1" ]; }

host_start || exit 1
ok $? "a host with all of them starts"
fake_discord_wait connected 1

# ---- dice

# With so many sides that they are never all at their best: a question nobody answers would stay.
used alice roll '{"sides": 1000, "count": 3}' '^you rolled [0-9]+$'
ok $? "dice: /roll is answered"
like "$("$TROUPE" call dice.roll -c "$TAP_DIR/troupe.ini" 2>&1)" "^(you rolled [1-6])$|cannot be asked|nobody" \
    "dice: so is a call from the shell"
like "$("$TROUPE" call dice.roll sides=1000 count=3 -c "$TAP_DIR/troupe.ini" 2>&1)" "^you rolled [0-9]+$" \
    "dice: with the numbers that are given there"

# roll_best: rolls two coins until both are at their best, and the question stands.
roll_best()
{
    local before tries=0
    while [ "$tries" -lt 200 ]; do
        tries=$((tries + 1))
        before=$(count)
        slash alice roll '{"sides": 2, "count": 2}'
        until_true grown "$before" || return 1
        until_true says '^(you rolled [0-9]+|All best!.*)$' || return 1
        if says '^All best'; then
            until_true asked "['Again', 'Enough']"
            return
        fi
    done
    return 1
}
# New dice would show a 4 in one of four cases only: four rounds leave one in 256.
for round in 1 2 3 4; do
    roll_best
    ok $? "dice: with all at their best it asks (round $round)"
    kill_child dice
    ok $? "dice: its process is killed at the question, and comes back"
    if [ $((round % 2)) = 1 ]; then
        kill -9 "$HOST_PID"
        wait "$HOST_PID" 2>/dev/null
        host_start
        is $? 0 "dice: the host is killed and comes back"
        fake_discord_wait connected 1
    else
        sed -i 's/"1\.0\.0"/"1.0.'"$round"'"/' "$TAP_DIR/dice/dice.c"
        make -s -C "$TAP_DIR/dice" CFLAGS=-O1 >/dev/null
        "$TROUPE" reload -c "$TAP_DIR/troupe.ini" >"$TAP_DIR/reload"
        is $? 0 "dice: another build is taken over by reload"
        kill_child dice
        ok $? "dice: whose process is killed, and comes back"
    fi
    press alice 1
    until_true says '^you rolled 4$'
    ok $? "dice: the answer has the dice of the first run"
done

# ---- poll

used alice poll '{"question": "Which colour?", "options": "red|green|blue"}' '^Poll: Which colour'
ok $? "poll: /poll opens one"
vote()
{
    local before
    before=$(count)
    slash "$1" vote
    until_true grown "$before" && until_true asked "['red', 'green', 'blue']" || return 1
    press "$1" "$2"
    until_true says "^You voted for $3"
}
vote alice 0 red
ok $? "poll: /vote asks by buttons"
vote bob 2 blue
ok $? "poll: and others too"
vote alice 2 blue
ok $? "poll: a member may change it"
used bob results '{}' '^0 red'
until_true says '^2 blue$'
ok $? "poll: each member counts once, with the last vote"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
fake_discord_wait connected 1
used bob results '{}' '^2 blue$'
ok $? "poll: the count is the same after a kill"
used bob poll '{"question": "One?", "options": "alone"}' 'two to five answers'
ok $? "poll: what is no poll is refused with a remedy"

# ---- translator

used bob translate '{"text": "Bom \"dia\"\\n"}' '^Good morning$'
ok $? "translator: the model is asked for the default language"
used alice config '{"action": "set", "key": "translator.language", "value": "German", "scope": "channel"}' 'is now "German"'
ok $? "translator: /config sets another one for the channel"
used bob translate '{"text": "Bom dia"}' '^Guten "Morgen"$'
ok $? "translator: which holds at once"
like "$(curl -s --noproxy '*' "$FAKE_URL/_log" | fake_discord_get '[m["content"] for r in d for m in r["messages"]]')" \
    'Bom "dia"' "translator: a text reaches the model as it was typed"

# ---- digest

used alice digest '{"when": "in 6 seconds"}' '^This channel is summed up'
ok $? "digest: /digest plans it"
for n in 1 2 3; do fake_discord_say general alice "plain words $n" plain >/dev/null; done
fake_discord_say general bob "more" plain >/dev/null
until_true says '^Since the last digest: 4 messages of 2 members\.$'
ok $? "digest: it says how much was said, and by how many"
used alice digest '{}' 'every day at 09:00'
ok $? "digest: it is daily without another time"

is "$(fake_discord_report doubled)" 0 "nothing was answered twice"
is "$(fake_discord_report pings)" 0 "nobody was pinged"
host_stop
is $? 0 "the host stops well"
tap_done
