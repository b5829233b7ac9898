#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Figures that agents declare: on the page for monitoring under the agent's name, bounded, kept by a reload where the
# declaration is the same, and refused where it does not hold.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

# plugin HISTOGRAM: an agent with three figures
plugin()
{
    cat >"$TAP_DIR/figures.c" <<C
#include <troupe/troupe.h>
TROUPE_FUNCTION(count, "Counts", TROUPE_SLASH, TROUPE_STRING(what, "What"))
static troupe_status count(troupe_turn *turn, troupe_str what)
{
    char label[64];
    snprintf(label, sizeof(label), "%.*s", (int)what.len, what.ptr);
    if (troupe_metric(turn, "votes", 1, label, "yes") < 0 || troupe_metric(turn, "open", 3, NULL, NULL) < 0 ||
        troupe_metric(turn, "wait", 5, NULL, NULL) < 0)
        return TROUPE_FAILED;
    return troupe_reply(turn, "%d %d %d %d", troupe_metric(turn, "none", 1, NULL, NULL), troupe_metric(turn, "votes", 1, label, NULL),
                        troupe_metric(turn, "votes", -1, label, "yes"), troupe_metric(turn, "open", __builtin_nan(""), NULL, NULL));
}
TROUPE_PLUGIN("org.example.figures", "1.0.0", "Has figures", .needs = TROUPE_METRICS_EXTENSION, .functions = TROUPE_LIST(count),
              .metrics = TROUPE_METRICS(TROUPE_COUNTER("votes", "Votes that were cast", .labels = "choice|how"),
                                        TROUPE_GAUGE("open", "Polls that are open"),
                                        TROUPE_HISTOGRAM("wait", "Seconds to the vote", "$1")));
C
    gcc -O1 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden "-I$TROUPE_SRCDIR/sdk/include" -o "$TAP_DIR/figures.so" "$TAP_DIR/figures.c"
}
plugin "1|10|60"
is $? 0 "a plugin with figures is built"
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[limits]
messages = 0
[ops]
listen = 127.0.0.1:0
[agent my-figures]
plugin = $TAP_DIR/figures.so
isolation = process
[agent here]
plugin = $TAP_DIR/figures.so
isolation = inprocess
[agent actor]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/actor.so
isolation = inprocess
[pipeline message]
stages = actor
INI
host_start || exit 1
port=$("$TROUPE" status --json -c "$TAP_DIR/troupe.ini" | python3 -c 'import json, sys; print(json.load(sys.stdin)["ops_port"])')
page() { curl -s -m 20 --noproxy '*' "http://127.0.0.1:$port/metrics"; }
is "$("$TROUPE" call my-figures.count what=red -c "$TAP_DIR/troupe.ini" 2>&1)" "-4 -4 -4 -4" \
    "a name, labels and values that do not fit the declaration are refused"
is "$("$TROUPE" call here.count what=blue -c "$TAP_DIR/troupe.ini" 2>&1)" "-4 -4 -4 -4" "in the process of the host, too"
page >"$TAP_DIR/page"
like "$(cat "$TAP_DIR/page")" '^troupe_agent_here_votes_total\{choice="blue",how="yes"\} 1$' "each agent has its own"
like "$(cat "$TAP_DIR/page")" '^# HELP troupe_agent_my_figures_votes_total Votes that were cast$' "the page tells what it is"
like "$(cat "$TAP_DIR/page")" '^troupe_agent_my_figures_votes_total\{choice="red",how="yes"\} 1$' "a counter counts by its labels"
like "$(cat "$TAP_DIR/page")" '^troupe_agent_my_figures_open 3$' "a gauge has the last value"
like "$(cat "$TAP_DIR/page")" '^troupe_agent_my_figures_wait_bucket\{le="10"\} 1$' "a histogram has the bounds of the declaration"

# ---- bounded

for i in $(seq 60); do
    printf '/my-figures.count what=c%d\n' "$i"
done | "$TROUPE" chat -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
page >"$TAP_DIR/page"
is "$(grep -c '^troupe_agent_my_figures_votes_total{' "$TAP_DIR/page")" 50 "a figure has 50 series, one of them for the rest"
like "$(cat "$TAP_DIR/page")" '^troupe_agent_my_figures_votes_total\{choice="other",how="other"\} 12$' "what comes beyond is counted there"

# ---- reload

plugin "1|10|100"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1
is $? 0 "a build with another histogram is loaded"
page >"$TAP_DIR/page"
like "$(cat "$TAP_DIR/page")" '^troupe_agent_my_figures_votes_total\{choice="red",how="yes"\} 1$' "what is declared as before is kept"
unlike "$(cat "$TAP_DIR/page")" '^troupe_agent_my_figures_wait_bucket' "what is not begins anew"
plugin "10|1"
like "$("$TROUPE" reload -c "$TAP_DIR/troupe.ini" 2>&1)" 'metric 3 needs 1 to 16 ascending bounds' \
    "a declaration that does not hold is refused with its place"
is "$(page | grep -c '^troupe_agent_my_figures_votes_total{')" 50 "and what was counted stays"
host_stop
is $? 0 "the host ends well"
tap_done
