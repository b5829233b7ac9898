/* SPDX-License-Identifier: Apache-2.0
 *
 * Delivery of outbox rows to Discord: each row is one message. A row is durable before its request
 * leaves; it carries a nonce (enforce_nonce) made from its key, and allowed_mentions that ping nobody
 * on every create and edit. What one member is told in a channel keeps its order. What may have been
 * created without our knowing (a crash, a lost answer) is looked up in the channel first, at least
 * 2 s later: own author, id above the asking message, same reply reference, content equal after
 * trimming, not claimed by another row; only then it is sent again, with the same nonce. Where the
 * history cannot be read the row becomes "unknown" and is not repeated. Loop thread.
 */
#ifndef GATEWAY_DISCORD_OUTBOX_H
#define GATEWAY_DISCORD_OUTBOX_H

#include "gateway/outbox.h"

struct discord_rest;
struct latch;
struct discord_outbox;
struct store;
struct loop;

struct discord_outbox_options {
    struct loop *loop;
    struct store *store;
    struct outbox *rows; /* makes ids and takes marks; the one that every gateway shares */
    struct discord_rest *rest;
    const char *gateway;         /* name of the gateway: the rows' `gateway` column */
    uint64_t self;               /* the bot's user id; set later by discord_outbox_self */
    uint64_t reconcile_after_ms; /* 0: 2,000; for tests */
    /* Whether the first response to an interaction is still under way: what answers it waits for
     * discord_outbox_go_on. NULL: it never is. */
    bool (*opening)(void *arg, const struct event *event);
    void *opening_arg;
    /* A row without a turn cannot be delivered: why, for `troupe why`. NULL: nobody keeps it. */
    void (*unsaid)(void *arg, const struct event *event, const char *why);
    void *unsaid_arg;
};

struct discord_outbox *discord_outbox_new(const struct discord_outbox_options *options);
void discord_outbox_free(struct discord_outbox *outbox);
void discord_outbox_self(struct discord_outbox *outbox, uint64_t self);

/* Whether a message that answers the interaction is there, or is being made. */
enum discord_answered { DISCORD_UNANSWERED, DISCORD_ANSWERING, DISCORD_ANSWERED };
enum discord_answered discord_outbox_answered(const struct discord_outbox *outbox,
                                              const char *interaction);
/* One is, by an earlier process. */
void discord_outbox_note_answered(struct discord_outbox *outbox, const char *interaction);

/* The application whose webhooks answer interactions; what answers one waits for it. */
void discord_outbox_application(struct discord_outbox *outbox, const char *application);
/* A first response is settled. */
void discord_outbox_go_on(struct discord_outbox *outbox);

/* Takes up what an earlier process left: ready rows are delivered (reconciled first), streaming rows
 * are kept for the turn that runs again: discord_outbox_streams finds them. [waits] */
troupe_status discord_outbox_recover(struct discord_outbox *outbox, struct error *err);
/* The streaming rows of a turn's answer, in order of `part`; the outbox's. */
size_t discord_outbox_streams(struct discord_outbox *outbox, int64_t turn, unsigned ordinal,
                              struct outbox_row **ret, size_t max);

/* A durable row: create the message where it has none, else edit it to the row's body. Called again with
 * a newer body while the older is under way, the newest wins. The row belongs to the outbox from the
 * first call on; `final`: its state is ready, it is marked sent in the end. For streaming rows the
 * remote id is stored as soon as it is known. `done` (may be NULL) is called when this body (or a
 * newer one) is shown or has failed. */
void discord_outbox_show(struct discord_outbox *outbox, struct outbox_row *row, bool final,
                         void (*done)(void *arg, troupe_status status), void *arg);

/* A new row ahead of its commit, which opens the latch: its request is made meanwhile, and leaves with
 * that. It is final; the row stays until discord_outbox_settle, which the owner owes. */
void discord_outbox_ahead(struct discord_outbox *outbox, struct outbox_row *row,
                          struct latch *latch);
/* `durable`: it is owed. Else its latch is broken, and it is gone afterwards. */
void discord_outbox_settle(struct outbox_row *row, bool durable);

/* The owner of a streaming row has another text for it and will show that: a creation that has not left
 * is taken back; whoever waits for that, or for an edit, hears TROUPE_CANCELED. True: no message of
 * it can be there. */
bool discord_outbox_take_back(struct discord_outbox *outbox, struct outbox_row *row);
/* A row that was taken back and is not needed, nor stored any more; it is gone afterwards. */
void discord_outbox_drop(struct outbox_row *row);
/* A row that was taken back stays as it is, unseen: those behind it need not wait. */
void discord_outbox_pass(struct outbox_row *row);

struct discord_outbox_stats {
    size_t waiting;     /* final rows that are not shown yet          */
    size_t reconciling; /* of all rows, those that are looked for     */
    uint64_t created, edited, reconciled_found, reconciled_repeated, unknown, failed;
    uint64_t detached; /* answers of interactions that were over */
};
void discord_outbox_stats(const struct discord_outbox *outbox, struct discord_outbox_stats *ret);

#endif
