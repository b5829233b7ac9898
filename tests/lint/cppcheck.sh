#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# cppcheck over core, plugins and sdk, one point a part. What it gets wrong is listed in
# cppcheck.suppress or beside the line, with the reason. Results are kept in the build directory,
# so a second run looks at changed files only.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

cache=$TROUPE_BUILDDIR/tests/lint/cppcheck
# It cannot read the macros that declare a plugin, so it gets empty ones in place of the header.
declarations=('-DTROUPE_FUNCTION(...)=' '-DTROUPE_SERVICE(...)='
    '-DTROUPE_EMBED(...)=extern const char troupe_embedded_'
    '-DTROUPE_PLUGIN(...)=extern const int troupe_plugin_')

for part in core plugins sdk; do
    name="cppcheck finds nothing in $part"
    files=$(sources "$part/*.c")
    if ! command -v cppcheck >/dev/null; then
        skip "$name" "cppcheck is not here"
    elif [ -z "$files" ]; then
        skip "$name" "no source yet"
    else
        mkdir -p "$cache/$part"
        if [ "$part" != core ]; then known=("${declarations[@]}"); else known=(-Isdk/include); fi
        printf '%s\n' "$files" >"$cache/$part.list"
        verdict "$name" "$(cppcheck --quiet -j "$(nproc)" --std=c11 --language=c \
            --enable=warning,performance,portability --inline-suppr \
            --suppressions-list=tests/lint/cppcheck.suppress --cppcheck-build-dir="$cache/$part" \
            --template='{file}:{line}: {severity}: {message} [{id}]' -D__GNUC__ -D__x86_64__ \
            -D__linux__ -Icore "${known[@]}" --file-list="$cache/$part.list" 2>&1)"
    fi
done
finish
