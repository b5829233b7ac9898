#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# troupe plugin check finds each planted fault, that one only, and says how to mend it; the healthy
# plugins of the tree come out clean.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

faults="$TROUPE_BUILDDIR/tests/plugins/faults/.libs"

# fault FILE RULES SUBJECT "promise": RULES are all that are broken, sorted; the first one is broken
# by SUBJECT (an extended regular expression), and its line ends in a remedy.
fault()
{
    local file=$1 rules=$2 subject=$3 promise=$4 text json status

    text=$("$TROUPE" plugin check "$file" 2>&1)
    status=$?
    json=$("$TROUPE" plugin check --json "$file")
    is "$status $(sed -n 's/^ *"rule": "\(.*\)",*$/\1/p' <<<"$json" | sort -u | paste -sd' ')" "1 $rules" "$promise"
    like "$text" "^${rules%% *}: \"$subject\" .+; .+" "$promise: what and how to mend it"
}

while IFS='|' read -r name rules subject promise; do
    [ -z "$name" ] || fault "$faults/$name.so" "$rules" "$subject" "$promise"
done <<'END'
helper|export|helper|an exported helper is found
no_entry|entry|troupe_plugin_v1|a missing entry is found
thread|thread|pthread_create|a plugin that starts a thread is found
global|mutable|counted|a variable that outlives a call is found
thread_local|mutable|counted|a thread-local variable is found
static_tls|mutable static-tls|counted|thread-local storage that cannot be given back is found
no_note|note|.note.troupe|a missing note is found
identity|identity|org.example.faulty|a note and a table that disagree are found
long_table|size|troupe_plugin|a table larger than its minor has is found
short_table|size|troupe_plugin|a table that is too short is found
function_size|size|look|a function's wrong size is found
other_major|major|.note.troupe|another major is found
undeclared_kv|capability|troupe.kv/1|an undeclared use of kv is found
undeclared_call|capability|weather.today|an undeclared call is found
undeclared_http|capability|troupe.http/1|an undeclared use of the network is found
undeclared_user_data|user-data|migrations|tables without a word on members are found
tls_destructor|tls-destructor|__cxa_thread_atexit_impl|a thread-local destructor is found
unique|unique|shared_by_all|a unique symbol is found
nodelete|nodelete|NODELETE|a plugin that cannot be unloaded is found
handler|signal|sigaction|a signal handler is found
exit_handler|exit-handler|__cxa_atexit|an exit handler is found
thread_key|thread-key|pthread_key_create|a thread key is found
process|process|setlocale|a change of the whole process is found
replay|replay|time|the C library's time is found
library|library|libcurl.*|a library with state of its own is found
undefined|undefined|nobody_defines_this|an undefined symbol is found
text_relocation|text-relocation|TEXTREL|an address in the code is found
exec_stack|exec-stack|GNU_STACK|an executable stack is found
write_execute|write-execute|segment|memory that can be written and executed is found
hang|load|org.example.faulty|a constructor that hangs is found
crash|load|org.example.faulty|a constructor that crashes is found
crash_create|create|org.example.faulty|a create that crashes is found
END
fault "$TROUPE_BUILDDIR/tests/plugins/.libs/indirect.so" load org.example.indirect \
    "code that the dynamic linker runs is found"
fault "$TROUPE_BUILDDIR/tests/plugins_turn/.libs/vectors_denied.so" capability troupe.vectors/1 \
    "an undeclared use of vectors is found"
fault "$TROUPE_BUILDDIR/tests/plugins_turn/.libs/cache_denied.so" capability troupe.cache/1 \
    "an undeclared use of the cache is found"
fault "$TROUPE_BUILDDIR/tests/plugins_turn/.libs/attach_denied.so" capability troupe.attach/1 \
    "an undeclared use of attached files is found"
fault "$TROUPE_BUILDDIR/tests/plugins_turn/.libs/texts_denied.so" capability troupe.texts/1 \
    "an undeclared use of texts is found"
fault "$TROUPE_BUILDDIR/tests/plugins_turn/.libs/blobs_denied.so" capability troupe.blobs/1 \
    "an undeclared use of blobs is found"
fault "$TROUPE_BUILDDIR/tests/plugins/.libs/bad.so" declaration org.example.bad "a declaration that does not hold is found"

for file in "$faults/clean.so" "$TROUPE_BUILDDIR"/plugins/{hello,features,imagine,reminder,memory,conversation,llm}/.libs/*.so; do
    out=$("$TROUPE" plugin check "$file" 2>&1)
    is "$? ${out#*.so: }" "0 $(sed -n 's/^.*so: \(.* keeps the rules\)$/\1/p' <<<"$out")" "$(basename "$file") keeps the rules"
done

cp "$faults/helper.so" "$TAP_DIR/whole.so"
head -c 3000 "$TAP_DIR/whole.so" >"$TAP_DIR/cut.so"
fault "$TAP_DIR/cut.so" file ".*cut.so" "a file that was cut is found"
: >"$TAP_DIR/text.so" && echo "no plugin" >"$TAP_DIR/text.so"
fault "$TAP_DIR/text.so" file ".*text.so" "what is no shared object is found"
out=$("$TROUPE" plugin check "$TAP_DIR/none.so" 2>&1)
is "$?" 66 "a file that is not there is no fault of a plugin"
like "$out" "none.so\" cannot be opened" "and is named"
out=$("$TROUPE" plugin chek "$TAP_DIR/whole.so" 2>&1)
is "$? $out" "64 troupe: \"chek\" is nothing that troupe plugin does, did you mean \"check\"; see troupe help plugin" \
    "a word that is not known gets its nearest"
tap_done
