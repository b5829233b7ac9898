/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/interaction.h"

#include "base/mem.h"
#include "gateway/event.h"

#include <string.h>

#define CALLBACK_MS 3000

char *discord_interaction_callback(const struct event *event, const char *body, uint64_t now,
                                   struct discord_request *ret)
{
    *ret = (struct discord_request){
        .method = "POST",
        .route = "/interactions/{interaction}/{token}/callback",
        .major = event->source_id, /* one for one with the token, and no secret */
        .body = body,
        .body_len = strlen(body),
        .priority = DISCORD_FIRST_RESPONSE,
        .no_auth = true,
        .deadline = now + CALLBACK_MS,
    };
    return mem_printf("/interactions/%s/%s/callback", event->source_id, event->token);
}

char *discord_interaction_followup(const char *application, const struct event *event,
                                   const char *body, uint64_t deadline, struct discord_request *ret)
{
    *ret = (struct discord_request){
        .method = "POST",
        .route = "/webhooks/{webhook}/{token}",
        .major = event->source_id,
        .body = body,
        .body_len = strlen(body),
        .priority = DISCORD_INTERACTION,
        .no_auth = true,
        .deadline = deadline,
    };
    return mem_printf("/webhooks/%s/%s", application, event->token);
}
