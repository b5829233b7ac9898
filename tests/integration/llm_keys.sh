#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Keys of a provider: the second one is used at once where the first has reached its limit, and a reload puts new
# ones in their place, for the next request.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [ { "match": "limited", "times": 1, "fault": "status", "status": 429 }, { "answer": "{last} indeed." } ] }
JSON
fake_start --model fake --script "$TAP_DIR/script.json" || exit 1
write_config
sed -i 's/^model = fake/&\napi_key = key-one\napi_key_alt = key-two/' "$TAP_DIR/troupe.ini"

# keys: which were used, in order, each by the number of its first use.
keys()
{
    curl -sf --noproxy '*' "$FAKE_URL/_log" | python3 -c '
import json, sys
seen = []
for r in json.load(sys.stdin):
    if "messages" in r.get("body", {}):
        if r["authorization_digest"] not in seen:
            seen.append(r["authorization_digest"])
        print(seen.index(r["authorization_digest"]) + 1, end=" ")'
}

host_start
is $? 0 "the host starts"
like "$(chat "hello")" "hello indeed" "the first key is used"
like "$(chat "limited")" "limited indeed" "a question that it is too much for is answered"
is "$(keys)" "1 1 2 " "with the second one, at once"
like "$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")" "with another key" "as troupe why tells"
sed -i 's/^api_key = .*/api_key = key-three/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
is $? 0 "a new key is taken over by a reload"
like "$(chat "again")" "again indeed" "the next question"
is "$(keys)" "1 1 2 3 " "goes out with it"
sed -i '/^api_key_alt/d' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
like "$(chat "once more")" "once more indeed" "and so do those after one was taken away"
is "$(keys)" "1 1 2 3 3 " "with the one that is left"
like "$("$TROUPE" usage -c "$TAP_DIR/troupe.ini")" "USD" "troupe usage tells what was spent" || "$TROUPE" usage -c "$TAP_DIR/troupe.ini" | sed 's/^/# /'
like "$("$TROUPE" usage nothing -c "$TAP_DIR/troupe.ini" 2>&1)" "nothing called \"nothing\" is stopped" "and refuses to confirm what is not stopped"
is "$("$TROUPE" usage --json -c "$TAP_DIR/troupe.ini" | python3 -c 'import json,sys; print(sorted({(l["scope"], l["span"]) for l in json.load(sys.stdin)["json"]["levels"] if l["scope"] == "bot"}))')" \
    "[('bot', 'day'), ('bot', 'hour'), ('bot', 'month')]" "for programs by hour, day and month"
like "$("$TROUPE" budget -c "$TAP_DIR/troupe.ini")" "the bot today: .* USD of .*; anew at 00:00 UTC" "troupe budget tells of caps"
is "$(grep -cE 'key-(one|two|three)' "$TAP_DIR/log")" 0 "no key is in the log"
host_stop
tap_done
