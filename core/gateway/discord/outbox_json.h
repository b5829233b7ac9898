/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the outbox as requests of Discord's (message.mdx, "Create Message" and "Edit Message"), and
 * what is read of the answers. Pure.
 */
#ifndef GATEWAY_DISCORD_OUTBOX_JSON_H
#define GATEWAY_DISCORD_OUTBOX_JSON_H

#include "base/buf.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox_row;

/* The body of a create or of an edit. Nobody is ever pinged: allowed_mentions stands in both, because
 * an edit without it pings like a new message. A row without buttons shows none. */
void discord_outbox_write(const struct outbox_row *row, bool create, struct buf *out);
/* Whether that is what a message of the row shows, white space at its ends apart. */
bool discord_outbox_shows(const struct outbox_row *row, const char *content);
/* The create of a row with a file, as multipart/form-data around that JSON (reference.mdx, "Uploading
 * Files"), and its media type with the boundary. */
void discord_outbox_write_file(const struct outbox_row *row, struct buf *out, struct buf *ret_type);
/* Whether the message has the row's file, by name and size, or neither has one. */
bool discord_outbox_same_file(const struct outbox_row *row, const json_t *message);
/* The row without its file, for where none may be attached: the beginning as text, and why. */
void discord_outbox_unfile(struct outbox_row *row);
/* The "id" of a JSON object, but of none inside it; 0: there is none, or it is no such object. */
uint64_t discord_outbox_id(const char *json, size_t len);
/* A snowflake in decimal; 0: it is none. */
uint64_t discord_outbox_number(const char *text);
/* Equal but for white space at both ends, which Discord cuts. */
bool discord_outbox_same_text(const char *a, const char *b);

#endif
