/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent whose code runs in a process of its own. To the layers above it is an agent like any
 * other: its manifest is made from what the process told (declare.h), and each of its members sends
 * what is to be done to the process and does there what the process asks for (serve.c), in the
 * coroutine and on the turn that entered it. So what is recorded, replayed, limited and denied is
 * decided by the same code as for an agent of the host's own process.
 *
 * A keeper sees to the process: starts it, waits for READY, notices its end, starts another one after
 * 10 ms, doubled with each crash of the last minute, a third of it by chance. The fifth within a
 * minute is the last: the agent is switched off until a reload. What was under way when a process
 * died begins again, once where it was to blame for it, in the next one; then it fails with
 * TROUPE_CRASHED.
 *
 * Every state has its deadline: a start ISOLATE_START_MS (or the manager's time for trials), a call
 * the one of its scope and ISOLATE_GRACE_MS, `destroy` ISOLATE_DRAIN_MS. Loop thread.
 */
#ifndef PLUGIN_ISOLATE_H
#define PLUGIN_ISOLATE_H

#include "loop/op.h"
#include "loop/scope.h"
#include "plugin/agent.h"
#include "plugin/child.h"

#define ISOLATE_CALLS_MAX  512 /* under way in one process, children counted                   */
#define ISOLATE_BACKOFF_MS 10  /* after the first crash                                        */
#define ISOLATE_CRASHES    5   /* within ISOLATE_CRASH_MS: the agent is switched off           */
#define ISOLATE_CRASH_MS   60000
#define ISOLATE_GRACE_MS   20   /* beyond a call's deadline, until who computes still is killed */
#define ISOLATE_STOP_MS    1000 /* the same for what was stopped or put aside                   */
#define ISOLATE_DRAIN_MS   1000 /* for `destroy`                                                */
#define ISOLATE_STATE_MS   1000 /* for save and load, each                                      */
#define ISOLATE_HANDLES    128  /* streams, requests and children of a stage or function        */
#define ISOLATE_LATE_CALLS 30   /* calls of who was ended and does not hear                     */

struct plugin_manager;

enum isolate_state {
    ISOLATE_STARTING,
    ISOLATE_READY,
    ISOLATE_WAITING, /* for the next start            */
    ISOLATE_OFF,     /* it crashed too often          */
    ISOLATE_FAILED,  /* the first start did not work  */
    ISOLATE_CLOSING, /* `destroy` runs                */
    ISOLATE_ENDED
};

struct plugin_isolate {
    struct list_link link; /* in manager->isolates */
    struct plugin_manager *manager;
    struct plugin_agent *agent; /* NULL: closing */
    struct plugin_image *image;
    char *owner, *name;
    char *runner, *request; /* what a process is started with */
    uint64_t start_ms;
    enum isolate_state state;
    struct plugin_child *child; /* NULL: none just now */
    uint64_t life;              /* counts processes */
    struct scope scope;         /* the keeper's coroutine, while there is something to do */
    struct loop_timer again;    /* where none was free */
    bool started;               /* it was ready once */
    struct op *event;           /* that the keeper waits for */
    bool changed;               /* something has happened since it looked */
    struct list_link waiters;   /* struct isolate_waiter */
    struct list_link calls;     /* struct isolate_call */
    size_t call_count;
    uint32_t last_id;
    struct error err; /* why the first start failed */
    /* Crashes, the newest last. */
    uint64_t crashed_ms[ISOLATE_CRASHES];
    uint64_t crashes;
    char cause[200];
    uint64_t blamed[64]; /* turns that a process died in, as a ring */
    size_t blamed_next;
    /* Of lines that are logged. */
    uint64_t logs_since;
    unsigned logs;
};

/* Starts the agent's first process and waits until it is ready: `create` has run there. On failure the
 * sentence is the agent's. [waits] */
troupe_status plugin_isolate_start(struct plugin_manager *manager, struct plugin_agent *agent,
                                   struct error *err);
/* The agent goes: `destroy` runs in its process, which then ends; without a wait. NULL is fine. */
void plugin_isolate_close(struct plugin_isolate *isolate);
/* Hands the state of one to the other, each in its process. [waits] */
troupe_status plugin_isolate_hand_over(struct plugin_agent *agent, struct plugin_agent *old,
                                       struct error *err);

struct plugin_isolate_info {
    const char *state; /* "ready", "starting", "waits", "off" */
    pid_t pid;         /* 0: none */
    uint64_t pss;      /* bytes; where they cannot be read those in memory alone */
    uint64_t cpu_ms;
    uint64_t crashes;
    size_t running;
};
/* Reads files of /proc: for people who ask, not for each turn. */
void plugin_isolate_look(const struct plugin_isolate *isolate, struct plugin_isolate_info *ret);

/* ---- members of an isolated agent's manifest ------------------------------------------------- */

troupe_status plugin_isolate_stage(troupe_turn *turn);
troupe_status plugin_isolate_observe(troupe_turn *turn);
troupe_status plugin_isolate_job(troupe_turn *turn, troupe_str payload);
troupe_status plugin_isolate_function(const struct plugin_function *function, troupe_turn *turn,
                                      const troupe_value *values);

/* ---- between the files ----------------------------------------------------------------------- */

/* Whose turn it is to speak. */
enum isolate_ball { BALL_CHILD, BALL_HOST };

struct isolate_handle {
    uint32_t kind; /* WIRE_DO_OPEN, _HTTP_OPEN or _SPAWN; 0: free */
    void *ptr;
};

/* Something that was entered. */
struct isolate_call {
    struct list_link link; /* in isolate->calls */
    struct plugin_isolate *isolate;
    uint64_t life;     /* of the process that it is in          */
    troupe_turn *turn; /* NULL: save, load, destroy             */
    uint32_t id, what;
    enum isolate_ball ball;
    bool computing; /* the child does troupe_work         */
    bool crashed;   /* its process has died               */
    bool blamed;    /* while it was running this           */
    bool orphan;    /* nobody waits for it any more        */
    bool effects;   /* it did more than look               */
    uint32_t sequence;
    unsigned late_calls;
    struct op *op; /* that its coroutine waits for */
    struct wire_head head;
    struct buf payload; /* the message that came */
    bool arrived;
    struct isolate_handle handles[ISOLATE_HANDLES];
    troupe_str blob; /* the last one that the child wanted whole; held by the turn */
};

/* Enters and stays until it returned. `out` (may be NULL) gets what came with the return. [waits] */
troupe_status plugin_isolate_enter(struct plugin_isolate *isolate, troupe_turn *turn, uint32_t what,
                                   const struct buf *payload, struct buf *out);
/* The same in the process that is there now, or none: for a child of what runs there. [waits] */
troupe_status plugin_isolate_enter_task(struct plugin_isolate *isolate, uint64_t life,
                                        troupe_turn *turn, const struct buf *payload);
/* A message of the process. */
void plugin_isolate_message(struct plugin_child *child, const struct wire_head *head,
                            struct buf *payload);
/* Its process has ended: whoever is in it hears. */
void plugin_isolate_crashed(struct plugin_isolate *isolate);
/* Waits until the state is another than `state`. [waits] */
troupe_status plugin_isolate_wait(struct plugin_isolate *isolate, enum isolate_state state,
                                  uint64_t deadline);
void plugin_isolate_change(struct plugin_isolate *isolate, enum isolate_state state);
/* Wakes the keeper. */
void plugin_isolate_notify(struct plugin_isolate *isolate);

/* Asks the child to do the work of the call, in its coroutine; `out` is filled. [waits] */
troupe_status plugin_isolate_compute(struct isolate_call *call, void *out, uint64_t out_len);

#define ISOLATE_BROKEN INT32_MIN /* the message cannot be read: a violation */
/* Does what the process asks for, in its coroutine, on its turn. The status goes back, with `out`.
 * ISOLATE_BROKEN for what no guest of ours sends. [waits] */
troupe_status plugin_serve(struct isolate_call *call, uint32_t what, struct wire_in *in,
                           struct buf *out);
/* The part that serves extensions. */
troupe_status plugin_serve_extension(struct isolate_call *call, uint32_t what, struct wire_in *in,
                                     struct buf *out);
/* And of that the part that serves texts. */
troupe_status plugin_serve_texts(troupe_turn *turn, uint32_t what, struct wire_in *in,
                                 struct buf *out);
/* And the part that attaches files. */
troupe_status plugin_serve_attach(troupe_turn *turn, struct wire_in *in);
/* Of blobs. */
troupe_status plugin_serve_blobs(struct isolate_call *call, uint32_t what, struct wire_in *in,
                                 struct buf *out);
/* A handle for the child, and back; 0 and NULL where there is none. */
int64_t plugin_serve_keep(struct isolate_call *call, uint32_t kind, void *ptr);
void *plugin_serve_find(const struct isolate_call *call, uint32_t kind, int64_t handle);
void plugin_serve_drop(struct isolate_call *call, int64_t handle);

#endif
