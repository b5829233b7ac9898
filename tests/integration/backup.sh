#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A backup is made beside a running host, and goes on where it stopped on an empty root.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"

backup=$TAP_DIR/backup.tar
there=$TAP_DIR/there
answered() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | grep -qE "\"answered\": *$1\b"; }
asked() { curl -sf --noproxy '*' "$FAKE_URL/_log" | grep -q slowly; }

fake_start --model fake || exit 1
write_config
mkdir "$TAP_DIR/conf.d"
printf '[troupe]\nname = Kept\n' >"$TAP_DIR/conf.d/name.ini"
printf '{"rules": [{"match": "slowly", "answer": "alpha beta gamma delta epsilon zeta eta theta", "chunk_words": 1, "delay_ms": 200}]}' >"$TAP_DIR/slow.json"
fake_script "$TAP_DIR/slow.json"
host_start
is $? 0 "the host starts"
chat "hello there" >/dev/null
answered 1
is $? 0 "and answers"
chat "answer slowly please" >"$TAP_DIR/cut" &
talk=$!
until_true asked
"$TROUPE" backup "$backup" -c "$TAP_DIR/troupe.ini" >"$TAP_DIR/said"
is $? 0 "a backup is made in the middle of an answer"
like "$(cat "$TAP_DIR/said")" "backup.tar: configuration, list of plugins and database" "and told"
is "$(stat -c %a "$backup")" 600 "it is its owner's alone"
is "$(tar -tf "$backup" | paste -sd' ')" "troupe.ini conf.d/name.ini plugins.json troupe.db manifest.json" \
    "any tar shows what is in it"
like "$(tar -xOf "$backup" plugins.json)" '"conversation"' "the agents are listed"
is "$(tar -xOf "$backup" troupe.db | sha256sum | cut -d' ' -f1)" \
    "$(tar -xOf "$backup" manifest.json | tr ',{' '\n\n' | grep -A2 '"troupe.db"' | grep -o '[0-9a-f]\{64\}')" \
    "the checksum is sha256sum's"
"$TROUPE" backup "$backup" -c "$TAP_DIR/troupe.ini" 2>"$TAP_DIR/why"
like "$(cat "$TAP_DIR/why")" "there already" "one that is there is not replaced"
wait "$talk"
like "$(cat "$TAP_DIR/cut")" "theta" "the host went on with its answer"
"$TROUPE" restore "$backup" -c "$TAP_DIR/troupe.ini" 2>"$TAP_DIR/why"
is $? 73 "a database that is there is not replaced"
like "$(cat "$TAP_DIR/why")" "move it away" "which is told with the remedy"
host_stop
is $? 0 "the host stops"

# ---- what is none

head -c 5000 "$backup" >"$TAP_DIR/short.tar"
sed 's/hello there/jello there/' "$backup" >"$TAP_DIR/altered.tar"
for bad in short altered; do
    "$TROUPE" restore "$TAP_DIR/$bad.tar" -c "$TAP_DIR/none/troupe.ini" --data "$TAP_DIR/none/data" 2>"$TAP_DIR/why"
    is $? 65 "an archive that is $bad is refused"
    ok "$([ ! -e "$TAP_DIR/none" ]; echo $?)" "and nothing of it is laid out"
done

# ---- another root

mv "$TAP_DIR/data" "$TAP_DIR/lost"
"$TROUPE" restore "$backup" -c "$there/troupe.ini" --data "$there/data" >"$TAP_DIR/said"
is $? 0 "it is restored on an empty root"
like "$(cat "$TAP_DIR/said")" "$there/data/troupe.db: restored, as of 20" "which is told"
is "$(stat -c %a "$there/data/troupe.db") $(stat -c %a "$there/troupe.ini")" "600 600" \
    "the files are their owner's alone"
is "$(cat "$there/conf.d/name.ini")" "$(cat "$TAP_DIR/conf.d/name.ini")" "the drop-ins are there"
cp "$there/troupe.ini" "$TAP_DIR/troupe.ini"
mv "$there/data" "$TAP_DIR/data"
host_start
is $? 0 "a host starts on it"
like "$(chat "after the loss")" "You said: after the loss" "and answers"
until_true answered 2
is $? 0 "also the message that was open in the copy"
like "$("$TROUPE" why 1 -c "$TAP_DIR/troupe.ini")" "answered — done" "it knows what was before"
like "$("$TROUPE" why 2 -c "$TAP_DIR/troupe.ini")" "taken up again once" "and tells that it took a turn up"
host_stop
is $? 0 "it stops"
tap_done
