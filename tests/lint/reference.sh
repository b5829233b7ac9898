#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every public name of the headers says what it is for; of functions also where they may be called, whether
# they are recorded and how they fail; each header has an example. The pages that are made of them name
# each function and are well-formed.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

if ! command -v python3 >/dev/null; then
    skip "the headers are documented" "python3 is not here"
    finish
fi
reference="python3 $PWD/sdk/reference/reference.py"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

$reference --check sdk/include/troupe/*.h >"$work/found"
case $? in
0) verdict "the headers are documented: $(cat "$work/found")" ;;
1) verdict "the headers are documented" "$(cat "$work/found")" ;;
*) verdict "the headers are documented" "the check itself failed" ;;
esac

# What is left out is seen: a good header, and one for each part that it may lack.
cat >"$work/good.h" <<'END'
/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/good.h - a header.
 *
 *     troupe_good(turn, 1);
 */
#ifndef TROUPE_GOOD_H
#define TROUPE_GOOD_H

/* What it is. */
#define TROUPE_GOOD "troupe.good/1"

/* Does good. TROUPE_LIMIT above ten. Stored. [turn, waits] */
static inline troupe_status troupe_good(troupe_turn *turn, int64_t times)
{
    return turn->api->good(turn, times);
}

#endif
END
verdict "a header that says all is accepted" \
    "$($reference --check "$work/good.h" >"$work/found" || cat "$work/found")"
# lacks SED PATTERN: without what SED takes away, PATTERN is told.
lacks() {
    sed "$1" "$work/good.h" >"$work/bad.h"
    $reference --check "$work/bad.h" >"$work/found"
    [ $? = 1 ] && grep -q -- "$2" "$work/found" || { echo "not told: $2, but:"; cat "$work/found"; }
}
verdict "a missing example is found" "$(lacks '/^ \*     /d' 'has no example')"
verdict "a name without a purpose is found" "$(lacks '/What it is/d' 'TROUPE_GOOD lacks a purpose')"
verdict "a function without one, too" "$(lacks '/Does good/d' 'troupe_good lacks a purpose')"
verdict "a missing place is found" "$(lacks 's/ \[turn, waits\]//' 'lacks where it may be called')"
verdict "a missing word about the record is found" "$(lacks 's/ Stored\.//' 'lacks whether it is recorded')"
verdict "missing errors are found" "$(lacks 's/ TROUPE_LIMIT above ten\.//' 'lacks how it fails')"

$reference "$work/api" sdk/include/troupe/*.h
verdict "each function has a page" \
    "$(sed -n 's/^.*\b\(troupe_[a-z_]*\)(troupe_turn \*turn.*$/\1/p' sdk/include/troupe/turn.h sdk/include/troupe/kv.h |
        sort -u | while read -r name; do [ -f "$work/api/$name.3" ] || echo "$name"; done)"
verdict "the markdown has all headers" \
    "$(for file in sdk/include/troupe/*.h; do
        grep -q "^## troupe/$(basename "$file")\$" "$work/api/reference.md" || echo "$file"
    done)"
if command -v man >/dev/null; then
    verdict "the pages are well-formed" \
        "$(for page in "$work"/api/troupe_{turn,kv,plugin,abi,schedule}.3; do
            LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=90 man --warnings=w -E UTF-8 -l "$page" 2>&1 >/dev/null | head -n 5
        done)"
else
    skip "the pages are well-formed" "man is not here"
fi
finish
