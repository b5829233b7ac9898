#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proof of the two commands in a Debian 12 that has nothing installed: makes a minimal root with
# debootstrap, puts the committed tree there and runs ./quickstart with piped lines and
# ./quickstart check inside. Needs root and debootstrap; run by hand, no part of the suite.
#
#     tests/clean-root.sh [chat|check|both|first] [REVISION]
#
# "first" is the first ten minutes of somebody with a new bot: ./quickstart, and then
# tests/first-ten-minutes.sh on what it built, with the seconds of each step.
#
# The package sources, keys and settings of this machine are copied into the root, so it installs
# from where this machine does. The bare root is kept as a tarball in /var/tmp for the next run;
# KEEP=yes leaves the used root in place, to look around.
set -u -o pipefail

what=${1:-both}
revision=${2:-HEAD}
tarball=${CACHE:-/var/tmp}/troupe-clean-root-bookworm.tar
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1

die() {
    printf 'clean-root: %s\n' "$*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || die 'needs root'
case $what in chat | check | both | first) ;; *) die "unknown part \"$what\": use chat, check, both or first" ;; esac
command -v debootstrap >/dev/null || die 'debootstrap is missing: apt-get install debootstrap'
git -C "$top" rev-parse --verify --quiet "$revision^{commit}" >/dev/null || die "no revision \"$revision\" here"

work=$(mktemp -d /var/tmp/troupe-clean-root.XXXXXX) || exit 1
root=$work/root

leave() {
    local mounted
    for mounted in dev/pts dev/shm dev proc sys; do
        ! mountpoint -q "$root/$mounted" || umount "$root/$mounted"
    done
    if mountpoint -q "$root/proc" || mountpoint -q "$root/dev"; then
        printf 'clean-root: "%s" is still mounted; not removed\n' "$root" >&2
    elif [ "${KEEP:-}" = yes ]; then
        printf 'clean-root: the root is kept in %s\n' "$root" >&2
    else
        rm -rf --one-file-system "$work"
    fi
}
trap leave EXIT

# The first URI that this machine's sources give for bookworm itself.
mirror() {
    local file
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        awk '/^URIs:/ { uri = $2 } /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == "bookworm") found = 1 }
             found && uri { print uri; exit }' "$file"
    done
    sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) bookworm .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null
}

if [ ! -f "$tarball" ]; then
    source=$(mirror | head -n 1)
    [ -n "$source" ] || die "this machine's package sources name no bookworm"
    echo 'clean-root: making the bare root (once)'
    debootstrap --variant=minbase bookworm "$root" "$source" >"$work/debootstrap.log" 2>&1 || {
        tail -n 20 "$work/debootstrap.log" >&2
        die 'debootstrap failed'
    }
    rm -f "$root"/var/cache/apt/archives/*.deb
    tar -C "$root" -cf "$tarball.new" . && mv "$tarball.new" "$tarball" || die "cannot write \"$tarball\""
else
    mkdir -p "$root"
    tar -C "$root" -xf "$tarball" || die "cannot unpack \"$tarball\""
fi

# Sources, keys and client settings as here; other suites' files may name keys that are elsewhere.
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
for path in sources.list sources.list.d apt.conf apt.conf.d auth.conf auth.conf.d trusted.gpg trusted.gpg.d keyrings preferences.d; do
    [ ! -e "/etc/apt/$path" ] || cp -a "/etc/apt/$path" "$root/etc/apt/"
done
mkdir -p "$root/usr/share/keyrings"
cp -an /usr/share/keyrings/. "$root/usr/share/keyrings/"
grep -lvE 'bookworm|^#|^$' "$root"/etc/apt/sources.list.d/*.list 2>/dev/null | xargs -r rm -f
for path in resolv.conf hosts; do cp -L "/etc/$path" "$root/etc/$path" 2>/dev/null; done
# A private authority that this machine trusts is trusted there too, before ca-certificates exists.
if [ -d /usr/local/share/ca-certificates ]; then
    mkdir -p "$root/usr/local/share"
    cp -a /usr/local/share/ca-certificates "$root/usr/local/share/"
fi

mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" || die 'cannot mount /proc and /dev'
mount --bind /dev/pts "$root/dev/pts" 2>/dev/null
[ -d /dev/shm ] && mount --bind /dev/shm "$root/dev/shm" 2>/dev/null

mkdir -p "$root/src/troupe"
git -C "$top" archive "$revision" | tar -C "$root/src/troupe" -xf - || die "cannot lay out \"$revision\""

# Proxy settings are passed on; nothing else of this machine's environment is.
settings=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || settings+=("$name=${!name}")
done
inside() { chroot "$root" env -i "${settings[@]}" bash -c 'cd /src/troupe && exec "$@"' inside "$@"; }

failed=0
verdict() {
    printf '%s: %s (%d s)\n' "$1" "$2" "$((SECONDS - begun))"
    [ "$1" = PASS ] || failed=1
}

if [ "$what" = first ]; then
    begun=$SECONDS
    inside ./quickstart </dev/null >"$work/build.out" 2>&1
    printf '# %-28s %6d s\n' 'quickstart, to the first line' "$((SECONDS - begun))"
    inside apt-get install -y --no-install-recommends curl python3 >>"$work/build.out" 2>&1 || {
        tail -n 20 "$work/build.out" >&2
        die 'what drives the test cannot be installed'
    }
    begun=$SECONDS
    if inside env TROUPE_BUILDDIR=/src/troupe/build/release \
        INSTALLED=/src/troupe/build/release/root/bin/troupe tests/first-ten-minutes.sh >"$work/first.out" 2>&1 &&
        ! grep -q '^not ok' "$work/first.out" && grep -q '^1\.\.' "$work/first.out"; then
        cat "$work/first.out"
        verdict PASS 'the first ten minutes'
    else
        cat "$work/first.out"
        verdict FAIL 'the first ten minutes'
    fi
    exit "$failed"
fi
if [ "$what" != check ]; then
    begun=$SECONDS
    printf 'hello\n/help\n/why\n' | inside ./quickstart >"$work/chat.out" 2>"$work/chat.err"
    status=$?
    cat "$work/chat.err" "$work/chat.out"
    if [ "$status" -eq 0 ] && [ -s "$work/chat.out" ] && grep -q '/help' "$work/chat.out"; then
        verdict PASS './quickstart answers piped lines and ends with status 0'
    else
        verdict FAIL "./quickstart with piped lines: status $status"
    fi
fi
if [ "$what" != chat ]; then
    begun=$SECONDS
    inside ./quickstart check </dev/null 2>&1 | tee "$work/check.out"
    status=$?
    if [ "$status" -eq 0 ] && tail -n 1 "$work/check.out" | grep -qE '^[1-9][0-9]* passed, 0 failed'; then
        verdict PASS './quickstart check'
    else
        verdict FAIL "./quickstart check: status $status"
    fi
fi
exit "$failed"
