/* SPDX-License-Identifier: Apache-2.0
 *
 * The table behind a troupe_turn in the child: each member that needs the host is one call. What is
 * checked, bounded, recorded and allowed is decided there (core/host), by the same code as for agents
 * of the host's own process.
 */
#include "plugin/guest.h"

#include "base/mem.h"

#include <string.h>

#define MEMORY_MAX ((size_t)16 << 20) /* bytes a plugin may take from a turn's memory */

/* A function that runs beside its caller. */
struct troupe_stream {
    int64_t handle;
    struct buf *chunk; /* what the last read handed out */
};

static const void *get_extension(troupe_turn *turn, const char *id)
{
    const struct guest *guest = guest_turn_of(turn)->guest;

    return id ? plugin_registry_find(guest->agent->registry, id) : NULL;
}

static troupe_host *get_host(troupe_turn *turn)
{
    return &guest_turn_of(turn)->guest->agent->host;
}

static void *get_state(troupe_turn *turn)
{
    return guest_turn_of(turn)->guest->agent->state;
}

/* A call without arguments that gives one number. */
static int64_t number(troupe_turn *turn, enum wire_do what)
{
    struct guest_turn *t = guest_turn_of(turn);

    return guest_call(t, what, NULL) < 0 ? 0 : wire_take_int(&t->in);
}

static uint64_t get_id(troupe_turn *turn)
{
    return (uint64_t)number(turn, WIRE_DO_ID);
}

static void take_message(struct guest_turn *t)
{
    troupe_message *message = &t->message;
    troupe_quote *quotes;
    uint64_t count;

    message->size = sizeof(*message);
    message->flags = (uint32_t)wire_take_int(&t->in);
    message->id = (uint64_t)wire_take_int(&t->in);
    message->account = (uint64_t)wire_take_int(&t->in);
    message->guild = (uint64_t)wire_take_int(&t->in);
    message->channel = (uint64_t)wire_take_int(&t->in);
    message->author = (uint64_t)wire_take_int(&t->in);
    message->author_name = guest_take(t);
    message->content = guest_take(t);
    message->reply_to = (uint64_t)wire_take_int(&t->in);
    message->time_ms = wire_take_int(&t->in);
    message->quote = guest_take(t);
    message->quote_author = guest_take(t);
    count = wire_take_count(&t->in, 16);
    quotes = arena_alloc(&t->arena, ((size_t)count + 1) * sizeof(*quotes));
    for (uint64_t i = 0; i < count; i++) {
        quotes[i].author = guest_take(t);
        quotes[i].text = guest_take(t);
    }
    message->quotes = (troupe_array){count ? quotes : NULL, (uint32_t)count, sizeof(*quotes)};
}

static const troupe_message *get_message(troupe_turn *turn)
{
    struct guest_turn *t = guest_turn_of(turn);

    if (!t->asked) {
        t->asked = true;
        if (guest_call(t, WIRE_DO_MESSAGE, NULL) == TROUPE_OK) {
            take_message(t);
            t->has_message = !t->in.bad;
        }
    }
    return t->has_message ? &t->message : NULL;
}

static int64_t time_left(troupe_turn *turn)
{
    return number(turn, WIRE_DO_TIME_LEFT);
}

static int32_t replayed(troupe_turn *turn)
{
    return (int32_t)number(turn, WIRE_DO_REPLAYED);
}

static troupe_status get_status(troupe_turn *turn)
{
    return guest_call(guest_turn_of(turn), WIRE_DO_STATUS, NULL);
}

static int64_t now(troupe_turn *turn)
{
    return number(turn, WIRE_DO_NOW);
}

static uint64_t random_number(troupe_turn *turn)
{
    return (uint64_t)number(turn, WIRE_DO_RANDOM);
}

static troupe_status sleep_for(troupe_turn *turn, uint64_t ms)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, (int64_t)ms);
    return guest_call(guest_turn_of(turn), WIRE_DO_SLEEP, &args);
}

static void *alloc(troupe_turn *turn, uint64_t size)
{
    struct guest_turn *t = guest_turn_of(turn);

    if (size > MEMORY_MAX || t->taken + size > MEMORY_MAX)
        return NULL;
    t->taken += (size_t)size;
    return arena_alloc(&t->arena, (size_t)size);
}

/* ---- output ---------------------------------------------------------------------------------- */

/* A call with one text. */
static troupe_status send_text(troupe_turn *turn, enum wire_do what, const char *text, uint64_t len)
{
    struct buf args = BUF_INIT;

    wire_put_bytes(&args, text, len);
    return guest_call(guest_turn_of(turn), what, &args);
}

static troupe_status reply(troupe_turn *turn, const char *text, uint64_t len)
{
    return send_text(turn, WIRE_DO_REPLY, text, len);
}

static troupe_status write_text(troupe_turn *turn, const char *text, uint64_t len)
{
    return len ? send_text(turn, WIRE_DO_WRITE, text, len) : TROUPE_OK;
}

static troupe_status result(troupe_turn *turn, const char *json, uint64_t len)
{
    return send_text(turn, WIRE_DO_RESULT, json, len);
}

static troupe_status fail(troupe_turn *turn, troupe_status status, const char *code,
                          const char *sentence, uint64_t len)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, status);
    wire_put_text(&args, code);
    wire_put_bytes(&args, sentence, len);
    return guest_call(guest_turn_of(turn), WIRE_DO_FAIL, &args);
}

static void reason(troupe_turn *turn, const char *code, const char *detail, uint64_t len)
{
    struct buf args = BUF_INIT;

    wire_put_text(&args, code);
    wire_put_bytes(&args, detail, len);
    (void)guest_call(guest_turn_of(turn), WIRE_DO_REASON, &args);
}

static troupe_status annotate(troupe_turn *turn, const char *key, const char *value, uint64_t len)
{
    struct buf args = BUF_INIT;

    wire_put_text(&args, key);
    wire_put_bytes(&args, value, len);
    return guest_call(guest_turn_of(turn), WIRE_DO_ANNOTATE, &args);
}

/* A call that gives one text; `ret` NULL is fine. */
static troupe_status take_text(struct guest_turn *t, troupe_status status, troupe_str *ret)
{
    if (status >= 0 && ret)
        *ret = guest_take(t);
    return status;
}

static troupe_status annotation(troupe_turn *turn, const char *key, troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;

    wire_put_text(&args, key);
    return take_text(t, guest_call(t, WIRE_DO_ANNOTATION, &args), ret);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static troupe_status call(troupe_turn *turn, const char *name, troupe_str json_args,
                          troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;

    wire_put_text(&args, name);
    wire_put_bytes(&args, json_args.ptr, json_args.len);
    wire_put_int(&args, ret != NULL);
    return take_text(t, guest_call(t, WIRE_DO_CALL, &args), ret);
}

static troupe_status open_stream(troupe_turn *turn, const char *name, troupe_str json_args,
                                 troupe_stream **ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_stream *stream;
    troupe_status status;

    wire_put_text(&args, name);
    wire_put_bytes(&args, json_args.ptr, json_args.len);
    status = guest_call(t, WIRE_DO_OPEN, &args);
    if (status < 0)
        return status;
    stream = arena_alloc(&t->arena, sizeof(*stream));
    stream->handle = wire_take_int(&t->in);
    stream->chunk = guest_chunk(t);
    *ret = stream;
    return status;
}

static troupe_status read_stream(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_int(&args, stream ? stream->handle : 0);
    status = guest_call(t, WIRE_DO_READ, &args);
    if (status >= 0 && stream)
        *ret = guest_take_chunk(t, stream->chunk);
    return status;
}

static troupe_status close_stream(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;

    wire_put_int(&args, stream ? stream->handle : 0);
    wire_put_int(&args, ret != NULL);
    return take_text(t, guest_call(t, WIRE_DO_CLOSE, &args), ret);
}

static void last_error(troupe_turn *turn, troupe_str *ret_code, troupe_str *ret_sentence)
{
    struct guest_turn *t = guest_turn_of(turn);
    troupe_str code = {"", 0}, sentence = {"", 0};

    if (guest_call(t, WIRE_DO_ERROR, NULL) >= 0) {
        code = guest_take(t);
        sentence = guest_take(t);
    }
    if (ret_code)
        *ret_code = code;
    if (ret_sentence)
        *ret_sentence = sentence;
}

/* ---- questions ------------------------------------------------------------------------------- */

static troupe_status ask(troupe_turn *turn, const char *text, uint64_t len, troupe_array labels,
                         uint64_t within_ms, int32_t *ret_choice)
{
    struct guest_turn *t = guest_turn_of(turn);
    typedef const char *label;
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_bytes(&args, text, len);
    wire_put_int(&args, (int64_t)within_ms);
    wire_put_int(&args, labels.ptr ? labels.count : 0);
    for (uint32_t i = 0; labels.ptr && i < labels.count; i++)
        wire_put_text(&args, *TROUPE_AT(labels, label, i));
    status = guest_call(t, WIRE_DO_ASK, &args);
    if (status == TROUPE_OK)
        *ret_choice = (int32_t)wire_take_int(&t->in);
    return status;
}

static troupe_status ask_text(troupe_turn *turn, const char *text, uint64_t len, const char *title,
                              troupe_array fields, uint64_t within_ms, troupe_str *ret_values)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_bytes(&args, text, len);
    wire_put_int(&args, (int64_t)within_ms);
    wire_put_text(&args, title);
    wire_put_int(&args, fields.ptr ? fields.count : 0);
    for (uint32_t i = 0; fields.ptr && i < fields.count; i++) {
        const troupe_field *field = TROUPE_AT(fields, troupe_field, i);

        wire_put_text(&args, field->label);
        wire_put_text(&args, field->hint);
        wire_put_text(&args, field->value);
        wire_put_int(&args, field->min);
        wire_put_int(&args, field->max);
        wire_put_int(&args, field->flags);
    }
    status = guest_call(t, WIRE_DO_ASK_TEXT, &args);
    for (uint32_t i = 0; status == TROUPE_OK && i < fields.count; i++)
        ret_values[i] = guest_take(t);
    return status;
}

static troupe_status ask_select(troupe_turn *turn, const char *text, uint64_t len,
                                troupe_array options, uint32_t min, uint32_t max,
                                uint64_t within_ms, int32_t *ret_places, uint32_t *ret_count)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_bytes(&args, text, len);
    wire_put_int(&args, (int64_t)within_ms);
    wire_put_int(&args, min);
    wire_put_int(&args, max);
    wire_put_int(&args, options.ptr ? options.count : 0);
    for (uint32_t i = 0; options.ptr && i < options.count; i++) {
        const troupe_option *option = TROUPE_AT(options, troupe_option, i);

        wire_put_text(&args, option->label);
        wire_put_text(&args, option->doc);
        wire_put_int(&args, option->flags);
    }
    status = guest_call(t, WIRE_DO_ASK_SELECT, &args);
    if (status == TROUPE_OK) {
        *ret_count = (uint32_t)wire_take_count(&t->in, max ? max : 1);
        for (uint32_t i = 0; i < *ret_count; i++)
            ret_places[i] = (int32_t)wire_take_int(&t->in);
    }
    return status;
}

/* ---- children -------------------------------------------------------------------------------- */

static troupe_status spawn(troupe_turn *turn, troupe_task_fn fn, void *arg, troupe_task **ret)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_task *task;
    troupe_status status;

    if (!fn || !ret)
        return TROUPE_ARGUMENT;
    task = mem_zero(1, sizeof(*task));
    task->parent = t;
    task->fn = fn;
    task->arg = arg;
    task->token = ++t->tokens;
    list_append(&t->tasks, &task->link);
    wire_put_int(&args, task->token);
    status = guest_call(t, WIRE_DO_SPAWN, &args);
    if (status < 0) {
        list_remove(&task->link);
        mem_free(task);
        return status;
    }
    task->handle = wire_take_int(&t->in);
    *ret = task;
    return status;
}

static troupe_status join(troupe_turn *turn, troupe_task *task)
{
    struct buf args = BUF_INIT;

    wire_put_int(&args, task ? task->handle : 0);
    return guest_call(guest_turn_of(turn), WIRE_DO_JOIN, &args);
}

static troupe_status join_any(troupe_turn *turn, troupe_task *const *tasks, uint32_t count,
                              uint32_t *ret_which)
{
    struct guest_turn *t = guest_turn_of(turn);
    struct buf args = BUF_INIT;
    troupe_status status;

    wire_put_int(&args, tasks ? count : 0);
    for (uint32_t i = 0; tasks && i < count; i++)
        wire_put_int(&args, tasks[i] ? tasks[i]->handle : 0);
    status = guest_call(t, WIRE_DO_JOIN_ANY, &args);
    if (status == TROUPE_OK)
        *ret_which = (uint32_t)wire_take_int(&t->in);
    return status;
}

static troupe_status batch_begin(troupe_turn *turn)
{
    return guest_call(guest_turn_of(turn), WIRE_DO_BATCH_BEGIN, NULL);
}

static troupe_status batch_commit(troupe_turn *turn)
{
    return guest_call(guest_turn_of(turn), WIRE_DO_BATCH_COMMIT, NULL);
}

const troupe_turn_table *guest_turn_table(void)
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
        .sleep = sleep_for,
        .alloc = alloc,
        .reply = reply,
        .write = write_text,
        .result = result,
        .fail = fail,
        .reason = reason,
        .annotate = annotate,
        .annotation = annotation,
        .call = call,
        .open = open_stream,
        .read = read_stream,
        .close = close_stream,
        .error = last_error,
        .ask = ask,
        .spawn = spawn,
        .join = join,
        .join_any = join_any,
        .batch_begin = batch_begin,
        .batch_commit = batch_commit,
        .ask_text = ask_text,
        .ask_select = ask_select,
        .replayed = replayed,
    };

    return &table;
}
