#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Files in the scripts of `troupe plugin test`: attached to messages and given to commands, written in the script
# or lying beside it; what is wrong with one is told with its line.
. "$TROUPE_SRCDIR/tests/lib/tap.sh"

mkdir "$TAP_DIR/files"
cd "$TAP_DIR/files" || exit 1
cat >files.c <<'C'
#include <troupe/troupe.h>
TROUPE_FUNCTION(lines, "Counts lines", TROUPE_SLASH, TROUPE_ATTACHMENT(file, "Which one", .choices = "text"),
                TROUPE_OPT_ATTACHMENT(other, "Another one"))
static troupe_status lines(troupe_turn *turn, uint64_t file, uint64_t other)
{
    troupe_file info = {.size = sizeof(info)};
    troupe_str text;
    int count = 0;
    troupe_status status = troupe_attachment_read(turn, file, &text);
    if (status < 0 || (status = troupe_file_info(turn, (uint32_t)file - 1, &info)) < 0)
        return status;
    for (uint64_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return troupe_reply(turn, "%.*s: %d lines%s", (int)info.name.len, info.name.ptr, count, other ? ", and another" : "");
}
static troupe_status stage(troupe_turn *turn)
{
    troupe_file info = {.size = sizeof(info)};
    troupe_str text = {"", 0};
    troupe_str said = troupe_turn_message(turn)->content;
    int count = 0, len = 0;
    while (len < (int)said.len && said.ptr[len] != '\n')
        len++; /* what the host shows of the files comes below */
    while (troupe_file_info(turn, (uint32_t)count, &info) == TROUPE_OK)
        if (troupe_file_read(turn, (uint32_t)count++, &text) < 0)
            return TROUPE_FAILED;
    return troupe_reply(turn, "\"%.*s\" with %d, the last %.*s of %llu bytes: %.*s", len, said.ptr, count, (int)info.name.len,
                        info.name.ptr, (unsigned long long)text.len, info.kind == TROUPE_FILE_TEXT ? (int)text.len : 0, text.ptr);
}
TROUPE_PLUGIN("org.example.files", "1.0.0", "Has files", .functions = TROUPE_LIST(lines), .capabilities = "files", .stage = stage);
C
gcc -O1 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden "-I$TROUPE_SRCDIR/sdk/include" -o files.so files.c
is $? 0 "a plugin that takes files is built"
play() { "$TROUPE_BUILDDIR/troupe-play" --troupe "$TROUPE" --libexec "$TROUPE_BUILDDIR" --quiet files.so 2>&1; }

printf '\x89PNG\r\n\x1a\n0123' >cat.png
printf 'a\n  b\n\n# c\n' >exact.txt
cat >files.test <<'END'
stages: files
file: poem.txt
  one
  two
file: note.bin text/plain
  three
file: exact.txt
file: cat.png
alice: /lines file=poem.txt
bot: poem.txt: 2 lines
alice: /lines file=exact.txt other=cat.png
bot: exact.txt: 4 lines, and another
alice: /lines file=cat.png
bot: *must be a text file*
alice: @bot look at this [file poem.txt]
bot: "look at this" with 1, the last poem.txt of 8 bytes: one
  two
bob: @bot two [file poem.txt] of them [file note.bin]
bot: "two of them" with 2, the last note.bin of 6 bytes: three
host: restart
alice: @bot a picture [file cat.png]
bot: "a picture" with 1, the last cat.png of 12 bytes:*
END
out=$(play)
is "$? $out" "0 " "a script attaches files to messages and gives them to commands"

# wrong LINE… : the script with one more line fails as it says
wrong()
{
    { printf 'stages: files\n'; printf '%s\n' "${@:3}"; } >files.test
    out=$(play)
    is $? 1 "$2 fails"
    like "$out" "$1" "and is told"
}
wrong '^\./files\.test:2: write "file: NAME" above it: no file is called none\.txt$' "a file that is not declared" \
    'alice: /lines file=none.txt' 'bot: x'
wrong '^\./files\.test:2: write "file: NAME" above it: no file is called none\.txt\]' "the same of a message" \
    'alice: @bot look [file none.txt]' 'bot: x'
wrong '^\./files\.test: .*put it beside the script: there is no file "gone\.txt"$' "a file that is nowhere" \
    'file: gone.txt' 'alice: @bot look' 'bot: x'
wrong '^\./files\.test:2: a file.s name has letters' "a file of another folder" 'file: ../secret' 'alice: @bot look' 'bot: x'
wrong '^\./files\.test:3: there is a file of this name above$' "a name that is used twice" 'file: cat.png' 'file: cat.png' \
    'alice: @bot look' 'bot: x'
tap_done
