#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# House rules that a pattern can check; CONTRIBUTING.md says them in words.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

# All files go to one process: a process for each of 1,500 took a quarter of a minute.
code() { sources '*.c' '*.h' '*.S'; }

# unlicensed COUNT: those of the files on stdin that do not name the licence in their first COUNT lines.
unlicensed() {
    xargs -d '\n' -r awk -v count="$1" '
        FNR <= count && /SPDX-License-Identifier: Apache-2\.0/ { named[FILENAME] = 1 }
        END { for (i = 1; i < ARGC; i++) if (!(ARGV[i] in named)) print ARGV[i] }'
}

# found PATTERN: where it stands in the files on stdin, as file:line:text.
found() { xargs -d '\n' -r grep -HnE -- "$1"; }
no_comment() { grep -vE '^[^:]*:[0-9]+:[[:space:]]*(\*|/\*|//)'; }

verdict "no source file is longer than 1,000 lines" \
    "$(code | xargs -d '\n' -r wc -l |
        awk '$2 != "total" && $1 > 1000 { printf "%s: %d lines\n", $2, $1 }')"

verdict "every source file names its licence first" \
    "$(code | unlicensed 1; sources '*.sh' quickstart | unlicensed 3)"

# What the compiler does not refuse by itself; comments may name them.
banned='(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|asctime|ctime|tmpnam|mktemp)'
verdict "no unsafe function of the C library is called" \
    "$(code | found "(^|[^a-zA-Z0-9_])$banned[[:space:]]*\(" | no_comment)"

verdict "no work is left as a note in the code" \
    "$(code | found '(^|[^A-Z])(TO''DO|FIX''ME|XX''X|HA''CK)([^A-Z]|$)')"

# malloc and its family are reached through base/mem.h, so that tests can make them fail.
allocators='(malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf)'
verdict "the core allocates through base/mem.h" \
    "$(sources 'core/*.c' 'core/*.h' | grep '^core/' | grep -v '^core/base/mem\.[ch]$' |
        found "(^|[^a-zA-Z0-9_.>])$allocators[[:space:]]*\(" | no_comment)"

verdict "scripts parse" \
    "$(for file in $(sources '*.sh' quickstart); do bash -n "$file" 2>&1; done)"
finish
