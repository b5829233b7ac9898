/* SPDX-License-Identifier: Apache-2.0
 *
 * One turn: an event on its way through the pipeline of the generation that it began with. Private
 * to core/turn and core/host. Lives from admission to the end of its coroutine; what it has done is
 * in its record (record.h), so that another one of the same number, in this process or the next, can
 * go on where it stopped. Loop thread only.
 */
#ifndef TURN_TURN_H
#define TURN_TURN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "gateway/gateway.h"
#include "loop/scope.h"
#include "turn/admission.h"
#include "turn/engine.h"
#include "turn/record.h"
#include "turn/trace.h"

#define TURN_ANSWER_MAX      65536       /* bytes of an answer or of a function's text      */
#define TURN_RESULT_MAX      (1u << 20)  /* bytes of a function's JSON result               */
#define TURN_MEMORY_MAX      (16u << 20) /* bytes a plugin may take from a turn's memory    */
#define TURN_ANNOTATIONS_MAX 64
#define TURN_ANNOTATION_MAX  16384       /* bytes of one value                              */
#define TURN_COMMAND         "command"   /* the stage that a member's command is           */
#define TURN_JOB             "job"       /* kind of a due job, and its one stage           */
#define TURN_DEPTH_MAX       8           /* functions that call functions                   */
#define TURN_CALLS_MAX       100         /* functions of one turn that run at a time        */
#define TURN_KEPT_MAX        (64u << 20) /* bytes of results that a stage or function holds */

/* What the member sees of a turn: one answer, streamed or whole. */
struct turn_answer {
    void *handle;          /* the gateway's, once it was begun; NULL before and after */
    struct buf text;       /* everything written so far                               */
    struct buf data;       /* the same of a command of the core's for programs: JSON  */
    bool replied;          /* a whole text replaced what was written                  */
    bool shown;            /* a piece has reached the gateway                         */
    bool closed;           /* nothing more is taken                                          */
    bool interrupted;      /* it ends with a mark                                     */
    bool private;          /* for the asking member only                              */
    troupe_status refused; /* a piece was not taken: nor is what follows it, or it had a hole */
};

/* Files that agents attached to the answer; they are in the store (attach.h). */
struct turn_attached {
    size_t count, bytes;
    int64_t next; /* the number of another one; 0: none was ever attached */
};

enum turn_phase { TURN_WAITING, TURN_RUNNING, TURN_ENDED };

/* Why something failed: a code for programs, a sentence for people. */
struct turn_words {
    char code[64], text[ERROR_TEXT_MAX];
};

struct turn {
    struct engine *engine;
    int64_t id;             /* of the event, too; 0: not owed (a built-in, something seen) */
    struct event *event;    /* of kind "call" for the shell          */
    struct plugin_set *set; /* pinned while it runs                  */
    struct turn_ticket ticket;
    struct list_link link; /* in engine->turns                      */
    enum turn_phase phase;
    bool admitted;                /* holds a place in admission            */
    bool builtin;                 /* counted in engine->builtins           */
    struct engine_incoming *held; /* a command of the core's own: comes again until it is kept */
    struct scope scope;           /* root of its coroutines                */
    struct scope *work;           /* what a deadline or a stop may end     */
    struct scope observers;       /* root; they may outlast the turn's end */
    bool observed;                /* `observers` is open                   */
    bool left_open;               /* the last observer closes the budget   */
    struct loop_timer timer;      /* to start again; then: nothing to show came in time */
    uint64_t deadline;            /* absolute loop ms                      */
    uint64_t text_due_ms;         /* first_text.h: when its time is over; 0: it does not run */
    uint64_t text_left_ms;        /* of it, while `holds` is not 0                           */
    unsigned holds;               /* functions with a longer time of their own that run      */
    struct arena arena;           /* goes with the turn                    */
    struct turn_trace trace;
    struct list_link known; /* core/host: values of settings, as this turn has them */
    struct map annotations; /* key -> struct buf of the arena        */
    struct turn_answer answer;
    size_t files;                  /* of the event, that were looked at        */
    bool files_given;              /* to a command: its content has none of them */
    struct turn_attached attached; /* files that go with the answer: attach.h */
    int64_t cost_micros;
    unsigned calls;    /* functions that run now               */
    unsigned frames;   /* that were made so far                */
    unsigned attempt;  /* 1: the first; 0 is, too              */
    bool spends;       /* it has reservations in the ledger */
    unsigned reserved; /* of them, made by this run and perhaps open still */
    bool unbooked;     /* what one cost could not be stored: its worst case is to be booked */
    struct list_link reservations; /* struct turn_reservation: those that this run knows */
    struct turn_record record;
    json_t *stages;      /* names of its stages at admission                                  */
    uint64_t generation; /* of the set that the names are of                                  */
    bool resumed;        /* an earlier run had begun it                                       */
    bool restage;        /* names and generation are to be stored with the next effect        */
    bool storing;        /* its event is on its way to the store                              */
    bool duplicate;      /* its event was known already: nobody hears of this one             */
    bool withdrawn;      /* its message was deleted: nothing is said, and what was shown goes     */
    bool unstored;       /* its event could not be stored: only a sentence is owed            */
    bool spooled; /* its event waits elsewhere for the store, and for another turn (spool.h) */
    bool left;    /* the process stops: the next one goes on                           */
    struct list_link waits;   /* struct turn_wait                                             */
    unsigned active, waiting; /* coroutines of its stage that work, and that wait for somebody */
    bool waited;              /* it was parked before this run                                */
    bool parked;              /* put aside until somebody answers                             */
    bool answered_meanwhile;  /* while it was being put aside                                 */
    void (*fill)(
        struct turn *turn);  /* reads the rest of `event` when it is asked for; NULL: done */
    bool patient;            /* its member was told that it takes longer */
    bool quiet;              /* refused, and who it is for was told before      */
    bool cut;                /* a paid round was cut by a crash after some of it had been shown   */
    struct turn_words *drop; /* the last reason a stage left; NULL: none */
    /* Tells whoever had it taken in (turn_engine_take) that it has ended. */
    void (*over)(void *arg, troupe_status status);
    void *over_arg;
    /* For turn_figures. */
    uint64_t came_ms, started_ms, shown_ms; /* loop clock; 0: not yet */
    const char *stage;                      /* of the set, or static  */
    const struct plugin_agent *agent;       /* of the set             */
    const struct plugin_agent *killed;      /* whose process died of it twice; of the set */
    char what[64];
    uint64_t units_in, units_out;
    /* How it ended. */
    const char *state; /* of the table: "done", "refused", …    */
    char reason[64];
    const char *sentence; /* of the arena, or static */
};

/* Whether an observer runs still. */
static inline bool turn_is_observed(const struct turn *turn)
{
    return turn->observed && turn->observers.live > 0;
}

/* Sets state, reason code and sentence once; the first setting stands. */
void turn_conclude(struct turn *turn, const char *state, const char *reason, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* Ends a turn whose work failed: dead where that was a process which died of it twice, else failed
 * with its code and sentence. [waits] */
void turn_fail(struct turn *turn, troupe_status status, const char *code, const char *sentence);

/* Ends it as a dead letter: whoever tries again would die of it, too. */
void turn_die(struct turn *turn, const char *agent);

/* The turn cannot go on where an earlier run stopped: it ends, and nothing else happens. */
void turn_diverge(struct turn *turn, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the member is told who gets no whole answer. */
const char *turn_sentence(const struct turn *turn);

/* ---- the answer (answer.c), inside a coroutine [waits] -------------------------------------- */

troupe_status turn_answer_write(struct turn *turn, const char *text, size_t len);
troupe_status turn_answer_reply(struct turn *turn, const char *text, size_t len);
bool turn_answer_exists(const struct turn *turn);
/* What members saw of the answer, in an earlier run, beyond what this one has written: its length;
 * borrowed until the next call of the gateway. [waits] */
size_t turn_answer_rest(struct turn *turn, const char **ret);
/* What an earlier run showed and this one did not come to is part of the answer that is closed.
 * [waits] */
void turn_answer_adopt(struct turn *turn);
/* Takes back what nobody has seen. */
void turn_answer_discard(struct turn *turn);
/* Stores the outcome of the turn with what the member is owed, an answer or a sentence, and hands
 * that over to the gateway. Where the store fails, the member is told. */
troupe_status turn_answer_finish(struct turn *turn, struct error *err);
void turn_answer_clear(struct turn *turn);

/* ---- running (run.c) ------------------------------------------------------------------------ */

/* The turn's coroutine. */
troupe_status turn_run(void *turn);

#endif
