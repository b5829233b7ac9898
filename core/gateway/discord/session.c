/* SPDX-License-Identifier: Apache-2.0
 *
 * Drives the state machine of a session with a WebSocket, a timer and coroutines for what waits. One
 * connection and one waiting job exist at a time; what an older one still says is not heard.
 */
#include "gateway/discord/session.h"

#include "base/mem.h"
#include "gateway/discord/inflate.h"
#include "gateway/discord/session_machine.h"
#include "gateway/discord/url.h"
#include "loop/op.h"
#include "loop/scope.h"
#include "net/ws.h"

#include <string.h>
#include <sys/random.h>

#define STOP_MS 2000

struct discord_session {
    struct loop *loop;
    struct discord_machine machine;
    struct discord_session_handler handler;
    void *arg;
    char *ca_file, *proxy; /* NULL: none */
    enum discord_compress compress;
    bool compress_local;

    struct loop_timer timer;
    struct scope scope;      /* of the jobs                                           */
    struct scope *job_scope; /* of the newest, NULL: none runs                        */
    uint64_t serial;         /* of the connection; a job of another one is not heard  */
    struct ws *ws;           /* NULL: none                                            */
    struct discord_inflate *inflate;
    bool leaving;    /* `ws` says good-bye                                            */
    struct op *gone; /* who stops it waits for this                                   */
    bool freed;
};

/* Something that waits: connecting, or asking the handler. */
struct job {
    struct discord_session *session;
    co_fn run;
    uint64_t serial, deadline;
    char *url; /* NULL: ask for it */
    bool told; /* the machine knows the outcome */
};

/* ---- end -------------------------------------------------------------------------------------- */

static void finished(struct loop_timer *timer)
{
    mem_free(container_of(timer, struct discord_session, timer));
}

static void finish(struct discord_session *session)
{
    (void)scope_close(&session->scope);
    discord_machine_clear(&session->machine);
    mem_free(session->ca_file);
    mem_free(session->proxy);
    loop_timer_close(&session->timer, finished);
}

static void check_gone(struct discord_session *session)
{
    struct op *gone = session->gone;

    if (!gone || session->ws || session->scope.live > 0)
        return;
    session->gone = NULL;
    op_complete(gone, TROUPE_OK, NULL);
}

static void jobs_ended(struct scope *scope)
{
    struct discord_session *session = container_of(scope, struct discord_session, scope);

    check_gone(session);
    if (session->freed)
        finish(session);
}

static void drop_connection(struct discord_session *session)
{
    struct ws *ws = session->ws;

    session->ws = NULL;
    ws_free(ws);
    discord_inflate_free(session->inflate);
    session->inflate = NULL;
}

/* ---- the connection --------------------------------------------------------------------------- */

static void on_message(void *arg, bool binary, char *data, size_t len)
{
    struct discord_session *session = arg;
    struct error err;
    char *text;
    size_t text_len;

    session->machine.stats.bytes += len;
    if (discord_inflate_take(session->inflate, binary, data, len, &text, &text_len, &err) < 0)
        discord_machine_broken(&session->machine, err.text);
    else if (text)
        discord_machine_message(&session->machine, text, text_len);
}

static void on_drained(void *arg)
{
    struct discord_session *session = arg;

    if (session->handler.drained)
        session->handler.drained(session->arg);
}

static void on_closed(void *arg, int code, const char *reason)
{
    struct discord_session *session = arg;
    struct ws *ws = session->ws;

    /* The machine may connect again at once; `reason` is the old connection's. */
    session->ws = NULL;
    drop_connection(session);
    if (!session->leaving)
        discord_machine_closed(&session->machine, code, reason);
    ws_free(ws);
    check_gone(session);
}

static const struct ws_handler ws_handler = {on_message, on_drained, on_closed};

/* The best that this build has, from the first choice down. */
static struct discord_inflate *choose(const struct discord_session *session, const char *url,
                                      enum discord_compress *ret)
{
    int first = session->compress;

    if (discord_url_local(url) && !session->compress_local)
        first = DISCORD_PLAIN;
    for (int compress = first; compress >= DISCORD_PLAIN; compress--) {
        struct discord_inflate *inflate = discord_inflate_new((enum discord_compress)compress);

        *ret = (enum discord_compress)compress;
        if (inflate)
            return inflate;
    }
    return NULL;
}

static troupe_status open_connection(struct job *job, struct ws **ret,
                                     struct discord_inflate **ret_inflate, struct error *err)
{
    struct discord_session *session = job->session;
    struct discord_inflate *inflate;
    enum discord_compress compress;
    char base[256], url[DISCORD_URL_MAX];
    struct ws_options options = {
        .url = url,
        .ca_file = session->ca_file,
        .proxy = session->proxy,
        .deadline = job->deadline,
    };
    troupe_status status;

    if (job->url) {
        strncpy(base, job->url, sizeof(base) - 1);
        base[sizeof(base) - 1] = '\0';
    } else {
        status = session->handler.base_url(session->arg, base, err);
        if (status < 0)
            return status;
    }
    inflate = choose(session, base, &compress);
    if (!inflate)
        return error_set(err, TROUPE_UNSUPPORTED,
                         "this build reads no gateway at all; build it with zlib");
    status = discord_url_build(base, compress, url, err);
    if (status == TROUPE_OK)
        status = ws_connect(session->loop, &options, &ws_handler, session, ret, err);
    if (status < 0)
        discord_inflate_free(inflate);
    else
        *ret_inflate = inflate;
    return status;
}

/* ---- jobs ------------------------------------------------------------------------------------- */

static bool is_heard(struct job *job)
{
    return job->serial == job->session->serial;
}

static troupe_status connect_main(void *arg)
{
    struct job *job = arg;
    struct discord_session *session = job->session;
    struct discord_inflate *inflate = NULL;
    struct ws *ws = NULL;
    struct error err = {.text = ""};
    troupe_status status = open_connection(job, &ws, &inflate, &err);

    /* No wait from here on: what the connection brings must meet the machine. */
    job->told = true;
    if (!is_heard(job)) {
        ws_free(ws);
        discord_inflate_free(inflate);
        return TROUPE_OK;
    }
    session->ws = ws;
    session->inflate = inflate;
    discord_machine_connected(&session->machine, status, err.text);
    return TROUPE_OK;
}

static troupe_status count_main(void *arg)
{
    struct job *job = arg;
    struct discord_session *session = job->session;
    struct error err = {.text = ""};
    uint64_t wait_ms = 0;
    troupe_status status = session->handler.identify(session->arg, &wait_ms, &err);

    job->told = true;
    if (is_heard(job))
        discord_machine_counted(&session->machine, status, wait_ms, err.text);
    return TROUPE_OK;
}

static void tell_failure(struct job *job, troupe_status status)
{
    struct discord_machine *machine = &job->session->machine;
    const char *why = "too much runs at once";

    if (job->told || !is_heard(job))
        return;
    if (job->run == connect_main)
        discord_machine_connected(machine, status, why);
    else
        discord_machine_counted(machine, status, 0, why);
}

static void job_free(struct job *job)
{
    mem_free(job->url);
    mem_free(job);
}

/* The handler's waits end with the job's deadline, whatever it waits for. */
static troupe_status job_main(void *arg)
{
    struct job *job = arg;
    struct discord_session *session = job->session;
    troupe_status status;
    struct scope scope;

    if (!is_heard(job)) {
        job_free(job);
        return TROUPE_OK;
    }
    scope_open(&scope, job->deadline);
    session->job_scope = &scope;
    status = co_spawn(&scope, NULL, job->run, job);
    (void)scope_close(&scope);
    if (session->job_scope == &scope)
        session->job_scope = NULL;
    if (status < 0)
        tell_failure(job, status);
    job_free(job);
    return TROUPE_OK;
}

static void start_job(struct discord_session *session, co_fn run, const char *url,
                      uint64_t deadline)
{
    static const struct co_owner owner = {"gateway:discord", 0};
    struct job *job = mem_zero(1, sizeof(*job));
    troupe_status status;

    job->session = session;
    job->run = run;
    job->serial = session->serial;
    job->deadline = deadline;
    job->url = url ? mem_strdup(url) : NULL;
    status = co_spawn(&session->scope, &owner, job_main, job);
    /* Without a coroutine nobody answers; the machine's own deadline does. */
    if (status < 0)
        job_free(job);
}

/* ---- what the machine asks for ---------------------------------------------------------------- */

static uint64_t io_now(void *io)
{
    return loop_now(((struct discord_session *)io)->loop);
}

static double io_random(void *io)
{
    uint64_t bits = 0;

    (void)io;
    if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
        return 0.5;
    return (double)(bits >> 11) / (double)(UINT64_C(1) << 53);
}

static void io_alarm(void *io, uint64_t at)
{
    struct discord_session *session = io;
    uint64_t now = loop_now(session->loop);

    if (at)
        loop_timer_start(&session->timer, at > now ? at - now : 0, 0);
    else
        loop_timer_stop(&session->timer);
}

static void io_connect(void *io, const char *url, uint64_t deadline)
{
    start_job(io, connect_main, url, deadline);
}

static void io_count(void *io)
{
    struct discord_session *session = io;

    start_job(session, count_main, NULL, loop_now(session->loop) + DISCORD_COUNT_MS - 5000);
}

static troupe_status io_send(void *io, const char *text, size_t len)
{
    struct discord_session *session = io;

    return session->ws ? ws_send(session->ws, text, len) : TROUPE_UNAVAILABLE;
}

static void io_close(void *io, int code, const char *why)
{
    struct discord_session *session = io;

    (void)why; /* nothing that is ours to tell */
    session->serial++;
    if (session->job_scope)
        scope_cancel(session->job_scope, TROUPE_CANCELED);
    session->job_scope = NULL;
    if (session->ws && code == DISCORD_CLOSE_BYE) {
        session->leaving = true;
        ws_close(session->ws, code, "", STOP_MS);
        return;
    }
    /* The frame is a courtesy: Discord keeps the session with it and without it. */
    if (session->ws)
        ws_close(session->ws, code, "", 0);
    drop_connection(session);
}

static const struct discord_machine_io machine_io = {
    io_now, io_random, io_alarm, io_connect, io_send, io_close, io_count,
};

/* ---- life ------------------------------------------------------------------------------------- */

static void on_alarm(struct loop_timer *timer)
{
    discord_machine_alarm(&container_of(timer, struct discord_session, timer)->machine);
}

struct discord_session *discord_session_new(struct loop *loop,
                                            const struct discord_session_options *options,
                                            const struct discord_session_handler *handler,
                                            void *arg)
{
    struct discord_session *session = mem_zero(1, sizeof(*session));

    session->loop = loop;
    session->handler = *handler;
    session->arg = arg;
    session->ca_file = options->ca_file ? mem_strdup(options->ca_file) : NULL;
    session->proxy = options->proxy ? mem_strdup(options->proxy) : NULL;
    session->compress = (enum discord_compress)options->compress;
    session->compress_local = options->compress_local;
    loop_timer_init(loop, &session->timer, on_alarm);
    scope_open_root(loop, &session->scope, 0, jobs_ended);
    discord_machine_init(&session->machine, options, &machine_io, session, &session->handler, arg);
    discord_machine_start(&session->machine);
    return session;
}

void discord_session_intents(struct discord_session *session, uint32_t intents)
{
    session->machine.intents = intents;
}

void discord_session_stop(struct discord_session *session, bool keep)
{
    struct op *gone;

    discord_machine_stop(&session->machine, keep);
    scope_cancel(&session->scope, TROUPE_CANCELED);
    if (!session->ws && !session->scope.live)
        return;
    session->gone = gone = op_new(session->loop, NULL);
    (void)op_wait(gone, co_after(STOP_MS), NULL);
    op_drop(gone);
    drop_connection(session);
    check_gone(session);
}

void discord_session_free(struct discord_session *session)
{
    if (!session)
        return;
    discord_machine_stop(&session->machine, true);
    scope_cancel(&session->scope, TROUPE_CANCELED);
    drop_connection(session);
    session->freed = true;
    if (!session->scope.live)
        finish(session);
}

troupe_status discord_session_send(struct discord_session *session, const char *json, size_t len)
{
    return discord_machine_send(&session->machine, json, len);
}

void discord_session_stats(const struct discord_session *session, struct discord_session_stats *ret)
{
    *ret = session->machine.stats;
}
