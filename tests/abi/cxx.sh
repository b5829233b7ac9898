#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A plugin in C++17, built by each C++ compiler that is here, in today's host: the trial, calls of its
# functions and a stage.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

troupe() { "$TROUPE" "$1" -c "$TAP_DIR/troupe.ini" "${@:2}" 2>&1; }

for compiler in g++ clang++; do
    name="a C++17 plugin of $compiler"
    if ! command -v "$compiler" >/dev/null; then
        skip "$name loads and answers" "$compiler is not here"
        continue
    fi
    "$compiler" -std=c++17 -O2 -fPIC -shared -fvisibility=hidden -Wl,-z,defs \
        -I"$TROUPE_SRCDIR/sdk/include" -o "$TAP_DIR/greet.so" "$TROUPE_SRCDIR/tests/abi/greet.cc"
    ok $? "$name builds without a library of its own"
    is "$(nm --dynamic --defined-only --format=posix "$TAP_DIR/greet.so" | cut -d' ' -f1,2)" "troupe_plugin_v1 T" \
        "$name exports one symbol"
    out=$("$TROUPE" plugin check "$TAP_DIR/greet.so" 2>&1)
    is $? 0 "$name keeps the rules of troupe plugin check"
    [ -z "${out##*keeps the rules}" ] || printf '%s\n' "$out" | sed 's/^/# /'
    cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data-$compiler
[limits]
messages = 0
[pipeline message]
stages = greet
[agent greet]
plugin = $TAP_DIR/greet.so
isolation = inprocess
word = salve
INI
    host_start
    is $? 0 "$name passes its trial"
    out=$(chat "/greet name=Ada times=2" "/greet name=Ada" "/greet name=Ada times=4" hello)
    like "$out" "salve Ada x2" "$name is called with typed arguments and its config"
    like "$out" "salve Ada x1" "$name has its declared defaults"
    like "$out" '"times" must be a whole number from 1 to 3' "$name has its declared ranges"
    is "$(troupe call keep text=this author=5)" "5: this" "$name has its menus as functions"
    troupe call greet.count >/dev/null
    is "$(troupe call greet.count)" "call 2" "$name has services and tables of its own"
    like "$out" "the message says hello" "$name answers as a stage"
    host_stop
    is $? 0 "$name leaves with the host"
done
tap_done
