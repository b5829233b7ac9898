#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What is written for operators and authors: each key that an agent declares stands in its README, and links lead
# somewhere, in the tree and where the docs are installed.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

cat >"$TAP_DIR/keys.py" <<'PY'
import json, re, sys
declared = json.load(sys.stdin)["config"].get("properties", {})
text = open(sys.argv[1]).read()
for key in declared:
    # Those of further providers and further keys are told once for all of them.
    key = re.sub(r"_alt_[2-7]$", "_alt", key)
    if not any(f"`{name}`" in text for name in (key, re.sub(r"_[2-4]\b|_[2-4](?=_)", "_N", key), re.sub(r"_[34]$", "_2", key))):
        print(key)
PY
cat >"$TAP_DIR/links.py" <<'PY'
import os, re, sys

def anchors(path):
    text = re.sub(r"^```.*?^```", "", open(path).read(), flags=re.S | re.M)
    found = set()
    for title in re.findall(r"^#+ +(.*)$", text, re.M):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower())
        found.add(name.replace(" ", "-"))
    return found

for path in sys.argv[1:]:
    text = re.sub(r"^```.*?^```", "", open(path).read(), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if not os.path.exists(there) or anchor and anchor not in anchors(there):
            print(f"{path}: {target}")
PY
# nothing TEXT NAME: passes where there is no finding.
nothing() { is "$1" "" "$2"; }

for readme in "$TROUPE_SRCDIR"/plugins/*/README.md; do
    name=$(basename "$(dirname "$readme")")
    nothing "$("$TROUPE" plugin describe --json "$TROUPE_BUILDDIR/plugins/$name/.libs/$name.so" |
        python3 "$TAP_DIR/keys.py" "$readme" 2>&1)" "the README of $name has each of its keys"
    test -f "$TROUPE_BUILDDIR/docs/installed/plugins/$name.md"
    ok $? "and is installed"
done
cd "$TROUPE_SRCDIR" || exit 1
nothing "$(python3 "$TAP_DIR/links.py" ./*.md docs/*.md plugins/*/README.md)" "links lead somewhere in the tree"
# api.md is made of the headers, and put there by its own rule.
cp -r "$TROUPE_BUILDDIR/docs/installed" "$TAP_DIR/installed"
touch "$TAP_DIR/installed/api.md"
cd "$TAP_DIR/installed" || exit 1
nothing "$(python3 "$TAP_DIR/links.py" ./*.md plugins/*.md)" "and where they are installed"
echo '[a](gone.md) [b](README.md#nowhere)' >bad.md
like "$(python3 "$TAP_DIR/links.py" bad.md | tr '\n' ' ')" "gone\.md.*#nowhere" "a link that leads nowhere is found"
tap_done
