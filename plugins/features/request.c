/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <string.h>

#define HERE   " account = COALESCE(:account, '') AND guild = COALESCE(:guild, '') "
#define OPEN   " status IN ('open', 'planned') "
#define TITLE  "unseal(title, 'feature_requests.title', account, guild, key)"
#define REASON "unseal(reason, 'feature_requests.reason', account, guild, key)"

/* How often a request is numbered anew where somebody else was faster. */
enum { TRIES = 5, KEY_SIZE = 17 };

static int64_t integer(const troupe_value *cell)
{
    return cell && cell->type == TROUPE_TYPE_INT ? cell->u.i : 0;
}

static troupe_str string(const troupe_value *cell)
{
    return cell && cell->type == TROUPE_TYPE_STRING ? cell->u.s : (troupe_str){"", 0};
}

static int same(troupe_str a, troupe_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static troupe_status write_one(troupe_turn *turn, const char *sql, const troupe_value *params,
                               uint32_t count, int64_t expect)
{
    const troupe_statement statement = {sql, {params, count, sizeof(*params)}, expect};

    return troupe_sql(turn)->commit(turn, &statement, 1);
}

/* ---- a new one --------------------------------------------------------------------------------*/

struct place {
    int64_t last; /* number that was given last; 0: none, and no row */
    int64_t open, own;
};

static troupe_status look(troupe_turn *turn, struct place *ret)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_status status =
        sql->query(turn,
                   "SELECT (SELECT last FROM {feature_numbers} WHERE" HERE
                   "), (SELECT COUNT(*) FROM {feature_requests} WHERE" HERE "AND" OPEN
                   "), (SELECT COUNT(*) FROM {feature_requests} WHERE" HERE
                   "AND member = :member AND" OPEN ")",
                   NULL, 0, &rows);

    if (status < 0)
        return status;
    ret->last = integer(sql->cell(rows, 0, 0));
    ret->open = integer(sql->cell(rows, 0, 1));
    ret->own = integer(sql->cell(rows, 0, 2));
    return TROUPE_OK;
}

/* A title is sealed, so it is compared here, among the few that a member has. */
static troupe_status find_title(troupe_turn *turn, troupe_str title, int64_t *ret_number)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_status status = sql->query(turn,
                                      "SELECT number, " TITLE " FROM {feature_requests} WHERE" HERE
                                      "AND member = :member AND" OPEN "ORDER BY number",
                                      NULL, 0, &rows);

    for (uint64_t i = 0; status >= 0 && i < sql->row_count(rows); i++) {
        if (!same(string(sql->cell(rows, i, 1)), title))
            continue;
        *ret_number = integer(sql->cell(rows, i, 0));
        return TROUPE_CONFLICT;
    }
    return status;
}

/* TROUPE_CONFLICT where the number was given to somebody else meanwhile. Every request of a server passes its
 * row in {feature_numbers}, so what was counted before still holds. */
static troupe_status insert(troupe_turn *turn, const struct place *place, troupe_str title,
                            troupe_str description)
{
    const troupe_message *message = troupe_turn_message(turn);
    char key[KEY_SIZE];
    const troupe_value number[] = {troupe_sql_int(place->last + 1), troupe_sql_int(place->last)};
    troupe_value row[6];
    const troupe_statement statements[] = {
        {"INSERT INTO {feature_numbers} (account, guild, last) VALUES (COALESCE(:account, ''), "
         "COALESCE(:guild, ''), ?1) ON CONFLICT (account, guild) DO UPDATE SET last = "
         "excluded.last WHERE {feature_numbers}.last = ?2",
         TROUPE_ARRAY(number), 1},
        {"INSERT INTO {feature_requests} (account, guild, key, number, member, channel, message, "
         "title, description, status, told, created_at, updated_at) VALUES "
         "(COALESCE(:account, ''), COALESCE(:guild, ''), ?1, ?2, :member, "
         "COALESCE(:channel, ''), ?3, "
         "seal(?4, 'feature_requests.title', :account, :guild, ?1), "
         "seal(?5, 'feature_requests.description', :account, :guild, ?1), 'open', 'open', ?6, ?6)",
         TROUPE_ARRAY(row), 1},
        /* Votes for what its member deleted. */
        {"DELETE FROM {feature_votes} WHERE" HERE
         "AND request NOT IN (SELECT key FROM {feature_requests} WHERE" HERE ")",
         {NULL, 0, 0},
         TROUPE_ROWS_ANY}};

    snprintf(key, sizeof(key), "%08llx%08llx",
             (unsigned long long)troupe_random(turn, INT64_C(1) << 32),
             (unsigned long long)troupe_random(turn, INT64_C(1) << 32));
    row[0] = troupe_sql_str((troupe_str){key, strlen(key)});
    row[1] = troupe_sql_int(place->last + 1);
    row[2] = troupe_sql_int(message ? (int64_t)message->id : 0);
    row[3] = troupe_sql_str(title);
    row[4] = troupe_sql_str(description);
    row[5] = troupe_sql_int(troupe_now(turn));
    return troupe_sql(turn)->commit(turn, statements, 3);
}

troupe_status request_add(troupe_turn *turn, const struct request_limits *limits, troupe_str title,
                          troupe_str description, int64_t *ret_number, int *ret_whose)
{
    troupe_status status = find_title(turn, title, ret_number);
    struct place place;

    if (status < 0)
        return status;
    for (int i = 0; i < TRIES; i++) {
        status = look(turn, &place);
        if (status < 0)
            return status;
        if (place.own >= limits->most_member || place.open >= limits->most) {
            *ret_whose = place.own >= limits->most_member;
            return TROUPE_LIMIT;
        }
        status = insert(turn, &place, title, description);
        if (status != TROUPE_CONFLICT)
            break;
    }
    if (status >= 0)
        *ret_number = place.last + 1;
    /* A conflict is the caller's word for a title that is there already. */
    return status == TROUPE_CONFLICT ? TROUPE_BUSY : status;
}

/* ---- reading ----------------------------------------------------------------------------------*/

#define COLUMNS                                                                                    \
    "SELECT key, number, member, channel, message, status, created_at, " TITLE ", "                \
    "(SELECT COUNT(*) FROM {feature_votes} v WHERE v.account = r.account AND v.guild = r.guild "   \
    "AND v.request = r.key)"
#define DETAILS                                                                                    \
    ", unseal(description, 'feature_requests.description', account, guild, key), " REASON

static void take(const troupe_sql_v1 *sql, troupe_rows *rows, uint64_t i, struct request_row *ret)
{
    ret->key = string(sql->cell(rows, i, 0));
    ret->number = integer(sql->cell(rows, i, 1));
    ret->member = string(sql->cell(rows, i, 2));
    ret->channel = string(sql->cell(rows, i, 3));
    ret->message = integer(sql->cell(rows, i, 4));
    ret->status = string(sql->cell(rows, i, 5));
    ret->created_at = integer(sql->cell(rows, i, 6));
    ret->title = string(sql->cell(rows, i, 7));
    ret->votes = integer(sql->cell(rows, i, 8));
    ret->description = string(sql->cell(rows, i, 9));
    ret->reason = string(sql->cell(rows, i, 10));
}

static troupe_status read_rows(troupe_turn *turn, const char *text, const troupe_value *params,
                               uint32_t count, struct request_row *ret, uint32_t most,
                               uint32_t *ret_count)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_status status = sql->query(turn, text, params, count, &rows);

    if (status < 0)
        return status;
    *ret_count = 0;
    for (uint64_t i = 0; i < sql->row_count(rows) && *ret_count < most; i++)
        take(sql, rows, i, &ret[(*ret_count)++]);
    return TROUPE_OK;
}

troupe_status request_get(troupe_turn *turn, int64_t number, struct request_row *ret)
{
    const troupe_value param = troupe_sql_int(number);
    uint32_t count;
    troupe_status status =
        read_rows(turn, COLUMNS DETAILS " FROM {feature_requests} r WHERE" HERE "AND number = ?1",
                  &param, 1, ret, 1, &count);

    if (status < 0)
        return status;
    return count ? TROUPE_OK : TROUPE_NOT_FOUND;
}

troupe_status request_list(troupe_turn *turn, troupe_str of, int64_t page, struct request_row *ret,
                           uint32_t *ret_count, int64_t *ret_all)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value params[] = {troupe_sql_str(of), troupe_sql_int(REQUEST_PAGE),
                                   troupe_sql_int(page * REQUEST_PAGE)};
    troupe_rows *rows;
    troupe_status status = sql->query(
        turn, "SELECT COUNT(*) FROM {feature_requests} WHERE" HERE "AND (?1 = '' OR status = ?1)",
        params, 1, &rows);

    if (status < 0)
        return status;
    *ret_all = integer(sql->cell(rows, 0, 0));
    return read_rows(turn,
                     COLUMNS " FROM {feature_requests} r WHERE" HERE
                             "AND (?1 = '' OR status = ?1) ORDER BY number DESC LIMIT ?2 OFFSET ?3",
                     params, 3, ret, REQUEST_PAGE, ret_count);
}

/* ---- changing ---------------------------------------------------------------------------------*/

troupe_status request_decide(troupe_turn *turn, const struct request_row *row, troupe_str status,
                             troupe_str reason)
{
    const int closed =
        same(status, (troupe_str){"done", 4}) || same(status, (troupe_str){"declined", 8});
    const int64_t now = troupe_now(turn);
    const troupe_value params[] = {troupe_sql_str(row->key), troupe_sql_str(status),
                                   reason.len ? troupe_sql_str(reason) : troupe_sql_null(),
                                   troupe_sql_int(now),
                                   closed ? troupe_sql_int(now) : troupe_sql_null()};
    troupe_status written =
        write_one(turn,
                  "UPDATE {feature_requests} SET status = ?2, reason = seal(?3, "
                  "'feature_requests.reason', :account, :guild, ?1), updated_at = ?4, "
                  "closed_at = ?5 WHERE" HERE "AND key = ?1",
                  params, 5, 1);

    return written == TROUPE_CONFLICT ? TROUPE_NOT_FOUND : written;
}

troupe_status request_withdraw(troupe_turn *turn, const struct request_row *row)
{
    const troupe_value key = troupe_sql_str(row->key);
    const troupe_statement statements[] = {
        {"DELETE FROM {feature_requests} WHERE" HERE "AND key = ?1 AND member = :member",
         {&key, 1, sizeof(key)},
         1},
        {"DELETE FROM {feature_votes} WHERE" HERE "AND request = ?1",
         {&key, 1, sizeof(key)},
         TROUPE_ROWS_ANY}};
    troupe_status status = troupe_sql(turn)->commit(turn, statements, 2);

    return status == TROUPE_CONFLICT ? TROUPE_DENIED : status;
}

troupe_status request_vote(troupe_turn *turn, const struct request_row *row, int *ret_given)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    const troupe_value params[] = {troupe_sql_str(row->key), troupe_sql_int(troupe_now(turn))};
    troupe_rows *rows;
    troupe_status status = sql->query(turn,
                                      "SELECT COUNT(*) FROM {feature_votes} WHERE" HERE
                                      "AND request = ?1 AND member = :member",
                                      params, 1, &rows);

    if (status < 0)
        return status;
    *ret_given = integer(sql->cell(rows, 0, 0)) == 0;
    if (*ret_given)
        return write_one(turn,
                         "INSERT INTO {feature_votes} (account, guild, request, member, "
                         "created_at) VALUES (COALESCE(:account, ''), COALESCE(:guild, ''), ?1, "
                         ":member, ?2) ON CONFLICT (account, guild, request, member) DO NOTHING",
                         params, 2, TROUPE_ROWS_ANY);
    return write_one(
        turn, "DELETE FROM {feature_votes} WHERE" HERE "AND request = ?1 AND member = :member",
        params, 1, TROUPE_ROWS_ANY);
}

/* ---- what members are told --------------------------------------------------------------------*/

troupe_status request_untold(troupe_turn *turn, struct request_row *ret, uint32_t *ret_count)
{
    const troupe_value most = troupe_sql_int(REQUEST_PAGE);

    return read_rows(turn,
                     COLUMNS DETAILS " FROM {feature_requests} r WHERE" HERE
                                     "AND member = :member AND status <> told "
                                     "ORDER BY number LIMIT ?1",
                     &most, 1, ret, REQUEST_PAGE, ret_count);
}

troupe_status request_told(troupe_turn *turn, const struct request_row *row)
{
    const troupe_value params[] = {troupe_sql_str(row->key), troupe_sql_str(row->status)};

    return write_one(turn,
                     "UPDATE {feature_requests} SET told = ?2 WHERE" HERE
                     "AND key = ?1 AND member = :member",
                     params, 2, TROUPE_ROWS_ANY);
}

troupe_status request_newest(troupe_turn *turn, int64_t *ret_ms)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_status status =
        sql->query(turn,
                   "SELECT COALESCE(MAX(created_at), 0) FROM {feature_requests} WHERE" HERE
                   "AND member = :member AND (" OPEN "OR status <> told)",
                   NULL, 0, &rows);

    if (status < 0)
        return status;
    *ret_ms = integer(sql->cell(rows, 0, 0));
    return TROUPE_OK;
}
