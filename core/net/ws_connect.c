/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl's multi interface with one transfer, because its poll can be woken: a cancelled coroutine
 * gets its thread back at once, wherever that waits. The name is resolved on a thread of libcurl's
 * own, which QUICK_EXIT leaves behind.
 */
#include "config.h"

#include "net/ws_connect.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/http_private.h"
#include "net/ws_handshake.h"

#include <string.h>
#include <strings.h>

#define CONNECT_MS  20000
#define GRACE_MS    5000 /* beyond the deadline: only a thread that stands still needs it */
#define POLL_MAX_MS 1000 /* nothing depends on it                                        */
#define KEEPALIVE_S 60L

struct job {
    struct op *op;
    pthread_t thread;
    atomic_bool cancel;
    uint64_t deadline; /* clock_ms() */
    uint32_t whole_ms;
    struct http_url url;
    char *ca_file, *proxy, *user_agent;
    struct ws_connection connection;
    troupe_status status;
    struct error err;
};

void ws_connection_close(struct ws_connection *connection)
{
    if (connection->easy) {
        if (connection->multi)
            curl_multi_remove_handle(connection->multi, connection->easy);
        curl_easy_cleanup(connection->easy);
    }
    if (connection->multi)
        curl_multi_cleanup(connection->multi);
    mem_free(connection->early);
    *connection = (struct ws_connection){0};
}

/* ---- on the thread -------------------------------------------------------------------------- */

/* One poll of at most what is left of the time; a failure is the job's end. */
static troupe_status poll_once(struct job *job, struct curl_waitfd *fd)
{
    uint64_t now = clock_ms();
    uint64_t left = now < job->deadline ? job->deadline - now : 0;

    if (atomic_load(&job->cancel))
        return error_set(&job->err, TROUPE_CANCELED, "connecting to \"%s\" was cancelled",
                         http_url_label(&job->url));
    if (left == 0)
        return error_set(&job->err, TROUPE_DEADLINE, "\"%s\" was not connected within %u ms",
                         http_url_label(&job->url), job->whole_ms);
    curl_multi_poll(job->connection.multi, fd, fd ? 1 : 0,
                    left < POLL_MAX_MS ? (int)left : POLL_MAX_MS, NULL);
    return TROUPE_OK;
}

static troupe_status explain(struct job *job, CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(&job->err, TROUPE_DEADLINE, "\"%s\" was not connected within %u ms",
                         http_url_label(&job->url), job->whole_ms);
    http_code_explain(http_url_label(&job->url), code, &job->err);
    if (job->err.status == TROUPE_IO) /* nothing had left that could have an effect */
        job->err.status = TROUPE_UNAVAILABLE;
    return job->err.status;
}

static troupe_status dial(struct job *job)
{
    struct ws_connection *connection = &job->connection;
    int running, left;
    CURLMsg *message;

    if (curl_multi_add_handle(connection->multi, connection->easy) != CURLM_OK)
        return error_set(&job->err, TROUPE_NOMEM, "no memory for a connection");
    for (;;) {
        troupe_status status;

        curl_multi_perform(connection->multi, &running);
        while ((message = curl_multi_info_read(connection->multi, &left)) != NULL) {
            if (message->msg != CURLMSG_DONE)
                continue;
            if (message->data.result != CURLE_OK)
                return explain(job, message->data.result);
            if (curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &connection->socket) !=
                    CURLE_OK ||
                connection->socket == CURL_SOCKET_BAD)
                return explain(job, CURLE_RECV_ERROR);
            return TROUPE_OK;
        }
        status = poll_once(job, NULL);
        if (status != TROUPE_OK)
            return status;
    }
}

static troupe_status wait_socket(struct job *job, short events)
{
    struct curl_waitfd fd = {.fd = job->connection.socket, .events = events};

    return poll_once(job, &fd);
}

static troupe_status send_all(struct job *job, const char *data, size_t len)
{
    while (len > 0) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(job->connection.easy, data, len, &sent);
        troupe_status status;

        if (code == CURLE_OK) {
            data += sent;
            len -= sent;
            continue;
        }
        if (code != CURLE_AGAIN)
            return explain(job, code);
        status = wait_socket(job, CURL_WAIT_POLLOUT);
        if (status != TROUPE_OK)
            return status;
    }
    return TROUPE_OK;
}

/* Reads until the head is whole; gives its length and all that was read. */
static troupe_status receive_head(struct job *job, char *answer, size_t *ret_head, size_t *ret_len)
{
    size_t len = 0, head = 0;

    while (head == 0) {
        size_t got = 0;
        CURLcode code =
            curl_easy_recv(job->connection.easy, answer + len, WS_ANSWER_MAX - len, &got);
        troupe_status status = TROUPE_OK;

        if (code == CURLE_AGAIN) {
            status = wait_socket(job, CURL_WAIT_POLLIN);
        } else if (code != CURLE_OK || got == 0) {
            return explain(job, code == CURLE_OK ? CURLE_GOT_NOTHING : code);
        } else {
            len += got;
            head = ws_handshake_head(answer, len);
            if (head == 0 && len == WS_ANSWER_MAX)
                return error_set(&job->err, TROUPE_DATA,
                                 "the headers of \"%s\" are above %zu bytes",
                                 http_url_label(&job->url), WS_ANSWER_MAX);
        }
        if (status != TROUPE_OK)
            return status;
    }
    *ret_head = head;
    *ret_len = len;
    return TROUPE_OK;
}

/* Path and query of the URL, and its host as the Host header has it. */
static void split(const char *url, const char **ret_target, char **ret_host)
{
    const char *host = strstr(url, "://") + 3;
    size_t len = strcspn(host, "/?");

    *ret_host = mem_strndup(host, len);
    *ret_target = host + len;
}

static troupe_status upgrade(struct job *job)
{
    struct ws_connection *connection = &job->connection;
    _cleanup_mem_ char *answer = mem_alloc(WS_ANSWER_MAX);
    _cleanup_mem_ char *request = NULL;
    _cleanup_mem_ char *host = NULL;
    char key[WS_KEY_SIZE];
    size_t head = 0, len = 0;
    const char *target;
    troupe_status status = ws_handshake_key(key, &job->err);

    if (status != TROUPE_OK)
        return status;
    split(job->url.text, &target, &host);
    request = ws_handshake_request(*target == '/' ? target : "/", host, job->user_agent, key);
    status = send_all(job, request, strlen(request));
    if (status == TROUPE_OK)
        status = receive_head(job, answer, &head, &len);
    if (status == TROUPE_OK)
        status = ws_handshake_check(answer, head, key, http_url_label(&job->url), &job->err);
    if (status != TROUPE_OK)
        return status;
    connection->early_len = len - head;
    connection->early = mem_copy(answer + head, len - head);
    return TROUPE_OK;
}

static void *run(void *arg)
{
    struct job *job = arg;

    pthread_setname_np(pthread_self(), "troupe-connect");
    job->status = dial(job);
    if (job->status == TROUPE_OK)
        job->status = upgrade(job);
    op_complete(job->op, TROUPE_OK, NULL);
    return NULL;
}

/* ---- on the loop ---------------------------------------------------------------------------- */

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)

static CURLcode set_options(const struct job *job)
{
    CURL *easy = job->connection.easy;
    CURLcode code = CURLE_OK;

    SET(CURLOPT_URL, job->url.text);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a slow resolver must not hold up the end */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* so ALPN offers no h2 */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)job->whole_ms);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
    SET(CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
    SET(CURLOPT_PROXY, job->proxy); /* "" also shuts out the environment's */
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (*job->ca_file)
        SET(CURLOPT_CAINFO, job->ca_file);
    return code;
}

/* libcurl knows the same transports by the names of HTTP. */
static troupe_status read_url(const char *text, struct http_url *ret, struct error *err)
{
    _cleanup_mem_ char *http = NULL;

    if (strncasecmp(text, "ws://", 5) == 0)
        http = mem_printf("http%s", text + 2);
    else if (strncasecmp(text, "wss://", 6) == 0)
        http = mem_printf("https%s", text + 3);
    else
        return error_set(err, TROUPE_ARGUMENT, "the URL is no WebSocket's; write wss://host/path");
    return http_url_parse(http, NULL, ret, err);
}

static void clear_job(struct job *job)
{
    ws_connection_close(&job->connection);
    http_url_clear(&job->url);
    mem_free(job->ca_file);
    mem_free(job->proxy);
    mem_free(job->user_agent);
}

static troupe_status prepare(struct loop *loop, const struct ws_options *options, struct job *job,
                             struct error *err)
{
    uint64_t now = loop_now(loop), whole_ms = CONNECT_MS;
    troupe_status status = read_url(options->url, &job->url, err);

    if (status != TROUPE_OK)
        return status;
    if (options->deadline != 0) {
        if (options->deadline <= now)
            return error_set(err, TROUPE_DEADLINE, "no time is left to connect");
        whole_ms = options->deadline - now;
    }
    job->whole_ms = whole_ms < INT32_MAX ? (uint32_t)whole_ms : INT32_MAX;
    job->deadline = clock_ms() + job->whole_ms;
    job->ca_file = mem_strdup(options->ca_file);
    job->proxy = mem_strdup(options->proxy);
    job->user_agent =
        mem_strdup(options->user_agent ? options->user_agent : "troupe/" PACKAGE_VERSION);
    job->connection.holds_back = *job->proxy || strncmp(job->url.origin, "https:", 6) == 0;
    job->connection.multi = curl_multi_init();
    job->connection.easy = curl_easy_init();
    if (!job->connection.multi || !job->connection.easy || set_options(job) != CURLE_OK)
        return error_set(err, TROUPE_FAILED, "libcurl cannot be set up for a WebSocket");
    return TROUPE_OK;
}

/* Waits for the thread and ends it. A cancelled wait wakes the thread's poll and takes it along:
 * nothing on it may outlive the loop. */
static troupe_status finish(struct loop *loop, struct job *job)
{
    troupe_status status = op_wait(job->op, loop_now(loop) + job->whole_ms + GRACE_MS, NULL);

    if (status != TROUPE_OK) {
        atomic_store(&job->cancel, true);
        curl_multi_wakeup(job->connection.multi);
        co_shield(GRACE_MS);
        (void)op_wait(job->op, loop_now(loop) + GRACE_MS, NULL);
        co_unshield();
    }
    pthread_join(job->thread, NULL);
    return status;
}

troupe_status ws_connection_open(struct loop *loop, const struct ws_options *options,
                                 struct ws_connection *ret, struct error *err)
{
    struct job job = {0};
    troupe_status status = co_status();
    int r;

    if (status != TROUPE_OK)
        return error_set(err, status, "the turn has ended; nothing was connected");
    status = prepare(loop, options, &job, err);
    if (status != TROUPE_OK)
        goto out;
    job.op = op_new(loop, NULL);
    r = net_thread_create(&job.thread, run, &job);
    if (r != 0) {
        op_complete(job.op, TROUPE_FAILED, NULL);
        op_drop(job.op);
        status = error_set(err, TROUPE_LIMIT, "cannot start a thread to connect: %s", strerror(r));
        goto out;
    }
    status = finish(loop, &job);
    op_drop(job.op);
    if (status != TROUPE_OK) {
        error_set(err, status, "the wait for \"%s\" was cancelled", http_url_label(&job.url));
    } else if (job.status != TROUPE_OK) {
        status = error_set(err, job.status, "%s", job.err.text);
    } else {
        *ret = job.connection;
        job.connection = (struct ws_connection){0};
    }
out:
    clear_job(&job);
    return status;
}
