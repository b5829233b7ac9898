/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a message is for, and the event that it becomes. The first is decided on what the scanner
 * found, without a tree; only what addresses the bot is parsed. Pure: no state, no I/O.
 *
 * Written by a bot (but see `bots`), a webhook or the bot itself, or no message of a member's (types other than
 * DEFAULT 0 and REPLY 19): ignored, whatever it says, so that programs never talk in circles
 * (message.mdx). Addressed is a message in a DM, one with the bot among its `mentions` (@everyone,
 * @here and roles are not in there), a reply to a message of the bot's, and where that trigger is
 * on a message that begins with the prefix and a letter, or stands in one of the bot's threads and
 * answers nobody else there.
 */
#ifndef GATEWAY_DISCORD_ROUTE_H
#define GATEWAY_DISCORD_ROUTE_H

#include "base/error.h"
#include "base/json.h"
#include "base/map.h"
#include "gateway/discord/scan.h"
#include "gateway/event.h"

/* interaction.type (receiving-and-responding.mdx) */
#define DISCORD_INTERACTION_COMMAND      2
#define DISCORD_INTERACTION_COMPONENT    3
#define DISCORD_INTERACTION_AUTOCOMPLETE 4
#define DISCORD_INTERACTION_MODAL        5

#define DISCORD_QUOTE_MAX                4000 /* bytes that are kept of the message that was replied to */

enum discord_route {
    DISCORD_ROUTE_IGNORE, /* nobody's business         */
    DISCORD_ROUTE_SEEN,   /* a member's, not for us    */
    DISCORD_ROUTE_OWED,   /* addresses the bot         */
};

/* For whose messages the bot opens a thread to answer in. */
struct discord_threading {
    const uint64_t *places; /* channels or guilds; none: all */
    size_t place_count;
    const char *prefix; /* of commands, which are answered where they stand */
    bool off;           /* nowhere                                        */
    /* What people have set for where the event stands, and for its member; `otherwise`: what the file
     * says. NULL: that counts. */
    bool (*setting)(void *arg, const struct event *event, const char *key, bool otherwise);
    void *arg;
};

struct discord_route_rules {
    struct gateway *gateway;   /* of the events                                   */
    uint64_t self;             /* the bot's user id                               */
    bool mention, dm, reply;   /* [discord] triggers                              */
    const char *prefix;        /* the trigger "prefix"; NULL: it is off           */
    bool bots;                 /* [discord] answer_bots                           */
    const struct map *threads; /* of the trigger "thread", by the id's bytes; NULL: it is off */
    const struct discord_threading *threading; /* NULL: no thread is opened */
    bool content;                              /* the MESSAGE_CONTENT intent: replies can be read */
    const uint64_t *owners;
    size_t owner_count;
};

/* Of a MESSAGE_CREATE. */
enum discord_route discord_route_message(const struct discord_route_rules *rules,
                                         const struct discord_scan *scan);

/* The event of an addressed message; `data` is its "d". It may have neither text nor files, which is
 * owed a sentence like anything else. TROUPE_DATA: no message. */
troupe_status discord_route_event(const struct discord_route_rules *rules, const char *data,
                                  size_t len, int64_t seq, struct event **ret, struct error *err);
/* The event of a message that addresses nobody, for observers that are owed it: as it was written,
 * perhaps without text. TROUPE_DATA: no message. */
troupe_status discord_route_observed(const struct discord_route_rules *rules, const char *data,
                                     size_t len, int64_t seq, struct event **ret,
                                     struct error *err);
/* When the message of that id was written, wall clock. */
int64_t discord_route_time(uint64_t id);
/* The event of a pressed button, a select or a submitted modal (INTERACTION_CREATE of type 3 and 5): kind
 * "press", with press_id, token and, in reply_to, the message that has the button; its content is
 * what was chosen or filled in, as gateway/form.h says. `ret_type` is set in any case, to the
 * interaction's type: for others the event has no press_id and serves only to answer. */
troupe_status discord_route_press(const struct discord_route_rules *rules, const char *data,
                                  size_t len, int64_t seq, struct event **ret, int *ret_type,
                                  struct error *err);

/* Cuts white space and the bot's own mentions off both ends, in place; other mentions stay. The new
 * start. */
char *discord_route_strip(char *content, uint64_t self);

#endif
