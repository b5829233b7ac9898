# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# check [--quick]: all tests in all builds. Sourced by quickstart, which has installed what they
# need and brings configure_in. Each build has its own directory below build/; while one build's
# tests wait for timers and servers, the next ones compile. The last line is the sum of all runs.

logs=$top/build/check
jobs=$(nproc 2>/dev/null || echo 1)
# Most tests wait for timers and servers for two thirds of their time.
test_jobs=$((jobs * 2))

# Failures that no TAP line tells: a build that breaks, make that gives up.
broken=0

note() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

# What bash tells of a command under `time`, and its sum: where the time of the whole goes. In a shell of its own,
# as what ends beside it would count.
TIMEFORMAT='%U %S'
processor() { awk '{ printf "%d s of processor", $1 + $2 }' "$1"; }

# What compiles hundreds of objects for libraries and links as many programs, for make. libtool is content
# with any shell, and Debian's sh takes two thirds of what bash does.
libtool="bash '$top/tests/lib/link.sh' sh \$(top_builddir)/libtool"

# build NAME CONFIGURE_ARGUMENT… -- TARGET…: configures build/NAME and makes the targets there. NAME.built
# or NAME.broken tells the tests.
build() {
    local name=$1 log=$logs/$1.build.log arguments=()
    shift
    while [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    shift
    if configure_in "build/$name" --enable-werror "${arguments[@]}" >"$log" 2>&1 </dev/null &&
        (
            time nice make -C "build/$name" -k -j"$jobs" "LIBTOOL=$libtool" "$@" >>"$log" 2>&1 </dev/null
        ) 2>"$logs/$name.build.cpu"; then
        note "build/$name: built without a warning, $(processor "$logs/$name.build.cpu")"
        touch "$logs/$name.built"
    else
        touch "$logs/$name.broken"
        broken=$((broken + 1))
        note "build/$name: the build FAILED"
        grep -nE 'error|Error|undefined reference' "$log" | head -n 40
        tail -n 20 "$log"
    fi
}

# One builds after another, and one build's tests run after those of the one before, beside the builds
# that follow: never two suites at once, which would be slow enough to reach deadlines. Lints, fuzzers and
# the programs under valgrind have none; they run behind the builds, beside those tests. Whoever builds,
# lints and fuzzes is nice to who tests, for the same reason.
tests_pid=

# tests_run NAME TARGET…: the tests of a build once it is there.
tests_run() {
    local name=$1 passed failed skipped
    shift
    until [ -e "$logs/$name.built" ]; do
        [ -e "$logs/$name.broken" ] && return 0
        sleep 0.2
    done
    (
        time ${tests_nice:-} make -C "build/$name" -k -j"${tests_at_once:-$test_jobs}" "$@" \
            >"$logs/$name.tests.log" 2>&1 </dev/null
    ) 2>"$logs/$name.tests.cpu"
    echo $? >"$logs/$name.status"
    read -r passed failed skipped <<<"$(count "build/$name")"
    note "build/$name: $passed passed, $failed failed, $skipped skipped, $(processor "$logs/$name.tests.cpu")"
}

# A suite that could not be run at all fails, whatever its test points say.
tests_judge() {
    local name passed failed skipped
    for name in "$@"; do
        [ -e "$logs/$name.built" ] || continue
        read -r passed failed skipped <<<"$(count "build/$name")"
        if [ "$(cat "$logs/$name.status" 2>/dev/null)" != 0 ] && [ "$failed" -eq 0 ]; then
            broken=$((broken + 1))
            note "build/$name: the tests could not be run"
            tail -n 40 "$logs/$name.tests.log"
        fi
    done
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
            # What a long run's rig found wrong may end with what its host logged.
            grep 'violation:' "${trs%.trs}.log" | cut -c1-1500 | head -n 40
            # Reasons stand before the end where a program goes on after a failure.
            grep -vE '^ok |^\[ +(OK|RUN) +\]|(^|[ "])(info|debug)[ ":]|violation:' "${trs%.trs}.log" | head -n 100
            echo '---- its end'
            tail -n 40 "${trs%.trs}.log"
        done
}

check() {
    local quick='' suites=asan linker=() argument python passed failed skipped
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
    trap '[ -z "$tests_pid" ] || pkill -P "$tests_pid"; [ -z "$tests_pid" ] || kill "$tests_pid" 2>/dev/null' EXIT
    # Scripts ask python3 some thousand times; what stands before it in PATH (pyenv) takes longer than it does.
    python=$(python3 -c 'import sys; print(sys.executable)') && PATH=${python%/*}:$PATH
    # Options that are set already win, as they come last.
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:${ASAN_OPTIONS:-}
    export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}
    export TSAN_OPTIONS=second_deadlock_stack=1:suppressions=$top/tests/lib/tsan.supp:${TSAN_OPTIONS:-}

    [ -n "$quick" ] || suites='asan tsan gcc clang fuzz'
    (
        tests_run asan check
        [ -n "$quick" ] && exit
        tests_run tsan check-tsan
    ) &
    tests_pid=$!
    # Hundreds of programs are linked; gold takes half the time of the linker that packages are made
    # with, which the release build keeps.
    if command -v ld.gold >/dev/null; then
        linker=(LDFLAGS=-fuse-ld=gold)
    fi
    build asan CC=gcc CFLAGS='-O1 -g1' "${linker[@]}" --enable-sanitizer=address -- asan-programs
    if [ -z "$quick" ]; then
        build tsan CC=gcc CFLAGS='-O1 -g1' "${linker[@]}" --enable-sanitizer=thread -- tsan-programs
        build gcc CC=gcc CFLAGS='-O2 -g1' -- release-programs
        build clang CC=clang CFLAGS='-O0 -Wno-frame-larger-than' "${linker[@]}" \
            --enable-switch=ucontext -- clang-programs
        build fuzz CC=clang CFLAGS='-O1 -g1' --enable-fuzzers -- fuzz-targets
        for argument in clang:check-clang fuzz:check-fuzz gcc:check-release; do
            tests_nice=nice tests_at_once=$jobs tests_run "${argument%:*}" "${argument#*:}" TEST_TIMEOUT=600
        done
    fi
    wait "$tests_pid"
    tests_pid=
    # shellcheck disable=SC2086 # a list
    tests_judge $suites

    show_failures
    read -r passed failed skipped <<<"$(count build)"
    failed=$((failed + broken))
    printf '\nlogs are in build/check and beside each test, after %d seconds\n' "$SECONDS"
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
