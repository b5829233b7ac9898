/* SPDX-License-Identifier: Apache-2.0
 *
 * What the turn layer asks of a gateway, and what a gateway owes it.
 *
 * In: a gateway makes an event of what it received and hands it to turn_engine_submit (through a
 * callback that core/main wires). Events of one gateway are submitted in the order of their `seq`.
 *
 * Out: what members see is written into an *answer*. Everything that is owed has a row in the
 * outbox before it leaves; the gateway owns those rows (gateway/outbox.h), the engine owns the
 * transaction that makes the last of them durable together with the end of the turn:
 *
 *     answer_begin -> answer_write*  (streamed; the gateway stores each piece before it shows it)
 *                  -> answer_prepare (adds rows to the engine's batch; nothing is shown before
 *                                     that is durable)
 *                  -> store_commit by the engine
 *                  -> answer_commit  (it is owed now: the gateway delivers, retries, reconciles and
 *                                     marks on its own) or answer_drop (the commit failed)
 *
 * So a turn ends when its answer is owed, not when it was shown: rate limits never hold up turns.
 * After a restart the gateway delivers by itself what was left (ready rows), and a turn that runs
 * again goes on with the messages that its answer has already (streaming rows).
 *
 * Loop thread, inside a coroutine. Calls marked [waits] may wait for a time that the gateway bounds
 * by itself; the others never wait.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/attached.h"
#include "gateway/event.h"
#include "gateway/files.h"
#include "gateway/form.h"

#include <inttypes.h>

struct gateway;
struct store_batch;

enum gateway_outcome {
    GATEWAY_COMPLETE,    /* the answer is whole                               */
    GATEWAY_INTERRUPTED, /* it stops here; the gateway marks it "(interrupted)" */
};

enum gateway_kind {
    GATEWAY_REPLY,   /* the answer, for everybody who reads the channel                  */
    GATEWAY_PRIVATE, /* the answer, for the asking member only where the medium can      */
    GATEWAY_NOTICE,  /* a sentence to the member in place of an answer or beside it      */
    GATEWAY_ASK,     /* a question with buttons; the turn waits for the press            */
};

/* What a member may do in a server, from its own permissions there. */
enum gateway_rights {
    GATEWAY_MEMBER,
    GATEWAY_MODERATOR, /* Moderate Members             */
    GATEWAY_ADMIN,     /* Manage Server, Administrator */
};

/* `ordinal` of the sentence that a turn gives in place of an answer or beside it. */
#define GATEWAY_ORDINAL_NOTICE 0xFFFFu

/* Under a message. `id` comes back with the press; at most 100 bytes, GATEWAY_BUTTONS_MAX of them. */
#define GATEWAY_BUTTONS_MAX 5
struct gateway_button {
    const char *id, *label; /* label: at most 80 characters */
};

/* Ids of buttons that a gateway may put below an answer by itself; the number is the turn's. */
#define GATEWAY_PRESS_AGAIN "t:retry:%" PRId64
#define GATEWAY_PRESS_STOP  "t:stop:%" PRId64
#define GATEWAY_PRESS_RATE  "t:rate:%" PRId64 ":%d" /* 1 or -1 */

/* What becomes of an answer in the end. */
struct gateway_final {
    enum gateway_outcome outcome;
    const char *text; /* NULL: what was written stands; else the whole text in its place */
    size_t len;
    const struct gateway_button *buttons;
    size_t button_count;
    const struct gateway_select *select; /* in place of buttons; NULL: none */
    struct attached *files;              /* that go with it, whole; NULL: none */
};

/* What is wanted of a file of an event. */
struct gateway_fetch {
    size_t index;  /* its place in the message, from 0                                     */
    size_t used;   /* bytes of the texts of those before it, for the message's content     */
    bool pictures; /* there is a plugin that looks at pictures                             */
};

/* What was found. Zeroed before; buf_clear(&data) afterwards. */
struct gateway_fetched {
    enum gateway_file_state state;
    size_t shown;    /* bytes, from the first, that belong into the content */
    struct buf data; /* of a text or picture; else empty                    */
};

struct gateway_ops {
    /* A new answer of turn `turn` to `event`, or the one that this or an earlier process had begun to
     * show; what is written then is compared with what was shown from its start. `ret` is the
     * gateway's handle on it. `ordinal` tells answers of one turn apart: 0 is the turn's own,
     * questions count from 1. Nothing is visible yet. Turn 0 is the core's own commands, of which
     * nothing is kept: the batch of their answer_prepare is never committed. */
    troupe_status (*answer_begin)(struct gateway *gateway, const struct event *event, int64_t turn,
                                  unsigned ordinal, enum gateway_kind kind, void **ret,
                                  struct error *err);
    /* What members may have seen of it (also of an earlier process), as raw text that was written;
     * the gateway's, until the next call. 0 where nothing was shown. */
    size_t (*answer_shown)(struct gateway *gateway, void *answer, const char **ret_text);
    /* More text of it. Text that equals what is shown already (a stage that runs again) is not shown
     * again. The gateway shows it as its medium allows and may gather pieces. [waits] */
    troupe_status (*answer_write)(struct gateway *gateway, void *answer, const char *text,
                                  size_t len);
    /* Adds to `batch` what makes the rest of it owed. Called once. */
    troupe_status (*answer_prepare)(struct gateway *gateway, void *answer,
                                    const struct gateway_final *final, struct store_batch *batch,
                                    struct error *err);
    /* The batch is durable: delivery begins. The handle is gone afterwards. */
    void (*answer_commit)(struct gateway *gateway, void *answer);
    /* The batch failed, and a sentence says so before answer_drop: whatever waits for the batch, and that
     * sentence behind it, goes. NULL is fine. */
    void (*answer_failed)(struct gateway *gateway, void *answer);
    /* Nothing more is owed: the batch failed, or the answer was taken back. What was shown is closed
     * as well as it goes. The handle is gone afterwards. */
    void (*answer_drop)(struct gateway *gateway, void *answer);
    /* A sentence to the member at once, kept nowhere: for what could not even be stored, and for
     * private notes about a press. [waits] */
    troupe_status (*notice)(struct gateway *gateway, const struct event *event, const char *text,
                            bool private);
    /* The same for an event whose answer takes long: where the platform shows that one comes, the sentence stands
     * in its place until then. NULL: a notice does. [waits] */
    troupe_status (*patience)(struct gateway *gateway, const struct event *event, const char *text);
    /* Looks at a file of an event, within the gateway's bounds of kind, size and time. Fails only where
     * the coroutine is to end: TROUPE_CANCELED, TROUPE_DEADLINE. NULL: it has no files. [waits] */
    troupe_status (*fetch)(struct gateway *gateway, const struct gateway_file *file,
                           const struct gateway_fetch *want, struct gateway_fetched *ret);
    /* Shows a form to the member who pressed, as what that press does; it comes back as a press of the
     * form's id, or never. Where it is too late for that, the member is told to press again. NULL: it
     * has no forms. [waits] */
    troupe_status (*form)(struct gateway *gateway, const struct event *press,
                          const struct gateway_form *form);
    /* What stands above the message that the event quotes, as event.chain has it (mem_free), NULL where
     * nothing does or nobody can tell; within a time of the gateway's. Fails like fetch. NULL: it knows
     * of no more than the quote. [waits] */
    troupe_status (*chain)(struct gateway *gateway, const struct event *event, char **ret);
    /* Whether somebody is working on the event: typing, a reaction. Off comes after the turn's last
     * answers were begun and before they are prepared. NULL is fine. */
    void (*working)(struct gateway *gateway, const struct event *event, bool on);
    /* The event is kept, and its turn waits for a store that is away: tells its member so, as the medium can without
     * being a nuisance. Off: the turn begins, or there will be none. NULL: it cannot, and its events are refused
     * with a sentence while the store is away. */
    void (*waits)(struct gateway *gateway, const struct event *event, bool on);
    /* The buttons of the message that `event` pressed are spent, by it or before: takes them away where
     * the medium can, some time or never. `line` (NULL: none) is put below what the message says: who chose
     * what. It may name members, and notifies none. NULL is fine. */
    void (*retire)(struct gateway *gateway, const struct event *event, const char *line);
    /* The same of a question that `turn` asked of the event's member under `ordinal`, and that nobody answered.
     * NULL is fine. [waits] */
    void (*expire)(struct gateway *gateway, const struct event *event, int64_t turn,
                   unsigned ordinal, const char *line);
    /* The press is another host's to answer, which has it as well: it gets no answer of ours. NULL is
     * fine. */
    void (*leave)(struct gateway *gateway, const struct event *event);
    /* The engine stores events up to `seq` of this gateway with `batch`: the gateway adds the row
     * that remembers it, so that seq is never ahead of what is stored. NULL: it has none. */
    void (*taken)(struct gateway *gateway, int64_t seq, struct store_batch *batch);
    /* Nothing up to `seq` is under way any more: it is durable, was refused with a sentence, or owes
     * nothing (nobody was addressed). NULL is fine: then commands of the core's own are not kept. */
    void (*stored)(struct gateway *gateway, int64_t seq);
    /* What the event's member may do there, at this moment; who owns the bot is told by EVENT_OWNER.
     * NULL: the flags of the event tell all. On failure nobody knows. [waits] */
    troupe_status (*rights)(struct gateway *gateway, const struct event *event,
                            enum gateway_rights *ret, struct error *err);
};

struct gateway {
    const struct gateway_ops *ops;
    const char *name;  /* the source of its events: "console", "discord:0" */
    int64_t submitted; /* the engine's: the last seq that came in; starts as 0 */
};

#endif
