/* SPDX-License-Identifier: Apache-2.0
 *
 * One request: checked and copied on the loop, turned into a curl handle for each hop on the
 * thread. Redirects are followed here and not by libcurl, because each hop must be judged anew and
 * libcurl would reuse a configured endpoint's connection for an untrusted one.
 */
#include "config.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/latch.h"
#include "net/http_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Less than libcurl's default: what one read of gzip unpacks to sits in libcurl while paused. */
#define PACKED_BUFFER_SIZE 8192L

/* ---- checking and copying, on the loop ------------------------------------------------------ */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_token(const char *text)
{
    const char *p = text;

    while (p && *p && is_token_char(*p))
        p++;
    return p && p > text && !*p;
}

/* Framing and routing are the client's own: a caller that set them could smuggle requests. */
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "Host",   "Content-Length",  "Transfer-Encoding", "Connection",
        "Expect", "Accept-Encoding", "Upgrade",           "TE"};

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcasecmp(reserved[i], name) == 0)
            return true;
    }
    return false;
}

static troupe_status check_header(const struct http_header *header, struct error *err)
{
    if (!is_token(header->name))
        return error_set(err, TROUPE_ARGUMENT, "a header's name is no token");
    if (is_reserved(header->name))
        return error_set(err, TROUPE_ARGUMENT, "header \"%s\" is set by the client; leave it out",
                         header->name);
    for (const char *p = header->value; p && *p; p++) {
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 127)
            return error_set(err, TROUPE_ARGUMENT,
                             "the value of header \"%s\" has a control character", header->name);
    }
    return TROUPE_OK;
}

/* Writes one behind `at`, as libcurl wants it: without a value a semicolon stands behind the name. */
static char *put_header(char *at, const struct http_header *header)
{
    const char *value = header->value ? header->value : "";

    at = stpcpy(at, header->name);
    at = stpcpy(at, *value ? ": " : ";");
    return stpcpy(at, value) + 1;
}

/* Nodes and texts in one block, which is wiped and freed in one piece. */
static troupe_status copy_headers(struct http_transfer *transfer,
                                  const struct http_request *request, struct error *err)
{
    static const char no_expect[] = "Expect:"; /* no round trip for a 100 Continue */
    size_t count = request->header_count + 1;
    size_t size = count * sizeof(struct curl_slist) + sizeof(no_expect);
    char *text;

    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        troupe_status status = check_header(header, err);

        if (status != TROUPE_OK)
            return status;
        size += strlen(header->name) + (header->value ? strlen(header->value) : 0) + sizeof(": ");
    }
    transfer->headers = mem_alloc(size);
    transfer->headers_size = size;
    text = (char *)(transfer->headers + count);
    for (size_t i = 0; i < count; i++) {
        transfer->headers[i].data = text;
        transfer->headers[i].next = i + 1 < count ? &transfer->headers[i + 1] : NULL;
        if (i + 1 < count)
            text = put_header(text, &request->headers[i]);
    }
    memcpy(text, no_expect, sizeof(no_expect));
    return TROUPE_OK;
}

static bool has_body(const struct http_transfer *transfer)
{
    return transfer->body || transfer->parts;
}

static troupe_status copy_method(struct http_transfer *transfer, const char *method,
                                 struct error *err)
{
    if (!method)
        method = has_body(transfer) ? "POST" : "GET";
    if (!is_token(method) || strlen(method) >= sizeof(transfer->method) ||
        strcasecmp(method, "CONNECT") == 0 || strcasecmp(method, "TRACE") == 0)
        return error_set(err, TROUPE_ARGUMENT, "method \"%.20s\" is not supported", method);
    if (has_body(transfer) && (strcmp(method, "HEAD") == 0 || strcmp(method, "GET") == 0))
        return error_set(err, TROUPE_ARGUMENT, "method \"%s\" takes no body", method);
    memcpy(transfer->method, method, strlen(method) + 1);
    return TROUPE_OK;
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static troupe_status take_body(struct http_client *client, struct http_transfer *transfer,
                               const struct http_request *request, struct error *err)
{
    if (request->part_count > 0) {
        transfer->parts =
            request->body ? NULL : http_parts_new(request->parts, request->part_count);
        if (!transfer->parts)
            return error_set(err, TROUPE_ARGUMENT,
                             "a body is given whole or in parts, of at most "
                             "as many bytes as memory could have");
    } else if (request->body) {
        transfer->body = mem_copy(request->body, request->body_len);
        transfer->body_len = request->body_len;
        client->copied += request->body_len;
    }
    return TROUPE_OK;
}

troupe_status http_transfer_new(struct http_client *client, const struct http_request *request,
                                struct http_transfer **ret, struct error *err)
{
    struct http_transfer *transfer = mem_zero(1, sizeof(*transfer));
    troupe_status status;

    list_init(&transfer->link);
    list_init(&transfer->low_water);
    transfer->socket = CURL_SOCKET_BAD;
    transfer->thread = &client->thread;
    transfer->head = http_head_new();
    transfer->trust = request->trust;
    transfer->connect_ms = or_default(request->connect_timeout_ms, HTTP_CONNECT_MS);
    transfer->first_byte_ms = or_default(request->first_byte_timeout_ms, HTTP_FIRST_BYTE_MS);
    transfer->idle_ms = or_default(request->idle_timeout_ms, HTTP_IDLE_MS);
    transfer->max_body = request->max_body ? request->max_body : HTTP_BODY_MAX_DEFAULT;
    transfer->redirects_left = request->follow_redirects < HTTP_REDIRECTS_MAX
                                   ? request->follow_redirects
                                   : HTTP_REDIRECTS_MAX;
    transfer->redirects = transfer->redirects_left > 0;
    transfer->gzip = request->gzip;
    transfer->once = request->once;
    transfer->after = request->after ? latch_ref(request->after) : NULL;
    status = take_body(client, transfer, request, err);
    if (status == TROUPE_OK)
        status = http_url_read(request->url, &client->known, &transfer->url, err);
    if (status == TROUPE_OK)
        status = copy_method(transfer, request->method, err);
    if (status == TROUPE_OK)
        status = copy_headers(transfer, request, err);
    if (status == TROUPE_OK)
        *ret = transfer;
    else
        http_transfer_free(transfer);
    return status;
}

static void wipe_headers(struct http_transfer *transfer)
{
    if (transfer->headers)
        explicit_bzero(transfer->headers, transfer->headers_size);
    mem_free(transfer->headers);
    transfer->headers = NULL;
}

static void wipe_body(struct http_transfer *transfer)
{
    if (transfer->body)
        explicit_bzero(transfer->body, transfer->body_len);
    mem_free(transfer->body);
    transfer->body = NULL;
    transfer->body_len = 0;
    http_parts_unref(transfer->parts);
    transfer->parts = NULL;
}

void http_transfer_free(struct http_transfer *transfer)
{
    if (!transfer)
        return;
    wipe_headers(transfer);
    wipe_body(transfer);
    http_url_clear(&transfer->url);
    http_head_free(transfer->head);
    mem_free(transfer->location);
    mem_free(transfer->failure);
    http_news_free(transfer->arrived);
    buf_clear(&transfer->pending);
    mem_free(transfer->last.data);
    latch_unref(transfer->after);
    if (transfer->stream)
        http_stream_unref(transfer->stream);
    mem_free(transfer);
}

struct error *http_transfer_failure(struct http_transfer *transfer)
{
    if (!transfer->failure)
        transfer->failure = mem_zero(1, sizeof(*transfer->failure));
    return transfer->failure;
}

/* ---- a hop, on the thread ------------------------------------------------------------------ */

/* The guard: libcurl asks for a socket after it resolved the name, once for each address. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_transfer *transfer = arg;
    struct http_thread *thread = transfer->thread;
    bool is_public = http_address_allowed(&address->addr);

    (void)purpose;
    if ((is_public && thread->local_only) ||
        (!is_public && transfer->trust == HTTP_TRUST_UNTRUSTED && !thread->allow_private)) {
        transfer->denied = true;
        transfer->denied_public = is_public;
        atomic_fetch_add_explicit(&thread->counters.denied, 1, memory_order_relaxed);
        return CURL_SOCKET_BAD;
    }
    atomic_fetch_add_explicit(&thread->counters.connections, 1, memory_order_relaxed);
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static long sent_bytes(CURL *easy)
{
    long sent = 0;

    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent;
}

/* Whether a byte of the request itself has left; a proxy's CONNECT is counted by libcurl, too. */
static bool has_left(const struct http_transfer *transfer)
{
    return transfer->asked_to_send && sent_bytes(transfer->easy) > transfer->sent_before;
}

bool http_transfer_has_left(const struct http_transfer *transfer)
{
    return transfer->left || (transfer->easy && has_left(transfer));
}

/* libcurl calls this each time before it sends, and it sends again by itself when a kept connection
 * ends without an answer (Curl_retry_request): whoever pays for a request wants to know instead. */
static int before_send(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct http_transfer *transfer = arg;

    (void)to, (void)from, (void)to_port, (void)from_port;
    if (!transfer->asked_to_send) {
        transfer->asked_to_send = true;
        transfer->sent_before = sent_bytes(transfer->easy);
        return CURL_PREREQFUNC_OK;
    }
    if (!transfer->once || !has_left(transfer))
        return CURL_PREREQFUNC_OK;
    error_set(http_transfer_failure(transfer), TROUPE_IO,
              "\"%s\" closed the connection before it answered; the request is not repeated",
              http_url_label(&transfer->url));
    return CURL_PREREQFUNC_ABORT;
}

/* One option; keeps the first failure, so that a long list of them reads as a list. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)

static CURLcode set_connection(const struct http_transfer *transfer, CURL *easy)
{
    const struct http_thread *thread = transfer->thread;
    CURLcode code = CURLE_OK;

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a slow resolver must not hold up the others */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->connect_ms);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_PROXY, thread->proxy); /* "" also shuts out the environment's */
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (*thread->ca_file)
        SET(CURLOPT_CAINFO, thread->ca_file);
    if (transfer->trust == HTTP_TRUST_UNTRUSTED) {
        /* A pooled connection never passes open_socket again: take none, leave none. */
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
    }
    return code;
}

static CURLcode set_parts(struct http_parts *parts, CURL *easy, CURLcode code)
{
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)http_parts_size(parts));
    SET(CURLOPT_READFUNCTION, http_parts_read);
    SET(CURLOPT_READDATA, parts);
    SET(CURLOPT_SEEKFUNCTION, http_parts_seek);
    SET(CURLOPT_SEEKDATA, parts);
    (void)http_parts_seek(parts, 0, SEEK_SET); /* each hop begins anew */
    return code;
}

static CURLcode set_request(struct http_transfer *transfer, CURL *easy)
{
    CURLU *parts = http_url_take_apart(&transfer->handle->parts, &transfer->url);
    CURLcode code = CURLE_OK;

    SET(CURLOPT_URL, transfer->url.text);
    if (parts)
        SET(CURLOPT_CURLU, parts);
    SET(CURLOPT_USERAGENT, transfer->thread->user_agent);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    if (transfer->parts)
        code = set_parts(transfer->parts, easy, code);
    if (transfer->body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_len);
        SET(CURLOPT_POSTFIELDS, transfer->body);
    }
    if (strcmp(transfer->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    else if (strcmp(transfer->method, "GET") != 0 || has_body(transfer))
        SET(CURLOPT_CUSTOMREQUEST, transfer->method);
    if (transfer->gzip) {
        SET(CURLOPT_ACCEPT_ENCODING, "gzip");
        SET(CURLOPT_BUFFERSIZE, PACKED_BUFFER_SIZE);
    }
    SET(CURLOPT_HEADERFUNCTION, http_receive_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, http_receive_body);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_PREREQFUNCTION, before_send);
    SET(CURLOPT_PREREQDATA, transfer);
    return code;
}

static struct http_easy *easy_new(void)
{
    struct http_easy *easy = mem_zero(1, sizeof(*easy));

    easy->curl = curl_easy_init();
    return easy;
}

void http_easy_free(struct http_easy *easy)
{
    if (!easy)
        return;
    curl_easy_cleanup(easy->curl);
    http_url_parts_clear(&easy->parts);
    mem_free(easy);
}

static troupe_status not_set_up(struct http_transfer *transfer, CURLcode code)
{
    http_easy_free(transfer->handle);
    transfer->handle = NULL;
    transfer->easy = NULL;
    return error_set(http_transfer_failure(transfer), TROUPE_FAILED, "cannot set up a request: %s",
                     curl_easy_strerror(code));
}

troupe_status http_transfer_set_up(struct http_transfer *transfer)
{
    struct http_thread *thread = transfer->thread;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (*thread->proxy && (thread->local_only ||
                           (transfer->trust == HTTP_TRUST_UNTRUSTED && !thread->allow_private))) {
        atomic_fetch_add_explicit(&thread->counters.denied, 1, memory_order_relaxed);
        return error_set(http_transfer_failure(transfer), TROUPE_DENIED,
                         "the address of \"%s\" cannot be checked behind a proxy; list the host in "
                         "[http] allow_private, or remove proxy or local_only there",
                         http_url_label(&transfer->url));
    }
    transfer->handle = thread->easy_count > 0 ? thread->easy[--thread->easy_count] : easy_new();
    transfer->easy = transfer->handle->curl;
    if (transfer->easy)
        code = set_connection(transfer, transfer->easy);
    if (code == CURLE_OK)
        code = set_request(transfer, transfer->easy);
    return code == CURLE_OK ? TROUPE_OK : not_set_up(transfer, code);
}

static void leave_pool(struct http_transfer *transfer)
{
    if (transfer->pool)
        http_pools_give(transfer->pool, clock_ms());
    transfer->pool = NULL;
}

troupe_status http_transfer_begin(struct http_transfer *transfer)
{
    struct http_thread *thread = transfer->thread;
    troupe_status status = transfer->easy ? TROUPE_OK : http_transfer_set_up(transfer);

    if (status != TROUPE_OK)
        return status;
    transfer->first_byte_seen = transfer->head_done = transfer->denied = transfer->paused = false;
    transfer->asked_to_send = false;
    transfer->hop_start = transfer->last_byte = clock_ms();
    transfer->pool = http_pools_take(&thread->poll.pools);
    if (!transfer->pool ||
        curl_multi_add_handle(transfer->pool->multi, transfer->easy) != CURLM_OK) {
        leave_pool(transfer);
        return not_set_up(transfer, CURLE_OUT_OF_MEMORY);
    }
    atomic_fetch_add_explicit(&thread->counters.requests, 1, memory_order_relaxed);
    return TROUPE_OK;
}

void http_transfer_detach(struct http_transfer *transfer)
{
    struct http_thread *thread = transfer->thread;

    if (!transfer->easy)
        return;
    transfer->left = http_transfer_has_left(transfer);
    http_low_water_lower(transfer);
    transfer->socket = CURL_SOCKET_BAD;
    if (transfer->pool)
        curl_multi_remove_handle(transfer->pool->multi, transfer->easy);
    leave_pool(transfer);
    if (transfer->fine && thread->easy_count < HTTP_EASY_KEPT) {
        curl_easy_reset(transfer->easy); /* forgets the request, keeps TLS sessions */
        http_url_forget_path(&transfer->handle->parts);
        thread->easy[thread->easy_count++] = transfer->handle;
    } else {
        http_easy_free(transfer->handle);
    }
    transfer->handle = NULL;
    transfer->easy = NULL;
}

troupe_status http_transfer_redirect(struct http_transfer *transfer)
{
    int status = transfer->head->status;
    bool keeps_body = status == 307 || status == 308;
    struct http_url next;
    struct error err;
    bool same;

    if (http_url_parse(transfer->location, &transfer->url, &next, &err) != TROUPE_OK)
        /* The server's fault, not the caller's. */
        return error_set(http_transfer_failure(transfer), TROUPE_DATA, "redirect by \"%s\": %s",
                         http_url_label(&transfer->url), err.text);
    same = strcmp(next.origin, transfer->url.origin) == 0;
    http_url_clear(&transfer->url);
    transfer->url = next;
    transfer->redirects_left--;
    mem_free(transfer->location);
    transfer->location = NULL;
    http_head_free(transfer->head);
    transfer->head = NULL;
    if (!same) {
        /* Nobody configured the new place, and the headers were meant for the old one. */
        transfer->trust = HTTP_TRUST_UNTRUSTED;
        wipe_headers(transfer);
        if (has_body(transfer) && keeps_body)
            return error_set(http_transfer_failure(transfer), TROUPE_DENIED,
                             "the redirect to \"%s\" would send the body elsewhere; configure the "
                             "final address",
                             http_url_label(&transfer->url));
    }
    if (!keeps_body && strcmp(transfer->method, "HEAD") != 0) {
        memcpy(transfer->method, "GET", 4);
        wipe_body(transfer);
    }
    return TROUPE_OK;
}
