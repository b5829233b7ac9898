/* SPDX-License-Identifier: Apache-2.0 */
#include "fact.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HERE                                                                                       \
    " account = COALESCE(:account, '') AND guild = COALESCE(:guild, '') AND member = :member "
#define COLUMNS                                                                                    \
    " key, tier, state, unseal(content, 'memory.content', account, guild, member, key), "          \
    "extractor, confidence, importance, said_at, seen, message, expires_at, used_at "

static const char *const extractors[] = {"asked", "rules", "model", "quote"};

/* ---- cells ------------------------------------------------------------------------------------ */

int64_t cell_int(const troupe_value *cell)
{
    return cell && cell->type == TROUPE_TYPE_INT ? cell->u.i : 0;
}

double cell_float(const troupe_value *cell)
{
    if (cell && cell->type == TROUPE_TYPE_INT)
        return (double)cell->u.i;
    return cell && cell->type == TROUPE_TYPE_FLOAT ? cell->u.f : 0;
}

troupe_str cell_str(const troupe_value *cell)
{
    return cell && cell->type == TROUPE_TYPE_STRING ? cell->u.s : (troupe_str){"", 0};
}

static troupe_value real(double number)
{
    troupe_value value = {TROUPE_TYPE_FLOAT, 0, {0}};

    value.u.f = number;
    return value;
}

static troupe_value text(const char *string)
{
    return troupe_sql_str((troupe_str){string, strlen(string)});
}

static int same_bytes(troupe_str a, troupe_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

void fact_new_key(troupe_turn *turn, char first, char *ret)
{
    snprintf(ret, MEMORY_KEY_SIZE, "%c%08llx%08llx", first,
             (unsigned long long)troupe_random(turn, INT64_C(1) << 32),
             (unsigned long long)troupe_random(turn, INT64_C(1) << 32));
}

void fact_date(int64_t ms, char *ret)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    /* Years that begin in March put the leap day last. */
    int64_t shifted = (ms > 0 ? ms : 0) / 86400000 + 719468, era = shifted / 146097;
    int64_t day = shifted % 146097, year, month;

    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day = day - (153 * month + 2) / 5 + 1;
    year += era * 400 + (month >= 10);
    snprintf(ret, 16, "%d %s %d", (int)day, months[(month + 2) % 12], (int)(year % 10000));
}

/* ---- reading ---------------------------------------------------------------------------------- */

static void take_row(troupe_turn *turn, troupe_rows *rows, uint64_t i, struct memory_row *ret)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);

    ret->key = cell_str(sql->cell(rows, i, 0));
    ret->tier = cell_str(sql->cell(rows, i, 1));
    ret->state = cell_str(sql->cell(rows, i, 2));
    ret->content = cell_str(sql->cell(rows, i, 3));
    ret->extractor = cell_str(sql->cell(rows, i, 4));
    ret->confidence = cell_float(sql->cell(rows, i, 5));
    ret->importance = cell_float(sql->cell(rows, i, 6));
    ret->said_at = cell_int(sql->cell(rows, i, 7));
    ret->seen = cell_int(sql->cell(rows, i, 8));
    ret->message = cell_int(sql->cell(rows, i, 9));
    ret->expires_at = cell_int(sql->cell(rows, i, 10));
    ret->used_at = cell_int(sql->cell(rows, i, 11));
}

static troupe_status read_rows(troupe_turn *turn, const char *sql, const troupe_value *params,
                               uint32_t count, struct memory_row **ret, uint64_t *ret_count)
{
    troupe_rows *rows;
    troupe_status status = troupe_sql(turn)->query(turn, sql, params, count, &rows);
    uint64_t n;

    if (status < 0)
        return status;
    n = troupe_sql(turn)->row_count(rows);
    *ret = (struct memory_row *)troupe_turn_alloc(turn, (n + 1) * sizeof(**ret));
    if (!*ret)
        return TROUPE_NOMEM;
    for (uint64_t i = 0; i < n; i++)
        take_row(turn, rows, i, &(*ret)[i]);
    *ret_count = n;
    return TROUPE_OK;
}

troupe_status fact_list(troupe_turn *turn, const char *state, struct memory_row **ret,
                        uint64_t *ret_count)
{
    const troupe_value params[] = {text(state ? state : ""), troupe_sql_int(troupe_now(turn))};

    return read_rows(turn,
                     "SELECT" COLUMNS "FROM {memory} WHERE" HERE "AND tier <> 'immediate' AND "
                     "(?1 = '' OR state = ?1) AND (expires_at = 0 OR expires_at > ?2) "
                     "ORDER BY said_at DESC, key LIMIT 2000",
                     params, 2, ret, ret_count);
}

/* ---- what there is already ---------------------------------------------------------------------*/

struct alike {
    struct memory_row same, opposite;
    uint8_t has_same, has_opposite;
};

/* The row that says the same, active or put aside, and one that says the opposite. */
static troupe_status find_alike(troupe_turn *turn, const struct memory_limits *limits,
                                troupe_str content, const struct memory_vector *vector,
                                struct alike *ret)
{
    troupe_text_query query = {.size = sizeof(query),
                               .scope = TROUPE_SCOPE_HERE,
                               .text = content,
                               .values = vector->values,
                               .count = vector->count,
                               .weight = 1,
                               .most = 8};
    troupe_array hits;
    troupe_status status;

    status = troupe_texts_search(turn, &query, &hits);
    for (uint32_t i = 0; status >= 0 && i < hits.count && !ret->has_same; i++) {
        const troupe_text_hit *hit = TROUPE_AT(hits, troupe_text_hit, i);
        const troupe_value key = troupe_sql_str(hit->key);
        struct memory_row *rows;
        uint64_t count = 0;

        if (hit->likeness < limits->alike && hit->share < 0.999)
            continue;
        status = read_rows(
            turn, "SELECT" COLUMNS "FROM {memory} WHERE" HERE "AND key = ?1 AND state <> 'history'",
            &key, 1, &rows, &count);
        if (status < 0 || count == 0)
            continue;
        if (same_bytes(content, rows[0].content) || words_same(content, rows[0].content)) {
            ret->same = rows[0];
            ret->has_same = 1;
        } else if (!ret->has_opposite && words_opposite(content, rows[0].content)) {
            ret->opposite = rows[0];
            ret->has_opposite = 1;
        }
    }
    return status;
}

/* A slot tells what a memory is about, so it is sealed, and compared here. */
static troupe_status find_contradicted(troupe_turn *turn, const char *slot, troupe_str but,
                                       struct memory_row **ret, uint64_t *ret_count)
{
    enum { FEW = 10 };
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value none = troupe_sql_str(but);
    troupe_value keys[FEW];
    troupe_rows *rows;
    uint32_t found = 0;
    troupe_status status;

    *ret_count = 0;
    if (!slot[0])
        return TROUPE_OK;
    status = sql->query(turn,
                        "SELECT key, unseal(slot, 'memory.slot', account, guild, member, key) "
                        "FROM {memory} WHERE" HERE
                        "AND slot <> '' AND state = 'active' AND tier <> 'immediate' AND key <> ?1 "
                        "ORDER BY said_at DESC, key",
                        &none, 1, &rows);
    for (uint64_t i = 0; status >= 0 && i < sql->row_count(rows) && found < FEW; i++)
        if (same_bytes(cell_str(sql->cell(rows, i, 1)), (troupe_str){slot, strlen(slot)}))
            keys[found++] = troupe_sql_str(cell_str(sql->cell(rows, i, 0)));
    if (status < 0 || !found)
        return status;
    for (uint32_t i = found; i < FEW; i++)
        keys[i] = troupe_sql_str((troupe_str){"", 0});
    return read_rows(turn,
                     "SELECT" COLUMNS "FROM {memory} WHERE" HERE
                     "AND key IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
                     "ORDER BY said_at DESC, key",
                     keys, FEW, ret, ret_count);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static troupe_status write_one(troupe_turn *turn, const char *sql, const troupe_value *params,
                               uint32_t count)
{
    const troupe_statement statement = {sql, {params, count, sizeof(*params)}, TROUPE_ROWS_ANY};

    return troupe_sql(turn)->commit(turn, &statement, 1);
}

/* Its words and vector; a key has both or none. */
static troupe_status take_from_indexes(troupe_turn *turn, troupe_str key)
{
    char name[MEMORY_KEY_SIZE];
    troupe_status status;

    snprintf(name, sizeof(name), "%.*s", (int)(key.len < sizeof(name) ? key.len : 0), key.ptr);
    if (!name[0])
        return TROUPE_OK;
    status = troupe_texts_remove(turn, TROUPE_SCOPE_HERE, name);
    return status < 0 ? status : troupe_vectors_remove(turn, TROUPE_SCOPE_HERE, name);
}

static troupe_status drop(troupe_turn *turn, troupe_str key)
{
    const troupe_value param = troupe_sql_str(key);
    troupe_status status =
        write_one(turn, "DELETE FROM {memory} WHERE" HERE "AND key = ?1", &param, 1);

    return status < 0 ? status : take_from_indexes(turn, key);
}

static troupe_status make_history(troupe_turn *turn, troupe_str key, const char *newer)
{
    const troupe_value params[] = {troupe_sql_str(key), text(newer)};
    troupe_status status = write_one(
        turn, "UPDATE {memory} SET state = 'history', replaced_by = ?2 WHERE" HERE "AND key = ?1",
        params, 2);

    return status < 0 ? status : take_from_indexes(turn, key);
}

struct addition {
    const struct memory_fact *fact;
    const struct memory_vector *vector;
    const char *key;
    char content[FACT_MAX + 1], slot[SLOT_MAX];
    int64_t seen, now, expires;
    double importance;
    uint8_t aside, lasting;
};

static troupe_status insert(troupe_turn *turn, const struct addition *add)
{
    const troupe_value params[] = {
        text(add->key),
        text(add->lasting ? "long" : "short"),
        text(add->aside ? "quarantine" : "active"),
        text(add->content),
        text(add->slot),
        text(extractors[add->fact->extractor]),
        real(add->fact->confidence),
        real(add->importance),
        troupe_sql_int(add->fact->message),
        troupe_sql_int(add->fact->said_at),
        troupe_sql_int(add->seen),
        troupe_sql_int(add->now),
        troupe_sql_int(add->expires),
        text(add->vector->by),
    };
    char words[FACT_MAX + 64];
    uint64_t n =
        (uint64_t)snprintf(words, sizeof(words), "%s %s", add->content, words_of_slot(add->slot));
    troupe_status status = write_one(
        turn,
        "INSERT INTO {memory} (account, guild, member, channel, key, tier, state, content, slot, "
        "extractor, confidence, importance, message, said_at, seen, used_at, expires_at, embedder) "
        "VALUES "
        "(COALESCE(:account, ''), COALESCE(:guild, ''), :member, COALESCE(:channel, ''), "
        "?1, ?2, ?3, seal(?4, 'memory.content', :account, :guild, :member, ?1), "
        "seal(?5, 'memory.slot', :account, :guild, :member, ?1), ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
        "?13, ?14)",
        params, sizeof(params) / sizeof(params[0]));

    if (status >= 0)
        status = troupe_texts_put(turn, TROUPE_SCOPE_HERE, add->key, (troupe_str){words, n});
    if (status >= 0)
        status = troupe_vectors_put(turn, TROUPE_SCOPE_HERE, add->key, add->vector->values,
                                    add->vector->count);
    return status;
}

/* All of it or nothing. */
static troupe_status store(troupe_turn *turn, const struct addition *add,
                           const struct memory_row *same, const struct memory_row *contradicted,
                           uint64_t contradicted_count)
{
    troupe_status status = troupe_batch_begin(turn), ended;

    if (status < 0)
        return status;
    if (same)
        status = drop(turn, same->key);
    for (uint64_t i = 0; status >= 0 && i < contradicted_count; i++)
        status = make_history(turn, contradicted[i].key, add->key);
    if (status >= 0)
        status = insert(turn, add);
    if (status < 0)
        return status; /* never committed: nothing is written */
    ended = troupe_batch_commit(turn);
    return ended;
}

static int is_state(const struct memory_row *row, const char *state)
{
    return same_bytes(row->state, (troupe_str){state, strlen(state)});
}

/* Where all places are taken, the lightest memories go first. */
static troupe_status make_room(troupe_turn *turn, const struct memory_limits *limits)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_status status = sql->query(
        turn, "SELECT COUNT(*) FROM {memory} WHERE" HERE "AND tier <> 'immediate'", NULL, 0, &rows);

    if (status < 0 || cell_int(sql->cell(rows, 0, 0)) < limits->most)
        return status < 0 ? status : TROUPE_OK;
    return fact_sweep(turn, limits);
}

/* TROUPE_NOT_FOUND for a text without a word, before anybody is asked. */
static troupe_status vector_of(troupe_turn *turn, troupe_str content, struct memory_vector *ret)
{
    troupe_status status = embedder_local(turn, content, ret);

    if (status < 0 || !embedder_of(turn)->model[0])
        return status;
    status = embedder_texts(turn, &content, 1, ret);
    if (status >= 0 && !ret->by[0]) /* the model is asked again, for this one too */
        status = embedder_plan(turn, MEMORY_AGAIN_MS);
    return status;
}

troupe_status fact_add(troupe_turn *turn, const struct memory_limits *limits,
                       const struct memory_fact *fact, enum memory_outcome *ret, char *replaced)
{
    struct addition add = {.fact = fact, .importance = fact->importance, .seen = 1};
    struct memory_vector vector;
    struct memory_row *contradicted = NULL;
    struct alike alike = {.has_same = 0};
    char key[MEMORY_KEY_SIZE];
    uint64_t count = 0;
    troupe_status status;

    replaced[0] = '\0';
    status = make_room(turn, limits);
    if (status < 0)
        return status;
    words_clean(fact->content, add.content);
    words_slot((troupe_str){add.content, strlen(add.content)}, add.slot);
    status = vector_of(turn, (troupe_str){add.content, strlen(add.content)}, &vector);
    if (status >= 0)
        status = find_alike(turn, limits, (troupe_str){add.content, strlen(add.content)}, &vector,
                            &alike);
    if (status < 0)
        return status;
    /* Somebody else's words cannot touch what the member said. */
    if (!fact->trusted && alike.has_same && is_state(&alike.same, "active")) {
        *ret = MEMORY_KNOWN;
        return TROUPE_OK;
    }
    if (fact->trusted)
        status =
            find_contradicted(turn, add.slot, alike.has_same ? alike.same.key : (troupe_str){"", 0},
                              &contradicted, &count);
    if (status < 0)
        return status;
    if (fact->trusted && count == 0 && alike.has_opposite && is_state(&alike.opposite, "active")) {
        contradicted = &alike.opposite;
        count = 1;
    }
    fact_new_key(turn, 'f', key);
    add.key = key;
    add.vector = &vector;
    add.now = troupe_now(turn);
    add.aside = !fact->trusted;
    if (alike.has_same) {
        /* Two pieces of somebody else's text are no proof; the same message again is no second time. */
        add.seen = alike.same.seen + (alike.same.message != fact->message || !fact->message);
        add.importance = fmax(fact->importance, alike.same.importance) + 0.1;
    }
    add.importance = fmin(add.importance, 1);
    add.lasting = fact->trusted &&
                  (fact->extractor == MEMORY_ASKED || add.seen > 1 || add.importance >= 0.75);
    add.expires = add.lasting ? 0 : add.now + limits->short_ms;
    status = store(turn, &add, alike.has_same ? &alike.same : NULL, contradicted, count);
    if (status < 0)
        return status;
    if (count > 0)
        words_clean(contradicted[0].content, replaced);
    *ret = add.aside        ? MEMORY_ASIDE
           : count > 0      ? MEMORY_REPLACED
           : alike.has_same ? MEMORY_KNOWN
                            : MEMORY_NEW;
    return TROUPE_OK;
}

/* ---- taking away ------------------------------------------------------------------------------ */

troupe_status fact_forget(troupe_turn *turn, troupe_str key)
{
    troupe_status status = troupe_batch_begin(turn);

    if (status >= 0)
        status = drop(turn, key);
    return status < 0 ? status : troupe_batch_commit(turn);
}

/* Several in one transaction, so that a long list is few effects. */
static troupe_status forget_rows(troupe_turn *turn, const struct memory_row *rows, uint64_t count)
{
    troupe_status status = TROUPE_OK;

    for (uint64_t i = 0; status >= 0 && i < count;) {
        uint64_t end = count - i < 20 ? count : i + 20;

        status = troupe_batch_begin(turn);
        for (; status >= 0 && i < end; i++)
            status = drop(turn, rows[i].key);
        if (status >= 0)
            status = troupe_batch_commit(turn);
    }
    return status;
}

troupe_status fact_forget_all(troupe_turn *turn, uint64_t *ret)
{
    struct memory_row *rows;
    troupe_status status =
        read_rows(turn, "SELECT" COLUMNS "FROM {memory} WHERE" HERE "ORDER BY key LIMIT 5000", NULL,
                  0, &rows, ret);

    return status < 0 ? status : forget_rows(turn, rows, *ret);
}

/* What a fact still weighs: that of what was gathered fades from when it was last said or used. */
static double weight_of(const struct memory_row *row, const struct memory_limits *limits,
                        int64_t now)
{
    int64_t last = row->used_at > row->said_at ? row->used_at : row->said_at;
    int64_t age = now > last ? now - last : 0;

    if (row->tier.len == 4) /* long */
        return row->importance + 1;
    return row->importance * pow(0.5, (double)age / (double)limits->half_life_ms);
}

troupe_status fact_sweep(troupe_turn *turn, const struct memory_limits *limits)
{
    int64_t now = troupe_now(turn);
    const troupe_value param = troupe_sql_int(now);
    struct memory_row *rows, *kept = NULL;
    uint64_t count = 0, over = 0, most;
    troupe_status status;

    status = read_rows(turn,
                       "SELECT" COLUMNS "FROM {memory} WHERE" HERE
                       "AND expires_at > 0 AND expires_at <= ?1 ORDER BY key LIMIT 500",
                       &param, 1, &rows, &count);
    if (status >= 0)
        status = forget_rows(turn, rows, count);
    if (status >= 0)
        status = fact_list(turn, NULL, &rows, &count);
    if (status < 0 || count == 0)
        return status;
    kept = (struct memory_row *)troupe_turn_alloc(turn, count * sizeof(*kept));
    if (!kept)
        return TROUPE_NOMEM;
    for (uint64_t i = 0; i < count; i++)
        if (weight_of(&rows[i], limits, now) < 0.05)
            kept[over++] = rows[i];
    /* So much is full: the lightest go. Few at a time, so a simple search does. */
    most = (uint64_t)((double)limits->most * limits->fill);
    for (uint64_t goes = count - over; goes > most && over < 200; goes--) {
        uint64_t lightest = count;

        for (uint64_t i = 0; i < count; i++) {
            if (weight_of(&rows[i], limits, now) < 0.05)
                continue;
            if (lightest == count ||
                weight_of(&rows[i], limits, now) < weight_of(&rows[lightest], limits, now))
                lightest = i;
        }
        if (lightest == count)
            break;
        kept[over++] = rows[lightest];
        rows[lightest].importance = -2; /* counted */
    }
    return forget_rows(turn, kept, over);
}
