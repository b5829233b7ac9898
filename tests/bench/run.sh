#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the bench programs and scripts (NAME.sh) named as arguments, one after another, and passes on the lines that begin
# with "bench". Exits 1 when one of them failed.
set -u

status=0
for program in "$@"; do
    printf '# %s\n' "$program"
    case $program in
    *.sh) output=$(bash "$TROUPE_SRCDIR/$program" </dev/null) ;;
    *.py) output=$(python3 -B "$TROUPE_SRCDIR/$program" </dev/null) ;;
    *) output=$("./$program" </dev/null) ;;
    esac
    rc=$?
    grep '^bench ' <<<"$output"
    if [ "$rc" -ne 0 ]; then
        printf 'bench: "%s" failed with status %d\n' "$program" "$rc" >&2
        status=1
    elif ! grep -q '^bench ' <<<"$output"; then
        printf 'bench: "%s" printed no result\n' "$program" >&2
        status=1
    fi
done
[ $# -gt 0 ] || echo '# no bench program is built yet' >&2
exit "$status"
