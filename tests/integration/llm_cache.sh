#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Kept answers through the whole host: asked once for those who ask the same at the same time, found by
# who asks later, told to members, counted on /metrics, and never in another server.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [ { "match": { "nth": 1 }, "answer": "{last} number {n}.", "first_delay_ms": 500 },
             { "answer": "{last} number {n}." } ] }
JSON
fake_start --model fake --script "$TAP_DIR/script.json" || exit 1
fake_discord_start --guilds 2 --channels 2 --members 4 || exit 1
write_discord_config <<INI
[agent asker]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/asker.so
isolation = inprocess
INI
sed -i 's/^stages = .*/stages = asker/; s/^model = fake/&\ntool_steps = 0/' "$TAP_DIR/troupe.ini"

requests() { curl -sf --noproxy '*' "$FAKE_URL/_stats" | fake_discord_get 'd["chats"]'; }
# say CHANNEL MEMBER WORDS: as fake_discord_say, and does not wait.
say() { fake_discord_say "$1" "$2" "{mention} $3 {token}"; }
answered() { fake_discord_wait answered 1 30000 50; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
first=$(say '#0' alice "what is a troupe")
second=$(say '#1' bob "what is a troupe")
third=$(say '#0' '#2' "what is a troupe")
answered
is "$(requests)" 1 "three who ask the same at the same time are one request"
like "$(fake_discord_text "$first")" "what is a troupe number 1\." "the first gets its answer"
like "$(fake_discord_text "$second")" "what is a troupe number 1\..*cached.*true" \
    "the second the same, and is told"
like "$(fake_discord_text "$third")" "what is a troupe number 1\..*cached.*true" "the third too"

say '#0' '#3' "what is a troupe" >/dev/null
answered
is "$(requests)" 1 "who asks later in the same server gets the kept answer"
other=$(say '#2' alice "what is a troupe")
answered
is "$(requests)" 2 "in another server the model is asked"
unlike "$(fake_discord_text "$other")" "cached.:true" "and nothing is said to be kept"
say '#0' alice "about me and a troupe" >/dev/null
say '#0' alice "about me and a troupe" >/dev/null
answered
is "$(requests)" 4 "what is about a member is asked each time"

first=$(say '#0' alice "anywhere what is a stage")
answered
second=$(say '#2' bob "anywhere what is a stage")
answered
is "$(requests)" 5 "what belongs to no server is asked once for all of them"
like "$(fake_discord_text "$second")" "what is a stage number 5\..*cached.*true" \
    "and who asks it elsewhere is told"
unlike "$(fake_discord_text "$first")" "cached.:true" "the first is not"
say '#0' alice "meant one thing" >/dev/null
answered
say '#0' bob "meant the same thing" >/dev/null
answered
is "$(requests)" 6 "what means the same is asked once"
found=$("$TROUPE" status --json -c "$TAP_DIR/troupe.ini" |
    fake_discord_get '(lambda c: [c.get("hit", 0) + c.get("shared", 0), c["meant"], c["miss"]])(
        d["counted"]["llm"]["cache"])')
is "$found" "[4, 1, 4]" "troupe status counts what was found, by its meaning too, and what was not"

sed -i 's/^model = fake/&\nmax_tokens = 77/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
is $? 0 "a change of the config is taken over"
say '#1' '#2' "what is a troupe" >/dev/null
answered
is "$(requests)" 7 "and what was kept before it is not found any more"
host_stop
tap_done
