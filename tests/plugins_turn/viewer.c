/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that looks at what is attached: it answers with each file's kind, name and bytes.
 */
#include <troupe/troupe.h>

#include <stdio.h>

#define TEXT_MAX 2000

static troupe_status look(troupe_turn *turn)
{
    char *text = troupe_turn_alloc(turn, TEXT_MAX);
    troupe_status status = TROUPE_OK;
    size_t len = 0;

    if (!text)
        return TROUPE_NOMEM;
    for (uint32_t i = 0; status >= 0; i++) {
        troupe_file file;
        troupe_str data = {"", 0};
        troupe_status read;

        status = troupe_file_info(turn, i, &file);
        if (status < 0)
            break;
        read = troupe_file_read(turn, i, &data);
        len += (size_t)snprintf(text + len, TEXT_MAX - len, "%u %.*s %llu read %d first %02x; ",
                                file.kind, (int)file.name.len, file.name.ptr,
                                (unsigned long long)data.len, (int)read,
                                data.len ? (unsigned char)data.ptr[0] : 0u);
        if (len >= TEXT_MAX)
            return TROUPE_LIMIT;
    }
    if (status != TROUPE_NOT_FOUND)
        return status;
    status = troupe_reply(turn, "saw %s", text);
    return status < 0 ? status : TROUPE_DONE;
}

TROUPE_PLUGIN("test.viewer", "1.0.0", "Looks at what is attached", .capabilities = "files",
              .stage = look);
