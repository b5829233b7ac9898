# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# check [--quick]: all tests in all builds. Sourced by quickstart, which has installed what they
# need and brings configure_in. Each build has its own directory below build/; while one build's
# tests wait for timers and servers, the next one compiles. The last line is the sum of all runs.

logs=$top/build/check
jobs=$(nproc 2>/dev/null || echo 1)

# Failures that no TAP line tells: a build that breaks, make that gives up.
broken=0

note() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

# build NAME CONFIGURE_ARGUMENT… -- TARGET…: configures build/NAME and makes the targets there.
build() {
    local name=$1 log=$logs/$1.build.log arguments=()
    shift
    while [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    shift
    if configure_in "build/$name" --enable-werror "${arguments[@]}" >"$log" 2>&1 </dev/null &&
        make -C "build/$name" -k -j"$jobs" "$@" >>"$log" 2>&1 </dev/null; then
        note "build/$name: built without a warning"
    else
        broken=$((broken + 1))
        note "build/$name: the build FAILED"
        grep -nE 'error|Error|undefined reference' "$log" | head -n 40
        tail -n 20 "$log"
        return 1
    fi
}

# Tests run beside the next build, but never beside another build's tests: they share no files, but
# two suites at once would be slow enough to reach deadlines.
tests_of=
tests_pid=

# tests_start NAME TARGET…
tests_start() {
    local name=$1
    shift
    tests_finish
    tests_of=$name
    make -C "build/$name" -k -j"$jobs" "$@" >"$logs/$name.tests.log" 2>&1 </dev/null &
    tests_pid=$!
}

tests_finish() {
    [ -n "$tests_of" ] || return 0
    local status=0 passed failed skipped
    wait "$tests_pid" || status=$?
    read -r passed failed skipped <<<"$(count "build/$tests_of")"
    note "build/$tests_of: $passed passed, $failed failed, $skipped skipped"
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        broken=$((broken + 1))
        note "build/$tests_of: the tests could not be run"
        tail -n 40 "$logs/$tests_of.tests.log"
    fi
    tests_of=
}

# count DIRECTORY: passed, failed and skipped test points below it. automake's TAP driver leaves
# them in .trs files. A program that crashes, hangs or breaks off before its plan has ERRORs there,
# which count as one failure unless it told failures of its own.
count() {
    find "$1" -name '*.trs' -exec cat {} + | awk '
        /^:test-result: (PASS|XFAIL)/ { passed++ }
        /^:test-result: (FAIL|XPASS)/ { failed++; here++ }
        /^:test-result: ERROR/        { errors++ }
        /^:test-result: SKIP/         { skipped++ }
        # The first line of the next program.
        /^:global-test-result:/       { failed += !here && errors; here = errors = 0 }
        END { print passed + 0, failed + (!here && errors), skipped + 0 }'
}

show_failures() {
    local trs
    find build -name '*.trs' -exec grep -lE '^:test-result: (FAIL|XPASS|ERROR)' {} + | sort |
        while read -r trs; do
            printf '\n==== %s\n' "$trs"
            grep -E '^:test-result: (FAIL|XPASS|ERROR)' "$trs"
            tail -n 60 "${trs%.trs}.log"
        done
}

check() {
    local quick='' argument passed failed skipped
    for argument in "$@"; do
        case $argument in
        --quick) quick=yes ;;
        *)
            printf 'quickstart: unknown argument "%s": use check [--quick]\n' "$argument" >&2
            return 64
            ;;
        esac
    done

    rm -rf "$logs"
    mkdir -p "$logs"
    find build -name '*.trs' -delete
    trap '[ -z "$tests_of" ] || kill "$tests_pid" 2>/dev/null' EXIT
    # Options that are set already win, as they come last.
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}
    export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}
    export TSAN_OPTIONS=second_deadlock_stack=1:suppressions=$top/tests/lib/tsan.supp:${TSAN_OPTIONS:-}

    build asan CC=gcc CFLAGS='-O1 -g' --enable-sanitizer=address -- check TESTS= &&
        tests_start asan check
    if [ -z "$quick" ]; then
        build tsan CC=gcc CFLAGS='-O1 -g' --enable-sanitizer=thread -- tsan-programs &&
            tests_start tsan check-tsan
        build gcc CC=gcc CFLAGS='-O2 -g' -- check TESTS= &&
            tests_start gcc check-release
        build clang CC=clang CFLAGS=-O1 --enable-switch=ucontext -- check TESTS= &&
            tests_start clang check-clang
        build fuzz CC=clang CFLAGS='-O1 -g' --enable-fuzzers -- fuzz-targets &&
            tests_start fuzz check-fuzz
    fi
    tests_finish

    show_failures
    read -r passed failed skipped <<<"$(count build)"
    failed=$((failed + broken))
    printf '\nlogs are in build/check and beside each test, after %d seconds\n' "$SECONDS"
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
