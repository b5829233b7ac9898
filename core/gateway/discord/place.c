/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/place.h"

#include "gateway/outbox.h"

#include <string.h>

const char *discord_place(const struct event *event, enum gateway_kind kind, unsigned part,
                          bool used)
{
    bool deferred = event->token && event->flags & EVENT_DEFERRED;
    bool private = kind == GATEWAY_PRIVATE || (deferred && kind == GATEWAY_NOTICE) ||
                   event->flags & EVENT_PRIVATE;

    if (!event->token || (!deferred && kind != GATEWAY_PRIVATE))
        return NULL;
    if (!deferred)
        return DISCORD_PLACE_PRIVATE;
    if (part || used)
        return private ? DISCORD_PLACE_PRIVATE : DISCORD_PLACE_FOLLOWUP;
    return private && !(event->flags & EVENT_PRIVATE) ? DISCORD_PLACE_INSTEAD
                                                      : DISCORD_PLACE_ORIGINAL;
}

bool discord_place_hidden(const struct outbox_row *row)
{
    if (!row->event || row->event->flags & EVENT_DIRECT)
        return false; /* nobody else is there */
    return row->event->flags & EVENT_PRIVATE || !strcmp(row->reply_to, DISCORD_PLACE_PRIVATE) ||
           !strcmp(row->reply_to, DISCORD_PLACE_INSTEAD);
}
