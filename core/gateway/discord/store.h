/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a session survives the process: where to resume, and how often an account identified in
 * the last 24 hours, since Discord resets the token of one that does so too often (gateway.mdx,
 * "Identifying": 1,000 a day). Loop thread, inside a coroutine.
 */
#ifndef GATEWAY_DISCORD_STORE_H
#define GATEWAY_DISCORD_STORE_H

#include "gateway/discord/session.h"
#include "store/store.h"

#define DISCORD_IDENTIFY_APART_MS 5000 /* max_concurrency 1: one in 5 s */

/* The session of the gateway `name`; an empty one where none is stored. [waits] */
troupe_status discord_store_load(struct store *store, const char *name, struct discord_resume *ret,
                                 struct error *err);
/* A changed session, or none (session_id ""). [waits] */
troupe_status discord_store_session(struct store *store, const char *name,
                                    const struct discord_resume *resume, struct error *err);
/* Adds to somebody's batch that events of the session up to `seq` are stored with it. `session_id`
 * is the one that they came with: once another has been stored it changes nothing, nor does a seq
 * below the newest. NULL: whichever is stored. */
void discord_store_seq(struct store_batch *batch, const char *name, const char *session_id,
                       int64_t seq);
/* Counts an identify that is about to leave; durable when it returns TROUPE_OK. `account` names the
 * bot, over all its gateways and shards. TROUPE_LIMIT: there were DISCORD_IDENTIFIES_MAX in 24 h;
 * TROUPE_BUSY: one was less than DISCORD_IDENTIFY_APART_MS ago; both tell when to ask again. After a
 * failure of the store (as store_commit's) it must not leave, though it may have been counted. [waits] */
troupe_status discord_store_identify(struct store *store, const char *account,
                                     uint64_t *ret_wait_ms, struct error *err);
/* Identifies of the last 24 hours, for status. [waits] */
troupe_status discord_store_identifies(struct store *store, const char *account, unsigned *ret,
                                       struct error *err);

#endif
