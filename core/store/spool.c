/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "loop/op.h"
#include "loop/queue.h"
#include "store/reading.h"

#include <string.h>

#define WAIT_MS   10000
#define GROUP_MAX 100 /* records that share a write */

enum work { PUT, READ, TAKE };

/* Of two: who waits, and who tells. */
struct keeping {
    struct op *op;
    unsigned refs;
    struct error err;
};

struct request {
    struct queue_item link;
    struct loop_task task;
    struct store_spool *spool;
    enum work work;
    struct spool_record record; /* PUT; the content is its own */
    char *content;
    uint64_t at; /* READ, TAKE */
    /* The outcome; the thread's until the task runs. */
    troupe_status status;
    struct error err;
    struct spool_portion portion;
    uint64_t size; /* of the file then */
    void (*told)(void *arg, troupe_status status, const struct error *err);
    void *arg;
    struct keeping *keeping; /* READ, TAKE: who waits */
};

struct store_spool {
    struct loop *loop;
    struct spool_file file; /* the thread's */
    struct queue queue;
    pthread_t thread;
    struct store_spool_stats stats;
    uint64_t coming; /* bytes on their way */
    size_t requests;
    bool closed;
};

/* ---- the thread ------------------------------------------------------------------------------- */

static void post(struct request *request)
{
    request->size = request->spool->file.size;
    loop_post(request->spool->loop, &request->task);
}

static void write_group(struct store_spool *spool, struct request **group, size_t count)
{
    struct spool_record records[GROUP_MAX];
    struct error err = {0};
    troupe_status status;

    if (!count)
        return;
    for (size_t i = 0; i < count; i++)
        records[i] = group[i]->record;
    status = spool_file_append(&spool->file, records, count, &err);
    for (size_t i = 0; i < count; i++) {
        group[i]->status = status;
        group[i]->err = err;
        post(group[i]);
    }
}

static void run_one(struct request *request)
{
    struct spool_file *file = &request->spool->file;

    request->status = request->work == READ
                          ? spool_file_read(file, request->at, &request->portion, &request->err)
                          : spool_file_take(file, request->at, &request->err);
    post(request);
}

static void *run(void *arg)
{
    struct store_spool *spool = arg;
    struct request *group[GROUP_MAX];
    struct queue_item *item;
    size_t count = 0;

    while ((item = queue_take_all(&spool->queue, UINT64_MAX))) {
        while (item) {
            struct queue_item *next = item->next;
            struct request *request = container_of(item, struct request, link);

            if (request->work == PUT)
                group[count++] = request;
            if (request->work != PUT || count == GROUP_MAX) {
                write_group(spool, group, count);
                count = 0;
            }
            if (request->work != PUT)
                run_one(request);
            item = next;
        }
        write_group(spool, group, count);
        count = 0;
    }
    return NULL;
}

/* ---- the loop's side -------------------------------------------------------------------------- */

static void free_if_unused(struct store_spool *spool)
{
    if (spool->closed && !spool->requests)
        mem_free(spool);
}

static struct keeping *keeping_new(struct store_spool *spool, void (*free_result)(void *result))
{
    struct keeping *keeping = mem_zero(1, sizeof(*keeping));

    keeping->op = op_new(spool->loop, free_result);
    keeping->refs = 2;
    return keeping;
}

static void keeping_unref(struct keeping *keeping)
{
    if (!--keeping->refs)
        mem_free(keeping);
}

static void keeping_tell(struct keeping *keeping, troupe_status status, void *result,
                         const struct error *err)
{
    if (err)
        keeping->err = *err;
    op_complete(keeping->op, status, result);
    keeping_unref(keeping);
}

/* The waiter's reference goes with it. */
static troupe_status keeping_wait(struct keeping *keeping, uint64_t deadline, void **ret,
                                  struct error *err)
{
    troupe_status status = op_wait(keeping->op, deadline ? deadline : co_after(WAIT_MS), ret);

    if (status < 0 && op_is_complete(keeping->op) && keeping->err.status < 0)
        *err = keeping->err;
    else if (status < 0)
        error_set(err, status, "the spool did not answer in time");
    op_drop(keeping->op);
    keeping_unref(keeping);
    return status;
}

static void portion_free(void *portion)
{
    spool_portion_clear(portion);
    mem_free(portion);
}

static void tell(struct request *request)
{
    const struct error *err = request->status < 0 ? &request->err : NULL;
    struct spool_portion *portion = NULL;

    if (request->told)
        request->told(request->arg, request->status, err);
    if (!request->keeping)
        return;
    if (request->work == READ && request->status >= 0) {
        portion = mem_alloc(sizeof(*portion));
        *portion = request->portion;
    }
    keeping_tell(request->keeping, request->status, portion, err);
}

static void done(struct loop_task *task)
{
    struct request *request = container_of(task, struct request, task);
    struct store_spool *spool = request->spool;
    struct store_spool_stats *stats = &spool->stats;

    stats->bytes = request->size;
    if (request->work == PUT) {
        spool->coming -= SPOOL_RECORD_SIZE + request->record.len;
        stats->put += request->status >= 0;
        stats->refused += request->status < 0;
    }
    if (!stats->bytes && !spool->coming)
        stats->since_ms = 0;
    tell(request);
    spool->requests--;
    mem_free(request->content);
    mem_free(request);
    free_if_unused(spool);
}

static struct request *request_new(struct store_spool *spool, enum work work)
{
    struct request *request = mem_zero(1, sizeof(*request));

    request->spool = spool;
    request->work = work;
    request->task.run = done;
    return request;
}

static void submit(struct request *request)
{
    request->spool->requests++;
    (void)queue_push(&request->spool->queue, &request->link, NULL);
}

troupe_status
store_spool_put(struct store_spool *spool, enum store_spool_kind kind, const char *data, size_t len,
                void (*told)(void *arg, troupe_status status, const struct error *err), void *arg,
                struct error *err)
{
    struct store_spool_stats *stats = &spool->stats;
    /* A sealed one is longer, and the first one makes the head. */
    uint64_t need = SPOOL_HEAD_SIZE + SPOOL_RECORD_SIZE + 64 + (uint64_t)len;
    struct request *request;

    if (spool->closed || len > SPOOL_CONTENT_MAX - 64 ||
        stats->bytes + spool->coming + need > stats->max_bytes) {
        stats->refused++;
        return error_set(err, TROUPE_LIMIT,
                         stats->max_bytes ? "the spool is full: raise spool_max in [store]"
                                          : "there is no spool");
    }
    request = request_new(spool, PUT);
    request->content = mem_copy(data, len);
    request->record = (struct spool_record){
        .kind = (uint8_t)kind, .time_ms = clock_wall_ms(), .data = request->content, .len = len};
    request->told = told;
    request->arg = arg;
    spool->coming += SPOOL_RECORD_SIZE + len;
    if (!stats->since_ms)
        stats->since_ms = request->record.time_ms;
    submit(request);
    return TROUPE_OK;
}

static void kept(void *arg, troupe_status status, const struct error *err)
{
    keeping_tell(arg, status, NULL, err);
}

troupe_status store_spool_keep(struct store_spool *spool, enum store_spool_kind kind,
                               const char *data, size_t len, uint64_t deadline, struct error *err)
{
    struct keeping *keeping = keeping_new(spool, NULL);
    troupe_status status = store_spool_put(spool, kind, data, len, kept, keeping, err);

    if (status < 0)
        keeping_tell(keeping, status, NULL, err);
    return keeping_wait(keeping, deadline, NULL, err);
}

static troupe_status ask(struct store_spool *spool, enum work work, uint64_t at, uint64_t deadline,
                         void **ret, struct error *err)
{
    struct keeping *keeping;
    struct request *request;

    if (spool->closed)
        return error_set(err, TROUPE_CANCELED, "the host stops");
    keeping = keeping_new(spool, portion_free);
    request = request_new(spool, work);
    request->at = at;
    request->keeping = keeping;
    submit(request);
    return keeping_wait(keeping, deadline, ret, err);
}

troupe_status store_spool_read(struct store_spool *spool, uint64_t from, uint64_t deadline,
                               struct spool_portion *ret, struct error *err)
{
    void *portion = NULL;
    troupe_status status = ask(spool, READ, from, deadline, &portion, err);

    if (status < 0)
        return status;
    if (!portion)
        return error_set(err, TROUPE_FAILED, "the spool was read and gave nothing");
    *ret = *(struct spool_portion *)portion;
    mem_free(portion);
    return TROUPE_OK;
}

troupe_status store_spool_take(struct store_spool *spool, uint64_t up_to, uint64_t deadline,
                               struct error *err)
{
    return ask(spool, TAKE, up_to, deadline, NULL, err);
}

troupe_status store_spool_open(struct loop *loop, const struct store_spool_options *options,
                               struct store_spool **ret, struct error *err)
{
    struct store_spool *spool;
    struct spool_content content;
    struct seal_keys keys;
    troupe_status status =
        seal_keys_parse(options->encrypt_key, options->encrypt_old_keys, &keys, err);

    if (status < 0)
        return status;
    spool = mem_zero(1, sizeof(*spool));
    spool->loop = loop;
    status = spool_file_open(&spool->file, options->path, &keys, &content, err);
    seal_keys_clear(&keys);
    if (status < 0) {
        mem_free(spool);
        return status;
    }
    spool->file.on_write = options->on_write;
    spool->stats = (struct store_spool_stats){
        .bytes = spool->file.size, .max_bytes = options->max_bytes, .since_ms = content.oldest_ms};
    queue_init(&spool->queue, 0); /* bounded by max_bytes */
    status = store_thread_start(&spool->thread, run, spool, "store-spool", err);
    if (status < 0) {
        queue_clear(&spool->queue);
        spool_file_close(&spool->file);
        mem_free(spool);
        return status;
    }
    *ret = spool;
    return TROUPE_OK;
}

void store_spool_close(struct store_spool *spool)
{
    if (!spool)
        return;
    spool->closed = true;
    queue_close(&spool->queue);
    pthread_join(spool->thread, NULL);
    queue_clear(&spool->queue);
    spool_file_close(&spool->file);
    free_if_unused(spool);
}

void store_spool_stats(const struct store_spool *spool, struct store_spool_stats *ret)
{
    *ret = spool->stats;
}

bool store_spool_is_empty(const struct store_spool *spool)
{
    return !spool->stats.bytes && !spool->coming;
}
