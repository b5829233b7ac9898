/* SPDX-License-Identifier: Apache-2.0 */
#include "pictures.h"

#include "template.h"

#include <stdio.h>
#include <string.h>

#define NOTE_ROOM 200 /* bytes of a line with a name */

void pictures_find(troupe_turn *turn, struct pictures *ret)
{
    troupe_file file;

    ret->count = 0;
    for (uint32_t i = 0; ret->count < PICTURES_MAX; i++) {
        if (troupe_file_info(turn, i, &file) < 0)
            return;
        if (file.kind != TROUPE_FILE_PICTURE)
            continue;
        template_clean_name(file.name.ptr, file.name.len, ret->names[ret->count],
                            sizeof(ret->names[0]));
        ret->files[ret->count++] = i;
    }
}

troupe_str pictures_note(troupe_turn *turn, const struct pictures *pictures, troupe_str text,
                         int seen)
{
    const uint64_t size = text.len + 1 + NOTE_ROOM * (uint64_t)pictures->count;
    uint64_t len = text.len;
    char *out = pictures->count > 0 ? troupe_turn_alloc(turn, size) : NULL;

    if (!out)
        return text;
    memcpy(out, text.ptr ? text.ptr : "", text.len);
    for (uint32_t i = 0; i < pictures->count; i++)
        len += (uint64_t)snprintf(out + len, size - len, "%s[picture: %s%s]", len > 0 ? "\n" : "",
                                  pictures->names[i], seen ? "" : ", which you cannot see");
    return (troupe_str){out, len};
}

size_t pictures_names(const struct pictures *pictures, char *ret, size_t size)
{
    size_t len = 0;

    for (uint32_t i = 0; i < pictures->count && len < size; i++)
        len += (size_t)snprintf(ret + len, size - len, "%s\"%s\"", i > 0 ? ", " : "",
                                pictures->names[i]);
    return len;
}

void pictures_excuse(troupe_turn *turn, const struct pictures *pictures, char *ret, size_t size)
{
    size_t len = (size_t)snprintf(
        ret, size, "\n-# No language model here can see pictures, so I answered without ");

    /* Who reads them has taken care of them: the host need not name them once more. */
    for (uint32_t i = 0; i < pictures->count; i++) {
        troupe_str bytes;

        (void)troupe_file_read(turn, pictures->files[i], &bytes);
    }
    len += pictures_names(pictures, ret + len, size - len);
    if (len >= size)
        ret[0] = '\0';
}
