#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-tidy over the sources of one build (`make check-clang` gives TIDY_FILES and TIDY_FLAGS). A
# file that was clean and has not changed since, nor any header, is not looked at again. With
# TIDY_SINCE (`make tidy SINCE=COMMIT`) only those that differ from that commit are.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

name="clang-tidy finds nothing"
if ! command -v clang-tidy >/dev/null; then
    skip "$name" "clang-tidy is not here"
    finish
fi
read -ra files <<<"$TIDY_FILES"
if [ -n "${TIDY_SINCE:-}" ]; then
    if ! changed=$(git diff --name-only --diff-filter=d "$TIDY_SINCE" -- '*.c' 2>&1); then
        verdict "$name" "$changed"
        finish
    fi
    changed=$changed$'\n'$(git ls-files --others --exclude-standard -- '*.c')
    mapfile -t files < <(printf '%s\n' "${files[@]}" | grep -Fx -- "$changed")
fi

cache=$TROUPE_BUILDDIR/tests/lint/tidy
mkdir -p "$cache"
base=$({ clang-tidy --version; cat .clang-tidy; printf '%s' "$TIDY_FLAGS"; sources '*.h' | xargs cat; } |
    sha256sum | cut -c1-16)
declare -A marks=()
while read -r hash file; do
    [ -e "$cache/$base-$hash" ] || marks[$file]=$cache/$base-$hash
done < <([ "${#files[@]}" -eq 0 ] || sha256sum -- "${files[@]}")
mapfile -t new < <(printf '%s\n' "${!marks[@]}" | sort)

# Prints what was found in a few files; leaves a mark for each in which that is nothing.
tidy() {
    local file found status
    # shellcheck disable=SC2086  # one word a flag
    found=$(clang-tidy --quiet "$@" -- $TIDY_FLAGS 2>/dev/null)
    status=$?
    found=$(grep -E '^[^ ].*: (warning|error): ' <<<"$found" | sed "s|^$PWD/||")
    [ -z "$found" ] || printf '%s\n' "$found"
    # 1 is for errors, which are told above.
    if [ "$status" -gt 1 ] || [ "$status" -eq 1 ] && [ -z "$found" ]; then
        printf 'clang-tidy ended with status %d in one of: %s\n' "$status" "$*"
        return
    fi
    for file in "$@"; do
        case $'\n'$found in *$'\n'"$file:"*) ;; *) : >"${marks[$file]}" ;; esac
    done
}

# A few files at a time, as the program takes a while to start, and as
# many times as there are cores; each has its own result, so lines do not mix.
at_once=8
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
for ((first = 0; first < ${#marks[@]}; first += at_once)); do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    tidy "${new[@]:first:at_once}" >"$results/$(printf '%04d' "$first")" &
done
wait
verdict "$name in ${#files[@]} files" "$(cat "$results"/* 2>/dev/null)"
finish
