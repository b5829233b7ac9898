/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include "context_summary.h"
#include "intent.h"

#include <string.h>

/* The host binds the scope; where a turn has no account it is stored as ''. */
#define IN_SCOPE                                                                                   \
    " account = COALESCE(:account, '') AND channel = COALESCE(:channel, '') AND member = :member "

static int64_t integer(const troupe_value *cell)
{
    return cell && cell->type == TROUPE_TYPE_INT ? cell->u.i : 0;
}

static troupe_str string(const troupe_value *cell)
{
    return cell && cell->type == TROUPE_TYPE_STRING ? cell->u.s : (troupe_str){"", 0};
}

static troupe_value text(const char *string)
{
    return troupe_sql_str((troupe_str){string, strlen(string)});
}

static troupe_value real(double number)
{
    troupe_value value = {TROUPE_TYPE_FLOAT, 0, {0}};

    value.u.f = number;
    return value;
}

static troupe_status load_session(troupe_turn *turn, int64_t silence_ms, struct history *ret,
                                  int64_t *ret_through)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_message *message = troupe_turn_message(turn);
    troupe_value lately;
    troupe_rows *rows;
    troupe_status status;

    ret->asked_ms = message->time_ms > 0 ? message->time_ms : troupe_now(turn);
    lately = troupe_sql_int(ret->asked_ms - CONTEXT_SAMPLE_LIFE_MS);
    status = sql->query(turn,
                        "SELECT session_start, last_message_at, " CONTEXT_SUMMARY_SELECT
                        ", summary_through, " CONTEXT_SAMPLE_SELECT
                        ", intents_detected FROM {conversation_sessions} "
                        "WHERE" IN_SCOPE "AND session_end IS NULL",
                        &lately, 1, &rows);
    if (status < 0)
        return status;
    ret->is_new = 1;
    ret->start_ms = ret->asked_ms;
    if (sql->row_count(rows) > 0) {
        int64_t start = integer(sql->cell(rows, 0, 0)), last = integer(sql->cell(rows, 0, 1));

        if (ret->asked_ms - last <= silence_ms) {
            ret->is_new = 0;
            ret->start_ms = start;
            ret->summary = string(sql->cell(rows, 0, 2));
            *ret_through = integer(sql->cell(rows, 0, 3));
            if (integer(sql->cell(rows, 0, 4)) > 0)
                ret->per_mille = integer(sql->cell(rows, 0, 4));
            ret->intents = string(sql->cell(rows, 0, 5));
        } else if (ret->start_ms <= start) {
            ret->start_ms = start + 1; /* the clock went back: the key stays unique */
        }
    }
    return TROUPE_OK;
}

static int is_small_talk(troupe_str intent)
{
    static const enum intent small[] = {INTENT_GENERAL, INTENT_STATUS};

    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
        if (intent.len == strlen(intent_name(small[i])) &&
            memcmp(intent.ptr, intent_name(small[i]), (size_t)intent.len) == 0)
            return 1;
    return 0;
}

troupe_status history_load(troupe_turn *turn, int64_t silence_ms, int64_t window, int64_t more,
                           struct history *ret)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_value params[4];
    int64_t through = 0;
    troupe_rows *rows;
    troupe_status status;
    uint64_t count;

    memset(ret, 0, sizeof(*ret));
    ret->per_mille = CONTEXT_PER_MILLE;
    ret->window = (uint32_t)window;
    status = load_session(turn, silence_ms, ret, &through);
    if (status < 0 || ret->is_new)
        return status;
    params[0] = troupe_sql_int(ret->start_ms);
    params[1] = troupe_sql_int((int64_t)troupe_turn_message(turn)->id);
    params[2] = troupe_sql_int(window + more);
    params[3] = troupe_sql_int(through);
    /* An older message that is answered late sees only what was asked before it. */
    status = sql->query(turn,
                        "SELECT role, unseal(content, 'conversation_history.content', account, "
                        "channel, member, message, part), interrupted, message, intent_type "
                        "FROM {conversation_history} "
                        "WHERE" IN_SCOPE "AND session_start = ?1 AND message < ?2 AND message > ?4 "
                        "ORDER BY message DESC, part DESC LIMIT ?3",
                        params, 4, &rows);
    if (status < 0)
        return status;
    count = sql->row_count(rows);
    ret->lines = troupe_turn_alloc(turn, (count + 1) * sizeof(*ret->lines));
    if (!ret->lines)
        return TROUPE_NOMEM;
    for (uint64_t i = 0; i < count; i++) {
        const troupe_value *role = sql->cell(rows, i, 0), *content = sql->cell(rows, i, 1);
        struct history_line *line = &ret->lines[ret->count];

        if (!role || role->type != TROUPE_TYPE_STRING || !content ||
            content->type != TROUPE_TYPE_STRING)
            continue;
        line->content = content->u.s;
        line->from_member = role->u.s.len == 4 && memcmp(role->u.s.ptr, "user", 4) == 0;
        line->interrupted = integer(sql->cell(rows, i, 2)) != 0;
        line->message = integer(sql->cell(rows, i, 3));
        line->small_talk = line->from_member && is_small_talk(string(sql->cell(rows, i, 4)));
        ret->count++;
    }
    return TROUPE_OK;
}

#define INSERT_LINE(part, role, interrupted, tokens, intent, confidence)                           \
    "INSERT INTO {conversation_history} (account, channel, member, guild, session_start, "         \
    "message, "                                                                                    \
    "part, role, content, interrupted, tokens_used, intent_type, intent_confidence, created_at) "  \
    "VALUES (COALESCE(:account, ''), COALESCE(:channel, ''), :member, :guild, ?1, ?2, " part       \
    ", '" role                                                                                     \
    "', seal(?3, 'conversation_history.content', :account, :channel, :member, ?2, " part           \
    "), " interrupted ", " tokens ", " intent ", " confidence ", ?4) "                             \
    "ON CONFLICT (account, channel, member, message, part) DO UPDATE SET "                         \
    "content = excluded.content, interrupted = excluded.interrupted, "                             \
    "tokens_used = excluded.tokens_used, intent_type = excluded.intent_type, "                     \
    "intent_confidence = excluded.intent_confidence, "                                             \
    "created_at = excluded.created_at"

troupe_status history_store(troupe_turn *turn, const struct history *history,
                            const struct history_entry *entry)
{
    const int64_t now = troupe_now(turn), last = now > history->asked_ms ? now : history->asked_ms;
    const troupe_value start = troupe_sql_int(history->start_ms);
    const troupe_value message = troupe_sql_int((int64_t)troupe_turn_message(turn)->id);
    const troupe_value begin[] = {start, troupe_sql_int(last)};
    const struct intent_entry *intent = &entry->intent;
    const int told = intent->intent && intent->intent[0];
    const troupe_value question[] = {start,
                                     message,
                                     troupe_sql_str(entry->question),
                                     troupe_sql_int(history->asked_ms),
                                     told ? text(intent->intent) : troupe_sql_null(),
                                     told ? real(intent->confidence) : troupe_sql_null()};
    const troupe_value answer[] = {start,
                                   message,
                                   troupe_sql_str(entry->answer),
                                   troupe_sql_int(last),
                                   troupe_sql_int(entry->interrupted),
                                   troupe_sql_int(entry->tokens)};
    char intents[INTENT_SESSION_SIZE];
    const int more = told && intent_session_add(history->intents, intent->intent, intents);
    const troupe_value count[] = {start, troupe_sql_int(last),
                                  more ? text(intents) : troupe_sql_null()};
    troupe_value sample[CONTEXT_SAMPLE_PARAMS], row[INTENT_LOG_PARAMS];
    const troupe_value old = troupe_sql_int(last - CONTEXT_SAMPLE_LIFE_MS);
    troupe_statement statements[8];
    uint32_t n = 0;

    if (history->is_new) {
        statements[n++] =
            (troupe_statement){"UPDATE {conversation_sessions} SET session_end = last_message_at "
                               "WHERE" IN_SCOPE "AND session_end IS NULL AND session_start <> ?1",
                               {begin, 1, sizeof(begin[0])},
                               TROUPE_ROWS_ANY};
        statements[n++] = (troupe_statement){
            "INSERT INTO {conversation_sessions} (account, channel, member, guild, session_start, "
            "last_message_at) VALUES (COALESCE(:account, ''), COALESCE(:channel, ''), :member, "
            ":guild, ?1, ?2) "
            "ON CONFLICT (account, channel, member, session_start) DO NOTHING",
            TROUPE_ARRAY(begin), TROUPE_ROWS_ANY};
        statements[n++] = context_sample_clear(&old);
    }
    statements[n++] = (troupe_statement){INSERT_LINE("0", "user", "0", "0", "?5", "?6"),
                                         TROUPE_ARRAY(question), TROUPE_ROWS_ANY};
    statements[n++] = (troupe_statement){INSERT_LINE("1", "assistant", "?5", "?6", "NULL", "NULL"),
                                         TROUPE_ARRAY(answer), TROUPE_ROWS_ANY};
    /* Counted from the rows, so that a message answered twice counts once. */
    statements[n++] = (troupe_statement){
        "UPDATE {conversation_sessions} SET last_message_at = ?2, message_count = "
        "(SELECT COUNT(*) FROM {conversation_history} WHERE" IN_SCOPE "AND session_start = ?1), "
        "intents_detected = COALESCE(?3, intents_detected) WHERE" IN_SCOPE "AND session_start = ?1",
        TROUPE_ARRAY(count), TROUPE_ROWS_ANY};
    if (told)
        statements[n++] = intent_log_row(intent, message.u.i, now, row);
    if (entry->sample.per_mille > 0)
        statements[n++] = context_sample_store(&entry->sample, last, sample);
    return troupe_sql(turn)->commit(turn, statements, n);
}
