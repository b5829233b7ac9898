#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The gdb script shows suspended coroutines of a live process and of a core file.
script=$TROUPE_SRCDIR/sdk/gdb/troupe-gdb.py
target=$TROUPE_BUILDDIR/tests/unit/loop/gdb_target
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
number=0

check() { # NAME FILE PATTERN…
    local name=$1 file=$2 pattern
    number=$((number + 1))
    shift 2
    for pattern; do
        if ! grep -Eq -- "$pattern" "$file"; then
            echo "not ok $number - $name: no \"$pattern\" in"
            sed 's/^/# /' "$file"
            return
        fi
    done
    echo "ok $number - $name"
}

skip() {
    echo "1..0 # SKIP $1"
    exit 0
}

command -v gdb >/dev/null || skip "gdb is not installed"
nm "$target" | grep -q switch_stack || skip "this build switches by ucontext"
nm -D "$target" 2>/dev/null | grep -Eq '__(asan|tsan)_init' && skip "gdb runs the plain build only"

timeout 120 gdb -nx -batch -ex 'set breakpoint pending off' -ex 'break all_are_parked' -ex run \
    -ex "source $script" -ex 'co list' -ex 'co bt all' -ex 'co bt 99' \
    -ex continue -ex co "$target" >"$dir/live" 2>&1
grep -q 'Breakpoint 1, ' "$dir/live" || {
    sed 's/^/# /' "$dir/live"
    skip "gdb cannot run a program here"
}

echo 1..5
check "co list names owner, turn and state" "$dir/live" \
    'plugin:weather turn 4711  waiting' 'plugin:timer turn 4712  waiting' \
    'core:intake turn 1  running' 'no coroutine 99'
check "co bt shows the frames of a suspended coroutine" "$dir/live" \
    'co_suspend' 'op_wait' 'fetch_the_weather \(.*station=7' 'answer_weather' 'co_entry' 'co_sleep'
check "the process goes on unharmed" "$dir/live" 'exited normally'
check "a wrong use is explained" "$dir/live" 'usage: co list'

# The kernel's core, not gdb's own: gdb 13 gives up a mapping at its first guard page.
(
    cd "$dir" || exit
    ulimit -c unlimited
    "$target" abort || true # a shell of its own reports the death
) >/dev/null 2>&1
set -- "$dir"/core*
if [ -s "$1" ]; then
    timeout 120 gdb -nx -batch -ex "source $script" -ex 'co list' -ex 'co bt all' \
        "$target" "$1" >"$dir/dead" 2>&1
    check "both work on a core file" "$dir/dead" \
        'plugin:weather turn 4711  waiting' 'fetch_the_weather \(.*station=7' 'answer_weather' \
        'co_entry'
else
    number=$((number + 1))
    echo "ok $number - both work on a core file # SKIP the kernel leaves no core file here"
fi
