/* SPDX-License-Identifier: Apache-2.0
 *
 * What delivery (outbox.c) and looking up (reconcile.c) share. Loop thread.
 */
#ifndef GATEWAY_DISCORD_OUTBOX_PRIVATE_H
#define GATEWAY_DISCORD_OUTBOX_PRIVATE_H

#include "base/heap.h"
#include "base/map.h"
#include "gateway/discord/outbox.h"
#include "gateway/discord/rest.h"

#define DISCORD_RECONCILE_MS    2000u
#define DISCORD_UNKNOWN_MESSAGE 10008
#define DISCORD_ANSWERED_MAX    1024 /* interactions that are known to have their answer */

/* Something to do later. */
struct discord_alarm {
    struct heap_node node; /* in outbox->alarms */
    uint64_t due;
    void (*fire)(struct discord_alarm *alarm);
};

/* Rows of one turn. */
struct discord_batch {
    char key[24];
    struct list_link entries; /* by id */
    uint64_t *claimed;        /* messages of rows that are done */
    size_t claimed_count;
    bool opened; /* the thread that they stand in is there */
};

enum discord_entry_state {
    DISCORD_ENTRY_IDLE,
    DISCORD_ENTRY_CREATING,
    DISCORD_ENTRY_LOOKING, /* it may be there: see reconcile.c      */
    DISCORD_ENTRY_LATER,   /* waits for its alarm                   */
    DISCORD_ENTRY_OVER,    /* failed, not final yet: its owner has it */
};

struct discord_lane; /* lane.h */

/* The delivery of one row. */
struct discord_entry {
    struct list_link link;  /* in outbox->entries        */
    struct list_link order; /* in batch->entries         */
    struct list_link look;  /* in a lookup               */
    struct list_link in_lane;
    struct discord_lane *lane; /* NULL: in none */
    struct discord_outbox *outbox;
    struct outbox_row *row;
    struct discord_batch *batch; /* NULL: of no turn */
    struct discord_alarm alarm;
    enum discord_entry_state state;
    troupe_status over;     /* why */
    bool wanted;            /* somebody asked for it; else an earlier process had begun it  */
    bool final, final_sent; /* final_sent: the newest request knew                          */
    bool opened;            /* its thread is there                                  */
    bool look_first;        /* it may be there: looked up before it is created      */
    bool cleared;           /* the public response that it takes the place of has gone      */
    bool again;             /* the create was looked up, not found and sent again       */
    bool done;              /* it goes when nobody holds it                                 */
    unsigned requests;      /* edits that are not back, and holds                           */
    unsigned failures;      /* in a row */
    uint64_t sent, shown;   /* numbers of bodies: newest that was sent, newest that is shown */
    char *body, *buttons;   /* of number `sent`         */
    struct list_link calls; /* who waits               */
    struct latch *latch;    /* its row is durable once this is open; NULL: it is */
    /* While it is looked for. */
    uint64_t after; /* the asking message's id    */
    unsigned pages;
    bool asked_seen;
};

struct discord_outbox {
    struct loop *loop;
    struct store *store;
    struct outbox *rows;
    struct discord_rest *rest;
    char *gateway;
    uint64_t self;
    uint64_t reconcile_ms;
    char application[24]; /* "" until it is known */
    bool (*opening)(void *arg, const struct event *event);
    void *opening_arg;
    void (*unsaid)(void *arg, const struct event *event, const char *why);
    void *unsaid_arg;
    struct list_link entries;
    struct map batches; /* by turn    */
    struct map lookups; /* by channel */
    struct map lanes;   /* by channel and member: what has no message yet */
    struct heap alarms;
    struct loop_timer timer;
    uint64_t armed; /* what the timer is set to; 0: off */
    bool closed;
    unsigned holds;                          /* owner, timer, requests */
    uint64_t answered[DISCORD_ANSWERED_MAX]; /* the last interactions that were */
    size_t answered_next;
    struct list_link sorry; /* of outbox_sorry.c */
    size_t sorry_count;
    struct discord_outbox_stats stats;
};

void discord_alarm_set(struct discord_outbox *outbox, struct discord_alarm *alarm, uint64_t in_ms);
void discord_alarm_clear(struct discord_outbox *outbox, struct discord_alarm *alarm);
void discord_outbox_hold(struct discord_outbox *outbox);
void discord_outbox_unhold(struct discord_outbox *outbox);

/* outbox_sorry.c: a private answer to the interaction may be missing, which its member is told once,
 * now or when it can be said. */
void discord_sorry_add(struct discord_outbox *outbox, struct event *event);
void discord_sorry_go_on(struct discord_outbox *outbox);
void discord_sorry_clear(struct discord_outbox *outbox);

/* Looks for the entry's message, at least reconcile_ms from now; one of these is called in the end. */
void discord_reconcile(struct discord_entry *entry);
/* Takes it off the search. */
void discord_reconcile_forget(struct discord_entry *entry);
void discord_reconcile_clear(struct discord_outbox *outbox);

/* Begins to open the row's thread; false: there is none to open, or it is there. It ends with
 * discord_entry_opened, and the entry is being created until then. */
bool discord_entry_open(struct discord_entry *entry);
void discord_entry_opened(struct discord_entry *entry, troupe_status status,
                          const struct discord_response *response);

/* Starts what is next of an idle entry. An entry that was making its message is idle first. */
void discord_entry_advance(struct discord_entry *entry);
/* Tries again after a growing pause. */
void discord_entry_later(struct discord_entry *entry);
void discord_entry_free(struct discord_entry *entry);
void discord_entry_found(struct discord_entry *entry, uint64_t id, const char *content);
void discord_entry_absent(struct discord_entry *entry);
void discord_entry_unknown(struct discord_entry *entry, const char *why);
void discord_entry_failed(struct discord_entry *entry, troupe_status status, const char *why);
/* Whether a row of the same turn has that message already. */
bool discord_entry_claimed(const struct discord_entry *entry, uint64_t id);

/* outbox_answered.c: whether the row is being delivered. */
bool discord_outbox_has(const struct discord_outbox *outbox, int64_t id);

#endif
