#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The public headers as an author's compiler sees them: each alone and all together, in C11 and in C++17
# without extensions of the language, with every warning an error; and a plugin in each language that uses
# what the macros can say.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

headers=sdk/include/troupe
strict=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Werror -Isdk/include)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/troupe-test-XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# Whatever order an author includes them in; C wants a declaration in each unit.
(printf '#include <troupe/%s>\n' $(ls $headers | sort); echo 'int together;') >"$scratch/together.c"
(printf '#include <troupe/%s>\n' $(ls $headers | sort -r); echo 'int reversed;') >"$scratch/reversed.c"

# compiles COMPILER LANGUAGE STANDARD
compiles() {
    local header file
    for header in "$headers"/*.h; do
        printf '#include <troupe/%s>\nint alone;\n' "${header##*/}" |
            "$1" -x "$2" -std="$3" "${strict[@]}" -fsyntax-only - 2>&1
    done
    for file in "$scratch"/together.c "$scratch"/reversed.c; do
        "$1" -x "$2" -std="$3" "${strict[@]}" -fsyntax-only "$file" 2>&1
    done
}

# The file that the compiler is to take, and the program that it is to refuse because a definition differs
# from its declaration.
plugin_compiles() {
    "$1" -x "$2" -std="$3" "${strict[@]}" -O1 -fPIC -shared -fvisibility=hidden -Wl,-z,defs \
        -o "$scratch/plugin.so" "$4" 2>&1
}
refuses() {
    sed 's/int64_t times)$/double times)/' "$4" >"$scratch/wrong.${4##*.}"
    if cmp -s "$4" "$scratch/wrong.${4##*.}"; then
        echo "$4 has no definition to change"
    elif plugin_compiles "$1" "$2" "$3" "$scratch/wrong.${4##*.}" >/dev/null; then
        echo "$1 took a definition with another type than its declaration"
    fi
}

while read -r compiler language standard plugin; do
    if ! command -v "$compiler" >/dev/null; then
        skip "$compiler takes the headers as $standard" "$compiler is not here"
        continue
    fi
    verdict "$compiler takes each header alone and all in any order as $standard" \
        "$(compiles "$compiler" "$language" "$standard")"
    verdict "$compiler takes a plugin with every declaring macro as $standard" \
        "$(plugin_compiles "$compiler" "$language" "$standard" "$plugin")"
    verdict "$compiler refuses a definition that differs from its declaration in $standard" \
        "$(refuses "$compiler" "$language" "$standard" "$plugin")"
done <<'ROWS'
gcc c c11 tests/abi/today.c
clang c c11 tests/abi/today.c
g++ c++ c++17 tests/abi/greet.cc
clang++ c++ c++17 tests/abi/greet.cc
ROWS

verdict "the headers include each other and the C library, nothing else" \
    "$(grep -nE '^[[:space:]]*#[[:space:]]*include' "$headers"/*.h |
        grep -vE '<(troupe/[a-z_]+|std(arg|def|int|io))\.h>$')"

verdict "troupe/troupe.h brings all of them" \
    "$(for header in "$headers"/*.h; do
        name=${header##*/}
        [ "$name" = troupe.h ] || grep -q "^#include <troupe/$name>" "$headers/troupe.h" || echo "$name is missing"
    done)"

verdict "each header is installed" \
    "$(for header in "$headers"/*.h; do
        grep -q "$header" sdk/Makefile.inc || echo "$header is not in sdk/Makefile.inc"
    done)"
finish
