#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Money through the whole host: tests/long/budget.py with as many calls and kills as a suite has time for.
# TROUPE_SEED repeats a run.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

out=$TAP_DIR/out
TROUPE_LONG_COUNT=${TROUPE_LONG_COUNT:-200} python3 -B "$TROUPE_SRCDIR/tests/long/budget.py" >"$out" 2>&1
status=$?
sed 's/^/# /' "$out" | cut -c1-600
is "$status" 0 "caps hold, and what is booked is at least what was billed"
like "$(cat "$out")" "stopped, and paid for again" "what costs more than its worst case is stopped until confirmed"
like "$(cat "$out")" "long budget runs [0-9]* lost 0 doubled 0" "every call is answered once"
tap_done
