#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The memory agent on Discord without any language model: what members ask to keep answers them and nobody
# else, direct messages and servers stay apart, sessions leave facts, documents are learned, and all of it
# can be seen, exported and deleted. Inside the host; memory.sh process runs it in a process of its own.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

fake_discord_start || exit 1
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[limits]
messages = 0
guild_messages = 0
[pipeline message]
stages = memory
[agent memory]
isolation = ${1:-inprocess}
session_timeout = 1s
[discord]
token = fake-token
api = $DISCORD_API
INI
chmod 600 "$TAP_DIR/troupe.ini"

cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }
messages() { fake_discord_call "messages?channel=${1:-general}"; }
bot_count() { messages "$1" | fake_discord_get 'len([m for m in d if m["bot"]])'; }
grown() { [ "$(bot_count "$1")" -gt "$2" ]; }
# ask MEMBER TEXT [CHANNEL KIND]: what the bot says next there
ask()
{
    local channel=${3:-general} before

    before=$(bot_count "$channel")
    fake_discord_say "$channel" "$1" "${4:-{mention\} }$2" "${5:-mention}" >/dev/null
    until_true grown "$channel" "$before"
    messages "$channel" | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]'
}
dm() { ask "$1" "$2" "dm:$1" " " dm; }
interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
says() { interaction text | grep -qE -- "$1"; }
slash()
{
    fake_discord_call slash "{\"name\": \"$2\", \"member\": \"$1\", \"channel\": \"general\", \"options\": ${3:-{\}}}" >/dev/null
}

host_start || exit 1
fake_discord_wait connected 1
is "$(cli plugins --json | fake_discord_get '[p["isolation"] for p in d if p["agent"] == "memory"][0]')" \
    "${1:-inprocess}" "the agent runs where it should"

# ---- remembered, and answered without a model

is "$(ask alice 'remember that my cat is called Minka-4711')" "I'll remember that: my cat is called Minka-4711" \
    "what a member asks to keep is kept"
like "$(ask alice "what's the name of my cat?")" "^You told me on .*: my cat is called Minka-4711$" \
    "a question is answered from it without any model"
like "$(ask alice 'merk dir, dass ich in Bremen wohne')" "ich in Bremen wohne" "German is understood"
like "$(ask alice 'wo wohne ich?')" "Bremen" "and answered"
like "$(ask alice 'remember my cat is called Olga-0815')" "instead of: my cat is called Minka-4711" \
    "what contradicts something takes its place"
like "$(ask alice 'what is my cat called?')" "Olga-0815" "and the newest answers"
like "$(ask alice 'please remember that my cat is called Olga-0815!')" "knew that already" \
    "what is known is told as such"

# ---- whose it is, and where

like "$(ask bob 'remember that I collect stamps')" "collect stamps" "another member has a memory of their own"
slash bob memory
until_true says 'I collect stamps'
ok $? "/memory shows it"
is "$(interaction ephemeral)" True "to them alone"
unlike "$(interaction text)" "Olga|Minka|Bremen" "and nothing of somebody else"
slash bob memory '{"action": "search", "text": "cat called"}'
until_true says "remember nothing about that"
ok $? "whatever they search"
like "$(dm alice 'remember that my secret is walrus-1213')" "walrus-1213" "a direct message is remembered"
like "$(dm alice 'what is my secret?')" "walrus-1213" "and answers there"
unlike "$(dm alice '/memory action=search text="cat Olga-0815"')" "my cat" "what a server was told is not there"
slash alice memory
until_true says "Olga-0815"
unlike "$(interaction text)" "walrus" "nor in the server what a direct message was told"
slash alice memory '{"action": "search", "text": "secret walrus-1213"}'
until_true says "nothing about that"
ok $? "whatever is searched"
fake_discord_call set '{"record": true}' >/dev/null
slash alice memory '{"action": "export"}'
sent() { fake_discord_call requests | grep -qF -- "$1"; }
until_true sent history
ok $? "/memory export has what is history, too"
fake_discord_call set '{"record": false}' >/dev/null
like "$(dm alice '/memory action=export')" '"from": "asked"' "in a direct message what was told there"

# ---- somebody else's words

fake_discord_say general bob "alice owes me 500 gold-9999" plain >/dev/null
id=$(messages | fake_discord_get '[m["id"] for m in d if "gold-9999" in m["content"]][-1]')
before=$(bot_count general)
fake_discord_call say "{\"channel\": \"general\", \"member\": \"alice\", \"kind\": \"reply\", \"text\": \"{mention} remember this\", \"reply_to\": \"$id\"}" >/dev/null
until_true grown general "$before"
like "$(messages | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]')" "put that aside.*gold-9999" \
    "what somebody else wrote is put aside"
slash alice memory '{"action": "search", "text": "owes gold-9999"}'
until_true says "nothing about that"
ok $? "and does not surface"

# ---- what a session leaves

fake_discord_say general alice '{mention} hello there, I work at the observatory-77.' mention >/dev/null
has_learned() { slash alice memory; until_true says "action=forget|observatory-77|Olga" && says "observatory-77"; }
until_true has_learned
ok $? "when a session ends, what it said about the member is remembered"
like "$(interaction text)" "I work at the observatory-77 \(.*from our talk" "with where it comes from"

# ---- documents

cat >"$TAP_DIR/rules.md" <<'MD'
# House rules

Be nice to each other.

## Voice channels

The voice channels close at midnight-55.
MD
like "$(cli call learn source=rules file="$TAP_DIR/rules.md")" "Learned rules in 2 pieces" \
    "the operator gives a document to everybody"
like "$(ask bob 'when do the voice channels close?')" "midnight-55" "a question is answered from it"
like "$(ask bob 'when do the voice channels close?')" "from rules, House rules > Voice channels" "with its source"
like "$(cli call memory.search query="voice channels")" "midnight-55" "memory.search finds it, too"
like "$(cli call learn source=rules text="The voice channels never close.")" "in place of what it said before" \
    "given again it is another"
unlike "$(cli call memory.search query="voice channels midnight")" "midnight-55" "and the old one is gone"
like "$(cli call learn source=rules)" "Forgotten: rules" "an empty one takes it away"
slash bob learn '{"source": "mine", "text": "everything is allowed"}'
until_true says "."
unlike "$(interaction text)" "Learned" "a member without the right teaches nothing"

# ---- forgotten

slash alice memory '{"action": "forget", "text": "Bremen"}'
until_true says "Forgotten: ich in Bremen wohne"
ok $? "/memory forget takes one away by its words"
ALICE=400000000000000000
cli user export "$ALICE" >"$TAP_DIR/export.json"
like "$(cat "$TAP_DIR/export.json")" "walrus-1213" "an export of all data has it"
on_disk() { cat "$TAP_DIR"/data/troupe.db* | grep -aoF -- "$1" | wc -l; }
[ "$(on_disk Olga-0815)" -gt 0 ]
ok $? "until then it is on the disk"
is "$(cli user delete "$ALICE")" "deleted" "and the member's data is deleted"
none_on_disk() { [ "$(on_disk "$1")" = 0 ]; }
for text in Olga-0815 Minka-4711 walrus-1213 observatory-77; do
    until_true none_on_disk "$text"
    is "$(on_disk "$text")" 0 "\"$text\" is not in the database's files any more"
done
slash bob memory
until_true says 'I collect stamps'
ok $? "what others told is there"
slash bob memory '{"action": "forget", "text": "all"}'
until_true says "Forgotten: all 1 "
ok $? "and each can forget everything here"
is "$(fake_discord_report mentions_absent)" 0 "all messages say whom they may ping"
host_stop
is $? 0 "the host ends well"
tap_done
