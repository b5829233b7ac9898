#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Plugins in C++17 and in Rust, built out of tree with the installed package: they ask by button, are put
# aside, and answer with the first run's numbers through kill -9 of their process and of the host, and through
# a reload.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/author.sh"

COMPILER_HOME=$(getent passwd "$(id -u)" | cut -d: -f6) # rustc may be a proxy that looks there

author_install || exit 1
fake_discord_start || exit 1
write_discord_config </dev/null

# build NAME [FLAGS...]
build()
{
    cp -rn "$TROUPE_SHARE/examples/$1" "$TAP_DIR/"
    HOME=$COMPILER_HOME make -B -C "$TAP_DIR/$1" "${@:2}" >"$TAP_DIR/make.log" 2>&1 && return 0
    sed 's/^/# /' "$TAP_DIR/make.log"
    return 1
}

messages() { fake_discord_call "messages?channel=general"; }
count() { messages | fake_discord_get 'len([m for m in d if m["bot"]])'; }
grown() { [ "$(count)" -gt "$1" ]; }
says() { messages | fake_discord_get '[m["content"] for m in d if m["bot"]][-1]' | grep -qE -- "$1"; }
labels() { messages | fake_discord_get '[b["label"] for m in d if m["bot"] for r in m["components"] for b in r["components"]]'; }
asked() { [ "$(labels)" = "['Again', 'Enough']" ]; }
press() { fake_discord_call press "{\"member\": \"alice\", \"channel\": \"general\", \"index\": $1}" >/dev/null; }

# ask_with COMMAND OPTIONS: uses it until it asks
ask_with()
{
    local before tries=0
    while [ "$tries" -lt 300 ]; do
        tries=$((tries + 1))
        before=$(count)
        fake_discord_call slash "{\"name\": \"$1\", \"member\": \"alice\", \"channel\": \"general\", \"options\": $2}" >/dev/null
        until_true grown "$before" && until_true says '[0-9]|\?$' || return 1
        if says '\?$'; then
            until_true asked
            return
        fi
    done
    return 1
}

# durable NAME COMMAND OPTIONS ANSWER: the first run's numbers, which a new run has in one of eight cases
durable()
{
    local status
    ask_with "$2" "$3"
    ok $? "$1: it asks by button"
    kill_child "$1"
    ok $? "$1: its process is killed while it waits, and comes back"
    kill -9 "$HOST_PID"
    wait "$HOST_PID" 2>/dev/null
    host_start || exit 1
    fake_discord_wait connected 1
    press 1
    until_true says "$4"
    ok $? "$1: a killed host comes back and answers with the first run's numbers"
    ask_with "$2" "$3"
    status=$?
    build "$1" "${@:5}" && "$TROUPE" reload -c "$TAP_DIR/troupe.ini" >"$TAP_DIR/reload" && [ "$status" = 0 ]
    ok $? "$1: it is built anew and reloaded while it waits"
    kill_child "$1"
    ok $? "$1: the new build's process is killed, too"
    press 1
    until_true says "$4"
    ok $? "$1: and answers with the first run's numbers"
}

build coins CXXFLAGS='-O2 -Wall -Wextra -Werror'
ok $? "coins: a plugin in C++17 builds with make, without a warning"
like "$(troupe plugin check "$TAP_DIR/coins/coins.so" 2>&1)" "keeps the rules" "coins: it keeps the rules of the ABI"
plugin_config coins "$TAP_DIR/coins/coins.so"
reason=
HOME=$COMPILER_HOME rustc --version >/dev/null 2>&1 || reason="rustc is not here"
if [ -z "$reason" ]; then
    build wheel
    ok $? "wheel: a plugin in Rust builds without a crate"
    like "$(troupe plugin check "$TAP_DIR/wheel/wheel.so" 2>&1)" "keeps the rules" "wheel: it keeps the rules of the ABI"
    plugin_config wheel "$TAP_DIR/wheel/wheel.so"
fi

host_start || exit 1
fake_discord_wait connected 1
durable coins toss '{"count": 3}' '^3 of 3 show heads$' CXXFLAGS=-O1
if [ -z "$reason" ]; then
    durable wheel spin '{"numbers": 8}' '^the wheel stops at 8 of 8$' RUSTFLAGS='-C opt-level=1'
else
    skip "wheel: a plugin in Rust asks by button and answers with the first run's numbers" "$reason"
fi
host_stop
is $? 0 "the host stops well"
tap_done
