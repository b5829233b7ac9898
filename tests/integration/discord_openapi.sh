#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every request that the host makes of Discord holds what Discord's own description of its API says:
# messages, edits, reactions, typing, interactions, webhooks, commands.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

DOCUMENT=${TROUPE_TEST_DATA:+$TROUPE_TEST_DATA/discord-openapi.json}
if [ -z "$DOCUMENT" ] || [ ! -r "$DOCUMENT" ]; then
    skip "requests hold Discord's description of its API" \
        "TROUPE_TEST_DATA names no folder with discord-openapi.json"
    tap_done
    exit 0
fi

check() { python3 "$TROUPE_SRCDIR/tests/lib/openapi.py" "$DOCUMENT" "$@"; }

# ---- the check itself -------------------------------------------------------------------------

# refuses PATTERN METHOD PATH BODY
refuses()
{
    printf '[{"method": "%s", "path": "/api/v10%s", "body": %s}]' "$2" "$3" "$4" >"$TAP_DIR/one.json"
    like "$(check "$TAP_DIR/one.json")" "$1" "the check refuses $2 $3 where the body $1"
}
refuses 'content is 5' POST /channels/1/messages '{"content": 5}'
refuses 'has 4001 characters' POST /channels/1/messages "{\"content\": \"$(printf '%4001s' x)\"}"
refuses 'tpye is not known' POST /channels/1/messages '{"content": "x", "tpye": 1}'
refuses 'lacks type' POST /interactions/1/t/callback '{}'
refuses 'no such operation' POST /channels/1/massages '{}'
refuses 'lacks name' PUT /applications/1/commands '[{"description": "x"}]'
refuses 'is not 0' PUT /applications/1/commands \
    '[{"name": "x", "description": "x", "contexts": [7]}]'

# ---- what the host says -----------------------------------------------------------------------

fake_start --model fake || exit 1
fake_discord_start --channels 2 || exit 1
python3 - >"$TAP_DIR/script.json" <<'PY'
import json
words = " ".join("word%d" % i for i in range(20))
long = "\n".join("line_%d_of_many_that_do_not_fit_into_one_message" % i for i in range(100))
print(json.dumps({"rules": [
    {"match": "slowly", "answer": "{last} " + words, "chunk_words": 1, "delay_ms": 150},
    {"match": "as code", "answer": "{last}\n```c\n" + long + "\n```"},
    {"match": "at length", "answer": "{last} " + long, "chunk_words": 40},
]}))
PY
fake_script "$TAP_DIR/script.json"
fake_discord_call set '{"record": true}' >/dev/null
write_config
cat >>"$TAP_DIR/troupe.ini" <<INI
[agent reminder]
[agent slash]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/slash.so
isolation = inprocess
[agent asker]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/actor.so
isolation = inprocess
script = ask 600000 Shall I do it?;form 600000 Who are you?;pick 1 2 600000 Which of them?
[agent attach]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/attach.so
isolation = inprocess
[stage asker]
channels = 300000000000000001
[discord]
token = fake-token
api = $DISCORD_API
INI
sed -i 's/^stages = .*/stages = asker, conversation/' "$TAP_DIR/troupe.ini"
chmod 600 "$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts"
fake_discord_wait connected 1
registered() { [ "$(fake_discord_report commands_put)" -ge 1 ]; }
until_true registered
ok $? "it registers its commands"

says() { fake_discord_text "$1" | grep -q "$2"; }
n=$(fake_discord_say general alice "{mention} tell it slowly {token}")
until_true says "$n" word19
ok $? "it answers by edits"
n=$(fake_discord_say general bob "{mention} tell it at length {token}")
whole() { fake_discord_call "messages?channel=general" | grep -q "line_99_of_many"; }
until_true whole
ok $? "and in several messages"
fake_discord_say channel-1 alice "{mention} please {token}" >/dev/null
asked() { fake_discord_call "messages?channel=channel-1" | grep -q "Shall I do it"; }
until_true asked
last() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
acknowledged() { [ "$(last callback)" = "$1" ]; }
fake_discord_call press '{"member": "bob", "channel": "channel-1", "index": 0}' >/dev/null
until_true acknowledged 4
ok $? "it answers the press of somebody else privately"
fake_discord_call press '{"member": "alice", "channel": "channel-1", "index": 1}' >/dev/null
until_true acknowledged 7
ok $? "and takes the one of who was asked"
in_one() { fake_discord_call "messages?channel=channel-1" | grep -q "$1"; }
until_true in_one "Who are you"
fake_discord_call press '{"member": "alice", "channel": "channel-1", "index": 0}' >/dev/null
until_true acknowledged 9
ok $? "it opens a form"
fake_discord_call submit '{"values": ["Alice", "because"]}' >/dev/null
until_true acknowledged 7
ok $? "and takes what was filled in"
until_true in_one "Which of them"
fake_discord_call press '{"member": "alice", "channel": "channel-1", "index": 0, "choice": [0, 2]}' >/dev/null
until_true in_one "0,2"
ok $? "and what was chosen from a list"
used() { fake_discord_call slash "$1" >/dev/null; until_true answered "$2"; }
answered() { last text | grep -q "$1"; }
told() { fake_discord_call "messages?channel=general" | grep -q "$1"; }
used '{"name": "echo", "options": {"text": "hello {token}"}, "member": "alice", "channel": "general"}' hello
ok $? "a command"
used '{"name": "help", "member": "alice", "channel": "general"}' 'I am'
ok $? "and a private one"
fake_discord_call slash '{"name": "deep", "options": {"n": -1}, "member": "alice", "channel": "general"}' >/dev/null
until_true told 'must be'
ok $? "and one that is wrong"
fake_discord_call menu '{"name": "Look at", "whom": "bob", "member": "alice", "channel": "general"}' >/dev/null
until_true answered 'looked at'
ok $? "and one from a menu"
fake_discord_call complete '{"name": "echo", "option": "text", "value": "a", "channel": "general"}' >/dev/null
until_true acknowledged 8
ok $? "and one that is being typed"
before=$(fake_discord_report uploads)
fake_discord_call slash '{"name": "sketch", "options": {"what": "file a.png image/png 9 A picture;file b.bin a/b 1;say done {token}"}, "member": "alice", "channel": "general"}' >/dev/null
drawn() { [ "$(fake_discord_report uploads)" -ge $((before + 2)) ]; }
until_true drawn
ok $? "an answer comes with two files"
fake_discord_call set '{"callback_ms": 0}' >/dev/null
fake_discord_call slash '{"name": "echo", "options": {"text": "late {token}"}, "member": "alice", "channel": "general"}' >/dev/null
until_true told '/echo: late'
ok $? "and one that is too late are answered"
host_stop
is $? 0 "the host stops"

sed -i 's/^api = .*/&\nauto_thread = yes\nbuttons = regenerate, rate, stop/' "$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts with threads and buttons"
fake_discord_say general alice "{mention} this as code {token}" >/dev/null
uploaded() { [ "$(fake_discord_report uploads)" -ge 1 ] && [ "$(fake_discord_report threads)" -ge 1 ]; }
until_true uploaded
ok $? "an answer comes in a thread, with a file"
fake_discord_wait answered 1
host_stop
is $? 0 "the host stops"

fake_discord_call requests >"$TAP_DIR/requests.json"
wrong=$(check "$TAP_DIR/requests.json" \
    "POST /channels/{channel_id}/messages" \
    "PATCH /channels/{channel_id}/messages/{message_id}" \
    "POST /channels/{channel_id}/messages/{message_id}/threads" \
    "POST /channels/{channel_id}/typing" \
    "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me" \
    "DELETE /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me" \
    "POST /interactions/{interaction_id}/{interaction_token}/callback" \
    "POST /webhooks/{webhook_id}/{webhook_token}" \
    "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original" \
    "DELETE /webhooks/{webhook_id}/{webhook_token}/messages/@original" \
    "GET /applications/{application_id}/commands" \
    "PUT /applications/{application_id}/commands")
is "$(sed '$d' <<<"$wrong" | sort -u | head -n 20)" "" "every request holds what Discord describes"
[ "$(tail -n 1 <<<"$wrong")" -ge 20 ]
ok $? "and all kinds of them were made"
tap_done
