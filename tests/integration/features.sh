#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Feature requests on Discord: by command, in a form and by a model after a confirmation; listed, voted for, decided
# by admins alone, told to who asked with a ping for them alone, also through kill -9 and in a process of its own;
# shown, exported and deleted with the member.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [
  { "match": { "last_role": "tool" }, "answer": "The tool said {tool}." },
  { "match": "stars", "tool_calls": [ { "name": "submit_feature", "arguments":
      { "title": "Stars <@400000000000000000>", "description": "for good answers", "create_pr": true } } ] },
  { "answer": "I heard {last}" }
] }
JSON
fake_start --model fake --script "$TAP_DIR/script.json" || exit 1
fake_discord_start || exit 1
write_discord_config <<INI
[agent features]
tell_within = 1s
INI
sed -i 's/^model = fake/model = fake\ntool_steps = 2/' "$TAP_DIR/troupe.ini"

BOB=400000000000000001
messages() { fake_discord_call "messages?channel=general"; }
said() { grep -qE -- "$1" <<<"$(messages | fake_discord_get '[m["content"] for m in d if m["bot"]]')"; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
# answered TEXT: the last command's answer, shown to everybody or to one
answered() { grep -qE -- "$1" <<<"$(interaction text | tr '\n' ' ')"; }
acknowledged() { [ "$(interaction callback)" != 0 ]; }
slash()
{
    fake_discord_call slash "{\"name\": \"$2\", \"member\": \"$1\", \"channel\": \"general\", \"options\": ${3:-{\}}}" >/dev/null
}
# ask MEMBER COMMAND OPTIONS ANSWER
ask() { slash "$1" "$2" "$3" && until_true answered "$4"; }
cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

# ---- asking

ask bob submit-feature '{"title": "Dark *mode*", "description": "my eyes hurt", "create_pr": true}' \
    'Kept as request #1: Dark .+mode'
ok $? "a command keeps a request"
answered "no agent here that works on a repository, so no pull request is made"
ok $? "and says that nobody makes a pull request of it"
slash bob request-feature
until_true said "What do you wish for"
ok $? "without arguments it asks"
fake_discord_call press '{"member": "bob", "channel": "general", "index": 0}' >/dev/null
until_true acknowledged
is "$(interaction callback)" 9 "by a form"
fake_discord_call submit '{"values": ["A quieter bot", "at night"]}' >/dev/null
until_true said "Kept as request #2: A quieter bot"
ok $? "of which the request is made"
fake_discord_say general bob "{mention} I want stars {token}" >/dev/null
until_true said "for good answers"
ok $? "what a model wants kept the member confirms, who sees what it says"
is "$(messages | fake_discord_get 'len([m for m in d if "The tool said" in m["content"]])')" 0 "before anything is done"
fake_discord_call press '{"member": "bob", "channel": "general", "index": 0}' >/dev/null
until_true said "The tool said Kept as request #3"
ok $? "and then it is kept"
ask bob request-feature '{"title": "Dark *mode*"}' "You asked for that already: it is #1"
ok $? "the same again is not"
fake_discord_say general alice '{mention} /submit-feature title="Typed words" {token}' >/dev/null
until_true said "Kept as request #4"
ok $? "a typed command does the same"

# ---- reading and voting

ask alice features '{}' 'votes?\).*#1'
ok $? "they are listed"
answered '#3\*\* Stars .{0,2}<.{0,2}@400000000000000000>'
ok $? "and what a member wrote is no mention"
ask alice vote-feature '{"number": 1}' "You voted for request #1"
ok $? "others vote"
is "$(interaction ephemeral)" True "and are answered alone"
ask alice feature '{"number": 1}' "#1.*1 vote.*my eyes hurt.*https://discord.com/channels/200000000000000000/[0-9]+/[0-9]+"
ok $? "one is shown whole with a link to where it was made"
ask alice withdraw-feature '{"number": 2}' "somebody else's"
ok $? "nobody takes back what others asked for"

# ---- deciding and telling

slash bob feature-status '{"number": 1, "status": "done"}'
until_true acknowledged
ask bob features '{"status": "done"}' "no such requests"
ok $? "a member decides nothing"
ask alice feature-status '{"number": 1, "status": "declined"}' "Say why it is declined"
ok $? "an admin says why"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
sed -i 's/^\[agent features\]/&\nisolation = process/' "$TAP_DIR/troupe.ini"
host_start
fake_discord_wait connected 1
is "$(cli plugins --json | fake_discord_get '[p["isolation"] for p in d if p["agent"] == "features"][0]')" process \
    "after kill -9 the agent runs in a process of its own"
ask alice feature-status '{"number": 1, "status": "declined", "reason": "Discord has it"}' "Request #1 is declined now"
ok $? "what an admin decides holds"
until_true said "<@$BOB> what you wished for:.*#1\*\* Dark .+mode.+\(declined, 1 vote\): Discord has it"
ok $? "and who asked is told, with the reason"
is "$(messages | fake_discord_get 'sum("what you wished for" in m["content"] for m in d)')" 1 "once"
is "$(fake_discord_report pings)" 1 "they are pinged, and nobody else ever is"
ask alice vote-feature '{"number": 1}' "is declined already"
ok $? "what is decided gets no votes"
ask bob withdraw-feature '{"number": 2}' "Request #2 is taken back"
ok $? "who asked takes it back"

# ---- the member's data

like "$(cli user export "$BOB")" "Dark .mode" "requests are exported with the member"
unlike "$(cli user export "$BOB")" "Typed words" "and nobody else's"
ask bob privacy '{"action": "delete", "sure": true}' "will be deleted"
closed() { [ "$(cli user list)" = "no deletion is open" ]; }
until_true closed
gone() { ! cat "$TAP_DIR"/data/troupe.db* | grep -qaF -e "my eyes hurt" -e "for good answers"; }
until_true gone
ok $? "nothing of them is on the disk, nor in what others were shown"
left=$(python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
print(db.execute("SELECT (SELECT count(*) FROM features__feature_requests WHERE member = ?1) + "
                 "(SELECT count(*) FROM features__feature_votes WHERE member = ?1)", sys.argv[2:]).fetchone()[0])' \
    "$TAP_DIR/data/troupe.db" "$BOB")
is "$left" 0 "and deleted with them"
ask alice features '{}' "#4"
ok $? "what others asked for stays"
host_stop
is $? 0 "the host ends well"
tap_done
