/* SPDX-License-Identifier: Apache-2.0
 *
 * An observer that counts the messages it is shown: from memory, or (OWED) each one in a table of its
 * own, where one that came twice would show. Its function tells how many, and so does its stage.
 */
#include <troupe/troupe.h>

#include <string.h>

struct watch {
    int64_t count;
    int32_t reads;
    char last[200];
};

TROUPE_FUNCTION(watched, "How many messages were seen, and the last one", TROUPE_SLASH)

#ifdef OWED

static troupe_status observe(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_value id = troupe_sql_int((int64_t)message->id);
    const troupe_statement insert = {"INSERT INTO {message} (id, times) VALUES (?1, 1) "
                                     "ON CONFLICT (id) DO UPDATE SET times = {message}.times + 1",
                                     {&id, 1, sizeof(id)},
                                     1};

    return troupe_sql(turn)->commit(turn, &insert, 1);
}

static troupe_status watched(troupe_turn *turn)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_status status =
        sql->query(turn, "SELECT count(*), coalesce(max(times), 0) FROM {message}", NULL, 0, &rows);

    if (status < 0)
        return status;
    return troupe_reply(turn, "%lld messages, at most %lld times",
                        (long long)sql->cell(rows, 0, 0)->u.i,
                        (long long)sql->cell(rows, 0, 1)->u.i);
}

TROUPE_PLUGIN("org.example.watch", "1.0.0", "Counts every message", .needs = TROUPE_SQL,
              .capabilities = "sql", .functions = TROUPE_LIST(watched), .stage = watched,
              .observe = observe, .events = "owed:message",
              .migrations = TROUPE_MIGRATIONS({1, 0, "messages",
                                               "CREATE TABLE {message} (id BIGINT PRIMARY KEY, "
                                               "times BIGINT NOT NULL)",
                                               NULL}));

#else

static troupe_status observe(troupe_turn *turn)
{
    struct watch *watch = (struct watch *)troupe_state(turn);
    const troupe_message *message;
    uint64_t len;

    watch->count++;
    if (!watch->reads)
        return TROUPE_NEXT;
    message = troupe_turn_message(turn);
    len =
        message->content.len < sizeof(watch->last) ? message->content.len : sizeof(watch->last) - 1;
    memcpy(watch->last, message->content.ptr, len);
    watch->last[len] = '\0';
    return TROUPE_NEXT;
}

static troupe_status watched(troupe_turn *turn)
{
    const struct watch *watch = (const struct watch *)troupe_state(turn);

    return troupe_reply(turn, "%lld messages, the last: %s", (long long)watch->count, watch->last);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    struct watch *watch = (struct watch *)troupe_alloc(host, sizeof(*watch));
    troupe_value reads;

    if (!watch)
        return TROUPE_NOMEM;
    if (troupe_config(host, "reads", &reads) == TROUPE_OK)
        watch->reads = (int32_t)reads.u.i;
    *ret_state = watch;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

TROUPE_PLUGIN("org.example.watch", "1.0.0", "Counts every message",
              .functions = TROUPE_LIST(watched), .stage = watched, .observe = observe,
              .events = "seen:message", .create = create, .destroy = destroy,
              .config = TROUPE_KEYS({"reads", "Whether it reads the texts",
                                     .type = TROUPE_TYPE_BOOL, .def = "no"}));

#endif
