#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What a model without tools writes into its answer: a picture and a task, made in the order of the agents'
# priorities, and asked for first where the model wants that and never less than the functions do.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

next_year=$(($(date -u +%Y) + 1))
python3 - "$next_year" >"$TAP_DIR/script.json" <<'PY'
import json, sys
year = sys.argv[1]
def block(action, **params):
    return "```json\n" + json.dumps({"action": action, "params": params}) + "\n```\n"
rules = [
    {"match": "What schedule_task gave", "answer": "done: {last}"},
    {"match": "What generate_image gave", "answer": "done: {last}"},
    {"match": "both", "answer": "On it.\n" +
        block("schedule_task", task_name="feed the cat", run_at=year + "-03-01T18:30:00Z", recurrence="weekly") +
        block("generate_image", prompt="a cat", model="brush", confirm=False)},
    {"match": "today", "answer": block("schedule_task", task_name="water the plants",
        run_at="in 1 second", recurrence="daily")},
    {"match": "later", "answer": block("schedule_task", task_name="pay", run_at=year + "-02-03T09:00:00+01:00")},
    {"match": "odd", "answer": block("schedule_task", task_name="x", run_at="when it rains")},
    {"match": "third", "answer": block("generate_image", prompt="a dog")},
    {"match": "unknown", "answer": block("generate_image", prompt="a dog", model="nobody")},
]
json.dump({"rules": rules}, sys.stdout)
PY
fake_start --model fake --model painter --model brush --script "$TAP_DIR/script.json" || exit 1
fake_discord_start || exit 1
write_discord_config <<INI
[limits]
images = 2
[agent imagine]
priority = 5
[agent reminder]
time_zone = Europe/Berlin
[agent asker]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/asker.so
isolation = inprocess
INI
sed -i 's/^stages = .*/stages = asker/; s/^model = fake/&\ntool_steps = 3\nno_tools = *\nimage_model = painter, brush/' "$TAP_DIR/troupe.ini"

answered() { fake_discord_wait answered 1 30000 200; }
messages() { fake_discord_call "messages?channel=general"; }
ask()
{
    local n
    n=$(fake_discord_say general "$1" "{mention} $2 {token}")
    answered
    fake_discord_text "$n" | tr '\n' ' '
}
painted() { curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get \
    "[r['body'].get('model') for r in d if 'prompt' in r['body']]"; }
tools() { "$TROUPE" why last -c "$TAP_DIR/troupe.ini" | grep -oE '[a-z_]+: status 0' | tr '\n' ' '; }
said() { messages | fake_discord_get "sum('''$1''' in m[\"content\"] and m[\"bot\"] for m in d)"; }
is_said() { [ "$(said "$1")" = 1 ]; }

host_start
is $? 0 "the host starts"
fake_discord_wait connected 1

out=$(ask bob "both please")
like "$out" "On it\." "members see the words of such an answer"
unlike "$out" "action" "and no block"
is "$(painted)" "['brush']" "the picture is painted by the model that was named"
is "$(tools)" "generate_image: status 0 schedule_task: status 0 " \
    "what has the higher priority was done first, though it was written behind"
like "$out" "1 Mar $next_year at 19:30 .Europe/Berlin., from then on every [A-Z][a-z][a-z] at 19:30: feed the cat" \
    "a time in UTC is told in the member's zone, with what comes again"
like "$(ask bob "later please")" "3 Feb $next_year at 09:00" "an offset is understood"
like "$(ask bob "odd please")" "no time that is understood" "what is none is told to the model"
like "$(ask bob "unknown please")" "There is: painter, brush" "and so are the models that there are"
like "$(ask bob "third please")" "images" "pictures count against [limits] images"
is "$(painted)" "['brush']" "and what is above is not painted"

ask bob "today please" >/dev/null
until_true is_said "reminder: water the plants"
ok $? "what begins in a second comes"
fake_discord_say general bob "{mention} /reminders" >/dev/null
answered
like "$(messages | fake_discord_get 'd[-1]["content"]')" \
    "every day at [0-9:]* .next .*: water the plants" "and is planned again for every day"
host_stop
tap_done
