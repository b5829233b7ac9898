# SPDX-License-Identifier: Apache-2.0
#
# The place of somebody who writes plugins: the installed package and nothing of the tree.
#
#   . "$TROUPE_SRCDIR/tests/lib/author.sh"     after tap.sh
#   author_install      the package into a root of its own; troupe and pkg-config find it there from
#                       now on, and TROUPE, TROUPE_LIBEXEC and TROUPE_SHARE name its parts
#   plugin_config NAME FILE [KEY = VALUE]...   write_config with that plugin as the agent NAME

author_install()
{
    local root="$TAP_DIR/root" found

    # Of a make that runs this test nothing is passed on to the make of the author.
    unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR TROUPE_MARK CFLAGS CPPFLAGS LDFLAGS
    make -s -C "$TROUPE_BUILDDIR" install DESTDIR="$root" >"$TAP_DIR/install.log" 2>&1 || {
        tail -n 20 "$TAP_DIR/install.log" | sed 's/^/# /'
        return 1
    }
    found=$(find "$root" -name troupe.pc) && [ -n "$found" ] || return 1
    export PKG_CONFIG_PATH="${found%/*}" PKG_CONFIG_SYSROOT_DIR="$root"
    TROUPE=$(find "$root" -path '*/bin/troupe')
    TROUPE_LIBEXEC=$(dirname "$(find "$root" -name troupe-runner)")
    TROUPE_SHARE=$(dirname "$(find "$root" -name prices.json)")
    PATH="${TROUPE%/*}:$PATH"
    [ -x "$TROUPE" ] && cd "$TAP_DIR"
}

plugin_config()
{
    local name=$1 file=$2
    shift 2
    {
        printf '[agent %s]\nplugin = %s\n' "$name" "$file" # in a process of its own
        printf '%s\n' "$@"
    } >>"$TAP_DIR/troupe.ini"
}

# child_of AGENT: the process of an isolated agent that is ready
child_of()
{
    "$TROUPE" plugins --json -c "$TAP_DIR/troupe.ini" | python3 -c 'import json, sys
print(*[p["pid"] for p in json.load(sys.stdin)
        if p["agent"] == sys.argv[1] and p["isolation"] == "process" and p["state"] == "ready"])' "$1"
}
is_another() { [ -n "$(child_of "$1")" ] && [ "$(child_of "$1")" != "$2" ]; }
# kill_child AGENT: by kill -9; the next one is ready
kill_child()
{
    local before
    before=$(child_of "$1")
    [ -n "$before" ] && kill -9 "$before" && until_true is_another "$1" "$before"
}
