#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Reloads while the bot is busy on Discord: in a streamed answer, while a question waits for its press,
# and while turns that a kill -9 cut run again. Nothing is lost or said twice, and the connection to
# Discord has no part in it.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

ASKING=300000000000000000 TALKING=300000000000000001 OWNERS=300000000000000002
cat >"$TAP_DIR/llm.json" <<'JSON'
[{"delay_ms": 120, "answer": "{last} one two three four five six seven eight nine ten"}]
JSON
fake_start --model fake --script "$TAP_DIR/llm.json" || exit 1
fake_discord_start --channels 3 || exit 1
mkdir "$TAP_DIR/plugins"
swap()
{
    cp "$TROUPE_BUILDDIR/tests/plugins_turn/.libs/$1.so" "$TAP_DIR/plugins/.new" &&
        mv "$TAP_DIR/plugins/.new" "$TAP_DIR/plugins/actor.so"
}
swap actor
write_config
sed -i 's/^stages = .*/stages = asker, conversation/' "$TAP_DIR/troupe.ini"
cat >>"$TAP_DIR/troupe.ini" <<INI
[agent asker]
plugin = $TAP_DIR/plugins/actor.so
isolation = inprocess
script = ask 600000 Shall I do it?
[stage asker]
channels = $ASKING
[stage conversation]
channels = $TALKING
[discord]
token = fake-token
api = $DISCORD_API
first_text = 100ms
report_channel = $OWNERS
INI
chmod 600 "$TAP_DIR/troupe.ini"

field() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | fake_discord_get "d[\"$1\"]"; }
reloads() { [ "$(field reloads)" -ge "$1" ]; }
contents() { fake_discord_call "messages?channel=$1" | fake_discord_get '[m["content"] for m in d if m["bot"]]'; }
shown() { contents "$1" | grep -qF "$2"; }
end_of() { [[ "$(fake_discord_text "$1")" == *ten ]]; }

host_start
is $? 0 "the host starts"
pid=$HOST_PID
fake_discord_wait connected 1

# ---- a stream --------------------------------------------------------------------------------------
n=$(fake_discord_say "$TALKING" alice "{mention} stream {token}")
until_true shown "$TALKING" "tok-$n-"
ok $? "an answer is being streamed"
swap actor2
kill -HUP "$pid"
until_true reloads 1
ok $? "a reload takes place meanwhile"
until_true end_of "$n"
ok $? "and the answer comes to its end"

# ---- a wait ----------------------------------------------------------------------------------------
fake_discord_say "$ASKING" alice "{mention} please {token}" >/dev/null
until_true shown "$ASKING" "Shall I do it"
ok $? "a question is asked"
swap actor
kill -HUP "$pid"
until_true reloads 2
ok $? "another build is loaded while it waits"
fake_discord_call press "{\"member\": \"alice\", \"channel\": \"$ASKING\", \"index\": 1}" >/dev/null
until_true shown "$ASKING" Yes
ok $? "the press goes to the turn that asked"
is "$(fake_discord_report identifies)" 1 "Discord saw one identify"
is "$(fake_discord_report resumes)" 0 "and no resume"
is "$HOST_PID" "$pid" "from one process"

# ---- a refused one ----------------------------------------------------------------------------------
printf '\n[budget]\ndialy = 1\n' >>"$TAP_DIR/troupe.ini"
kill -HUP "$pid"
until_true shown "$OWNERS" "was refused"
ok $? "the owner's channel hears of a reload that was refused"
like "$(contents "$OWNERS")" 'troupe\.ini:[0-9]+: key "dialy".*did you mean "daily"' \
    "with file, line and remedy"
is "$(field reloads)" 2 "nothing has changed"
sed -i '/^\[budget\]$/,$d' "$TAP_DIR/troupe.ini"

# ---- a replay --------------------------------------------------------------------------------------
talks=()
for member in alice bob; do
    for i in 1 2 3; do
        talks+=("$(fake_discord_say "$TALKING" $member "{mention} replay $i {token}")")
    done
done
until_true shown "$TALKING" "tok-${talks[0]}-"
ok $? "several talks are under way"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
is $? 0 "the host starts after kill -9"
for i in 1 2 3 4 5; do
    if [ $((i % 2)) = 1 ]; then swap actor2; else swap actor; fi
    kill -HUP "$HOST_PID"
    until_true reloads 1
done
fake_discord_wait answered 0 60000 1500
ok $? "reloads while they run again lose none"
unfinished=$(for t in "${talks[@]}"; do fake_discord_text "$t"; done | grep -vE 'ten$|broke off')
is "$unfinished" "" "each one has its end, or says that it was cut"
is "$(fake_discord_report lost)" 0 "nothing is lost"
is "$(fake_discord_report doubled)" 0 "nothing is said twice"
is "$(fake_discord_report identifies)" 1 "the session was resumed"
is "$(fake_discord_report closes_1000)" 0 "and never given up"
host_stop
is $? 0 "the host ends with status 0"
fake_stop
tap_done
