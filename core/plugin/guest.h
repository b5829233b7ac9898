/* SPDX-License-Identifier: Apache-2.0
 *
 * The child's side of an isolated agent (isolate.h is the host's): troupe-runner, once it has loaded
 * the plugin in its sandbox and created the agent, serves what the host enters. Each thing that was
 * entered has a stack of its own; a call of the host that has to go there sends a message and leaves
 * the stack until the reply comes, so that many turns are under way in one thread. There is no loop
 * and no timer: all waiting is the host's, and the child waits for one thing only, the next message.
 *
 * Nothing in here is trusted by anybody. It is the same process as the plugin's code.
 */
#ifndef PLUGIN_GUEST_H
#define PLUGIN_GUEST_H

#include "base/arena.h"
#include "base/list.h"
#include "loop/fiber.h"
#include "plugin/agent.h"
#include "plugin/wire.h"

#include <troupe/troupe.h>

#define GUEST_STACK_GUARD ((size_t)64 << 10)
#define GUEST_STACKS_KEPT 8
#define GUEST_FRAME       (sizeof(struct wire_head) + WIRE_FRAME_MAX)

/* A page that host and child share: who has the processor, for who is to blame when it dies, and what
 * lets either side look for a message before it sleeps. The child can write all of it, so the host
 * takes nothing from it but hints. A line of memory for each writer. */
struct guest_page {
    _Atomic uint64_t running; /* its number; 0: nobody */
    /* Messages that the child has sent, and the processor that it did so on, counted from 1. */
    _Atomic uint32_t sent, processor;
    /* The same of the host. */
    _Alignas(64) _Atomic uint32_t host_sent;
    _Atomic uint32_t host_processor;
};
/* The processor that this is, counted from 1; 0: who knows. */
uint32_t guest_processor(void);

#define GUEST_LOOK_US 50
/*
 * Whether it is worth looking for an answer before sleeping: the other side runs on a processor of its
 * own, and looking has helped of late. After some misses in a row it is tried now and then only.
 */
struct guest_look {
    unsigned misses, skipped;
};
bool guest_look_worth(struct guest_look *look, uint32_t processor);
void guest_look_done(struct guest_look *look, bool found);

struct guest_turn;

struct guest {
    struct plugin_log log; /* first: the agent's, and how `setting` finds its way here */
    int fd;
    void *handle; /* of the plugin's mapping */
    struct plugin_agent *agent;
    const struct plugin_manifest *manifest;
    struct guest_page *page; /* NULL: none was given */
    struct fiber fiber;      /* the thread's own stack */
    struct guest_turn *running;
    struct list_link turns;
    struct list_link stacks; /* free ones */
    size_t stack_count;
    void *(*exception_globals)(void);
    struct wire_reader reader;
    struct guest_look look;
    uint32_t host_seen; /* messages of the host that were read                        */
    bool asks;          /* the last message asked for something that may come at once */
    char *frame;        /* GUEST_FRAME bytes of its own pages: most are never touched */
    bool ends;          /* destroy has run */
};

struct guest_stack {
    struct list_link link;
    char *map;
    size_t map_size;
    struct fiber fiber;
};

/* Something that was entered. */
struct guest_turn {
    troupe_turn pub; /* first */
    struct list_link link;
    struct guest *guest;
    size_t refs;               /* one of its own, one of each child that may use its memory */
    struct guest_turn *parent; /* of a child; NULL */
    uint32_t id, what;
    struct guest_stack *stack;
    struct buf payload; /* what it was entered with */
    struct arena arena; /* results and what the plugin took */
    uint32_t sequence;
    struct list_link tasks; /* children that it started */
    int64_t tokens;
    size_t taken;            /* bytes that the plugin took */
    struct list_link chunks; /* of streams: what their last read handed out */
    troupe_message message;
    bool asked, has_message;
    /* The message that it waits for, while it is resumed. */
    uint32_t got;
    troupe_status got_status;
    struct wire_in in;
    /* How it ended. */
    bool ended;
    troupe_status status;
    struct buf out;
};

static inline struct guest_turn *guest_turn_of(troupe_turn *turn)
{
    return (struct guest_turn *)turn;
}

/* Says that the agent was made, and serves until destroy was asked for or the host is gone. */
void guest_serve(struct guest *guest);
/* Sends a message; the process ends where the host is gone. */
void guest_send(struct guest *guest, const struct wire_head *head, const void *payload, size_t len);
/* plugin_log.write of `guest->log`. */
void guest_log(struct plugin_log *log, uint32_t level, const char *text, size_t len);
/* plugin_registry.setting: asks the host, where something runs that it could be asked for. */
troupe_status guest_setting(struct plugin_agent *agent, const char *key, troupe_value *ret);

/* ---- for the tables -------------------------------------------------------------------------- */

/* Calls the host and waits for its reply; `args` (may be NULL) are used up. The status of the reply;
 * `turn->in` has its results until the next call. */
troupe_status guest_call(struct guest_turn *turn, enum wire_do what, struct buf *args);
/* The same message by message: WIRE_REPLY or WIRE_COMPUTE in `turn->got`. */
void guest_ask(struct guest_turn *turn, const struct wire_head *head, const struct buf *args);
/* A copy that lives as long as the stage or function. */
troupe_str guest_keep(struct guest_turn *turn, troupe_str text);
/* The reply's next text, kept likewise. */
troupe_str guest_take(struct guest_turn *turn);

/* A place for what a stream hands out, of the turn. */
struct buf *guest_chunk(struct guest_turn *turn);
/* The reply's next text, in that place. */
troupe_str guest_take_chunk(struct guest_turn *turn, struct buf *chunk);

const troupe_turn_table *guest_turn_table(void);
/* The table of one of the host's extensions, of at most the size that the host has; NULL: this
 * runner does not know it. */
const void *guest_extension(const char *id);
const troupe_texts_v1 *guest_texts_table(void);
const troupe_attach_v1 *guest_attach_table(void);
const troupe_blobs_v1 *guest_blobs_table(void);

/* A child that this turn started. */
struct troupe_task {
    struct list_link link;
    struct guest_turn *parent;
    int64_t token;  /* by which the host enters it */
    int64_t handle; /* by which it is joined      */
    troupe_task_fn fn;
    void *arg;
};

#endif
