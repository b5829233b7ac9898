# SPDX-License-Identifier: Apache-2.0
#
# What shell tests include: TAP lines, a directory of their own, and a host to talk to.
#
#   . "$TROUPE_SRCDIR/tests/lib/tap.sh"
#   ok STATUS "promise"          like TEXT PATTERN "promise"      is GOT WANT "promise"
#   tap_done                     at the end
#
# Nothing here waits for a time: waits are for a condition, with a bound that only a broken host
# reaches.

TROUPE="$TROUPE_BUILDDIR/troupe"
TAP_COUNT=0
TAP_DIR=$(mktemp -d "${TMPDIR:-/tmp}/troupe-test-XXXXXX")
HOST_PID=
export XDG_DATA_HOME="$TAP_DIR/xdg-data" XDG_RUNTIME_DIR="$TAP_DIR/run" XDG_CONFIG_HOME="$TAP_DIR/xdg-config"
export HOME="$TAP_DIR/home"
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
unset OPENAI_API_KEY OPENROUTER_API_KEY ANTHROPIC_API_KEY

tap_cleanup()
{
    [ -n "$HOST_PID" ] && kill -9 "$HOST_PID" 2>/dev/null
    if declare -F fake_stop >/dev/null && [ -n "$FAKE_PID" ]; then fake_stop; fi
    if declare -F fake_discord_stop >/dev/null && [ -n "$DISCORD_PID" ]; then fake_discord_stop; fi
    chmod -R u+w "$TAP_DIR" 2>/dev/null
    rm -rf "$TAP_DIR"
}
trap tap_cleanup EXIT

ok()
{
    TAP_COUNT=$((TAP_COUNT + 1))
    if [ "$1" = 0 ]; then echo "ok $TAP_COUNT - $2"; else echo "not ok $TAP_COUNT - $2"; fi
}

is()
{
    local status=1
    [ "$1" = "$2" ] && status=0
    ok $status "$3"
    [ $status = 0 ] || printf '# got:      %s\n# expected: %s\n' "${1//$'\n'/$'\n'#           }" "$2"
}

# The text holds a line that matches the extended regular expression.
like()
{
    local status=1
    printf '%s\n' "$1" | grep -qE -- "$2" && status=0
    ok $status "$3"
    [ $status = 0 ] || printf '# no line matches %s in:\n# %s\n' "$2" "${1//$'\n'/$'\n'# }"
}

unlike()
{
    local status=0
    printf '%s\n' "$1" | grep -qE -- "$2" && status=1
    ok $status "$3"
    [ $status = 0 ] || printf '# a line matches %s in:\n# %s\n' "$2" "${1//$'\n'/$'\n'# }"
}

skip()
{
    TAP_COUNT=$((TAP_COUNT + 1))
    echo "ok $TAP_COUNT - $1 # SKIP $2"
}

tap_done()
{
    echo "1..$TAP_COUNT"
}

# tell_failure LOG: why a test program failed, as comments: what it calls a violation, of the rest of its
# output the first lines that are neither a promise kept nor what a host logs while all is well, then the end.
tell_failure()
{
    local reasons=100 end=40

    {
        grep 'violation:' "$1" | cut -c1-1500 | head -n "$reasons"
        grep -vE '^(ok |\[ +(OK|RUN) +\])|(^|[ "])(info|debug)[ ":]|violation:' "$1" | head -n "$reasons"
        echo "the last $end lines:"
        tail -n "$end" "$1"
    } | sed 's/^/# /'
}

# until_true COMMAND…: as soon as it succeeds; fails after 60 s, however long each try takes, so that a
# test says what did not come before it is ended itself.
until_true()
{
    local end=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -gt "$end" ] && return 1
        sleep 0.05
    done
}

# Whether the process has ended; one that nobody has waited for yet, too.
has_ended()
{
    case $(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null) in
    "" | Z | X) return 0 ;;
    *) return 1 ;;
    esac
}

# stop_server PID NAME: by SIGTERM. A sanitizer that looks for leaks at the exit has been seen to spin
# there for ever: what does not end is killed, and told, instead of hanging the test.
stop_server()
{
    kill "$1" 2>/dev/null
    if ! until_true has_ended "$1"; then
        echo "# $2, process $1, did not end within 60 s of SIGTERM and was killed"
        kill -9 "$1" 2>/dev/null
    fi
    wait "$1" 2>/dev/null
    return 0
}

# The configuration that most tests start from, with the fake LLM behind it.
write_config()
{
    cat >"$TAP_DIR/troupe.ini" <<INI
[troupe]
data = $TAP_DIR/data
[limits]
messages = 0
guild_messages = 0
[pipeline message]
stages = conversation
[agent llm]
base_url = ${FAKE_URL:-http://127.0.0.1:9}/v1
model = fake
llm_warm = no
[agent conversation]
[agent hello]
INI
}

host_answers()
{
    "$TROUPE" status -c "$TAP_DIR/troupe.ini"
}

# Starts `troupe run` with the config; its log is in $TAP_DIR/log.
host_start()
{
    "$TROUPE" run -c "$TAP_DIR/troupe.ini" "$@" >"$TAP_DIR/out" 2>>"$TAP_DIR/log" </dev/null &
    HOST_PID=$!
    until_true host_answers && return 0
    sed 's/^/# /' "$TAP_DIR/log"
    return 1
}

host_stop()
{
    local status
    kill -TERM "$HOST_PID"
    wait "$HOST_PID"
    status=$?
    HOST_PID=
    return $status
}

# chat LINE…: the lines in one piped chat, its output on stdout.
chat()
{
    printf '%s\n' "$@" | "$TROUPE" chat -c "$TAP_DIR/troupe.ini" 2>>"$TAP_DIR/chat-log"
}
