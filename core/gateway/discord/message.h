/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of the messages that are said at once and kept nowhere: notices, answers to interactions.
 * (What is owed goes through the outbox.) Each one forbids every mention, because texts quote what
 * members, models and errors say. Pure.
 */
#ifndef GATEWAY_DISCORD_MESSAGE_H
#define GATEWAY_DISCORD_MESSAGE_H

#include <stdbool.h>

#define DISCORD_CONTENT_MAX 2000 /* UTF-16 units of a message (message.mdx, counted carefully) */

/* Types of a callback (receiving-and-responding.mdx). */
#define DISCORD_CALLBACK_MESSAGE      4
#define DISCORD_CALLBACK_DEFER        5
#define DISCORD_CALLBACK_DEFER_UPDATE 6
#define DISCORD_CALLBACK_UPDATE       7 /* of the message that was pressed: it loses its buttons */
#define DISCORD_CALLBACK_AUTOCOMPLETE 8
#define DISCORD_CALLBACK_MODAL        9 /* only as the first response to a press */

/* A message that answers `reply_to` (NULL: none); a text that is too long is cut. mem_free. */
char *discord_message_reply(const char *text, const char *reply_to);
/* A message for the member alone who pressed. mem_free. */
char *discord_message_private(const char *text);
/* An edit that takes a message's buttons away; `text` (NULL: what it says stays) is what it says then. mem_free. */
char *discord_message_bare(const char *text);
/* The text with a line below it, which is whole where all of it is too long. mem_free. */
char *discord_message_below(const char *text, const char *line);
/* The body of a callback; `text` for DISCORD_CALLBACK_MESSAGE, which is private, and DISCORD_CALLBACK_UPDATE,
 * where NULL leaves what the message says. mem_free. */
char *discord_message_callback(int type, const char *text);

#endif
