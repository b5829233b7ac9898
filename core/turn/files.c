/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/files.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/files.h"
#include "plugin/function.h"
#include "turn/engine_private.h"
#include "turn/sql/file.h"

#include <string.h>

/* Columns of SQL_FILE_LIST. */
enum { N, NAME, TYPE, SIZE, STATE, SHOWN, TEXT };

static enum gateway_file_state state_at(const struct store_rows *rows, size_t row)
{
    return gateway_file_state_of(store_cell_text(rows, row, STATE, ""));
}

static troupe_status load(struct turn *turn, struct store_rows **ret, struct error *err)
{
    return store_query(turn->engine->store, STORE_SQL(SQL_FILE_LIST, store_int(turn->id)),
                       turn_engine_soon(turn->engine), ret, err);
}

/* Whether a plugin of the turn's set looks at pictures. */
static bool has_eyes(const struct turn *turn)
{
    for (size_t i = 0; i < turn->set->agent_count; i++)
        if (plugin_agent_can(turn->set->agents[i], "files"))
            return true;
    return false;
}

/* ---- room for them ---------------------------------------------------------------------------- */

static troupe_status count(struct engine *engine, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(engine->store, STORE_SQL(SQL_FILE_TOTAL), turn_engine_soon(engine), &rows, err);

    if (status >= 0)
        engine->file_bytes = store_cell_int(rows, 0, 0, 0);
    return status;
}

/* Those of turns that have ended go, the oldest first, until `len` more fit below [store] keep_files.
 * False in `ret`: what is left is of turns that still run. */
static troupe_status make_room(const struct turn *turn, size_t len, bool *ret, struct error *err)
{
    struct engine *engine = turn->engine;
    int64_t room = config_bytes(config_section(turn->set->config, "store", NULL), "keep_files");
    troupe_status status = TROUPE_OK;
    bool dropped = true;

    room -= (int64_t)len;
    if (engine->file_bytes < 0)
        status = count(engine, err);
    while (status >= 0 && engine->file_bytes > room && dropped) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, STORE_SQL(SQL_FILE_DROP));
        status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
        dropped = status >= 0 && store_batch_changes(batch, 0) > 0;
        /* Others are swept meanwhile, too. */
        if (status >= 0)
            status = count(engine, err);
    }
    *ret = status >= 0 && engine->file_bytes <= room;
    return status;
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* The bytes are the batch's then. */
static troupe_status keep(struct turn *turn, size_t n, const struct gateway_file *file,
                          struct gateway_fetched *fetched, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const size_t len = fetched->data.len;

    store_batch_add(batch,
                    STORE_SQL(SQL_FILE_INSERT, store_int(turn->id), store_int((int64_t)n),
                              store_text(file->name), store_text(file->type), store_int(file->size),
                              store_text(gateway_file_state_name(fetched->state)),
                              store_int((int64_t)fetched->shown),
                              len ? store_batch_give(batch, &fetched->data) : store_null()));
    turn->engine->file_bytes += (int64_t)len;
    return store_commit(turn->engine->store, batch, turn_engine_soon(turn->engine), err);
}

/* What the store does not have yet, one after the other: each is durable before the next. */
static troupe_status fetch_rest(struct turn *turn, const json_t *list,
                                const struct store_rows *rows, struct error *err)
{
    struct gateway *gateway = turn->event->gateway;
    struct gateway_fetch want = {.pictures = has_eyes(turn)};
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < rows->count; i++)
        want.used += (size_t)store_cell_int(rows, i, SHOWN, 0);
    for (want.index = rows->count; want.index < json_array_size(list) && status >= 0;
         want.index++) {
        struct gateway_file file = gateway_file_at(list, want.index);
        struct gateway_fetched fetched = {.state = GATEWAY_FILE_FAILED};
        bool fits = true;

        if (gateway && gateway->ops->fetch)
            status = gateway->ops->fetch(gateway, &file, &want, &fetched);
        if (status < 0)
            error_set(err, status, "the turn was ended");
        else if (fetched.data.len)
            status = make_room(turn, fetched.data.len, &fits, err);
        if (!fits) {
            buf_clear(&fetched.data);
            fetched = (struct gateway_fetched){.state = GATEWAY_FILE_FAILED};
        }
        if (status >= 0)
            status = keep(turn, want.index, &file, &fetched, err);
        want.used += fetched.shown;
        buf_clear(&fetched.data);
    }
    return status;
}

/* ---- telling --------------------------------------------------------------------------------- */

/* Files of these states are not, or not wholly, known to whoever answers. */
static bool is_left_out(enum gateway_file_state state)
{
    return state != GATEWAY_FILE_TEXT && state != GATEWAY_FILE_SEEN;
}

/* The list of what was left out, "" where nothing was. `kept`: also pictures nobody looked at yet. */
static void put_reasons(const struct store_rows *rows, bool kept, struct buf *out)
{
    for (size_t i = 0; i < rows->count; i++) {
        enum gateway_file_state state = state_at(rows, i);

        if (!is_left_out(state) || (state == GATEWAY_FILE_KEPT && !kept))
            continue;
        buf_puts(out, out->len ? ", " : "");
        gateway_file_put_reason(store_cell_text(rows, i, NAME, ""), state, out);
    }
}

/* Whether there is anything to work at. */
static bool is_worth(const struct turn *turn, const struct store_rows *rows, bool eyes)
{
    bool worth = turn->event->content_len > 0;

    for (size_t i = 0; i < rows->count; i++) {
        enum gateway_file_state state = state_at(rows, i);

        worth |= state == GATEWAY_FILE_SEEN || (state == GATEWAY_FILE_KEPT && eyes) ||
                 store_cell_int(rows, i, SHOWN, 0) > 0;
    }
    return worth;
}

/* The event with the texts in its content. */
static struct event *filled(const struct turn *turn, const struct store_rows *rows, bool eyes)
{
    _cleanup_buf_ struct buf content = BUF_INIT, rest = BUF_INIT;
    struct event event = *turn->event;

    buf_append(&content, event.content, event.content_len);
    for (size_t i = 0; i < rows->count; i++) {
        const struct store_value *text = store_cell(rows, i, TEXT);
        size_t shown = (size_t)store_cell_int(rows, i, SHOWN, 0);
        size_t len = text->len < shown ? text->len : shown;

        if (!len)
            continue;
        buf_puts(&content, content.len ? "\n\n" : "");
        gateway_file_put_text(store_cell_text(rows, i, NAME, ""), text->data, len,
                              state_at(rows, i) == GATEWAY_FILE_TEXT,
                              store_cell_int(rows, i, SIZE, 0), &content);
    }
    put_reasons(rows, !eyes, &rest);
    if (rest.len)
        buf_printf(&content, "%s(Attached, but not all of it was read: %s.)",
                   content.len ? "\n\n" : "", buf_text(&rest));
    event.content = buf_text(&content);
    event.content_len = content.len;
    return event_new(&event);
}

static void take_up(struct turn *turn, const struct store_rows *rows)
{
    bool eyes = has_eyes(turn);
    struct event *event;

    if (!is_worth(turn, rows, eyes)) {
        _cleanup_buf_ struct buf reasons = BUF_INIT;

        put_reasons(rows, true, &reasons);
        turn_conclude(
            turn, "refused", "files_unsupported",
            "I can't work with what you attached: %s. Please write in words what you would "
            "like to know",
            buf_text(&reasons));
        return;
    }
    event = filled(turn, rows, eyes);
    event_unref(turn->event);
    turn->event = event;
    turn->files = rows->count;
}

/* A call without a question. */
static bool is_empty(const struct turn *turn)
{
    const struct event *event = turn->event;

    return !event->content_len && !event->files && event->flags & EVENT_ADDRESSED &&
           !strcmp(event->kind, "message");
}

/* What the event has of files, stored: `ret` has all of them. False as turn_files_open. */
static bool fetch_all(struct turn *turn, struct store_rows **ret)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_json_ json_t *list = NULL;
    struct error err;
    troupe_status status = TROUPE_OK;
    size_t count;

    while (turn->storing && status == TROUPE_OK) /* a message that came before fetches nothing */
        status = co_sleep(1);
    if (status < 0 || turn->state)
        return false;
    status = json_parse(turn->event->files, strlen(turn->event->files), &list, &err);
    if (status == TROUPE_OK)
        status = load(turn, &rows, &err);
    count = json_array_size(list);
    if (status == TROUPE_OK && rows->count < count)
        status = fetch_rest(turn, list, rows, &err);
    if (status == TROUPE_OK)
        status = load(turn, ret, &err);
    if (status == TROUPE_OK) {
        turn_trace_add(&turn->trace, "files", "looked_at", "%zu files, %zu of them before", count,
                       rows->count);
        return true;
    }
    if (co_status() < 0)
        return false;
    log_error("turn", "turn %lld: its files cannot be kept: %s", (long long)turn->id, err.text);
    turn_conclude(turn, "failed", "storage_unavailable", ENGINE_NO_STORAGE);
    return false;
}

bool turn_files_open(struct turn *turn)
{
    _cleanup_rows_ struct store_rows *all = NULL;

    if (is_empty(turn)) {
        turn_conclude(turn, "refused", "empty", "%s",
                      turn->event->flags & EVENT_STICKER
                          ? "I don't look at stickers; write in words what you would like to know"
                          : "you called me without a question; write it beside the mention");
        return false;
    }
    if (!turn->event->files || !turn->id || turn->files)
        return true;
    if (!fetch_all(turn, &all))
        return false;
    take_up(turn, all);
    return !turn->state;
}

/* ---- for functions --------------------------------------------------------------------------- */

bool turn_files_give(struct turn *turn)
{
    _cleanup_rows_ struct store_rows *all = NULL;

    if (!turn->event->files || !turn->id || turn->files)
        return true;
    if (!fetch_all(turn, &all))
        return false;
    turn->files = all->count;
    turn->files_given = true;
    return true;
}

troupe_status turn_files_take(struct turn *turn, const struct engine_file *files, size_t count,
                              struct error *err)
{
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        const struct gateway_file file = {
            .id = "", .name = files[i].name, .type = "", .url = "", .size = (int64_t)files[i].len};
        struct gateway_fetched fetched = {.state = GATEWAY_FILE_TYPE};

        if (gateway_file_shows_picture(files[i].data, files[i].len))
            fetched.state = GATEWAY_FILE_KEPT;
        else if (text_is_utf8(files[i].data, files[i].len) &&
                 !memchr(files[i].data, '\0', files[i].len))
            fetched.state = GATEWAY_FILE_TEXT;
        if (fetched.state != GATEWAY_FILE_TYPE)
            buf_append(&fetched.data, files[i].data, files[i].len);
        status = keep(turn, i, &file, &fetched, err);
        buf_clear(&fetched.data);
    }
    if (status == TROUPE_OK) {
        turn->files = count;
        turn->files_given = true;
    }
    return status;
}

static bool takes_kind(const struct plugin_param *param, enum gateway_file_state state)
{
    const char *kind = state == GATEWAY_FILE_TEXT || state == GATEWAY_FILE_CUT ? "text" : "picture";

    for (size_t i = 0; i < param->choice_count; i++)
        if (plugin_is_choice(&param->choices[i], kind))
            return true;
    return !param->choice_count;
}

static troupe_status check_file(const struct plugin_param *param, const struct store_rows *rows,
                                uint64_t number, struct error *err)
{
    _cleanup_buf_ struct buf what = BUF_INIT;
    enum gateway_file_state state;
    int64_t size;

    if (!rows || number > rows->count)
        return error_set(err, TROUPE_ARGUMENT,
                         "\"%s\" names file %llu, and %zu are attached here; give it with the "
                         "command, or attach it to the message",
                         param->name, (unsigned long long)number, rows ? rows->count : 0);
    state = state_at(rows, number - 1);
    size = store_cell_int(rows, number - 1, SIZE, 0);
    switch (state) {
    case GATEWAY_FILE_TEXT:
    case GATEWAY_FILE_CUT:
    case GATEWAY_FILE_KEPT:
    case GATEWAY_FILE_SEEN: break;
    default:
        gateway_file_put_reason(store_cell_text(rows, number - 1, NAME, ""), state, &what);
        return error_set(err, TROUPE_ARGUMENT, "\"%s\" cannot be used: %s", param->name,
                         buf_text(&what));
    }
    if (takes_kind(param, state) && size <= param->max)
        return TROUPE_OK;
    buf_printf(&what, "\"%s\" must be ", param->name);
    plugin_param_describe(param, &what);
    buf_puts(&what, ", got ");
    gateway_file_put_name(store_cell_text(rows, number - 1, NAME, ""), &what);
    return error_set(err, TROUPE_ARGUMENT, "%s of %lld bytes", buf_text(&what), (long long)size);
}

troupe_status turn_files_check(const struct turn *turn, const struct plugin_function *function,
                               const troupe_value *values, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < function->param_count && status == TROUPE_OK; i++) {
        const struct plugin_param *param = &function->params[i];

        if (param->type != TROUPE_TYPE_ATTACHMENT || values[i].type != param->type)
            continue;
        if (!rows && turn->files)
            status = store_query(turn->engine->store, STORE_SQL(SQL_FILE_LIST, store_int(turn->id)),
                                 turn_engine_soon(turn->engine), &rows, err);
        if (status == TROUPE_OK)
            status = check_file(param, rows, values[i].u.id, err);
    }
    return status;
}

void turn_files_remark(struct turn *turn)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_buf_ struct buf reasons = BUF_INIT, remark = BUF_INIT;
    struct error err;

    if (!turn->files || turn->files_given || strcmp(turn->state, "done") ||
        !turn_answer_exists(turn))
        return;
    if (load(turn, &rows, &err) < 0) {
        log_warn("turn", "turn %lld: its files cannot be told: %s", (long long)turn->id, err.text);
        return;
    }
    put_reasons(rows, true, &reasons);
    if (!reasons.len)
        return;
    buf_printf(&remark, "\n\n-# Of your files I left out: %s", buf_text(&reasons));
    if (turn->answer.replied)
        buf_append(&turn->answer.text, remark.data, remark.len);
    else
        (void)turn_answer_write(turn, remark.data, remark.len);
}
