/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that owns libwebsockets. It knows connections and requests; what a page says comes from
 * the loop. Debian's libwebsockets can also be driven by our loop, through a module that it loads at
 * run time (libwebsockets-evlib-uv); the built-in poll loop needs no module and goes on when ours
 * hangs.
 */
#include "base/log.h"
#include "base/mem.h"
#include "ops/http_private.h"

#include <libwebsockets.h>
#include <signal.h>
#include <string.h>

#define OWN_FDS   3 /* the listening socket, the pipe that wakes, and one to refuse with */
#define CHUNK     4096
#define HEAD_SIZE 1024
#define ANSWER_US ((lws_usec_t)OPS_HTTP_ANSWER_MS * 1000)

/* One connection; zeroed by libwebsockets. */
struct session {
    struct http_request *request; /* at the loop */
    bool replied;                 /* `body` is to be sent */
    bool begun;                   /* its head was */
    bool head_only;
    unsigned code;
    const char *type;
    struct buf body;
    size_t sent;
};

static void session_reset(struct session *session)
{
    if (session->request)
        session->request->client = NULL; /* the loop has it; it is freed when it comes back */
    buf_clear(&session->body);
    memset(session, 0, sizeof(*session));
}

static int reply(struct lws *client, struct session *session, unsigned code, const char *type,
                 const char *text)
{
    session->replied = true;
    session->code = code;
    session->type = type;
    if (text)
        buf_puts(&session->body, text);
    lws_set_timer_usecs(client, LWS_SET_TIMER_USEC_CANCEL);
    lws_set_timeout(client, PENDING_TIMEOUT_HTTP_CONTENT, OPS_HTTP_IDLE_S);
    return lws_callback_on_writable(client) < 0 ? -1 : 0;
}

/* ---- a request ------------------------------------------------------------------------------- */

static bool is_method(struct lws *client, enum lws_token_indexes token)
{
    return lws_hdr_total_length(client, token) > 0;
}

/* libwebsockets waits for a body before it lets anybody answer; nobody who asks for a page has one. */
static bool has_body(struct lws *client)
{
    char length[24] = "";

    return lws_hdr_total_length(client, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
           (lws_hdr_total_length(client, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 &&
            (lws_hdr_copy(client, length, sizeof(length), WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0 ||
             strcmp(length, "0")));
}

static const struct ops_http_page *page_of(const struct ops_http *http, const char *path)
{
    for (size_t i = 0; i < http->page_count; i++)
        if (!strcmp(http->pages[i].path, path))
            return &http->pages[i];
    return NULL;
}

static int take(struct ops_http *http, struct lws *client, struct session *session,
                const char *path)
{
    const struct ops_http_page *page;
    struct http_request *request;

    session_reset(session);
    session->head_only = is_method(client, WSI_TOKEN_HEAD_URI);
    if (has_body(client) || (!session->head_only && !is_method(client, WSI_TOKEN_GET_URI))) {
        /* At once, and the end. */
        (void)lws_return_http_status(client, HTTP_STATUS_METHOD_NOT_ALLOWED, NULL);
        return -1;
    }
    page = page_of(http, path);
    if (!page)
        return reply(client, session, HTTP_STATUS_NOT_FOUND, "text/plain", "no such page\n");
    request = mem_zero(1, sizeof(*request));
    request->task.run = ops_http_take;
    request->http = http;
    request->page = page;
    request->client = client;
    request->reply = (struct ops_http_reply){.code = 200, .type = "application/json"};
    session->request = request;
    lws_set_timeout(client, PENDING_TIMEOUT_HTTP_CONTENT, OPS_HTTP_IDLE_S);
    lws_set_timer_usecs(client, ANSWER_US);
    loop_post(http->loop, &request->task);
    return 0;
}

static int too_late(struct lws *client, struct session *session)
{
    if (!session->request)
        return 0;
    session->request->client = NULL;
    session->request = NULL;
    return reply(client, session, HTTP_STATUS_SERVICE_UNAVAILABLE, "application/json",
                 "{\"status\":\"stalled\",\"reasons\":[\"the loop does not turn\"]}\n");
}

static int send_head(struct lws *client, const struct session *session)
{
    unsigned char buffer[LWS_PRE + HEAD_SIZE], *start = buffer + LWS_PRE, *at = start,
                                               *end = buffer + sizeof(buffer);

    if (lws_add_http_common_headers(client, session->code, session->type, session->body.len, &at,
                                    end) ||
        lws_add_http_header_by_name(client, (const unsigned char *)"cache-control:",
                                    (const unsigned char *)"no-store", 8, &at, end) ||
        lws_add_http_header_by_name(client, (const unsigned char *)"x-content-type-options:",
                                    (const unsigned char *)"nosniff", 7, &at, end) ||
        lws_finalize_write_http_header(client, start, &at, end))
        return -1;
    return 0;
}

/* One piece a call; libwebsockets asks again when it can be written to. */
static int send_piece(struct lws *client, struct session *session)
{
    unsigned char buffer[LWS_PRE + CHUNK];
    size_t left = session->head_only ? 0 : session->body.len - session->sent;
    size_t len = left < CHUNK ? left : CHUNK;

    if (!session->replied)
        return 0;
    if (!session->begun) {
        session->begun = true;
        if (send_head(client, session))
            return -1;
    }
    if (len) {
        memcpy(buffer + LWS_PRE, session->body.data + session->sent, len);
        if (lws_write(client, buffer + LWS_PRE, len,
                      len == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)len)
            return -1;
        session->sent += len;
    }
    if (len < left)
        return lws_callback_on_writable(client) < 0 ? -1 : 0;
    session_reset(session);
    return lws_http_transaction_completed(client) ? -1 : 0;
}

/* What the loop gave back. */
static void deliver(struct ops_http *http)
{
    struct http_request *list, *next;

    pthread_mutex_lock(&http->lock);
    list = http->answered;
    http->answered = NULL;
    pthread_mutex_unlock(&http->lock);
    for (; list; list = next) {
        struct session *session = list->client ? lws_wsi_user(list->client) : NULL;

        next = list->next;
        if (session && session->request == list) {
            session->request = NULL;
            session->body = list->reply.body;
            memset(&list->reply.body, 0, sizeof(list->reply.body));
            (void)reply(list->client, session, list->reply.code, list->reply.type, NULL);
        }
        ops_http_request_free(list);
    }
}

static int on_event(struct lws *client, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    (void)len;
    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        deliver(lws_context_user(lws_get_context(client)));
        break;
    case LWS_CALLBACK_HTTP:
        return take(lws_context_user(lws_get_context(client)), client, user, in);
    case LWS_CALLBACK_TIMER: return user ? too_late(client, user) : 0;
    case LWS_CALLBACK_HTTP_WRITEABLE: return user ? send_piece(client, user) : 0;
    case LWS_CALLBACK_HTTP_BODY: return -1; /* a GET has none */
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (user)
            session_reset(user);
        break;
    default: break;
    }
    return 0;
}

/* ---- the server ------------------------------------------------------------------------------ */

/* Its own log knows connections, not what is wrong with us. */
static void library_log(int level, const char *line)
{
    (void)level;
    log_debug("http-server", "%.*s", (int)strcspn(line, "\n"), line);
}

troupe_status ops_http_open(struct ops_http *http, const struct ops_http_address *address,
                            struct error *err)
{
    static const struct lws_protocols protocols[] = {
        {.name = "http", .callback = on_event, .per_session_data_size = sizeof(struct session)},
        {0},
    };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .user = http,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
        .server_string = "troupe",
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = OPS_HTTP_CLIENTS + OWN_FDS,
        .max_http_header_pool = OPS_HTTP_CLIENTS,
        .timeout_secs = OPS_HTTP_IDLE_S,
        .keepalive_timeout = OPS_HTTP_IDLE_S,
    };
    struct lws_vhost *vhost = NULL;

    lws_set_log_level(LLL_ERR | LLL_WARN, library_log);
    http->lws = lws_create_context(&info);
    if (http->lws) {
        info.port = address->port;
        info.iface = address->host;
        vhost = lws_create_vhost(http->lws, &info);
    }
    if (!vhost) {
        ops_http_close(http);
        return error_set(err, TROUPE_UNAVAILABLE,
                         "[ops] listen: \"%s\" port %u cannot be listened on; is it in use, or no "
                         "address of this machine?",
                         address->host, address->port);
    }
    http->port = (uint16_t)lws_get_vhost_listen_port(vhost);
    return TROUPE_OK;
}

void ops_http_close(struct ops_http *http)
{
    if (http->lws)
        lws_context_destroy(http->lws);
    http->lws = NULL;
    /* What the loop gave back after the last look at it. */
    for (struct http_request *next; http->answered; http->answered = next) {
        next = http->answered->next;
        ops_http_request_free(http->answered);
    }
}

void ops_http_wake(struct ops_http *http)
{
    lws_cancel_service(http->lws);
}

void *ops_http_thread(void *arg)
{
    struct ops_http *http = arg;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!atomic_load(&http->stopping) && lws_service(http->lws, 0) >= 0)
        continue;
    op_complete(http->gone, TROUPE_OK, NULL);
    return NULL;
}
