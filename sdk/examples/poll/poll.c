/* SPDX-License-Identifier: Apache-2.0
 *
 * poll - asks a channel a question. /poll opens one, /vote asks a member by buttons, /results counts.
 * Votes are kept in tables of its own: a member has one for each poll and may change it, and the count
 * is the same after a restart.
 */
#include <troupe/troupe.h>

#include <string.h>

#define CHOICES_MAX 5  /* as many buttons as a question may have */
#define LABEL_MAX   80 /* bytes of one */

TROUPE_EMBED(poll_sql, "poll.sql");
TROUPE_EMBED(poll_back, "poll_back.sql");

struct poll {
    int64_t id;
    troupe_str question;
    char labels[CHOICES_MAX][LABEL_MAX + 1];
    uint32_t count;
};

/* Splits "red|green|blue"; false where it is not two to five labels that fit on a button. */
static int32_t split(struct poll *poll, troupe_str options)
{
    uint64_t start = 0;

    poll->count = 0;
    for (uint64_t i = 0; i <= options.len; i++) {
        uint64_t len = i - start;

        if (i < options.len && options.ptr[i] != '|')
            continue;
        if (!len || len > LABEL_MAX || poll->count == CHOICES_MAX)
            return 0;
        memcpy(poll->labels[poll->count], options.ptr + start, len);
        poll->labels[poll->count++][len] = '\0';
        start = i + 1;
    }
    return poll->count >= 2;
}

/* A failure of the host's, in its words. */
static troupe_status pass_on(troupe_turn *turn, troupe_status status)
{
    troupe_str sentence;

    troupe_error(turn, NULL, &sentence);
    return troupe_fail(turn, status, "poll.failed", "%.*s", (int)sentence.len, sentence.ptr);
}

/* The newest poll of the turn's channel. */
static troupe_status load(troupe_turn *turn, struct poll *poll)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    troupe_rows *rows;
    troupe_status status =
        sql->query(turn,
                   "SELECT id, question, options FROM {poll} WHERE account = :account "
                   "AND channel = :channel ORDER BY id DESC LIMIT 1",
                   NULL, 0, &rows);

    if (status < 0)
        return pass_on(turn, status);
    if (!sql->row_count(rows))
        return troupe_fail(turn, TROUPE_NOT_FOUND, "poll.none",
                           "there is no poll here; /poll opens one");
    poll->id = sql->cell(rows, 0, 0)->u.i;
    poll->question = sql->cell(rows, 0, 1)->u.s;
    (void)split(poll, sql->cell(rows, 0, 2)->u.s);
    return TROUPE_OK;
}

TROUPE_FUNCTION(poll, "Opens a poll in this channel", TROUPE_SLASH,
                TROUPE_STRING(question, "What to ask", .min = 1, .max = 300),
                TROUPE_STRING(options, "Two to five answers, with | between them", .max = 400))
static troupe_status poll(troupe_turn *turn, troupe_str question, troupe_str options)
{
    const troupe_value values[] = {troupe_sql_str(question), troupe_sql_str(options)};
    const troupe_statement insert = {"INSERT INTO {poll} (account, channel, question, options) "
                                     "VALUES (:account, :channel, ?1, ?2)",
                                     TROUPE_ARRAY(values), 1};
    struct poll parsed;
    troupe_status status;

    if (!split(&parsed, options))
        return troupe_fail(turn, TROUPE_ARGUMENT, "poll.options",
                           "give two to five answers of at most %d bytes: red|green|blue",
                           LABEL_MAX);
    status = troupe_sql(turn)->commit(turn, &insert, 1);
    if (status < 0)
        return pass_on(turn, status);
    return troupe_reply(turn, "Poll: %.*s\n-# /vote to take part, /results to see the count",
                        (int)question.len, question.ptr);
}

TROUPE_FUNCTION(vote, "Votes in this channel's poll", TROUPE_SLASH | TROUPE_PRIVATE)
static troupe_status vote(troupe_turn *turn)
{
    const char *labels[CHOICES_MAX];
    char question[512];
    struct poll poll;
    int32_t choice;
    troupe_status status = load(turn, &poll);

    if (status < 0)
        return status;
    for (uint32_t i = 0; i < poll.count; i++)
        labels[i] = poll.labels[i];
    snprintf(question, sizeof(question), "%.*s", (int)poll.question.len, poll.question.ptr);
    status = troupe_ask(turn, question,
                        (troupe_array){labels, poll.count, (uint32_t)sizeof(labels[0])}, &choice);
    if (status < 0)
        return status;

    const troupe_value values[] = {troupe_sql_int(poll.id), troupe_sql_int(choice)};
    const troupe_statement upsert = {
        "INSERT INTO {vote} (poll, member, choice) VALUES (?1, :member, ?2) "
        "ON CONFLICT (poll, member) DO UPDATE SET choice = excluded.choice",
        TROUPE_ARRAY(values), 1};

    status = troupe_sql(turn)->commit(turn, &upsert, 1);
    if (status < 0)
        return pass_on(turn, status);
    return troupe_reply(turn, "You voted for %s.", poll.labels[choice]);
}

TROUPE_FUNCTION(results, "Counts the votes of this channel's poll", TROUPE_SLASH)
static troupe_status results(troupe_turn *turn)
{
    const troupe_sql_v1 *sql = troupe_sql(turn);
    int64_t counts[CHOICES_MAX] = {0};
    char text[1024];
    troupe_value id;
    troupe_rows *rows;
    struct poll poll;
    int n;
    troupe_status status = load(turn, &poll);

    if (status < 0)
        return status;
    id = troupe_sql_int(poll.id);
    status = sql->query(turn, "SELECT choice, count(*) FROM {vote} WHERE poll = ?1 GROUP BY choice",
                        &id, 1, &rows);
    if (status < 0)
        return pass_on(turn, status);
    for (uint64_t i = 0; i < sql->row_count(rows); i++) {
        int64_t choice = sql->cell(rows, i, 0)->u.i;

        if (choice >= 0 && choice < CHOICES_MAX)
            counts[choice] = sql->cell(rows, i, 1)->u.i;
    }
    n = snprintf(text, sizeof(text), "%.*s", (int)poll.question.len, poll.question.ptr);
    for (uint32_t i = 0; i < poll.count && n > 0 && (size_t)n < sizeof(text); i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "\n%lld %s", (long long)counts[i],
                      poll.labels[i]);
    return troupe_reply(turn, "%s", text);
}

TROUPE_PLUGIN("org.example.poll", "1.0.0", "Polls with buttons", .needs = TROUPE_SQL,
              .capabilities = "sql", .functions = TROUPE_LIST(poll, vote, results),
              .migrations = TROUPE_MIGRATIONS({1, 0, "poll", poll_sql, poll_back}),
              /* Who is deleted is counted still, and nobody can tell whose vote it was. */
              .user_data = TROUPE_USER_DATA(TROUPE_USER_TABLE("vote", "Your votes in polls",
                                                              .flags = TROUPE_USER_ANONYMISE)));
