/* SPDX-License-Identifier: Apache-2.0
 *
 * The connection of a session and the coroutines that wait for it: name, TLS and upgrade, or the
 * handler's answer.
 */
#include "gateway/discord/session_private.h"

#include "base/mem.h"
#include "gateway/discord/url.h"

#include <string.h>

/* Something that waits: connecting, or asking the handler. */
struct job {
    struct discord_session *session;
    co_fn run;
    uint64_t serial, deadline;
    char *url; /* NULL: ask for it */
    bool told; /* the machine knows the outcome */
};

/* ---- the connection --------------------------------------------------------------------------- */

void discord_session_drop(struct discord_session *session)
{
    struct ws *ws = session->ws;

    session->ws = NULL;
    ws_free(ws);
    discord_inflate_free(session->inflate);
    session->inflate = NULL;
}

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
    discord_session_drop(session);
    if (!session->leaving)
        discord_machine_closed(&session->machine, code, reason);
    ws_free(ws);
    discord_session_check_gone(session);
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
        .bare_answer = true, /* 1000 or 1001, said back, might end the session */
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

void discord_session_connect(struct discord_session *session, const char *url, uint64_t deadline)
{
    start_job(session, connect_main, url, deadline);
}

void discord_session_count(struct discord_session *session, uint64_t deadline)
{
    start_job(session, count_main, NULL, deadline);
}
