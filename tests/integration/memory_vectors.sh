#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The memory agent with a model's vectors: it finds what says the same in other words, goes on by words and the
# host's own vectors while the model does not answer, and makes vectors again when that is over, or the
# model is another one.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

fake_start --model fake --model first --model second || exit 1
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[limits]
messages = 0
[pipeline message]
stages = memory
[agent llm]
base_url = $FAKE_URL/v1
model = fake
local = yes
llm_warm = no
embed_model = first, second
[agent memory]
gather = off
answer = always
embedder = llm
embed_model = first
INI
chmod 600 "$TAP_DIR/troupe.ini"

embedders()
{
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
table = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = \"table\"")
         if r[0].endswith("memory") or r[0].endswith("knowledge")]
print(sorted(e for t in table for (e,) in db.execute("SELECT embedder FROM \"%s\"" % t)))' \
        "$(find "$TAP_DIR/data" -name troupe.db)"
}
are() { [ "$(embedders)" = "$1" ]; }
down() { fake_script "$TAP_DIR/down.json"; }
# A request that is refused says nothing about the model: no breaker keeps the next ones away.
echo '{"rules": [{"endpoint": "embeddings", "fault": "status", "status": 400}]}' >"$TAP_DIR/down.json"
echo '{"rules": [], "values": {"second": 20}}' >"$TAP_DIR/up.json"
echo '{"rules": [], "values": {"second": 24}}' >"$TAP_DIR/longer.json"

host_start
is $? 0 "the host starts"
like "$(chat 'remember that kitten sleeps')" "I'll remember that: kitten sleeps" "something is kept"
is "$(embedders)" "['first (16)']" "with a vector of the model, which its row names"
like "$(chat '/memory action=search text=cat')" "kitten sleeps" "what says the same in another word is found"
like "$(chat '/memory action=search text=volcano')" "remember nothing about that" "what says something else is not"
like "$("$TROUPE" call learn source=book text="A kitten needs milk." -c "$TAP_DIR/troupe.ini" 2>&1)" \
    "Learned book in 1 piece" "a document is learned"
like "$(chat '/memory action=search text=cat')" "kitten needs milk" "and found likewise"

down
like "$(chat 'remember that parrots whistle')" "I'll remember that: parrots whistle" \
    "while the model does not answer things are kept"
is "$(embedders)" "['', 'first (16)', 'first (16)']" "with a vector of the host's own"
like "$(chat '/memory action=search text=parrot')" "parrots whistle" "and found by words and those"
like "$(chat '/memory action=search text=kitten')" "kitten sleeps" "what has the model's is found by its words"
fake_script "$TAP_DIR/up.json"
chat '/memory action=search text=parrot' >/dev/null
until_true are "['first (16)', 'first (16)', 'first (16)']"
ok $? "once it answers again the job makes what is missing"

sed -i 's/^embed_model = first$/embed_model = second/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
is $? 0 "another model is named"
# Nothing is found: its vector has no other of as many values, and no memory has the word.
chat '/memory action=search text=cat' >/dev/null
until_true are "['second (20)', 'second (20)', 'second (20)']"
ok $? "and all vectors are made again by it"
like "$(chat '/memory action=search text=cat')" "kitten sleeps" "with other numbers of values, too, as are things in other words"

host_stop
fake_script "$TAP_DIR/longer.json"
host_start
is $? 0 "the model of that name is another one now, whose vectors are longer"
like "$(chat '/memory action=search text=parrot')" "parrots whistle" "things are found by their words"
until_true are "['second (24)', 'second (24)', 'second (24)']"
ok $? "and all vectors are made again"
like "$(chat '/memory action=search text=cat')" "kitten sleeps" "so that other words find them again"

sed -i '/^embed_model = second$/d' "$TAP_DIR/troupe.ini"
like "$("$TROUPE" reload -c "$TAP_DIR/troupe.ini" 2>&1; cat "$TAP_DIR/log")" 'with "embedder = llm" it names the model' \
    "a model that is not named is refused with the remedy"
sed -i '/^embedder = llm$/d' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
chat '/memory action=search text=parrot' >/dev/null
until_true are "['', '', '']"
ok $? "back at the host's own all are made again for nothing"
host_stop
is $? 0 "it stops well"
tap_done
