/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/attach.h - "troupe.attach/1": files that go with the answer. Capability "attach".
 *
 * A stage, or a function on its way to an answer, attaches a file; it goes with the answer's last message
 * when the turn ends well, also where there is no other text. What is not answered takes its files with
 * it. A crash neither loses nor repeats one: the bytes are stored by the call, and stay until the
 * message is there.
 *
 *     troupe_new_file file = {
 *         .size = sizeof(file),
 *         .name = {"chart.png", 9},
 *         .type = {"image/png", 9},
 *         .alt = {"rainfall by month", 17},
 *         .data = bytes,
 *     };
 *     troupe_status status = troupe_attach(turn, &file);
 *
 *     if (status == TROUPE_UNSUPPORTED)
 *         return troupe_reply(turn, "I can't show pictures here.");
 */
#ifndef TROUPE_ATTACH_H
#define TROUPE_ATTACH_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_ATTACH           "troupe.attach/1"

#define TROUPE_ATTACH_FILES_MAX 10u         /* of an answer              */
#define TROUPE_ATTACH_FILE_MAX  (10u << 20) /* bytes of one              */
#define TROUPE_ATTACH_BYTES_MAX (24u << 20) /* of all files of an answer */

/* A file to attach. All of it is borrowed until the call returns. */
typedef struct troupe_new_file {
    uint32_t size;  /* sizeof(troupe_new_file) */
    uint32_t flags; /* 0 */
    troupe_str
        name; /* 1 to 100 of a-z, A-Z, 0-9, . _ and -; no dot first or last, no two in a row */
    troupe_str type; /* media type without parameters, as "image/png" */
    troupe_str
        alt; /* what it shows, for who cannot see it: at most 1024 characters; may be empty */
    troupe_str data; /* at least a byte */
} troupe_new_file;

/* The extension's table. */
typedef struct troupe_attach_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Attaches a copy of the file to the answer of this turn. TROUPE_ARGUMENT for a name, type or text
     * that is none; TROUPE_LIMIT beyond what an answer takes; TROUPE_BUSY where too much waits to be
     * sent; TROUPE_DENIED to observers; TROUPE_UNSUPPORTED in a call from the shell, where nobody takes
     * files, and in a batch. Stored. [turn, waits] */
    troupe_status (*attach)(troupe_turn *turn, const troupe_new_file *file);
} troupe_attach_v1;

/* As `attach` of the table; TROUPE_UNSUPPORTED under a host without it. Stored. [turn, waits] */
static inline troupe_status troupe_attach(troupe_turn *turn, const troupe_new_file *file)
{
    const troupe_attach_v1 *table =
        (const troupe_attach_v1 *)troupe_get_extension(turn, TROUPE_ATTACH);

    return table ? table->attach(turn, file) : TROUPE_UNSUPPORTED;
}

#endif
