#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# ./quickstart in a tree of its own where packages, make and the program are stand-ins: what it asks
# the package manager for, what it says when it cannot, and that stdin, arguments and status reach
# the chat. The real thing is proven by tests/clean-root.sh.
. "${TROUPE_SRCDIR:-.}/tests/lint/common.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
bin=$work/bin
mkdir -p "$tree" "$bin"
cp quickstart "$tree/"

# A stand-in on the path.
stub() {
    printf '#!/bin/bash\n%s\n' "$2" >"$bin/$1"
    chmod +x "$bin/$1"
}
touch "$tree/configure.ac" "$tree/Makefile.in"
cat >"$tree/autogen.sh" <<'SH'
#!/bin/bash
printf '#!/bin/bash\ncat >/dev/null; touch config.status\n' >configure
chmod +x configure
SH
chmod +x "$tree/autogen.sh"
# make eats its stdin if it is given one, and builds a program that shows what reaches it.
stub make 'cat >/dev/null
root=build/release/root/bin
mkdir -p $root
cat >$root/troupe <<SH
#!/bin/bash
echo "arguments: \$*"
cat
exit 7
SH
chmod +x $root/troupe'
stub apt-get 'cat >/dev/null; echo "$DEBIAN_FRONTEND $*" >>"$WORK/apt.log"; touch "$WORK/installed"'
stub sudo 'echo "sudo $*" >>"$WORK/sudo.log"; exec "$@"'
stub id 'echo "${STUB_UID:-0}"'
# Everything is installed but what MISSING names, until apt-get ran.
stub dpkg-query 'for package in '"$(sed -n '/^build_needs/,/^ROWS/s/^\(tool\|lib\|file\) [^ ]* *//p' quickstart | tr '\n' ' ')"'; do
    case " $MISSING " in *" $package "*) [ -e "$WORK/installed" ] || continue ;; esac
    echo "installed $package"
done'
# Nor is what is missing found any other way.
stub pkg-config 'exit 1'

# run [VARIABLE=VALUE…] -- ARGUMENT…: leaves $status, out and err.
run() {
    local variables=()
    while [ "$1" != -- ]; do variables+=("$1") && shift; done
    shift
    rm -f "$work"/installed "$work"/*.log
    printf 'one\ntwo\n' | env PATH="$bin:$PATH" WORK="$work" MISSING= XDG_DATA_HOME= "${variables[@]}" \
        "$tree/quickstart" "$@" >"$work/out" 2>"$work/err"
    status=$?
}

# expect NAME CONDITION…: the condition holds, else what was seen is shown.
expect() {
    local name=$1
    shift
    if "$@"; then verdict "$name"; else verdict "$name" "status $status; $(cat "$work/out" "$work/err" "$work"/*.log 2>/dev/null)"; fi
}
same() { [ "$1" = "$2" ]; }
has() { grep -qF -- "$2" "$work/$1" 2>/dev/null; }

run HOME="$work" XDG_DATA_HOME=/data -- x
expect "the data goes to the user's own folder" has out 'chat --set troupe.data=/data/troupe x'

run -- --use-env-key 'two words'
expect 'stdin and arguments reach the chat untouched' \
    same "$(cat "$work/out")" $'arguments: chat --use-env-key two words\none\ntwo'
expect "the chat's status is its own" same "$status" 7
expect 'nothing is installed where nothing is missing' test ! -e "$work/apt.log"

run MISSING='libuv1-dev libedit-dev' -- x
expect 'only what is missing is installed, without questions' same "$(tail -n 1 "$work/apt.log")" \
    'noninteractive -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends libedit-dev libuv1-dev'
expect 'installing leaves stdin to the chat' same "$(cat "$work/out")" $'arguments: chat x\none\ntwo'

run MISSING=libuv1-dev STUB_UID=1000 --
expect 'without being root it installs through sudo' has sudo.log 'apt-get -qq'

mv "$bin/sudo" "$work/sudo.away"
mkdir "$work/few"
for tool in bash dirname env mktemp tail rm sed grep sort paste tr cat mkdir touch nproc uname; do
    ln -s "$(command -v "$tool")" "$work/few/$tool"
done
rm -f "$work"/installed "$work"/*.log
printf '' | env PATH="$bin:$work/few" WORK="$work" MISSING=libuv1-dev STUB_UID=1000 \
    "$work/few/bash" "$tree/quickstart" >"$work/out" 2>"$work/err"
status=$?
expect 'without root and sudo it says what to do' has err "run 'apt-get install libuv1-dev' as root"
expect 'and ends with EX_UNAVAILABLE' same "$status" 69

rm "$bin/apt-get" "$bin/dpkg-query"
printf '' | env PATH="$bin:$work/few" WORK="$work" "$work/few/bash" "$tree/quickstart" >"$work/out" 2>"$work/err"
status=$?
expect 'where there is no apt it names the packages' has err "libuv1-dev"
expect 'and ends with EX_UNAVAILABLE, too' same "$status" 69

# ---- what `quickstart check` shows of a test that failed

mkdir -p "$work/failed/build"
printf ':test-result: FAIL long.sh 1 - hosts\n' >"$work/failed/build/long.trs"
{
    echo '{"level": "info", "text": "all is well"}'
    printf '# violation: host 2 answered twice: its log: {"level": "info"} %02000d\n' 0
    for ((line = 0; line < 50; line++)); do echo "ok $line - it goes on"; done
} >"$work/failed/build/long.log"
(
    top=$tree
    . tests/check.sh
    cd "$work/failed" && show_failures
) >"$work/out" 2>"$work/err"
expect 'a violation is shown that ends with what a host logged' has out '# violation: host 2 answered twice'
expect 'its first 1,500 characters' same "$(awk '/violation:/ { print length($0) }' "$work/out")" 1500
expect 'not what a host logs while all is well' same "$(grep -c 'all is well' "$work/out")" 0
finish
