/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/audit.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "turn/engine_private.h"
#include "turn/sql/setting.h"

#include <string.h>

#define SWEPT     500 /* rows of a portion, as the statement says */
#define VALUE_MAX 200 /* bytes of a value that a row shows */

static void put_value(json_t *detail, const char *name, const char *value)
{
    _cleanup_mem_ char *copy = NULL;

    if (!value)
        return;
    copy = mem_strndup(value, text_utf8_cut(value, strlen(value), VALUE_MAX));
    turn_text_tidy(copy); /* masks secrets, too */
    json_object_set_new(detail, name, json_string(copy));
}

void turn_audit_add(const struct turn *turn, const char *action, const char *subject,
                    const char *before, const char *after, struct store_batch *batch)
{
    const struct event *event = turn->event;
    _cleanup_json_ json_t *detail = json_object();
    _cleanup_mem_ char *text = NULL;

    put_value(detail, "channel", event->channel);
    put_value(detail, "name", event->member_name);
    put_value(detail, "before", before);
    put_value(detail, "after", after);
    text = json_print(detail);
    store_batch_add(
        batch, STORE_SQL(SQL_SETTING_AUDIT, store_int(clock_wall_ms()),
                         store_text(event->member ? event->member : "operator"), store_text(action),
                         store_text(subject), store_text(event->account), store_text(event->guild),
                         turn->id ? store_int(turn->id) : store_null(), store_text(text)));
}

void turn_audit_note(const struct turn *turn, const char *action, const char *subject,
                     const char *before, const char *after)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err;

    turn_audit_add(turn, action, subject, before, after, batch);
    if (store_submit(turn->engine->store, batch, NULL, NULL, &err) < 0)
        log_warn("audit", "%s %s by %s is not kept: %s", action, subject ? subject : "",
                 turn->event->member ? turn->event->member : "operator", err.text);
}

void turn_audit_denied(const struct turn *turn, const char *what)
{
    struct engine *engine = turn->engine;
    uint64_t minute = loop_now(engine->loop) / 60000;

    if (engine->denied_minute != minute) {
        engine->denied_minute = minute;
        engine->denied = 0;
    }
    if (engine->denied++ < TURN_AUDIT_DENIALS)
        turn_audit_note(turn, "denied", what, NULL, NULL);
}

troupe_status turn_audit_list(struct engine *engine, const char *guild, size_t limit, json_t **ret,
                              struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    json_t *list;
    troupe_status status = store_query(
        engine->store,
        STORE_SQL(SQL_SETTING_AUDIT_LIST, store_text(guild),
                  store_int((int64_t)(limit < TURN_AUDIT_SHOWN ? limit : TURN_AUDIT_SHOWN))),
        turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    list = json_array();
    for (size_t i = 0; i < rows->count; i++) {
        char when[CLOCK_ISO_SIZE];
        const char *text = store_cell_text(rows, i, 5, "{}");
        json_t *row = NULL;

        if (json_parse(text, strlen(text), &row, NULL) < 0 || !json_is_object(row)) {
            json_decref(row);
            row = json_object();
        }
        clock_iso(store_cell_int(rows, i, 0, 0), when);
        json_object_set_new(row, "time", json_string(when));
        json_object_set_new(row, "member", json_string(store_cell_text(rows, i, 1, "")));
        json_object_set_new(row, "action", json_string(store_cell_text(rows, i, 2, "")));
        json_object_set_new(row, "subject", json_string(store_cell_text(rows, i, 3, "")));
        json_object_set_new(row, "guild", json_string(store_cell_text(rows, i, 4, "")));
        json_array_append_new(list, row);
    }
    *ret = list;
    return TROUPE_OK;
}

troupe_status turn_audit_sweep(struct store *store, int64_t before_ms, uint64_t deadline,
                               bool *ret_more, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;

    store_batch_add(batch, STORE_SQL(SQL_SETTING_AUDIT_SWEEP, store_int(before_ms)));
    status = store_commit(store, batch, deadline, err);
    if (status == TROUPE_OK)
        *ret_more = store_batch_changes(batch, 0) >= SWEPT;
    return status;
}
