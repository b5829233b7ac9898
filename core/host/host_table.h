/* SPDX-License-Identifier: Apache-2.0
 *
 * The ABI's tables: what a plugin's call means in the core. Every entry checks the capability it
 * needs, bounds what it takes and gives, and leaves on the frame whatever must be given back when
 * the stage or function ends. Calls whose result a replay needs go through turn/record.h, each with its class.
 */
#ifndef HOST_HOST_TABLE_H
#define HOST_HOST_TABLE_H

#include "plugin/registry.h"
#include "turn/frame.h"
#include "turn/record.h"

#include <troupe/troupe.h>

/* The table behind every troupe_turn. */
const troupe_turn_table *host_turn_table(void);
/* plugin_registry.setting: a value of the agent's section as the turn that asks has it. */
troupe_status host_setting(struct plugin_agent *agent, const char *key, troupe_value *ret);
/* Registers "troupe.kv/1" and its like. */
void host_register(struct plugin_registry *registry);

/* ---- between the files of core/host --------------------------------------------------------- */

/* Of "troupe.budget/1" (budget_close.c). [waits] */
troupe_status host_settle(troupe_turn *turn, uint64_t reservation, uint64_t micros);
troupe_status host_release(troupe_turn *turn, uint64_t reservation);
/* TROUPE_DENIED with a sentence for the author unless the agent's plugin declared it. */
troupe_status host_need(struct turn_frame *frame, const char *capability);
/* TROUPE_ARGUMENT for NULL where bytes should be, TROUPE_LIMIT for more than `max` of them; `what`
 * names it to the author. */
troupe_status host_bytes(struct turn_frame *frame, const void *data, uint64_t len, uint64_t max,
                         const char *what);
/* Whether it is one as "image/png", with nothing behind it, of at most 100 bytes. */
bool host_is_media_type(troupe_str type);
/* Counts bytes that the frame holds until it ends; TROUPE_LIMIT above TURN_KEPT_MAX. */
troupe_status host_hold(struct turn_frame *frame, size_t bytes);
/* Counts a call of the function where it has a limit of its own; TROUPE_LIMIT, noted. [waits] */
troupe_status host_limit(struct turn_frame *frame, const char *name);
/* A copy that lives as long as the frame. `ret` NULL is fine. */
troupe_status host_keep(struct turn_frame *frame, const char *text, size_t len, troupe_str *ret);
/* What a function gave, its JSON before its text, kept likewise. */
struct turn_result;
troupe_status host_keep_result(struct turn_frame *frame, const struct turn_result *result,
                               troupe_str *ret);
/* What a replayed call had given as text, kept likewise. [waits] */
troupe_status host_replay_text(struct record_call *call, troupe_str *ret);
/* TROUPE_ARGUMENT for what the frame does not hold (any more): a handle that was closed already. */
troupe_status host_holds(struct turn_frame *frame, const struct turn_resource *resource);
/* The event's parts as SQL sees them. */
struct store_scope;
struct store_scope host_scope(const struct turn_frame *frame);
/* The same as text, as narrow as TROUPE_SCOPE_… says; TROUPE_UNSUPPORTED where the turn has no such part. */
troupe_status host_kv_scope(struct turn_frame *frame, uint32_t scope, char *out, size_t size);

/* One of the vectors that are nearest to another; the key is for mem_free. */
struct host_near {
    char *key;
    double score; /* cosine */
};
/* The values with length one, for mem_free; needs the capability. */
troupe_status host_vectors_take(struct turn_frame *frame, const float *values, uint32_t count,
                                float **ret);
/* Where the turn's scope has its vectors; `out` as STORE_KV_SCOPE_MAX. Needs the capability. */
troupe_status host_vectors_scope(struct turn_frame *frame, uint32_t scope, char *out);
/* The `most` nearest in an index, at most HOST_INDEX_MOST, the best first; how many. */
struct vector_near;
size_t host_vectors_pick(const struct vector_near *near, const float *query, size_t most,
                         struct host_near *out);
/* The `most` nearest in the turn's scope to values of length one, the best first. [waits] */
troupe_status host_vectors_near(struct turn_frame *frame, uint32_t scope, const float *values,
                                uint32_t count, struct host_near *out, size_t most,
                                size_t *ret_count, struct error *err);

troupe_status host_ask(troupe_turn *turn, const char *text, uint64_t len, troupe_array labels,
                       uint64_t within_ms, int32_t *ret_choice);
troupe_status host_ask_text(troupe_turn *turn, const char *text, uint64_t len, const char *title,
                            troupe_array fields, uint64_t within_ms, troupe_str *ret_values);
troupe_status host_ask_select(troupe_turn *turn, const char *text, uint64_t len,
                              troupe_array options, uint32_t min, uint32_t max, uint64_t within_ms,
                              int32_t *ret_places, uint32_t *ret_count);
troupe_status host_sleep(troupe_turn *turn, uint64_t ms);
troupe_status host_spawn(troupe_turn *turn, troupe_task_fn fn, void *arg, troupe_task **ret);
troupe_status host_join(troupe_turn *turn, troupe_task *task);
troupe_status host_join_any(troupe_turn *turn, troupe_task *const *tasks, uint32_t count,
                            uint32_t *ret_which);
troupe_status host_stop_child(troupe_turn *turn, troupe_task *task);
troupe_status host_stream_open(troupe_turn *turn, const char *name, troupe_str json_args,
                               troupe_stream **ret);
troupe_status host_stream_read(troupe_turn *turn, troupe_stream *stream, troupe_str *ret);
troupe_status host_stream_close(troupe_turn *turn, troupe_stream *stream, troupe_str *ret);
/* turn_record_begin for a call of a function. */
troupe_status host_record_call(struct record_call *call, struct turn_frame *frame, const char *kind,
                               const char *name, troupe_str json_args);
/* Gives a copy of the text to the reader of `chunks`. [waits] */
troupe_status host_stream_send(struct chan *chunks, const char *text, size_t len);
/* TROUPE_DENIED unless this frame may call `name`. */
troupe_status host_may_call(struct turn_frame *frame, const char *name);

/* troupe_call; with `confirm` the member is asked first, whatever the function declares. [waits] */
troupe_status host_call(struct turn_frame *frame, const char *name, troupe_str json_args,
                        bool confirm, troupe_str *ret);

const troupe_kv_v1 *host_kv_table(void);
const troupe_sql_v1 *host_sql_table(void);
const troupe_http_v1 *host_http_table(void);
const troupe_budget_v1 *host_budget_table(void);
const troupe_work_v1 *host_work_table(void);
const troupe_schedule_v1 *host_schedule_table(void);
const troupe_files_v1 *host_files_table(void);
const troupe_metrics_v1 *host_metrics_table(void);
const troupe_trace_v1 *host_trace_table(void);
const troupe_vectors_v1 *host_vectors_table(void);
const troupe_cache_v1 *host_cache_table(void);
const troupe_texts_v1 *host_texts_table(void);
const troupe_attach_v1 *host_attach_table(void);
const troupe_owner_v1 *host_owner_table(void);
const troupe_blobs_v1 *host_blobs_table(void);
const troupe_tools_v1 *host_tools_table(void);
/* Whether the agent may call that function because models may. */
bool host_may_use_tool(const struct turn_frame *frame, const char *name);
const struct plugin_elsewhere *host_elsewhere(void);

#endif
