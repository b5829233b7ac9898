#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A short run of each fuzz target in FUZZ_TARGETS, FUZZ_SECONDS long and from its corpus, as TAP.
# FUZZ_SEED 0 (`make fuzz`) looks elsewhere each time; the suite has a fixed one, so that what it
# says of a change is about the change.
# What is found on the way goes to a copy; the corpus in the tree only grows by hand. A crash keeps
# its input in tests/fuzz/crash/ of the build directory.
set -u

seconds=${FUZZ_SECONDS:-6}
seed=${FUZZ_SEED:-0}
read -ra targets <<<"${FUZZ_TARGETS:-}"
if [ "${#targets[@]}" -eq 0 ]; then
    echo '1..0 # SKIP no fuzz target is listed'
    exit 0
fi
corpora=$(cd "$(dirname "$0")" && pwd)/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p tests/fuzz/crash

# A few bytes of corpus are tried in any case; jobs run side by side, one a core.
fuzz_one() {
    local target=$1 name
    name=$(basename "$target" _fuzz)
    mkdir -p "$work/$name"
    [ ! -d "$corpora/$name" ] || cp -r "$corpora/$name/." "$work/$name/"
    ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} "./$target" -seed="$seed" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
        -verbosity=0 -print_final_stats=1 -artifact_prefix="tests/fuzz/crash/$name-" "$work/$name" >"$work/$name.log" 2>&1 </dev/null
    echo $? >"$work/$name.status"
}

cores=$(nproc 2>/dev/null || echo 1)
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$cores" ]; do wait -n; done
    fuzz_one "$target" &
done
wait

echo "1..${#targets[@]}"
number=0
failed=0
for target in "${targets[@]}"; do
    name=$(basename "$target" _fuzz)
    number=$((number + 1))
    if [ "$(cat "$work/$name.status" 2>/dev/null)" = 0 ]; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
        echo "ok $number - fuzz $name (${runs:-?} inputs)"
    else
        failed=1
        echo "not ok $number - fuzz $name"
        tail -n 60 "$work/$name.log" | sed 's/^/# /'
    fi
done
exit "$failed"
