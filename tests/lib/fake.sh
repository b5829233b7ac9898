# SPDX-License-Identifier: Apache-2.0
#
# The fake LLM for shell tests:
#
#   . "$TROUPE_SRCDIR/tests/lib/fake.sh"     after tap.sh
#   fake_start [OPTION...]        starts it; sets FAKE_URL and FAKE_PID
#   fake_script FILE              changes its script while it runs
#   fake_stop
#
# It ends with the test in any case: it watches a pipe whose other end only the test holds open.

fake_start()
{
    local port_file tries=0

    port_file=$(mktemp -u "${TMPDIR:-/tmp}/troupe-fake-XXXXXX")
    exec {FAKE_FD}> >(exec "$TROUPE_BUILDDIR/troupe-fake-llm" --parent --port-file "$port_file" \
        "$@" >/dev/null)
    FAKE_PID=$!
    while [ ! -s "$port_file" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$FAKE_PID" 2>/dev/null; then
            echo "# the fake LLM did not come up"
            return 1
        fi
        sleep 0.05
    done
    FAKE_URL="http://127.0.0.1:$(cat "$port_file")"
    rm -f "$port_file"
}

fake_script()
{
    curl -sf --noproxy '*' --data-binary "@$1" "$FAKE_URL/_script" >/dev/null
}

fake_stop()
{
    exec {FAKE_FD}>&-
    stop_server "$FAKE_PID" troupe-fake-llm
}
