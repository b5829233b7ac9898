/* SPDX-License-Identifier: Apache-2.0
 *
 * A frame: one running stage, observer or function of a plugin. `pub` is what the plugin holds as
 * its troupe_turn, so a frame is found from it by a cast. What the plugin asked for and the host
 * gave (text results, rows, streams, requests) hangs on the frame and goes with it. Private to
 * core/turn and core/host.
 */
#ifndef TURN_FRAME_H
#define TURN_FRAME_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "turn/turn.h"

struct plugin_agent;
struct chan;
struct plugin_function;

/* Something of the host's that must be given back when the frame ends. */
struct turn_resource {
    struct list_link link;
    void (*release)(struct turn_resource *resource);
};

struct turn_frame {
    troupe_turn pub; /* first */
    struct turn *turn;
    struct plugin_agent *agent;
    const struct plugin_function *function; /* NULL: a stage or an observer             */
    struct turn_frame *caller;              /* NULL: called by the core                 */
    bool observer;                          /* cannot answer                            */
    bool unrecorded;                        /* its calls are not kept                   */
    bool child;                             /* of the frame that called it: troupe_spawn */
    bool confirm;                           /* its member is asked before it is entered  */
    unsigned depth;
    char *path;                 /* its place in the record, of the arena     */
    unsigned ordinal, children; /* the next call's, and children so far      */
    bool replayed;              /* the last call returned what is recorded   */
    unsigned said;              /* reservations that were only said, so far  */
    struct arena arena;         /* results handed to the plugin              */
    struct list_link resources; /* newest first                              */
    size_t streams, requests;   /* open ones of each kind                    */
    size_t kept;                /* bytes of results it holds                 */
    /* A function's own output; a child's goes to that of its parent's frame. */
    struct turn_frame *out;
    struct buf text;
    struct buf json;
    troupe_status verdict;     /* how it ended */
    struct chan *chunks;       /* to a caller that opened a stream; NULL: none */
    struct store_batch *batch; /* writes that are gathered; NULL: none are */
    int64_t batch_hash;
    const bool *reading; /* whether that caller waits for the next chunk */
    /* Why the frame itself fails (troupe_fail), and the last call that failed for it. */
    struct turn_words *fail, *error; /* NULL: it said nothing, none did */
    troupe_status error_status;
    troupe_message message; /* filled when the plugin asks */
    /* span.h: since when it runs, and places of spans. */
    uint64_t began_ns;
    unsigned number;     /* among the turn's frames                        */
    unsigned span;       /* its own; 0: nobody looks                       */
    unsigned span_above; /* the one that was open where it was called      */
    unsigned span_open;  /* the innermost that is open                     */
    unsigned span_count, span_calls;
};

/* Few frames fail: the room is made when one does, once. */
struct turn_words *turn_frame_words(struct turn_frame *frame, struct turn_words **words);

/* A stage or an observer at work, on a coroutine of its own: turn_job_main, whose argument it is. The
 * verdict is in the frame, which the caller clears. */
struct turn_job {
    struct turn_frame frame;
    troupe_status (*fn)(troupe_turn *turn);
    troupe_status (*job)(troupe_turn *turn, troupe_str payload); /* in its place; NULL: none */
};
troupe_status turn_job_main(void *job);

static inline struct turn_frame *turn_frame_of(troupe_turn *turn)
{
    return (struct turn_frame *)turn;
}

/* `path` is its place in the record; copied. */
void turn_frame_init(struct turn_frame *frame, struct turn *turn, struct plugin_agent *agent,
                     struct turn_frame *caller, const char *path);
/* turn_active for the coroutine of a frame that belongs to a stage. */
void turn_frame_active(const struct turn_frame *frame, bool on);
/* Releases the resources, newest first; on the coroutine that made them. */
void turn_frame_clear_resources(struct turn_frame *frame);
/* The rest, too. */
void turn_frame_clear(struct turn_frame *frame);
void turn_frame_own(struct turn_frame *frame, struct turn_resource *resource,
                    void (*release)(struct turn_resource *resource));
/* Why the frame ended with the failure `status`, in its own words, or in those of the last call
 * that failed for it where it passed that status on; false where it said nothing. */
bool turn_frame_explain(const struct turn_frame *frame, troupe_status status, char code[64],
                        char text[ERROR_TEXT_MAX]);
/* For the log, in its own words where it said any. */
const char *turn_frame_reason(const struct turn_frame *frame, troupe_status status);
/* Records why a call that the plugin made failed; returns `status`. */
troupe_status turn_frame_error(struct turn_frame *frame, troupe_status status, const char *code,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
