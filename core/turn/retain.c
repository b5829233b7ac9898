/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/retain.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "turn/engine_private.h"

#include <string.h>

#define PORTION 500
#define DAY_MS  (INT64_C(24) * 3600 * 1000)

/* A table of an agent's, copied: the set may go while the store is waited for. */
struct table {
    char *ns, *name, *age, *member;
    int64_t keep_ms;
    bool anonymise;
};

static void table_clear(struct table *table)
{
    mem_free(table->ns);
    mem_free(table->name);
    mem_free(table->age);
    mem_free(table->member);
}

static int64_t keep_ms(const struct plugin_set *set, const char *agent,
                       const troupe_user_data *data)
{
    const struct config_section *section = config_section(set->config, "agent", agent);
    int64_t own = config_ms(section, "keep");
    int64_t declared = data->keep_days * DAY_MS;

    return own > 0 && own < declared ? own : declared;
}

/* mem_free, and table_clear on each. */
static size_t collect(const struct plugin_set *set, struct table **ret)
{
    size_t count = 0;

    *ret = NULL;
    for (size_t i = 0; i < set->agent_count; i++) {
        const struct plugin_agent *agent = set->agents[i];

        for (size_t k = 0; k < agent->manifest->user_data_count; k++) {
            const troupe_user_data *data = &agent->manifest->user_data[k];

            if (data->kind != TROUPE_USER_IS_TABLE || !data->age)
                continue;
            *ret = mem_resize(*ret, count + 1, sizeof(**ret));
            (*ret)[count++] =
                (struct table){.ns = mem_strdup(agent->name),
                               .name = mem_strdup(data->name),
                               .age = mem_strdup(data->age),
                               .member = mem_strdup(data->member),
                               .keep_ms = keep_ms(set, agent->name, data),
                               .anonymise = (data->flags & TROUPE_USER_ANONYMISE) != 0};
        }
    }
    return count;
}

/* "WHERE key IN (the oldest)", so that no more than a portion is written at once. */
static void put_portion(const struct table *table, const struct store_rows *columns,
                        struct buf *out)
{
    _cleanup_buf_ struct buf key = BUF_INIT;

    for (int64_t place = 1; place <= (int64_t)columns->count; place++)
        for (size_t i = 0; i < columns->count; i++)
            if (store_cell_int(columns, i, STORE_COLUMN_KEY, 0) == place)
                buf_printf(&key, "%s\"%s\"", key.len ? ", " : "",
                           store_cell_text(columns, i, STORE_COLUMN_NAME, ""));
    if (key.len)
        buf_printf(out, " WHERE (%s) IN (SELECT %s FROM {%s}", buf_text(&key), buf_text(&key),
                   table->name);
    buf_printf(out, " WHERE %s < ?1", table->age);
    if (table->anonymise)
        buf_printf(out, " AND %s <> ''", table->member);
    if (key.len)
        buf_printf(out, " ORDER BY %s LIMIT %d)", table->age, PORTION);
}

static troupe_status sweep(struct store *store, const struct table *table, int64_t now_ms,
                           bool *ret_more, struct error *err)
{
    const struct store_value before = store_int(now_ms - table->keep_ms);
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *columns = NULL;
    _cleanup_buf_ struct buf sql = BUF_INIT;
    troupe_status status = store_columns(store, table->ns, table->name, 0, &columns, err);

    if (status < 0)
        return status;
    if (table->anonymise)
        buf_printf(&sql, "UPDATE {%s} SET %s = ''", table->name, table->member);
    else
        buf_printf(&sql, "DELETE FROM {%s}", table->name);
    put_portion(table, columns, &sql);
    store_batch_add(batch, &(const struct store_statement){.sql = buf_text(&sql),
                                                           .ns = table->ns,
                                                           .expect = STORE_ANY,
                                                           .params = &before,
                                                           .param_count = 1});
    status = store_commit(store, batch, 0, err);
    if (status >= 0)
        *ret_more |= store_batch_changes(batch, 0) >= PORTION;
    return status;
}

troupe_status turn_retain(struct engine *engine, int64_t now_ms, bool *ret_more)
{
    struct table *tables;
    size_t count = collect(engine->set, &tables);
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < count; i++) {
        struct error err;

        status = co_status();
        if (status >= 0 && sweep(engine->store, &tables[i], now_ms, ret_more, &err) < 0 &&
            (status = co_status()) >= 0)
            log_warn("housekeeping", "what agent \"%s\" keeps in \"%s\" is not swept: %s",
                     tables[i].ns, tables[i].name, err.text);
        table_clear(&tables[i]);
    }
    mem_free(tables);
    return status;
}
