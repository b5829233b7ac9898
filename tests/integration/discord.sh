#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The bot on Discord as members see it: who is answered and who is not, answers that grow and are split,
# nobody pinged, and each message answered once through restarts and kill -9.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

discord_config()
{
    write_config
    cat >>"$TAP_DIR/troupe.ini" <<INI
[discord]
token = ${1:-fake-token}
api = $DISCORD_API
code_file = 0
INI
    chmod 600 "$TAP_DIR/troupe.ini"
}

# field NAME: a value of `troupe status`, by its path below "discord"
field()
{
    "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | fake_discord_get "d[\"discord\"]$1"
}

answered() { fake_discord_wait answered 1 30000 "${1:-300}"; }
ledger() { fake_discord_call "ledger?n=$1" | fake_discord_get "d[\"$2\"]"; }
at_least() { [ "$(ledger "$1" "$2")" -ge "$3" ]; }

fake_start --model fake || exit 1
fake_discord_start || exit 1
python3 - >"$TAP_DIR/script.json" <<'PY'
import json
words = " ".join("word%d" % i for i in range(24))
code = "\n".join("int a_variable_with_a_long_name_of_line_%d = %d;" % (i, i) for i in range(120))
print(json.dumps({"rules": [
    {"match": "slowly", "answer": "{last} " + words, "chunk_words": 1, "delay_ms": 150},
    {"match": "at length", "answer": "{last}\n```c\n" + code + "\n```\nThat is all.",
     "chunk_words": 40},
    {"match": "ping", "answer": "{last} @everyone @here <@400000000000000001> <@&600000000000000000>"},
]}))
PY
fake_script "$TAP_DIR/script.json"
discord_config
host_start
is $? 0 "the host starts with a token"
fake_discord_wait connected 1
ok $? "and is on Discord"

# ---- whom it answers

n=$(fake_discord_say general alice "{mention} hello {token}")
answered
ok $? "a mention is answered"
like "$(fake_discord_text "$n")" "You said: hello tok-$n-" "with the mention taken off"
like "$(fake_discord_call "messages?channel=general" | fake_discord_get 'd[-1]["reply_to"]')" "^[1-9]" \
    "as a reply to it"
n=$(fake_discord_say dm:bob bob "are you there? {token}" dm)
answered
like "$(fake_discord_text "$n")" "You said: are you there" "a direct message is answered"
n=$(fake_discord_say general alice "and then? {token}" reply)
answered
like "$(fake_discord_text "$n")" "and then" "a reply to the bot is answered without a mention"
n=$(fake_discord_say general alice "{mention} /hello {token}" command)
answered
like "$(fake_discord_text "$n")" "Hello, alice" "a command in a message runs"
n=$(fake_discord_say general bob "{mention} {token}" attachment)
answered
like "$(fake_discord_call "messages?channel=general" | fake_discord_get 'd[-1]["content"]')" "." \
    "a message with a file has an answer"
for kind in plain everyone bot webhook; do
    fake_discord_say general bob "nothing for you {token}" "$kind" >/dev/null
done
n=$(fake_discord_say general alice "{mention} last of these {token}")
answered
is "$(fake_discord_report answers_unaddressed)" 0 \
    "nothing else is: plain messages, @everyone, bots, webhooks"
is "$(fake_discord_report disordered)" 0 "answers come in the order of the questions"

# ---- how it answers

n=$(fake_discord_say general alice "{mention} tell it slowly {token}")
until_true at_least "$n" edits 1
ok $? "a slow answer grows by edits"
says() { fake_discord_text "$1" | grep -q "$2"; }
until_true says "$n" word23
ok $? "to its end"
is "$(ledger "$n" standing)" 1 "in one message"
[ "$(fake_discord_report typings)" -ge 1 ]
ok $? "while the channel sees it typing"
[ "$(fake_discord_report reactions)" -ge 1 ]
ok $? "and the message a reaction"
until_true sh -c "! curl -sf --noproxy '*' '$DISCORD_URL/_fake/messages?channel=general' | grep -q '👀'"
ok $? "which goes when the answer is there"

n=$(fake_discord_say general bob "{mention} tell it at length {token}")
whole() { fake_discord_call "messages?channel=general" | grep -q "That is all"; }
until_true whole
ok $? "a long answer comes to its end"
fake_discord_call "messages?channel=general" >"$TAP_DIR/messages.json"
python3 - "$TAP_DIR/messages.json" "$n" >"$TAP_DIR/parts" <<'PY'
import json, sys
messages = json.load(open(sys.argv[1]))
first = next(i for i, m in enumerate(messages) if "tok-%s-" % sys.argv[2] in m["content"]
             and not m["bot"])
parts = [m for m in messages[first + 1:] if m["bot"]]
print(len(parts))
print(all(m["content"].count("```") % 2 == 0 for m in parts))
text = "\n".join(m["content"] for m in parts)
missing = [i for i in range(120) if "of_line_%d = %d;" % (i, i) not in text]
print((not missing and "That is all." in text) or (missing, text[-60:]))
print(len({m["reply_to"] for m in parts}))
PY
[ "$(sed -n 1p "$TAP_DIR/parts")" -ge 3 ]
ok $? "in several messages"
is "$(sed -n 2p "$TAP_DIR/parts")" True "each of which closes its code block"
is "$(sed -n 3p "$TAP_DIR/parts")" True "and nothing is lost between them"
is "$(sed -n 4p "$TAP_DIR/parts")" 1 "they all answer the same message"
is "$(fake_discord_report over_2000_utf16)" 0 "none is longer than Discord takes"

fake_discord_say general alice "{mention} ping them {token} @everyone" >/dev/null
answered
is "$(fake_discord_report pings)" 0 "no answer pings anybody, whatever it says"
is "$(fake_discord_report mentions_absent)" 0 "every message and edit forbids it"

fake_discord_call slash '{"name": "ask", "options": {"q": "{token}"}, "member": "alice", "channel": "general"}' >/dev/null
fake_discord_wait callbacks 1
ok $? "an interaction that it does not know is answered"
is "$(fake_discord_call interactions | fake_discord_get 'd[-1]["ephemeral"]')" True "privately"

is "$(field '["phase"]')" ready "the status tells that it is connected"
is "$(field '["session"]["identifies"]')" 1 "by one identify"

# ---- restarts

fake_discord_call set '{"stop_expected": false}' >/dev/null
host_stop
is $? 0 "a stop ends with status 0"
fake_discord_say general alice "{mention} while you were away {token}" >/dev/null
host_start
answered
is "$(fake_discord_report lost)" 0 "what was written while it was down is answered"
is "$(fake_discord_report identifies)" 1 "in the same session"
is "$(fake_discord_report closes_1000)" 0 "which no stop had ended"

n=$(fake_discord_say general bob "{mention} tell it slowly {token}")
until_true at_least "$n" created 1
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
n=$(fake_discord_say general bob "{mention} after the crash {token}")
host_start
is $? 0 "the host starts after kill -9"
answered 3000
like "$(fake_discord_text "$n")" "after the crash" "and answers what came meanwhile"
is "$(fake_discord_report lost)" 0 "nothing is lost"
is "$(fake_discord_report doubled)" 0 "nothing is answered twice"
is "$(fake_discord_report identifies)" 1 "the session goes on"

for _ in 1 2 3; do
    fake_discord_call burst '{"rate": 100, "count": 20, "kind": "command", "text": "{mention} /hello {token}"}' >/dev/null
    fake_discord_wait answers 1
    kill -9 "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null
    host_start || break
done
answered 3000
is "$(fake_discord_report lost)" 0 "through three more crashes nothing is lost"
is "$(fake_discord_report doubled)" 0 "and nothing doubled"
host_stop
is $? 0 "it stops well"

# ---- what is wrong is said

discord_config wrong-token
: >"$TAP_DIR/log"
host_start
is $? 0 "with a wrong token the host starts, too"
until_true grep -q "Developer Portal" "$TAP_DIR/log"
ok $? "and says where to get a new one"
is "$(field '["phase"]')" ended "the status says that Discord is off"
like "$(chat "are you there?")" "are you there" "the console goes on"
unlike "$(cat "$TAP_DIR/log")" "wrong-token" "the token is in no line of the log"
host_stop
fake_discord_stop

fake_discord_start --unprivileged
discord_config
rm -rf "$TAP_DIR/data"
: >"$TAP_DIR/log"
host_start
fake_discord_wait connected 1
ok $? "without the privileged intent it connects"
like "$(cat "$TAP_DIR/log")" "Message Content Intent" "and says what the owner may switch on"
n=$(fake_discord_say general alice "{mention} hello {token}")
answered
like "$(fake_discord_text "$n")" "hello" "mentions are answered"
host_stop
tap_done
