/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the outbox: what goes out, one row a message, durable before it leaves. Shared by all
 * gateways; how a row is shown is each gateway's own. One struct outbox a process; loop thread,
 * [waits] needs a coroutine.
 */
#ifndef GATEWAY_OUTBOX_H
#define GATEWAY_OUTBOX_H

#include "base/error.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attached;
struct event;
struct gateway_button;
struct loop;
struct store;
struct store_batch;

#define OUTBOX_MARKS_MAX 10000 /* marks that failed and are remembered, or tried again */
#define OUTBOX_NONCE_MAX 25    /* characters, which is what Discord takes                  */

enum outbox_state {
    OUTBOX_STREAMING, /* an unfinished answer: its turn will finish it                      */
    OUTBOX_READY,     /* final, to be delivered                                             */
    OUTBOX_SENT,      /* done (an edit to the final body included)                          */
    OUTBOX_UNKNOWN,   /* may have been sent; cannot be found out; not repeated              */
    OUTBOX_FAILED,    /* refused for good: channel gone, no permission; `error` tells       */
};

/* Memory: outbox_row_new / outbox_row_free; texts are the row's own (mem_). */
struct outbox_row {
    struct list_link link;
    int64_t id;       /* made by the host before the insert: outbox_next_id */
    int64_t turn;     /* 0: none                                              */
    unsigned ordinal; /* which answer of the turn: 0 its own, questions from 1 */
    unsigned part;    /* n-th message of that answer                          */
    char kind[8];     /* "reply", "private", "notice", "ask"                  */
    char *gateway, *account, *channel;
    char *member;    /* who asked: what one is told in a channel comes in order; NULL: nobody */
    char *reply_to;  /* the message it answers, or a place (discord/place.h); NULL: none */
    char *body;      /* exactly what is shown (Discord: content of the message)   */
    char *source;    /* the raw text behind it, where it differs (fences reopened); else NULL */
    char *ping;      /* the one member that it may notify; NULL: nobody      */
    char *buttons;   /* JSON [{"id","label"}…] or of a select (form.h); NULL: none */
    char *file_name; /* of a file that goes with it; NULL: none               */
    char *file;      /* and what stands in it                                 */
    struct attached *files; /* that an agent attached, as well; NULL: none    */
    char *parent; /* `channel` is a thread that is opened from the message of the same id there */
    char *thread_name; /* what it is called then                                */
    char *remote_id;   /* the message once it is there                         */
    enum outbox_state state;
    struct event *event; /* an interaction that it answers through; NULL: none. Not stored       */
    bool detached;       /* that is over: the message stands in the channel, and says so         */
    bool inherited;      /* read from the store: an earlier process may have sent it */
    int64_t created_ms;
    void *delivery; /* the delivering gateway's own; NULL in a new row */
};

struct outbox_row *outbox_row_new(void);
void outbox_row_free(struct outbox_row *row); /* NULL is fine */

/* "reply", "private", "notice", "ask": of enum gateway_kind, for row.kind. Static. */
const char *outbox_kind(int kind);
/* The buttons as row.buttons has them; NULL where there are none. mem_free. */
char *outbox_buttons(const struct gateway_button *buttons, size_t count);

/* Ids are made here, so that a row can be referred to before it is stored: loads the largest one.
 * [waits] */
struct outbox;
troupe_status outbox_open(struct loop *loop, struct store *store, struct outbox **ret,
                          struct error *err);
/* Marks that are in flight are still written if the store is closed after this. NULL is fine. */
void outbox_close(struct outbox *outbox);
/* Rises; never one of a row that is there. */
int64_t outbox_next_id(struct outbox *outbox);

/* Statements; each leaves the rest of the batch to the caller. */
void outbox_insert(struct store_batch *batch, const struct outbox_row *row);
/* body, source, buttons, state (streaming to ready too). */
void outbox_update(struct store_batch *batch, const struct outbox_row *row);
/* Where it goes and what with: channel, reply_to, thread, body and files. */
void outbox_move(struct store_batch *batch, const struct outbox_row *row);
void outbox_delete(struct store_batch *batch, int64_t id);

/* Marks without waiting; those of about 10 ms share a batch, so that they do not keep the
 * disk from what waits for it.
 * SENT, UNKNOWN and FAILED end the row; STREAMING and READY leave its state alone and only note
 * `remote_id` (NULL: unchanged). A row that is sent or failed is not touched, one that is not there
 * neither. A failure is logged and tried again each second where the store does not work; what cannot
 * be, is reconciled at the next start, and this process does not load it again. */
void outbox_mark(struct outbox *outbox, int64_t id, enum outbox_state state, const char *remote_id,
                 const char *error);
/* The bytes of the turn's files are needed no more: with the marks of about that time. */
void outbox_mark_files(struct outbox *outbox, int64_t turn);
/* Marks that are in no submitted batch yet. */
size_t outbox_gathered(const struct outbox *outbox);

/* Open rows (streaming, ready) of a gateway, oldest first, appended to the list; `inherited` is true
 * for those of an earlier process, and for what was another host's. Rows whose final mark is on its way are left out. [waits] */
troupe_status outbox_load(struct outbox *outbox, const char *gateway, struct list_link *ret_rows,
                          struct error *err);
/* The nonce of a row: from gateway, turn, ordinal and part, so that an answer that is made again has
 * it again; of a row without a turn from its id and time. */
void outbox_nonce(const struct outbox_row *row, char ret[OUTBOX_NONCE_MAX + 1]);

#endif
