/* SPDX-License-Identifier: Apache-2.0
 *
 * Deleting what is kept about a member: by the core, and by agents where they said that they keep it
 * (troupe/user_data.h). What is asked for is a row and is done part by part, each part and its being
 * done in one transaction, so that it goes on after a crash, once. First the member's turns that run
 * are ended. An agent that has tables and never said what is in them keeps its part open until it
 * does, also if it is not there now.
 *
 * What stays: sums of money of a day until it is over, because caps hold by them; who changed
 * settings, as long as the audit log; messages that quote the member, a day at most. What the member's turns
 * put into the cache is taken out; a server that is away keeps that part open, until it is there or what it
 * has is over.
 *
 * Loop thread; [waits] needs a coroutine.
 */
#ifndef TURN_ERASE_H
#define TURN_ERASE_H

#include "base/error.h"
#include "base/json.h"
#include "loop/loop.h"

struct engine;
struct plugin_agent;
struct store;

/* The engine's part that does it. */
struct turn_erase {
    struct loop_timer timer;
    bool running, again;
    unsigned urgent;       /* operators who wait for the file                   */
    uint64_t cleaned_ms;   /* loop clock; 0: not yet                            */
    uint64_t rest_ms;      /* from then until members may have it cleaned again */
    uint64_t next_ms;      /* what is to be looked at by then; 0: nothing       */
    uint64_t count, parts; /* of members and parts, that were done */
};

void turn_erase_init(struct engine *engine);
/* Looks for what is open: soon, and then as often as there is something. */
void turn_erase_wake(struct engine *engine);

/* Keeps what an agent says it keeps, in place of what it had said. [waits] */
troupe_status turn_erase_declare(struct store *store, const struct plugin_agent *agent,
                                 uint64_t deadline, struct error *err);

/* Everything of the member up to now is to go. Durable where this returns TROUPE_OK; done later.
 * `turn_id` is that of the command that asks and is let end, 0: none. [waits] */
troupe_status turn_erase_ask(struct engine *engine, const char *member, const char *asked_by,
                             int64_t turn_id, struct error *err);
/* The same for an operator, who waits until what can be done is done and gone from the disk. `ret` has
 * the parts that are open still, with the reason; the caller's. [waits] */
troupe_status turn_erase_now(struct engine *engine, const char *member, uint64_t deadline,
                             json_t **ret, struct error *err);
/* Members with open parts, as turn_erase_now tells one. [waits] */
troupe_status turn_erase_list(struct engine *engine, json_t **ret, struct error *err);

/* One round, by what the clock is `now_ms`; true in `ret_soon` where another one is of use in a second. For
 * tests and the engine itself. [waits] */
troupe_status turn_erase_round(struct engine *engine, int64_t now_ms, bool *ret_soon,
                               struct error *err);

/* The pattern of scopes of kv that are the member's, or its sessions'; mem_free. */
char *turn_erase_scope(const char *member, bool session);
/* A declared key with the member's id in it; mem_free. */
char *turn_erase_key(const char *form, const char *member);

#endif
