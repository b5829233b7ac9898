#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Today's headers against tests/abi/baseline.abi: members may be appended to structures that are walked by
# size or stride, and constants and structures may be added; anything else breaks plugins that are built.
# What abidiff finds is read line by line, and what is not known to be harmless is a finding: its own
# suppressions let a changed member pass beside an appended one.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

for tool in gcc abidw abidiff; do
    if ! command -v "$tool" >/dev/null; then
        skip "what plugins were built against only grew" "$tool is not here"
        finish
    fi
done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/troupe-test-XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# breaks HEADERS [BASELINE]: what they break of the baseline.
breaks() {
    if ! bash tests/abi/surface.sh "$1" "$scratch/now.abi" 2>&1; then
        echo "the headers cannot be read"
        return
    fi
    # 0: the same, 4: changed, 8: incompatible; 1 and 2 are failures of abidiff itself.
    abidiff --leaf-changes-only --harmless --no-added-syms --no-show-locs \
        "${2:-tests/abi/baseline.abi}" "$scratch/now.abi" >"$scratch/report" 2>&1
    [ $(($? & 3)) -eq 0 ] || { echo "abidiff failed:" && cat "$scratch/report" && return; }
    awk '
        /^$/ { next }
        /^Leaf changes summary: / || /^Changed leaf types summary: / { next }
        /^Removed\/Changed\/Added (functions|variables) summary: 0 Removed, 0 Changed, / { next }
        # A str, an array and a value stand inside other structures, a when in the memory of a caller.
        /^\047struct troupe_[a-z0-9_]+\047 changed:$/ && !/troupe_(str|array|value|when)\047/ { size = 0; next }
        /^  type size changed from [0-9]+ to [0-9]+ \(in bits\)$/ { size = $5; next }
        /^  [0-9]+ data member insertions?:$/ { next }
        /^    \047.*\047, at offset [0-9]+ \(in bits\)$/ && size && $(NF - 2) + 0 >= size + 0 { next }
        { print }' "$scratch/report"
}

verdict "what plugins were built against only grew" "$(breaks sdk/include)"

for draft in d1 d2 d3; do
    verdict "today's headers only add to those of $draft" \
        "$(bash tests/abi/surface.sh "tests/abi/$draft/include" "$scratch/$draft.abi" 2>&1
        breaks sdk/include "$scratch/$draft.abi")"
done

# The same headers with a change: changed FILE SED-SCRIPT.
changed() {
    rm -rf "$scratch/include"
    cp -r sdk/include "$scratch/include"
    sed -i -E "$2" "$scratch/include/troupe/$1"
    if cmp -s "sdk/include/troupe/$1" "$scratch/include/troupe/$1"; then
        echo "the change does not apply"
    else
        breaks "$scratch/include"
    fi
}

# Which proves that the comparison sees something.
allowed() { verdict "$1 is allowed" "$(changed "$2" "$3")"; }
refused() {
    local found
    found=$(changed "$2" "$3")
    if grep -qE -- "$4" <<<"$found"; then
        verdict "$1 is refused"
    else
        verdict "$1 is refused" "${found:-nothing was found}"
    fi
}
allowed "an appended member" plugin.h 's/^\} troupe_plugin;/    uint64_t more;\n&/'
allowed "an appended call" turn.h 's/^\} troupe_turn_table;/    troupe_status (*wish)(troupe_turn *turn);\n&/'
allowed "a new constant" status.h 's/^#define TROUPE_BUSY .*/&\n#define TROUPE_NEWER (-99)/'
refused "an inserted member" plugin.h 's/^    const char \*events;/    const char *inserted;\n&/' inserted
refused "a removed member" turn.h 's/^    uint64_t reply_to;.*//' reply_to
refused "a changed member beside an appended one" plugin.h \
    's/^    const char \*needs;/    uint64_t needs;/; s/^\} troupe_plugin;/    uint64_t more;\n&/' needs
refused "another argument of a call" turn.h \
    's/\(\*status\)\(troupe_turn \*turn\)/(*status)(troupe_turn *turn, int32_t x)/; s/(turn->api->status)\(turn\)/\1(turn, 0)/' \
    'troupe_turn_table::status'
refused "a grown structure that stands inside others" abi.h 's/^\} troupe_str;/    uint64_t more;\n&/' troupe_message
refused "a grown structure that the host fills in" schedule.h 's/^\} troupe_when;/    uint64_t more;\n&/' troupe_when
refused "another number of a status" status.h 's/(TROUPE_BUSY +)\(-8\)/\1(-88)/' TROUPE_BUSY_is_minus_8
refused "another revision under an extension's name" kv.h 's/"troupe.kv.1"/"troupe.kv\/2"/' TROUPE_KV_is_troupe_kv_1
finish
