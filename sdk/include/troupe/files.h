/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/files.h - "troupe.files/1": what is attached to the message that a turn is about, or was given
 * with a command (TROUPE_ATTACHMENT). Behind its own stand the pictures of the message that it answers.
 * Capability "files".
 *
 * The host fetches the files before the first stage. Texts stand in the message's content already, as
 * far as the configuration lets them; the whole file can be read here. Pictures (PNG, JPEG, GIF, WebP)
 * are kept only where some plugin has the capability, and the member is told below the answer which
 * of them nobody read. Files are kept as long as the message's text, 24 hours after the turn's end.
 *
 *     troupe_file file;
 *     troupe_str bytes;
 *
 *     for (uint32_t i = 0; troupe_file_info(turn, i, &file) == TROUPE_OK; i++)
 *         if (file.kind == TROUPE_FILE_PICTURE && troupe_file_read(turn, i, &bytes) == TROUPE_OK)
 *             look_at(bytes);
 */
#ifndef TROUPE_FILES_H
#define TROUPE_FILES_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_FILES         "troupe.files/1"

#define TROUPE_FILE_LEFT_OUT 0u /* not read: its kind or size, or it could not be fetched */
#define TROUPE_FILE_TEXT     1u /* UTF-8 without NUL */
#define TROUPE_FILE_PICTURE  2u /* its first bytes are those of a picture */

/* The name is what a member gave it: no path, and not to be trusted. */
typedef struct troupe_file {
    uint32_t size;   /* sizeof(troupe_file), set by the caller */
    uint32_t kind;   /* TROUPE_FILE_… */
    uint64_t bytes;  /* of the file, as the platform says */
    uint64_t shown;  /* of a text: bytes that stand in the message's content */
    troupe_str name; /* kept until the stage or function ends */
    troupe_str type; /* media type, as the platform says; may be empty */
} troupe_file;

typedef struct troupe_files_v1 {
    uint32_t size;
    uint32_t reserved;
    /* The file at `index`, in the message's order, from 0. TROUPE_NOT_FOUND behind the last one. What it
     * gives does not change, so it is not recorded. [turn, waits] */
    troupe_status (*info)(troupe_turn *turn, uint32_t index, troupe_file *ret);
    /* Its bytes, kept until the stage or function ends. TROUPE_UNSUPPORTED for what was left out.
     * Not recorded, for the same reason. [turn, waits] */
    troupe_status (*read)(troupe_turn *turn, uint32_t index, troupe_str *ret);
} troupe_files_v1;

static inline troupe_status troupe_file_info(troupe_turn *turn, uint32_t index, troupe_file *ret)
{
    const troupe_files_v1 *files =
        (const troupe_files_v1 *)troupe_get_extension(turn, TROUPE_FILES);

    ret->size = sizeof(*ret);
    return files ? files->info(turn, index, ret) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_file_read(troupe_turn *turn, uint32_t index, troupe_str *ret)
{
    const troupe_files_v1 *files =
        (const troupe_files_v1 *)troupe_get_extension(turn, TROUPE_FILES);

    return files ? files->read(turn, index, ret) : TROUPE_UNSUPPORTED;
}

/* The same for the argument of a TROUPE_ATTACHMENT, troupe_attachment_read for its bytes; one that was left
 * out is 0, TROUPE_NOT_FOUND. Not recorded. [turn, waits]
 *
 *     TROUPE_FUNCTION(count, "Counts the lines of a file", TROUPE_SLASH,
 *                     TROUPE_ATTACHMENT(file, "Which one", .choices = "text", .max = 100000))
 *     static troupe_status count(troupe_turn *turn, uint64_t file)
 *     {
 *         troupe_str text;
 *         troupe_status status = troupe_attachment_read(turn, file, &text);
 *         …
 */
static inline troupe_status troupe_attachment_info(troupe_turn *turn, uint64_t attachment,
                                                   troupe_file *ret)
{
    return attachment && attachment <= UINT32_MAX
               ? troupe_file_info(turn, (uint32_t)(attachment - 1), ret)
               : TROUPE_NOT_FOUND;
}

static inline troupe_status troupe_attachment_read(troupe_turn *turn, uint64_t attachment,
                                                   troupe_str *ret)
{
    return attachment && attachment <= UINT32_MAX
               ? troupe_file_read(turn, (uint32_t)(attachment - 1), ret)
               : TROUPE_NOT_FOUND;
}

#endif
