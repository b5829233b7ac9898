#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two hosts on one PostgreSQL database, of which one is stopped for longer than its lease and one killed:
# tests/long/hosts.py with as much as a suite has time for. TROUPE_SEED repeats a run.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

out=$TAP_DIR/out
if grep -q '^#define HAVE_POSTGRES' "$TROUPE_BUILDDIR/config.h"; then
    TROUPE_LONG_COUNT=1 TROUPE_LONG_JOBS=150 TROUPE_LONG_EVENTS=60 \
        python3 -B "$TROUPE_SRCDIR/tests/long/hosts.py" >"$out" 2>&1
    status=$?
    sed 's/^/# /' "$out" | cut -c1-600
    is "$status" 0 "the run finds nothing to complain of"
    like "$(cat "$out")" "long hosts runs [0-9]* lost 0 doubled 0" \
        "jobs and questions that come to two hosts are answered once"
else
    skip "jobs and questions that come to two hosts are answered once" "PostgreSQL is not built in"
fi
tap_done
