/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_parts.h"

/* ---- storage ----------------------------------------------------------------------------------*/

struct troupe_rows {
    uint64_t rows;
    uint32_t columns;
    troupe_value *cells;
};

static void bind_scope(sqlite3_stmt *statement, int index, const char *name,
                       const struct fake_turn *fake)
{
    uint64_t id = strcmp(name, "account") == 0   ? fake->message.account
                  : strcmp(name, "guild") == 0   ? fake->message.guild
                  : strcmp(name, "channel") == 0 ? fake->message.channel
                                                 : fake->message.author;

    if (id && (fake->has_message || fake->in_job)) {
        char text[24];

        snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
        sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
    }
}

static void bind_value(sqlite3_stmt *statement, int index, const troupe_value *value)
{
    if (value->type == TROUPE_TYPE_INT)
        sqlite3_bind_int64(statement, index, value->u.i);
    else if (value->type == TROUPE_TYPE_STRING)
        sqlite3_bind_text(statement, index, value->u.s.ptr, (int)value->u.s.len, SQLITE_TRANSIENT);
    else if (value->type == TROUPE_TYPE_FLOAT)
        sqlite3_bind_double(statement, index, value->u.f);
}

/* What the store itself does to a plugin's SQL; text that it does not take is a bug. */
static void rewrite(struct fake_turn *fake, const char *sql, enum store_sql_kind kind,
                    struct store_sql *ret)
{
    struct error err;

    if (store_rewrite(&sqlite_dialect, sql, fake->host.agent, kind, ret, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    sqlite_guard_set(&fake->guard, fake->host.agent, kind == STORE_SQL_SCRIPT);
}

static void check(struct fake_turn *fake, int code)
{
    if (code != SQLITE_OK) {
        fprintf(stderr, "%s %s\n", sqlite3_errmsg(fake->db), fake->guard.reason);
        abort();
    }
    sqlite_guard_set(&fake->guard, NULL, false);
}

void fake_migrate(struct fake_turn *fake, const char *script)
{
    struct store_sql rewritten;

    rewrite(fake, script, STORE_SQL_SCRIPT, &rewritten);
    check(fake, sqlite3_exec(fake->db, rewritten.text, NULL, NULL, NULL));
    store_sql_clear(&rewritten);
}

static sqlite3_stmt *prepare(struct fake_turn *fake, const char *sql, const troupe_value *params,
                             uint32_t count)
{
    sqlite3_stmt *statement;
    struct store_sql rewritten;

    rewrite(fake, sql, STORE_SQL_ONE, &rewritten);
    check(fake, sqlite3_prepare_v2(fake->db, rewritten.text, -1, &statement, NULL));
    if (rewritten.positions != count)
        abort(); /* values and parameters do not match */
    for (size_t i = 0; i < rewritten.slot_count; i++) {
        const struct store_slot *slot = &rewritten.slots[i];

        if (slot->position)
            bind_value(statement, (int)i + 1, &params[slot->position - 1]);
        else
            bind_scope(statement, (int)i + 1, slot->name, fake);
    }
    store_sql_clear(&rewritten);
    return statement;
}

static troupe_value column(struct fake_turn *fake, sqlite3_stmt *statement, int i)
{
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER: return troupe_sql_int(sqlite3_column_int64(statement, i));
    case SQLITE_TEXT:
        return troupe_sql_str(keep_text(fake, (const char *)sqlite3_column_text(statement, i),
                                        (size_t)sqlite3_column_bytes(statement, i)));
    default: return troupe_sql_null();
    }
}

static troupe_status sql_query(troupe_turn *turn, const char *sql, const troupe_value *params,
                               uint32_t count, troupe_rows **ret)
{
    struct fake_turn *fake = self(turn);
    troupe_rows *rows;
    sqlite3_stmt *statement;

    if (fake->ended < 0)
        return fake->ended;
    if (fake->sql_status < 0)
        return error(fake, fake->sql_status, "store.away", "the database is away");
    rows = keep(fake, sizeof(*rows));
    statement = prepare(fake, sql, params, count);
    rows->columns = (uint32_t)sqlite3_column_count(statement);
    rows->cells = keep(fake, 1000 * sizeof(troupe_value));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        if ((rows->rows + 1) * rows->columns > 1000)
            abort();
        for (uint32_t i = 0; i < rows->columns; i++)
            rows->cells[rows->rows * rows->columns + i] = column(fake, statement, (int)i);
        rows->rows++;
    }
    sqlite3_finalize(statement);
    *ret = rows;
    return TROUPE_OK;
}

static troupe_status sql_commit(troupe_turn *turn, const troupe_statement *statements,
                                uint32_t count)
{
    struct fake_turn *fake = self(turn);
    troupe_status status = TROUPE_OK;

    if (fake->ended < 0)
        return fake->ended;
    if (fake->sql_status < 0)
        return error(fake, fake->sql_status, "store.away", "the database is away");
    sqlite3_exec(fake->db, "BEGIN", NULL, NULL, NULL);
    for (uint32_t i = 0; i < count && status == TROUPE_OK; i++) {
        sqlite3_stmt *statement =
            prepare(fake, statements[i].sql, statements[i].params.ptr, statements[i].params.count);

        if (sqlite3_step(statement) != SQLITE_DONE) {
            fprintf(stderr, "%s\n", sqlite3_errmsg(fake->db));
            status = TROUPE_FAILED;
        } else if (statements[i].expect != TROUPE_ROWS_ANY &&
                   sqlite3_changes(fake->db) != statements[i].expect) {
            status = TROUPE_CONFLICT;
        }
        sqlite3_finalize(statement);
    }
    sqlite3_exec(fake->db, status == TROUPE_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static uint64_t sql_row_count(const troupe_rows *rows)
{
    return rows->rows;
}

static uint32_t sql_column_count(const troupe_rows *rows)
{
    return rows->columns;
}

static const troupe_value *sql_cell(const troupe_rows *rows, uint64_t row, uint32_t i)
{
    return row < rows->rows && i < rows->columns ? &rows->cells[row * rows->columns + i] : NULL;
}

const troupe_sql_v1 fake_sql_table = {.size = sizeof(fake_sql_table),
                                      .query = sql_query,
                                      .commit = sql_commit,
                                      .row_count = sql_row_count,
                                      .column_count = sql_column_count,
                                      .cell = sql_cell};

/* ---- values -----------------------------------------------------------------------------------*/

/* Text of the scope and key as the host keeps them apart; 0 where the turn has no such scope. */
static int kv_name(const struct fake_turn *fake, uint32_t scope, const char *key, char *ret,
                   size_t size)
{
    uint64_t id = scope == TROUPE_SCOPE_GUILD     ? fake->message.guild
                  : scope == TROUPE_SCOPE_CHANNEL ? fake->message.channel
                  : scope == TROUPE_SCOPE_MEMBER  ? fake->message.author
                                                  : 1;

    snprintf(ret, size, "%u %llu %s", scope, (unsigned long long)id, key);
    return id != 0;
}

static troupe_status kv_get(troupe_turn *turn, uint32_t scope, const char *key, troupe_str *ret)
{
    struct fake_turn *fake = self(turn);
    char name[64];

    if (fake->ended < 0)
        return fake->ended;
    if (fake->sql_status < 0)
        return error(fake, fake->sql_status, "kv.storage", "the database is away");
    if (!kv_name(fake, scope, key, name, sizeof(name)))
        return error(fake, TROUPE_UNSUPPORTED, "kv.scope", "");
    for (int i = 0; i < FAKE_MAX; i++) {
        const int lives = !fake->kv[i].expires_ms || fake->kv[i].expires_ms > fake->now_ms;

        if (strcmp(fake->kv[i].key, name) == 0 && fake->kv[i].value.ptr && lives) {
            *ret = keep_text(fake, fake->kv[i].value.ptr, fake->kv[i].value.len);
            return TROUPE_OK;
        }
    }
    return TROUPE_NOT_FOUND;
}

static troupe_status kv_put(troupe_turn *turn, uint32_t scope, const char *key, troupe_str value,
                            uint64_t ttl_ms)
{
    struct fake_turn *fake = self(turn);
    char name[64];
    int i = 0;

    if (fake->ended < 0)
        return fake->ended;
    if (fake->sql_status < 0)
        return error(fake, fake->sql_status, "kv.storage", "the database is away");
    if (!kv_name(fake, scope, key, name, sizeof(name)))
        return error(fake, TROUPE_UNSUPPORTED, "kv.scope", "");
    while (i < FAKE_MAX && fake->kv[i].key[0] && strcmp(fake->kv[i].key, name) != 0)
        i++;
    if (i == FAKE_MAX)
        abort(); /* more than a test may keep */
    snprintf(fake->kv[i].key, sizeof(fake->kv[i].key), "%s", name);
    forget(&fake->kv[i].value);
    append(&fake->kv[i].value, value.ptr, value.len);
    fake->kv[i].expires_ms = ttl_ms ? fake->now_ms + (int64_t)ttl_ms : 0;
    fake->kv_puts++;
    return TROUPE_OK;
}

static troupe_status kv_remove(troupe_turn *turn, uint32_t scope, const char *key)
{
    struct fake_turn *fake = self(turn);
    char name[64];

    if (fake->ended < 0)
        return fake->ended;
    if (!kv_name(fake, scope, key, name, sizeof(name)))
        return error(fake, TROUPE_UNSUPPORTED, "kv.scope", "");
    for (int i = 0; i < FAKE_MAX; i++)
        if (strcmp(fake->kv[i].key, name) == 0)
            forget(&fake->kv[i].value);
    return TROUPE_OK;
}

/* The same places: what is looked at by the tests is what an agent does with them. */
const troupe_cache_v1 fake_cache_table = {
    .size = sizeof(fake_cache_table), .get = kv_get, .put = kv_put, .remove = kv_remove};
const troupe_kv_v1 fake_kv_table = {
    .size = sizeof(fake_kv_table), .get = kv_get, .put = kv_put, .remove = kv_remove};
