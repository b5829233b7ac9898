/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of messages: what an event says about them, which kinds there are, and how they are told to
 * whoever answers and to the member. Names are what members write: they are cleaned before they are
 * shown. Pure.
 */
#ifndef GATEWAY_FILES_H
#define GATEWAY_FILES_H

#include "base/buf.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

#define GATEWAY_FILES_MAX     10 /* of a message; Discord takes no more (message.mdx) */
#define GATEWAY_FILE_NAME_MAX 80 /* bytes of a name that are shown                    */

/* What became of one. */
enum gateway_file_state {
    GATEWAY_FILE_TEXT,   /* its text is in the message's content              */
    GATEWAY_FILE_CUT,    /* the beginning of it is                            */
    GATEWAY_FILE_KEPT,   /* a picture, kept for a plugin that looks at it     */
    GATEWAY_FILE_SEEN,   /* and one did                                       */
    GATEWAY_FILE_TYPE,   /* of a kind that nobody here can read               */
    GATEWAY_FILE_LARGE,  /* larger than the configuration takes               */
    GATEWAY_FILE_MANY,   /* more than the configuration takes                 */
    GATEWAY_FILE_FAILED, /* it could not be fetched                           */
};

/* As the event's `files` has it: JSON [{"id","name","type","size","url"}…]. */
struct gateway_file {
    const char *id, *name, *type, *url; /* never NULL */
    int64_t size;                       /* bytes      */
};

/* The n-th of a parsed list; borrowed from it. */
struct gateway_file gateway_file_at(const json_t *list, size_t n);

/* The name of a state in the store, and back; an unknown one is GATEWAY_FILE_FAILED. */
const char *gateway_file_state_name(enum gateway_file_state state);
enum gateway_file_state gateway_file_state_of(const char *name);

/* By its media type and the end of its name, before it was fetched. */
bool gateway_file_is_text(const struct gateway_file *file);
bool gateway_file_is_picture(const struct gateway_file *file);
/* By its first bytes: PNG, JPEG, GIF or WebP. */
bool gateway_file_shows_picture(const char *data, size_t len);

/* The name without what would break a line or a code block; appended, in quotes. */
void gateway_file_put_name(const char *name, struct buf *out);
/* The text as a block of code below its name. `whole` false: it is the beginning of `size` bytes. */
void gateway_file_put_text(const char *name, const char *text, size_t len, bool whole, int64_t size,
                           struct buf *out);
/* `"NAME" (why)`, for what was not looked at, or not at all of it. */
void gateway_file_put_reason(const char *name, enum gateway_file_state state, struct buf *out);

#endif
