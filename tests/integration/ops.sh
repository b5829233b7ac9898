#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Who watches a host: metrics, health and readiness as it works, hangs, is drained and loses Discord,
# one line of the log for each turn in each form, the watchdog, and no secret or text of a member in
# any of it.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

INI="$TAP_DIR/troupe.ini"
CANARY=canary-4f1d7e-secret
TEXT=tell-nobody-of-herons
t() { "$TROUPE" "$@" -c "$INI" 2>&1; }
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

fake_start --model fake || exit 1
fake_discord_start --token "fake-token-$CANARY" || exit 1
write_config
sed -i "s/^model = fake/model = fake\napi_key = $CANARY\nprice_input = 1\nprice_output = 2/" "$INI"
chmod 600 "$INI"
cp "$INI" "$TAP_DIR/plain.ini"
ops() { printf '[ops]\n%s\n' "$1" >>"$INI"; }

trap '' XFSZ # a write above a limit fails, and kills nobody

# ---- where it listens

for bad in 0.0.0.0:9464 192.168.7.7:1 '[::]:9464'; do
    cp "$TAP_DIR/plain.ini" "$INI"
    ops "listen = $bad"
    out=$(t check)
    is $? 78 "$bad is refused without allow_remote"
done
like "$out" 'troupe\.ini:[0-9]+: key "listen" in \[ops\]: .*allow_remote = yes' "with its place and the remedy"
ops_allow() { cp "$TAP_DIR/plain.ini" "$INI"; ops "listen = 0.0.0.0:9464
allow_remote = yes"; }
ops_allow
t check >/dev/null
is $? 0 "and taken with it"

cp "$TAP_DIR/plain.ini" "$INI"
ops "listen = 127.0.0.1:0"
cat >>"$INI" <<INI
[discord]
token = fake-token-$CANARY
api = $DISCORD_API
INI
cp "$INI" "$TAP_DIR/served.ini"
host_start
is $? 0 "the host starts"
port=$(t status --json | json 'd["ops_port"]')
BASE="http://127.0.0.1:$port"
get() { curl -s -m 20 --noproxy '*' "$BASE$1" "${@:2}"; }
code() { curl -s -m 20 -o "$TAP_DIR/body" -w '%{http_code}' --noproxy '*' "$BASE$1" "${@:2}"; }
becomes() { [ "$(code "$1")" = "$2" ]; }
# metric PATTERN "promise": a line of the metrics matches
metric() { grep -qE "$1" "$TAP_DIR/metrics"; ok $? "$2"; }

# ---- while it works

fake_discord_wait connected 1
until_true becomes /ready 200
ok $? "it is ready once Discord is there"
is "$(code /health)" 200 "and healthy"
is "$(json 'd["status"]' <"$TAP_DIR/body")" ok "which is JSON"
is "$(code /ready)" 200 "ready"
is "$(json '(d["status"], d["reasons"])' <"$TAP_DIR/body")" "('ready', [])" "is JSON, too"
is "$(code /config)" 404 "what is no page is not found"
is "$(code /metrics -X POST -d x)" 405 "and nothing takes a POST"
like "$(get /metrics -I)" "content-type: text/plain; version=0.0.4; charset=utf-8" "metrics have the type of their format"

chat "$TEXT" "/hello" >/dev/null
n=$(fake_discord_say general alice "{mention} $TEXT {token}")
fake_discord_wait answered 1 30000 300
ok $? "members are answered"
t reload >/dev/null
get /metrics >"$TAP_DIR/metrics"
python3 - "$TAP_DIR/metrics" >"$TAP_DIR/verdict" <<'PY'
import re, sys
text = open(sys.argv[1], newline="").read()
bad, types, done, last, values = [], {}, set(), None, {}
sample = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$')
if not text.endswith("\n") or "\r" in text:
    bad.append("line ends")
for line in text.split("\n")[:-1]:
    if line.startswith("# HELP "):
        name = line.split()[2]
        if name in done:
            bad.append("family twice: " + name)
        done.add(name)
        last = name
    elif line.startswith("# TYPE "):
        _, _, name, kind = line.split()
        if name != last:
            bad.append("TYPE without HELP: " + name)
        types[name] = kind
    else:
        m = sample.match(line)
        if not m:
            bad.append("no sample: " + line)
            continue
        name, labels, number = m.groups()
        float(number)
        base = re.sub("_(bucket|sum|count)$", "", name) if types.get(last) == "histogram" else name
        if base != last:
            bad.append("not with its family: " + name)
        if types.get(last) == "counter" and not name.endswith("_total"):
            bad.append("a counter's name: " + name)
        if (name, labels) in values:
            bad.append("twice: " + line)
        values[name, labels] = float(number)
for name, kind in types.items():
    if kind == "histogram":
        counts = [v for (n, _), v in values.items() if n == name + "_bucket"]
        if counts != sorted(counts) or counts[-1] != values[name + "_count", None]:
            bad.append("buckets of " + name)
print("\n".join(bad) or "fine", len(types) > 50)
PY
is "$(cat "$TAP_DIR/verdict")" "fine True" "every line is in the format, every family once"
metric '^troupe_turns_total\{state="done",reason="answered"\} 3$' "turns are counted by how they ended"
metric '^troupe_agent_turns_total\{agent="conversation",state="done"\} 2$' "and by agent"
metric '^total_processing_time_ms_count 3$' "their time is measured"
metric '^tokens_per_request_count 2$' "and what they used"
metric '^troupe_units_total\{what="llm.chat fake",direction="in"\} [1-9]' "by what it was for"
metric '^troupe_budget_today_micros\{what="llm.chat fake",state="settled"\} [1-9]' "the day's money is told by what it is for"
metric '^troupe_budget_today_micros\{what="llm.chat fake",state="reserved"\} 0$' "with what is reserved still"
metric '^troupe_reloads_total\{result="done"\} 1$' "reloads are counted"
metric '^troupe_discord_identifies_total 1$' "Discord's session is shown"
metric '^troupe_discord_requests_total\{class="2xx"\} [1-9]' "and its requests by their answers"
metric '^troupe_agent_calls_total\{agent="llm"\} [1-9]' "agents have their figures"
metric '^process_resident_memory_bytes [1-9][0-9]{6,}$' "and the process its memory"
metric '^troupe_watchdog_warnings_total [0-9]+$' "and the watchdog its warnings"

# ---- a line for each turn

lines=$(grep ' turn: ended ' "$TAP_DIR/log")
is "$(wc -l <<<"$lines")" 3 "the log has one line for each turn"
like "$lines" "source=console .*state=done reason=answered stage=conversation agent=conversation plugin=org.troupe.conversation what=\"llm.chat fake\" units_in=[1-9][0-9]* units_out=[1-9][0-9]* cost_micros=[1-9][0-9]* ms=[0-9]+ work_ms=[0-9]+ first_text_ms=[0-9]+" \
    "with all that it was"
like "$lines" "stage=command agent=hello" "a command's, too"
like "$lines" "source=discord:0 kind=message guild=[0-9]+ channel=[0-9]+ member=[0-9a-f]{16} " "Discord's name guild and channel"
unlike "$lines" "member=[0-9]{17,}" "and no member"
unlike "$lines" "alice" "by id or by name"
member_of() { sed -n 's/.*source=console .*member=\([0-9a-f]*\).*/\1/p' | sort -u; }
first=$(member_of <<<"$lines")
is "$(wc -l <<<"$first")" 1 "who is the same member has the same hash"

# ---- in worse times

t drain >/dev/null
is "$(code /ready)" 503 "a drained host is not ready"
like "$(cat "$TAP_DIR/body")" "takes no new messages" "and says why"
is "$(code /health)" 200 "but healthy"
t drain off >/dev/null
until_true becomes /ready 200
ok $? "and ready when it takes messages again"
if command -v prlimit >/dev/null; then
    prlimit --pid "$HOST_PID" --fsize=0:
    chat "while the disk is full" >/dev/null
    until_true becomes /ready 503
    ok $? "a host whose disk takes no writes is not ready"
    like "$(cat "$TAP_DIR/body")" "the storage takes no writes" "and says why"
    is "$(code /health)" 200 "but healthy"
    get /metrics >"$TAP_DIR/metrics"
    metric '^troupe_store_degraded 1$' "and its metrics say so"
    prlimit --pid "$HOST_PID" --fsize=unlimited:
    until_true becomes /ready 200
    ok $? "it is ready as soon as the disk takes writes, without anybody writing"
else
    skip "a host whose disk takes no writes is not ready" "prlimit is not there"
fi
fake_discord_stop
until_true becomes /ready 503
ok $? "without Discord it is not ready"
like "$(cat "$TAP_DIR/body")" "Discord is not there" "and says why"
is "$(code /health)" 200 "but healthy still"
get /metrics >"$TAP_DIR/metrics"
metric '^troupe_discord_ready 0$' "metrics come all the same"

# ---- nothing that is nobody's business

for file in metrics log body; do
    unlike "$(cat "$TAP_DIR/$file")" "$CANARY" "no secret is in $file"
    unlike "$(cat "$TAP_DIR/$file")" "$TEXT" "nor what members wrote"
done
out=$(get /metrics; get /ready; get /health; t status; t status --json)
unlike "$out" "$CANARY" "no secret is in any page or the status"
host_stop
is $? 0 "it stops in good order"
is "$(code /health)" 000 "and its port is closed"

# ---- JSON, and systemd's form

forms()
{
    cp "$TAP_DIR/plain.ini" "$INI"
    : >"$TAP_DIR/log"
    host_start --set "troupe.log_format=$1"
    chat "$TEXT" >/dev/null
    host_stop
}
forms json
grep '"part":"turn"' "$TAP_DIR/log" >"$TAP_DIR/json"
is "$(wc -l <"$TAP_DIR/json")" 1 "as JSON it is one line, too"
is "$(json '(d["message"], d["state"], d["reason"], d["agent"], d["units_in"] > 0, type(d["ms"]).__name__)' <"$TAP_DIR/json")" \
    "('ended', 'done', 'answered', 'conversation', True, 'int')" "with members of their own"
is "$(json 'd["member"]' <"$TAP_DIR/json")" "$first" "and the same hash in another process"
unlike "$(cat "$TAP_DIR/log")" "$CANARY|$TEXT" "and nothing that is nobody's business"
if [ -S /run/systemd/journal/socket ]; then
    skip "systemd's form is one line" "a journal is here and would get it"
else
    forms systemd
    is "$(grep -c '^<6>turn: ended turn=[0-9]* source=console ' "$TAP_DIR/log")" 1 "without a journal systemd's form is a line with a priority"
fi

# ---- systemd's watchdog

python3 - "$TAP_DIR/notify" "$TROUPE" "$INI" >"$TAP_DIR/watchdog" 2>&1 <<'PY'
import os, signal, socket, subprocess, sys
path, troupe, ini = sys.argv[1:]
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(path)
told.settimeout(30)
env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="300000")
host = subprocess.Popen([troupe, "run", "-c", ini], env=env, stdin=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
seen = []
while seen.count("WATCHDOG=1") < 3 or "READY=1" not in seen:
    seen += told.recv(4096).decode().split("\n")
print("fed")
host.send_signal(signal.SIGSTOP)
os.waitid(os.P_PID, host.pid, os.WSTOPPED)
told.settimeout(0)
try:
    while True:
        told.recv(4096)
except BlockingIOError:
    pass
told.settimeout(1)
try:
    told.recv(4096)
    print("told while it stood")
except TimeoutError:
    print("silent")
host.send_signal(signal.SIGCONT)
told.settimeout(30)
told.recv(4096)
host.terminate()
print(host.wait())
PY
is "$(cat "$TAP_DIR/watchdog")" "fed
silent
0" "systemd's watchdog hears of a loop that turns, and only of that"
tap_done
