#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The database's server goes away under a host on Discord, for longer than anybody waits: what members ask
# meanwhile is kept, also over the end of the session with Discord and of the host, and answered once when the
# server is back; who asked by a slash command is told to wait; nothing is left in the file.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"
. "$TROUPE_SRCDIR/tests/lib/postgres.sh"

if ! postgres_is_here; then
    skip "what members ask waits for the database" "PostgreSQL is not here, or not built in"
    tap_done
    exit 0
fi

trap 'postgres_stop; tap_cleanup_discord' EXIT

spool=$TAP_DIR/data/spool
status() { "$TROUPE" status -c "$TAP_DIR/troupe.ini" --json | fake_discord_get "d$1"; }
degraded() { [ "$(status '["degraded"]')" = "$1" ]; }
spooled() { [ "$(status '["spool"]["events"]')" -ge "$1" ]; }
emptied() { [ ! -e "$spool" ] && [ "$(status '["spool"]["events"]')" -eq 0 ]; }
slash() { fake_discord_call slash "$1" >/dev/null; }
interaction() { fake_discord_call interactions | fake_discord_get "d[$1][\"$2\"]"; }
told() { interaction "$1" text | grep -q "storage does not work"; }
helped() { interaction -1 text | grep -q "I am Troupe"; }
recited() { fake_discord_call "messages?channel=channel-2" | grep -c "line 1 stands here" | grep -qx "$1"; }
answers() { fake_discord_call "ledger?n=$1" | fake_discord_get 'd["standing"]'; }
answered() { [ "$(answers "$1")" -gt 0 ]; }
sessions() { fake_discord_report identifies; }
asked_model() { curl -sf --noproxy '*' "$FAKE_URL/_log" | fake_discord_get 'len(d)'; }
# Numbers of the questions in the order in which they were answered.
order()
{
    fake_discord_call "messages?channel=$1" | fake_discord_get \
        '" ".join(__import__("re").search("tok-([0-9]+)-", m["content"])[1] for m in d if m["bot"] and not m["deleted"])'
}

postgres_make
is $? 0 "a server is there"
fake_start --model fake || exit 1
fake_discord_start --channels 10 || exit 1
write_discord_config <<INI
[agent slash]
plugin = $TROUPE_BUILDDIR/tests/plugins_turn/.libs/slash.so
isolation = inprocess
[store]
backend = postgresql
url = postgresql://troupe@/bot?host=$place
away = 500ms
encrypt_key = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
INI
host_start
is $? 0 "the host starts on it"
fake_discord_wait connected 1
n=$(fake_discord_say general alice "before {token}")
until_true answered "$n"
ok $? "and answers"
ok "$([ ! -e "$spool" ]; echo $?)" "without a spool"

# ---- the server goes, and comes back ----------------------------------------------------------

paid=$(asked_model)
postgres_stop
until_true degraded True
ok $? "status says degraded when the server is away"
one=$(fake_discord_say general alice "one {token}")
until_true spooled 1
ok $? "what is asked then is kept"
two=$(fake_discord_say general alice "two {token}")
three=$(fake_discord_say general alice "three {token}")
other=$(fake_discord_say channel-1 bob "other {token}")
slash '{"name": "recite", "options": {"lines": 1}, "channel": "channel-2"}'
until_true spooled 5
ok $? "and what is asked after that"
is "$(stat -c %a "$spool")" 600 "for the host's eyes only"
ok "$(grep -qa "two tok" "$spool"; echo $((! $?)))" "and encrypted, as in the database"
is "$(interaction -1 late)" 0 "a command is acknowledged in time"
until_true told -1
ok $? "and its member is told what the matter is"
slash '{"name": "help", "channel": "channel-2"}'
until_true helped
ok $? "what needs no record is answered all the same"
like "$("$TROUPE" status -c "$TAP_DIR/troupe.ini")" "events: 5" "status tells how many wait"
edited=$(fake_discord_say channel-3 bob "first version {token}")
gone=$(fake_discord_say channel-4 bob "never mind {token}")
until_true spooled 7
message() { fake_discord_call "ledger?n=$1" | fake_discord_get 'd["message"]'; }
fake_discord_call revise "{\"message\": \"$(message "$edited")\", \"text\": \"{mention} second version\"}" >/dev/null
fake_discord_call remove "{\"message\": \"$(message "$gone")\"}" >/dev/null
sleep 0.2
is "$(answers "$one") $(answers "$other")" "0 0" "nothing is answered yet"
is "$(asked_model)" "$paid" "and nothing that costs was asked for"
cp "$spool" "$TAP_DIR/kept"
postgres_start
for n in "$one" "$two" "$three" "$other" "$edited"; do until_true answered "$n"; done
ok $? "all is answered when the server is back"
until_true recited 1
ok $? "the command, too, where it was told to wait"
is "$(order general | cut -d' ' -f2-)" "$one $two $three" "in the order in which it was asked"
like "$(fake_discord_call "ledger?n=$edited")" "second version" "a message as its author left it"
is "$(answers "$gone")" 0 "and none that was taken back"
until_true emptied
ok $? "nothing is left in the file, nor the file"
degraded False
ok $? "and status is well again"

# ---- the session ends meanwhile, and then the host --------------------------------------------

postgres_stop
until_true degraded True
early=$(fake_discord_say general bob "early {token}")
until_true spooled 1
before=$(sessions)
fake_discord_call gateway '{"do": "forget"}' >/dev/null
fake_discord_call gateway '{"do": "op9", "resumable": false}' >/dev/null
anew() { [ "$(sessions)" -gt "$before" ]; }
until_true anew
ok $? "a session that ends meanwhile is followed by another"
fake_discord_wait connected 1
late=$(fake_discord_say general bob "late {token}")
slash '{"name": "recite", "options": {"lines": 1}, "channel": "channel-2"}'
until_true spooled 3
ok $? "what comes with that is kept as well"
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
HOST_PID=
ok "$([ -s "$spool" ]; echo $?)" "a host that is killed leaves its file"
missed=$(fake_discord_say general alice "missed {token}")
"$TROUPE" run -c "$TAP_DIR/troupe.ini" >/dev/null 2>"$TAP_DIR/why" </dev/null
is $? 75 "one that starts while the server is away waits for its supervisor to try again"
ok "$([ -s "$spool" ]; echo $?)" "and leaves the file alone"
postgres_start
before=$(sessions)
host_start
is $? 0 "when the server is back it starts"
for n in "$early" "$late" "$missed"; do until_true answered "$n"; done
ok $? "and all is answered"
until_true recited 2
ok $? "the command, too"
is "$(sessions)" "$before" "it goes on with the session that had begun meanwhile"
until_true emptied
ok $? "nothing is left in the file, nor the file"
like "$(sql "SELECT count(*) FROM troupe.discord_identify")" "^2$" "each session is counted"

# ---- taken twice ------------------------------------------------------------------------------

# As after an end between the rows and the file's own end, or where another host has the rows.
host_stop
mv "$TAP_DIR/kept" "$spool"
host_start
until_true emptied
ok $? "what is in the database already is taken from a file"
fake_discord_wait answered 0 30000 500
is "$(fake_discord_report doubled)" 0 "and not answered again"
recited 2
ok $? "nor is a command"
is "$(answers "$gone")" 0 "nor what was taken back"

# ---- a key is missing, a file is full ---------------------------------------------------------

postgres_stop
until_true degraded True
last=$(fake_discord_say general bob "last {token}")
until_true spooled 1
kill -9 "$HOST_PID"
wait "$HOST_PID" 2>/dev/null
HOST_PID=
postgres_start
sed -i 's/^encrypt_key = .*/encrypt_key = f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f/' "$TAP_DIR/troupe.ini"
"$TROUPE" run -c "$TAP_DIR/troupe.ini" >/dev/null 2>"$TAP_DIR/why" </dev/null
is $? 78 "without its key the file is not taken up"
sed -i 's/^encrypt_key = .*/&\nencrypt_old_keys = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nspool_max = 200/' "$TAP_DIR/troupe.ini"
host_start
until_true answered "$last"
ok $? "with it among the old ones it is"
until_true emptied
postgres_stop
until_true degraded True
n=$(fake_discord_say general bob "too much for that {token}")
until_true answered "$n"
like "$(fake_discord_text "$n")" "storage does not work" "where there is no room, members are told as without a spool"
like "$(cat "$TAP_DIR/log")" "spool_max" "and the log says why"
postgres_start
until_true degraded False

# ---- the judge --------------------------------------------------------------------------------

fake_discord_wait answered 0 30000 300
is "$(fake_discord_report lost) $(fake_discord_report doubled)" "0 0" "nothing is lost and nothing doubled"
unlike "$(cat "$TAP_DIR/log")" "runtime error|AddressSanitizer" "the host is well"
host_stop
is $? 0 "the host ends with status 0"
tap_done
