/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that answer an interaction by its token (receiving-and-responding.mdx). Each returns the
 * path, which has the token in it, and fills the rest of `ret`, whose path the caller sets; `body` is
 * the caller's until the request was given to discord_rest_send. Pure.
 */
#ifndef GATEWAY_DISCORD_INTERACTION_H
#define GATEWAY_DISCORD_INTERACTION_H

#include "gateway/discord/rest.h"

#define DISCORD_FOLLOWUP_MS (14 * 60 * 1000) /* a token lives 15 minutes */

struct event;

/* The first response, within its 3 s. mem_free. */
char *discord_interaction_callback(const struct event *event, const char *body, uint64_t now,
                                   struct discord_request *ret);
/* A further message. mem_free. */
char *discord_interaction_followup(const char *application, const struct event *event,
                                   const char *body, uint64_t deadline,
                                   struct discord_request *ret);

#endif
