#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the fake Discord promises to tests: the gateway's close codes and replay, limits, nonces, history,
# pings, interactions, faults, and a ledger that tells lost from doubled.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

PROBE="$TROUPE_SRCDIR/tests/integration/clients/gateway_probe.py"
GENERAL=300000000000000000
BOT=100000000000000001

if ! /usr/bin/python3 -c 'import aiohttp' 2>/dev/null; then
    skip "the fake Discord keeps its promises" "python3-aiohttp is not here"
    tap_done
    exit
fi

# rest METHOD PATH [BODY]: "STATUS CODE", the code being Discord's or empty; the body is in $TAP_DIR/body.
rest()
{
    local method=$1 path=$2 status
    shift 2
    status=$(curl -s --noproxy '*' -X "$method" -o "$TAP_DIR/body" -D "$TAP_DIR/head" -w '%{http_code}' \
        -H "Authorization: Bot fake-token" -H "User-Agent: DiscordBot (test, 1)" \
        -H "Content-Type: application/json" ${1+--data-binary "$1"} "$DISCORD_API$path")
    printf '%s %s\n' "$status" "$(field 'd["code"] if type(d) is dict and "code" in d else ""')"
}

# field EXPRESSION: of the last answer.
field() { fake_discord_get "$1" <"$TAP_DIR/body" 2>/dev/null; }
create() { rest POST "/channels/$GENERAL/messages" "$1"; }
fault() { fake_discord_call fault "$1" >/dev/null; }
reset() { fake_discord_call reset >/dev/null; }
report() { fake_discord_report "$1"; }

# ---- REST --------------------------------------------------------------------------------------
fake_discord_start --channels 3 --members 4 || exit 1
is "$(create '{"content": "hello", "nonce": "n1"}')" "200 " "a message is created"
is "$(field 'd["nonce"]')" n1 "whoever makes a message sees its nonce"
id=$(field 'd["id"]')
rest GET "/channels/$GENERAL/messages" >/dev/null
is "$(field '"nonce" in d[0], d[0]["id"]')" "(False, '$id')" "the history does not show nonces"
is "$(create '{"content": " \n "}')" "400 50006" "an empty message is refused"
is "$(create '{"content": ')" "400 50109" "broken JSON is refused"
long=$(printf 'é%.0s' $(seq 2001))
is "$(create "{\"content\": \"$long\"}")" "400 50035" "2,001 characters are refused"
is "$(create "{\"content\": \"${long%é}\"}")" "200 " "2,000 characters are taken"
is "$(create '{"content": "x", "nonce": "12345678901234567890123456"}')" "400 50035" \
    "a nonce of 26 characters is refused"
is "$(create '{"content": "x", "message_reference": {"message_id": "1"}}')" "400 50035" \
    "a reply to nothing is refused"
is "$(create '{"content": "x", "message_reference": {"message_id": "1", "fail_if_not_exists": false}}')" \
    "200 " "unless it may not exist"
is "$(rest PATCH "/channels/$GENERAL/messages/$id" '{"content": "changed"}')" "200 " "a message is edited"
is "$(rest GET "/channels/$GENERAL/messages/$id") $(field 'd["content"]')" "200  changed" "and says so"
is "$(rest DELETE "/channels/$GENERAL/messages/$id")" "204 " "a message is deleted"
is "$(rest GET "/channels/$GENERAL/messages/$id")" "404 10008" "and gone"
is "$(rest GET /channels/1/messages)" "404 10003" "an unknown channel is told"
is "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' -A 'DiscordBot (x, 1)' \
    -H 'Authorization: Bot wrong' "$DISCORD_API/users/@me")" 401 "a wrong token is refused"
is "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' -A curl \
    -H 'Authorization: Bot fake-token' "$DISCORD_API/users/@me")" 403 "a wrong User-Agent is refused"
is "$(report invalid_requests)" 2 "both count as invalid requests, the 400s and 404s do not"
ids=()
for i in 1 2 3 4 5; do
    rest POST "/channels/300000000000000001/messages" "{\"content\": \"m$i\"}" >/dev/null
    ids+=("$(field 'd["id"]')")
done
history() { rest GET "/channels/300000000000000001/messages?$1" >/dev/null; field '[m["content"] for m in d]'; }
is "$(history limit=2)" "['m5', 'm4']" "the history is newest first"
is "$(history "limit=2&before=${ids[2]}")" "['m2', 'm1']" "before a message"
is "$(history "limit=2&after=${ids[1]}")" "['m4', 'm3']" "after a message"
is "$(history "limit=3&around=${ids[2]}")" "['m4', 'm3', 'm2']" "around a message"
rest PUT /applications/$BOT/commands '[{"name": "roll", "description": "Roll dice"}]' >/dev/null
rest GET /applications/$BOT/commands >/dev/null
is "$(field 'd[0]["name"], d[0]["type"]')" "('roll', 1)" "application commands are kept"

status=$(curl -s --noproxy '*' -o "$TAP_DIR/body" -w '%{http_code}' -H "Authorization: Bot fake-token" \
    -A "DiscordBot (test, 1)" -F 'payload_json={"content": "with a file"};type=application/json' \
    -F "files[0]=@$PROBE" "$DISCORD_API/channels/$GENERAL/messages")
is "$status $(field 'd["content"], d["attachments"][0]["filename"]')" \
    "200 ('with a file', 'gateway_probe.py')" "a file is uploaded by multipart"

# ---- nonces --------------------------------------------------------------------------------------
reset
create '{"content": "once", "nonce": "a", "enforce_nonce": true}' >/dev/null
id=$(field 'd["id"]')
create '{"content": "once", "nonce": "a", "enforce_nonce": true}' >/dev/null
is "$(field 'd["id"]')" "$id" "the same nonce gives the same message"
create '{"content": "once", "nonce": "a"}' >/dev/null
is "$(report nonces_received) $(report nonces_deduplicated) $(report created)" "2 1 2" \
    "received, de-duplicated and created are counted apart"
fake_discord_call set '{"nonce_window_ms": 0}' >/dev/null
create '{"content": "once", "nonce": "a", "enforce_nonce": true}' >/dev/null
[ "$(field 'd["id"]')" != "$id" ]
ok $? "with the window off a nonce has no effect"

# ---- pings -----------------------------------------------------------------------------------------
pings()
{
    reset
    create "$1" >/dev/null
    echo "$(report pings) $(report mentions_absent) $(report pings_replied)"
}
text='"content": "@everyone <@400000000000000000> <@!400000000000000001> <@&600000000000000000> @​here"'
is "$(pings "{$text}")" "4 1 0" "without allowed_mentions everything pings"
is "$(pings "{$text, \"allowed_mentions\": {\"parse\": []}}")" "0 0 0" "parse [] pings nobody"
is "$(pings "{$text, \"allowed_mentions\": {\"parse\": [\"users\"]}}")" "2 0 0" "parse users pings users"
is "$(pings "{$text, \"allowed_mentions\": {\"parse\": [], \"users\": [\"400000000000000001\"]}}")" \
    "1 0 0" "a list pings whom it lists"
is "$(create "{$text, \"allowed_mentions\": {\"parse\": [\"users\"], \"users\": [\"1\"]}}")" "400 50035" \
    "parse and a list together are refused"
create '{"content": "base"}' >/dev/null
base=$(field 'd["id"]')
is "$(pings "{\"content\": \"x\", \"message_reference\": {\"message_id\": \"$base\"}}")" "0 1 1" \
    "a reply without allowed_mentions pings the author"
reset
rest PATCH "/channels/$GENERAL/messages/$base" '{"content": "@everyone"}' >/dev/null
is "$(report pings) $(report mentions_absent)" "1 1" "an edit without allowed_mentions pings, too"

# ---- the ledger ---------------------------------------------------------------------------------------
reset
is "$(fake_discord_call say '{}' | fake_discord_get 'd["taken"]')" 0 "without a session nobody hears a message"
is "$(report sent)" 0 "and nothing is owed for it"
fake_discord_call say '{"kind": "mention"}' >/dev/null
/usr/bin/python3 "$PROBE" "${DISCORD_URL/http/ws}" listen 513 >"$TAP_DIR/heard" 2>&1 &
listener=$!
fake_discord_wait connected 1 20000
ok $? "a raw client identifies"
reset
lost=$(fake_discord_say general alice)
n=$(fake_discord_say general alice)
say() { create "{\"content\": \"$1\", \"allowed_mentions\": {\"parse\": []}}" >/dev/null; }
say "an answer to tok-$n- that stops (interrupted)"
say "an answer to tok-$n- that stops here, whole"
say "part two of tok-$n-, which begins otherwise"
is "$(report sent) $(report answered) $(report lost) $(report doubled) $(report in_parts)" "2 1 1 1 1" \
    "lost, doubled and split answers are told apart"
is "$(report lost_tokens) $(report doubled_tokens)" "[$lost] [$n]" "by their tokens"
fake_discord_wait answered 1 200
is $? 22 "who waits for all answers hears that one is missing"
reply=$(fake_discord_call "ledger?n=$lost" | fake_discord_get 'd["message"]')
create "{\"content\": \"no token\", \"message_reference\": {\"message_id\": \"$reply\"}}" >/dev/null
is "$(report lost)" 0 "a reply answers, too"
plain=$(fake_discord_say general bob "just talk {token}" plain)
say "unasked tok-$plain-"
is "$(report answers_unaddressed)" 1 "an answer to what addressed nobody is counted"

reset
fake_discord_call burst '{"count": 60, "one_in": 3, "members": 4, "channels": 3}' >/dev/null
fake_discord_wait burst
is "$(report asked) $(report sent) $(report lost)" "60 20 20" "a burst asks as many as it says"
like "$(fake_discord_call burst '{"count": 1, "members": 99}')" "members and channels that exist" \
    "a burst of members who do not exist is refused"

# ---- MESSAGE_CONTENT --------------------------------------------------------------------------------------
fake_discord_say general bob "hidden" plain >/dev/null
fake_discord_say general bob "{mention} open" mention >/dev/null
fake_discord_say general bob "{mention} good night" mention >/dev/null
wait $listener
heard=$(cat "$TAP_DIR/heard")
like "$heard" "^\[<@$BOT> open\]" "a mention has its content without the intent"
unlike "$heard" "hidden" "other messages have none"
like "$heard" "^\[\]$" "but they come"

# ---- faults ---------------------------------------------------------------------------------------------
reset
fault '{"on": "create", "do": "lost"}'
is "$(create '{"content": "effect"}')" "000 " "an answer is lost"
rest GET "/channels/$GENERAL/messages?limit=1" >/dev/null
is "$(field 'd[0]["content"]')" effect "after its effect"
fault '{"on": "create", "do": "cut"}'
is "$(create '{"content": "no effect"}')" "000 " "a connection is cut"
is "$(report created)" 1 "before any effect"
fault '[{"on": "edit", "do": "status", "status": 503, "skip": 1}, {"on": "rest", "do": "cloudflare"}]'
is "$(create '{"content": "x"}')" "429 " "Cloudflare's stop"
like "$(cat "$TAP_DIR/body")" "<html>" "has a page for a body"
unlike "$(cat "$TAP_DIR/head")" "X-RateLimit" "and no rate-limit headers"
rest GET "/channels/$GENERAL/messages?limit=1" >/dev/null
id=$(field 'd[0]["id"]')
is "$(rest PATCH "/channels/$GENERAL/messages/$id" '{"content": "1"}')
$(rest PATCH "/channels/$GENERAL/messages/$id" '{"content": "2"}')
$(rest PATCH "/channels/$GENERAL/messages/$id" '{"content": "3"}')" "200 
503 0
200 " "skip and times say when a fault happens"
reset
fault '[{"on": "create", "do": "shared"}, {"on": "create", "do": "sublimit", "retry_after": 582}]'
create '{"content": "x"}' >/dev/null
like "$(cat "$TAP_DIR/head")" "X-RateLimit-Scope: shared" "a shared 429 says so"
is "$(report invalid_requests)" 0 "and is no invalid request"
create '{"content": "x"}' >/dev/null
like "$(cat "$TAP_DIR/head")" "X-RateLimit-Remaining: 4" "a sub-limit hits while requests remain"
is "$(report invalid_requests)" 1 "and is one"
like "$(fake_discord_call fault '{"on": "nowhere", "do": "cut"}')" "no fault" "an unknown place is refused"

# ---- limits --------------------------------------------------------------------------------------------
reset
fake_discord_call set '{"limits": "documented"}' >/dev/null
for i in $(seq 40); do
    out=$(create '{"content": "x"}')
    [ "$out" = "429 " ] && break
done
is "$out $((i > 5))" "429  1" "a message more than five in a channel is limited"
is "$(field '0 < d["retry_after"] <= 5 and not d["global"]')" True "with the time until it is not"
like "$(cat "$TAP_DIR/head")" "X-RateLimit-Remaining: 0" "and an empty bucket"
is "$(rest POST "/channels/300000000000000001/messages" '{"content": "x"}')" "200 " \
    "another channel has a bucket of its own"
is "$(report limited_user) $(report invalid_requests)" "1 1" "it counts as an invalid request"
fake_discord_stop

# ---- the gateway -----------------------------------------------------------------------------------------
probe() { /usr/bin/python3 "$PROBE" "${DISCORD_URL/http/ws}" "$@" 2>&1 | tail -n 1; }
fake_discord_start || exit 1
is "$(probe too_large)" 4002 "more than 4,096 bytes are closed with 4002"
is "$(probe not_json)" 4002 "bad JSON is closed with 4002"
is "$(probe unknown_op)" 4001 "an unknown op is closed with 4001"
is "$(probe early)" 4003 "a command before identify is closed with 4003"
is "$(probe token)" 4004 "a bad token is closed with 4004"
is "$(probe twice)" 4005 "a second identify is closed with 4005"
is "$(probe bad_seq)" 4007 "a seq of the future is closed with 4007"
is "$(probe too_many)" 4008 "the 121st payload in a minute is closed with 4008"
is "$(probe shard)" 4010 "an impossible shard is closed with 4010"
is "$(probe version)" 4012 "API version 6 is closed with 4012"
is "$(probe intents)" 4013 "unknown intents are closed with 4013"
fake_discord_call set '{"privileged": false}' >/dev/null
is "$(probe privileged)" 4014 "an intent that is not enabled is closed with 4014"
fake_discord_call set '{"privileged": true}' >/dev/null
is "$(probe zlib)" "zlib guild-0" "zlib-stream can be read"
fake_discord_call gateway '{"do": "forget"}' >/dev/null

# gateway_fault RULE CASE WANT PROMISE
gateway_fault()
{
    fault "$1"
    like "$(probe "$2")" "$3" "$4"
    fake_discord_call heal >/dev/null
}
like "$(probe first)" "^op 10$" "HELLO comes first"
gateway_fault '{"on": "hello", "do": "reconnect"}' first "^op 7$" "op 7 in place of HELLO"
gateway_fault '{"on": "hello", "do": "close", "code": 4000}' first "^close 4000$" "a close in its place"
gateway_fault '{"on": "connect", "do": "status", "status": 503}' first "503" "a refused upgrade"
gateway_fault '{"on": "connect", "do": "reset"}' first "[Rr]eset|[Dd]isconnected" "a reset before it"
gateway_fault '{"on": "identify", "do": "invalid"}' refused "^op 9$" "an identify can be refused"
like "$(probe beat)" "^op 11$" "a heartbeat is acknowledged"
gateway_fault '{"on": "heartbeat", "do": "ignore"}' beat "^close 4001$" "or not"
fake_discord_call set '{"max_concurrency": 0}' >/dev/null
is "$(probe refused) $(report identifies_refused)" "op 9 1" "an identify too many in 5 s gets op 9"
fake_discord_call set '{"max_concurrency": 16}' >/dev/null
fake_discord_call gateway '{"do": "forget"}' >/dev/null

# resumed CODE: drops with the code, gets three messages meanwhile, resumes.
resumed()
{
    coproc PROBED { exec /usr/bin/python3 "$PROBE" "${DISCORD_URL/http/ws}" resume "$1" 2>&1; }
    local line in=${PROBED[1]} out=${PROBED[0]}
    read -r line <&"$out"
    for i in 1 2 3; do fake_discord_say general alice "{mention} {token}" >/dev/null; done
    echo >&"$in"
    cat <&"$out"
}
reset
is "$(resumed 4000)" "resumed tok-1- tok-2- tok-3-" "a resume replays what was missed, in order"
is "$(report replayed) $(report resumed) $(report sent)" "3 1 3" "and counts it"
fake_discord_call gateway '{"do": "forget"}' >/dev/null
reset
is "$(resumed 1000)" "invalid False" "a session that was closed with 1000 is dead"
is "$(report closes_1000) $(report resumes_refused)" "1 1" "which is a violation"

# ---- interactions -------------------------------------------------------------------------------------------
reset
create '{"content": "again?", "components": [{"type": 1, "components": [
    {"type": 2, "style": 1, "label": "Yes", "custom_id": "yes"}]}]}' >/dev/null
press() { fake_discord_call press '{"member": "bob", "channel": "general"}' >"$TAP_DIR/press"; }
# callback BODY: to the newest interaction; its token is made of its id.
callback()
{
    local id token
    id=$(fake_discord_call interactions | fake_discord_get 'd[-1]["id"]')
    token=$(fake_discord_call interactions | fake_discord_get 'd[-1]["token"]')
    rest POST "/interactions/$id/$token/callback" "$1"
    HOOK="/webhooks/$BOT/$token"
}
press
is "$(fake_discord_get 'd["custom_id"]' <"$TAP_DIR/press")" yes "a member presses a button"
callback '{"type": 5, "data": {"flags": 64}}' >"$TAP_DIR/status"
is "$(cat "$TAP_DIR/status")" "204 " "the press is acknowledged"
is "$(callback '{"type": 6}')" "400 40060" "once only"
is "$(rest PATCH "$HOOK/messages/@original" '{"content": "only you see this"}')" "200 " \
    "the deferred answer is filled in"
is "$(rest POST "$HOOK" '{"content": "more"}')" "200 " "a followup is made"
is "$(fake_discord_call interactions | fake_discord_get '[d[-1][k] for k in ("callback", "repeated",
    "followups", "ephemeral", "text")]')" "[5, 1, 1, True, 'only you see this']" "all of it is recorded"
rest GET "/channels/$GENERAL/messages?limit=5" >/dev/null
unlike "$(cat "$TAP_DIR/body")" "only you" "what is ephemeral is in no history"
is "$(rest POST /interactions/1/x/callback '{"type": 6}')" "404 10062" "an unknown interaction is told"
n=$(fake_discord_call slash '{"name": "ask", "options": {"text": "hi {token}"}}' >/dev/null; report asked)
callback "{\"type\": 4, \"data\": {\"content\": \"slash answer\"}}" >/dev/null
is "$(fake_discord_text "$n")" "slash answer" "a slash command is answered by its callback"

# ---- modals, selects and menus ----------------------------------------------------------------------------
offered() # OPTIONS MORE
{
    echo "{\"content\": \"choose\", \"components\": [{\"type\": 1, \"components\": [{\"type\": 3,
        \"custom_id\": \"s\", \"options\": $1$2}]}]}"
}
fake_discord_call set '{"callback_ms": 60000}' >/dev/null # what is told here is not lateness
many=$(python3 -c 'import json; print(json.dumps([{"label": str(i), "value": str(i)} for i in range(26)]))')
is "$(create "$(offered "$many")")" "400 50035" "a select of more than 25 options is refused"
is "$(create "$(offered '[{"label": "a", "value": "0"}]' ', "max_values": 2')")" "400 50035" \
    "and one of which more are to be chosen than there are"
is "$(create "$(offered '[{"label": "a", "value": "0"}, {"label": "b", "value": "0"}]')")" \
    "400 50035" "and one that has a value twice"
create "$(offered '[{"label": "a", "value": "v0"}, {"label": "b", "value": "v1"}]')" >/dev/null
fake_discord_call press '{"member": "bob", "channel": "general", "choice": [1]}' >/dev/null
is "$(callback '{"type": 6}')" "204 " "a member chooses"
press
is "$(fake_discord_get 'd["custom_id"]' <"$TAP_DIR/press")" s "as often as it is there"
modal() # TITLE COMPONENTS
{
    callback "{\"type\": 9, \"data\": {\"custom_id\": \"m\", \"title\": \"$1\", \"components\": [$2]}}"
}
input='{"type": 18, "label": "Name", "component": {"type": 4, "custom_id": "0", "style": 1}}'
is "$(modal "$(printf '%46s' x)" "$input")" "400 50035" "a modal with a long title is refused"
is "$(modal Title '')" "400 50035" "and one without fields"
is "$(modal Title "$input, $input, $input, $input, $input, $input")" "400 50035" "or with six"
is "$(modal Title "${input/Name/}")" "400 50035" "and a field without a label"
is "$(modal Title "$input")" "204 " "a modal opens as the first response"
is "$(modal Title "$input")" "400 40060" "and no other one"
is "$(fake_discord_call submit '{"values": ["Bob"]}' | fake_discord_get 'd["type"], d["custom_id"]')" \
    "(5, 'm')" "what was filled in comes as an interaction of its own"
is "$(modal Title "$input")" "400 50035" "which opens no further modal"
is "$(callback '{"type": 7, "data": {"components": []}}')" "204 " "and may change the message"
is "$(fake_discord_call menu '{"name": "Look at", "whom": "bob", "member": "alice", "channel": "general"}' |
    fake_discord_get 'd["type"], d["custom_id"]')" "(2, 'Look at')" "an entry of a menu is a command"
fake_discord_stop
tap_done
