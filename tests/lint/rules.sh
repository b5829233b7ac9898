#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# House rules that a pattern can check; CONTRIBUTING.md says them in words.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

code=$(sources '*.c' '*.h' '*.S')

verdict "no source file is longer than 1,000 lines" \
    "$(for file in $code; do
        lines=$(wc -l <"$file")
        [ "$lines" -le 1000 ] || printf '%s: %d lines\n' "$file" "$lines"
    done)"

verdict "every source file names its licence first" \
    "$(for file in $code; do
        head -n 1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
    done
    for file in $(sources '*.sh' quickstart); do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
    done)"

# What the compiler does not refuse by itself; comments may name them.
banned='(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|asctime|ctime|tmpnam|mktemp)'
verdict "no unsafe function of the C library is called" \
    "$(for file in $code; do
        grep -nE "(^|[^a-zA-Z0-9_])$banned[[:space:]]*\(" "$file" |
            grep -vE '^[0-9]+:[[:space:]]*(\*|/\*|//)' | sed "s|^|$file:|"
    done)"

verdict "no work is left as a note in the code" \
    "$(for file in $code; do
        grep -nE '(^|[^A-Z])(TO''DO|FIX''ME|XX''X|HA''CK)([^A-Z]|$)' "$file" | sed "s|^|$file:|"
    done)"

# malloc and its family are reached through base/mem.h, so that tests can make them fail.
verdict "the core allocates through base/mem.h" \
    "$(for file in $(sources 'core/*.c' 'core/*.h'); do
        case $file in core/base/mem.[ch]) continue ;; core/*) ;; *) continue ;; esac
        grep -nE '(^|[^a-zA-Z0-9_.>])(malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf)[[:space:]]*\(' "$file" |
            grep -vE '^[0-9]+:[[:space:]]*(\*|/\*|//)' | sed "s|^|$file:|"
    done)"

verdict "scripts parse" \
    "$(for file in $(sources '*.sh' quickstart); do bash -n "$file" 2>&1; done)"
finish
