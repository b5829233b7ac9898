/* SPDX-License-Identifier: Apache-2.0
 *
 * Drives the state machine of a session with a WebSocket, a timer and coroutines for what waits.
 */
#include "gateway/discord/session_private.h"

#include "base/mem.h"

#include <string.h>
#include <sys/random.h>

#define STOP_MS 2000

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

void discord_session_check_gone(struct discord_session *session)
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

    discord_session_check_gone(session);
    if (session->freed)
        finish(session);
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
    discord_session_connect(io, url, deadline);
}

static void io_count(void *io)
{
    struct discord_session *session = io;

    discord_session_count(session, loop_now(session->loop) + DISCORD_COUNT_MS - 5000);
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
    discord_session_drop(session);
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
    discord_session_drop(session);
    discord_session_check_gone(session);
}

void discord_session_free(struct discord_session *session)
{
    if (!session)
        return;
    discord_machine_stop(&session->machine, true);
    scope_cancel(&session->scope, TROUPE_CANCELED);
    discord_session_drop(session);
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
