# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For the lint tests: the source files, and TAP. Sourced; leaves the caller in the source tree.
set -u

TROUPE_BUILDDIR=${TROUPE_BUILDDIR:-$PWD}
cd "${TROUPE_SRCDIR:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 1

# sources GLOB…: the project's files of these paths, where * crosses folders: in a git checkout what
# git knows, elsewhere (a release archive) what is not below a build directory.
sources() {
    if git rev-parse --git-dir >/dev/null 2>&1 && [ -n "$(git ls-files configure.ac)" ]; then
        git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
            [ ! -f "$file" ] || printf '%s\n' "$file"
        done
    else
        local names=() glob
        for glob in "$@"; do names+=(-o -path "./$glob"); done
        find . \( -path ./build -o -path './build-*' -o -path './_*' -o -name '.*' -a ! -name . \) -prune \
            -o -type f \( "${names[@]:1}" \) -print | sed 's|^\./||'
    fi | sort
}

tap_count=0
tap_failed=0

# verdict NAME [FINDINGS]: a test point that fails when there are findings, and lists them.
verdict() {
    tap_count=$((tap_count + 1))
    if [ -z "${2:-}" ]; then
        printf 'ok %d - %s\n' "$tap_count" "$1"
    else
        tap_failed=1
        printf 'not ok %d - %s\n' "$tap_count" "$1"
        printf '%s\n' "$2" | sed 's/^/# /'
    fi
}

skip() {
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

finish() {
    echo "1..$tap_count"
    exit "$tap_failed"
}
