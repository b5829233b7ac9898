#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The author's loop with an installed package: `troupe plugin new` makes a project that builds and
# answers, `troupe plugin test` plays scripts against it and says what is otherwise.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/tests/lib/author.sh"

author_install || exit 1
mkdir "$TAP_DIR/tmp"
export TMPDIR=$TAP_DIR/tmp

# ---- new

out=$(troupe plugin new greet)
is $? 0 "plugin new makes a project"
like "$out" "^Next: cd greet && make && make test$" "and says what to do next"
is "$(cd greet && LC_ALL=C ls -A | tr '\n' ' ')" ".gitignore Makefile README.md greet.c greet.test " \
    "with source, makefile, script and README"
unlike "$(cat greet/* greet/.gitignore)" "@[A-Z]+@" "in which nothing is left to be filled in"
cp -r greet before
like "$(troupe plugin new greet 2>&1)" '"greet" is there already: choose another name' \
    "a folder that is there is refused with a remedy"
diff -r greet before >/dev/null
is $? 0 "and left as it is"
for name in Greet 9lives some-name a/b "" "$(printf 'a%.0s' {1..33})"; do
    troupe plugin new "$name" >/dev/null 2>"$TAP_DIR/said"
    is $? 64 "\"${name:0:12}\" is no name for a plugin"
    like "$(cat "$TAP_DIR/said")" "take a small letter first" "and what would be one is said"
done
like "$(troupe plugin new other --lang cobol 2>&1)" 'no template for the language "cobol": use --lang c or --lang c\+\+' \
    "a language without a template is refused"
like "$(troupe plugin new other --lang ../c 2>&1)" 'no template for the language' "and no way leads out"
[ ! -e other ]
ok $? "nothing is left behind by what was refused"
like "$(troupe plugin nwe x 2>&1)" 'did you mean "new"' "a wrong word is corrected"

troupe plugin new hail --lang c++ >/dev/null
make -C hail CXXFLAGS='-O2 -Wall -Wextra -Werror' >"$TAP_DIR/make.log" 2>&1
is $? 0 "a project in C++ builds without a warning" || sed 's/^/# /' "$TAP_DIR/make.log"
is "$(troupe plugin test -q hail; echo $?)" 0 "and its script holds"

# ---- test

out=$(PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR='' make -C greet 2>&1)
like "$out" "does not find troupe.pc: install Troupe, or set PKG_CONFIG_PATH" \
    "a build without the headers says what is missing"
make -C greet CFLAGS='-O2 -Wall -Wextra -Werror' >"$TAP_DIR/make.log" 2>&1
is $? 0 "the project builds without a warning" || sed 's/^/# /' "$TAP_DIR/make.log"
out=$(make -s -C greet test 2>&1)
is $? 0 "and its own script holds"
like "$out" "^ok ./greet.test, 8 steps$" "which is told"
is "$(troupe plugin test -q greet/greet.so; echo $?)" 0 "a built file can be tested, too, and quietly"
cat >greet/greet.test <<'EOT'
alice: /greet
bot: Hello, moon!
EOT
out=$(troupe plugin test greet 2>&1)
is $? 1 "another answer than the script's is a failure"
like "$out" "^greet/greet.test:2: the bot answers otherwise" "told with its line"
like "$out" "^  - Hello, moon!$" "what was expected"
like "$out" "^  \+ Hello, world!$" "and what was answered"
printf 'alice: /nothing\nbot: *\n' >greet/greet.test
out=$(troupe plugin test greet 2>&1)
like "$out" "^greet/greet.test:1: there is no command like this" "a command that is none is told at once"
like "$out" "TROUPE_SLASH in .functions, here nothing$" "with what makes one"
printf 'alice: /greet\n' >greet/greet.test
like "$(troupe plugin test greet 2>&1)" "^greet/greet.test:1: behind this the bot says more" \
    "an answer that the script leaves out is a failure"
printf 'alice: hello\nset: x = 1\n' >greet/greet.test
like "$(troupe plugin test greet 2>&1)" "^greet/greet.test:2: this belongs above the first step" \
    "a script that does not hold names its line"
printf 'set: no_such_key = 1\nalice: /greet\nbot: *\n' >greet/greet.test
out=$(troupe plugin test greet 2>&1)
like "$out" "no_such_key" "a configuration that is refused is shown"
like "$out" 'by a line "set: KEY = VALUE" of the script' "with where it is set"
printf 'model: how are you -> Fine.\nalice: hello all\nalice: @bot how are you?\nbot: Fine.\n' >greet/greet.test
is "$(troupe plugin test -q greet; echo $?)" 0 "members talk, and the model answers as the script says"
printf 'set: greeting = Salut\nalice: /greet\nbot: Salut*\nhost: restart\nbob: /greet\nbot: Salut*\nhost: reload\nbob: /greet\nbot: Sa*!\n' \
    >greet/greet.test
is "$(troupe plugin test -q greet; echo $?)" 0 "the host restarts and reloads in between"

cp greet/greet.c good.c
sed -i 's/return troupe_reply/return TROUPE_FAILED; return troupe_reply/' greet/greet.c
printf 'alice: /greet\nbot: *\nbob: /greet\nbot: *did not work*\n' >greet/greet.test
is "$(troupe plugin test -q greet 2>/dev/null; echo $?)" 0 "what a command shows while it runs is no answer"
cp good.c greet/greet.c
sed -i 's/    troupe_str greeting =/    if (whom.ptr[0] == 0x21)\n        *(volatile int *)16 = 1;\n&/' greet/greet.c
printf 'alice: /greet whom=!\nbot: Hello, !\n' >greet/greet.test
out=$(troupe plugin test greet 2>&1)
is $? 1 "a plugin that takes its host down fails"
like "$out" "^greet/greet.test:2: the host (was ended by SIG|ended with status)" \
    "which is told with the line that waits, and not as an answer that is missing"
unlike "$out" "does not answer" "and as nothing else"
cp good.c greet/greet.c

printf 'alice: /greet\nbot: Hello, world!\n' >greet/greet.test
is "$(troupe plugin test -q --sanitize greet; echo $?)" 0 "--sanitize finds nothing in a good plugin"
sed -i 's/    troupe_str greeting =/    char small[4];\n    for (uint64_t i = 0; i < whom.len; i++)\n        small[i] = whom.ptr[i];\n    troupe_log(troupe_turn_host(turn), TROUPE_LOG_DEBUG, "%.4s", small);\n&/' greet/greet.c
out=$(troupe plugin test --sanitize greet 2>&1)
is $? 1 "and a write behind an array in a bad one"
like "$out" "stack-buffer-overflow|fatal SIG(ILL|TRAP)" "which is shown"
is "$(find greet -name '*.so' -newer greet/greet.c)" "" "the author's own build is left alone"
is "$(find "$TMPDIR" -name 'troupe-play-*' | wc -l)" 0 "no temporary folder stays"

# ---- the examples have scripts, too

for name in dice poll translator digest; do
    cp -r "$TROUPE_SHARE/examples/$name" .
    out=$(troupe plugin test -q "$name" 2>&1)
    is $? 0 "the script of $name holds"
    [ -z "$out" ] || printf '%s\n' "$out" | sed 's/^/# /'
done
tap_done
