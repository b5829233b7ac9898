/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_http.h"

#include "fake_chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One connection. It reads while it answers, to see the client leave; what comes early stays in
 * `in` and is taken up when the answer is out. */
struct fake_peer {
    struct fake_server *server;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    int open_handles;
    bool closing, answering, writing, continued;
    struct fake_text in;
    struct fake_plan *plan;
    size_t step;
    uint64_t repeated;
    uint64_t round,
        round_ended_ms;    /* of the last plan that was written whole; 0: none, or settled */
    char chunk[64 * 1024]; /* libuv reads into it */
};

static void peer_advance(struct fake_peer *peer);
static void peer_parse(struct fake_peer *peer);

const char *fake_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 302: return "Found";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

const char *fake_request_header(const struct fake_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct fake_peer *peer = handle->data;

    if (--peer->open_handles > 0)
        return;
    peer->server->peers--;
    fake_plan_free(peer->plan);
    fake_text_clear(&peer->in);
    free(peer);
}

/* The connection asks for more: the last round has arrived. */
static void round_settle(struct fake_peer *peer)
{
    if (peer->round)
        fake_rounds_end(peer->server->rounds, peer->round, FAKE_ROUND_WHOLE);
    peer->round = 0;
}

static void round_close(struct fake_peer *peer)
{
    struct fake_rounds *rounds = peer->server->rounds;
    const struct fake_plan *plan = peer->plan;

    if (peer->round && uv_now(peer->server->loop) - peer->round_ended_ms < FAKE_ROUND_SETTLE_MS) {
        fake_rounds_end(rounds, peer->round, FAKE_ROUND_CUT_LATE);
        peer->round = 0;
    }
    round_settle(peer);
    if (peer->answering && plan && plan->round && rounds)
        fake_rounds_end(rounds, plan->round,
                        peer->step <= plan->text_step ? FAKE_ROUND_CUT_BEFORE
                                                      : FAKE_ROUND_CUT_AFTER);
}

static void peer_close(struct fake_peer *peer, bool reset)
{
    if (peer->closing)
        return;
    peer->closing = true;
    round_close(peer);
    if (peer->answering)
        peer->server->stats.answering--;
    uv_close((uv_handle_t *)&peer->timer, on_closed);
    if (!reset || uv_tcp_close_reset(&peer->tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&peer->tcp, on_closed);
}

/* ---- playing a plan ---------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
    struct fake_peer *peer = write->data;
    struct fake_step *step;

    peer->writing = false;
    if (peer->closing)
        return;
    if (status < 0) {
        peer->server->stats.aborted++;
        peer_close(peer, false);
        return;
    }
    step = &peer->plan->steps[peer->step];
    if (++peer->repeated >= step->repeat) {
        peer->repeated = 0;
        peer->step++;
    }
    peer_advance(peer);
}

static void peer_send(struct fake_peer *peer)
{
    struct fake_step *step = &peer->plan->steps[peer->step];
    uv_buf_t buf = uv_buf_init(step->data, (unsigned)step->len);

    peer->writing = true;
    peer->write.data = peer;
    if (uv_write(&peer->write, (uv_stream_t *)&peer->tcp, &buf, 1, on_written) != 0) {
        peer->writing = false;
        peer_close(peer, false);
    }
}

static void on_timer(uv_timer_t *timer)
{
    peer_send(timer->data);
}

static void peer_finish(struct fake_peer *peer)
{
    enum fake_end end = peer->plan->end;

    if (end == FAKE_END_HANG)
        return;
    if (end != FAKE_END_KEEP) {
        peer_close(peer, end == FAKE_END_RESET);
        return;
    }
    peer->round = peer->server->rounds ? peer->plan->round : 0;
    peer->round_ended_ms = uv_now(peer->server->loop);
    fake_plan_free(peer->plan);
    peer->plan = NULL;
    peer->answering = false;
    peer->server->stats.answering--;
    peer_parse(peer);
}

static void peer_advance(struct fake_peer *peer)
{
    struct fake_step *step;

    if (peer->step == peer->plan->count) {
        peer_finish(peer);
        return;
    }
    step = &peer->plan->steps[peer->step];
    if (step->delay_ms > 0)
        uv_timer_start(&peer->timer, on_timer, step->delay_ms, 0);
    else
        peer_send(peer);
}

static void peer_play(struct fake_peer *peer, struct fake_plan *plan)
{
    struct fake_server_stats *stats = &peer->server->stats;

    round_settle(peer);
    peer->plan = plan;
    peer->step = 0;
    peer->repeated = 0;
    if (plan->round && peer->server->rounds)
        fake_rounds_begin(peer->server->rounds, plan->round);
    peer->answering = true;
    if (++stats->answering > stats->answering_max)
        stats->answering_max = stats->answering;
    if (plan->fault)
        stats->faults++;
    stats->billed += plan->billed_in + plan->billed_out > 0;
    stats->billed_in += plan->billed_in;
    stats->billed_out += plan->billed_out;
    peer_advance(peer);
}

/* ---- reading a request ------------------------------------------------------------------- */

static void peer_refuse(struct fake_peer *peer, int status)
{
    struct fake_plan *plan = fake_plan_new();
    struct fake_text text = {0};

    fake_text_printf(&text, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                     status, fake_reason(status));
    fake_plan_add(plan, 0, text.data, text.len);
    fake_text_clear(&text);
    plan->end = FAKE_END_CLOSE;
    peer_play(peer, plan);
}

/* The answer to HEAD is that to GET without its body. */
static void keep_head_only(struct fake_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct fake_step *step = &plan->steps[i];
        const char *end = memmem(step->data, step->len, "\r\n\r\n", 4);

        if (end) {
            step->len = (size_t)(end - step->data) + 4;
            for (size_t j = i + 1; j < plan->count; j++)
                free(plan->steps[j].data);
            plan->count = i + 1;
        }
    }
}

/* Splits the head in place; false when it is no HTTP/1. */
static bool parse_head(char *head, struct fake_request *request)
{
    char *rest, *line = strtok_r(head, "\r\n", &rest);
    char *target, *version;

    if (!line)
        return false;
    target = strchr(line, ' ');
    version = target ? strchr(target + 1, ' ') : NULL;
    if (!version || strncmp(version + 1, "HTTP/1.", 7) != 0)
        return false;
    *target++ = *version = '\0';
    request->method = line;
    request->path = target;
    request->query = strchr(target, '?');
    if (request->query)
        *request->query++ = '\0';
    else
        request->query = version; /* the NUL there */
    while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL) {
        char *colon = strchr(line, ':');

        if (!colon || request->header_count == FAKE_HEADERS_MAX)
            return false;
        *colon++ = '\0';
        colon += strspn(colon, " \t");
        request->headers[request->header_count].name = line;
        request->headers[request->header_count++].value = colon;
    }
    return true;
}

static void peer_continue(struct fake_peer *peer)
{
    uv_buf_t buf = uv_buf_init((char *)"HTTP/1.1 100 Continue\r\n\r\n", 25);

    if (!peer->continued)
        uv_try_write((uv_stream_t *)&peer->tcp, &buf, 1);
    peer->continued = true;
}

static void peer_parse(struct fake_peer *peer)
{
    struct fake_request request = {0};
    struct fake_text *in = &peer->in;
    const char *end, *length, *coding, *connection;
    size_t head_len, used = 0, body_len = 0;
    struct fake_plan *plan;
    char *head, *body;
    char saved;

    if (peer->answering || peer->closing || in->len == 0)
        return;
    if (in->data[0] < 'A' || in->data[0] > 'Z') { /* a TLS greeting, say */
        peer_refuse(peer, 400);
        return;
    }
    end = memmem(in->data, in->len, "\r\n\r\n", 4);
    if (!end) {
        if (in->len > FAKE_HEAD_MAX)
            peer_refuse(peer, 413);
        return;
    }
    head_len = (size_t)(end - in->data) + 4;
    head = fake_alloc(head_len + 1); /* a copy: the body may not be whole yet */
    memcpy(head, in->data, head_len);
    if (!parse_head(head, &request)) {
        peer_refuse(peer, 400);
        goto out;
    }
    length = fake_request_header(&request, "Content-Length");
    coding = fake_request_header(&request, "Transfer-Encoding");
    body = in->data + head_len;
    if (coding) {
        int whole = fake_unchunk(body, in->len - head_len, FAKE_BODY_MAX, &used, &body_len);

        if (whole < 0)
            peer_refuse(peer, 413);
        else if (whole == 0 && fake_request_header(&request, "Expect"))
            peer_continue(peer);
        if (whole <= 0)
            goto out;
    } else if (length) {
        unsigned long long n = strtoull(length, NULL, 10);

        if (n > FAKE_BODY_MAX) {
            peer_refuse(peer, 413);
            goto out;
        }
        used = body_len = (size_t)n;
        if (in->len - head_len < body_len) {
            if (fake_request_header(&request, "Expect"))
                peer_continue(peer);
            goto out;
        }
    }
    connection = fake_request_header(&request, "Connection");
    request.body = body;
    request.body_len = body_len;
    saved = body[body_len]; /* the NUL behind the text, or a pipelined request's first byte */
    body[body_len] = '\0';
    peer->server->stats.requests++;
    plan = peer->server->answer(peer->server, &request);
    body[body_len] = saved;
    if (strcmp(request.method, "HEAD") == 0)
        keep_head_only(plan);
    if (plan->end == FAKE_END_KEEP && connection && strcasecmp(connection, "close") == 0)
        plan->end = FAKE_END_CLOSE;
    in->len -= head_len + used;
    memmove(in->data, in->data + head_len + used, in->len + 1);
    peer->continued = false;
    peer_play(peer, plan);
out:
    free(head);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fake_peer *peer = handle->data;

    (void)suggested;
    *buf = uv_buf_init(peer->chunk, sizeof(peer->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fake_peer *peer = stream->data;

    if (n < 0 || peer->in.len > FAKE_HEAD_MAX + FAKE_BODY_MAX) {
        if (peer->answering)
            peer->server->stats.aborted++;
        peer_close(peer, false);
        return;
    }
    fake_text_put(&peer->in, buf->base, (size_t)n);
    peer_parse(peer);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake_server *server = listener->data;
    struct fake_peer *peer;

    if (status < 0)
        return;
    peer = fake_alloc(sizeof(*peer));
    peer->server = server;
    peer->open_handles = 2;
    server->peers++;
    uv_tcp_init(server->loop, &peer->tcp);
    uv_timer_init(server->loop, &peer->timer);
    peer->tcp.data = peer->timer.data = peer;
    if (uv_accept(listener, (uv_stream_t *)&peer->tcp) != 0 || server->peers > FAKE_PEERS_MAX) {
        peer_close(peer, true);
        return;
    }
    server->stats.connections++;
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read);
}

int fake_server_listen(struct fake_server *server, uv_loop_t *loop, int port)
{
    struct sockaddr_in address;
    struct sockaddr_storage bound;
    int bound_len = sizeof(bound);
    int r;

    server->loop = loop;
    if ((r = uv_ip4_addr("127.0.0.1", port, &address)) != 0 ||
        (r = uv_tcp_init(loop, &server->listener)) != 0)
        return r;
    server->listener.data = server;
    if ((r = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0)) != 0 ||
        (r = uv_listen((uv_stream_t *)&server->listener, 512, on_connection)) != 0 ||
        (r = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&bound, &bound_len)) != 0)
        return r;
    server->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return 0;
}
