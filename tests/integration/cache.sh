#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# [cache]: what does not hold is refused with the remedy, and a Redis that is away disturbs nobody.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

cli() { "$TROUPE" "$@" -c "$TAP_DIR/troupe.ini" 2>&1; }
config()
{
    write_config
    printf '[cache]\n%s\n' "$1" >>"$TAP_DIR/troupe.ini"
}

config "backend = redis"
like "$(cli check)" 'key "url" in \[cache\] is missing' "a Redis without a url is refused"
fake_start --model fake || exit 1
if ! ldd "$TROUPE" 2>/dev/null | grep -q libhiredis; then
    skip "a Redis that is away disturbs nobody" "this build has no Redis"
    config "memory = 1M"
else
    config "backend = redis
url = redis://user:canary8@host"
    like "$(cli check)" "password" "one with a password in it, too"
    unlike "$(cli check)" "canary8" "which is not shown"
    config "backend = redis
url = unix:$TAP_DIR/nobody.sock
answer = 100ms"
fi
host_start
is $? 0 "the host starts"
like "$(chat "hello there")" "You said: hello there" "and answers"
like "$("$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | tr -d ' \n')" '"cache":\{"degraded":(true|false),"hits":0' \
    "status has the cache's figures"
host_stop
is $? 0 "it stops"

tap_done
