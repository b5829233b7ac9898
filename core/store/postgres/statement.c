/* SPDX-License-Identifier: Apache-2.0
 *
 * Prepared statements: a bounded cache of them on each connection, and the pipeline that they run in.
 * A statement is prepared once for each set of its values' types, since PostgreSQL takes no value of
 * another one. What is sent is noted as a step; answers come in the order of the steps.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PREPARED_MAX = 256, /* statements a connection keeps */
};

static void statement_free(void *arg)
{
    struct postgres_statement *statement = arg;

    store_sql_clear(&statement->sql);
    mem_free(statement->key);
    mem_free(statement);
}

void postgres_statements_clear(struct postgres_connection *conn)
{
    map_clear_with(&conn->statements, statement_free);
    list_init(&conn->recent);
}

/* ---- the pipeline --------------------------------------------------------------------------- */

static void note_step(struct postgres_connection *conn, enum postgres_step_kind kind,
                      struct postgres_statement *statement, struct store_command *command)
{
    if (conn->step_count == conn->step_cap) {
        conn->step_cap = conn->step_cap ? conn->step_cap * 2 : 64;
        conn->steps = mem_resize(conn->steps, conn->step_cap, sizeof(*conn->steps));
    }
    conn->steps[conn->step_count++] =
        (struct postgres_step){.kind = kind, .statement = statement, .command = command};
}

troupe_status postgres_pipeline_begin(struct postgres_connection *conn, struct error *err)
{
    conn->step_count = 0;
    return PQenterPipelineMode(conn->pg) ? TROUPE_OK : postgres_lost(conn, err);
}

void postgres_pipeline_end(struct postgres_connection *conn)
{
    if (conn->pg && !PQexitPipelineMode(conn->pg))
        conn->lost = true; /* something is left in it */
}

troupe_status postgres_send(struct postgres_connection *conn, const char *sql, struct error *err)
{
    if (!PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1))
        return postgres_lost(conn, err);
    note_step(conn, POSTGRES_CONTROL, NULL, NULL);
    return TROUPE_OK;
}

static void drop(struct postgres_connection *conn, struct postgres_statement *statement)
{
    map_removen(&conn->statements, statement->key, statement->key_len);
    list_remove(&statement->recent);
    statement_free(statement);
}

/* What was prepared before a migration may look at what is there no more. */
static troupe_status renew(struct postgres_connection *conn, struct error *err)
{
    uint64_t schema = atomic_load(&conn->server->schema);
    troupe_status status;

    if (conn->schema == schema)
        return TROUPE_OK;
    status = postgres_send(conn, "DEALLOCATE ALL", err);
    if (status >= 0) {
        postgres_statements_clear(conn);
        conn->schema = schema;
    }
    return status;
}

/* Makes room in the cache; what has no answer yet stays. */
static troupe_status evict(struct postgres_connection *conn, struct error *err)
{
    struct postgres_statement *oldest =
        container_of(conn->recent.prev, struct postgres_statement, recent);
    char text[48];
    troupe_status status;

    if (conn->statements.count < PREPARED_MAX || !oldest->prepared)
        return TROUPE_OK;
    for (size_t i = 0; i < conn->step_count; i++)
        if (conn->steps[i].statement == oldest)
            return TROUPE_OK;
    snprintf(text, sizeof(text), "DEALLOCATE %s", oldest->name);
    status = postgres_send(conn, text, err);
    if (status >= 0)
        drop(conn, oldest);
    return status;
}

/* The text with NULL in the place of those values that are, since a value's type is taken from the
 * first place where it stands, which may tell none. Comments are gone already. */
static char *with_nulls(const char *text, const Oid *types)
{
    struct buf out = BUF_INIT;
    char quote = '\0';

    for (; *text; text++) {
        char *end;
        size_t n;

        if (quote || *text == '\'' || *text == '"')
            quote = quote ? (*text == quote ? '\0' : quote) : *text;
        if (quote || *text != '$') {
            (void)buf_putc(&out, *text);
            continue;
        }
        n = strtoul(text + 1, &end, 10);
        if (types[n - 1])
            (void)buf_append(&out, text, (size_t)(end - text));
        else
            (void)buf_puts(&out, "NULL");
        text = end - 1;
    }
    return buf_take(&out);
}

static int send_prepare(struct postgres_connection *conn, const char *name,
                        const struct store_sql *sql, const Oid *types)
{
    _cleanup_mem_ char *text = with_nulls(sql->text, types);
    Oid *named = mem_zero(sql->slot_count ? sql->slot_count : 1, sizeof(*named));
    int sent;

    for (size_t i = 0; i < sql->slot_count; i++) /* one that stands nowhere needs a type, too */
        named[i] = types[i] ? types[i] : POSTGRES_TEXT;
    sent = PQsendPrepare(conn->pg, name, text, (int)sql->slot_count, named);
    mem_free(named);
    return sent;
}

static troupe_status prepare(struct postgres_connection *conn, const char *key, size_t key_len,
                             struct store_sql *sql, const Oid *types,
                             struct postgres_statement **ret, struct error *err)
{
    struct postgres_statement *statement;
    troupe_status status = evict(conn, err);

    if (status < 0)
        return status;
    statement = mem_zero(1, sizeof(*statement));
    snprintf(statement->name, sizeof(statement->name), "s%" PRIu64, ++conn->names);
    statement->key = mem_copy(key, key_len + 1);
    statement->key_len = key_len;
    statement->sql = *sql;
    if (!send_prepare(conn, statement->name, sql, types)) {
        statement->sql = (struct store_sql){0}; /* the caller's still */
        statement_free(statement);
        return postgres_lost(conn, err);
    }
    *sql = (struct store_sql){0};
    map_setn(&conn->statements, statement->key, key_len, statement);
    list_prepend(&conn->recent, &statement->recent);
    note_step(conn, POSTGRES_PREPARE, statement, NULL);
    *ret = statement;
    return TROUPE_OK;
}

/* The schema that a statement sees. */
static troupe_status look_at(struct postgres_connection *conn, const char *ns, struct error *err)
{
    char schema[POSTGRES_NAME_SIZE] = "troupe", text[160];
    troupe_status status;

    if (ns)
        postgres_schema(ns, schema);
    if (strcmp(schema, conn->path) == 0)
        return TROUPE_OK;
    snprintf(text, sizeof(text), "SET %s search_path = \"%s\", troupe_sql",
             conn->writer ? "LOCAL" : "SESSION", schema);
    status = postgres_send(conn, text, err);
    if (status >= 0)
        memcpy(conn->path, schema, sizeof(schema));
    return status;
}

/* Waits for the numbers of rows that were written in this pipeline. */
static troupe_status reach(struct postgres_connection *conn, uint64_t deadline, struct error *err);

static bool has_rowid(const struct store_command *command)
{
    for (size_t i = 0; i < command->param_count; i++)
        if (command->params[i].type == STORE_ROWID)
            return true;
    return false;
}

/* Whether a later statement of the batch asks for this one's number. */
static bool gives_rowid(const struct store_batch *batch, const struct store_command *command)
{
    if (!batch)
        return false;
    for (size_t i = 0; i < batch->count; i++)
        for (size_t k = 0; k < batch->commands[i].param_count; k++)
            if (batch->commands[i].params[k].type == STORE_ROWID &&
                &batch->commands[batch->commands[i].params[k].integer] == command)
                return true;
    return false;
}

/* The values for the slots, and the cache's key: the command's and a letter for each type. NULL: one
 * could not be encrypted. */
static struct postgres_param *encode(struct postgres_connection *conn,
                                     const struct store_batch *batch,
                                     const struct store_command *command,
                                     const struct store_sql *sql, struct buf *key,
                                     struct error *err)
{
    struct postgres_param *params =
        mem_zero(sql->slot_count ? sql->slot_count : 1, sizeof(*params));

    (void)buf_append(key, command->key, command->key_len);
    (void)buf_putc(key, '\0');
    for (size_t i = 0; i < sql->slot_count; i++) {
        const struct store_slot *slot = &sql->slots[i];
        struct store_value scratch = store_null();
        const struct store_value *value =
            slot->sealing ? &scratch : store_command_value(command, slot, &scratch);
        int64_t rowid = 0;

        if (slot->sealing &&
            store_command_seal(command, slot, batch, conn->seal, &scratch, err) < 0) {
            mem_free(params);
            return NULL;
        }
        if (value && value->type == STORE_ROWID && batch)
            rowid = batch->commands[value->integer].rowid;
        postgres_encode(value, rowid, &params[i]);
        (void)buf_printf(key, "%u,", params[i].type);
    }
    return params;
}

static troupe_status send_run(struct postgres_connection *conn,
                              const struct postgres_statement *statement,
                              const struct postgres_param *params, size_t count,
                              struct store_command *command, struct error *err)
{
    const char **data = mem_zero(count ? count : 1, sizeof(*data));
    int *lens = mem_zero(count ? count : 1, sizeof(*lens));
    int *formats = mem_zero(count ? count : 1, sizeof(*formats));
    int sent;

    for (size_t i = 0; i < count; i++) {
        data[i] = params[i].data;
        lens[i] = params[i].len;
        formats[i] = 1;
    }
    sent = PQsendQueryPrepared(conn->pg, statement->name, (int)count, data, lens, formats, 1);
    mem_free(data);
    mem_free(lens);
    mem_free(formats);
    if (!sent)
        return postgres_lost(conn, err);
    note_step(conn, POSTGRES_RUN, NULL, command);
    return TROUPE_OK;
}

troupe_status postgres_send_command(struct postgres_connection *conn,
                                    const struct store_batch *batch, struct store_command *command,
                                    uint64_t deadline, struct error *err)
{
    _cleanup_buf_ struct buf key = BUF_INIT;
    struct postgres_statement *statement = NULL;
    struct postgres_param *params;
    struct store_sql sql;
    Oid *types;
    /* The text is scanned each time: it costs microseconds where the way to the server costs a
     * hundred. */
    troupe_status status = store_rewrite(conn->seal ? &postgres_sealing : &postgres_dialect,
                                         command->sql, command->ns, STORE_SQL_ONE, &sql, err);

    if (status < 0)
        return status;
    status = store_command_check(command, &sql, err);
    if (status >= 0)
        status = renew(conn, err);
    if (status >= 0)
        status = look_at(conn, command->ns, err);
    if (status >= 0 && batch && has_rowid(command))
        status = reach(conn, deadline, err);
    if (status < 0) {
        store_sql_clear(&sql);
        return status;
    }
    params = encode(conn, batch, command, &sql, &key, err);
    if (!params) {
        store_sql_clear(&sql);
        return TROUPE_FAILED;
    }
    statement = map_getn(&conn->statements, key.data, key.len);
    if (statement) {
        list_remove(&statement->recent);
        list_prepend(&conn->recent, &statement->recent);
    } else {
        types = mem_zero(sql.slot_count ? sql.slot_count : 1, sizeof(*types));
        for (size_t i = 0; i < sql.slot_count; i++)
            types[i] = params[i].type;
        status = prepare(conn, key.data, key.len, &sql, types, &statement, err);
        mem_free(types);
    }
    if (status >= 0 && statement)
        status = send_run(conn, statement, params, statement->sql.slot_count, command, err);
    if (status >= 0 && gives_rowid(batch, command)) {
        status = postgres_send(conn, "SELECT pg_catalog.lastval()", err);
        if (status >= 0) {
            conn->steps[conn->step_count - 1].kind = POSTGRES_ROWID;
            conn->steps[conn->step_count - 1].command = command;
        }
    }
    mem_free(params);
    if (conn->seal)
        seal_reset(conn->seal); /* libpq has copied them */
    store_sql_clear(&sql);
    return status;
}

/* ---- answers -------------------------------------------------------------------------------- */

static troupe_status take_run(struct postgres_connection *conn, PGresult *result,
                              struct store_command *command, struct error *err)
{
    troupe_status status;

    command->changes = strtoll(PQcmdTuples(result), NULL, 10);
    status = postgres_decode(result, &command->rows, err);
    if (status >= 0 && conn->seal && command->rows)
        status = seal_open_rows(conn->seal, command->ns, command->rows, err);
    if (status < 0)
        return status;
    if (command->expect != STORE_ANY && command->changes != command->expect)
        return error_set(err, TROUPE_CONFLICT,
                         "%" PRId64 " rows where %" PRId64 " were expected by \"%.120s\"",
                         command->changes, command->expect, command->sql);
    return TROUPE_OK;
}

/* One answer. PGRES_PIPELINE_ABORTED follows a failure that was told already. */
static troupe_status take(struct postgres_connection *conn, PGresult *result,
                          const struct postgres_step *step, struct error *err)
{
    ExecStatusType code = PQresultStatus(result);

    if (code == PGRES_PIPELINE_ABORTED)
        return TROUPE_OK;
    if (code != PGRES_COMMAND_OK && code != PGRES_TUPLES_OK)
        return postgres_failed(conn, result, err);
    switch (step->kind) {
    case POSTGRES_PREPARE: step->statement->prepared = true; break;
    case POSTGRES_RUN: return take_run(conn, result, step->command, err);
    case POSTGRES_ROWID:
        if (PQntuples(result) == 1 && PQgetlength(result, 0, 0) == 8) {
            uint64_t bits = 0;

            for (int i = 0; i < 8; i++)
                bits = bits << 8 | (unsigned char)PQgetvalue(result, 0, 0)[i];
            step->command->rowid = (int64_t)bits;
        }
        break;
    case POSTGRES_CONTROL: break;
    }
    return TROUPE_OK;
}

/* The next result, NULL between those of two steps. */
static troupe_status next_result(struct postgres_connection *conn, uint64_t deadline,
                                 PGresult **ret, struct error *err)
{
    for (;;) {
        int left = PQflush(conn->pg);
        troupe_status status;

        if (left < 0)
            return postgres_lost(conn, err);
        if (!PQisBusy(conn->pg)) {
            *ret = PQgetResult(conn->pg);
            return TROUPE_OK;
        }
        status = postgres_wait(conn, left ? POLLIN | POLLOUT : POLLIN, deadline);
        if (status < 0 || !PQconsumeInput(conn->pg)) {
            troupe_status why = status == TROUPE_CANCELED ? status : TROUPE_UNAVAILABLE;

            postgres_lost(conn, err);
            return status == TROUPE_DEADLINE
                       ? error_set(err, TROUPE_UNAVAILABLE,
                                   "the database's server does not answer: see whether it runs")
                       : why;
        }
    }
}

/* Statements that the server did not prepare after all. */
static void forget_unprepared(struct postgres_connection *conn)
{
    for (size_t i = 0; i < conn->step_count; i++) {
        struct postgres_statement *statement = conn->steps[i].statement;

        if (conn->steps[i].kind == POSTGRES_PREPARE && !statement->prepared)
            drop(conn, statement);
    }
}

/* The answers to all steps; `sync` is the end of a pipeline's part behind them. */
static troupe_status collect(struct postgres_connection *conn, bool sync, uint64_t deadline,
                             struct error *err)
{
    troupe_status failure = TROUPE_OK, status = TROUPE_OK;
    struct error found = {0}, *to = err ? err : &found;
    PGresult *result = NULL;

    for (size_t i = 0; i < conn->step_count && status >= 0; i++) {
        for (;;) {
            status = next_result(conn, deadline, &result, to);
            if (status < 0 || !result)
                break;
            if (failure >= 0)
                failure = take(conn, result, &conn->steps[i], to);
            PQclear(result);
        }
        if (conn->lost)
            break;
    }
    while (sync && status >= 0 && !conn->lost) {
        bool over;

        status = next_result(conn, deadline, &result, failure < 0 ? NULL : to);
        over = status >= 0 && result && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        if (status >= 0)
            PQclear(result);
        if (over)
            break;
    }
    forget_unprepared(conn);
    conn->step_count = 0;
    if (status < 0 || failure < 0)
        conn->path[0] = '\0'; /* undone, perhaps */
    return status < 0 ? status : failure;
}

troupe_status postgres_finish(struct postgres_connection *conn, uint64_t deadline,
                              struct error *err)
{
    if (!PQpipelineSync(conn->pg))
        return postgres_lost(conn, err);
    return collect(conn, true, deadline, err);
}

static troupe_status reach(struct postgres_connection *conn, uint64_t deadline, struct error *err)
{
    if (!PQsendFlushRequest(conn->pg))
        return postgres_lost(conn, err);
    return collect(conn, false, deadline, err);
}
