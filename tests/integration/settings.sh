#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may do what on Discord, and what members change while the host runs: rights come from the
# server's own roles, settings, pauses and the log of changes survive kill -9.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

# told CHANNEL MEMBER TEXT: what the bot answers to it
told()
{
    local n before
    before=$(fake_discord_call "messages?channel=$1" | fake_discord_get 'len([m for m in d if m["bot"]])')
    n=$(fake_discord_say "$1" "$2" "$3")
    until_true more_than "$1" "$before"
    fake_discord_call "messages?channel=$1" | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]'
}
more_than()
{
    [ "$(fake_discord_call "messages?channel=$1" | fake_discord_get 'len([m for m in d if m["bot"]])')" -gt "$2" ]
}
roles() { fake_discord_call roles "{\"member\": \"$1\", \"roles\": [$2]}" >/dev/null; }

fake_start --model fake || exit 1
cat >"$TAP_DIR/world.json" <<'JSON'
{"world": {"channels": ["general", "other"], "members": ["alice", "bob", "carol", "dave"]}}
JSON
fake_discord_start --script "$TAP_DIR/world.json" || exit 1
write_discord_config </dev/null
host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

# ---- rights

like "$(told general bob "{mention} /config set limits.messages 2")" "those who manage the server only" \
    "a member may not change settings"
roles bob '"moderators"'
like "$(told general bob "{mention} /config set limits.messages 2")" "those who manage the server only" \
    "nor may a moderator"
roles bob '"admins"'
like "$(told general bob "{mention} /config set llm.max_tokens 64")" "is now \"64\" in this server" \
    "who manages the server may, as soon as Discord says so"
like "$(told general bob "{mention} /config set llm.max_tokens 64 scope=bot")" "bot's owner only" \
    "but not for other servers"
like "$(told general bob "{mention} /config set llm.base_url http://x.example")" \
    "configuration file only" "nor what only the file may say"
like "$(told general alice "{mention} /config set conversation.bot_name Nemo scope=bot")" \
    "for the whole bot" "the bot's owner may"
roles bob '"helpers"'
like "$(told general bob "{mention} /config list")" "those who manage the server only" \
    "whose role is gone may not any more"

# The same by interactions, which bring their member's permissions.
last() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
says() { last text | grep -qE -- "$1"; }
slash() { fake_discord_call slash "$1" >/dev/null; }
slash '{"name": "config", "options": {"action": "get", "key": "llm.max_tokens"}, "member": "bob", "channel": "general"}'
until_true says "those who manage the server only"
ok $? "a slash command asks for the same right"
roles bob '"admins"'
slash '{"name": "config", "options": {"action": "set", "key": "llm.max_tokens", "value": "65"}, "member": "bob", "channel": "general"}'
until_true says 'is now "65" in this server'
ok $? "and does the same"
is "$(last ephemeral)" True "for the eyes of its member alone"
fake_discord_call complete '{"name": "config", "option": "key", "value": "llm.", "member": "bob", "channel": "general"}' >/dev/null
completed() { [ "$(last callback)" = 8 ]; }
until_true completed
is "$(fake_discord_call interactions | fake_discord_get 'sorted(c["name"] for c in d[-1]["choices"])')" \
    "['llm.max_tokens', 'llm.temperature']" "the keys that can be set are offered while somebody types"
roles bob ''

# ---- settings

like "$(told general carol "{mention} who are you?")" "who are you" "the talk goes on"
fake_rounds_system() { curl -s --noproxy '*' "$FAKE_URL/_log" | grep -c Nemo; }
[ "$(fake_rounds_system)" -ge 1 ]
ok $? "an agent works by what was set"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
fake_discord_wait connected 1
roles bob '"admins"'
like "$(told general bob "{mention} /config get llm.max_tokens")" "65 .in this server." \
    "settings survive kill -9, and so do rights in a resumed session"
like "$("$TROUPE" call -c "$TAP_DIR/troupe.ini" config action=get key=conversation.bot_name)" \
    "Nemo .for the whole bot." "the shell reads them, too"

# ---- limits

like "$(told other bob "{mention} /config set limits.messages 2 scope=channel")" "in channel" \
    "a channel has a limit of its own"
told other carol "{mention} one" >/dev/null
told other carol "{mention} two" >/dev/null
like "$(told other carol "{mention} three")" "more than 2 messages in a minute; please wait [0-9]* seconds" \
    "who asks too much is told for how long"
like "$(told general carol "{mention} elsewhere")" "elsewhere" "and is answered elsewhere"
like "$("$TROUPE" why -c "$TAP_DIR/troupe.ini" "$(fake_discord_call 'messages?channel=other' |
    fake_discord_get '[m["id"] for m in d if not m["bot"]][-1]')")" "limit.messages.member" \
    "the trace has the reason"

# ---- the conversation

fake_discord_call complete '{"name": "config", "option": "key", "value": "discord.", "member": "bob", "channel": "general"}' >/dev/null
until_true completed
is "$(fake_discord_call interactions | fake_discord_get 'sorted(c["name"] for c in d[-1]["choices"])')" \
    "['discord.auto_thread']" "threads can be set"
like "$(told other bob "{mention} /config set discord.auto_thread maybe scope=channel")" "yes" \
    "to what they can be"
like "$(told other bob "{mention} /config set discord.auto_thread yes scope=channel")" "in channel" \
    "for one channel"
threads() { [ "$(fake_discord_report threads)" = "$1" ]; }
fake_discord_say other dave "{mention} a question" >/dev/null
until_true threads 1
ok $? "where answers have threads from then on"
like "$(told general dave "{mention} another one")" "another one" "elsewhere they stand where they did"
is "$(fake_discord_report threads)" 1 "without a thread"
like "$(told general bob "{mention} /config unset discord.auto_thread channel=<#300000000000000001>")" "in channel" \
    "until it is taken back"

# ---- pause

like "$(told general bob "{mention} /pause 60")" "paused in this server for 60 minutes" "a server is paused"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
host_start
fake_discord_wait connected 1
like "$(told general dave "{mention} are you there?")" "I am paused in this server until" \
    "which stands through kill -9 and is said"
like "$(told dm:dave dave "are you there?")" "are you there" "who writes to the bot alone is answered"
like "$(told general bob "{mention} /resume")" "I go on in this server" "and it ends"
like "$(told general dave "{mention} at last")" "at last" "with answers again"

# ---- the log of changes

"$TROUPE" audit -c "$TAP_DIR/troupe.ini" --json >"$TAP_DIR/audit.json"
is "$(fake_discord_get '[r["action"] for r in d].count("denied")' <"$TAP_DIR/audit.json")" 5 \
    "what was refused is kept"
is "$(fake_discord_get '[(r["action"], r["after"]) for r in d if "max_tokens" in r["subject"]]' \
    <"$TAP_DIR/audit.json")" "[('config.set', '65'), ('config.set', '64')]" "with what was changed"
is "$(fake_discord_get 'sorted({r["name"] for r in d if r["action"] == "pause"})' <"$TAP_DIR/audit.json")" \
    "['bob']" "and by whom"
is "$(fake_discord_report pings)" 0 "nobody was pinged by it"
host_stop
is $? 0 "the host stops"
tap_done
