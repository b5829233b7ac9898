#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-tidy over the sources of one build (`make check-clang` gives TIDY_FILES and TIDY_FLAGS). A
# file that was clean and has not changed since, nor any header, is not looked at again.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

name="clang-tidy finds nothing"
if ! command -v clang-tidy >/dev/null; then
    skip "$name" "clang-tidy is not here"
    finish
fi

cache=$TROUPE_BUILDDIR/tests/lint/tidy
mkdir -p "$cache"
base=$({ clang-tidy --version; cat .clang-tidy; printf '%s' "$TIDY_FLAGS"; sources '*.h' | xargs cat; } | sha256sum)

# Prints what was found in one file; leaves a mark when that is nothing.
tidy_one() {
    local file=$1 mark found
    mark=$cache/$({ printf '%s' "$base"; cat "$file"; } | sha256sum | cut -c1-32)
    [ ! -e "$mark" ] || return 0
    # shellcheck disable=SC2086  # one word a flag
    found=$(clang-tidy --quiet "$file" -- $TIDY_FLAGS 2>/dev/null |
        grep -E '^[^ ].*: (warning|error): ' | sed "s|^$PWD/||")
    if [ -z "$found" ]; then : >"$mark"; else printf '%s\n' "$found"; fi
}

# One file a core at a time; each has its own result, so lines do not mix.
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
number=0
for file in $TIDY_FILES; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    number=$((number + 1))
    tidy_one "$file" >"$results/$(printf '%04d' "$number")" &
done
wait
verdict "$name in $number files" "$(cat "$results"/* 2>/dev/null)"
finish
