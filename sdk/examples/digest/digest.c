/* SPDX-License-Identifier: Apache-2.0
 *
 * digest - sums up every day how much was said in a channel, and by how many. It observes messages,
 * keeps who wrote but never what, and what was told is taken away in the same step that counts it.
 */
#include <troupe/troupe.h>

TROUPE_EMBED(digest_sql, "digest.sql");

static troupe_status pass_on(troupe_turn *turn, troupe_status status)
{
    troupe_str sentence;

    troupe_error(turn, NULL, &sentence);
    return troupe_fail(turn, status, "digest.failed", "%.*s", (int)sentence.len, sentence.ptr);
}

/* Every message of a member, each in a turn that a restart takes up again: none is counted twice. */
static troupe_status observe(troupe_turn *turn)
{
    const troupe_statement insert = {"INSERT INTO {seen} (account, channel, member) "
                                     "SELECT account, channel, :member FROM {digest} "
                                     "WHERE account = :account AND channel = :channel",
                                     {NULL, 0, sizeof(troupe_value)},
                                     TROUPE_ROWS_ANY};

    return troupe_sql(turn)->commit(turn, &insert, 1);
}

TROUPE_FUNCTION(digest, "Sums up this channel every day", TROUPE_SLASH | TROUPE_MODERATOR,
                TROUPE_STRING(when, "When", .max = 200, .def_text = "every day at 9"))
static troupe_status digest(troupe_turn *turn, troupe_str when)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_statement insert = {"INSERT INTO {digest} (account, channel) "
                                     "VALUES (:account, :channel) ON CONFLICT DO NOTHING",
                                     {NULL, 0, sizeof(troupe_value)},
                                     TROUPE_ROWS_ANY};
    troupe_planned planned;
    char key[32];
    troupe_job job = {.size = sizeof(job),
                      .when = when,
                      .zone = troupe_config_str(troupe_turn_host(turn), "time_zone"),
                      .missed = TROUPE_MISSED_RUN};
    troupe_status status;

    if (!message)
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "digest.nowhere", "ask in a channel");
    /* The same key again replaces the member's job for this channel. */
    job.key = (troupe_str){
        key, (uint64_t)snprintf(key, sizeof(key), "%llu", (unsigned long long)message->channel)};
    status = troupe_schedule_add(turn, &job, &planned);
    if (status == TROUPE_OK)
        status = troupe_sql(turn)->commit(turn, &insert, 1);
    if (status < 0)
        return pass_on(turn, status);
    return troupe_reply(turn, "This channel is summed up %.*s, first on %.*s.",
                        (int)planned.when.len, planned.when.ptr, (int)planned.local.len,
                        planned.local.ptr);
}

/* It is time: the turn has the channel of who asked for it. */
static troupe_status due(troupe_turn *turn, troupe_str payload)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_value last;
    int64_t messages;
    troupe_status status =
        sql->query(turn,
                   "SELECT count(*), count(DISTINCT member), coalesce(max(id), 0) FROM {seen} "
                   "WHERE account = :account AND channel = :channel",
                   NULL, 0, &rows);

    (void)payload;
    if (status < 0)
        return status;
    messages = sql->cell(rows, 0, 0)->u.i;
    last = troupe_sql_int(sql->cell(rows, 0, 2)->u.i);

    const troupe_statement forget = {"DELETE FROM {seen} WHERE account = :account "
                                     "AND channel = :channel AND id <= ?1",
                                     {&last, 1, sizeof(last)},
                                     messages};

    status = sql->commit(turn, &forget, 1);
    if (status < 0)
        return status;
    return troupe_reply(turn, "Since the last digest: %lld messages of %lld members.",
                        (long long)messages, (long long)sql->cell(rows, 0, 1)->u.i);
}

TROUPE_PLUGIN("org.example.digest", "1.0.0", "A summary of a channel every day",
              .needs = TROUPE_SQL " " TROUPE_SCHEDULE, .capabilities = "sql schedule",
              .functions = TROUPE_LIST(digest),
              .config = TROUPE_KEYS({"time_zone", "Time zone of the times", .def = "UTC",
                                     .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SETTABLE}),
              .observe = observe, .events = "owed:message", .job = due,
              .migrations = TROUPE_MIGRATIONS({1, 0, "digest", digest_sql, NULL}),
              .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE(
                  "seen", "That you wrote in a channel since its last digest, not what")));
