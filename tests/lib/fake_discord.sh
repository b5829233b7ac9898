# SPDX-License-Identifier: Apache-2.0
#
# The fake Discord for shell tests (sdk/harness/README.md says what it can do):
#
#   . "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
#   fake_discord_start [OPTION...]     starts it; sets DISCORD_URL, DISCORD_API and DISCORD_PID
#   fake_discord_call NAME [JSON]      a call below /_fake/, its answer on stdout
#   fake_discord_get EXPRESSION        a value of the JSON on stdin, where d is the whole
#   json_text TEXT                     as JSON, in quotes
#   fake_discord_say CHANNEL MEMBER [TEXT [KIND]]   a member writes; prints the number of its token
#   fake_discord_report [FIELD]        the ledger's report, or one value of it
#   fake_discord_wait UNTIL [MIN [TIMEOUT_MS [QUIET_MS]]]
#   fake_discord_text N                what the answer to token N says in the end
#   fake_discord_stop
#   write_discord_config </dev/null    write_config of fake.sh with a section [discord], and what stdin adds
#
# It ends with the test in any case: it watches a pipe whose other end only the test holds open. After
# tap.sh it is stopped before the test's folder goes.

fake_discord_start()
{
    local port_file tries=0

    values_start || return 1
    port_file=$(mktemp -u "${TMPDIR:-/tmp}/troupe-discord-XXXXXX")
    exec {DISCORD_FD}> >(exec "$TROUPE_BUILDDIR/troupe-fake-discord" --parent \
        --port-file "$port_file" "$@" >/dev/null)
    DISCORD_PID=$!
    while [ ! -s "$port_file" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$DISCORD_PID" 2>/dev/null; then
            echo "# the fake Discord did not come up"
            return 1
        fi
        sleep 0.05
    done
    DISCORD_URL="http://127.0.0.1:$(cat "$port_file")"
    DISCORD_API="$DISCORD_URL/api/v10"
    rm -f "$port_file"
}

fake_discord_call()
{
    if [ $# -gt 1 ]; then
        curl -s --noproxy '*' --data-binary "$2" "$DISCORD_URL/_fake/$1"
    else
        curl -s --noproxy '*' "$DISCORD_URL/_fake/$1"
    fi
}

# Who says the values of JSON, as long as the test is there.
values_start()
{
    [ -z "${VALUES_FD:-}" ] || return 0
    exec {VALUES_FD}> >(exec python3 -IS "$TROUPE_SRCDIR/tests/lib/values.py" "$TAP_DIR/values" >/dev/null)
    until_true test -S "$TAP_DIR/values" && return 0
    echo "# who says the values of JSON did not come up"
    return 1
}

# fake_discord_get EXPRESSION: a value of the JSON on stdin, where d is the whole.
fake_discord_get()
{
    curl -sf --unix-socket "$TAP_DIR/values" -H Expect: -w '%{onerror}%{stderr}# %header{error}\n' \
        --data-raw "$1"$'\1' --data-binary @- http://values/
}

json_text()
{
    local text=$1

    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    text=${text//$'\t'/\\t}
    printf '"%s"' "${text//$'\r'/\\r}"
}

fake_discord_say()
{
    local keys=(channel member text kind) said='' value

    for value in "$@"; do
        [ -z "$value" ] || said="$said, \"${keys[0]}\": $(json_text "$value")"
        keys=("${keys[@]:1}")
    done
    printf '{%s}' "${said:2}" >"$TAP_DIR/say.json"
    fake_discord_call say "@$TAP_DIR/say.json" | fake_discord_get 'd["n"]'
}

fake_discord_report()
{
    if [ $# -gt 0 ]; then
        fake_discord_call report | fake_discord_get "d[\"$1\"]"
    else
        fake_discord_call report
    fi
}

fake_discord_wait()
{
    curl -sf --noproxy '*' -o "${TAP_DIR:-/tmp}/wait.json" \
        "$DISCORD_URL/_fake/wait?until=$1&min=${2:-1}&timeout_ms=${3:-30000}&quiet_ms=${4:-0}"
}

fake_discord_text()
{
    fake_discord_call "ledger?n=$1" | fake_discord_get 'd["text"]'
}

fake_discord_stop()
{
    exec {DISCORD_FD}>&-
    stop_server "$DISCORD_PID" troupe-fake-discord
    DISCORD_PID=
}

write_discord_config()
{
    write_config
    {
        printf '[discord]\ntoken = fake-token\napi = %s\n' "$DISCORD_API"
        cat
    } >>"$TAP_DIR/troupe.ini"
    chmod 600 "$TAP_DIR/troupe.ini"
}

if declare -F tap_cleanup >/dev/null; then
    tap_cleanup_discord() { [ -n "${DISCORD_PID:-}" ] && fake_discord_stop; tap_cleanup; }
    trap tap_cleanup_discord EXIT
fi
