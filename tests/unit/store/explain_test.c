/* SPDX-License-Identifier: Apache-2.0
 *
 * What a turn asks of the database is found by an index, not by looking through a table: by what each
 * database says of its plan, in a file and in a server that the program starts itself.
 */
#include "server_fixture.h"
#include "store_fixture.h"

#include "base/buf.h"
#include "base/embed.h"
#include "gateway/discord/sql/discord.h"
#include "gateway/sql/outbox.h"
#include "sched/sql/sched.h"
#include "store/driver.h"
#include "store/sql/blob.h"
#include "store/sql/index.h"
#include "turn/sql/budget.h"
#include "turn/sql/budget_span.h"
#include "turn/sql/call.h"
#include "turn/sql/file.h"
#include "turn/sql/rating.h"
#include "turn/sql/turn.h"
#include "turn/sql/wait.h"

#include <string.h>

EMBED_TEXT(conversation_sql, "plugins/conversation/sql/001_conversation.sql");

static int databases;
static char sqlite[] = "sqlite", postgresql[] = "postgresql";

#define NAMED(text)                                                                                \
    {                                                                                              \
#text, text                                                                                \
    }

/* The statements of a turn from its message to its answer, of its going on after a crash, of what is due,
 * and of the sweep, which runs beside turns. */
static const struct {
    const char *name, *sql;
} statements[] = {
    NAMED(SQL_TURN_INTAKE),
    NAMED(SQL_TURN_STAGES),
    NAMED(SQL_TURN_REVISE),
    NAMED(SQL_TURN_REVISE_WHICH),
    NAMED(SQL_TURN_MERGED),
    NAMED(SQL_TURN_AGAIN),
    NAMED(SQL_TURN_FINISH),
    NAMED(SQL_TURN_COST),
    NAMED(SQL_TURN_EVENT),
    NAMED(SQL_TURN_OPEN_EVENTS),
    NAMED(SQL_TURN_UNDELIVERED),
    NAMED(SQL_TURN_WHY_ID),
    NAMED(SQL_TURN_SWEEP_PAYLOAD),
    NAMED(SQL_TURN_SWEEP_OUTBOX),
    NAMED(SQL_TURN_SWEEP_EVENT),
    NAMED(SQL_CALL_GUARD),
    NAMED(SQL_CALL_PUT),
    NAMED(SQL_CALL_LOAD),
    NAMED(SQL_CALL_FETCH),
    NAMED(SQL_CALL_LIST),
    NAMED(SQL_CALL_SWEEP),
    NAMED(SQL_OUTBOX_INSERT),
    NAMED(SQL_OUTBOX_UPDATE),
    NAMED(SQL_OUTBOX_MOVE),
    NAMED(SQL_OUTBOX_MARK),
    NAMED(SQL_OUTBOX_LOAD),
    NAMED(SQL_WAIT_PUT),
    NAMED(SQL_WAIT_LOAD),
    NAMED(SQL_WAIT_ANSWER),
    NAMED(SQL_WAIT_READ),
    NAMED(SQL_WAIT_BUTTONS),
    NAMED(SQL_WAIT_USE_UP),
    NAMED(SQL_WAIT_KNOWN),
    NAMED(SQL_WAIT_DUE),
    NAMED(SQL_WAIT_NEXT),
    NAMED(SQL_WAIT_PARK),
    NAMED(SQL_FILE_INSERT),
    NAMED(SQL_FILE_LIST),
    NAMED(SQL_FILE_READ),
    NAMED(SQL_RATING_INSERT),
    NAMED(SQL_BUDGET_RESERVE),
    NAMED(SQL_BUDGET_SPEND),
    NAMED(SQL_BUDGET_DISPATCH),
    NAMED(SQL_BUDGET_ADD_TO_DAY),
    NAMED(SQL_BUDGET_MOVE_DAY),
    NAMED(SQL_BUDGET_BOOK),
    NAMED(SQL_BUDGET_BOOK_DAY),
    NAMED(SQL_BUDGET_SETTLE),
    NAMED(SQL_BUDGET_OF),
    NAMED(SQL_BUDGET_SPAN_ADD_TO_HOUR),
    NAMED(SQL_BUDGET_SPAN_MOVE_HOUR),
    NAMED(SQL_BUDGET_SPAN_BOOK_HOUR),
    NAMED(SQL_BUDGET_SPAN_BOOKED),
    NAMED(SQL_BUDGET_SPAN_FIT_MONTH),
    NAMED(SQL_BUDGET_SPAN_SUMS),
    NAMED(SQL_SCHED_DUE),
    NAMED(SQL_SCHED_NEXT),
    NAMED(SQL_SCHED_CLAIM),
    NAMED(SQL_SCHED_SWEEP),
    NAMED(SQL_DISCORD_SEQ),
    NAMED(SQL_DISCORD_REPLIES),
    NAMED(SQL_INDEX_LOOK),
    NAMED(SQL_INDEX_ROOM),
    NAMED(SQL_INDEX_PUT),
    NAMED(SQL_INDEX_REMOVE),
    NAMED(SQL_INDEX_NOTE),
    NAMED(SQL_INDEX_PRUNE),
    NAMED(SQL_INDEX_CHANGES),
    NAMED(SQL_BLOB_BEGIN),
    NAMED(SQL_BLOB_KEEP),
    NAMED(SQL_BLOB_PART),
    NAMED(SQL_BLOB_LOOSEN),
    NAMED(SQL_BLOB_PUT),
    NAMED(SQL_BLOB_TIE),
    NAMED(SQL_BLOB_REMOVE),
    NAMED(SQL_BLOB_INFO),
    NAMED(SQL_BLOB_PARTS),
    NAMED(SQL_BLOB_LIST),
    NAMED(SQL_BLOB_USE),
    NAMED(SQL_BLOB_EXPIRE),
    NAMED(SQL_BLOB_EXPIRED),
    NAMED(SQL_BLOB_CLEAR_PARTS),
    NAMED(SQL_BLOB_CLEARED),
    NAMED(SQL_BLOB_CLEAR_PARTS_OF),
    NAMED(SQL_BLOB_CLEARED_OF),
    {"a value of an agent", "SELECT value FROM kv WHERE ns = ?1 AND scope = ?2 AND key = ?3 AND "
                            "(expires_ms = 0 OR expires_ms > ?4)"},
    {"the sweep of values",
     "DELETE FROM kv WHERE (ns, scope, key) IN (SELECT ns, scope, key FROM kv "
     "WHERE expires_ms > 0 AND expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2)"},
};

/* The conversation's, whose tables are {history} and {sessions} here. */
static const char *const of_agent[] = {
    "SELECT role, content FROM {history} WHERE account = ?1 AND channel = ?2 AND member = ?3 AND "
    "session_start = ?4 AND message < ?5 ORDER BY message DESC, part DESC LIMIT ?6",
    "SELECT session_start FROM {sessions} WHERE account = ?1 AND channel = ?2 AND member = ?3 AND "
    "session_end IS NULL",
    "DELETE FROM {history} WHERE account = ?1 AND member = ?2",
    "DELETE FROM {history} WHERE (account, channel, member, message, part) IN (SELECT account, "
    "channel, member, message, part FROM {history} WHERE created_at < ?1 ORDER BY created_at LIMIT "
    "500)",
};

/* Of those, what nearly every turn and every call of a model writes. */
static const struct {
    const char *name, *sql;
} written[] = {
    NAMED(SQL_TURN_INTAKE),
    NAMED(SQL_TURN_FINISH),
    NAMED(SQL_CALL_PUT),
    NAMED(SQL_OUTBOX_INSERT),
    NAMED(SQL_OUTBOX_MARK),
    NAMED(SQL_BUDGET_SPEND),
    NAMED(SQL_BUDGET_ADD_TO_DAY),
    NAMED(SQL_BUDGET_BOOK),
    NAMED(SQL_BUDGET_BOOK_DAY),
    NAMED(SQL_BUDGET_SPAN_ADD_TO_HOUR),
    NAMED(SQL_BUDGET_SPAN_BOOK_HOUR),
    NAMED(SQL_BUDGET_SPAN_BOOKED),
};

static int setup(void **state)
{
    struct store_options options = {.write_ms = 5000};
    struct fixture *f;
    char url[256];

    if (*state == postgresql && !have_server) {
        *state = NULL;
        return 0;
    }
    f = mem_zero(1, sizeof(*f));
    place_make(&f->place);
    f->loop = fixture_new(NULL);
    if (*state == postgresql) {
        snprintf(f->name, sizeof(f->name), "plan%d", ++databases);
        postgres_server_database(&server, f->name, NULL, f->url);
        /* Tables are empty here: a scan is what the planner would rather do where it can choose. */
        snprintf(url, sizeof(url), "%s%soptions=-c%%20enable_seqscan%%3Doff", f->url,
                 strchr(f->url, '?') ? "&" : "?");
        options.url = url;
    }
    fixture_open(f, &options);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    return *state ? store_teardown(state) : 0;
}

static struct fixture *fixture_of(void **state)
{
    if (!*state)
        skip(); /* no PostgreSQL on this machine */
    return *state;
}

/* A whole table, or a whole index of it where no order is asked for; "known" and "v" are lists in the
 * statement itself. */
static bool looks_through(const struct fixture *f, const char *line)
{
    if (f->url[0])
        return strstr(line, "Seq Scan") != NULL;
    return !strncmp(line, "SCAN ", 5) && !strstr(line, "CONSTANT ROW") &&
           strcmp(line, "SCAN known") != 0 && strcmp(line, "SCAN v") != 0 && !strstr(line, "USING");
}

/* With '1' for each value: of no type yet, so it is one of any column's, and no NULL, which needs no look. */
static troupe_status with_values(struct fixture *f, const char *sql, struct buf *out)
{
    static const struct store_dialect dialect = {.placeholder = '?'};
    struct store_sql parsed;
    const char *text;

    CHECK_STATUS(store_rewrite(&dialect, sql, NULL, STORE_SQL_ONE, &parsed, &f->err), TROUPE_OK);
    for (text = parsed.text; *text; text++) {
        if (*text != '?') {
            (void)buf_putc(out, *text);
            continue;
        }
        (void)buf_puts(out, "'1'");
        while (text[1] >= '0' && text[1] <= '9')
            text++;
    }
    store_sql_clear(&parsed);
    return TROUPE_OK;
}

/* `column` of what the database tells of a statement has no line that `wrong` is true of. */
static troupe_status explain_with(struct fixture *f, const char *name, const char *sql,
                                  const char *how, int column,
                                  bool (*wrong)(const struct fixture *f, const char *line))
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new(); /* a query may not even ask */
    _cleanup_buf_ struct buf text = BUF_INIT;
    const struct store_rows *rows;

    buf_puts(&text, how);
    CHECK_STATUS(with_values(f, sql, &text), TROUPE_OK);
    f->err.text[0] = '\0';
    store_batch_add(batch,
                    &(const struct store_statement){.sql = buf_text(&text), .expect = STORE_ANY});
    if (store_commit(f->store, batch, 0, &f->err) < 0) {
        fprintf(stderr, "# %s: %s\n", name, f->err.text);
        return TROUPE_FAILED;
    }
    rows = store_batch_result(batch, 0);
    CHECK(rows != NULL);
    for (size_t i = 0; i < rows->count; i++) {
        const char *line = store_cell_text(rows, i, column, "");

        if (wrong(f, line)) {
            fprintf(stderr, "# %s: %s\n", name, line);
            return TROUPE_FAILED;
        }
    }
    return TROUPE_OK;
}

static troupe_status explain(struct fixture *f, const char *name, const char *sql)
{
    return f->url[0] ? explain_with(f, name, sql, "EXPLAIN ", 0, looks_through)
                     : explain_with(f, name, sql, "EXPLAIN QUERY PLAN ", 3, looks_through);
}

static bool fills_table(const struct fixture *f, const char *opcode)
{
    (void)f;
    return !strcmp(opcode, "OpenEphemeral") || !strcmp(opcode, "OpenAutoindex");
}

/* Making a table, filling and dropping it costs as much as some rows. */
static troupe_status table_body(void *arg)
{
    struct fixture *f = arg;
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
        if (explain_with(f, written[i].name, written[i].sql, "EXPLAIN ", 1, fills_table) < 0)
            status = TROUPE_FAILED;
    CHECK(explain_with(f, "a table on purpose", "SELECT 1 WHERE ?1 IN (1, 2, ?2)", "EXPLAIN ", 1,
                       fills_table) < 0);
    return status;
}

static troupe_status turn_body(void *arg)
{
    struct fixture *f = arg;
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
        if (explain(f, statements[i].name, statements[i].sql) < 0)
            status = TROUPE_FAILED;
    return status;
}

/* The text with the names that the database has for the agent's tables. */
static char *named(const struct fixture *f, const char *text)
{
    struct buf out = BUF_INIT;

    for (; *text; text++) {
        bool history = !strncmp(text, "{history}", 9);

        if (*text != '{') {
            (void)buf_putc(&out, *text);
            continue;
        }
        (void)buf_printf(&out,
                         f->url[0] ? "\"troupe:conversation\".\"conversation_%s\""
                                   : "\"conversation__conversation_%s\"",
                         history ? "history" : "sessions");
        text = strchr(text, '}');
    }
    return buf_take(&out);
}

static troupe_status conversation_body(void *arg)
{
    const struct store_migration step = {1, "001_conversation.sql", conversation_sql, NULL};
    struct fixture *f = arg;
    troupe_status status = TROUPE_OK;

    CHECK_STATUS(store_migrate(f->store, "conversation", &step, 1, 0, &f->err), TROUPE_OK);
    for (size_t i = 0; i < sizeof(of_agent) / sizeof(of_agent[0]); i++) {
        _cleanup_mem_ char *sql = named(f, of_agent[i]);

        if (explain(f, sql, sql) < 0)
            status = TROUPE_FAILED;
    }
    return status;
}

static void statements_of_a_turn_use_their_indexes(void **state)
{
    run_body(fixture_of(state), turn_body);
}

static void what_turns_write_fills_no_table(void **state)
{
    run_body(fixture_of(state), table_body);
}

static void the_conversations_statements_use_their_indexes(void **state)
{
    run_body(fixture_of(state), conversation_body);
}

static troupe_status without_body(void *arg)
{
    struct fixture *f = arg;

    /* That the test sees what it looks for. */
    CHECK(explain(f, "a look through a table on purpose", "SELECT 1 FROM event WHERE reason = ?1") <
          0);
    return TROUPE_OK;
}

static void a_statement_without_an_index_is_found(void **state)
{
    run_body(fixture_of(state), without_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(statements_of_a_turn_use_their_indexes),
        cmocka_unit_test_prestate_setup_teardown(what_turns_write_fills_no_table, setup, teardown,
                                                 sqlite),
        BOTH(the_conversations_statements_use_their_indexes),
        BOTH(a_statement_without_an_index_is_found),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
