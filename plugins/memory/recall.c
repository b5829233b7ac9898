/* SPDX-License-Identifier: Apache-2.0 */
#include "recall.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEEP = 20, FOUND_MAX = 3 * DEEP, DAY_MS = 86400000 };

/* Something without one of the question's words has to look very much like it. Models see some likeness in
 * everything. */
#define LIKE_LEAST       0.3
#define LIKE_LEAST_MODEL 0.45

struct recall {
    troupe_turn *turn;
    troupe_str query;
    struct memory_vector local, by_model; /* by_model: of no values where no model answers */
    int stale; /* something that was found has a vector of another embedder */
    struct memory_found *found;
    uint32_t count;
    int64_t now, from, to; /* the time that the question speaks of; 0: of none */
};

static int has_word(troupe_str text, const char *phrase)
{
    size_t len = strlen(phrase);

    for (uint64_t i = 0; i + len <= text.len; i++) {
        size_t n = 0;

        if (i > 0 && text.ptr[i - 1] != ' ')
            continue;
        while (n < len && (text.ptr[i + n] | 0x20) == phrase[n])
            n++;
        if (n == len)
            return 1;
    }
    return 0;
}

/* "yesterday" and its like, roughly: the days are those of UTC, with half a day on both sides. */
static void read_time(struct recall *recall)
{
    static const struct {
        const char *word;
        int from, to; /* days ago */
    } times[] = {
        {"today", 1, 0},           {"heute", 1, 0},       {"yesterday", 2, 0},
        {"gestern", 2, 0},         {"last week", 14, 4},  {"letzte woche", 14, 4},
        {"this week", 7, 0},       {"diese woche", 7, 0}, {"last month", 62, 20},
        {"letzten monat", 62, 20}, {"recently", 14, 0},   {"neulich", 14, 0},
    };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (!has_word(recall->query, times[i].word))
            continue;
        recall->from = recall->now - (int64_t)times[i].from * DAY_MS;
        recall->to = recall->now - (int64_t)times[i].to * DAY_MS + DAY_MS / 2;
        return;
    }
}

/* ---- looking ---------------------------------------------------------------------------------- */

static troupe_status search(struct recall *recall, uint32_t scope,
                            const struct memory_vector *vector, troupe_array *ret)
{
    troupe_text_query query = {.size = sizeof(query),
                               .scope = scope,
                               .text = recall->query,
                               .values = vector ? vector->values : NULL,
                               .count = vector ? vector->count : 0,
                               .weight = vector && vector->by[0] ? 1 : TROUPE_TEXTS_LOCAL,
                               .most = DEEP};

    return troupe_texts_search(recall->turn, &query, ret);
}

static int same_key(troupe_str a, troupe_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static const troupe_text_hit *hit_of(troupe_array hits, troupe_str key)
{
    for (uint32_t i = 0; i < hits.count; i++) {
        const troupe_text_hit *hit = TROUPE_AT(hits, troupe_text_hit, i);

        if (same_key(hit->key, key))
            return hit;
    }
    return NULL;
}

/* The rows of what was found; the same statement whatever was. */
static troupe_status rows_of(struct recall *recall, const char *sql, troupe_array hits,
                             troupe_rows **ret)
{
    troupe_value params[DEEP + 1];

    for (uint32_t i = 0; i < DEEP; i++)
        params[i] = troupe_sql_str(i < hits.count ? TROUPE_AT(hits, troupe_text_hit, i)->key
                                                  : (troupe_str){"", 0});
    params[DEEP] = troupe_sql_int(recall->now);
    return troupe_sql(recall->turn)->query(recall->turn, sql, params, DEEP + 1, ret);
}

#define KEYS                                                                                       \
    " key IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "   \
    "?19, ?20) "

static int is_found(const struct recall *recall, troupe_str key)
{
    for (uint32_t i = 0; i < recall->count; i++)
        if (recall->found[i].key.len == key.len &&
            memcmp(recall->found[i].key.ptr, key.ptr, key.len) == 0)
            return 1;
    return 0;
}

/* Whether the row's vector is what its maker would make now, as far as that is known. */
static int is_current(const struct recall *recall, troupe_str by)
{
    const char *now = recall->by_model.count ? recall->by_model.by : "";

    return now[0] ? by.len == strlen(now) && memcmp(by.ptr, now, (size_t)by.len) == 0
                  : embedder_made(recall->turn, by);
}

/* A model found no vector of its own length here: there may be some of another one. */
static troupe_status look_for_stale(struct recall *recall, const char *sql, uint32_t scope,
                                    const struct memory_vector *vector)
{
    const troupe_value params[] = {troupe_sql_str((troupe_str){vector->by, strlen(vector->by)}),
                                   troupe_sql_int(scope == TROUPE_SCOPE_AGENT)};
    troupe_rows *rows;
    troupe_status status;

    if (!vector->by[0])
        return TROUPE_OK;
    status = troupe_sql(recall->turn)->query(recall->turn, sql, params, 2, &rows);
    if (status >= 0)
        recall->stale |= troupe_sql(recall->turn)->row_count(rows) > 0;
    return status;
}

/* `by` made the row's vector; likeness to one of another embedder says nothing. */
static void add(struct recall *recall, const troupe_text_hit *hit,
                const struct memory_vector *vector, troupe_str by, struct memory_found found,
                double importance)
{
    const double age = (double)(recall->now - found.said_at) / DAY_MS;
    const int same =
        vector && by.len == strlen(vector->by) && memcmp(by.ptr, vector->by, (size_t)by.len) == 0;
    const double least = vector && vector->by[0] ? LIKE_LEAST_MODEL : LIKE_LEAST;

    recall->stale |= !is_current(recall, by);
    if (recall->count == FOUND_MAX || is_found(recall, found.key) ||
        (hit->share <= 0 && (!same || hit->likeness < least)))
        return;
    found.share = hit->share;
    found.score = hit->score * (0.3 + hit->share) * (1 + 0.3 * importance);
    if (recall->from && found.said_at >= recall->from && found.said_at <= recall->to)
        found.score *= 2;
    if (!found.source.len) /* newer before older, where else they are alike */
        found.score *= 1 + 0.2 * exp(-(age > 0 ? age : 0) / 30);
    recall->found[recall->count++] = found;
}

static troupe_status find_facts(struct recall *recall, const struct memory_vector *vector)
{
    const troupe_sql_v1 *sql = troupe_sql(recall->turn);
    troupe_array hits;
    troupe_rows *rows;
    troupe_status status = search(recall, TROUPE_SCOPE_HERE, vector, &hits);

    if (status == TROUPE_UNSUPPORTED) /* nobody is there */
        return TROUPE_OK;
    if (status >= 0 && hits.count == 0)
        return look_for_stale(recall,
                              "SELECT 1 FROM {memory} WHERE account = COALESCE(:account, '') AND "
                              "guild = COALESCE(:guild, '') AND member = :member AND "
                              "state <> 'history' AND tier <> 'immediate' AND embedder <> ?1 AND "
                              "?2 = 0 LIMIT 1",
                              TROUPE_SCOPE_HERE, vector);
    if (status < 0)
        return status;
    status =
        rows_of(recall,
                "SELECT key, unseal(content, 'memory.content', account, guild, member, key), tier, "
                "said_at, importance, used_at, embedder FROM {memory} WHERE "
                "account = COALESCE(:account, '') AND guild = COALESCE(:guild, '') AND "
                "member = :member AND state = 'active' AND "
                "(expires_at = 0 OR expires_at > ?21) AND" KEYS "ORDER BY key",
                hits, &rows);
    for (uint64_t i = 0; status >= 0 && i < sql->row_count(rows); i++) {
        struct memory_found found = {.key = cell_str(sql->cell(rows, i, 0)),
                                     .text = cell_str(sql->cell(rows, i, 1)),
                                     .tier = cell_str(sql->cell(rows, i, 2)),
                                     .said_at = cell_int(sql->cell(rows, i, 3)),
                                     .used_at = cell_int(sql->cell(rows, i, 5))};
        const troupe_text_hit *hit = hit_of(hits, found.key);

        if (hit)
            add(recall, hit, vector, cell_str(sql->cell(rows, i, 6)), found,
                cell_float(sql->cell(rows, i, 4)));
    }
    return status;
}

/* What is found by words whose piece is gone: who brought the document had it deleted, which takes the rows. */
static troupe_status let_go(struct recall *recall, uint32_t scope, troupe_array hits,
                            troupe_rows *rows)
{
    const troupe_sql_v1 *sql = troupe_sql(recall->turn);
    troupe_status status = TROUPE_OK;

    for (uint32_t i = 0; status >= 0 && i < hits.count; i++) {
        const troupe_str key = TROUPE_AT(hits, troupe_text_hit, i)->key;
        char name[MEMORY_KEY_SIZE];
        uint64_t n = 0;

        while (n < sql->row_count(rows) && !same_key(cell_str(sql->cell(rows, n, 0)), key))
            n++;
        if (n < sql->row_count(rows) || key.len >= sizeof(name))
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)key.len, key.ptr);
        status = troupe_texts_remove(recall->turn, scope, name);
        if (status >= 0)
            status = troupe_vectors_remove(recall->turn, scope, name);
    }
    return status;
}

/* Documents of the turn's server, or of everybody. */
static troupe_status find_knowledge(struct recall *recall, uint32_t scope,
                                    const struct memory_vector *vector)
{
    const troupe_sql_v1 *sql = troupe_sql(recall->turn);
    troupe_array hits;
    troupe_rows *rows;
    troupe_status status = search(recall, scope, NULL, &hits);

    if (status == TROUPE_UNSUPPORTED)
        return TROUPE_OK;
    /* Many documents have many vectors; those of the host's own hardly change the order of what words find. */
    if (status >= 0 && (hits.count == 0 || vector->by[0]))
        status = search(recall, scope, vector, &hits);
    if (status >= 0 && hits.count == 0)
        return look_for_stale(
            recall,
            "SELECT 1 FROM {knowledge} WHERE account = COALESCE(:account, '') AND "
            "guild = CASE WHEN ?2 = 1 THEN '' ELSE COALESCE(:guild, '-') END AND embedder <> ?1 "
            "LIMIT 1",
            scope, vector);
    if (status < 0)
        return status;
    status = rows_of(
        recall,
        "SELECT key, unseal(content, 'knowledge.content', account, guild, source, part), source, "
        "unseal(heading, 'knowledge.heading', account, guild, source, part), added_at, "
        "embedder FROM {knowledge} WHERE "
        "added_at <= ?21 AND (guild = COALESCE(:guild, '') OR guild = '') AND" KEYS "ORDER BY key",
        hits, &rows);
    for (uint64_t i = 0; status >= 0 && i < sql->row_count(rows); i++) {
        struct memory_found found = {.key = cell_str(sql->cell(rows, i, 0)),
                                     .text = cell_str(sql->cell(rows, i, 1)),
                                     .source = cell_str(sql->cell(rows, i, 2)),
                                     .heading = cell_str(sql->cell(rows, i, 3)),
                                     .tier = {"knowledge", 9},
                                     .said_at = cell_int(sql->cell(rows, i, 4))};
        const troupe_text_hit *hit = hit_of(hits, found.key);

        if (hit)
            add(recall, hit, vector, cell_str(sql->cell(rows, i, 5)), found, 0);
    }
    return status < 0 ? status : let_go(recall, scope, hits, rows);
}

/* ---- the order -------------------------------------------------------------------------------- */

static int is_before(const struct memory_found *a, const struct memory_found *b)
{
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score;
    return a->key.len == b->key.len && memcmp(a->key.ptr, b->key.ptr, a->key.len) < 0;
}

static void sort(struct recall *recall)
{
    for (uint32_t i = 1; i < recall->count; i++) {
        struct memory_found moved = recall->found[i];
        uint32_t at = i;

        for (; at > 0 && is_before(&moved, &recall->found[at - 1]); at--)
            recall->found[at] = recall->found[at - 1];
        recall->found[at] = moved;
    }
}

/* What fits: a long piece that does not makes no room unused for those behind it. */
static uint32_t cut(struct recall *recall, uint32_t most, int64_t tokens)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < recall->count && kept < most; i++) {
        int64_t cost = (int64_t)(recall->found[i].text.len + 2) / 3 + 8;

        if (cost > tokens)
            continue;
        tokens -= cost;
        recall->found[kept++] = recall->found[i];
    }
    return kept;
}

/* What answers fades from then on; once a day is enough to know. */
static troupe_status note_use(struct recall *recall, uint32_t count)
{
    troupe_value params[DEEP + 1];
    const troupe_statement statement = {
        "UPDATE {memory} SET used_at = ?21 WHERE account = COALESCE(:account, '') AND "
        "guild = COALESCE(:guild, '') AND member = :member AND" KEYS,
        TROUPE_ARRAY(params), TROUPE_ROWS_ANY};
    uint32_t used = 0;

    for (uint32_t i = 0; i < count && used < DEEP; i++) {
        const struct memory_found *found = &recall->found[i];

        if (!found->source.len && found->used_at < recall->now - DAY_MS)
            params[used++] = troupe_sql_str(found->key);
    }
    if (used == 0)
        return TROUPE_OK;
    for (uint32_t i = used; i < DEEP; i++)
        params[i] = troupe_sql_str((troupe_str){"", 0});
    params[DEEP] = troupe_sql_int(recall->now);
    return troupe_sql(recall->turn)->commit(recall->turn, &statement, 1);
}

static troupe_status find_all(struct recall *recall, const struct memory_vector *vector)
{
    troupe_status status = find_facts(recall, vector);

    if (status >= 0)
        status = find_knowledge(recall, TROUPE_SCOPE_GUILD, vector);
    if (status >= 0)
        status = find_knowledge(recall, TROUPE_SCOPE_AGENT, vector);
    return status;
}

troupe_status recall_find(troupe_turn *turn, troupe_str query, uint32_t most, int64_t tokens,
                          struct memory_found **ret, uint32_t *ret_count)
{
    char *words = (char *)troupe_turn_alloc(turn, OWN_MAX);
    struct recall recall = {.turn = turn, .now = troupe_now(turn)};
    troupe_status status;

    recall.found =
        (struct memory_found *)troupe_turn_alloc(turn, FOUND_MAX * sizeof(*recall.found));
    if (!words || !recall.found)
        return TROUPE_NOMEM;
    *ret = recall.found;
    *ret_count = 0;
    recall.query = words_to_find(query, words);
    status = embedder_local(turn, recall.query, &recall.local);
    if (status == TROUPE_NOT_FOUND)
        return TROUPE_OK; /* no word: nothing to go by */
    if (status >= 0 && embedder_of(turn)->model[0])
        status = embedder_texts(turn, &recall.query, 1, &recall.by_model);
    if (status < 0)
        return status;
    read_time(&recall);
    if (recall.by_model.count && recall.by_model.by[0])
        status = find_all(&recall, &recall.by_model);
    /* What the model has no vector of yet is found as without it. */
    if (status >= 0 && (!recall.by_model.count || !recall.by_model.by[0] || recall.stale))
        status = find_all(&recall, &recall.local);
    if (status >= 0 && recall.stale)
        status = embedder_plan(turn, 0);
    if (status < 0)
        return status;
    sort(&recall);
    *ret_count = cut(&recall, most, tokens);
    return note_use(&recall, *ret_count);
}
