/* SPDX-License-Identifier: Apache-2.0
 *
 * What is in memory still, and which interactions have an answer that members see. Their deferred
 * response is that answer then, and a sentence about the interaction may neither take its place nor take
 * it away.
 */
#include "gateway/discord/outbox_private.h"

#include "gateway/discord/outbox_json.h"
#include "gateway/discord/reply.h"
#include "gateway/event.h"

#include <string.h>

bool discord_outbox_has(const struct discord_outbox *outbox, int64_t id)
{
    list_for_each (link, &outbox->entries)
        if (container_of(link, struct discord_entry, link)->row->id == id)
            return true;
    return false;
}

void discord_outbox_note_answered(struct discord_outbox *outbox, const char *interaction)
{
    uint64_t id = discord_outbox_number(interaction);

    for (size_t i = 0; i < DISCORD_ANSWERED_MAX; i++)
        if (outbox->answered[i] == id)
            return;
    outbox->answered[outbox->answered_next] = id;
    outbox->answered_next = (outbox->answered_next + 1) % DISCORD_ANSWERED_MAX;
}

enum discord_answered discord_outbox_answered(const struct discord_outbox *outbox,
                                              const char *interaction)
{
    uint64_t id = discord_outbox_number(interaction);
    enum discord_answered answered = DISCORD_UNANSWERED;

    for (size_t i = 0; id && i < DISCORD_ANSWERED_MAX; i++)
        if (outbox->answered[i] == id)
            return DISCORD_ANSWERED;
    list_for_each (link, &outbox->entries) {
        const struct discord_entry *entry = container_of(link, struct discord_entry, link);
        const struct outbox_row *row = entry->row;

        if (!discord_reply_is(row) || strcmp(row->event->source_id, interaction) != 0)
            continue;
        if (row->remote_id)
            return DISCORD_ANSWERED;
        if (entry->state == DISCORD_ENTRY_CREATING || entry->state == DISCORD_ENTRY_LOOKING)
            answered = DISCORD_ANSWERING;
    }
    return answered;
}
