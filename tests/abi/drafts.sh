#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Plugins and hosts of earlier drafts of the ABI (d1 to d3, whose headers are in tests/abi/dN/include) and
# of today, every one with every other: what either side does not know is absent, and nothing else changes.
# Today's host is the real one; hosts of drafts are host_stub.c built against their headers, and so is one
# of today's, so that the stub itself is held to what the real one does.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

ABI=$TROUPE_BUILDDIR/tests/abi
declare -A minor=([d1]=0 [d2]=2 [d3]=4
    [today]=$(sed -n 's/^#define TROUPE_ABI_MINOR \([0-9]*\)u$/\1/p' "$TROUPE_SRCDIR/sdk/include/troupe/abi.h"))

# has HOST PLUGIN SINCE [WORD]: what the plugin should say of something that a minor brought.
has() {
    if [ "${minor[$2]}" -lt "$3" ]; then
        echo unknown
    elif [ "${minor[$1]}" -lt "$3" ]; then
        echo absent
    else
        echo "${4:-there}"
    fi
}
calls_of() {
    echo "children $(has "$1" "$2" 1 works), batches $(has "$1" "$2" 1 works), schedule $(has "$1" "$2" 3 works)," \
        "ask $(has "$1" "$2" 1), ask_text $(has "$1" "$2" 5), ask_select $(has "$1" "$2" 5)"
}
heard_of() { echo "heard \"hello\", quote $(has "$1" "$2" 1), quotes $(has "$1" "$2" 5)"; }

for draft in d1 d2 d3; do
    is "$(sed -n 's/^#define TROUPE_ABI_MINOR \([0-9]*\)u$/\1/p' "$TROUPE_SRCDIR/tests/abi/$draft/include/troupe/abi.h")" \
        "${minor[$draft]}" "the headers of $draft are those of minor ${minor[$draft]}"
done

# ---- hosts of drafts, and today's by the same stub

for host in d1 d2 d3 today; do
    for plugin in d1 d2 d3 today; do
        id=org.example.old
        [ $plugin = today ] && id=org.example.today
        is "$("$ABI/host_$host" "$ABI/.libs/plugin_$plugin.so" 2>&1)" \
            "plugin $id, its minor ${minor[$plugin]}, this host's ${minor[$host]}
log: agent stub
create: 0
greet: 2 parameters, name of type 4 to 20, times of type 1 from 1 to 3 by default 1
reply: salve Ada x2
reply: $(calls_of $host $plugin)
reply: $(heard_of $host $plugin)
stage: 1" "a host of $host runs a plugin of $plugin"
    done
done

# ---- a plugin of tomorrow: a higher minor, and something appended to everything that it declares

cp -r "$TROUPE_SRCDIR/sdk/include" "$TAP_DIR/include"
sed -i -e 's/^\(#define TROUPE_ABI_MINOR\) .*/\1 99u/' \
    -e 's/^} troupe_\(plugin\|function\|param\|key\|migration\|note\);/    uint64_t tomorrow[3];\n&/' \
    "$TAP_DIR/include/troupe/abi.h" "$TAP_DIR/include/troupe/plugin.h"
is "$(cat "$TAP_DIR"/include/troupe/*.h | grep -c 'tomorrow\[3\]')" 6 "tomorrow's headers have more to declare"
minor[tomorrow]=99
tomorrow=
if command -v gcc >/dev/null; then
    gcc -std=gnu11 -O1 -fPIC -shared -fvisibility=hidden "-I$TAP_DIR/include" \
        -o "$TAP_DIR/plugin_tomorrow.so" "$TROUPE_SRCDIR/tests/abi/today.c"
    ok $? "tomorrow's headers build a plugin"
    tomorrow=tomorrow
else
    skip "tomorrow's plugin runs in today's host" "gcc is not here"
fi

# ---- today's host

for plugin in d1 d2 d3 today $tomorrow; do
    path=$ABI/.libs/plugin_$plugin.so
    [ "$plugin" = tomorrow ] && path=$TAP_DIR/plugin_tomorrow.so
    cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data-$plugin
[limits]
messages = 0
[pipeline message]
stages = tried
[agent tried]
plugin = $path
isolation = inprocess
word = salve
INI
    host_start
    is $? 0 "a plugin of $plugin passes the trial of today's host"
    out=$(chat "/greet name=Ada times=2" "/greet name=Ada" "/greet name=Ada times=4" "/calls" hello)
    like "$out" "salve Ada x2" "a function of a plugin of $plugin gets its arguments"
    like "$out" "salve Ada x1" "and its defaults"
    like "$out" '"times" must be a whole number from 1 to 3' "and its ranges are checked"
    like "$out" "$(calls_of today $plugin)" "a plugin of $plugin finds the calls that it knows"
    like "$out" "$(heard_of today $plugin)" "a stage of a plugin of $plugin answers"
    host_stop
    is $? 0 "and leaves with the host"
done
tap_done
