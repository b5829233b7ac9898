#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Spans as people see them: in `troupe why`, and at debug in the log, without the secrets that the host knows.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

cat >"$TAP_DIR/spans.c" <<'C'
#include <troupe/troupe.h>
TROUPE_FUNCTION(look, "Looks up", TROUPE_SLASH)
static troupe_status look(troupe_turn *turn)
{
    troupe_span span = troupe_span_begin(turn, "look up");
    troupe_span_text(turn, span, "key", "its hush-hush-value");
    troupe_span_int(turn, span, "found", 3);
    return troupe_span_end(turn, span, troupe_reply(turn, "looked"));
}
TROUPE_PLUGIN("org.example.spans", "1.0.0", "Has spans", .needs = TROUPE_TRACE_EXTENSION, .functions = TROUPE_LIST(look),
              .config = TROUPE_KEYS(TROUPE_KEY("key", "A key", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET)));
C
gcc -O1 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden "-I$TROUPE_SRCDIR/sdk/include" -o "$TAP_DIR/spans.so" "$TAP_DIR/spans.c"
is $? 0 "a plugin with spans is built"
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[limits]
messages = 0
[agent apart]
plugin = $TAP_DIR/spans.so
isolation = process
key = hush-hush-value
[agent here]
plugin = $TAP_DIR/spans.so
isolation = inprocess
INI
chmod 600 "$TAP_DIR/troupe.ini"
host_start || exit 1
"$TROUPE" log-level debug -c "$TAP_DIR/troupe.ini" >/dev/null
for agent in apart here; do
    like "$(chat "/$agent.look")" looked "agent $agent answers"
    why=$("$TROUPE" why last -c "$TAP_DIR/troupe.ini")
    like "$why" '^spans of trace [0-9a-f]{32}:$' "why shows its spans"
    like "$why" "^ +[0-9.]+ ms    $agent\.look: [0-9.]+ ms" "with the function that it ran in"
    like "$why" '^ +[0-9.]+ ms      look up: [0-9.]+ ms key=its \*+ found=3$' "and what it said of them, but no secret"
    like "$(cat "$TAP_DIR/log")" "plugin:$agent.* span .*name=\"?look up\"? kind=agent attempt=1 us=[0-9]+ status=ok" \
        "at debug each is a line of the log"
done
unlike "$(cat "$TAP_DIR/log")" hush-hush-value "a secret is in none of them"
host_stop
is $? 0 "the host ends well"
tap_done
