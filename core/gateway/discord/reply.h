/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that answer an interaction: they go through its webhook (receiving-and-responding.mdx), not
 * through the channel. The first message becomes the deferred response by an edit, which may be
 * repeated; further ones are followups. A public followup that may be there is looked up in the
 * channel like any message; one that only its member sees cannot be, and is not repeated.
 *
 * Where the interaction is over (its first response missed the 3 s, or its token the 15 minutes), the
 * row stands in the channel: with the member's name and no ping, or, where others must not read it,
 * as a sentence that asks to ask again. For outbox.c, which calls these at its forks. Loop thread.
 */
#ifndef GATEWAY_DISCORD_REPLY_H
#define GATEWAY_DISCORD_REPLY_H

#include "gateway/discord/outbox_private.h"

/* Whether the row goes through a webhook now. */
static inline bool discord_reply_is(const struct outbox_row *row)
{
    return row->event && !row->detached;
}

/* Whether its message can be made now; else whoever is waited for goes on with it. */
bool discord_reply_ready(struct discord_entry *entry);
/* What of a request to make or edit the message is another one than for the channel. Its path, which
 * holds the token and is the caller's to set. mem_free. */
char *discord_reply_request(const struct discord_entry *entry, struct discord_request *request);
/* Such a request failed: true where it has been dealt with. */
bool discord_reply_failed(struct discord_entry *entry, troupe_status status);
/* Gives rows of an earlier process what they answer. [waits] */
troupe_status discord_reply_load(struct discord_outbox *outbox, const struct list_link *rows,
                                 struct error *err);
/* Goes on with one of those that has no message yet, as far as is known. */
void discord_reply_recover(struct discord_entry *entry);

#endif
