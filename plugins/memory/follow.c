/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <string.h>

enum { LINES = 2, RECENT_MS = 30 * 60 * 1000 };

static size_t append(char *to, size_t len, troupe_str text)
{
    size_t n = (size_t)text.len < OWN_MAX - 2 - len ? (size_t)text.len : OWN_MAX - 2 - len;

    /* Not in the middle of a character. */
    while (n > 0 && n < text.len && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
        n--;
    memcpy(to + len, text.ptr, n);
    to[len + n] = '\n';
    return len + n + 1;
}

troupe_status follow_rewrite(troupe_turn *turn, troupe_str question, troupe_str *ret)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_value params[2];
    troupe_rows *rows;
    troupe_status status;
    uint64_t count;
    size_t len;
    char *text;

    *ret = question;
    if (!message || question.len >= OWN_MAX / 2 || !words_points_back(question))
        return TROUPE_OK;
    params[0] = troupe_sql_int((int64_t)message->id);
    params[1] =
        troupe_sql_int((message->time_ms > 0 ? message->time_ms : troupe_now(turn)) - RECENT_MS);
    status = sql->query(
        turn,
        "SELECT unseal(content, 'memory.content', account, guild, member, key) FROM {memory} WHERE "
        "account = COALESCE(:account, '') AND guild = COALESCE(:guild, '') AND member = :member "
        "AND state = 'active' AND tier = 'immediate' AND said_at > ?2 AND message <> ?1 AND "
        "channel = COALESCE(:channel, '') ORDER BY said_at DESC, key DESC LIMIT 2",
        params, 2, &rows);
    count = status < 0 ? 0 : sql->row_count(rows);
    if (count == 0)
        return status;
    text = (char *)troupe_turn_alloc(turn, OWN_MAX);
    if (!text)
        return TROUPE_NOMEM;
    len = append(text, 0, question);
    for (uint64_t i = 0; i < count && i < LINES; i++)
        len = append(text, len, cell_str(sql->cell(rows, i, 0)));
    troupe_reason(turn, "memory.follows", "looked for with %u messages before it", (unsigned)count);
    *ret = (troupe_str){text, len - 1};
    return TROUPE_OK;
}
