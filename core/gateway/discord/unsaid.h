/* SPDX-License-Identifier: Apache-2.0
 *
 * What cannot be said where it was asked: a reaction on the question tells its member so, where at
 * least that is allowed, and the store keeps the reason for `troupe why`. Loop thread.
 */
#ifndef GATEWAY_DISCORD_UNSAID_H
#define GATEWAY_DISCORD_UNSAID_H

struct discord_entry;
struct discord_rest;
struct outbox_row;

#define DISCORD_NO_HISTORY 160002 /* replying needs READ_MESSAGE_HISTORY */

/* Puts the reaction on the message; where it may not be put, it is left. */
void discord_unsaid_react(struct discord_rest *rest, const char *channel, const char *message);
/* The row's message will not come, or is not known to. Called before the entry ends. */
void discord_unsaid_row(struct discord_entry *entry, const char *why);

/* It stands below its question and refers to nothing; where no turn would be found by it, it names whom
 * it answers, without a ping. */
void discord_unsaid_unrefer(struct outbox_row *row);
/* The text with the member's name before it, where there is room. mem_free. */
char *discord_unsaid_named(const char *member, const char *text);

#endif
