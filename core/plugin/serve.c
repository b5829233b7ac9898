/* SPDX-License-Identifier: Apache-2.0
 *
 * What the process of an isolated agent asks for, done here: each message is one call of the same
 * tables that a plugin in this process has, on the turn that was entered, in its coroutine. So what
 * is checked, recorded and denied is the same. Here only the form is checked: texts are where they
 * should be, numbers are in their range, a handle is one that this call was given.
 */
#include "plugin/isolate.h"

#include "base/mem.h"
#include "plugin/set.h"

#include <string.h>

#define ITEMS_MAX 1024 /* of any list in a call; what a service takes is less */

/* ---- handles --------------------------------------------------------------------------------- */

int64_t plugin_serve_keep(struct isolate_call *call, uint32_t kind, void *ptr)
{
    for (size_t i = 0; i < ISOLATE_HANDLES; i++)
        if (!call->handles[i].kind) {
            call->handles[i] = (struct isolate_handle){kind, ptr};
            return (int64_t)i + 1;
        }
    return 0;
}

void *plugin_serve_find(const struct isolate_call *call, uint32_t kind, int64_t handle)
{
    if (handle < 1 || handle > ISOLATE_HANDLES || call->handles[handle - 1].kind != kind)
        return NULL;
    return call->handles[handle - 1].ptr;
}

void plugin_serve_drop(struct isolate_call *call, int64_t handle)
{
    call->handles[handle - 1] = (struct isolate_handle){0, NULL};
}

/* Whether there is room for another one before it is made. */
static bool has_room(const struct isolate_call *call)
{
    for (size_t i = 0; i < ISOLATE_HANDLES; i++)
        if (!call->handles[i].kind)
            return true;
    return false;
}

/* ---- the turn -------------------------------------------------------------------------------- */

static void put_str(struct buf *out, troupe_str text)
{
    wire_put_bytes(out, text.ptr ? text.ptr : "", text.ptr ? text.len : 0);
}

static troupe_status give_message(troupe_turn *turn, struct buf *out)
{
    const troupe_message *message = turn->api->message(turn);

    if (!message)
        return TROUPE_NOT_FOUND;
    wire_put_int(out, message->flags);
    wire_put_int(out, (int64_t)message->id);
    wire_put_int(out, (int64_t)message->account);
    wire_put_int(out, (int64_t)message->guild);
    wire_put_int(out, (int64_t)message->channel);
    wire_put_int(out, (int64_t)message->author);
    put_str(out, message->author_name);
    put_str(out, message->content);
    wire_put_int(out, (int64_t)message->reply_to);
    wire_put_int(out, message->time_ms);
    put_str(out, message->quote);
    put_str(out, message->quote_author);
    wire_put_int(out, message->quotes.count);
    for (uint32_t i = 0; i < message->quotes.count; i++) {
        const troupe_quote *quote = TROUPE_AT(message->quotes, troupe_quote, i);

        put_str(out, quote->author);
        put_str(out, quote->text);
    }
    return TROUPE_OK;
}

static troupe_status do_config(troupe_turn *turn, struct wire_in *in, struct buf *out)
{
    const char *key = wire_take_text(in);
    troupe_host *host = turn->api->host(turn);
    troupe_value value;
    troupe_status status;

    if (!wire_taken(in) || !key)
        return ISOLATE_BROKEN;
    status = host->api->config(host, key, &value);
    if (status == TROUPE_OK)
        wire_put_value(out, &value);
    return status;
}

/* What asks without arguments. */
static troupe_status do_look(troupe_turn *turn, uint32_t what, struct wire_in *in, struct buf *out)
{
    troupe_str code, sentence;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    switch (what) {
    case WIRE_DO_ID: wire_put_int(out, (int64_t)turn->api->id(turn)); break;
    case WIRE_DO_REPLAYED: wire_put_int(out, turn->api->replayed(turn)); break;
    case WIRE_DO_TIME_LEFT: wire_put_int(out, turn->api->time_left(turn)); break;
    case WIRE_DO_NOW: wire_put_int(out, turn->api->now(turn)); break;
    case WIRE_DO_RANDOM: wire_put_int(out, (int64_t)turn->api->random(turn)); break;
    case WIRE_DO_STATUS: return turn->api->status(turn);
    case WIRE_DO_MESSAGE: return give_message(turn, out);
    case WIRE_DO_BATCH_BEGIN: return turn->api->batch_begin(turn);
    case WIRE_DO_BATCH_COMMIT: return turn->api->batch_commit(turn);
    default:
        turn->api->error(turn, &code, &sentence);
        put_str(out, code);
        put_str(out, sentence);
    }
    return TROUPE_OK;
}

/* ---- output ---------------------------------------------------------------------------------- */

static troupe_status do_text(troupe_turn *turn, uint32_t what, struct wire_in *in)
{
    troupe_str text = wire_take_str(in);

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    switch (what) {
    case WIRE_DO_REPLY: return turn->api->reply(turn, text.ptr, text.len);
    case WIRE_DO_WRITE: return turn->api->write(turn, text.ptr, text.len);
    default: return turn->api->result(turn, text.ptr, text.len);
    }
}

static troupe_status do_fail(troupe_turn *turn, struct wire_in *in)
{
    int64_t status = wire_take_int(in);
    const char *code = wire_take_text(in);
    troupe_str sentence = wire_take_str(in);

    if (!wire_taken(in) || status < INT32_MIN || status > INT32_MAX)
        return ISOLATE_BROKEN;
    return (turn->api->fail)(turn, (troupe_status)status, code, sentence.ptr, sentence.len);
}

static troupe_status do_reason(troupe_turn *turn, struct wire_in *in)
{
    const char *code = wire_take_text(in);
    troupe_str detail = wire_take_str(in);

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    turn->api->reason(turn, code, detail.ptr, detail.len);
    return TROUPE_OK;
}

static troupe_status do_annotate(troupe_turn *turn, struct wire_in *in)
{
    const char *key = wire_take_text(in);
    troupe_str value = wire_take_str(in);

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    return turn->api->annotate(turn, key, value.ptr, value.len);
}

static troupe_status do_annotation(troupe_turn *turn, struct wire_in *in, struct buf *out)
{
    const char *key = wire_take_text(in);
    troupe_str value;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = turn->api->annotation(turn, key, &value);
    if (status >= 0)
        put_str(out, value);
    return status;
}

static troupe_status do_sleep(troupe_turn *turn, struct wire_in *in)
{
    uint64_t ms = (uint64_t)wire_take_int(in);

    return wire_taken(in) ? turn->api->sleep(turn, ms) : ISOLATE_BROKEN;
}

/* ---- calls and streams ----------------------------------------------------------------------- */

static troupe_status do_call(troupe_turn *turn, struct wire_in *in, struct buf *out)
{
    const char *name = wire_take_text(in);
    troupe_str args = wire_take_str(in), result = {NULL, 0};
    bool wanted = wire_take_int(in) != 0;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = turn->api->call(turn, name, args, wanted ? &result : NULL);
    if (status >= 0)
        put_str(out, result);
    return status;
}

static troupe_status do_open(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    troupe_turn *turn = call->turn;
    const char *name = wire_take_text(in);
    troupe_str args = wire_take_str(in);
    troupe_stream *stream = NULL;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!has_room(call))
        return TROUPE_LIMIT;
    status = turn->api->open(turn, name, args, &stream);
    if (status >= 0)
        wire_put_int(out, plugin_serve_keep(call, WIRE_DO_OPEN, stream));
    return status;
}

static troupe_status do_read(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    int64_t handle = wire_take_int(in);
    troupe_str chunk;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    /* NULL is refused there, with a sentence. */
    status =
        call->turn->api->read(call->turn, plugin_serve_find(call, WIRE_DO_OPEN, handle), &chunk);
    if (status >= 0)
        put_str(out, chunk);
    return status;
}

static troupe_status do_close(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    int64_t handle = wire_take_int(in);
    bool wanted = wire_take_int(in) != 0;
    troupe_stream *stream = plugin_serve_find(call, WIRE_DO_OPEN, handle);
    troupe_str result = {NULL, 0};
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (stream)
        plugin_serve_drop(call, handle);
    status = call->turn->api->close(call->turn, stream, wanted ? &result : NULL);
    if (status >= 0)
        put_str(out, result);
    return status;
}

/* ---- questions ------------------------------------------------------------------------------- */

static troupe_status do_ask(troupe_turn *turn, struct wire_in *in, struct buf *out)
{
    troupe_str text = wire_take_str(in);
    uint64_t within = (uint64_t)wire_take_int(in), count = wire_take_count(in, ITEMS_MAX);
    _cleanup_mem_ const char **labels = mem_zero((size_t)count + 1, sizeof(*labels));
    int32_t choice = 0;
    troupe_status status;

    for (uint64_t i = 0; i < count; i++)
        labels[i] = wire_take_text(in);
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status =
        turn->api->ask(turn, text.ptr, text.len,
                       (troupe_array){labels, (uint32_t)count, sizeof(*labels)}, within, &choice);
    if (status == TROUPE_OK)
        wire_put_int(out, choice);
    return status;
}

static troupe_status do_ask_text(troupe_turn *turn, struct wire_in *in, struct buf *out)
{
    troupe_str text = wire_take_str(in), values[TROUPE_FIELDS_MAX];
    uint64_t within = (uint64_t)wire_take_int(in), count;
    const char *title = wire_take_text(in);
    _cleanup_mem_ troupe_field *fields = NULL;
    troupe_status status;

    count = wire_take_count(in, ITEMS_MAX);
    fields = mem_zero((size_t)count + 1, sizeof(*fields));
    for (uint64_t i = 0; i < count; i++) {
        fields[i].label = wire_take_text(in);
        fields[i].hint = wire_take_text(in);
        fields[i].value = wire_take_text(in);
        fields[i].min = (uint32_t)wire_take_count(in, UINT32_MAX);
        fields[i].max = (uint32_t)wire_take_count(in, UINT32_MAX);
        fields[i].flags = (uint32_t)wire_take_count(in, UINT32_MAX);
    }
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = turn->api->ask_text(turn, text.ptr, text.len, title,
                                 (troupe_array){fields, (uint32_t)count, sizeof(*fields)}, within,
                                 values);
    for (uint64_t i = 0; status == TROUPE_OK && i < count; i++)
        put_str(out, values[i]);
    return status;
}

static troupe_status do_ask_select(troupe_turn *turn, struct wire_in *in, struct buf *out)
{
    troupe_str text = wire_take_str(in);
    uint64_t within = (uint64_t)wire_take_int(in);
    uint32_t min = (uint32_t)wire_take_count(in, UINT32_MAX);
    uint32_t max = (uint32_t)wire_take_count(in, UINT32_MAX), chosen = 0;
    uint64_t count = wire_take_count(in, ITEMS_MAX);
    _cleanup_mem_ troupe_option *options = mem_zero((size_t)count + 1, sizeof(*options));
    int32_t places[TROUPE_OPTIONS_MAX] = {0};
    troupe_status status;

    for (uint64_t i = 0; i < count; i++) {
        options[i].label = wire_take_text(in);
        options[i].doc = wire_take_text(in);
        options[i].flags = (uint32_t)wire_take_count(in, UINT32_MAX);
    }
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = turn->api->ask_select(turn, text.ptr, text.len,
                                   (troupe_array){options, (uint32_t)count, sizeof(*options)}, min,
                                   max, within, places, &chosen);
    if (status == TROUPE_OK)
        wire_put_int(out, chosen);
    for (uint32_t i = 0; status == TROUPE_OK && i < chosen && i < TROUPE_OPTIONS_MAX; i++)
        wire_put_int(out, places[i]);
    return status;
}

/* ---- children -------------------------------------------------------------------------------- */

/* Of the turn's memory: it lives as long as the child could. */
struct task {
    struct plugin_isolate *isolate;
    uint64_t life;
    uint32_t parent;
    int64_t token;
};

static troupe_status task_main(troupe_turn *turn, void *arg)
{
    const struct task *task = arg;
    _cleanup_buf_ struct buf payload = BUF_INIT;

    wire_put_int(&payload, task->parent);
    wire_put_int(&payload, task->token);
    return plugin_isolate_enter_task(task->isolate, task->life, turn, &payload);
}

static troupe_status do_spawn(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    troupe_turn *turn = call->turn;
    int64_t token = wire_take_int(in);
    troupe_task *made = NULL;
    struct task *task;
    troupe_status status;

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    if (!has_room(call))
        return TROUPE_LIMIT;
    task = turn->api->alloc(turn, sizeof(*task));
    if (!task)
        return TROUPE_NOMEM;
    *task = (struct task){call->isolate, call->life, call->id, token};
    status = turn->api->spawn(turn, task_main, task, &made);
    if (status >= 0)
        wire_put_int(out, plugin_serve_keep(call, WIRE_DO_SPAWN, made));
    return status;
}

static troupe_status do_join(struct isolate_call *call, struct wire_in *in)
{
    int64_t handle = wire_take_int(in);

    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    return call->turn->api->join(call->turn, plugin_serve_find(call, WIRE_DO_SPAWN, handle));
}

static troupe_status do_join_any(struct isolate_call *call, struct wire_in *in, struct buf *out)
{
    uint64_t count = wire_take_count(in, ISOLATE_HANDLES);
    troupe_task *tasks[ISOLATE_HANDLES];
    uint32_t which = 0;
    troupe_status status;

    for (uint64_t i = 0; i < count; i++)
        tasks[i] = plugin_serve_find(call, WIRE_DO_SPAWN, wire_take_int(in));
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = call->turn->api->join_any(call->turn, tasks, (uint32_t)count, &which);
    if (status == TROUPE_OK)
        wire_put_int(out, which);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* What can be done twice without anybody noticing. */
static bool only_looks(uint32_t what)
{
    return what <= WIRE_DO_RANDOM || what == WIRE_DO_SLEEP || what == WIRE_DO_FAIL ||
           what == WIRE_DO_ANNOTATION || what == WIRE_DO_ERROR || what == WIRE_DO_KV_GET ||
           what == WIRE_DO_SQL_QUERY || what == WIRE_DO_WORK || what == WIRE_DO_SCHEDULE_LOOK ||
           what == WIRE_DO_SCHEDULE_LIST || what == WIRE_DO_FILE_INFO ||
           what == WIRE_DO_FILE_READ || what == WIRE_DO_VECTORS_SEARCH ||
           what == WIRE_DO_VECTORS_OF_TEXT || what == WIRE_DO_TEXTS_SEARCH ||
           (what >= WIRE_DO_BLOBS_GET && what <= WIRE_DO_BLOBS_LIST) ||
           (what >= WIRE_DO_CACHE_GET && what <= WIRE_DO_CACHE_REMOVE) ||
           (what >= WIRE_DO_SPAN_BEGIN && what <= WIRE_DO_SPAN_END);
}

troupe_status plugin_serve(struct isolate_call *call, uint32_t what, struct wire_in *in,
                           struct buf *out)
{
    troupe_turn *turn = call->turn;

    call->effects |= !only_looks(what);
    switch ((enum wire_do)what) {
    case WIRE_DO_CONFIG: return do_config(turn, in, out);
    case WIRE_DO_ID:
    case WIRE_DO_REPLAYED:
    case WIRE_DO_MESSAGE:
    case WIRE_DO_TIME_LEFT:
    case WIRE_DO_STATUS:
    case WIRE_DO_NOW:
    case WIRE_DO_RANDOM:
    case WIRE_DO_ERROR:
    case WIRE_DO_BATCH_BEGIN:
    case WIRE_DO_BATCH_COMMIT: return do_look(turn, what, in, out);
    case WIRE_DO_SLEEP: return do_sleep(turn, in);
    case WIRE_DO_REPLY:
    case WIRE_DO_WRITE:
    case WIRE_DO_RESULT: return do_text(turn, what, in);
    case WIRE_DO_FAIL: return do_fail(turn, in);
    case WIRE_DO_REASON: return do_reason(turn, in);
    case WIRE_DO_ANNOTATE: return do_annotate(turn, in);
    case WIRE_DO_ANNOTATION: return do_annotation(turn, in, out);
    case WIRE_DO_CALL: return do_call(turn, in, out);
    case WIRE_DO_OPEN: return do_open(call, in, out);
    case WIRE_DO_READ: return do_read(call, in, out);
    case WIRE_DO_CLOSE: return do_close(call, in, out);
    case WIRE_DO_ASK: return do_ask(turn, in, out);
    case WIRE_DO_ASK_TEXT: return do_ask_text(turn, in, out);
    case WIRE_DO_ASK_SELECT: return do_ask_select(turn, in, out);
    case WIRE_DO_SPAWN: return do_spawn(call, in, out);
    case WIRE_DO_JOIN: return do_join(call, in);
    case WIRE_DO_JOIN_ANY: return do_join_any(call, in, out);
    default: return plugin_serve_extension(call, what, in, out);
    }
}
