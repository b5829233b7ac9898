#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every plugin that is built exports exactly the one function that the loader asks for, and the process of
# an isolated agent maps no library that it does without: each costs memory in every such process.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

found=
for plugin in "$TROUPE_BUILDDIR"/plugins/*/.libs/*.so "$TROUPE_BUILDDIR"/plugins/.libs/*.so; do
    [ -f "$plugin" ] || continue
    found=yes
    exported=$(nm --dynamic --defined-only --extern-only --format=posix "$plugin" | awk '{ print $1 }' |
        grep -vE '^(__odr_asan|__asan_|__start_|__stop_)' | sort | paste -sd' ')
    if [ "$exported" = troupe_plugin_v1 ]; then
        verdict "$(basename "$plugin") exports troupe_plugin_v1 only"
    else
        verdict "$(basename "$plugin") exports troupe_plugin_v1 only" "it exports: ${exported:-nothing}"
    fi
done
[ -n "$found" ] || skip "plugins export troupe_plugin_v1 only" "no plugin is built here"

name="troupe-runner needs libc, jansson, libffi and libseccomp only"
if [ -f "$TROUPE_BUILDDIR/troupe-runner" ]; then
    verdict "$name" "$(readelf --dynamic --wide "$TROUPE_BUILDDIR/troupe-runner" |
        sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
        grep -vE '^(libc|libjansson|libffi|libseccomp|lib(a|t|ub)san|lib(m|dl|rt|gcc_s|pthread)|ld-linux.*)\.so')"
else
    skip "$name" "it is not built here"
fi
finish
