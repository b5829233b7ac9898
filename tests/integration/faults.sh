#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Storage that fails under a whole host: tests/long/faults.py with as many faults as a suite has time for.
# TROUPE_SEED repeats a run.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

out=$TAP_DIR/out
play() {
    TROUPE_LONG_COUNT=1 python3 -B "$TROUPE_SRCDIR/tests/long/faults.py" "$1" >"$out" 2>&1
    local status=$?
    sed 's/^/# /' "$out" | cut -c1-600
    is "$status" 0 "$1: the run finds nothing to complain of"
    like "$(cat "$out")" "long faults runs [0-9]* lost 0 doubled 0" "$1: nothing lost, nothing doubled"
}

play disk
play memory
if grep -q '^#define HAVE_POSTGRES' "$TROUPE_BUILDDIR/config.h"; then
    play postgres
else
    skip "postgres: nothing lost, nothing doubled" "PostgreSQL is not built in"
fi
if grep -q '^#define HAVE_REDIS' "$TROUPE_BUILDDIR/config.h"; then
    play redis
else
    skip "redis: nothing lost, nothing doubled" "Redis is not built in"
fi
tap_done
