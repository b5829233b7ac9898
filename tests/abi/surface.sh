#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
#     tests/abi/surface.sh HEADERS OUT
#
# Writes what the headers below HEADERS promise to OUT, as abidw tells it: every structure and function
# type, by a function that takes it, and every constant, by a variable that is named after it and its value.
# The test baseline.sh compares that with tests/abi/baseline.abi; `make abi-baseline` writes that file.
set -eu -o pipefail
export LC_ALL=C

include=$(realpath "$1")
out=$(realpath "$2")
compiler=${ABI_CC:-gcc}
work=$(mktemp -d "${TMPDIR:-/tmp}/troupe-test-XXXXXX")
trap 'rm -rf "$work"' EXIT

# Constants: macros without parameters that are values. The minor is no promise; what ends in _ is ours, and
# an attribute is no value.
printf '#include <troupe/troupe.h>\n' >"$work/all.c"
"$compiler" -std=gnu11 -dM -E -I"$include" "$work/all.c" |
    grep -vE '__attribute__|_Pragma' | sed -nE 's/^#define (TROUPE_[A-Z0-9_]*[A-Z0-9]) .*/\1/p' |
    grep -vE '^TROUPE_(ABI_MINOR|.*_H)$' | sort >"$work/constants"
{
    printf '#include <troupe/troupe.h>\n#include <stdio.h>\n'
    cat <<'C'
static void show(const char *name, const char *text, long long number, int is_text)
{
    printf("%s ", name);
    if (is_text)
        puts(text);
    else if (number < 0)
        printf("minus_%lld\n", -number);
    else
        printf("%lld\n", number);
}
#define SHOW(name)                                                                                 \
    show(#name, _Generic((name), char *: (name), default: ""),                                     \
         (long long)_Generic((name), char *: 0, default: (name)), _Generic((name), char *: 1, default: 0));
int main(void)
{
C
    sed 's/.*/    SHOW(&)/' "$work/constants"
    printf '    return 0;\n}\n'
} >"$work/show.c"
"$compiler" -std=gnu11 -I"$include" -o "$work/show" "$work/show.c"

{
    printf '#include <troupe/troupe.h>\n'
    cat "$include"/troupe/*.h |
        sed -nE -e 's/^\} (troupe_[a-z0-9_]+);$/\1/p' -e 's/^typedef .*\(\*(troupe_[a-z0-9_]+)\)\(.*/\1/p' |
        sort | sed 's/.*/void takes_&(& *it);\nvoid takes_&(& *it)\n{\n    (void)it;\n}/'
    "$work/show" | while read -r name value; do
        printf 'const char %s_is_%s = 0;\n' "$name" "$(printf %s "$value" | tr -c 'A-Za-z0-9' _)"
    done
} >"$work/surface.c"
cd "$work" # so that no path of this machine is in the result
"$compiler" -std=gnu11 -g -O0 -gdwarf-4 -fPIC -shared -I"$include" -o surface.so surface.c
abidw --no-corpus-path --no-show-locs --no-comp-dir-path --no-elf-needed --no-architecture \
    --type-id-style hash --no-parameter-names --out-file "$out" surface.so
