#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Stands before libtool in the builds of `./quickstart check`, which link hundreds of programs:
#
#     make LIBTOOL='bash …/link.sh sh $(top_builddir)/libtool'
#
# A program of objects, archives and what its plugin's tests share is linked by the compiler itself, as
# libtool would tell it to after twice the time that takes. Everything else is libtool's.

to_libtool=("$@")
directly=()
linking=
before=
for argument in "$@"; do
    case $before$argument in
    --mode=link) linking=yes ;;
    --mode=* | *.lo | -rpath | -module | -shared | -static | -all-static | -no-* | -avoid-version | -version-* | \
        -o*.la | -export* | -dl* | -weak | -R* | -XC* | -Xcompiler | -Wc,*)
        exec "${to_libtool[@]}"
        ;;
    *.la)
        # shellcheck disable=SC1090  # lines of NAME='VALUE'
        . "./$argument" || exit 1
        [ -z "$library_names" ] && [ "$installed" = no ] || exec "${to_libtool[@]}"
        case $dependency_libs in *.la*) exec "${to_libtool[@]}" ;; esac
        # shellcheck disable=SC2206  # one word a library
        directly+=("${argument%/*}/.libs/$old_library" $dependency_libs)
        ;;
    *) [ -z "$linking" ] || directly+=("$argument") ;;
    esac
    before=
    [ "$argument" != -o ] || before=-o
done
exec "${directly[@]}"
