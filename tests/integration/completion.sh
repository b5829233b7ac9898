#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bash completes what the program and a running host know.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"
. "$TROUPE_SRCDIR/etc/completion/troupe"

# complete_line WORD…: what the last word may become, on one line.
complete_line()
{
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _troupe
    printf '%s\n' "${COMPREPLY[*]}"
}

compopt() { :; } # only inside a real completion
INI="$TAP_DIR/troupe.ini"
write_config

like "$(complete -p troupe)" "_troupe" "the completion is registered"
is "$(complete_line "$TROUPE" rel)" "reload" "a subcommand is completed"
like "$(complete_line "$TROUPE" "")" "run.* chat.* version" "all of them are offered"
like "$(complete_line "$TROUPE" run --)" "--config.* --supervise" "a subcommand's own options are offered"
unlike "$(complete_line "$TROUPE" status --)" "--supervise" "and not those of another one"
is "$(complete_line "$TROUPE" log-level d)" "debug" "an argument is completed"
is "$(complete_line "$TROUPE" why "")" "last" "and so is why's"
is "$(complete_line "$TROUPE" plugin c)" "check" "and what plugin does"
touch "$TAP_DIR/some.ini"
is "$(complete_line "$TROUPE" plugin check "$TAP_DIR/so")" "$TAP_DIR/some.ini" "a plugin's file is completed"
is "$(complete_line "$TROUPE" plugin describe some.so m)" "man" "and the part of a description"
is "$(complete_line "$TROUPE" plugin n)" "new" "so is what is done with plugins"
is "$(complete_line "$TROUPE" plugin test "$TAP_DIR/so")" "$TAP_DIR/some.ini" "and the file that is tested"
mkdir "$TAP_DIR/project"
is "$(complete_line "$TROUPE" dev "$TAP_DIR/pro")" "$TAP_DIR/project" "and the folder that is watched"
is "$(complete_line "$TROUPE" check -c "$TAP_DIR/so")" "$TAP_DIR/some.ini" "a file is completed after -c"
is "$(complete_line "$TROUPE" call -c "$INI" "hel")" "" "without a host there are no functions"
host_start
is $? 0 "the host starts"
is "$(complete_line "$TROUPE" call -c "$INI" hel)" "hello.hello help" "functions of a running host are completed"
is "$(complete_line "$TROUPE" call -c "$INI" hello.hello w)" "wish=" "and their parameters"
is "$(complete_line "$TROUPE" call -c "$INI" hello w)" "wish=" "of a function's short name, too"
host_stop
is $? 0 "the host stops"
tap_done
