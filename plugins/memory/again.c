/* SPDX-License-Identifier: Apache-2.0
 *
 * The job that makes vectors again: of what got none of the model's while that was away, and of all that another
 * model had made. A row and its vector change in one transaction; one that went meanwhile stays gone.
 */
#include "embedder.h"
#include "fact.h"

#include <stdio.h>
#include <string.h>

#define HERE                                                                                       \
    " account = COALESCE(:account, '') AND guild = COALESCE(:guild, '') AND member = :member "
#define TEXT_MOST 1200

struct again {
    troupe_turn *turn;
    const char *by;
    uint32_t scope;
    const char *select, *update;
};

static troupe_value text(const char *string)
{
    return troupe_sql_str((troupe_str){string, strlen(string)});
}

static troupe_status put(const struct again *again, troupe_str key,
                         const struct memory_vector *vector)
{
    const troupe_value params[] = {troupe_sql_str(key), text(again->by),
                                   troupe_sql_int(again->scope == TROUPE_SCOPE_AGENT)};
    const troupe_statement statement = {again->update, TROUPE_ARRAY(params), 1};
    char name[MEMORY_KEY_SIZE];
    troupe_status status;

    snprintf(name, sizeof(name), "%.*s", (int)(key.len < sizeof(name) ? key.len : 0), key.ptr);
    status = troupe_sql(again->turn)->commit(again->turn, &statement, 1);
    return status < 0
               ? status
               : troupe_vectors_put(again->turn, again->scope, name, vector->values, vector->count);
}

/* One portion; `ret` so many there were, 0: none is left. */
static troupe_status portion(const struct again *again, uint32_t *ret)
{
    const troupe_sql_v1 *sql = troupe_sql(again->turn);
    const troupe_value params[] = {text(again->by),
                                   troupe_sql_int(again->scope == TROUPE_SCOPE_AGENT)};
    struct memory_vector vectors[MEMORY_AT_ONCE];
    troupe_str texts[MEMORY_AT_ONCE];
    troupe_rows *rows;
    troupe_status status = sql->query(again->turn, again->select, params, 2, &rows);
    uint32_t count = 0;

    if (status == TROUPE_UNSUPPORTED)
        return *ret = 0, TROUPE_OK;
    if (status < 0)
        return status;
    for (; count < sql->row_count(rows) && count < MEMORY_AT_ONCE; count++) {
        char *whole = (char *)troupe_turn_alloc(again->turn, TEXT_MOST);
        troupe_str heading = cell_str(sql->cell(rows, count, 1));
        troupe_str content = cell_str(sql->cell(rows, count, 2));

        if (!whole)
            return TROUPE_NOMEM;
        texts[count].ptr = whole;
        texts[count].len = (uint64_t)snprintf(
            whole, TEXT_MOST, "%.*s%s%.*s", (int)heading.len, heading.ptr, heading.len ? "\n" : "",
            (int)(content.len < TEXT_MOST - 200 ? content.len : TEXT_MOST - 200), content.ptr);
    }
    *ret = count;
    if (count == 0)
        return TROUPE_OK;
    status = embedder_texts(again->turn, texts, count, vectors);
    if (status >= 0 && strcmp(vectors[0].by, again->by) != 0)
        return TROUPE_UNAVAILABLE;
    if (status >= 0)
        status = troupe_batch_begin(again->turn);
    for (uint32_t i = 0; status >= 0 && i < count; i++)
        status = put(again, cell_str(sql->cell(rows, i, 0)), &vectors[i]);
    return status < 0 ? status : troupe_batch_commit(again->turn);
}

/* Who makes vectors now. Of a model only an answer tells how many values they have. */
static troupe_status ask_maker(troupe_turn *turn, const char **ret)
{
    const troupe_str any = {"a", 1};
    struct memory_vector vector;
    troupe_status status;

    *ret = "";
    if (!embedder_of(turn)->model[0])
        return TROUPE_OK;
    status = embedder_texts(turn, &any, 1, &vector);
    if (status < 0)
        return status;
    *ret = vector.by;
    return vector.by[0] ? TROUPE_OK : TROUPE_UNAVAILABLE;
}

troupe_status embedder_again(troupe_turn *turn, uint32_t *ret_count, int *ret_left)
{
    static const char pieces[] =
        "SELECT key, unseal(heading, 'knowledge.heading', account, guild, source, part), "
        "unseal(content, 'knowledge.content', account, guild, source, part) FROM {knowledge} WHERE "
        "account = COALESCE(:account, '') AND "
        "guild = CASE WHEN ?2 = 1 THEN '' ELSE COALESCE(:guild, '-') END AND embedder <> ?1 "
        "ORDER BY key LIMIT 16";
    static const char piece[] = "UPDATE {knowledge} SET embedder = ?2 WHERE key = ?1 AND guild = "
                                "CASE WHEN ?3 = 1 THEN '' ELSE COALESCE(:guild, '-') END";
    const char *by;
    troupe_status status = ask_maker(turn, &by);
    const struct again kinds[] = {
        {turn, by, TROUPE_SCOPE_HERE,
         "SELECT key, '', unseal(content, 'memory.content', account, guild, member, key) FROM "
         "{memory} WHERE" HERE "AND state <> 'history' AND tier <> 'immediate' AND embedder <> ?1 "
         "AND ?2 = 0 ORDER BY key LIMIT 16",
         "UPDATE {memory} SET embedder = ?2 WHERE" HERE "AND key = ?1 AND ?3 = 0"},
        {turn, by, TROUPE_SCOPE_GUILD, pieces, piece},
        {turn, by, TROUPE_SCOPE_AGENT, pieces, piece},
    };

    *ret_count = 0;
    *ret_left = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && status >= 0; i++) {
        uint32_t count = MEMORY_AT_ONCE;

        for (int n = 0; n < 4 && status >= 0 && count == MEMORY_AT_ONCE; n++) {
            status = portion(&kinds[i], &count);
            *ret_count += status < 0 ? 0 : count;
        }
        *ret_left |= count == MEMORY_AT_ONCE;
    }
    return status;
}
