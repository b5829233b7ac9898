/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of agents as Discord takes and shows them (reference.mdx, "Uploading Files"). Pure.
 */
#ifndef GATEWAY_DISCORD_OUTBOX_ATTACHED_H
#define GATEWAY_DISCORD_OUTBOX_ATTACHED_H

#include "base/buf.h"
#include "base/json.h"

#include <stdbool.h>

struct outbox_row;

/* The create of a row with files, as multipart/form-data around its JSON, and the media type of that. */
void discord_attached_write(const struct outbox_row *row, struct buf *out, struct buf *ret_type);
/* Whether a message's `attachments` are the row's files, by name and size, in order. */
bool discord_attached_same(const struct outbox_row *row, const json_t *attachments);
/* The row without its files: what is missing stands below its text, where there is room. */
void discord_attached_drop(struct outbox_row *row);

#endif
