#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `troupe dev` as an author meets it, with an installed package: what is saved is built, checked and
# swapped in; what does not hold is told, and the old build goes on.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/author.sh"

author_install || exit 1
mkdir "$TAP_DIR/tmp"
export TMPDIR=$TAP_DIR/tmp

DEV_PID=
OUT=$TAP_DIR/dev.out
# dev_start ARGUMENT…
dev_start()
{
    : >"$OUT"
    MARK=1
    troupe dev "$@" >"$OUT" 2>&1 </dev/null &
    DEV_PID=$!
}
# What it has said since the last mark.
MARK=1
said() { tail -c "+$MARK" "$OUT"; }
mark() { MARK=$(($(stat -c %s "$OUT") + 1)); }
says() { said | grep -qE -- "$1"; }
# waits_for PATTERN PROMISE
waits_for()
{
    until_true says "$1"
    ok $? "$2"
    says "$1" || said | sed 's/^/# /'
}
dev_stop()
{
    local status
    kill -"$1" "$DEV_PID"
    wait "$DEV_PID"
    status=$?
    DEV_PID=
    return $status
}
trap '[ -z "$DEV_PID" ] || kill -9 "$DEV_PID" 2>/dev/null; tap_cleanup' EXIT
socket() { sed -n 's/^dev: watching .* --socket //p' "$OUT"; }
call() { troupe call "$@" --socket "$(socket)" 2>&1; }
host_pid() { troupe status --json --socket "$(socket)" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'; }

# ---- what it does not take

like "$(troupe dev nowhere 2>&1; echo $?)" '"nowhere" cannot be found' "a folder that is not there is refused"
mkdir empty
like "$(troupe dev empty 2>&1)" 'has no Makefile: begin a plugin by troupe plugin new' \
    "so is one without a makefile, with the remedy"

# ---- the first build

troupe plugin new greet >/dev/null
dev_start greet
waits_for '^dev: org.example.greet 0.1.0 serves, build 1 ' "the plugin is built and serves"
like "$(said)" '^  \+ /greet .*\(slash\): Greets you$' "what it offers is shown"
like "$(said)" '^  \+ key greeting: ' "with its keys"
is "$(call greet)" "Hello, world!" "and members would get this answer"
pid=$(host_pid)

# ---- a save

mark
sed -i 's/\.def = "Hello"/.def = "Salut"/; s/"0\.1\.0"/"0.2.0"/' greet/greet.c
waits_for '^dev: org.example.greet 0.2.0 is swapped in, build 2 ' "a save is built and swapped in"
is "$(call greet)" "Salut, world!" "and answers"
like "$(said)" '^  ~ key greeting$' "the key that changed is named"
like "$(said)" '^  ~ version 0.2.0, before 0.1.0$' "and the version"
is "$(host_pid)" "$pid" "in the same process"

# ---- mistakes

mark
cp greet/greet.c good.c
echo 'int broken(' >>greet/greet.c
waits_for '^dev: the build failed, see above; build 2 serves on$' "a syntax error is told"
like "$(said)" 'greet\.c:[0-9]+:[0-9]+: error: ' "in the compiler's own words, with file and line"
is "$(call greet)" "Salut, world!" "and the old build goes on"
mark
sed 's/return troupe_reply/return troupe_repl/' good.c >greet/greet.c
waits_for 'troupe_repl' "a name that is none is told"
waits_for '^dev: .*; build 2 serves on$' "and is not swapped in"
mark
sed 's/^TROUPE_PLUGIN/int counted;\n&/' good.c >greet/greet.c
waits_for '^  (mutable|export): "counted" .*; ' "a rule that is broken is told with its remedy"
waits_for '^dev: the build breaks (a rule|rules); build 2 serves on$' "and the build is not swapped in"
mark
sed 's/^TROUPE_PLUGIN/static troupe_status create(troupe_host *host, void **state)\n{\n    (void)state;\n    troupe_log(host, TROUPE_LOG_ERROR, "not today");\n    return TROUPE_FAILED;\n}\n&/; s/\.functions/.create = create, .functions/' \
    good.c >greet/greet.c
waits_for 'cannot start: not today' "a create that fails is told in its own words"
waits_for '^dev: the host refused the build; build 2 serves on$' "and the old build goes on"
is "$(call greet)" "Salut, world!" "with its answers"

# ---- another function, and what is left behind

mark
sed 's/^TROUPE_PLUGIN/TROUPE_FUNCTION(leave, "Takes leave", TROUPE_SLASH | TROUPE_TOOL)\nstatic troupe_status leave(troupe_turn *turn)\n{\n    char *taken = troupe_alloc(troupe_turn_host(turn), 77);\n    taken[0] = 0;\n    return troupe_reply(turn, "Bye%s", taken);\n}\n\n&/; s/TROUPE_LIST(greet)/TROUPE_LIST(greet, leave)/' \
    good.c >greet/greet.c
waits_for '^dev: org.example.greet 0.2.0 is swapped in, build [0-9]+ ' "a mended build is swapped in"
like "$(said)" '^  \+ /leave \(slash tool\): Takes leave$' "a function that was added is shown"
is "$(call leave)$(call leave)" "ByeBye" "and can be called"
mark
cp good.c greet/greet.c
waits_for '^  - /leave$' "one that was taken away, too"
waits_for '^greet: warn: left 2 blocks of 154 bytes behind' "what the old build left behind is told"
if command -v addr2line >/dev/null; then
    waits_for '^greet: warn: of these 2 of 154 bytes from (leave\+0x[0-9a-f]+, )?greet\.c:[0-9]+$' \
        "with the line that asked for it"
else
    waits_for '^greet: warn: of these 2 of 154 bytes from (leave\+)?0x' "with the place that asked for it"
fi

# ---- what is no change, and what lies deeper

mark
touch greet/notes.o greet/.greet.c.swp greet/greet.c~
mkdir greet/parts
printf '#define WORD "Servus"\n' >greet/parts/word.h
sed 's/\.def = "Salut"/.def = WORD/; s/#include <troupe.*/&\n#include "parts\/word.h"/' good.c >greet/greet.c
waits_for '^dev: org.example.greet 0.2.0 is swapped in' "files of folders below belong to it"
sed -i 's/^greet.so: .*/& parts\/word.h/' greet/Makefile
mark
printf '#define WORD "Moin"\n' >greet/parts/word.h
waits_for '^dev: org.example.greet 0.2.0 is swapped in' "and are watched, also where they are new"
is "$(call greet)" "Moin, world!" "and serve"

# ---- a plugin that takes its process down

mark
sed 's/    troupe_str greeting =/    if (whom.ptr[0] == 0x21)\n        *(volatile int *)16 = 1;\n&/' good.c >greet/greet.c
waits_for '^dev: org.example.greet 0.2.0 is swapped in' "a build with a wild write looks good"
mark
call greet whom='!' >/dev/null
waits_for '^greet: error: its process ended \(signal SEGV\)' "its process dies of it, which is told"
is "$(call greet)" "Salut, world!" "and the next one serves"
mark
cp good.c greet/greet.c
waits_for '^dev: org.example.greet 0.2.0 is swapped in' "a good build is swapped in"
is "$(call greet)" "Salut, world!" "and serves"

# ---- the end

pid=$(host_pid)
mark
dev_stop INT
is $? 0 "Ctrl-C ends it well"
kill -0 "$pid" 2>/dev/null
is $? 1 "its host is gone"
is "$(find "$TMPDIR" -mindepth 1 | wc -l)" 0 "and nothing stays behind it"

# ---- a key that somebody has to set

sed 's/{"greeting"/{"city", "Where", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_REQUIRED}, &/' good.c >greet/greet.c
dev_start greet
waits_for '^host: .*key "city" in \[agent greet\]: is required' "a key without a value is told"
waits_for '^dev: values of its section are given by --set "agent greet.KEY=VALUE"' "and how it gets one"
dev_stop INT
dev_start greet --set 'agent greet.city=Ulm'
waits_for '^dev: org.example.greet 0.2.0 serves, build 1 ' "with one it serves"
dev_stop INT
is $? 0 "and ends well"
cp good.c greet/greet.c

# ---- a stage and an observer are put into the pipeline, and -c takes a configuration

cp -r "$TROUPE_SHARE/examples/dice" .
write_config
dev_start dice -c "$TAP_DIR/troupe.ini" --set 'limits.messages=5'
waits_for '^dev: org.example.dice 1.0.0 serves' "it serves in a configuration of the author's own"
like "$(call dice.roll sides=1000 count=2)" '^you rolled [0-9]+$' "and answers"
like "$(call hello)" '.' "beside the agents that stand there"
[ ! -e "$TAP_DIR/data" ]
ok $? "whose data are left alone"
dev_stop TERM
is $? 0 "SIGTERM ends it well, too"

# ---- in a terminal

cp good.c greet/greet.c
printf 'serves, build 1 \t/greet\nSalut, world!\t/help greet\nis swapped in, build 2 \t/greet\nAhoy, world!\t^D\n' >talk
# As soon as the first answer is there, a save.
answered() { "$TROUPE" status --json --socket "$TMPDIR"/troupe-dev-*/control.sock | grep -q '"answered": [1-9]'; }
(until_true answered && sed -i 's/\.def = "Salut"/.def = "Ahoy"/' greet/greet.c) &
out=$(cd greet && python3 "$TROUPE_SRCDIR/tests/lib/terminal.py" "$TAP_DIR/talk" "$TROUPE" dev)
status=$?
is $status 0 "in a terminal it is a chat, and ends by Ctrl-D"
[ $status = 0 ] || printf '%s\n' "$out" | sed 's/^/# /'
wait $!
like "$out" "Salut, world!" "in which commands are answered"
like "$out" "~ key greeting" "and what a save changed is told"
printf 'serves, build 1 \t^C\nCtrl-C again\t^C\n' >talk
(cd greet && python3 "$TROUPE_SRCDIR/tests/lib/terminal.py" "$TAP_DIR/talk" "$TROUPE" dev >/dev/null)
is $? 0 "or by Ctrl-C"
is "$(find "$TMPDIR" -mindepth 1 | wc -l)" 0 "and nothing stays behind it"
tap_done
