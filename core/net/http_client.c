/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop's side: coroutines open requests and read what the thread's news brought.
 */
#include "config.h"

#include "base/mem.h"
#include "loop/chan.h"
#include "net/http_private.h"

#include <stdio.h>
#include <string.h>

/* Beyond a request's own limits: only a thread that stands still lets this pass. */
#define GRACE_MS  5000

#define GATHER_US 250 /* a token is forwarded a quarter of the allowed millisecond later */

troupe_status http_global_init(struct error *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

    if (code != CURLE_OK)
        return error_set(err, TROUPE_FAILED, "cannot set up libcurl: %s", curl_easy_strerror(code));
    return TROUPE_OK;
}

void http_global_cleanup(void)
{
    curl_global_cleanup();
}

static void free_texts(struct http_client *client)
{
    mem_free(client->thread.ca_file);
    mem_free(client->thread.proxy);
    mem_free(client->thread.user_agent);
}

static uint64_t gather_us(const struct http_client_options *options)
{
    uint32_t us = options->gather_us ? options->gather_us : GATHER_US;

    return us < HTTP_GATHER_MAX_US ? us : HTTP_GATHER_MAX_US;
}

troupe_status http_client_new(struct loop *loop, const struct http_client_options *options,
                              struct http_client **ret, struct error *err)
{
    static const struct http_client_options defaults;
    struct http_client *client = mem_zero(1, sizeof(*client));
    troupe_status status;

    if (!options)
        options = &defaults;
    client->loop = client->thread.loop = loop;
    client->max_open = options->max_transfers ? options->max_transfers : HTTP_TRANSFERS;
    client->thread.ca_file = mem_strdup(options->ca_file);
    client->thread.proxy = mem_strdup(options->proxy);
    client->thread.user_agent =
        mem_strdup(options->user_agent ? options->user_agent : "troupe/" PACKAGE_VERSION);
    client->thread.allow_private = options->allow_private;
    client->thread.local_only = options->local_only;
    client->thread.gather_ns = 1000u * gather_us(options);
    status = http_thread_start(&client->thread, client->max_open, err);
    if (status != TROUPE_OK) {
        free_texts(client);
        mem_free(client);
        return status;
    }
    *ret = client;
    return TROUPE_OK;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    http_thread_stop(&client->thread);
    free_texts(client);
    mem_free(client);
}

void http_client_stats(const struct http_client *client, struct http_client_stats *ret)
{
    const struct http_counters *counters = &client->thread.counters;

    *ret = (struct http_client_stats){
        .requests = atomic_load(&counters->requests),
        .connections = atomic_load(&counters->connections),
        .denied = atomic_load(&counters->denied),
        .paused = atomic_load(&counters->paused),
        .gathered = atomic_load(&counters->gathered),
        .batches = atomic_load(&counters->batches),
        .waited = atomic_load(&counters->waited),
        .copied = client->copied,
        .active = atomic_load(&counters->active),
        .buffered_peak = atomic_load(&counters->buffered_peak),
    };
}

/* ---- news ---------------------------------------------------------------------------------- */

void http_stream_unref(struct http_stream *stream)
{
    if (atomic_fetch_sub(&stream->refs, 1) != 1)
        return;
    while (stream->first) {
        struct http_news *piece = stream->first;

        stream->first = piece->next;
        http_news_free(piece);
    }
    http_news_free(stream->current);
    http_head_free(stream->head);
    chan_unref(stream->news);
    mem_free(stream->end_text);
    http_parts_unref(stream->parts);
    mem_free(stream);
}

static const char *end_text(const struct http_stream *stream)
{
    return stream->end_text ? stream->end_text : "the answer has ended";
}

/* What has come may wait for more of it: neither is it the end, nor much. */
static bool is_quiet(const struct http_stream *stream)
{
    return stream->quiet_until > 0 && !stream->ended &&
           loop_now(stream->client->loop) < stream->quiet_until &&
           atomic_load_explicit(&stream->buffered, memory_order_relaxed) < HTTP_BUFFERED_LOW;
}

/* True: the stream has it now. */
static bool accept_news(struct http_stream *stream, struct http_news *news)
{
    bool kept = !news->ended && news->len > 0;

    if (stream->call) {
        http_call_end(stream->call, news);
        return false;
    }
    if (news->head) {
        stream->head = news->head;
        news->head = NULL;
    }
    if (kept) {
        news->next = NULL;
        *stream->last = news;
        stream->last = &news->next;
    }
    if (news->ended) {
        stream->ended = true;
        stream->end = news->status;
        if (stream->end != TROUPE_END)
            stream->end_text = mem_strdup(news->ended->failure->text);
    }
    if (stream->waiting && !is_quiet(stream))
        (void)chan_try_send(stream->news, stream);
    return kept;
}

void http_batch_deliver(struct loop_task *task)
{
    struct http_batch *batch = container_of(task, struct http_batch, task);

    while (batch->first) {
        struct http_news *news = batch->first;
        struct http_stream *stream;
        bool kept;

        batch->first = news->next;
        kept = !news->stream->closed && accept_news(news->stream, news);
        http_head_free(news->head);
        news->head = NULL;
        if (news->ended) { /* the news is part of it */
            http_transfer_free(news->ended);
            continue;
        }
        stream = news->stream;
        if (!kept)
            http_news_free(news);
        http_stream_unref(stream); /* may take what was kept along */
    }
    mem_free(batch);
}

/* Waits until the thread tells something new, or something was told that the last wait did not stay for. */
static troupe_status await(struct http_stream *stream, uint64_t until)
{
    bool ours = until != 0 && until < stream->give_up;
    troupe_status status;
    void *item;

    if (!stream->news)
        stream->news = chan_new(stream->client->loop, 1, NULL);
    stream->waiting = true;
    status = chan_recv(stream->news, ours ? until : stream->give_up, &item);
    stream->waiting = false;
    return status;
}

static troupe_status explain(const struct http_stream *stream, troupe_status status,
                             struct error *err)
{
    if (status == TROUPE_OK)
        return status;
    return error_set(err, status,
                     status == TROUPE_DEADLINE ? "\"%s\" did not answer within the time of the turn"
                                               : "the wait for \"%s\" was cancelled",
                     stream->label);
}

static troupe_status wait_news(struct http_stream *stream, uint64_t deadline, struct error *err)
{
    return explain(stream, await(stream, deadline), err);
}

/* ---- requests ------------------------------------------------------------------------------ */

troupe_status http_stream_new(struct http_client *client, const struct http_request *request,
                              struct http_stream **ret, struct http_transfer **ret_transfer,
                              struct error *err)
{
    uint64_t now = loop_now(client->loop);
    uint64_t total_ms = HTTP_TOTAL_MS;
    struct http_transfer *transfer;
    struct http_stream *stream;
    troupe_status status;

    if (request->deadline != 0) {
        if (request->deadline <= now)
            return error_set(err, TROUPE_DEADLINE, "no time is left for the request");
        total_ms = request->deadline - now;
    }
    if (client->open >= client->max_open)
        return error_set(err, TROUPE_BUSY, "%zu HTTP requests are running; try again later",
                         client->open);
    status = http_transfer_new(client, request, &transfer, err);
    if (status != TROUPE_OK)
        return status;
    transfer->total_ms = total_ms < UINT32_MAX ? (uint32_t)total_ms : UINT32_MAX;
    stream = mem_zero(1, sizeof(*stream));
    atomic_init(&stream->refs, 2); /* the caller's and the transfer's */
    stream->client = client;
    stream->last = &stream->first;
    snprintf(stream->label, sizeof(stream->label), "%s", http_url_label(&transfer->url));
    stream->give_up = now + transfer->total_ms + GRACE_MS;
    transfer->stream = stream;
    stream->parts = transfer->parts ? http_parts_ref(transfer->parts) : NULL;
    client->open++;
    *ret = stream;
    *ret_transfer = transfer;
    return TROUPE_OK;
}

void http_stream_let_go(struct http_stream *stream, bool goes_on)
{
    if (stream->parts)
        stream->client->copied += http_parts_let_go(stream->parts, goes_on);
}

troupe_status http_open(struct http_client *client, const struct http_request *request,
                        struct http_stream **ret, struct error *err)
{
    struct http_transfer *transfer;
    struct http_stream *stream;
    troupe_status status = co_status();

    if (status != TROUPE_OK)
        return error_set(err, status, "the turn has ended; no request was sent");
    status = http_stream_new(client, request, &stream, &transfer, err);
    if (status != TROUPE_OK)
        return status;
    http_thread_send(&client->thread, HTTP_START, transfer, NULL);
    while (!stream->head && !stream->ended && status == TROUPE_OK)
        status = wait_news(stream, 0, err);
    http_stream_let_go(stream, stream->head && !stream->ended);
    if (stream->head) {
        *ret = stream;
        return TROUPE_OK;
    }
    if (status == TROUPE_OK) {
        /* An end without a head is a failure, whatever the other side calls it. */
        status = stream->end == TROUPE_END ? TROUPE_DATA : stream->end;
        error_set(err, status, "%s", end_text(stream));
    }
    http_close(stream);
    return status;
}

int http_stream_status(const struct http_stream *stream)
{
    return stream->head->status;
}

const struct http_header *http_stream_headers(const struct http_stream *stream, size_t *ret_count)
{
    *ret_count = stream->head->count;
    return stream->head->headers;
}

const char *http_stream_header(const struct http_stream *stream, const char *name)
{
    return http_header_find(stream->head->headers, stream->head->count, name);
}

/* Gives back the piece that the reader is done with, and wakes a transfer that waits for that. */
static void release_current(struct http_stream *stream)
{
    struct http_news *piece = stream->current;
    size_t left;

    if (!piece)
        return;
    stream->current = NULL;
    left = atomic_fetch_sub(&stream->buffered, piece->len) - piece->len;
    http_news_give(&stream->client->thread.spare, piece);
    if (left < HTTP_BUFFERED_LOW && atomic_exchange(&stream->paused, false)) {
        atomic_fetch_add(&stream->refs, 1);
        http_thread_send(&stream->client->thread, HTTP_RESUME, NULL, stream);
    }
}

void http_stream_gather(struct http_stream *stream, uint32_t ms)
{
    stream->gather_ms = ms < HTTP_GATHER_MS_MAX ? ms : HTTP_GATHER_MS_MAX;
    stream->read_at = loop_now(stream->client->loop);
    atomic_store_explicit(&stream->may_wait, ms >= HTTP_LOW_WATER_MS, memory_order_relaxed);
}

/* Waits out what is left of the quiet time, in which only the end, or much, is told. */
static troupe_status wait_quietly(struct http_stream *stream, uint64_t deadline)
{
    uint64_t until = stream->read_at + stream->gather_ms;
    bool theirs = deadline != 0 && deadline < until;
    troupe_status status = TROUPE_OK;

    stream->quiet_until = theirs ? deadline : until;
    while (is_quiet(stream) && status == TROUPE_OK)
        status = await(stream, stream->quiet_until);
    stream->quiet_until = 0;
    return status == TROUPE_DEADLINE && (!theirs || stream->first) ? TROUPE_OK : status;
}

troupe_status http_read(struct http_stream *stream, const char **ret_data, size_t *ret_len,
                        uint64_t deadline, struct error *err)
{
    troupe_status status = TROUPE_OK;

    release_current(stream);
    if (stream->gather_ms && !stream->first)
        status = explain(stream, wait_quietly(stream, deadline), err);
    if (status != TROUPE_OK)
        return status;
    while (!stream->first) {
        if (stream->ended && stream->end == TROUPE_END)
            return TROUPE_END;
        if (stream->ended)
            return error_set(err, stream->end, "%s", end_text(stream));
        status = wait_news(stream, deadline, err);
        if (status != TROUPE_OK)
            return status;
    }
    stream->read_at = loop_now(stream->client->loop);
    stream->current = stream->first;
    stream->first = stream->current->next;
    if (!stream->first)
        stream->last = &stream->first;
    *ret_data = stream->current->data;
    *ret_len = stream->current->len;
    return TROUPE_OK;
}

void http_close(struct http_stream *stream)
{
    if (!stream)
        return;
    stream->closed = true;
    stream->client->open--;
    if (!stream->ended) {
        atomic_fetch_add(&stream->refs, 1);
        http_thread_send(&stream->client->thread, HTTP_CANCEL, NULL, stream);
    }
    http_stream_unref(stream);
}

/* ---- whole answers ------------------------------------------------------------------------- */

troupe_status http_fetch(struct http_client *client, const struct http_request *request,
                         struct http_response *ret, struct error *err)
{
    _cleanup_http_ struct http_stream *stream = NULL;
    struct http_response response = {0};
    troupe_status status = http_open(client, request, &stream, err);
    const char *data = NULL;
    size_t len = 0;

    if (!stream)
        return status;
    while ((status = http_read(stream, &data, &len, 0, err)) == TROUPE_OK)
        (void)buf_append(&response.body, data, len); /* bounded by max_body */
    if (status != TROUPE_END) {
        http_response_clear(&response);
        return status;
    }
    response.status = stream->head->status;
    response.headers = stream->head->headers;
    response.header_count = stream->head->count;
    response.arena = stream->head->arena; /* the headers live there */
    mem_free(stream->head);
    stream->head = NULL;
    *ret = response;
    return TROUPE_OK;
}

const char *http_response_header(const struct http_response *response, const char *name)
{
    return http_header_find(response->headers, response->header_count, name);
}

void http_response_clear(struct http_response *response)
{
    buf_clear(&response->body);
    arena_clear(&response->arena);
    *response = (struct http_response){0};
}
