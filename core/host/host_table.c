/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host_table.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/json_printed.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/set.h"
#include "store/store.h"
#include "turn/call.h"
#include "turn/engine_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* ---- helpers -------------------------------------------------------------------------------- */

troupe_status host_need(struct turn_frame *frame, const char *capability)
{
    if (plugin_agent_can(frame->agent, capability))
        return TROUPE_OK;
    return turn_frame_error(frame, TROUPE_DENIED, "host.capability",
                            "plugin \"%s\" has not declared the capability \"%s\"",
                            frame->agent->manifest->id, capability);
}

troupe_status host_bytes(struct turn_frame *frame, const void *data, uint64_t len, uint64_t max,
                         const char *what)
{
    if (!data && len)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "host.null", "%s is missing", what);
    if (len > max)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit", "%s has at most %llu bytes",
                                what, (unsigned long long)max);
    return TROUPE_OK;
}

troupe_status host_hold(struct turn_frame *frame, size_t bytes)
{
    if (bytes > TURN_KEPT_MAX - frame->kept)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a stage or function holds at most %u bytes of results",
                                TURN_KEPT_MAX);
    frame->kept += bytes;
    return TROUPE_OK;
}

troupe_status host_keep(struct turn_frame *frame, const char *text, size_t len, troupe_str *ret)
{
    troupe_status status = ret ? host_hold(frame, len) : TROUPE_OK;

    if (ret && status == TROUPE_OK)
        *ret = (troupe_str){arena_strndup(&frame->arena, text, len), len};
    return status;
}

troupe_status host_keep_result(struct turn_frame *frame, const struct turn_result *result,
                               troupe_str *ret)
{
    const struct buf *text = result->json.len ? &result->json : &result->text;

    return host_keep(frame, buf_text(text), text->len, ret);
}

troupe_status host_replay_text(struct record_call *call, troupe_str *ret)
{
    troupe_status status = turn_record_status(call), kept;
    const char *text;
    struct error err;
    size_t len;

    if (status < 0)
        return status;
    kept = turn_record_result(call, &text, &len, &err);
    if (kept < 0)
        return turn_frame_error(call->frame, kept, "host.storage", "%s", err.text);
    kept = host_keep(call->frame, text, len, ret);
    return kept < 0 ? kept : status;
}

troupe_status host_holds(struct turn_frame *frame, const struct turn_resource *resource)
{
    list_for_each (link, &frame->resources)
        if (container_of(link, struct turn_resource, link) == resource)
            return TROUPE_OK;
    return turn_frame_error(frame, TROUPE_ARGUMENT, "host.handle",
                            "a handle that is closed, or not of this stage or function");
}

struct store_scope host_scope(const struct turn_frame *frame)
{
    const struct event *event = frame->turn->event;

    return (struct store_scope){event->account, event->guild, event->channel, event->member};
}

troupe_status host_may_call(struct turn_frame *frame, const char *name)
{
    const char *agent = frame->agent->name;
    size_t len = strlen(agent);
    char capability[160];

    if (!name)
        return host_bytes(frame, NULL, 1, 1, "the function's name");
    if (plugin_manifest_function(frame->agent->manifest, name) ||
        (text_starts(name, agent) && name[len] == '.' &&
         plugin_manifest_function(frame->agent->manifest, name + len + 1)))
        return TROUPE_OK; /* its own, "roll" or "dice.roll" */
    if (host_may_use_tool(frame, name))
        return TROUPE_OK;
    snprintf(capability, sizeof(capability), "try:%s", name);
    if (plugin_agent_can(frame->agent, capability))
        return TROUPE_OK;
    snprintf(capability, sizeof(capability), "call:%s", name);
    return host_need(frame, capability);
}

/* ---- the turn itself ------------------------------------------------------------------------ */

static const void *get_extension(troupe_turn *turn, const char *id)
{
    return id ? plugin_registry_find(turn_frame_of(turn)->agent->registry, id) : NULL;
}

static troupe_host *get_host(troupe_turn *turn)
{
    return &turn_frame_of(turn)->agent->host;
}

static void *get_state(troupe_turn *turn)
{
    return turn_frame_of(turn)->agent->state;
}

static uint64_t get_id(troupe_turn *turn)
{
    return (uint64_t)turn_frame_of(turn)->turn->id;
}

static troupe_str str_of(const char *text)
{
    return (troupe_str){text ? text : "", text ? strlen(text) : 0};
}

/* The event's chain as the ABI has it; it lives as long as the turn. */
static troupe_array quotes_of(struct turn *turn)
{
    const char *chain = turn->event->chain;
    _cleanup_json_ json_t *list = NULL;
    const json_t *item;
    troupe_quote *quotes;
    size_t i;

    if (!chain || json_parse(chain, strlen(chain), &list, NULL) < 0 || !json_array_size(list))
        return (troupe_array){0};
    quotes = arena_alloc(&turn->arena, json_array_size(list) * sizeof(*quotes));
    json_array_foreach (list, i, item)
        quotes[i] = (troupe_quote){
            .author = str_of(arena_strdup(&turn->arena, json_get_str(item, "author", ""))),
            .text = str_of(arena_strdup(&turn->arena, json_get_str(item, "text", ""))),
        };
    return (troupe_array){quotes, (uint32_t)json_array_size(list), sizeof(*quotes)};
}

static const troupe_message *get_message(troupe_turn *turn)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct event *event = frame->turn->event;
    troupe_message *message = &frame->message;

    if (!strcmp(event->kind, "call") || !strcmp(event->kind, TURN_JOB))
        return NULL;
    if (message->size)
        return message;
    if (frame->turn->fill)
        frame->turn->fill(frame->turn);
    *message = (troupe_message){
        .size = sizeof(*message),
        .id = event_message_number(event),
        .account = event_id_number(event->account),
        .guild = event_id_number(event->guild),
        .channel = event_id_number(event->channel),
        .author = event_id_number(event->member),
        .author_name = str_of(event->member_name),
        .content = {event->content, event->content_len},
        .reply_to = event_id_number(event->reply_to),
        .time_ms = event->time_ms,
        .quote = str_of(event->quote),
        .quote_author = str_of(event->quote_author),
        .quotes = quotes_of(frame->turn),
    };
    if (event->flags & EVENT_ADDRESSED)
        message->flags |= TROUPE_MESSAGE_ADDRESSED;
    if (event->flags & EVENT_DIRECT)
        message->flags |= TROUPE_MESSAGE_DIRECT;
    if (event->flags & EVENT_CONTINUE)
        message->flags |= TROUPE_MESSAGE_CONTINUE;
    if (event->flags & EVENT_BOT)
        message->flags |= TROUPE_MESSAGE_BOT;
    return message;
}

static int64_t time_left(troupe_turn *turn)
{
    const struct turn *t = turn_frame_of(turn)->turn;
    uint64_t now = loop_now(t->engine->loop);

    (void)co_heed();
    return t->deadline > now ? (int64_t)(t->deadline - now) : 0;
}

static troupe_status get_status(troupe_turn *turn)
{
    (void)turn;
    return co_heed();
}

static int32_t replayed(troupe_turn *turn)
{
    return turn_frame_of(turn)->replayed;
}

/* A number that a replay sees again. */
static uint64_t note_number(struct record_call *call, troupe_status begun, uint64_t value)
{
    if (begun == RECORD_REPLAYED && call->row->result.len == sizeof(value))
        memcpy(&value, call->row->result.data, sizeof(value));
    else if (begun == TROUPE_OK)
        turn_record_note(call, TROUPE_OK, &value, sizeof(value));
    return value;
}

static int64_t now(troupe_turn *turn)
{
    struct record_call call = {0};
    troupe_status begun = turn_record_begin(&call, turn_frame_of(turn), "now", 0);

    return (int64_t)note_number(&call, begun, (uint64_t)clock_wall_ms());
}

static uint64_t random_number(troupe_turn *turn)
{
    struct record_call call = {0};
    troupe_status begun = turn_record_begin(&call, turn_frame_of(turn), "random", 0);
    uint64_t value = 0;

    while (getrandom(&value, sizeof(value), 0) != sizeof(value))
        continue;
    return note_number(&call, begun, value);
}

static void *alloc(troupe_turn *turn, uint64_t size)
{
    struct turn *t = turn_frame_of(turn)->turn;

    if (size > TURN_MEMORY_MAX || t->arena.used + size > TURN_MEMORY_MAX)
        return NULL;
    return arena_alloc(&t->arena, (size_t)size);
}

/* ---- output --------------------------------------------------------------------------------- */

static troupe_status too_long(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_LIMIT, "host.limit", "an answer takes at most %d bytes",
                            TURN_ANSWER_MAX);
}

/* Text of plugins is checked once, here: nothing behind it meets broken UTF-8. */
static troupe_status check_text(struct turn_frame *frame, const char *text, uint64_t len)
{
    if (len > TURN_ANSWER_MAX)
        return too_long(frame);
    if (!text && len)
        return host_bytes(frame, text, len, len, "the text");
    if (frame->observer)
        return turn_frame_error(frame, TROUPE_DENIED, "host.observer",
                                "an observer cannot answer; use a stage");
    if (!text_is_utf8(text, (size_t)len))
        return turn_frame_error(frame, TROUPE_DATA, "host.utf8", "the text is not valid UTF-8");
    return TROUPE_OK;
}

static troupe_status reply(troupe_turn *turn, const char *text, uint64_t len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status = check_text(frame, text, len);

    if (status < 0)
        return status;
    if (!frame->function && !len)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "host.empty",
                                "an answer has text; return TROUPE_DROP to give none");
    if (!frame->function)
        return turn_answer_reply(frame->turn, text, (size_t)len);
    frame = frame->out;
    buf_reset(&frame->text);
    buf_append(&frame->text, text, (size_t)len);
    return frame->chunks ? host_stream_send(frame->chunks, text, (size_t)len) : TROUPE_OK;
}

static troupe_status write_text(troupe_turn *turn, const char *text, uint64_t len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status;

    if (!len)
        return TROUPE_OK;
    status = check_text(frame, text, len);
    if (status < 0)
        return status;
    if (!frame->function) {
        status = turn_answer_write(frame->turn, text, (size_t)len);
        return status == TROUPE_LIMIT ? too_long(frame) : status;
    }
    frame = frame->out;
    if (buf_append(&frame->text, text, (size_t)len) < 0)
        return too_long(turn_frame_of(turn));
    return frame->chunks ? host_stream_send(frame->chunks, text, (size_t)len) : TROUPE_OK;
}

static troupe_status result(troupe_turn *turn, const char *json, uint64_t len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_json_ json_t *value = NULL;
    struct error err;
    troupe_status status = host_bytes(frame, json, len, TURN_RESULT_MAX, "a result");

    if (status < 0)
        return status;
    if (!json_printed(json, (size_t)len) && json_parse(json, (size_t)len, &value, &err) < 0)
        return turn_frame_error(frame, TROUPE_DATA, "host.json", "%s", err.text);
    buf_reset(&frame->out->json);
    return buf_append(&frame->out->json, json, (size_t)len);
}

static troupe_status fail(troupe_turn *turn, troupe_status status, const char *code,
                          const char *sentence, uint64_t len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct turn_words *words = turn_frame_words(frame, &frame->fail);

    snprintf(words->code, sizeof(words->code), "%s", code && *code ? code : "failed");
    snprintf(words->text, sizeof(words->text), "%.*s",
             (int)(len < sizeof(words->text) ? len : sizeof(words->text) - 1),
             sentence ? sentence : "");
    turn_text_tidy(words->code);
    turn_text_tidy(words->text);
    return status < 0 ? status : TROUPE_FAILED;
}

static void reason(troupe_turn *turn, const char *code, const char *detail, uint64_t len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct turn *t = frame->turn;
    char word[64];
    int most = detail ? (int)(len < 512 ? len : 512) : 0;

    snprintf(word, sizeof(word), "%s", code ? code : "");
    turn_text_tidy(word);
    if (!frame->function && !frame->observer) {
        if (!t->drop)
            t->drop = arena_alloc(&t->arena, sizeof(*t->drop));
        memcpy(t->drop->code, word, sizeof(word));
        snprintf(t->drop->text, sizeof(t->drop->text), "%.*s", most, detail ? detail : "");
    }
    turn_trace_add(&t->trace, frame->agent->owner, word, most ? "%.*s" : NULL, most, detail);
}

/* ---- annotations ---------------------------------------------------------------------------- */

static troupe_status annotate(troupe_turn *turn, const char *key, const char *value, uint64_t len)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct map *map = &frame->turn->annotations;
    struct buf *text = key ? map_get(map, key) : NULL;

    if (!key || (!value && len))
        return host_bytes(frame, NULL, 1, 1, "the key or value of an annotation");
    if (len > TURN_ANNOTATION_MAX || (!text && map->count >= TURN_ANNOTATIONS_MAX) ||
        strlen(key) > 64)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a turn takes %d annotations of at most %d bytes",
                                TURN_ANNOTATIONS_MAX, TURN_ANNOTATION_MAX);
    if (!text) {
        text = mem_zero(1, sizeof(*text));
        map_set(map, key, text);
    }
    buf_reset(text);
    return buf_append(text, value, (size_t)len);
}

static troupe_status annotation(troupe_turn *turn, const char *key, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct buf *text = key ? map_get(&frame->turn->annotations, key) : NULL;

    (void)co_heed();
    return text ? host_keep(frame, buf_text(text), text->len, ret) : TROUPE_NOT_FOUND;
}

/* ---- calls ---------------------------------------------------------------------------------- */

troupe_status host_record_call(struct record_call *call, struct turn_frame *frame, const char *kind,
                               const char *name, troupe_str json_args)
{
    const int64_t of_name = turn_record_hash_text(RECORD_HASH_START, name);
    const int64_t args =
        turn_record_hash(of_name, json_args.ptr, json_args.ptr ? (size_t)json_args.len : 0);

    /* As turn_call_named finds it: a service may be another agent's. */
    return !plugin_set_service(frame->turn->set, name) &&
                   plugin_manifest_function(frame->agent->manifest, name)
               ? turn_record_begin_own(call, frame, kind, of_name, args)
               : turn_record_begin(call, frame, kind, args);
}

troupe_status host_call(struct turn_frame *frame, const char *name, troupe_str json_args,
                        bool confirm, troupe_str *ret)
{
    _cleanup_mem_ char *path = NULL;
    struct turn_result result_of = {0};
    struct record_call recorded = {0};
    struct turn_site site;
    troupe_status status = host_may_call(frame, name), kept;

    if (status == TROUPE_OK)
        status = host_bytes(frame, json_args.ptr, json_args.len, PLUGIN_MAX_JSON_TEXT,
                            "the arguments' text");
    if (status == TROUPE_OK)
        status = host_limit(frame, name);
    if (status < 0)
        return status;
    status = host_record_call(&recorded, frame, "call", name, json_args);
    if (status == RECORD_REPLAYED)
        return host_replay_text(&recorded, ret);
    if (status < 0)
        return status;
    path = turn_call_path(frame, recorded.ordinal);
    site = (struct turn_site){.caller = frame, .path = path, .confirm = confirm};
    status = turn_call_named(frame->turn, &site, name, json_args.ptr ? json_args.ptr : "",
                             (size_t)json_args.len, &result_of);
    if (status < 0) {
        turn_frame_error(frame, status, result_of.code, "%s", result_of.sentence);
        turn_record_note(&recorded, status, NULL, 0);
    } else {
        const struct buf *text = result_of.json.len ? &result_of.json : &result_of.text;

        turn_record_note(&recorded, status, buf_text(text), text->len);
        kept = host_keep_result(frame, &result_of, ret);
        status = kept < 0 ? kept : status;
    }
    turn_result_clear(&result_of);
    return status;
}

static troupe_status call(troupe_turn *turn, const char *name, troupe_str json_args,
                          troupe_str *ret)
{
    return host_call(turn_frame_of(turn), name, json_args, false, ret);
}

static void last_error(troupe_turn *turn, troupe_str *ret_code, troupe_str *ret_sentence)
{
    struct turn_frame *frame = turn_frame_of(turn);

    if (ret_code)
        *ret_code = str_of(frame->error ? frame->error->code : "");
    if (ret_sentence)
        *ret_sentence = str_of(frame->error ? frame->error->text : "");
}

/* ---- batches -------------------------------------------------------------------------------- */

static troupe_status batch_begin(troupe_turn *turn)
{
    struct turn_frame *frame = turn_frame_of(turn);

    if (frame->batch)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "batch.open",
                                "a batch is open already; commit it first");
    frame->batch = store_batch_new();
    frame->batch_hash = RECORD_HASH_START;
    return TROUPE_OK;
}

static troupe_status batch_commit(troupe_turn *turn)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_batch_ struct store_batch *batch = frame->batch;
    struct record_call call = {0};
    troupe_status status;

    if (!batch)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "batch.none", "no batch was begun");
    frame->batch = NULL;
    status = turn_record_begin(&call, frame, "batch", frame->batch_hash);
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    return status < 0 ? status : turn_record_commit(&call, batch, "batch.storage", NULL, 0);
}

/* ---- tables --------------------------------------------------------------------------------- */

const troupe_turn_table *host_turn_table(void)
{
    static const troupe_turn_table table = {
        .size = sizeof(table),
        .abi_minor = TROUPE_ABI_MINOR,
        .get_extension = get_extension,
        .host = get_host,
        .state = get_state,
        .id = get_id,
        .message = get_message,
        .time_left = time_left,
        .status = get_status,
        .now = now,
        .random = random_number,
        .sleep = host_sleep,
        .alloc = alloc,
        .reply = reply,
        .write = write_text,
        .result = result,
        .fail = fail,
        .reason = reason,
        .annotate = annotate,
        .annotation = annotation,
        .call = call,
        .open = host_stream_open,
        .read = host_stream_read,
        .close = host_stream_close,
        .error = last_error,
        .ask = host_ask,
        .spawn = host_spawn,
        .join = host_join,
        .join_any = host_join_any,
        .batch_begin = batch_begin,
        .batch_commit = batch_commit,
        .ask_text = host_ask_text,
        .ask_select = host_ask_select,
        .stop = host_stop_child,
        .replayed = replayed,
    };

    return &table;
}

void host_register(struct plugin_registry *registry)
{
    const struct plugin_extension items[] = {
        {TROUPE_KV, host_kv_table()},
        {TROUPE_SQL, host_sql_table()},
        {TROUPE_HTTP, host_http_table()},
        {TROUPE_BUDGET_EXTENSION, host_budget_table()},
        {TROUPE_WORK, host_work_table()},
        {TROUPE_SCHEDULE, host_schedule_table()},
        {TROUPE_FILES, host_files_table()},
        {TROUPE_METRICS_EXTENSION, host_metrics_table()},
        {TROUPE_TOOLS, host_tools_table()},
        {TROUPE_TRACE_EXTENSION, host_trace_table()},
        {TROUPE_VECTORS, host_vectors_table()},
        {TROUPE_CACHE, host_cache_table()},
        {TROUPE_TEXTS, host_texts_table()},
        {TROUPE_ATTACH, host_attach_table()},
        {TROUPE_OWNER_EXTENSION, host_owner_table()},
        {TROUPE_BLOBS, host_blobs_table()},
    };

    registry->setting = host_setting;
    registry->elsewhere = host_elsewhere();
    plugin_registry_add(registry, items, sizeof(items) / sizeof(items[0]));
}
