/* SPDX-License-Identifier: Apache-2.0
 *
 * An event as every gateway delivers it: Discord's and the console's are the same to everything
 * above. Identities are decimal texts of 64-bit numbers, because they are keys in the store; NULL
 * is none. An event is immutable once it was handed on, and reference-counted. Loop thread only.
 */
#ifndef GATEWAY_EVENT_H
#define GATEWAY_EVENT_H

#include "base/arena.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gateway;

#define EVENT_ADDRESSED 0x1u   /* the bot is meant: an answer is owed */
#define EVENT_DIRECT    0x2u   /* nobody else reads it                */
#define EVENT_BOT       0x4u   /* written by a program                */
#define EVENT_OWNER     0x8u   /* by the bot's owner                  */
#define EVENT_CONTINUE  0x10u  /* to go on with the cut answer to it   */
#define EVENT_OBSERVED  0x20u  /* for observers alone: nobody hears of it */
#define EVENT_AGAIN     0x40u  /* what was asked before, once more */
#define EVENT_UNASKED   0x80u  /* no message stands behind it: a job   */
#define EVENT_PING      0x100u /* its answer may notify its member     */

/* The platform shows that an answer comes, and waits for it; nobody but its member will see it. */
#define EVENT_DEFERRED 0x1000u
#define EVENT_PRIVATE  0x2000u
/* What the platform said with the event about its member's rights there (EVENT_RIGHTS: it did). */
#define EVENT_RIGHTS    0x200u
#define EVENT_MODERATOR 0x400u
#define EVENT_ADMIN     0x800u
/* All that tells what its member may. */
#define EVENT_WHO_MAY (EVENT_OWNER | EVENT_RIGHTS | EVENT_MODERATOR | EVENT_ADMIN)
#define EVENT_THREAD  0x10000u /* it stands in a thread */
#define EVENT_STICKER 0x20000u /* a sticker came with it, which nobody looks at */

/* Behind the source_id of an event for observers whose message has an event of its own, too. */
#define EVENT_OBSERVED_SUFFIX "/observed"

#define EVENT_CONTENT_MAX     16384 /* bytes; gateways refuse more with a sentence */

struct event {
    struct gateway *gateway; /* where the answer goes; NULL once that is gone                   */
    const char *source;      /* "console", "discord:0"                                          */
    const char *source_id;   /* unique there for ever                                           */
    const char *kind; /* "message": names the pipeline that takes it; "command", "press", "job" */
    const char *account, *guild, *channel, *member;
    const char *member_name;
    const char *const *roles; /* ids of the member's roles */
    size_t role_count;
    const char *content; /* UTF-8 without NUL, without the mention that addressed the bot */
    size_t content_len;
    const char *reply_to; /* source_id of the message that it answers, or that was pressed on */
    const char
        *quote; /* what that message says, cut to a length or, of a press, whole; NULL: not known */
    const char *quote_author; /* and who wrote it, by name */
    /* source_id of the message that the quoted one answers; NULL: not known */
    const char *quote_to;
    /* What stands above the quote, once somebody looked: [{"author", "text"}…], the nearest first. */
    const char *chain;
    const char *press_id; /* of the button that was pressed */
    const char
        *press_label; /* what stands on it, or what was chosen; NULL: not known. Not stored */
    /* Of a slash command (kind "command"): the function's name; `content` has its arguments as JSON. */
    const char *command;
    /* What is attached to it, as gateway/files.h reads it; NULL: nothing. Its addresses are secrets of
     * a kind: never in logs. */
    const char *files;
    /* The channel that the message stands in, where `channel` is a thread that is opened below it for the
     * answer; NULL: `channel`. */
    const char *parent;
    const char *agent; /* of a job: whose handler takes it; NULL: the pipeline of the kind */
    /* What answers an interaction; stored, to answer after a restart. A secret: never in logs. */
    const char *token;
    uint32_t flags;
    int64_t time_ms; /* wall clock */
    int64_t seq;     /* the gateway's own order, above 0; -1 or 0: none. Not stored */
    /* The rest is the event's own. */
    struct arena arena;
    unsigned refs;
};

/* A new event with one reference; texts are copied from `from`, whose arena and refs are ignored. */
struct event *event_new(const struct event *from);
struct event *event_ref(struct event *event);
void event_unref(struct event *event); /* NULL is fine */

/* The payload column: everything but the gateway. event_parse gives a new event without a gateway. */
char *event_print(const struct event *event); /* mem_free */
troupe_status event_parse(const char *json, size_t len, struct event **ret, struct error *err);

/* The message that an answer refers to; NULL: there is none. */
static inline const char *event_asked_by(const struct event *event)
{
    return event->flags & EVENT_UNASKED ? NULL : event->source_id;
}

/* The same message for its observers alone: silent, and with an id of its own. */
struct event *event_observed(const struct event *event);
/* The number of the message that it is, 0 where it has none. */
uint64_t event_message_number(const struct event *event);

/* A decimal id as a number; 0 for NULL and for what is none. */
uint64_t event_id_number(const char *id);

#endif
