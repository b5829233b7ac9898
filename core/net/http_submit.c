/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests without a coroutine: the thread gathers the whole answer and hands it over as one piece
 * of news, so that a call costs no switch and no wake of its own.
 */
#include "base/mem.h"
#include "net/http_private.h"

#define ANSWER_FIRST 960 /* bytes of an answer for which the loop makes room */

struct http_call {
    struct http_stream *stream;
    http_done done;
    void *arg;
};

troupe_status http_submit(struct http_client *client, const struct http_request *request,
                          http_done done, void *arg, struct http_call **ret, struct error *err)
{
    struct http_call *call;
    struct http_stream *stream;
    struct http_transfer *transfer;
    troupe_status status = http_stream_new(client, request, &stream, &transfer, err);

    if (status != TROUPE_OK)
        return status;
    call = mem_zero(1, sizeof(*call));
    call->stream = stream;
    call->done = done;
    call->arg = arg;
    (void)buf_reserve(&transfer->pending, ANSWER_FIRST);
    http_stream_let_go(stream, true); /* nobody waits here */
    stream->call = call; /* before the thread sees it, and never changed while it may look */
    http_thread_send(&client->thread, HTTP_START, transfer, NULL);
    if (ret)
        *ret = call;
    return TROUPE_OK;
}

void http_call_end(struct http_call *call, struct http_news *news)
{
    static const struct error none = {TROUPE_END, "the answer has ended"};
    const struct http_transfer *transfer = news->ended;
    struct http_stream *stream = call->stream;
    struct http_response response = {0};
    troupe_status status = news->status;

    if (status == TROUPE_END && news->head) {
        status = TROUPE_OK;
        response.status = news->head->status;
        response.headers = news->head->headers;
        response.header_count = news->head->count;
        response.body.data = news->data;
        response.body.len = news->len;
    } else if (status == TROUPE_END) {
        status = TROUPE_DATA;
    }
    stream->ended = true;
    call->done(call->arg, status, status == TROUPE_OK ? &response : NULL, transfer->left,
               transfer->failure ? transfer->failure : &none);
    mem_free(call);
    http_close(stream);
}

void http_call_drop(struct http_call *call)
{
    struct http_stream *stream = call->stream;

    mem_free(call);
    http_close(stream); /* whatever comes for it is dropped: it is closed */
}
