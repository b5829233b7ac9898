#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Threads on Discord: the bot answers in a thread that it opens from the question, its messages go on
# there without a mention, through restarts and kill -9, and where it may open none it answers below the
# question.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

config()
{
    write_discord_config <<INI
$1
INI
}

# ask CHANNEL KIND TEXT [OWED]: alice writes; its answer is in $TAP_DIR/said.json; prints the number
ask()
{
    python3 -c 'import json, sys
say = {"channel": sys.argv[1], "member": "alice", "kind": sys.argv[2], "text": sys.argv[3]}
if len(sys.argv) > 4: say["owed"] = sys.argv[4] == "owed"
print(json.dumps(say))' "$@" >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" >"$TAP_DIR/said.json"
    fake_discord_get 'd["n"]' <"$TAP_DIR/said.json"
}
said_id() { fake_discord_get 'd["message"]' <"$TAP_DIR/said.json"; }
answered() { fake_discord_wait answered 1 30000 "${1:-300}"; }
in_channel() { fake_discord_call "messages?channel=$1"; }
bot_in() { in_channel "$1" | fake_discord_get '"\n".join(m["content"] for m in d if m["bot"])'; }

fake_start --model fake || exit 1
fake_discord_start || exit 1
config
host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

# ---- a thread of a member's

n=$(ask general mention "{mention} before the thread {token}")
answered
question=$(said_id)
thread=$(fake_discord_call thread "{\"message\": \"$question\", \"name\": \"talk\"}" | fake_discord_get 'd["id"]')
ask "$thread" plain "among ourselves {token}" >/dev/null
n=$(ask "$thread" mention "{mention} in a thread {token}")
answered
like "$(bot_in "$thread")" "in a thread tok-$n-" "a mention in a thread is answered there"
unlike "$(bot_in "$thread")" "among ourselves" "what was written before it is not the bot's business"
n=$(ask "$thread" plain "and now without {token}" owed)
answered
like "$(bot_in "$thread")" "and now without tok-$n-" "from there on the thread is for the bot"
like "$(fake_discord_text "$n")" "message 2 of this talk" "with the history of the thread"
is "$(fake_discord_report threads)" 1 "the bot opens none by itself"
fake_discord_call set '{"stop_expected": false}' >/dev/null
host_stop
is $? 0 "it stops well"

# ---- threads of the bot's

config "auto_thread = yes"
host_start
is $? 0 "the host starts with auto_thread"
n=$(ask "$thread" plain "after a restart {token}" owed)
answered
like "$(bot_in "$thread")" "after a restart tok-$n-" "a restart forgets no thread"

n=$(ask general mention "{mention} what is a thread? {token}")
answered
own=$(said_id)
like "$(bot_in "$own")" "what is a thread\? tok-$n-" "a question is answered in a thread of its own"
is "$(fake_discord_report threads)" 2 "that the bot opened"
n=$(ask "$own" plain "go on {token}" owed)
answered
like "$(bot_in "$own")" "go on tok-$n-" "where it goes on without a mention"
like "$(fake_discord_text "$n")" "message 2 of this talk" "as one talk with the question"
n=$(ask general mention "{mention} /hello {token}")
answered
like "$(bot_in general)" "Hello, alice" "a command is answered where it stands"
is "$(fake_discord_report threads)" 2 "without a thread"
n=$(ask dm:bob dm "privately {token}")
answered
like "$(fake_discord_text "$n")" "privately" "and so is a direct message"

fake_discord_call fault '{"on": "thread", "do": "status", "status": 403, "code": 50013}' >/dev/null
n=$(ask general mention "{mention} no thread here {token}")
answered
like "$(bot_in general)" "no thread here tok-$n-" "where no thread may be opened the answer stands below the question"
is "$(in_channel general | fake_discord_get 'd[-1]["reply_to"]')" "$(said_id)" "as a reply to it"

for what in lost_hang hang; do
    fake_discord_call fault "{\"on\": \"thread\", \"do\": \"$what\"}" >/dev/null
    before=$(fake_discord_report faults)
    n=$(ask general mention "{mention} killed while opening {token}")
    id=$(said_id)
    opening() { [ "$(fake_discord_report faults)" -gt "$before" ]; }
    until_true opening
    ok $? "a thread is being opened ($what)"
    kill -9 "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null
    fake_discord_call heal '{}' >/dev/null
    host_start
    is $? 0 "the host starts after kill -9"
    answered 3000
    like "$(bot_in "$id")" "killed while opening tok-$n-" "the answer comes in the thread"
    is "$(fake_discord_report lost)" 0 "nothing is lost"
    is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
done
fake_discord_call fault '{"on": "create", "do": "lost_hang"}' >/dev/null
before=$(fake_discord_report faults)
n=$(ask general mention "{mention} killed while answering {token}")
id=$(said_id)
until_true opening
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
fake_discord_call heal '{}' >/dev/null
host_start
answered 3000
is "$(bot_in "$id" | grep -c "killed while answering")" 1 "an answer in a thread is found again after kill -9"
is "$(fake_discord_report doubled)" 0 "and not repeated"
is "$(fake_discord_report mentions_absent)" 0 "every message forbids to ping"
host_stop
is $? 0 "it stops well"

config "auto_thread = yes
auto_thread_in = 300000000000000009"
host_start
before=$(fake_discord_report threads)
n=$(ask general mention "{mention} elsewhere only {token}")
answered
like "$(bot_in general)" "elsewhere only" "auto_thread_in leaves other channels as they are"
is "$(fake_discord_report threads)" "$before" "no thread is opened there"
host_stop
is $? 0 "it stops well"
tap_done
