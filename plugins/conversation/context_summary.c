/* SPDX-License-Identifier: Apache-2.0 */
#include "context_summary.h"

#include "context_fence.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define IN_SCOPE                                                                                   \
    " account = COALESCE(:account, '') AND channel = COALESCE(:channel, '') AND member = :member "

#define CUT_LINES_MIN 2    /* lines without a place that begin one: a turn */
#define ANSWER_TOKENS 300  /* of a summary        */
#define TEXT_MAX      4000 /* bytes of a summary  */
#define LINES_MAX     200  /* in one step         */
#define DELAY_MS      1000 /* a member who writes on at once is not overtaken */

TROUPE_EMBED(conversation_summary_prompt, "prompts/summary.txt");

int context_summary_can(troupe_turn *turn)
{
    return troupe_schedule(turn) != NULL;
}

/* ---- when -------------------------------------------------------------------------------------*/

troupe_status context_summary_plan(troupe_turn *turn, const struct history *history, uint32_t used)
{
    const troupe_message *message = troupe_turn_message(turn);
    uint32_t keep = used < history->window ? used : history->window;
    char payload[64], key[40];
    troupe_job job = {.size = sizeof(job), .missed = TROUPE_MISSED_RUN};
    troupe_status status;

    /* Question and answer stay together. */
    while (keep > 0 && keep < history->count &&
           history->lines[keep].message == history->lines[keep - 1].message)
        keep++;
    if (keep >= history->count ||
        history->count - keep < (used < history->count ? CUT_LINES_MIN : CONTEXT_SUMMARY_LINES))
        return TROUPE_OK;
    snprintf(payload, sizeof(payload), "%lld %lld", (long long)history->start_ms,
             (long long)history->lines[keep].message);
    snprintf(key, sizeof(key), "summary %llu", (unsigned long long)message->channel);
    job.payload = (troupe_str){payload, strlen(payload)};
    job.key = (troupe_str){key, strlen(key)};
    job.at_ms = troupe_now(turn) + DELAY_MS;
    status = troupe_schedule_add(turn, &job, NULL);
    if (status < 0 && troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    troupe_reason(turn, "conversation.summary", "%u older lines: %s", history->count - keep,
                  status < 0 ? "they cannot be planned" : "a summary is planned");
    return TROUPE_OK;
}

/* ---- what -------------------------------------------------------------------------------------*/

/* What is to be summed up. */
struct older {
    int64_t start, upto;    /* session, and the last message that shall be in it */
    int64_t first, through; /* messages that are */
    int64_t lines;
    troupe_str before; /* the summary so far */
    troupe_rows *rows;
    uint64_t count; /* of rows that have a place */
};

static const troupe_value *cell_of(troupe_turn *turn, const troupe_rows *rows, uint64_t row,
                                   uint32_t column, uint32_t type)
{
    const troupe_value *cell = troupe_sql(turn)->cell(rows, row, column);

    return cell && cell->type == type ? cell : NULL;
}

static int64_t number_of(troupe_turn *turn, const troupe_rows *rows, uint64_t row, uint32_t column)
{
    const troupe_value *cell = cell_of(turn, rows, row, column, TROUPE_TYPE_INT);

    return cell ? cell->u.i : 0;
}

static troupe_str text_of(troupe_turn *turn, const troupe_rows *rows, uint64_t row, uint32_t column)
{
    const troupe_value *cell = cell_of(turn, rows, row, column, TROUPE_TYPE_STRING);

    return cell ? cell->u.s : (troupe_str){"", 0};
}

/* TROUPE_NOT_FOUND where there is nothing left to do. */
static troupe_status load(troupe_turn *turn, struct older *older)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value start = troupe_sql_int(older->start);
    troupe_value params[4];
    troupe_rows *rows;
    troupe_status status = sql->query(
        turn,
        "SELECT " CONTEXT_SUMMARY_SELECT ", summary_from, summary_through, "
        "summary_lines FROM {conversation_sessions} WHERE" IN_SCOPE "AND session_start = ?1",
        &start, 1, &rows);

    if (status < 0)
        return status;
    if (sql->row_count(rows) == 0 || number_of(turn, rows, 0, 2) >= older->upto)
        return TROUPE_NOT_FOUND;
    older->before = text_of(turn, rows, 0, 0);
    older->first = number_of(turn, rows, 0, 1);
    older->through = number_of(turn, rows, 0, 2);
    older->lines = number_of(turn, rows, 0, 3);
    params[0] = start;
    params[1] = troupe_sql_int(older->through);
    params[2] = troupe_sql_int(older->upto);
    params[3] = troupe_sql_int(LINES_MAX);
    status = sql->query(turn,
                        "SELECT part, unseal(content, 'conversation_history.content', account, "
                        "channel, member, message, part), message "
                        "FROM {conversation_history} WHERE" IN_SCOPE
                        "AND session_start = ?1 AND message > ?2 AND message <= ?3 "
                        "ORDER BY message, part LIMIT ?4",
                        params, 4, &older->rows);
    if (status < 0)
        return status;
    return sql->row_count(older->rows) > 0 ? TROUPE_OK : TROUPE_NOT_FOUND;
}

/* As many of the oldest as fit into the budget, whole messages with their answers; one that alone is too
 * long is cut. */
static void fit(troupe_turn *turn, const struct prompt_budget *budget, struct older *older)
{
    const uint64_t rows = troupe_sql(turn)->row_count(older->rows);
    int64_t room = budget->context - ANSWER_TOKENS - budget->reserve -
                   prompt_tokens(conversation_summary_prompt, strlen(conversation_summary_prompt)) -
                   prompt_tokens(older->before.ptr, older->before.len);

    room = room * CONTEXT_PER_MILLE / budget->per_mille;
    older->count = 0;
    for (uint64_t i = 0; i < rows; i++) {
        const troupe_str content = text_of(turn, older->rows, i, 1);

        room -= prompt_tokens(content.ptr, content.len) + 4;
        if (room < 0 && older->count > 0)
            return;
        if (i + 1 == rows ||
            number_of(turn, older->rows, i, 2) != number_of(turn, older->rows, i + 1, 2)) {
            older->count = i + 1;
            older->through = number_of(turn, older->rows, i, 2);
        }
    }
}

/* The talk as the model reads it. In the turn's memory; NULL without. */
static char *write_talk(troupe_turn *turn, const struct prompt_budget *budget,
                        const struct older *older)
{
    static const char before[] = "Notes so far:\n", talk[] = "What was said since:\n";
    const uint64_t most = (uint64_t)(budget->context - budget->reserve) * 2 / (older->count + 1);
    uint64_t size = sizeof(before) + sizeof(talk) + context_fence_room(older->before), len = 0;
    char *out;

    for (uint64_t i = 0; i < older->count; i++)
        size += context_fence_room(text_of(turn, older->rows, i, 1)) + 16;
    out = troupe_turn_alloc(turn, size + 1);
    if (!out)
        return NULL;
    if (older->before.len > 0) {
        len += (uint64_t)snprintf(out + len, size - len, "%s", before);
        len += context_fence_put(out + len, older->before);
    }
    len += (uint64_t)snprintf(out + len, size - len, "%s", talk);
    for (uint64_t i = 0; i < older->count; i++) {
        troupe_str content = text_of(turn, older->rows, i, 1);

        if (older->count <= 2) /* longer than the budget, and alone */
            content = context_fence_cut(content, most);
        len += (uint64_t)snprintf(out + len, size - len, "%s:\n",
                                  number_of(turn, older->rows, i, 0) == 0 ? "Member" : "Bot");
        len += context_fence_put(out + len, content);
    }
    out[len] = 0;
    return out;
}

/* ---- asking and keeping -----------------------------------------------------------------------*/

static troupe_status ask(troupe_turn *turn, const char *talk, troupe_str *ret)
{
    json_t *arguments = json_pack("{s:[{s:s, s:s, s:I}, {s:s, s:s}], s:s, s:i}", "messages", "role",
                                  "system", "content", conversation_summary_prompt, "stable",
                                  (json_int_t)strlen(conversation_summary_prompt), "role", "user",
                                  "content", talk, "route", "summary", "max_tokens", ANSWER_TOKENS);
    char *text = arguments ? json_dumps(arguments, JSON_COMPACT) : NULL;
    troupe_status status = TROUPE_DATA; /* a talk that is no UTF-8 */

    if (text)
        status = troupe_call(turn, TROUPE_SERVICE_LLM_CHAT, (troupe_str){text, strlen(text)}, ret);
    free(text);
    json_decref(arguments);
    return status;
}

static troupe_status keep(troupe_turn *turn, const struct older *older, const json_t *result)
{
    const json_t *text = json_object_get(result, "text"), *model = json_object_get(result, "model");
    const troupe_str summary = context_fence_cut(
        (troupe_str){json_string_value(text), json_string_length(text)}, TEXT_MAX);
    const int64_t first = older->first ? older->first : number_of(turn, older->rows, 0, 2);
    const troupe_value params[] = {
        troupe_sql_int(older->start),
        troupe_sql_str(summary),
        troupe_sql_int(first),
        troupe_sql_int(older->through),
        troupe_sql_int(older->lines + (int64_t)older->count),
        troupe_sql_str((troupe_str){json_string_value(model), json_string_length(model)}),
        troupe_sql_int(troupe_now(turn)),
    };
    const troupe_statement statement = {
        "UPDATE {conversation_sessions} SET summary = seal(?2, 'conversation_sessions.summary', "
        ":account, :channel, :member, ?1), summary_from = ?3, summary_through = ?4, "
        "summary_lines = ?5, summary_model = ?6, summary_at = ?7 "
        "WHERE" IN_SCOPE "AND session_start = ?1 AND summary_through < ?4",
        TROUPE_ARRAY(params), TROUPE_ROWS_ANY};

    if (summary.len == 0 || !json_is_string(model))
        return TROUPE_DATA;
    return troupe_sql(turn)->commit(turn, &statement, 1);
}

static int read_payload(troupe_str payload, struct older *ret)
{
    char text[64], *end;

    if (payload.len == 0 || payload.len >= sizeof(text))
        return 0;
    memcpy(text, payload.ptr, payload.len);
    text[payload.len] = 0;
    ret->start = strtoll(text, &end, 10);
    if (*end != ' ')
        return 0;
    ret->upto = strtoll(end + 1, &end, 10);
    return *end == 0 && ret->upto > 0;
}

troupe_status context_summary_write(troupe_turn *turn, const struct prompt_budget *budget,
                                    troupe_str payload)
{
    struct older older = {0};
    troupe_str result = {NULL, 0};
    troupe_status status;
    json_t *tree;
    char *talk;

    if (!read_payload(payload, &older))
        return TROUPE_OK; /* of another version: the next turn plans anew */
    status = load(turn, &older);
    if (status == TROUPE_NOT_FOUND)
        return TROUPE_OK;
    if (status < 0)
        return status;
    fit(turn, budget, &older);
    talk = write_talk(turn, budget, &older);
    if (!talk)
        return TROUPE_NOMEM;
    status = ask(turn, talk, &result);
    if (status >= 0) {
        tree = json_loadb(result.ptr, result.len, 0, NULL);
        status = keep(turn, &older, tree);
        json_decref(tree);
    }
    if (status < 0 && troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    /* Nobody asked for it: nobody is told, and the talk's next turn plans it again. */
    troupe_reason(turn, "conversation.summary", "%llu lines, status %d",
                  (unsigned long long)older.count, status);
    return TROUPE_OK;
}
