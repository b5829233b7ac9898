/* SPDX-License-Identifier: Apache-2.0
 *
 * The link that brings the bot into a server, with the least permissions that it works with
 * (permissions.mdx, "Bitwise Permission Flags"; oauth2.mdx, "Bot Authorization Flow"). Pure.
 */
#ifndef GATEWAY_DISCORD_INVITE_H
#define GATEWAY_DISCORD_INVITE_H

#include <stddef.h>
#include <stdint.h>

struct config;

#define DISCORD_MAY(bit)            (UINT64_C(1) << (bit))
#define DISCORD_MAY_REACT           DISCORD_MAY(6)
#define DISCORD_MAY_VIEW            DISCORD_MAY(10)
#define DISCORD_MAY_SEND            DISCORD_MAY(11)
#define DISCORD_MAY_EMBED           DISCORD_MAY(14)
#define DISCORD_MAY_ATTACH          DISCORD_MAY(15)
#define DISCORD_MAY_READ_HISTORY    DISCORD_MAY(16)
#define DISCORD_MAY_SEND_IN_THREADS DISCORD_MAY(38)
#define DISCORD_MAY_OPEN_THREADS    DISCORD_MAY(35)

#define DISCORD_INVITE_MAX          256

/* What the surface needs as [discord] sets it up. No plugin can ask for more: the host acts on
 * Discord by itself only, and embeds nothing. */
uint64_t discord_permissions_for(const struct config *config);
/* "View Channels, Send Messages …", as the Developer Portal calls them; cut at `size`. */
void discord_permissions_print(uint64_t permissions, char *ret, size_t size);
/* The link; scopes bot and applications.commands. */
void discord_invite_url(const char *application, uint64_t permissions,
                        char ret[DISCORD_INVITE_MAX]);
/* Where the owner switches intents on. */
void discord_portal_url(const char *application, char ret[DISCORD_INVITE_MAX]);

#endif
