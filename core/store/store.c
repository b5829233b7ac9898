/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop's side of the store: bounds, one hand-over to the driver per tick, and the waiting.
 */
#include "config.h"

#include "base/clock.h"
#include "loop/scope.h"
#include "store/driver.h"
#include "store/index.h"
#include "store/store.h"

#include <sysexits.h>

enum {
    BATCHES_DEFAULT = 10000,
    QUERIES_DEFAULT = 1000,
    READ_MS = 10000, /* where the caller gave no deadline */
    WRITE_MS = 30000,
    MIGRATE_MS = 60000,
    GATHER_US = 1000, /* what is written meanwhile goes to the writer in one piece */
    GRACE_MS = 1000,  /* how long a late waiter stays for an outcome that is under way */
};

struct store {
    struct loop *loop;
    const struct store_driver *driver;
    struct store_engine *engine;
    struct store_options options;
    size_t max_queries;
    struct store_request *first, **last; /* of this tick */
    struct loop_task flush;              /* hands over what `first` begins */
    bool flushing;
    size_t queued_bytes;
    bool closed;
    struct store_index *index;
    struct store_stats stats; /* its counts of requests keep the store alive */
};

static void free_if_unused(struct store *store)
{
    if (store->closed && store->stats.batches_queued + store->stats.queries_queued == 0)
        mem_free(store);
}

static void request_free(void *arg)
{
    struct store_request *request = arg;
    struct store *store = request->store;

    store->queued_bytes -= request->bytes;
    if (request->kind == STORE_REQUEST_QUERY) {
        store->stats.queries_queued--;
        if (request->status >= 0)
            store->stats.queries++;
    } else {
        store->stats.batches_queued--;
        if (request->status >= 0)
            store->stats.batches++;
        else
            store->stats.failed++;
    }
    if (request->kind == STORE_REQUEST_QUERY)
        store_command_reset(&request->query);
    store_batch_free(request->batch);
    arena_clear(&request->arena);
    mem_free(request);
    free_if_unused(store);
}

/* The outcome of a batch that nobody waits for. */
static void tell(struct loop_task *task)
{
    struct store_request *request = container_of(task, struct store_request, task);

    if (request->told)
        request->told(request->arg, request->batch, request->status,
                      request->status < 0 ? &request->error : NULL);
    request_free(request);
}

/* On a thread of the driver's. */
static void request_done(struct store_request *request)
{
    if (request->op)
        op_complete(request->op, request->status, request);
    else
        loop_post(request->store->loop, &request->task);
}

/* `bytes` are what it keeps in memory while it is in flight. Somebody will wait for it, or it is
 * told. */
static struct store_request *request_new(struct store *store, enum store_request_kind kind,
                                         size_t bytes, bool waited_for)
{
    struct store_request *request = mem_zero(1, sizeof(*request));

    request->kind = kind;
    request->store = store;
    request->done = request_done;
    request->op = waited_for ? op_new(store->loop, request_free) : NULL;
    request->task.run = tell;
    request->bytes = bytes;
    store->queued_bytes += bytes;
    if (kind == STORE_REQUEST_QUERY)
        store->stats.queries_queued++;
    else
        store->stats.batches_queued++;
    return request;
}

/* Its batch is whole now. False: it cannot be written, which is told. */
static bool close_batch(struct store *store, struct store_request *request)
{
    struct store_batch *batch = request->batch;

    request->closing(request->arg, batch);
    batch->open = false;
    store->queued_bytes += batch->arena.used - request->bytes;
    request->bytes = batch->arena.used;
    if (batch->failure >= 0)
        return true;
    request->status = error_set(&request->error, batch->failure, "%s", batch->failure_text);
    request_done(request);
    return false;
}

static void hand_over(struct store *store)
{
    struct store_request *chain = store->first;

    store->first = NULL;
    store->last = &store->first;
    for (struct store_request **at = &chain, *request; (request = *at);) {
        struct store_request *next = request->next;

        if (!request->closing || close_batch(store, request))
            at = &request->next;
        else
            *at = next;
    }
    if (chain)
        store->driver->submit(store->engine, chain);
}

static void flush_run(struct loop_task *task)
{
    struct store *store = container_of(task, struct store, flush);

    store->flushing = false;
    hand_over(store);
}

/* What is written while the loop is at work goes to the writer in one piece: a short turn is then one
 * transaction from event to answer, and under load a transaction holds many turns. */
static void submit_write(struct store *store, struct store_request *request)
{
    *store->last = request;
    store->last = &request->next;
    if (store->flushing)
        return;
    store->flushing = true;
    loop_rest(store->loop, &store->flush, GATHER_US);
}

/* Waits for a write. Who is ended before the driver took the request withdraws it; later there is
 * an outcome soon, and it is stayed for. NULL: `ret_status` tells why there is none. */
static struct store_request *wait_write(struct store_request *request, uint64_t deadline,
                                        troupe_status *ret_status)
{
    _cleanup_op_ struct op *op = request->op;
    void *result = NULL;
    int queued = STORE_QUEUED;
    troupe_status status = op_wait(op, deadline, &result);

    if (result)
        return result;
    if (atomic_compare_exchange_strong(&request->state, &queued, STORE_WITHDRAWN)) {
        *ret_status = status;
        return NULL;
    }
    atomic_store(&request->abandoned, true);
    co_shield(GRACE_MS);
    (void)op_wait(op, co_after(GRACE_MS), &result);
    co_unshield();
    *ret_status = TROUPE_MAYBE_DONE;
    return result;
}

static troupe_status finish(struct store_request *request, struct error *err)
{
    troupe_status status = request->status;

    if (status < 0 && err)
        *err = request->error;
    request_free(request);
    return status;
}

static troupe_status ended(troupe_status status, const char *what, struct error *err)
{
    if (status == TROUPE_MAYBE_DONE)
        return error_set(err, status, "%s was under way when the wait ended, outcome not known",
                         what);
    return error_set(err, status, "%s: %s before it began", what,
                     status == TROUPE_DEADLINE ? "time ran out" : "cancelled");
}

/* Whether the batch may be put on its way. */
static troupe_status admit(const struct store *store, const struct store_batch *batch,
                           struct error *err)
{
    if (batch->failure < 0)
        return error_set(err, batch->failure, "%s", batch->failure_text);
    if (batch->used)
        return error_set(err, TROUPE_ARGUMENT, "the batch was committed before: make a new one");
    if (store->stats.batches_queued >= store->options.max_queued ||
        store->queued_bytes + batch->arena.used > store->options.max_queued_bytes)
        return error_set(err, TROUPE_BUSY, "%zu batches wait to be written: try again later",
                         store->stats.batches_queued);
    return TROUPE_OK;
}

static struct store_request *put_on_its_way(struct store *store, struct store_batch *batch,
                                            bool waited_for)
{
    struct store_request *request =
        request_new(store, STORE_REQUEST_COMMIT, batch->arena.used, waited_for);

    batch->used = true;
    request->batch = batch;
    store_batch_hold(batch);
    submit_write(store, request);
    return request;
}

troupe_status store_commit(struct store *store, struct store_batch *batch, uint64_t deadline,
                           struct error *err)
{
    bool empty = batch->count == 0 && batch->lease_epoch == 0;
    struct store_request *request;
    troupe_status status;

    if (empty && batch->failure >= 0 && !batch->used)
        return TROUPE_OK;
    status = admit(store, batch, err);
    if (status < 0)
        return status;
    request = put_on_its_way(store, batch, true);
    request = wait_write(request, deadline ? deadline : co_after(WRITE_MS), &status);
    return request ? finish(request, err) : ended(status, "a batch", err);
}

troupe_status store_submit_open(struct store *store, struct store_batch *batch,
                                void (*closing)(void *arg, struct store_batch *batch),
                                void (*told)(void *arg, struct store_batch *batch,
                                             troupe_status status, const struct error *err),
                                void *arg, struct error *err)
{
    troupe_status status = admit(store, batch, err);
    struct store_request *request;

    if (status < 0)
        return status;
    request = put_on_its_way(store, batch, false);
    request->closing = closing;
    request->told = told;
    request->arg = arg;
    batch->open = closing != NULL;
    return TROUPE_OK;
}

troupe_status store_submit(struct store *store, struct store_batch *batch,
                           void (*told)(void *arg, struct store_batch *batch, troupe_status status,
                                        const struct error *err),
                           void *arg, struct error *err)
{
    return store_submit_open(store, batch, NULL, told, arg, err);
}

troupe_status store_query(struct store *store, const struct store_statement *statement,
                          uint64_t deadline, struct store_rows **ret, struct error *err)
{
    _cleanup_op_ struct op *op = NULL;
    struct store_request *request;
    void *result = NULL;
    struct store_command command;
    struct arena arena = {0};
    troupe_status status;

    if (store->stats.queries_queued >= store->max_queries)
        return error_set(err, TROUPE_BUSY, "%zu queries wait for a reader: try again later",
                         store->stats.queries_queued);
    status = store_command_copy(&arena, statement, STORE_BATCH_BYTES, &command, err);
    if (status >= 0 && store->queued_bytes + arena.used > store->options.max_queued_bytes)
        status = error_set(err, TROUPE_BUSY, "too much waits for the store: try again later");
    if (status < 0) {
        arena_clear(&arena);
        return status;
    }
    request = request_new(store, STORE_REQUEST_QUERY, arena.used, true);
    request->query = command;
    request->arena = arena;
    op = request->op;
    store->driver->submit(store->engine, request);
    status = op_wait(op, deadline ? deadline : co_after(READ_MS), &result);
    if (!result) { /* whoever has it drops it soon; `request` is the driver's alone from here on */
        int queued = STORE_QUEUED;

        if (!atomic_compare_exchange_strong(&request->state, &queued, STORE_WITHDRAWN))
            atomic_store(&request->abandoned, true);
        return error_set(err, status, "a query was %s",
                         status == TROUPE_DEADLINE ? "not answered in time" : "cancelled");
    }
    if (request->status >= 0) {
        *ret = request->query.rows;
        request->query.rows = NULL;
    }
    return finish(request, err);
}

static troupe_status migrate(struct store *store, const struct store_migrating *wanted,
                             uint64_t deadline, struct error *err)
{
    struct store_request *request;
    struct store_migration *copy;
    troupe_status status =
        store_migrations_valid(wanted->ns, wanted->steps, wanted->step_count, err);

    if (status < 0)
        return status;
    if (store->stats.batches_queued >= store->options.max_queued)
        return error_set(err, TROUPE_BUSY, "%zu batches wait to be written: try again later",
                         store->stats.batches_queued);
    request = request_new(store, STORE_REQUEST_MIGRATE, 0, true);
    request->migrate = *wanted;
    request->migrate.ns = wanted->ns ? arena_strdup(&request->arena, wanted->ns) : NULL;
    copy = arena_alloc(&request->arena, wanted->step_count * sizeof(*copy));
    for (size_t i = 0; i < wanted->step_count; i++) {
        const struct store_migration *step = &wanted->steps[i];

        copy[i].version = step->version;
        copy[i].name = arena_strdup(&request->arena, step->name);
        copy[i].sql = arena_strdup(&request->arena, step->sql);
        copy[i].back = step->back ? arena_strdup(&request->arena, step->back) : NULL;
    }
    request->migrate.steps = copy;
    submit_write(store, request);
    request = wait_write(request, deadline ? deadline : co_after(MIGRATE_MS), &status);
    return request ? finish(request, err) : ended(status, "a migration", err);
}

static troupe_status migrate_forward(struct store *store, const char *ns,
                                     const struct store_migration *steps, size_t count,
                                     bool check_only, uint64_t deadline, struct error *err)
{
    const struct store_migrating wanted = {
        .ns = ns, .steps = steps, .step_count = count, .check_only = check_only};

    return ns ? migrate(store, &wanted, deadline, err)
              : error_set(err, TROUPE_ARGUMENT, "a migration without a namespace");
}

troupe_status store_migrate_back(struct store *store, const char *ns,
                                 const struct store_migration *steps, size_t count,
                                 int64_t to_version, uint64_t deadline, struct error *err)
{
    struct store_migrating wanted = {
        .ns = ns, .steps = steps, .step_count = count, .back = true, .to_version = to_version};

    if (!ns)
        wanted.steps = store_core_migrations(&wanted.step_count);
    return migrate(store, &wanted, deadline, err);
}

/* For a transfer to another database. The steps ran: what cannot be remembered now is so the next time. */
static void remember(struct store *store, const char *ns, const struct store_migration *steps,
                     size_t count, uint64_t deadline)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (store_query(store,
                    STORE_SQL("SELECT count(*) FROM migration_text WHERE ns = ?1", store_text(ns)),
                    deadline, &rows, NULL) < 0 ||
        store_cell_int(rows, 0, 0, 0) >= (int64_t)count)
        return;
    batch = store_batch_new();
    for (size_t i = 0; i < count; i++)
        store_batch_add(batch, STORE_SQL("INSERT INTO migration_text (ns, version, sql) "
                                         "VALUES (?1, ?2, ?3) ON CONFLICT (ns, version) DO NOTHING",
                                         store_text(ns), store_int(steps[i].version),
                                         store_text(steps[i].sql)));
    (void)store_commit(store, batch, deadline, NULL);
}

troupe_status store_migrate(struct store *store, const char *ns,
                            const struct store_migration *steps, size_t count, uint64_t deadline,
                            struct error *err)
{
    troupe_status status = migrate_forward(store, ns, steps, count, false, deadline, err);

    if (status >= 0)
        remember(store, ns, steps, count, deadline);
    return status;
}

troupe_status store_migrate_check(struct store *store, const char *ns,
                                  const struct store_migration *steps, size_t count,
                                  uint64_t deadline, struct error *err)
{
    return migrate_forward(store, ns, steps, count, true, deadline, err);
}

troupe_status store_forget(struct store *store, uint64_t deadline, struct error *err)
{
    struct store_request *request;
    troupe_status status;

    if (store->stats.batches_queued >= store->options.max_queued)
        return error_set(err, TROUPE_BUSY, "%zu batches wait to be written: try again later",
                         store->stats.batches_queued);
    request = request_new(store, STORE_REQUEST_FORGET, 0, true);
    submit_write(store, request);
    request = wait_write(request, deadline ? deadline : co_after(MIGRATE_MS), &status);
    return request ? finish(request, err) : ended(status, "the clean-up of the file", err);
}

static const struct store_driver *choose_driver(const struct store_options *options,
                                                struct error *err)
{
    if (options->url) {
#ifdef HAVE_POSTGRES
        return &store_postgres_driver;
#else
        (void)store_url_check(options->url, err);
        return NULL;
#endif
    }
    if (!options->path || !*options->path) {
        error_set(err, TROUPE_ARGUMENT, "the store has no path");
        return NULL;
    }
    return &store_sqlite_driver;
}

troupe_status store_open(struct loop *loop, const struct store_options *options, struct store **ret,
                         struct error *err)
{
    const struct store_driver *driver = choose_driver(options, err);
    struct store_options chosen = *options;
    struct store_engine *engine;
    size_t max_queries = chosen.max_queued ? chosen.max_queued : QUERIES_DEFAULT;
    struct store *store;
    troupe_status status;

    if (!driver)
        return TROUPE_ARGUMENT;
    if (chosen.readers > 16)
        return error_set(err, TROUPE_ARGUMENT, "%u readers: at most 16 are of use", chosen.readers);
    chosen.readers = chosen.readers ? chosen.readers : 2;
    chosen.max_queued = chosen.max_queued ? chosen.max_queued : BATCHES_DEFAULT;
    chosen.max_queued_bytes = chosen.max_queued_bytes ? chosen.max_queued_bytes : 64u << 20;
    chosen.busy_ms = chosen.busy_ms ? chosen.busy_ms : 2000;
    chosen.write_ms = chosen.write_ms ? chosen.write_ms : 2000;
    chosen.away_ms = chosen.away_ms ? chosen.away_ms : 10000;
    chosen.lease_ms = chosen.lease_ms ? chosen.lease_ms : 15000;
    status = driver->open(&chosen, &engine, err);
    if (status < 0)
        return status;
    store = mem_zero(1, sizeof(*store));
    store->loop = loop;
    store->flush.run = flush_run;
    store->driver = driver;
    store->engine = engine;
    store->options = chosen;
    store->max_queries = max_queries;
    store->index = store_index_new(chosen.index_bytes);
    store->options.path = store->options.vfs = store->options.url = store->options.password =
        store->options.name = store->options.encrypt_key = store->options.encrypt_old_keys =
            NULL; /* the caller's; the driver is done with them */
    store->last = &store->first;
    *ret = store;
    return TROUPE_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    hand_over(store);
    if (store->flushing)
        loop_rest_cancel(store->loop, &store->flush);
    store->driver->close(store->engine);
    store_index_free(store->index);
    store->index = NULL;
    store->closed = true; /* outcomes that nobody took are still on their way through the loop */
    free_if_unused(store);
}

const struct store_driver *store_driver_of(const struct store *store)
{
    return store->driver;
}

bool store_is_shared(const struct store *store)
{
    return store->driver->host != NULL;
}

int64_t store_host(const struct store *store)
{
    return store->driver->host ? store->driver->host(store->engine) : 0;
}

int64_t store_next_id(const struct store *store, int64_t last)
{
    int64_t step = STORE_HOSTS_MAX;

    if (!store->driver->host)
        return last + 1;
    return last - last % step + store_host(store) + (last % step < store_host(store) ? 0 : step);
}

bool store_holds(const struct store *store)
{
    return !store->driver->holds || store->driver->holds(store->engine);
}

struct store_index *store_index_of(const struct store *store)
{
    return store->index;
}

struct loop *store_loop_of(const struct store *store)
{
    return store->loop;
}

void store_stats(const struct store *store, struct store_stats *ret)
{
    *ret = store->stats;
    store->driver->stats(store->engine, ret);
}

bool store_status_passes(troupe_status status)
{
    return status == TROUPE_IO || status == TROUPE_UNAVAILABLE || status == TROUPE_BUSY ||
           status == TROUPE_DEADLINE || status == TROUPE_MAYBE_DONE;
}

int store_exit_code(troupe_status status)
{
    switch (status) {
    case TROUPE_OK: return EX_OK;
    case TROUPE_DENIED: return EX_NOPERM;
    case TROUPE_NOT_FOUND: return EX_CANTCREAT;
    case TROUPE_IO: return EX_IOERR;
    case TROUPE_DATA:
    case TROUPE_VERSION: return EX_DATAERR;
    case TROUPE_UNAVAILABLE: return EX_TEMPFAIL;
    case TROUPE_ARGUMENT:
    case TROUPE_CONFIG: return EX_CONFIG;
    default: return EX_SOFTWARE;
    }
}
