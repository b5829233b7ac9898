/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a message of an answer goes that answers an interaction. It is decided once and stored in
 * the row's reply_to, so that a later process puts it to the same place. Pure.
 */
#ifndef GATEWAY_DISCORD_PLACE_H
#define GATEWAY_DISCORD_PLACE_H

#include "gateway/gateway.h"

struct outbox_row;

#define DISCORD_PLACE_ORIGINAL "@original" /* becomes the deferred response                       */
#define DISCORD_PLACE_FOLLOWUP "@followup" /* a further message, for everybody                    */
#define DISCORD_PLACE_PRIVATE  "@private"  /* a further message, for who asked alone              */
#define DISCORD_PLACE_INSTEAD  "@instead" /* the same after the public deferred response has gone */

/* For a message of an answer to `event`, of an answer of that kind: the n-th of it (`part`);
 * `used`: the deferred response has its text already. NULL: it is an ordinary message. */
const char *discord_place(const struct event *event, enum gateway_kind kind, unsigned part,
                          bool used);

static inline bool discord_place_is(const char *reply_to)
{
    return reply_to && *reply_to == '@';
}

/* Whether others must not read it. */
bool discord_place_hidden(const struct outbox_row *row);

#endif
