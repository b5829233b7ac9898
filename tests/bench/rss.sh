#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Resident memory of an idle `troupe run` with its agents on SQLite. Target: below 20 MB.
. "$TROUPE_SRCDIR/tests/lib/tap.sh" >/dev/null
write_config
host_start >/dev/null || exit 1
"$TROUPE" status -c "$TAP_DIR/troupe.ini" >/dev/null
kb=$(awk '/^VmRSS/ {print $2}' "/proc/$HOST_PID/status")
base=$(awk '/^VmRSS/ {print $2}' /proc/self/status)
printf 'bench idle_rss %.1f MB baseline %.1f ratio %.1f target <20\n' \
    "$((kb * 10 / 1024))e-1" "$((base * 10 / 1024))e-1" "$((kb * 10 / base))e-1"
host_stop
[ "$kb" -lt 20480 ]
