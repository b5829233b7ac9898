#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Never silent, the whole host: tests/long/silence.py with as many messages as a suite has time for.
# TROUPE_SEED repeats a run.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

out=$TAP_DIR/out
TROUPE_LONG_COUNT=${TROUPE_LONG_COUNT:-150} python3 -B "$TROUPE_SRCDIR/tests/long/silence.py" >"$out" 2>&1
status=$?
sed 's/^/# /' "$out" | cut -c1-600
is "$status" 0 "the run finds nothing to complain of"
like "$(cat "$out")" "silent 0$" "each message ends in an answer, a reaction or a reason code"
like "$(cat "$out")" "long silence runs [0-9]* lost 0 doubled 0" "and none is answered twice"
tap_done
