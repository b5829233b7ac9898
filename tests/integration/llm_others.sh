#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Vectors, judgements, pictures and answers in JSON by a running host, each accounted.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cat >"$TAP_DIR/script.json" <<'JSON'
{ "rules": [
  { "endpoint": "embeddings", "match": { "model": "limited" }, "fault": "status", "status": 429 },
  { "endpoint": "moderations", "match": { "model": "broken" }, "fault": "status", "status": 500 },
  { "endpoint": "images", "match": { "model": "hanging" }, "fault": "hang_before_headers" },
  { "match": "twice", "times": 1, "answer": "Well, {n}." },
  { "match": "does not hold the schema", "answer": "```json\n{\"n\": 2}\n```" },
  { "answer": "{\"n\": 1}" }
] }
JSON
fake_start --model fake --model vectors --model painter --model limited --model hanging --script "$TAP_DIR/script.json" || exit 1
write_config
# The fake is called paid, so that money is looked at.
sed -i "s|^model = fake|&\nlocal = no\nprice_input = 1\nprice_output = 1\nembed_model = vectors\nembed_price = 1\nbase_url_2 = $FAKE_URL/v1\nmoderation_model = 2:judge\nimage_model = painter\nimage_price = 0.01|" \
    "$TAP_DIR/troupe.ini"

call() { "$TROUPE" call -c "$TAP_DIR/troupe.ini" "$@" 2>&1; }
get() { python3 -c "import json, sys; d = json.load(sys.stdin); print(repr(($1)))"; }

host_start
is $? 0 "the host starts"
out=$(call llm.embed 'texts=["a cat", "a cat", "the sea"]' dimensions=8)
is "$(get "len(d['vectors']), d['dimensions'], d['vectors'][0] == d['vectors'][1], d['vectors'][0] == d['vectors'][2]" <<<"$out")" \
    "(3, 8, True, False)" "texts become vectors, the same the same"
like "$(get "d['cost_micros'], d['usage']['estimated']" <<<"$out")" "^.[1-9][0-9]*, False.$" "which cost what they cost"
is "$(call llm.embed 'texts=["a cat"]' dimensions=8 encoding=base64 | get "len(d['vectors'][0])")" 44 "as bytes, too"
is "$(call llm.moderate text="a bad word" | get "d['flagged'], d['categories']")" "(True, ['violence'])" \
    "a text is judged"
is "$(call llm.moderate text="a word" | get "d['flagged'], sorted(d['scores'])")" \
    "(False, ['harassment/threatening', 'violence'])" "and another is not flagged"
is "$(call llm.image prompt="a point" | get "d['type'], d['cost_micros']")" "('image/png', 10000)" \
    "a picture comes at its price"

SCHEMA='{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
ask() { call llm.chat "messages=[{\"role\": \"user\", \"content\": \"$1\"}]" "schema=$SCHEMA"; }
is "$(ask "how many")" '{"n":1}' "an answer in JSON holds its schema"
is "$(ask "twice")" '{"n":2}' "one that does not is asked for once more"
host_stop

# ---- one model after the other

cp "$TAP_DIR/troupe.ini" "$TAP_DIR/one.ini"
sed -i "s|^embed_model = .*|embed_model = limited, vectors|; s|^moderation_model = .*|moderation_model = 2:broken, judge|; s|^image_model = .*|image_model = nobody-knows-it, 2:hanging, painter\ntotal_timeout = 8s\nlocal_2 = yes|; s|^local = no|local = yes|; /^embed_price/d; /^image_price/d" \
    "$TAP_DIR/troupe.ini"
printf '[agent imagine]\n' >>"$TAP_DIR/troupe.ini"
host_start
is $? 0 "the host starts with several models of a kind"
is "$(call llm.embed 'texts=["a cat"]' | get "d['model']")" "'vectors'" "after a 429 the next one makes the vectors"
is "$(call llm.moderate text="a bad word" | get "d['model'], d['flagged']")" "('judge', True)" \
    "after a 500 the next one judges"
for _ in 1 2 3 4 5 6; do call llm.moderate text="a word" >/dev/null; done
asked() { curl -sf --noproxy '*' "$FAKE_URL/_log" | get "sum(r['body'].get('model') == '$1' for r in d)"; }
is "$(asked broken) $(asked judge)" "5 9" "which after five failures is asked at once"
is "$(call llm.image prompt="a point" | get "d['model'], d['type']")" "('painter', 'image/png')" \
    "after an unknown one and one that hangs the third one paints"
out=$(chat '/imagine prompt="a point \"here\"" shape=portrait')
like "$out" '^-# a point "here"$' "a member asks for a picture"
like "$out" '^\[file picture.png, [0-9]+ bytes: a point "here"\]$' "and it comes as a file with the answer"
like "$(call imagine prompt=x)" "nobody here can be shown it" "nobody is told that it was shown where it was not"
host_stop
cp "$TAP_DIR/one.ini" "$TAP_DIR/troupe.ini"

sed -i "s|^base_url = .*|base_url = $FAKE_URL/api|; /^local/d; /^embed_price/d; /^price_/d; s/^moderation_model = 2:/moderation_model = /" "$TAP_DIR/troupe.ini"
host_start
is "$(call llm.embed 'texts=["a cat", "a cat"]' | get "len(d['vectors']), d['cost_micros']")" "(2, 0)" \
    "vectors of a local Ollama cost nothing"
is "$(call llm-warm | get "d['warm'], d['cold']")" "(2, 0)" "its models can be loaded before somebody asks"
before=$(curl -sf --noproxy '*' "$FAKE_URL/_log" | get "len(d)")
sed -i "s/^llm_warm = no/llm_warm = yes/" "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
loaded() { [ "$(curl -sf --noproxy '*' "$FAKE_URL/_log" | get "len(d)")" = $((before + 2)) ]; }
until_true loaded
ok $? "and the host loads them where it may"
like "$(call llm.moderate text="x")" "nothing that judges texts" "which says what it cannot do"
host_stop
tap_done
