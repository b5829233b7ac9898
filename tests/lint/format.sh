#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The code is as clang-format writes it. Other versions lay out details otherwise, so one is law.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

formatter=
for candidate in clang-format-14 clang-format; do
    case $("$candidate" --version 2>/dev/null) in
    *version\ 14.*) formatter=$candidate && break ;;
    esac
done
if [ -z "$formatter" ]; then
    skip "the code is laid out by .clang-format" "clang-format 14 is not here"
else
    verdict "the code is laid out by .clang-format" \
        "$(sources '*.c' '*.h' | xargs -r "$formatter" --dry-run 2>&1 |
            sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: warning: .*/\1/p' | uniq | head -n 40)"
fi
finish
