#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The systemd unit as it is installed: systemd can read it, it gives away little, and says what
# troupe(1) says.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

UNIT="$TROUPE_BUILDDIR/etc/systemd/troupe.service"
like "$(cat "$UNIT")" "^ExecStart=/.*/troupe run " "the unit names the installed program"
unlike "$(cat "$UNIT")" "@[a-z]+@" "and nothing is left to fill in"
# What supervise.h ends for is what systemd must not restart for.
codes=$(sed -n 's/^RestartPreventExitStatus=//p' "$UNIT")
is "$codes" "64 65 66 77 78" "it is not restarted for what only a person can cure"
for code in $codes; do
    like "$(grep -A1 '^\.B '"$code" "$TROUPE_SRCDIR/man/troupe.1")" "[a-z]" "troupe(1) explains status $code"
done
like "$(cat "$UNIT")" "^SystemCallFilter=seccomp landlock_create_ruleset" "isolated agents may be sandboxed"
unlike "$(cat "$UNIT")" "^Environment" "no secret has a place in its environment"

if ! command -v systemd-analyze >/dev/null; then
    skip "its exposure is at most 1.2" "systemd-analyze is not there"
    skip "systemd knows every line of it" "systemd-analyze is not there"
else
    cp "$UNIT" "$TAP_DIR/troupe.service"
    sed -i "s|^\(Exec[A-Za-z]*=\)[^ ]*/troupe |\1$TROUPE |" "$TAP_DIR/troupe.service"
    systemd-analyze security --offline=true --no-pager "$TAP_DIR/troupe.service" >"$TAP_DIR/security" 2>&1
    level=$(sed -n 's/.*exposure level for troupe.service: \([0-9.]*\).*/\1/p' "$TAP_DIR/security")
    if [ -z "$level" ]; then
        skip "its exposure is at most 1.2" "this systemd-analyze cannot look at files"
    else
        echo "# exposure $level"
        is "$(awk -v level="$level" 'BEGIN { print level <= 1.2 }')" 1 "its exposure is at most 1.2"
    fi
    systemd-analyze verify --man=no "$TAP_DIR/troupe.service" >"$TAP_DIR/verify" 2>&1
    unlike "$(cat "$TAP_DIR/verify")" "[Uu]nknown|[Ii]gnoring|[Ff]ailed to parse|Invalid" "systemd knows every line of it"
    mkdir -p "$TAP_DIR/troupe.service.d"
    cp "$TROUPE_SRCDIR/etc/systemd/troupe.service.d/notify-reload.conf.example" \
        "$TAP_DIR/troupe.service.d/notify-reload.conf"
    version=$(systemd-analyze --version | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p')
    if [ "${version:-0}" -lt 253 ]; then
        skip "the drop-in for newer ones, too" "systemd $version is older than 253"
    else
        systemd-analyze verify --man=no "$TAP_DIR/troupe.service" >"$TAP_DIR/verify" 2>&1
        unlike "$(cat "$TAP_DIR/verify")" "[Uu]nknown|[Ii]gnoring|[Ff]ailed to parse|Invalid" "the drop-in for newer ones, too"
    fi
fi
tap_done
