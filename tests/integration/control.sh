#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A running host answers its operator: every subcommand, for people and as JSON, with its exit code.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

INI="$TAP_DIR/troupe.ini"
t() { "$TROUPE" "$@" -c "$INI" 2>&1; }
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

fake_start --model fake || exit 1
write_config

out=$(t status)
is $? 69 "without a running host a question ends with EX_UNAVAILABLE"
like "$out" "no host is running.*troupe run" "and says how to start one"
out=$(t check)
is $? 0 "check finds a good configuration good"
out=$("$TROUPE" config --effective -c "$INI" --set 'agent llm.api_key=${env:HOME}' 2>&1)
like "$out" "daily = 1\.00.*default" "config --effective names defaults"
like "$out" "model = fake.*troupe\.ini:[0-9]+" "and the file and line of what was set"
like "$out" 'api_key = \*\*\*' "and masks a secret"
unlike "$out" "$HOME" "whose value is nowhere"
out=$(t check --set "agent llm.model=")
is $? 78 "check refuses a server without a model"
like "$out" 'key "model": not set.*set it to a model' "and says what to set"
out=$(t check --set "agent llm.base_url=https://api.example.org/v1" --set "agent llm.price_input=1" \
    --set "agent llm.price_output=1")
is $? 0 "a provider that gets no key may be meant so"
like "$out" 'warning: .*troupe\.ini:[0-9]+: agent "llm": key "api_key": not set.*or local = yes' "but check says so"
out=$(t frobnicate)
is $? 64 "an unknown subcommand ends with EX_USAGE"

host_start
is $? 0 "the host starts"
"$TROUPE" run -c "$INI" >/dev/null 2>"$TAP_DIR/second" </dev/null
is $? 75 "a second host on the same data ends with EX_TEMPFAIL"

"$TROUPE" tail -c "$INI" >"$TAP_DIR/tail" 2>&1 &
tail_pid=$!
chat "first" >/dev/null
is "$(t status --json | json 'd["turns"]["answered"]')" 1 "status counts what was answered"
is "$(t plugins --json | json '" ".join(sorted(p["agent"] for p in d))')" \
    "conversation hello llm" "plugins lists the agents"
like "$(t functions)" "hello\.hello" "functions lists what is declared"
is "$(t call hello wish="a quiet night")" "Hello! I wish you a quiet night." "call calls a function"
out=$(t call hello whish=x)
is $? 64 "a wrong argument ends with EX_USAGE"
like "$out" 'did you mean "wish"' "and names the near one"
out=$(t call helo)
is $? 66 "an unknown function ends with EX_NOINPUT"
like "$out" 'did you mean "hello"' "and names the near one"
like "$(t why last)" "command|hello" "why last explains the newest turn"
like "$(t why 1)" "stage conversation" "why NUMBER explains any turn"
is "$(t why 1 --json | json 'd["state"]')" "done" "why gives JSON"
out=$(t why 999999)
is $? 66 "why of nothing ends with EX_NOINPUT"

out=$(t drain)
is $? 0 "drain ends when nothing runs"
like "$(chat 'too late')" "stopped for maintenance" "a drained host refuses with a sentence"
t drain off >/dev/null
like "$(chat 'again')" "You said: again" "and takes messages again"
tailed() { grep -q "refused, stopping" "$TAP_DIR/tail" && grep -qc "done, answered" "$TAP_DIR/tail"; }
until_true tailed
ok $? "tail followed the turns as they ended"
kill "$tail_pid"
wait "$tail_pid" 2>/dev/null

is "$(stat -c %a "$TAP_DIR/data")" 700 "the data directory is the owner's alone"
is "$(stat -c %a "$TAP_DIR/data/control.sock" | tail -c 4)" 600 "and so is the socket"
pid=$HOST_PID
out=$(t stop)
is $? 0 "stop ends when the host is gone"
wait "$pid"
is $? 0 "which ended with status 0"
HOST_PID=
tap_done
