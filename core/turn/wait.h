/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for a person, or for a time that is far: troupe_ask and a long troupe_sleep. What is waited
 * for is a row. Once every coroutine of the stage has ended or waits like that, the stage parks: its
 * coroutines return with TROUPE_PARKED, the turn gives its place and its set back and is forgotten but
 * for its rows. The answer, the expiry or the time runs the stage again, which finds its calls done
 * (record.h) and the wait decided. So a long wait, a reload and a restart are one mechanism. Rule:
 * docs/architecture.md, "A turn". Loop thread.
 */
#ifndef TURN_WAIT_H
#define TURN_WAIT_H

#include "base/error.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct event;
struct gateway;
struct op;
struct record_call;
struct store_batch;
struct store_rows;
struct turn;

enum turn_wait_state { WAIT_OPEN, WAIT_ANSWERED, WAIT_EXPIRED, WAIT_CANCELED };

struct turn_wait {
    struct list_link link; /* in turn->waits */
    int64_t id;
    char *stage, *path;
    unsigned ordinal;
    int64_t due_ms; /* wall clock */
    enum turn_wait_state state;
    int32_t answer; /* which button                              */
    bool sleeps;    /* nobody is asked: for a time            */
    char *given;    /* of a form or select: a JSON list; else NULL */
    struct op *op;  /* somebody waits for it now */
};

/* Reads those of earlier runs. [waits] */
troupe_status turn_waits_load(struct turn *turn, struct error *err);
void turn_waits_clear(struct turn *turn);
/* The one of a call; NULL. */
struct turn_wait *turn_wait_find(const struct turn *turn, const struct record_call *call);
/* A new one, open. The caller forgets it by turn_wait_drop where the batch that
 * stores it failed. */
struct turn_wait *turn_wait_new(struct record_call *call, int64_t due_ms);
/* Has the batch store it. `kind`: "ask", "sleep"; `form` as turn/form.h writes it, NULL: a button answers it, or the time. */
void turn_wait_put(const struct turn_wait *wait, const struct record_call *call, const char *kind,
                   const char *form, struct store_batch *batch);
void turn_wait_drop(struct turn_wait *wait);
/* Until it is decided: TROUPE_OK. TROUPE_PARKED and its like where the work ended before. [waits] */
troupe_status turn_wait_for(struct turn *turn, struct turn_wait *wait);

/* A coroutine of the stage works, or waits for nothing but others of the same stage. A stage where
 * none works parks when something is waited for. */
void turn_active(struct turn *turn, bool on);

/* The work is unwound: stores that the turn is parked, or runs it again where it was answered
 * meanwhile. False: that failed, and the turn has to end. [waits] */
bool turn_park(struct turn *turn);

/* ---- the engine's side ---------------------------------------------------------------------- */

/* Reads what is open; [waits] */
troupe_status turn_waits_begin(struct engine *engine, struct error *err);
/* A button was pressed: takes over the event's reference. */
void turn_engine_press(struct engine *engine, struct event *event);

#endif
