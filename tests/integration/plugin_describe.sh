#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# troupe plugin describe derives a configuration that holds, a manual section and schemas from what a
# plugin declares. What it says stands in golden/described.*; GOLDEN=write writes them anew.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

plugin="$TROUPE_BUILDDIR/tests/plugins/.libs/described.so"
golden="$TROUPE_SRCDIR/tests/integration/golden"

# same FILE "promise": standard input, with the plugin's place taken out, is the golden file.
same()
{
    local got
    got=$(sed "s|$(realpath "$plugin")|PLUGIN|g")
    [ "${GOLDEN:-}" != write ] || printf '%s\n' "$got" >"$golden/$1"
    is "$got" "$(cat "$golden/$1")" "$2"
}

"$TROUPE" plugin describe "$plugin" ini >"$TAP_DIR/described.ini"
is $? 0 "a plugin is described"
same described.ini "the sample tells every key with what it takes" <"$TAP_DIR/described.ini"
"$TROUPE" plugin describe "$plugin" man >"$TAP_DIR/described.man"
same described.man "the manual section tells keys and functions" <"$TAP_DIR/described.man"
"$TROUPE" plugin describe --json "$plugin" >"$TAP_DIR/described.json"
same described.json "the schemas say the same to programs" <"$TAP_DIR/described.json"
is "$("$TROUPE" plugin describe "$plugin")" \
    "$(cat "$TAP_DIR/described.ini"; echo; "$TROUPE" plugin describe "$plugin" man)" "without a part both are printed"

out=$(DESCRIBED_API_KEY=x "$TROUPE" check -c "$TAP_DIR/described.ini" 2>&1)
is "$? $out" "0 $TAP_DIR/described.ini: configuration is good" "the sample holds as it stands"
sed 's/^;\([a-z]\)/\1/' "$TAP_DIR/described.ini" >"$TAP_DIR/all.ini"
out=$(DESCRIBED_API_KEY=x "$TROUPE" check -c "$TAP_DIR/all.ini" 2>&1)
is "$? $out" "0 $TAP_DIR/all.ini: configuration is good" "and so it does with every key taken in"
for file in "$TROUPE_BUILDDIR"/plugins/{hello,reminder,memory,conversation,llm}/.libs/*.so; do
    name=$(basename "$file" .so)
    "$TROUPE" plugin describe "$file" ini >"$TAP_DIR/$name.ini"
    out=$("$TROUPE" check -c "$TAP_DIR/$name.ini" 2>&1)
    like "$out" "$name.ini: configuration is good" "the sample of $name holds"
    if command -v man >/dev/null; then
        { echo ".TH $name 7"; "$TROUPE" plugin describe "$file" man; } >"$TAP_DIR/$name.7"
        is "$(man --warnings -l "$TAP_DIR/$name.7" 2>&1 >/dev/null)" "" \
            "the manual section of $name is read without a complaint"
    fi
done

tally="$TROUPE_BUILDDIR/tests/plugins_turn/.libs/tally.so" counter="$TROUPE_BUILDDIR/tests/plugins/.libs/counter1.so"
for part in ini man; do
    like "$("$TROUPE" plugin describe "$tally" $part)" "A reload hands its state over, exclusively: calls wait" \
        "$part tells of state that is handed over exclusively"
    like "$("$TROUPE" plugin describe "$counter" $part)" "A reload hands its state over\." "and of state that is not"
done
is "$("$TROUPE" plugin describe --json "$tally" | python3 -c 'import json, sys; print(json.load(sys.stdin)["plugin"]["state"])')" \
    "{'version': 1, 'oldest': 1, 'exclusive': True}" "programs are told the same"
out=$("$TROUPE" plugin describe "$TROUPE_BUILDDIR/tests/plugins/.libs/bad.so" 2>&1)
is $? 65 "a declaration that does not hold is not described"
like "$out" "^troupe: plugin \"org.example.bad\"" "and said so"
out=$("$TROUPE" plugin describe "$TAP_DIR/none.so" 2>&1)
is $? 66 "nor is a file that is not there"
out=$("$TROUPE" plugin describe "$plugin" html 2>&1)
is "$? $out" '64 troupe: "html" is no part of a description; say ini or man' "a part that there is not is named"
out=$("$TROUPE" plugin check "$plugin" man 2>&1)
is "$? $out" '64 troupe: "man" is too much: see troupe help plugin' "what a word does not take is refused"
tap_done
