#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# troupe run --supervise: the host is started again when it dies, and who brought it down stays
# switched off; a killed host blames nobody.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

CRASH="$TAP_DIR/data/crash"
cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[pipeline message]
stages = doom
[agent doom]
plugin = $TROUPE_BUILDDIR/tests/integration/plugins/.libs/doom.so
isolation = inprocess
[agent hello]
INI

field() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | grep -oE "\"$1\": *[0-9]+" | grep -oE '[0-9]+$'; }
served_by_another() { local pid; pid=$(field pid) && [ -n "$pid" ] && [ "$pid" != "$1" ]; }
children() { xargs -n1 <"/proc/$HOST_PID/task/$HOST_PID/children" | wc -l; }
generation_is() { [ "$(field generation)" = "$1" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
plugins() { "$TROUPE" plugins -c "$TAP_DIR/troupe.ini" --json; }

# bring_down WORD: has the plugin do it; the next host is there when this returns.
bring_down()
{
    host=$(field pid)
    chat "$1" >/dev/null
    until_true served_by_another "$host"
}

host_start --supervise
is $? 0 "the host starts under its supervisor"
host=$(field pid)
is "$(awk '/^PPid/ {print $2}' "/proc/$host/status")" "$HOST_PID" "as its child"
unlike "$(tr '\0' ' ' <"/proc/$host/cmdline")" "supervise" "which supervises nothing itself"
like "$(chat hello)" "fine: hello" "and answers"
kill -HUP "$HOST_PID"
until_true generation_is 2
ok $? "SIGHUP to the supervisor reloads the host"

# A crash.
bring_down crash
ok $? "after a crash there is a new host"
like "$(cat "$TAP_DIR/log")" "supervise: the host .* started again in 0.1 s" "0.1 s later"
like "$(cat "$TAP_DIR/log")" "ended by a crash in plugin:doom, turn [1-9]" \
    "it says who had brought the other one down"
ok "$([ ! -e "$CRASH" ]; echo $?)" "the marker is taken up"
like "$(chat hello)" "\"doom\" is switched off since it made the host crash; the admin can reload" \
    "the agent is switched off, with a sentence to whoever needs it"
why() { "$TROUPE" why "$1" -c "$TAP_DIR/troupe.ini"; }
message=$(why 2 | grep -oE 'message [0-9]+' | grep -oE '[0-9]+')
told() { why "$message" | grep -q "agent.disabled.*is switched off"; }
until_true told
ok $? "also to whoever had sent the message that it crashed on"
like "$(plugins)" '"off_because": *"made the host crash"' "and in troupe plugins"
"$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
like "$(chat hello)" "fine: hello" "a reload switches it on again"

# A hang.
if grep -q "define TROUPE_SANITIZER" "$TROUPE_BUILDDIR/config.h"; then
    skip "a hang ends the host, too" "a sanitizer has no watchdog"
else
    bring_down spin
    ok $? "a hang ends the host, too"
    like "$(cat "$TAP_DIR/log")" "ended by a hang in plugin:doom, turn [1-9]" "and is blamed"
    like "$(chat hello)" "\"doom\" is switched off since it held the host up" "on the agent"
    "$TROUPE" reload -c "$TAP_DIR/troupe.ini" >/dev/null
fi

# No marker, no blame.
host=$(field pid)
kill -9 "$host"
until_true served_by_another "$host"
ok $? "after kill -9 there is a new host"
like "$(chat hello)" "fine: hello" "and nobody is switched off"
is "$(children)" 1 "all dead hosts were reaped"

# What only a person can cure.
host=$(field pid)
cp "$TAP_DIR/troupe.ini" "$TAP_DIR/good.ini"
echo "nonsense = 1" >>"$TAP_DIR/troupe.ini"
kill -9 "$host"
wait "$HOST_PID"
is $? 78 "a configuration that does not hold ends both, with its status"
HOST_PID=
mv "$TAP_DIR/good.ini" "$TAP_DIR/troupe.ini"

host_start --supervise
host=$(field pid)
host_stop
is $? 0 "SIGTERM ends both in good order"
until_true gone "$host"
ok $? "the host is gone"

# A service manager that listens to the main process alone: the socket's other end tells who spoke.
cat >"$TAP_DIR/listen.py" <<'PYTHON'
import socket, struct, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
server.bind(sys.argv[1])
while True:
    text, ancillary, _, _ = server.recvmsg(4096, 1024)
    pid = struct.unpack("3i", ancillary[0][2])[0]
    print(pid, text.decode().replace("\n", " "), flush=True)
PYTHON
python3 "$TAP_DIR/listen.py" "$TAP_DIR/notify" >"$TAP_DIR/heard" &
listener=$!
until_true test -S "$TAP_DIR/notify"
export NOTIFY_SOCKET="$TAP_DIR/notify"
host_start --supervise
unset NOTIFY_SOCKET
until_true grep -q "^$HOST_PID READY=1" "$TAP_DIR/heard"
ok $? "what the host tells its service manager comes from the supervisor"
host=$(field pid)
kill -9 "$host"
until_true served_by_another "$host"
like "$(cat "$TAP_DIR/heard")" "^$HOST_PID STATUS=the host died" "as does that it died"
unlike "$(cat "$TAP_DIR/heard")" "^$host " "and nothing comes from the host itself"
kill "$listener"
host=$(field pid)
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
HOST_PID=
until_true gone "$host"
ok $? "a host whose supervisor was killed ends, too"
tap_done
