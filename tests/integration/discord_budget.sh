#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Marks of the bot's caps in the owner's channel: those that a running host passes, and those that the next start
# passes by booking what a crash left.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/fake.sh"
. "$TROUPE_SRCDIR/tests/lib/fake_discord.sh"

OWNERS=300000000000000002
echo '{ "rules": [ { "endpoint": "images", "match": { "model": "painter" }, "fault": "hang_before_headers" } ] }' >"$TAP_DIR/script.json"
fake_start --model fake --model painter --script "$TAP_DIR/script.json" || exit 1
fake_discord_start --channels 3 || exit 1
write_discord_config <<INI
report_channel = $OWNERS
[budget]
daily = 1
monthly = 1.5
[agent imagine]
pictures = 2
INI
sed -i "s|^model = fake|&\nimage_model = painter\nimage_price = 0.9\nlocal = no|" "$TAP_DIR/troupe.ini"

contents() { fake_discord_call "messages?channel=$OWNERS" | fake_discord_get '[m["content"] for m in d if m["bot"]]'; }
shown() { contents | grep -qF "$1"; }
readies() { [ "$(grep -c "discord: ready as" "$TAP_DIR/log")" -ge "$1" ]; }
asked() { curl -sf --noproxy '*' "$FAKE_URL/_log" | grep -q painter; }

host_start
is $? 0 "the host starts"
"$TROUPE" call imagine prompt="a point" -c "$TAP_DIR/troupe.ini" >/dev/null 2>&1 &
call=$!
until_true asked
is $? 0 "a picture is on its way"
kill -9 "$HOST_PID"
wait "$HOST_PID" "$call" 2>/dev/null
is "$(contents)" "[]" "nothing is spent yet, and nothing told"
host_start
is $? 0 "the host starts after kill -9"
until_true shown "0.9000 of 1.00 USD are spent today: 80 % of the cap of the bot."
ok $? "the owner's channel hears of the mark that the booking at the start passed"
until_true shown "0.9000 of 1.50 USD are spent this month: 50 % of the cap of the bot."
ok $? "and of that of the month"
grep -q "of 1.00 USD are spent today, 80 % of the cap of the bot" "$TAP_DIR/log"
ok $? "the log has them, too"
host_stop
host_start
until_true readies 3
host_stop
is "$(contents | grep -o 'USD are spent' | wc -l)" 2 "each is told once"
fake_stop
tap_done
