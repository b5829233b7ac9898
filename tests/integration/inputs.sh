#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The table of bad inputs. Each gives one clear sentence with the remedy and the right sysexits code
# when the host starts; where it runs, a reload with the same input is refused, the process stays the
# same and goes on answering.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

BAD="$TROUPE_BUILDDIR/tests/plugins/.libs"
OWN="$TROUPE_BUILDDIR/tests/integration/plugins/.libs"
INI="$TAP_DIR/troupe.ini"

fake_start --model fake || exit 1
write_config
cp "$INI" "$TAP_DIR/good.ini"
cp "$TROUPE_BUILDDIR/plugins/hello/.libs/hello.so" "$TAP_DIR/whole.so"
head -c 3000 "$TAP_DIR/whole.so" >"$TAP_DIR/truncated.so"

# plugin_section FILE: an agent "extra" from that file.
plugin_section()
{
    printf '[agent extra]\nplugin = %s\nisolation = inprocess\n' "$1"
}

# with TEXT: the good configuration and a drop-in that is bad.
with()
{
    cp "$TAP_DIR/good.ini" "$INI"
    mkdir -p "$TAP_DIR/conf.d"
    rm -f "$TAP_DIR/conf.d/"*
    printf '%s\n' "$1" >"$TAP_DIR/conf.d/bad.ini"
}

without()
{
    rm -f "$TAP_DIR/conf.d/"*
    cp "$TAP_DIR/good.ini" "$INI"
}

# NAME | TEXT of the drop-in | sentence
names=() texts=() sentences=()
row()
{
    names+=("$1")
    texts+=("$2")
    sentences+=("$3")
}

row "an unknown key" $'[budget]\ndialy = 1' \
    'bad\.ini:2: key "dialy".*did you mean "daily"'
row "an unknown section" $'[bugdet]\ndaily = 1' 'bad\.ini:1: .*bugdet.*did you mean \[budget\]'
row "a wrong type" $'[admission]\nconcurrent = many' \
    'bad\.ini:2: key "concurrent".*an integer from 1 to 1000.*many'
row "a value out of range" $'[admission]\nconcurrent = 0' 'bad\.ini:2: key "concurrent".*1'
row "a name where an id belongs" $'[discord]\nowners = 123456789012345678, alice' \
    'bad\.ini:2: key "owners".*ids in digits.*alice'
row "a bad include" $'include = missing/none.ini\n[budget]\ndaily = 1' \
    'bad\.ini:1: .*missing/none\.ini'
row "an unset environment variable" $'[troupe]\nname = ${env:TROUPE_TEST_UNSET}' \
    'bad\.ini:2: .*TROUPE_TEST_UNSET'
row "a missing plugin" $'[agent ghost]' 'bad\.ini:1: .*ghost'
row "a stage without its agent" $'[pipeline message]\nstages = conversatoin' \
    'bad\.ini:2: key "stages".*did you mean "conversation"'
row "a truncated .so" "$(plugin_section "$TAP_DIR/truncated.so")" 'bad\.ini:[12]: .*truncated'
row "a wrong ABI" "$(plugin_section "$BAD/odd_abi.so")" 'bad\.ini:[12]: .*ABI.*this host has'
row "a spinning constructor" "$(plugin_section "$BAD/spin_early.so")" \
    'bad\.ini:[12]: .*did not finish'
row "a crashing constructor" "$(plugin_section "$BAD/crash_early.so")" \
    'bad\.ini:[12]: .*crashed.*SEGV'
row "an agent that refuses its config" "$(plugin_section "$OWN/fail_create.so")" 'moon is not full'
row "a bad migration" "$(plugin_section "$OWN/bad_migration.so")" 'bad_migration_2\.sql'
row "an undeclared key of a plugin" $'[agent llm]\nmodle = x' \
    'bad\.ini:2: key "modle".*did you mean "model"'

for i in "${!names[@]}"; do
    with "${texts[$i]}"
    out=$("$TROUPE" run -c "$INI" 2>&1 </dev/null)
    is $? 78 "${names[$i]} ends the start with EX_CONFIG"
    like "$out" "${sentences[$i]}" "${names[$i]} is told with its place and remedy"
done

without
host_start
is $? 0 "the good configuration starts"
pid=$HOST_PID
status() { "$TROUPE" status -c "$TAP_DIR/good.ini" --json; }
generation() { status | python3 -c 'import json, sys; print(json.load(sys.stdin)["generation"])'; }

for i in "${!names[@]}"; do
    with "${texts[$i]}"
    out=$("$TROUPE" reload -c "$TAP_DIR/good.ini" 2>&1)
    is $? 78 "${names[$i]} refuses a reload with EX_CONFIG"
    like "$out" "${sentences[$i]}" "${names[$i]} is told by the reload"
done
is "$(generation)" 1 "after ${#names[@]} refused reloads the first generation serves"
kill -0 "$pid"
ok $? "in the same process"
without
like "$(chat "still here?")" "You said: still here" "and answers"

# What goes wrong while it runs.
rule() { printf '{"rules": [%s]}' "$1" >"$TAP_DIR/rule.json" && fake_script "$TAP_DIR/rule.json"; }
rule '{"match": "garble", "fault": "garbage_sse", "answer": "x"}'
out=$(chat "garble" "/why" "fine?")
unlike "$out" "You said: garble" "a garbled stream gives no made-up answer"
like "$out" "failed, llm\." "/why names the reason of a garbled stream"
like "$out" "You said: fine" "and the next message is answered"
rule '{"match": "cut", "fault": "cut_mid_stream", "answer": "one two three four five six"}'
out=$(chat "cut me" "/why")
like "$out" "\(interrupted\)" "a stream that is cut is closed with a mark"
like "$out" "failed, llm\.interrupted" "and /why says that it was cut"
rule ''
host_stop
is $? 0 "the host stops with status 0"

paid=$'[agent llm]\nlocal = no\nprice_input = 1000\nprice_output = 1000\n[budget]\ndaily = 0.01'
with "$paid"
out=$(chat "what does it cost?" "/why" "/hello")
like "$out" "budget" "a reached cap is told in a sentence"
like "$out" "failed, budget\.cap" "and by /why"
like "$out" "[Hh]ello" "commands go on"
requests=$(curl -sf --noproxy '*' "$FAKE_URL/_log" | grep -c "what does it cost")
is "$requests" 0 "nothing was asked of the provider"
with $'[agent llm]\nlocal = no'
out=$(chat "and this?" "/why")
like "$out" "[Pp]rice" "an unknown price is told in a sentence"
like "$out" "failed, budget\.price_unknown" "and by /why"
with $'[agent llm]\nbase_url = http://127.0.0.1:9/v1'
out=$(chat "anyone?" "/why")
like "$out" "failed, llm\.unreachable" "a dead model is named by /why"
without

# A data directory that cannot be written.
mkdir "$TAP_DIR/locked" && chmod 555 "$TAP_DIR/locked"
as=()
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$TAP_DIR"
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
out=$("${as[@]}" "$TROUPE" run -c "$INI" --set "troupe.data=$TAP_DIR/locked" 2>&1 </dev/null)
is $? 77 "a read-only data directory ends the start with EX_NOPERM"
like "$out" "locked.*(mode|owner|written)" "and a sentence that names it and the remedy"
out=$(chat "nothing lost?")
like "$out" "You said: nothing lost" "after all of it the data is whole"
tap_done
