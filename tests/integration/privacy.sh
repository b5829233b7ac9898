#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What is kept about a member: shown to the member alone, exported for the operator, and deleted, so that
# neither the database nor its log has a trace of it; also of agents that are not there, and through
# kill -9.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/author.sh"

built()
{
    gcc -O1 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden "-I$TROUPE_SRCDIR/sdk/include" \
        "-Wa,-I$TROUPE_SRCDIR/sdk/examples/$1" -o "$TAP_DIR/$1.so" "$TROUPE_SRCDIR/sdk/examples/$1/$1.c"
}
built poll && built digest
is $? 0 "the examples are built"

fake_start --model fake || exit 1
fake_discord_start || exit 1
write_discord_config </dev/null
sed -i 's/^stages = conversation/&\nobservers = digest/' "$TAP_DIR/troupe.ini"
for name in poll digest; do plugin_config "$name" "$TAP_DIR/$name.so"; done
sed -i '/^\[agent poll\]/,/^isolation/s/inprocess/process/' "$TAP_DIR/troupe.ini" # beside the host, too
sed -i '/^\[agent poll\]/,/^isolation/s/inprocess/process/' "$TAP_DIR/troupe.ini"
printf '[agent reminder]\n' >>"$TAP_DIR/troupe.ini"

BOB=$(fake_discord_call world | fake_discord_get '[m["id"] for m in d["members"] if m["name"] == "bob"][0]' 2>/dev/null)
BOB=${BOB:-400000000000000001}
messages() { fake_discord_call "messages?channel=general"; }
count() { messages | fake_discord_get 'len([m for m in d if m["bot"]])'; }
grown() { [ "$(count)" -gt "$1" ]; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
last() { messages | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]' | grep -qE -- "$1"; }
says() { interaction text | grep -qE -- "$1"; }
slash()
{
    fake_discord_call slash "{\"name\": \"$2\", \"member\": \"$1\", \"channel\": \"general\", \"options\": ${3:-{\}}}" >/dev/null
}
cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }
# How often the text stands in the files of the database, as they are on the disk.
on_disk() { cat "$TAP_DIR"/data/troupe.db* | grep -aoF -- "$1" | wc -l; }
none_on_disk() { [ "$(on_disk "$1")" = 0 ]; }

host_start || exit 1
fake_discord_wait connected 1

# ---- something to know about bob

before=$(count)
fake_discord_say general bob "{mention} my canary is yellow-bird-4711 {token}" >/dev/null
until_true grown "$before"
before=$(count)
slash alice poll '{"question": "Which colour?", "options": "red|green"}'
until_true grown "$before"
before=$(count)
slash bob vote
until_true grown "$before"
fake_discord_call press '{"member": "bob", "channel": "general", "index": 1}' >/dev/null
until_true last "^You voted for green"
slash alice digest
until_true last "summed up"
fake_discord_say general bob "just talking" plain >/dev/null
before=$(count)
slash bob remind '{"text": "feed yellow-bird-4711", "when": "in 3 days"}'
until_true grown "$before"
before=$(count)
fake_discord_say general alice "{mention} my dog is brown-dog-0815 {token}" >/dev/null
until_true grown "$before"
[ "$(on_disk yellow-bird-4711)" -gt 0 ] && [ "$(on_disk "$BOB")" -gt 0 ]
ok $? "messages, votes and reminders of a member are kept"

# ---- shown

slash bob privacy
until_true says "What you and I said to each other \(conversation\)"
ok $? "/privacy tells what agents keep, in their words"
is "$(interaction ephemeral)" True "to the one who asks, alone"
fake_discord_call set '{"record": true}' >/dev/null
slash bob privacy '{"action": "show"}'
until_true says "What is kept about you:"
sent() { fake_discord_call requests | grep -qF -- "$1"; }
until_true sent code-1.json
ok $? "/privacy show sends it as a file"
is "$(interaction ephemeral)" True "to the one who asks, alone"
is "$(fake_discord_call requests | fake_discord_get '[r["body"].get("flags") for r in d if "code-1.json" in str(r["body"].get("attachments"))]')" \
    "[64]" "the file, too"
fake_discord_call set '{"record": false}' >/dev/null
cli user export "$BOB" >"$TAP_DIR/export.json"
is "$(fake_discord_get 'd["member"]' <"$TAP_DIR/export.json")" "$BOB" "an operator exports it as JSON"
is "$(fake_discord_get 'sorted(d["agents"])' <"$TAP_DIR/export.json")" "['conversation', 'digest', 'poll']" \
    "with what each agent keeps"
is "$(fake_discord_get '[r for t in d["agents"]["poll"] for r in t["rows"]]' <"$TAP_DIR/export.json")" \
    "[{'poll': 1, 'choice': 1}]" "row by row"
is "$(fake_discord_get 'len(d["core"]["jobs"])' <"$TAP_DIR/export.json")" 1 "and what is planned for the member"
unlike "$(cat "$TAP_DIR/export.json")" "brown-dog" "and nothing of somebody else"

# ---- deleted, with an agent that is gone, through kill -9

slash bob privacy '{"action": "delete"}'
until_true says "sure:yes"
ok $? "/privacy delete asks first"
is "$(cli user list)" "no deletion is open" "and does nothing yet"
sed -i '/^\[agent digest\]/,/^isolation/d; s/^observers = digest//' "$TAP_DIR/troupe.ini"
is "$(cli reload | tail -n 1)" "reloaded" "an agent that keeps something is switched off"
slash bob privacy '{"action": "delete", "sure": true}'
until_true says "will be deleted"
ok $? "/privacy delete sure:yes is answered"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start || exit 1
fake_discord_wait connected 1
is_open() { [ "$(cli user list)" = "no deletion is open" ]; }
until_true is_open
ok $? "after kill -9 it is done to its end"
for text in yellow-bird-4711 "$BOB"; do
    until_true none_on_disk "$text"
    is "$(on_disk "$text")" 0 "\"$text\" is not in the database's files any more"
done
[ "$(on_disk brown-dog-0815)" -gt 0 ]
ok $? "what is kept about others is there"
before=$(count)
slash alice results
until_true grown "$before"
like "$(messages | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]')" "^1 green" \
    "a vote that was made anonymous is counted"
cli user export "$BOB" >"$TAP_DIR/export.json"
is "$(fake_discord_get 'd["core"], d["agents"]' <"$TAP_DIR/export.json")" "({}, {})" "nothing is left to export"

# ---- by the operator

before=$(count)
fake_discord_say general bob "{mention} green-bird-4712 {token}" >/dev/null
until_true grown "$before"
is "$(cli user delete "$BOB")" "deleted" "an operator deletes it in one step"
is "$(on_disk green-bird-4712) $(on_disk "$BOB")" "0 0" "at whose end it is gone from the disk"
like "$(cli user delete "")" "take the member's id" "an id has to be given"
like "$(cli user forget 1)" "export ID, delete ID or list" "and a word that is known"

# ---- an agent that does not say what it keeps, and later does

sed -e '/^ *\/\* Who is deleted is counted/,$d' "$TROUPE_SRCDIR/sdk/examples/poll/poll.c" |
    sed -e 's/poll_sql, poll_back}),$/poll_sql, poll_back}));/' -e 's/TROUPE_LIST(poll, vote, results)/TROUPE_LIST(vote)/' \
        -e 's/^TROUPE_FUNCTION(\(poll\|results\),/__attribute__((unused)) &/' -e 's/org.example.poll/org.example.quiet/' >"$TAP_DIR/quiet.c"
silent()
{
    gcc -O1 -Wno-unused-function -fPIC -shared -fvisibility=hidden "-I$TROUPE_SRCDIR/sdk/include" \
        "-Wa,-I$TROUPE_SRCDIR/sdk/examples/poll" -o "$TAP_DIR/quiet.so" "$TAP_DIR/quiet.c"
}
silent
is $? 0 "an agent is built that says nothing of members"
plugin_config quiet "$TAP_DIR/quiet.so"
is "$(cli reload | tail -n 1)" "reloaded" "it is loaded"
like "$(cli user export "$BOB" | tr -d ' \n')" '"silent":\["quiet"\]' "an export names it"
like "$(cli user delete "$BOB")" "quiet: the agent does not say" "a deletion tells that it is open there"
sed -i '/^\[agent quiet\]/,/^isolation/d' "$TAP_DIR/troupe.ini"
cli reload >/dev/null
like "$(cli user list)" "quiet: the agent does not say" "and is remembered while the agent is gone"
sed -i 's/poll_sql, poll_back}));$/poll_sql, poll_back}), .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("vote", "Votes")));/' "$TAP_DIR/quiet.c"
silent
plugin_config quiet "$TAP_DIR/quiet.so"
is "$(cli reload | tail -n 1)" "reloaded" "a build that says it comes"
until_true is_open
ok $? "and the deletion is done"
sed -i 's/TROUPE_USER_TABLE("vote"/TROUPE_USER_TABLE("votes"/' "$TAP_DIR/quiet.c"
silent
like "$(cli reload)" "agent quiet.*its user_data: .*no such table" "a table that is not there is refused at a reload"
host_stop
is $? 0 "the host ends well"
tap_done
