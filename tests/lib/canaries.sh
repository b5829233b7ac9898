# SPDX-License-Identifier: Apache-2.0
#
# Words of one member wherever the host may keep some, and where they are afterwards; after tap.sh, fake.sh
# and fake_discord.sh:
#
#   canaries_host [LINE…]        configures and starts a host with these lines behind the rest
#   canaries_put                 bob says them, alice something else
#   canaries_places              the places that canaries_put fills
#   canaries_erase               bob deletes what is kept about him, until nothing of it is open
#
# Each place has a word of its own, "zilpzalp-PLACE-4711"; alice's are "nuthatch-PLACE-0815".

CANARY=zilpzalp
BOB=400000000000000001

canary_messages() { fake_discord_call "messages?channel=general"; }
canary_count() { canary_messages | fake_discord_get 'len([m for m in d if m["bot"]])'; }
canary_grown() { [ "$(canary_count)" -gt "$1" ]; }
canary_said() { canary_messages | fake_discord_get '[m["content"] for m in d if m["bot"]]' | grep -qF -- "$1"; }
canary_interaction() { fake_discord_call interactions | fake_discord_get "d[-1][\"$1\"]"; }
canary_says() { canary_interaction text | grep -qE -- "$1"; }
canary_cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }
canary_slash()
{
    fake_discord_call slash "{\"name\": \"$2\", \"member\": \"$1\", \"channel\": \"general\", \"options\": ${3:-{\}}}" >/dev/null
}
# canary_say MEMBER TEXT [KIND [REPLY-TO]]: says it, and waits for the answer
canary_say()
{
    python3 -c 'import json, sys
keys = ("channel", "member", "text", "kind", "reply_to")
print(json.dumps({k: v for k, v in zip(keys, ["general", *sys.argv[1:]]) if v}))' "$1" "$2" "${3:-mention}" "${4:-}" \
        >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" >/dev/null
    fake_discord_wait answered 1 30000 50
}

canaries_host()
{
    cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [
  { "match": { "system": "You keep the notes" }, "answer": "Somebody spoke of zilpzalp-summary-4711." },
  { "match": "<words>", "answer": "{\"facts\": []}" },
  { "answer": "I heard {last}" }
] }
JSON
    fake_script "$TAP_DIR/script.json"
    printf 'You are a bird. Answer in {{language}}.\n' >"$TAP_DIR/template"
    write_discord_config <<INI
cdn = $DISCORD_URL
[agent memory]
session_timeout = 1h
[agent reminder]
[agent features]
[agent hoard]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/hoard.so
isolation = inprocess
[agent harm]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/harm.so
INI
    printf '%s\n' "$@" >>"$TAP_DIR/troupe.ini"
    sed -i "s/^stages = conversation/stages = memory conversation/; s/^\[agent llm\]/&\ntool_steps = 0/; s#^\[agent conversation\]#&\ntemplate = $TAP_DIR/template#" \
        "$TAP_DIR/troupe.ini"
    host_start && fake_discord_wait connected 1
}

canaries_places()
{
    echo message reply file remembered immediate document reminder wish hoard-field hoard-key hoard-trace hoard-told hoard-what hoard-blob hoard-blobkey given summary \
        dead undelivered
}

canaries_put()
{
    local before first i

    fake_discord_call roles '{"member": "bob", "roles": ["admins"]}' >/dev/null
    # The first question of a talk brings nothing of the member along, so its answer may be others', too.
    canary_say bob "{mention} what is a $CANARY-message-4711? {token}"
    first=$(canary_messages | fake_discord_get '[m["id"] for m in d if m["bot"]][-1]')
    canary_say bob "{mention} and a $CANARY-reply-4711 {token}" reply "$first"
    python3 -c 'import json, sys
print(json.dumps({"channel": "general", "member": "bob", "kind": "mention", "text": "{mention} read this {token}",
                  "files": [{"name": sys.argv[1] + ".txt", "type": "text/plain", "text": "about " + sys.argv[1]}]}))' \
        "$CANARY-file-4711" >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" >/dev/null
    fake_discord_wait answered 1 30000 50
    canary_say bob "{mention} remember that my wombat is called $CANARY-remembered-4711"
    until_true canary_said "I'll remember that: my wombat is called"
    canary_say bob "{mention} I have seen $CANARY-immediate-4711 today {token}"
    before=$(canary_count)
    canary_slash bob learn "{\"source\": \"$CANARY-source\", \"text\": \"# Birds\nThe $CANARY-document-4711 sings at six.\"}"
    until_true canary_says "Learned"
    canary_slash bob remind "{\"text\": \"feed $CANARY-reminder-4711\", \"when\": \"in 3 days\"}"
    until_true canary_said "$CANARY-reminder-4711"
    canary_slash bob submit-feature "{\"title\": \"$CANARY-wish-4711\", \"description\": \"more $CANARY-wish-4711\"}"
    until_true canary_says "Kept as request #1"
    canary_slash alice submit-feature '{"title": "nuthatch-wish-0815"}'
    until_true canary_says "Kept as request #2"
    for i in alice bob; do
        canary_slash $i vote-feature '{"number": 1}'
        until_true canary_says "You voted for request #1"
        canary_slash $i vote-feature '{"number": 2}'
        until_true canary_says "You voted for request #2"
    done
    canary_slash alice feature-status '{"number": 1, "status": "declined", "reason": "no more wishes"}'
    until_true canary_says "is declined now"
    canary_slash alice features
    until_true canary_says "$CANARY-wish-4711.*declined, 2 votes"
    for i in answered open; do
        canary_slash bob hoard "{\"word\": \"$CANARY-hoard\"}"
        until_true canary_said "Another one than"
        [ $i = answered ] || break
        fake_discord_call press '{"member": "bob", "channel": "general", "index": 0}' >/dev/null
        until_true canary_acknowledged
        fake_discord_call submit "{\"values\": [\"$CANARY-given-4711\"]}" >/dev/null
        until_true canary_said "kept, and $CANARY-given-4711"
    done
    # A turn of somebody else's that has the words and the id.
    canary_slash alice rummage
    until_true canary_said "cached: $CANARY-hoard and $CANARY-hoard"
    for i in $(seq 1 7); do canary_say bob "{mention} number $i {token}"; done
    canary_slash bob harm "{\"what\": \"abort $CANARY-dead-4711\"}"
    until_true canary_says "brought me down twice"
    before=$(fake_discord_report faults)
    fake_discord_call fault '{"on": "create", "do": "status", "status": 403, "code": 50013}' >/dev/null
    # Nobody waits for that answer, so it is not owed.
    fake_discord_call say "{\"channel\": \"general\", \"member\": \"bob\", \"kind\": \"mention\", \"owed\": false,
        \"text\": \"{mention} what of $CANARY-undelivered-4711?\"}" >/dev/null
    until_true canary_undelivered "$before"
    canary_say alice "{mention} what is a nuthatch-message-0815? {token}"
    canary_say alice "{mention} remember that my dog is called nuthatch-remembered-0815"
    until_true canary_said "my dog is called"
}
canary_undelivered() { [ "$(fake_discord_report faults)" -gt "$1" ]; }
canary_acknowledged() { [ "$(canary_interaction callback)" != 0 ]; }
# Lines of a log with one of the words; what an agent calls its reservation there is its own affair (troupe/budget.h).
canary_logged() { sed "s/what=\"\{0,1\}$CANARY-hoard-what//" "$1" | grep -caF -- "$CANARY"; }
canary_closed() { [ "$(canary_cli user list)" = "no deletion is open" ]; }

canaries_erase()
{
    canary_slash bob privacy '{"action": "delete", "sure": true}'
    until_true canary_says "will be deleted" && until_true canary_closed
}
