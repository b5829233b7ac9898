/* SPDX-License-Identifier: Apache-2.0 */
#include "intent_log.h"

#include <string.h>

/* Intents that a report names; there are fewer. */
#define REPORTED_MAX 20

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

static troupe_value real(double number)
{
    troupe_value value = {TROUPE_TYPE_FLOAT, 0, {0}};

    value.u.f = number;
    return value;
}

static troupe_value text_or_null(troupe_str text)
{
    return text.len ? troupe_sql_str(text) : troupe_sql_null();
}

void intent_entry_read(troupe_turn *turn, troupe_str message, struct intent_entry *ret)
{
    char words[INTENT_WORDS_MAX];

    memset(ret, 0, sizeof(*ret));
    ret->intent = intent_words(message, words) ? intent_name(intent_of(words)) : "";
    if (!ret->intent[0])
        return;
    ret->confidence = INTENT_TABLE_CONFIDENCE;
    ret->began_ms = troupe_now(turn);
}

troupe_statement intent_log_row(const struct intent_entry *entry, int64_t message, int64_t now_ms,
                                troupe_value *params)
{
    const int64_t took = now_ms > entry->began_ms ? now_ms - entry->began_ms : 0;

    params[0] = troupe_sql_int(message);
    params[1] = troupe_sql_str(str(entry->intent));
    params[2] = real(entry->confidence);
    params[3] = text_or_null(entry->entities);
    params[4] = troupe_sql_int(entry->success);
    params[5] = troupe_sql_int(took);
    params[6] = text_or_null(entry->error);
    params[7] = troupe_sql_int(now_ms);
    return (troupe_statement){
        "INSERT INTO {intent_logs} (account, channel, member, guild, message, detected_intent, "
        "confidence, entities, execution_success, execution_time_ms, error_message, created_at) "
        "VALUES (COALESCE(:account, ''), COALESCE(:channel, ''), :member, :guild, ?1, ?2, ?3, "
        "seal(?4, 'intent_logs.entities', :account, :channel, :member, ?1), ?5, ?6, "
        "seal(?7, 'intent_logs.error_message', :account, :channel, :member, ?1), ?8) "
        "ON CONFLICT (account, channel, member, message) DO UPDATE SET "
        "detected_intent = excluded.detected_intent, confidence = excluded.confidence, "
        "entities = excluded.entities, execution_success = excluded.execution_success, "
        "execution_time_ms = excluded.execution_time_ms, error_message = excluded.error_message, "
        "created_at = excluded.created_at",
        {params, INTENT_LOG_PARAMS, sizeof(*params)},
        TROUPE_ROWS_ANY};
}

troupe_status intent_log_write(troupe_turn *turn, const struct intent_entry *entry)
{
    troupe_value params[INTENT_LOG_PARAMS];
    const troupe_statement row =
        intent_log_row(entry, (int64_t)troupe_turn_message(turn)->id, troupe_now(turn), params);

    return troupe_sql(turn)->commit(turn, &row, 1);
}

int intent_session_add(troupe_str before, const char *intent, char ret[INTENT_SESSION_SIZE])
{
    char quoted[64];
    int len;

    snprintf(quoted, sizeof(quoted), "\"%s\"", intent);
    if (before.len < 2)
        len = snprintf(ret, INTENT_SESSION_SIZE, "[%s]", quoted);
    else if (memmem(before.ptr, before.len, quoted, strlen(quoted)))
        return 0;
    else
        len =
            snprintf(ret, INTENT_SESSION_SIZE, "%.*s,%s]", (int)before.len - 1, before.ptr, quoted);
    return len > 0 && len < INTENT_SESSION_SIZE;
}

/* ---- the report -------------------------------------------------------------------------------*/

static int64_t integer(const troupe_value *cell)
{
    return cell && cell->type == TROUPE_TYPE_INT ? cell->u.i : 0;
}

troupe_status intent_log_report(troupe_turn *turn, int64_t days)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value params[] = {troupe_sql_int(troupe_now(turn) - days * 86400000),
                                   troupe_sql_int(REPORTED_MAX)};
    char text[REPORTED_MAX * 160 + 160];
    troupe_rows *rows;
    int64_t all = 0;
    size_t len = 0;
    troupe_status status =
        sql->query(turn,
                   "SELECT detected_intent, COUNT(*), SUM(execution_success), "
                   "SUM(execution_time_ms) FROM {intent_logs} WHERE (:account IS NULL OR account = "
                   ":account) AND created_at >= ?1 GROUP BY detected_intent "
                   "ORDER BY COUNT(*) DESC, detected_intent LIMIT ?2",
                   params, 2, &rows);

    if (status < 0)
        return status;
    if (sql->row_count(rows) == 0)
        return troupe_reply(turn, "No intent was told in the last %lld days.", (long long)days);
    for (uint64_t i = 0; i < sql->row_count(rows); i++)
        all += integer(sql->cell(rows, i, 1));
    len = (size_t)snprintf(text, sizeof(text),
                           "Intents of the last %lld days, %lld in all:", (long long)days,
                           (long long)all);
    for (uint64_t i = 0; i < sql->row_count(rows); i++) {
        const troupe_value *name = sql->cell(rows, i, 0);
        const int64_t count = integer(sql->cell(rows, i, 1));

        if (count == 0 || !name || name->type != TROUPE_TYPE_STRING)
            continue;
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "\n%.*s: %lld, %lld %% answered, %lld ms on average",
            name->u.s.len < 60 ? (int)name->u.s.len : 60, name->u.s.ptr, (long long)count,
            (long long)(integer(sql->cell(rows, i, 2)) * 100 / count),
            (long long)(integer(sql->cell(rows, i, 3)) / count));
    }
    return troupe_reply_text(turn, text, len);
}
