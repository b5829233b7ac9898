#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# troupe init at a terminal, from a pipe and without anybody; what is refused and what is said then;
# and that the bot it sets up answers. troupe doctor on the same.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

unset DISCORD_TOKEN DISCORD_BOT_TOKEN OPENAI_BASE_URL DATABASE_URL

fake_start --model fake || exit 1
fake_discord_start --token s3cret-t0ken || exit 1

dir=$TAP_DIR/conf
ini=$dir/troupe.ini
init() { "$TROUPE" init -c "$ini" --set "discord.api=$DISCORD_API" --data "$TAP_DIR/data" "$@" 2>&1; }
doctor() { "$TROUPE" doctor -c "$ini" "$@" 2>&1; }
mode() { stat -c %a "$1"; }
nothing_there() { [ -z "$(find "$dir" -mindepth 1 2>/dev/null)" ]; }
printf 's3cret-t0ken\n' >"$TAP_DIR/token"
printf 's3cret-k3y' >"$TAP_DIR/key"

# talk PART ANSWER…: in a terminal; what it shows in $out
talk()
{
    : >"$TAP_DIR/talk"
    while [ $# -gt 1 ]; do
        printf '%s\t%s\n' "$1" "$2" >>"$TAP_DIR/talk"
        shift 2
    done
    out=$(python3 "$TROUPE_SRCDIR/tests/lib/terminal.py" "$TAP_DIR/talk" "$TROUPE" init -c "$ini" \
        --set "discord.api=$DISCORD_API" --data "$TAP_DIR/data")
}

# ---- at a terminal

talk "bot token" "^C"
is $? 130 "Ctrl-C at a question ends it"
nothing_there
ok $? "and leaves nothing behind"

talk "bot token" wrong "bot token" "Bot s3cret-t0ken" "Language model" "$FAKE_URL/v1" \
    "Model [fake]" "" "API key" s3cret-k3y "a day" 0.75
is $? 0 "a talk at a terminal sets the bot up"
unlike "$out" "s3cret" "neither token nor key are shown"
like "$out" "Discord refuses the token.*Reset Token" "a wrong token is told in a sentence, and asked for again"
like "$out" "token is that of troupe \(100000000000000001\); owner: alice" "whose the right one is, and who owns it"
like "$out" "fake answers after [0-9]+ ms; that cost 0.000000 USD" "the model was asked, and what it cost"
like "$out" "client_id=100000000000000001&scope=bot%20applications.commands&permissions=274878008384" \
    "the invite link has the least permissions"
like "$out" "Next: troupe run -c $ini" "the next command is named"
is "$(mode "$ini") $(mode "$dir/discord.token") $(mode "$dir/llm.key")" "600 600 600" \
    "its files are the owner's alone"
is "$(cat "$dir/discord.token" "$dir/llm.key")" "s3cret-t0kens3cret-k3y" "secrets are in files of their own"
unlike "$(cat "$ini")" "s3cret" "and not in the configuration"
like "$(cat "$ini")" "^daily = 0.75" "which has the cap"
is "$(find "$dir" -mindepth 1 | wc -l)" 3 "nothing else is left there"
curl -s --noproxy '*' "$FAKE_URL/_log" >"$TAP_DIR/asked.json"
is "$(python3 -c 'import json, sys
log = json.load(open(sys.argv[1])); log = log if isinstance(log, list) else log["requests"]
print(sum(1 for r in log if r.get("messages")))' "$TAP_DIR/asked.json")" 1 "one question was asked"

talk "Replace it?" ""
is $? 73 "a configuration that is there is not replaced without a yes"
like "$(cat "$ini")" "^daily = 0.75" "and stays as it was"

talk "Replace it?" y "Token (it" $'\x1cwrong' "Token (it" $'s3cret-t0ken\r' "Language model" "$FAKE_URL/v1"$'\r' \
    "Model [fake]" $'fake\r' "API key" $'s3cret-k3y\r' "a day" 0.5
is $? 0 "Ctrl-\\ leaves no terminal without an echo behind, and lines that were pasted with CRLF end once"
is "$(grep -E '^(daily|base_url)' "$ini")" "daily = 0.5
base_url = $FAKE_URL/v1" "so that no question takes a default which nobody chose"
rm -f "$dir"/*.bak

# ---- it runs

out=$(doctor)
is $? 0 "the doctor finds nothing that fails"
like "$out" "^ok +token: it is that of troupe" "it knows the token"
like "$out" "^ok +intents" "the intents"
like "$out" "^ok +gateway: ws://127.0.0.1:[0-9]+ can be reached" "the gateway"
like "$out" "^ok +identifies: [0-9]+ of 1000 are left" "how many identifies are left"
like "$out" "^ok +language model: fake answers" "the model"
like "$out" "^ok +budget: at most 0.50 USD" "the cap"
like "$out" "^ok +store: .*first start" "and that there is no database yet"
[ ! -e "$TAP_DIR/data" ]
ok $? "it makes none"

TAP_INI=$ini
host_answers() { "$TROUPE" status -c "$TAP_INI"; }
"$TROUPE" run -c "$ini" >"$TAP_DIR/out" 2>"$TAP_DIR/log" </dev/null &
HOST_PID=$!
until_true host_answers
ok $? "troupe run starts with what init wrote"
fake_discord_wait connected 1
ok $? "and is on Discord"
n=$(fake_discord_say general alice "{mention} hi {token}")
fake_discord_wait answered 1 30000 300
like "$(fake_discord_text "$n")" "You said: hi" "a mention is answered"
out=$(doctor --json)
is $? 0 "the doctor asks a host that runs"
checks() { fake_discord_get "[c for c in d['checks'] if c['check'] == '$1'][0]['$2']" <<<"$out"; }
is "$(checks host level)" ok "which it finds"
like "$(checks session text)" "is ready" "with its session"
like "$(checks "language model" text)" "fake answers" "and lets it ask the model"
like "$(checks store text)" "running host" "instead of opening its database"
unlike "$(cat "$TAP_DIR/log")" "s3cret" "no secret is in the log"
host_stop
is $? 0 "it stops well"
like "$(doctor)" "^ok +store: .*troupe.db is whole" "afterwards the doctor reads through the database"

# ---- from a pipe

old=$(cat "$ini")
out=$(init <"$TAP_DIR/token")
is $? 73 "a pipe replaces nothing without --force"
like "$out" "use --force" "and says so"
out=$(printf 's3cret-t0ken\n%s/v1\n\n\n2\n' "$FAKE_URL" | init --force)
is $? 0 "piped lines answer the questions in their order"
like "$out" "kept as .bak" "what was there is kept"
is "$(cat "$ini.bak")" "$old" "as it was"
is "$(mode "$dir/discord.token.bak")" 600 "with its mode"
like "$(cat "$ini")" "^daily = 2$" "the new one has what was piped"
rm -rf "$dir"
out=$(init <"$TAP_DIR/token")
is $? 0 "the token alone is enough"
like "$out" "No language model is set up" "and what does not work then is said"
"$TROUPE" check -q -c "$ini"
is $? 0 "what was written holds"
rm -rf "$dir"

# ---- beside drop-ins

mkdir -p "$dir/conf.d"
printf '[budget]\ndaily = 50\n' >"$dir/conf.d/own.ini"
out=$(printf 's3cret-t0ken\nnone\n2\n' | init --force)
is $? 0 "a drop-in that is there counts"
like "$out" "^Budget: at most 50.00 USD a day, as a file in conf.d says" "what it says of the cap is told"
rm "$ini" "$dir/discord.token"
printf 'nonsense = 1\n' >>"$dir/conf.d/own.ini"
out=$(printf 's3cret-t0ken\nnone\n2\n' | init --force)
is $? 78 "one that does not hold ends it"
like "$out" "^$dir/conf.d/own.ini:3: key \"nonsense\"" "with its own name and line"
[ -e "$dir/conf.d/own.ini" ] && [ ! -e "$ini" ]
ok $? "it stays, and nothing is written"
rm -rf "$dir"

# ---- without anybody

out=$(init --non-interactive --token-file "$TAP_DIR/token" --base-url "$FAKE_URL/v1" --model fake \
    --key-file "$TAP_DIR/key" --daily 3)
is $? 0 "everything can be said by options"
like "$(cat "$ini")" "^model = fake" "and is written"
rm -rf "$dir"

out=$(init --non-interactive </dev/null)
is $? 78 "a missing token is an error"
like "$out" "no Discord token.*--token-file.*DISCORD_TOKEN" "which names the ways to give it"
out=$(init --non-interactive --token-file "$TAP_DIR/none")
is $? 66 "so is a file that is not there"
echo wrong >"$TAP_DIR/wrong"
out=$(init --non-interactive --token-file "$TAP_DIR/wrong")
is $? 78 "a token that Discord refuses"
like "$out" "Discord refuses the token.*Developer Portal" "with the remedy"
out=$(init --non-interactive --token-file "$TAP_DIR/token" --base-url "$FAKE_URL/v1" --model other)
is $? 78 "a model that the provider does not know"
like "$out" "does not know the model.*HTTP 404" "with the provider's words"
out=$(init --non-interactive --token-file "$TAP_DIR/token" --base-url http://127.0.0.1:9/v1 --model x)
is $? 69 "a provider that is not there"
out=$(init --non-interactive --token-file "$TAP_DIR/token" --base-url http://127.0.0.1:9/v1)
is $? 78 "a model that is not named, where the provider lists none"
like "$out" "use --model NAME" "which is asked for"
out=$(init --non-interactive --token-file "$TAP_DIR/token" --set "agent llm.modle=x" --base-url "$FAKE_URL/v1" --model fake)
is $? 78 "a key that is not known"
like "$out" "modle" "which is named"
out=$(init --token s3cret-t0ken)
is $? 64 "a secret on the command line"
like "$out" "every user of this machine can read" "with the reason"
unlike "$out" "s3cret" "and is not repeated"
out=$("$TROUPE" init -c "$ini" --non-interactive --token-file "$TAP_DIR/token" --set discord.api=http://192.0.2.1/api 2>&1)
is $? 69 "an address without TLS elsewhere"
like "$out" "not sent to" "which gets no token"
echo '{"rules": [{"fault": "hang_before_headers"}]}' >"$TAP_DIR/hang.json"
fake_script "$TAP_DIR/hang.json"
curl -sf --noproxy '*' -X POST "$FAKE_URL/_reset" >/dev/null
fake_script "$TAP_DIR/hang.json"
"$TROUPE" init -c "$ini" --set "discord.api=$DISCORD_API" --non-interactive --token-file "$TAP_DIR/token" \
    --base-url "$FAKE_URL/v1" --model fake >"$TAP_DIR/cut" 2>&1 &
pid=$!
asked() { curl -s --noproxy '*' "$FAKE_URL/_log" | grep -q '"messages"'; }
until_true asked
kill -TERM $pid
wait $pid
is $? 143 "a signal while the model is asked ends it"
curl -sf --noproxy '*' -X POST "$FAKE_URL/_reset" >/dev/null
nothing_there
ok $? "of none of these anything is left"

# ---- from the environment

out=$(DISCORD_TOKEN=s3cret-t0ken OPENAI_BASE_URL=$FAKE_URL/v1 OPENAI_MODEL=fake OPENAI_API_KEY=s3cret-k3y \
    ANTHROPIC_API_KEY=s3cret-a DATABASE_URL=postgres://s3cret MAX_CONCURRENT_MESSAGES=4 \
    init --non-interactive --from-env)
is $? 0 "another bot's environment sets it up"
like "$out" "^DISCORD_TOKEN: the bot's token, into discord.token" "the token is taken over"
like "$out" "^OPENAI_API_KEY: the key of \[agent llm\], into llm.key" "so is the key"
like "$out" "^ANTHROPIC_API_KEY: not taken, another provider" "what is not taken is said"
like "$out" "^DATABASE_URL: not taken" "for each variable"
unlike "$out" "s3cret" "and no value is shown"
like "$(cat "$ini")" "^concurrent = 4" "a number is taken over"
is "$(cat "$dir/llm.key")" s3cret-k3y "the key is in its file"

# ---- what is wrong is told

fake_discord_stop
fake_discord_start --token s3cret-t0ken --unprivileged || exit 1
out=$(init --force --non-interactive --token-file "$TAP_DIR/token" --base-url none)
is $? 0 "without the privileged intent it goes on"
like "$out" "Message Content Intent is off.*https://discord.com/developers/applications/100000000000000001/bot" \
    "and names the switch, where it is, and what works without"
like "$(doctor)" "^warn +intents: .*applications/100000000000000001/bot" "so does the doctor"
like "$(doctor)" "^warn +language model: none is set up" "which misses a model, too"
fake_discord_call set '{"session_limit": 3}' >/dev/null
like "$(doctor)" "^warn +identifies: 3 of" "and warns where few identifies are left"
echo wrong >"$dir/discord.token"
out=$(doctor)
is $? 1 "its status tells that something fails"
like "$out" "^fail +token: Discord refuses the token" "a refused token does"
unlike "$out" "wrong$" "which is not shown"
chmod 666 "$ini"
like "$(doctor)" "^fail +modes: others may write.*chmod go-w" "so does a configuration that others may write"
chmod 600 "$ini"
echo "nonsense = 1" >>"$ini"
out=$(doctor)
is $? 1 "and one that does not hold"
like "$out" "^fail +configuration: .*nonsense" "with its line"
fake_discord_stop
out=$(init --force --non-interactive --token-file "$TAP_DIR/token")
is $? 69 "a Discord that cannot be reached ends it"
like "$out" "Discord cannot be asked" "with a sentence"
like "$(cat "$ini")" "nonsense" "and nothing is replaced"
tap_done
