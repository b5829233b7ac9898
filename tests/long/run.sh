#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh NAME VARIANT [PROGRAM…]: runs the long scenario NAME, a script (.sh, .py) beside this file
# or one of the built programs; without a known NAME, lists what there is. The scenario prints its seed, runs,
# lost and doubled, and its status is ours.
set -u

here=$(cd "$(dirname "$0")" && pwd)
name=$1
variant=$2
shift 2

known() {
    local script
    for script in "$here"/*.sh "$here"/*.py; do
        [ "$script" = "$here/run.sh" ] || basename "${script%.*}"
    done
    [ $# -eq 0 ] || basename -a "$@"
}

export TROUPE_LONG_VARIANT=$variant
if [ -n "$name" ] && [ "$name" != run ] && [ -f "$here/$name.sh" ]; then
    exec bash "$here/$name.sh" ${variant:+"$variant"}
fi
if [ -n "$name" ] && [ -f "$here/$name.py" ]; then
    exec python3 -B "$here/$name.py" ${variant:+"$variant"}
fi
for program in "$@"; do
    if [ -n "$name" ] && [ "$(basename "$program")" = "$name" ]; then
        exec "./$program" ${variant:+"$variant"}
    fi
done
if [ -z "$name" ]; then
    echo 'say which scenario: make long T=NAME [V=VARIANT]; known are:' >&2
else
    printf 'unknown scenario "%s"; known are:\n' "$name" >&2
fi
known "$@" | sort | sed 's/^/  /' >&2
exit 64
