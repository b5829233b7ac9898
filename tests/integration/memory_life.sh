#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The life of a memory: found in a session by rules, kept longer when it is said again, faded or over when it is
# not, one where several say the same, and the lightest gone when it is too many. Time passes in the database.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

write_config
sed -i 's/^stages = conversation/stages = memory/; /^base_url/d; /^model/d' "$TAP_DIR/troupe.ini"
printf '[agent memory]\nsession_timeout = 1s\nmost = 10\n' >>"$TAP_DIR/troupe.ini"

# rows EXPRESSION: of what /memory exports, where d is the list
rows()
{
    chat "/memory action=export" | sed -n '/^\[/,/^\]/p' |
        python3 -c 'import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"
}
texts() { rows "sorted(r['text'] for r in d if r['state'] == 'active')"; }
tier_of() { rows "[r['tier'] for r in d if '$1' in r['text'] and r['state'] == 'active']"; }
# says TEXT, and the session ends: its words are gone
session()
{
    chat "$1" >/dev/null
    until_true ended
}
ended() { [ "$(sql "SELECT count(*) FROM memory__memory WHERE tier = 'immediate'")" = 0 ]; }
sql()
{
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
print(db.execute(sys.argv[2]).fetchone()[0] if sys.argv[2].startswith("SELECT") else db.execute(sys.argv[2]).rowcount)
db.commit()' "$TAP_DIR/data/troupe.db" "$1"
}

host_start || exit 1

# ---- found, and said again

session "hello there, I work at the lighthouse. What a day! > not a quote"
is "$(texts)" "['I work at the lighthouse']" "rules find what a session tells about the member, and nothing else"
is "$(tier_of lighthouse)" "['short']" "which is kept for a time"
is "$(rows "[r['from'] for r in d]")" "['rules']" "with how it was found"
is "$(rows "[r['message'] > 0 and r['said_ms'] > 0 and r['expires_ms'] > r['said_ms'] for r in d]")" "[True]" \
    "in which message, when, and until when"
session "as I said, I work at the lighthouse"
session "I work at the lighthouse"
is "$(texts)" "['I work at the lighthouse']" "said again it is one still"
is "$(tier_of lighthouse)" "['long']" "but kept for good"
like "$(chat "/memory action=talks" | tr '\n' ' ')" \
    "read by rules: 0 new, 1 known already, .*1 message, read by rules: 1 new, 0 known" \
    "each session has a row of what it came to, the newest first"
session "I play the tuba"
is "$(tier_of tuba)" "['short']" "something else is kept for a time"
session "> I live in Rome
I am fine"
unlike "$(texts)" "Rome" "what is quoted is not the member's"

# ---- over

host_stop
is "$(sql "UPDATE memory__memory SET said_at = said_at - 5184000000, used_at = used_at - 5184000000 WHERE tier = 'short' OR content LIKE '%lighthouse%'")" \
    3 "two months pass"
host_start
session "good morning to all"
unlike "$(texts)" "tuba" "what was said once has faded"
like "$(texts)" "lighthouse" "what was said again has not"
is "$(sql "SELECT count(*) FROM kv WHERE ns = 'memory' AND scope LIKE 'texts/%'")" 1 \
    "and of what is gone no word is kept"
is "$(sql "SELECT count(*) FROM kv WHERE ns = 'memory' AND scope LIKE 'vectors/%'")" 1 "and no vector"

# ---- one of several, and too many

chat "remember I am allergic to peanuts" "remember that I'm allergic to peanut" >"$TAP_DIR/out2"
like "$(cat "$TAP_DIR/out2")" "knew that already" "what says the same is told as known"
is "$(rows "[r['seen'] for r in d if 'allergic' in r['text']]")" "[2]" "and is one memory, said twice"
chat "remember I am not allergic to peanuts" >"$TAP_DIR/out2"
like "$(cat "$TAP_DIR/out2")" "instead of: I.m allergic to peanut" "its opposite takes its place"
for i in 1 2 3 4 5 6 7 8; do chat "remember that locker $i has the code ${i}00$i"; done >/dev/null
is "$(rows "len([r for r in d if 'locker' in r['text']]) >= 6")" True "other numbers are other memories"
is "$(rows "len(d) <= 10")" True "and there are never more than a member may keep"
session "I am tired today"
is "$(rows "len(d) <= 8")" True "from four fifths of what a member may keep on, the lightest go"
like "$(texts)" "allergic" "and what weighs more stays"
sed -i 's/^most = 10/most = 10\nfill = 0.3/' "$TAP_DIR/troupe.ini"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
is $? 0 "another share is set"
session "I am tired again"
is "$(rows "len(d) <= 3")" True "from which they go then"
like "$(texts)" "allergic" "with what weighs more left"

host_stop
is $? 0 "the host ends well"
tap_done
