/* SPDX-License-Identifier: Apache-2.0 */
#include "reflect.h"

#include <stdio.h>
#include <string.h>

#define HERE                                                                                       \
    " account = COALESCE(:account, '') AND guild = COALESCE(:guild, '') AND member = :member "

static troupe_value text(const char *string)
{
    return troupe_sql_str((troupe_str){string, strlen(string)});
}

troupe_statement reflect_row(const struct reflection *reflection, int64_t now_ms,
                             troupe_value *params)
{
    uint32_t n = 0;

    params[n++] = troupe_sql_int(reflection->first_at);
    params[n++] = troupe_sql_int(reflection->last_at);
    params[n++] = troupe_sql_int(reflection->messages);
    params[n++] = text(reflection->by_model ? "model" : "rules");
    params[n++] = troupe_sql_int(reflection->outcomes[MEMORY_NEW]);
    params[n++] = troupe_sql_int(reflection->outcomes[MEMORY_KNOWN]);
    params[n++] = troupe_sql_int(reflection->outcomes[MEMORY_REPLACED]);
    params[n++] = troupe_sql_int(reflection->outcomes[MEMORY_ASIDE]);
    params[n++] = troupe_sql_int(reflection->cost_micros);
    params[n++] = reflection->error[0] ? text(reflection->error) : troupe_sql_null();
    params[n++] = troupe_sql_int(now_ms);
    return (troupe_statement){
        "INSERT INTO {reflection_log} (account, guild, member, channel, session_start, "
        "session_end, messages, extractor, facts_kept, facts_merged, facts_contradicted, "
        "facts_quarantined, cost_micros, error, created_at) VALUES (COALESCE(:account, ''), "
        "COALESCE(:guild, ''), :member, COALESCE(:channel, ''), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
        "?9, ?10, ?11) ON CONFLICT (account, guild, member, session_end) DO UPDATE SET "
        "session_start = excluded.session_start, messages = excluded.messages, "
        "extractor = excluded.extractor, facts_kept = excluded.facts_kept, "
        "facts_merged = excluded.facts_merged, facts_contradicted = excluded.facts_contradicted, "
        "facts_quarantined = excluded.facts_quarantined, "
        "cost_micros = {reflection_log}.cost_micros + excluded.cost_micros, "
        "error = excluded.error, created_at = excluded.created_at",
        {params, n, sizeof(*params)},
        TROUPE_ROWS_ANY};
}

troupe_statement reflect_bound(void)
{
    static const troupe_value most = {TROUPE_TYPE_INT, 0, {REFLECT_MOST}};

    /* Nothing is deleted where there is no such row. */
    return (troupe_statement){"DELETE FROM {reflection_log} WHERE" HERE
                              "AND session_end <= (SELECT session_end FROM {reflection_log} "
                              "WHERE" HERE "ORDER BY session_end DESC LIMIT 1 OFFSET ?1)",
                              {&most, 1, sizeof(most)},
                              TROUPE_ROWS_ANY};
}

/* One line of the list. */
static size_t put_row(const troupe_sql_v1 *sql, troupe_rows *rows, uint64_t i, char *ret,
                      size_t size)
{
    const int64_t messages = cell_int(sql->cell(rows, i, 1));
    const int64_t cost = cell_int(sql->cell(rows, i, 7));
    const troupe_str by = cell_str(sql->cell(rows, i, 2)), error = cell_str(sql->cell(rows, i, 8));
    char date[16];
    size_t n;

    fact_date(cell_int(sql->cell(rows, i, 0)), date);
    n = (size_t)snprintf(
        ret, size,
        "\n%s: %lld message%s, read by %s: %lld new, %lld known already, %lld "
        "instead of something older, %lld put aside",
        date, (long long)messages, messages == 1 ? "" : "s",
        by.len == 5 && memcmp(by.ptr, "model", 5) == 0 ? "a model" : "rules",
        (long long)cell_int(sql->cell(rows, i, 3)), (long long)cell_int(sql->cell(rows, i, 4)),
        (long long)cell_int(sql->cell(rows, i, 5)), (long long)cell_int(sql->cell(rows, i, 6)));
    if (cost > 0)
        n += (size_t)snprintf(ret + n, size - n, ", for %lld.%06lld USD",
                              (long long)(cost / 1000000), (long long)(cost % 1000000));
    if (error.len)
        n += (size_t)snprintf(ret + n, size - n, " (%.*s)",
                              error.len < REFLECT_ERROR_SIZE ? (int)error.len : 0, error.ptr);
    return n;
}

troupe_status reflect_show(troupe_turn *turn)
{
    enum { LINE = 320 };
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value most = troupe_sql_int(REFLECT_SHOWN);
    char answer[(REFLECT_SHOWN + 1) * LINE];
    troupe_rows *rows;
    size_t n;
    troupe_status status =
        sql->query(turn,
                   "SELECT session_end, messages, extractor, facts_kept, facts_merged, "
                   "facts_contradicted, facts_quarantined, cost_micros, error "
                   "FROM {reflection_log} WHERE" HERE "ORDER BY session_end DESC LIMIT ?1",
                   &most, 1, &rows);

    if (status < 0)
        return status;
    if (sql->row_count(rows) == 0)
        return troupe_reply(turn, "I have read none of our talks here yet.");
    n = (size_t)snprintf(answer, sizeof(answer), "What I learned from our last talks here:");
    for (uint64_t i = 0; i < sql->row_count(rows) && i < REFLECT_SHOWN; i++)
        n += put_row(sql, rows, i, answer + n, LINE);
    return troupe_reply_text(turn, answer, n);
}

troupe_status reflect_forget(troupe_turn *turn)
{
    const troupe_statement statement = {
        "DELETE FROM {reflection_log} WHERE" HERE, {NULL, 0, 0}, TROUPE_ROWS_ANY};

    return troupe_sql(turn)->commit(turn, &statement, 1);
}
