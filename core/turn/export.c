/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/export.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/catalog.h"
#include "turn/engine_private.h"
#include "turn/sql/erase.h"

#include <string.h>

struct export
{
    struct engine *engine;
    const char *member;
    json_t *core, *agents, *silent;
};

static json_t *value_of(const struct store_value *cell)
{
    json_t *value = NULL;

    switch (cell->type) {
    case STORE_INT: return json_integer(cell->integer);
    case STORE_DOUBLE: value = json_real(cell->real); break;
    case STORE_TEXT:
    case STORE_BLOB:
        if (cell->data && text_is_utf8(cell->data, cell->len))
            value = json_stringn(cell->data, cell->len);
        else
            value = json_sprintf("(%zu bytes)", cell->len);
        break;
    case STORE_NULL:
    case STORE_ROWID: break;
    }
    return value ? value : json_null();
}

/* Without the column that says whose they are: all are the member's. */
static json_t *rows_of(const struct store_rows *rows, const char *skip)
{
    json_t *list = json_array();

    for (size_t i = 0; i < rows->count && i < TURN_EXPORT_ROWS; i++) {
        json_t *row = json_object();

        for (size_t k = 0; k < rows->columns; k++)
            if (!skip || strcmp(rows->names[k], skip) != 0)
                json_object_set_new(row, rows->names[k], value_of(store_cell(rows, i, k)));
        json_array_append_new(list, row);
    }
    return list;
}

static troupe_status put_core(struct export *export, const char *name, const char *sql,
                              struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(export->engine->store,
                    STORE_SQL(sql, store_text(export->member), store_int(TURN_EXPORT_ROWS)),
                    turn_engine_soon(export->engine), &rows, err);

    if (status == TROUPE_OK && rows->count)
        json_object_set_new(export->core, name, rows_of(rows, NULL));
    return status;
}

static void put_agent(struct export *export, const char *ns, const char *what, const char *name,
                      const struct store_rows *rows, const char *skip)
{
    json_t *list = json_object_get(export->agents, ns);

    if (!rows->count)
        return;
    if (!list) {
        list = json_array();
        json_object_set_new(export->agents, ns, list);
    }
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:o, s:b}", "what", what, "name", name, "rows",
                                    rows_of(rows, skip), "cut", rows->count > TURN_EXPORT_ROWS));
}

/* Values, or blobs, in scopes that are a member's, of all agents. */
static troupe_status put_scopes(struct export *export, const char *name, const char *sql,
                                struct error *err)
{
    _cleanup_mem_ char *member = turn_erase_scope(export->member, false);
    _cleanup_mem_ char *session = turn_erase_scope(export->member, true);
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        export->engine->store,
        STORE_SQL(sql, store_text(member), store_text(session), store_int(TURN_EXPORT_ROWS)),
        turn_engine_soon(export->engine), &rows, err);

    if (status == TROUPE_OK && rows->count)
        json_object_set_new(export->core, name, rows_of(rows, NULL));
    return status;
}

static troupe_status put_table(struct export *export, const struct store_rows *declared, size_t i,
                               struct error *err)
{
    const char *ns = store_cell_text(declared, i, 0, ""),
               *name = store_cell_text(declared, i, 2, "");
    const char *what = store_cell_text(declared, i, 3, ""),
               *column = store_cell_text(declared, i, 4, "");
    _cleanup_rows_ struct store_rows *rows = NULL, *columns = NULL;
    _cleanup_buf_ struct buf sql = BUF_INIT;
    troupe_status status = store_columns(export->engine->store, ns, name,
                                         turn_engine_soon(export->engine), &columns, err);

    if (status < 0)
        return status;
    buf_puts(&sql, "SELECT ");
    store_columns_unsealed(name, columns, &sql);
    buf_printf(&sql, "%s FROM {%s} WHERE %s = ?1 LIMIT %d", columns->count ? "" : "*", name, column,
               TURN_EXPORT_ROWS + 1);
    status = store_query(export->engine->store,
                         &(struct store_statement){
                             .sql = buf_text(&sql),
                             .ns = ns,
                             .expect = STORE_ANY,
                             .params = (const struct store_value[]){store_text(export->member)},
                             .param_count = 1},
                         turn_engine_soon(export->engine), &rows, err);

    if (status == TROUPE_OK)
        put_agent(export, ns, what, name, rows, column);
    else
        error_prefix(err, "agent \"%s\", \"%s\"", ns, name);
    return status;
}

static troupe_status put_key(struct export *export, const struct store_rows *declared, size_t i,
                             struct error *err)
{
    const char *ns = store_cell_text(declared, i, 0, ""),
               *name = store_cell_text(declared, i, 2, "");
    _cleanup_mem_ char *key = turn_erase_key(name, export->member);
    static const char *const shown[] = {SQL_ERASE_SHOW_KEY, SQL_ERASE_SHOW_BLOB_KEY};
    troupe_status status = TROUPE_OK;

    for (size_t k = 0; status == TROUPE_OK && k < sizeof(shown) / sizeof(shown[0]); k++) {
        _cleanup_rows_ struct store_rows *rows = NULL;

        status = store_query(
            export->engine->store,
            STORE_SQL(shown[k], store_text(ns), store_text(key), store_int(TURN_EXPORT_ROWS + 1)),
            turn_engine_soon(export->engine), &rows, err);
        if (status == TROUPE_OK)
            put_agent(export, ns, store_cell_text(declared, i, 3, ""), name, rows, NULL);
    }
    return status;
}

static troupe_status put_agents(struct export *export, struct error *err)
{
    _cleanup_rows_ struct store_rows *declared = NULL, *tables = NULL;
    struct engine *engine = export->engine;
    troupe_status status = store_query(
        engine->store, &(struct store_statement){.sql = SQL_ERASE_DECLARED, .expect = STORE_ANY},
        turn_engine_soon(engine), &declared, err);

    for (size_t i = 0; status == TROUPE_OK && i < declared->count; i++) {
        int64_t kind = store_cell_int(declared, i, 1, 0);

        if (kind == TROUPE_USER_IS_TABLE)
            status = put_table(export, declared, i, err);
        else if (kind == TROUPE_USER_IS_KEY)
            status = put_key(export, declared, i, err);
    }
    if (status == TROUPE_OK)
        status = store_query(
            engine->store,
            &(struct store_statement){.sql = SQL_ERASE_WITH_TABLES, .expect = STORE_ANY},
            turn_engine_soon(engine), &tables, err);
    for (size_t i = 0; status == TROUPE_OK && i < tables->count; i++) {
        const char *ns = store_cell_text(tables, i, 0, "");
        bool said = false;

        for (size_t k = 0; k < declared->count && !said; k++)
            said = !strcmp(store_cell_text(declared, k, 0, ""), ns);
        if (!said)
            json_array_append_new(export->silent, json_string(ns));
    }
    return status;
}

troupe_status turn_export(struct engine *engine, const char *member, json_t **ret,
                          struct error *err)
{
    static const struct {
        const char *name, *sql;
    } parts[] = {{"messages", SQL_ERASE_SHOW_EVENTS},
                 {"answers", SQL_ERASE_SHOW_OUTBOX},
                 {"jobs", SQL_ERASE_SHOW_JOBS},
                 {"ratings", SQL_ERASE_SHOW_RATINGS},
                 {"spent", SQL_ERASE_SHOW_DAYS}};
    struct export export = {engine, member, json_object(), json_object(), json_array()};
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; status == TROUPE_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        status = put_core(&export, parts[i].name, parts[i].sql, err);
    if (status == TROUPE_OK)
        status = put_scopes(&export, "values", SQL_ERASE_SHOW_KV, err);
    if (status == TROUPE_OK)
        status = put_scopes(&export, "blobs", SQL_ERASE_SHOW_BLOBS, err);
    if (status == TROUPE_OK)
        status = put_agents(&export, err);
    if (status < 0) {
        json_decref(export.core);
        json_decref(export.agents);
        json_decref(export.silent);
        return status;
    }
    *ret = json_pack("{s:s, s:o, s:o, s:o}", "member", member, "core", export.core, "agents",
                     export.agents, "silent", export.silent);
    return TROUPE_OK;
}
