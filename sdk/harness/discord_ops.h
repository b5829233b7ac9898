/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client says on the gateway, and what it gets for it.
 */
#ifndef DISCORD_OPS_H
#define DISCORD_OPS_H

#include "discord_gateway.h"

/* The first thing on a new connection. The client may be gone afterwards. */
void discord_ops_hello(struct discord_client *client, const struct discord_http *http);
/* One message of the client's. The client may be gone afterwards. */
void discord_ops_take(struct discord_client *client, const char *data, size_t len);
/* Numbers an event, keeps it for a resume, and sends it where the client is there. */
void discord_session_event(struct discord *discord, struct discord_session *session,
                           const char *type, struct discord_slice data);

#endif
