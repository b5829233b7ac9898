/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that owns libcurl. A pass takes the commands, lets libcurl work, ends what is done or
 * late, and hands everything that came to the loop in one batch.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "loop/latch.h"
#include "net/http_private.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#define POLL_MAX_MS 60000u /* nothing depends on it; a command or socket wakes earlier */

/* ---- news ---------------------------------------------------------------------------------- */

/* The answer's own head, not that of a redirect, and not handed over yet. */
static bool has_head(const struct http_transfer *transfer)
{
    return transfer->head && transfer->head_done && !transfer->location;
}

static void tell(struct http_transfer *transfer, struct http_news *news)
{
    struct http_thread *thread = transfer->thread;

    news->stream = transfer->stream;
    if (has_head(transfer)) {
        news->head = transfer->head;
        transfer->head = NULL;
    }
    if (!thread->batch) {
        thread->batch = mem_zero(1, sizeof(*thread->batch));
        thread->batch->task.run = http_batch_deliver;
        thread->batch->last = &thread->batch->first;
    }
    *thread->batch->last = news;
    thread->batch->last = &news->next;
}

/* What came in this pass. A submitted call wants its answer whole. */
static void gather(struct http_transfer *transfer)
{
    struct http_news *news = transfer->arrived;

    if (transfer->stream->call || (!news && !has_head(transfer)))
        return;
    transfer->arrived = NULL;
    atomic_fetch_add(&transfer->stream->refs, 1);
    tell(transfer, news ? news : http_news_take(&transfer->thread->spare));
}

static void retire(struct http_transfer *transfer)
{
    http_transfer_detach(transfer);
    if (transfer->after)
        latch_unwatch(transfer->after);
    transfer->stream->transfer = NULL;
    list_remove(&transfer->link);
    if (transfer->touched)
        list_remove(&transfer->touch);
    transfer->touched = false;
    atomic_fetch_sub_explicit(&transfer->thread->counters.active, 1, memory_order_relaxed);
}

/* Tells the stream how it ended; the transfer goes to the loop with that. */
static void end(struct http_transfer *transfer, CURLcode code)
{
    struct http_news *news = &transfer->last;

    gather(transfer);
    if (transfer->pending.len > 0) {
        news->len = transfer->pending.len;
        news->data = buf_take(&transfer->pending);
    }
    news->status = http_transfer_explain(transfer, code);
    news->ended = transfer;
    transfer->fine = news->status == TROUPE_END;
    tell(transfer, news);
    retire(transfer);
}

static void end_late(struct http_transfer *transfer, const char *what, uint32_t ms)
{
    error_set(http_transfer_failure(transfer), TROUPE_DEADLINE, "\"%s\" %s %u ms",
              http_url_label(&transfer->url), what, ms);
    end(transfer, CURLE_OK);
}

/* ---- commands ------------------------------------------------------------------------------ */

/* One whose latch is shut gets ready meanwhile. */
static void start(struct http_thread *thread, struct http_transfer *transfer)
{
    bool held = transfer->after &&
                latch_watch(transfer->after, http_poll_wake, &thread->poll) == LATCH_SHUT;

    transfer->stream->transfer = transfer;
    list_append(transfer->after ? &thread->held : &thread->transfers, &transfer->link);
    atomic_fetch_add_explicit(&thread->counters.active, 1, memory_order_relaxed);
    transfer->deadline = clock_ms() + transfer->total_ms;
    if (transfer->after && !held)
        return; /* release_held sees to it */
    if ((held ? http_transfer_set_up(transfer) : http_transfer_begin(transfer)) != TROUPE_OK)
        end(transfer, CURLE_OK);
    else
        http_transfer_expect(transfer);
}

static void release_held(struct http_thread *thread)
{
    list_for_each_safe (link, &thread->held) {
        struct http_transfer *transfer = container_of(link, struct http_transfer, link);
        enum latch_state state = latch_look(transfer->after);

        if (state == LATCH_SHUT)
            continue;
        list_remove(&transfer->link);
        list_append(&thread->transfers, &transfer->link);
        latch_unref(transfer->after);
        transfer->after = NULL;
        if (state == LATCH_BROKEN)
            error_set(http_transfer_failure(transfer), TROUPE_CANCELED,
                      "\"%s\" was called off before it left", http_url_label(&transfer->url));
        if (state == LATCH_BROKEN || http_transfer_begin(transfer) != TROUPE_OK)
            end(transfer, CURLE_OK);
        else
            http_transfer_expect(transfer);
    }
}

/* Lets a paused transfer go on once its reader caught up; false when that was its end. */
static bool resume(struct http_transfer *transfer)
{
    struct http_stream *stream = transfer->stream;
    CURLcode code;

    if (!transfer->paused || atomic_load(&stream->buffered) >= HTTP_BUFFERED_LOW)
        return true;
    transfer->paused = false;
    atomic_store(&stream->paused, false);
    transfer->last_byte = clock_ms(); /* the silence was ours */
    http_transfer_expect(transfer);
    code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT); /* may call for the body at once */
    if (code != CURLE_OK)
        end(transfer, code);
    return code == CURLE_OK;
}

static void obey(struct http_thread *thread, struct http_command *command)
{
    struct http_transfer *transfer;

    if (command->kind == HTTP_START) {
        start(thread, command->transfer); /* which has the command in it */
        return;
    }
    transfer = command->stream->transfer;
    if (transfer && command->kind == HTTP_RESUME) {
        (void)resume(transfer);
    } else if (transfer) {
        retire(transfer);
        http_transfer_free(transfer);
    }
    http_stream_unref(command->stream);
    mem_free(command);
}

static void obey_all(struct http_thread *thread)
{
    struct queue_item *item = queue_take_all(&thread->queue, 0);

    while (item) {
        struct queue_item *next = item->next;

        obey(thread, (struct http_command *)item); /* its first member */
        item = next;
    }
}

static void wake(struct loop_task *task)
{
    struct http_thread *thread = container_of(task, struct http_thread, wake);

    thread->wake_due = false;
    http_poll_wake(&thread->poll);
}

void http_thread_send(struct http_thread *thread, enum http_command_kind kind,
                      struct http_transfer *transfer, struct http_stream *stream)
{
    struct http_command *command =
        kind == HTTP_START ? &transfer->start : mem_zero(1, sizeof(*command));
    bool was_empty = true;

    command->kind = kind;
    command->transfer = transfer;
    command->stream = stream;
    /* Never full: at most three commands for each of max_transfers streams; closed only after the
     * thread ended, when no stream is left. */
    (void)queue_push(&thread->queue, &command->item, &was_empty);
    if (!was_empty || thread->wake_due) /* woken already, and has not looked yet; or it will be */
        return;
    thread->wake_due = true;
    loop_before_poll(thread->loop, &thread->wake);
}

/* ---- a pass -------------------------------------------------------------------------------- */

static void follow(struct http_transfer *transfer)
{
    http_transfer_detach(transfer);
    if (http_transfer_redirect(transfer) != TROUPE_OK || http_transfer_begin(transfer) != TROUPE_OK)
        end(transfer, CURLE_OK);
    else
        http_transfer_expect(transfer);
}

static void harvest(const struct http_pool *pool)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
        struct http_transfer *transfer = NULL;
        CURLcode code = message->data.result; /* gone once the handle is removed */

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        if (transfer->location)
            follow(transfer);
        else
            end(transfer, code);
    }
}

static void harvest_all(struct http_thread *thread)
{
    const struct http_pool *pool;

    for (size_t at = 0; (pool = http_pools_next(&thread->poll.pools, &at)) != NULL;)
        harvest(pool);
}

/* When it has been silent for too long. */
static uint64_t silent_at(const struct http_transfer *transfer)
{
    return !transfer->first_byte_seen ? transfer->hop_start + transfer->first_byte_ms
           : transfer->paused         ? UINT64_MAX
                                      : transfer->last_byte + transfer->idle_ms;
}

void http_transfer_expect(struct http_transfer *transfer)
{
    struct http_thread *thread = transfer->thread;
    uint64_t silent = transfer->after ? UINT64_MAX : silent_at(transfer);
    uint64_t due = transfer->deadline < silent ? transfer->deadline : silent;

    if (due < thread->next_check)
        thread->next_check = due;
    thread->begun = true;
}

/* Ends what is late. */
static void check_clocks(struct http_thread *thread)
{
    uint64_t now = clock_ms(), next = now + POLL_MAX_MS;

    if (now < thread->next_check)
        return;
    thread->next_check = UINT64_MAX; /* which the end of a transfer may change */
    http_pools_tidy(&thread->poll.pools, now);
    list_for_each_safe (link, &thread->transfers) {
        struct http_transfer *transfer = container_of(link, struct http_transfer, link);
        uint64_t due = transfer->deadline;
        uint64_t silent = silent_at(transfer);

        if (now >= due)
            end_late(transfer, "was not done within", transfer->total_ms);
        else if (now >= silent && !transfer->first_byte_seen)
            end_late(transfer, "did not begin to answer within", transfer->first_byte_ms);
        else if (now >= silent)
            end_late(transfer, "sent nothing for", transfer->idle_ms);
        else if ((due = due < silent ? due : silent) < next)
            next = due;
    }
    list_for_each_safe (link, &thread->held) {
        struct http_transfer *transfer = container_of(link, struct http_transfer, link);

        if (now >= transfer->deadline)
            end_late(transfer, "was not done within", transfer->total_ms);
        else if (transfer->deadline < next)
            next = transfer->deadline;
    }
    if (next < thread->next_check)
        thread->next_check = next;
}

static void see_to_touched(struct http_thread *thread)
{
    uint64_t now = clock_ms();

    while (!list_empty(&thread->touched)) {
        struct http_transfer *transfer =
            container_of(thread->touched.next, struct http_transfer, touch);

        list_remove(&transfer->touch);
        transfer->touched = false;
        if (!resume(transfer)) /* the reader may have caught up before the pause was known */
            continue;
        gather(transfer);
        http_low_water_raise(transfer, now);
    }
}

/* Where many are on their way, a pass takes what came in some time, commands, too: two threads woken for
 * each piece of each answer would take more than all that is done for it. What comes after a silence is
 * seen to at once. */
static void let_gather(struct http_thread *thread, uint64_t begun)
{
    uint64_t passed = clock_ns() - begun;
    struct timespec rest = {0, (long)(passed < thread->gather_ns ? thread->gather_ns - passed : 0)};

    if (rest.tv_nsec == 0 ||
        atomic_load_explicit(&thread->counters.active, memory_order_relaxed) < HTTP_GATHER_FROM)
        return;
    atomic_fetch_add_explicit(&thread->counters.gathered, 1, memory_order_relaxed);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

static void *thread_main(void *arg)
{
    struct http_thread *thread = arg;

    pthread_setname_np(pthread_self(), "troupe-http");
    while (!atomic_load(&thread->stop)) {
        uint64_t now, next, begun = clock_ns();

        obey_all(thread);
        release_held(thread);
        http_poll_run(&thread->poll);
        http_low_water_look(thread, clock_ms());
        harvest_all(thread);
        check_clocks(thread);
        see_to_touched(thread);
        if (thread->batch) {
            atomic_fetch_add_explicit(&thread->counters.batches, 1, memory_order_relaxed);
            loop_post(thread->loop, &thread->batch->task);
            thread->batch = NULL;
        }
        now = clock_ms();
        next = http_low_water_due(thread);
        next = next < thread->next_check ? next : thread->next_check;
        if (thread->begun || next <= now) {
            http_poll_wait(&thread->poll, 0);
        } else {
            let_gather(thread, begun);
            http_poll_wait(&thread->poll, next - now);
        }
        thread->begun = false;
    }
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

int net_thread_create(pthread_t *id, void *(*run)(void *arg), void *arg)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t all, old;
    int r;

    sigfillset(&all); /* signals are the loop's business, but for this thread's own faults */
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(id, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r;
}

troupe_status http_thread_start(struct http_thread *thread, size_t most, struct error *err)
{
    troupe_status status;
    int r;

    list_init(&thread->transfers);
    list_init(&thread->held);
    list_init(&thread->touched);
    list_init(&thread->low_water);
    thread->wake.run = wake;
    status = http_poll_open(&thread->poll, most, err);
    if (status != TROUPE_OK)
        return status;
    queue_init(&thread->queue, 0);
    r = net_thread_create(&thread->id, thread_main, thread);
    if (r == 0)
        return TROUPE_OK;
    http_poll_close(&thread->poll);
    queue_clear(&thread->queue);
    return error_set(err, TROUPE_LIMIT, "cannot start the HTTP thread: %s", strerror(r));
}

static void end_all(struct list_link *transfers)
{
    list_for_each_safe (link, transfers) {
        struct http_transfer *transfer = container_of(link, struct http_transfer, link);

        error_set(http_transfer_failure(transfer), TROUPE_CANCELED,
                  "the HTTP client is going away");
        end(transfer, CURLE_OK);
    }
}

void http_thread_stop(struct http_thread *thread)
{
    if (thread->wake_due)
        loop_before_poll_cancel(thread->loop, &thread->wake);
    atomic_store(&thread->stop, true);
    http_poll_wake(&thread->poll);
    pthread_join(thread->id, NULL);
    obey_all(thread); /* the last cancels */
    end_all(&thread->transfers);
    end_all(&thread->held);
    if (thread->batch)
        loop_post(thread->loop, &thread->batch->task);
    thread->batch = NULL;
    while (thread->easy_count > 0)
        http_easy_free(thread->easy[--thread->easy_count]);
    http_spare_clear(&thread->spare);
    http_poll_close(&thread->poll);
    queue_close(&thread->queue);
    queue_clear(&thread->queue);
}
