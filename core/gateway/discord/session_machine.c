/* SPDX-License-Identifier: Apache-2.0
 *
 * When to connect, where to, for how long, and what a lost connection means.
 */
#include "gateway/discord/session_machine.h"

#include "base/mem.h"
#include "gateway/discord/url.h"
#include "net/ws.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS 20000 /* to connect, and then for HELLO */
#define HEALTHY_MS 60000
#define SLOWER_MS  5000
#define APART_MS   5000 /* identifies of an account (max_concurrency 1) */
#define HOST_TRIES 3
#define BASE_TRIES 2
#define BUSY_MS    500   /* at least, before leave to identify is asked for again */
#define LIMIT_MS   60000 /* the same where the day's number is used up            */

/* ---- telling ---------------------------------------------------------------------------------- */

static void set_phase(struct discord_machine *m, enum discord_phase phase, const char *why)
{
    if (m->stats.phase == phase && strcmp(m->stats.why, why) == 0)
        return;
    m->stats.phase = phase;
    snprintf(m->stats.why, sizeof(m->stats.why), "%s", why);
    m->handler->phase(m->arg, phase, m->stats.why);
}

void discord_machine_arm(struct discord_machine *m)
{
    uint64_t at = m->deadline;

    if (m->step == DISCORD_STEP_ENDED)
        at = 0;
    else if (discord_machine_is_connected(m) && m->next_beat && (!at || m->next_beat < at))
        at = m->next_beat;
    m->io->alarm(m->io_arg, at);
}

/* ---- the session ------------------------------------------------------------------------------ */

static void forget(struct discord_machine *m)
{
    bool had = discord_machine_has_session(m);

    m->resume = (struct discord_resume){.seq = -1};
    m->stats.seq = -1;
    m->host_failures = m->base_failures = 0;
    if (had)
        m->handler->changed(m->arg, &m->resume);
}

void discord_machine_end(struct discord_machine *m, int code, const char *sentence)
{
    m->step = DISCORD_STEP_ENDED;
    discord_machine_arm(m);
    forget(m);
    set_phase(m, DISCORD_ENDED, sentence);
    m->handler->fatal(m->arg, code, sentence);
}

/* ---- connecting ------------------------------------------------------------------------------- */

static void attempt(struct discord_machine *m)
{
    bool resume = discord_machine_has_session(m);

    m->on_base = !resume || !m->resume.url[0] || m->host_failures >= HOST_TRIES;
    m->greeted = m->sent_away = m->progress = m->repeated = m->ack_pending = false;
    m->next_beat = 0;
    m->pace = (struct discord_pace){.count = 0};
    m->step = DISCORD_STEP_CONNECTING;
    m->deadline =
        discord_machine_now(m) + discord_machine_scaled(m, resume ? DISCORD_RESUME_MS : CONNECT_MS);
    set_phase(m, DISCORD_CONNECTING,
              !resume      ? "connecting for a new session"
              : m->on_base ? "connecting to resume at the base address"
                           : "connecting to resume");
    discord_machine_arm(m);
    m->io->connect(m->io_arg, m->on_base ? NULL : m->resume.url, m->deadline);
}

static void wait_for(struct discord_machine *m, uint64_t ms, const char *why)
{
    m->step = DISCORD_STEP_WAITING;
    m->deadline = discord_machine_now(m) + ms;
    set_phase(m, DISCORD_WAITING, why);
    if (ms)
        discord_machine_arm(m);
    else
        attempt(m);
}

/* Identifies are counted by Discord: those in a row are spread out further than connections. */
static uint64_t identify_pause(struct discord_machine *m)
{
    uint64_t now = discord_machine_now(m), apart = discord_machine_scaled(m, APART_MS), pause = 0;

    if (m->identifies > 1)
        pause =
            discord_machine_scaled(m, discord_backoff(m->identifies + 2, m->io->random(m->io_arg)));
    if (m->last_identify && m->last_identify + apart > now + pause)
        pause = m->last_identify + apart - now;
    return pause;
}

static void try_again(struct discord_machine *m, uint64_t least, const char *why)
{
    uint64_t pause = discord_backoff(m->failures, m->io->random(m->io_arg));

    pause = discord_machine_scaled(m, pause > least ? pause : least);
    if (!discord_machine_has_session(m)) {
        uint64_t apart = identify_pause(m);

        pause = pause > apart ? pause : apart;
    }
    m->failures++;
    wait_for(m, pause, why);
}

/* Where the session cannot be resumed, or was lost without a word as soon as it was. An address that
 * does not even greet says nothing about the session as long as the base URL does not greet either:
 * then it is the network, and both are tried in turn until one is there. */
static void count_failure(struct discord_machine *m)
{
    if (!m->on_base)
        m->host_failures++;
    else if (m->greeted && m->step != DISCORD_STEP_LIVE)
        m->base_failures++;
    else if (m->host_failures >= HOST_TRIES)
        m->host_failures = HOST_TRIES - 1;
}

static void lost(struct discord_machine *m, enum discord_after after, const char *why)
{
    char text[sizeof(m->stats.why)];
    bool healthy = m->step == DISCORD_STEP_LIVE &&
                   discord_machine_now(m) - m->live_since >= discord_machine_scaled(m, HEALTHY_MS);
    /* Worth to come back to soon: it brought something, or Discord itself sent us away. */
    bool worked = m->progress || (m->step == DISCORD_STEP_LIVE && m->sent_away);

    snprintf(text, sizeof(text), "%s", why); /* `why` may be the status's own */
    if (healthy)
        m->failures = m->identifies = 0;
    else if (worked && after == DISCORD_RESUME && m->failures > 1)
        m->failures = 1;
    if (healthy || worked)
        m->host_failures = m->base_failures = 0;
    else if (discord_machine_has_session(m))
        count_failure(m);
    if (after == DISCORD_NEW_SESSION || m->base_failures >= BASE_TRIES)
        forget(m);
    try_again(m, after == DISCORD_RESUME_LATER ? SLOWER_MS : 0, text);
}

void discord_machine_drop(struct discord_machine *m, enum discord_after after, const char *format,
                          ...)
{
    char why[sizeof(m->stats.why)];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    m->io->close(m->io_arg, DISCORD_CLOSE_RESUME, why);
    lost(m, after, why);
}

void discord_machine_live(struct discord_machine *m, const char *why)
{
    m->step = DISCORD_STEP_LIVE;
    m->deadline = 0;
    m->live_since = discord_machine_now(m);
    discord_machine_arm(m);
    set_phase(m, DISCORD_READY, why);
}

/* ---- what the world says ---------------------------------------------------------------------- */

/* A heartbeat by the clock. One that was not acknowledged until the next is due means that nobody is
 * there any more, whatever TCP says (gateway.mdx, "Heartbeat ACKs"). */
static void beat_due(struct discord_machine *m)
{
    if (m->ack_pending) {
        m->stats.zombies++;
        discord_machine_drop(m, DISCORD_RESUME, "no answer to heartbeats within %" PRIu32 " ms",
                             m->interval);
        return;
    }
    m->ack_pending = true;
    /* From the plan, not from now, so that a late loop does not add up; but never a burst. */
    m->next_beat += m->interval;
    if (m->next_beat <= discord_machine_now(m))
        m->next_beat = discord_machine_now(m) + m->interval;
    discord_machine_beat(m, 0);
    discord_machine_arm(m);
}

static void time_is_up(struct discord_machine *m)
{
    static const char *const texts[] = {
        [DISCORD_STEP_CONNECTING] = "not connected in time",
        [DISCORD_STEP_GREETING] = "no HELLO in time",
        [DISCORD_STEP_COUNTING] = "the identify could not be counted in time",
        [DISCORD_STEP_IDENTIFYING] = "no READY in time",
        [DISCORD_STEP_RESUMING] = "no RESUMED in time",
    };

    discord_machine_drop(m, DISCORD_RESUME, "%s", texts[m->step]);
}

void discord_machine_alarm(struct discord_machine *m)
{
    uint64_t now = discord_machine_now(m);

    if (m->step == DISCORD_STEP_ENDED)
        return;
    if (m->deadline && now >= m->deadline) {
        if (m->step == DISCORD_STEP_WAITING)
            attempt(m);
        else
            time_is_up(m);
        return;
    }
    if (discord_machine_is_connected(m) && m->next_beat && now >= m->next_beat)
        beat_due(m);
    else
        discord_machine_arm(m);
}

void discord_machine_connected(struct discord_machine *m, troupe_status status, const char *why)
{
    if (m->step != DISCORD_STEP_CONNECTING)
        return;
    if (status < 0) {
        lost(m, DISCORD_RESUME, why);
        return;
    }
    m->stats.connects++;
    m->step = DISCORD_STEP_GREETING;
    if (!discord_machine_has_session(m))
        m->deadline = discord_machine_now(m) + discord_machine_scaled(m, CONNECT_MS);
    discord_machine_arm(m);
}

void discord_machine_counted(struct discord_machine *m, troupe_status status, uint64_t wait_ms,
                             const char *why)
{
    uint64_t least;

    if (m->step != DISCORD_STEP_COUNTING)
        return;
    if (status >= 0) {
        discord_machine_say_identify(m);
        return;
    }
    m->io->close(m->io_arg, DISCORD_CLOSE_RESUME, why);
    /* To wait for a number is no failure. */
    least = status == TROUPE_LIMIT ? LIMIT_MS : BUSY_MS;
    if (status == TROUPE_LIMIT || status == TROUPE_BUSY)
        wait_for(m, wait_ms > least ? wait_ms : least, why);
    else
        lost(m, DISCORD_RESUME_LATER, why);
}

void discord_machine_broken(struct discord_machine *m, const char *why)
{
    if (discord_machine_is_connected(m))
        discord_machine_drop(m, DISCORD_RESUME, "%s", why);
}

void discord_machine_closed(struct discord_machine *m, int code, const char *reason)
{
    const struct discord_close *close = discord_close_of(code);
    char why[sizeof(m->stats.why)];

    if (!discord_machine_is_connected(m))
        return;
    if (close->after == DISCORD_FATAL) {
        discord_machine_end(m, code, close->text);
        return;
    }
    m->sent_away = close->code != WS_NO_CODE && close->code != WS_LOST;
    snprintf(why, sizeof(why), "%d: %s%s%.120s", code, close->text, reason[0] ? ": " : "", reason);
    lost(m, close->after, why);
}

/* ---- life ------------------------------------------------------------------------------------- */

void discord_machine_init(struct discord_machine *m, const struct discord_session_options *options,
                          const struct discord_machine_io *io, void *io_arg,
                          const struct discord_session_handler *handler, void *arg)
{
    *m = (struct discord_machine){
        .io = io,
        .io_arg = io_arg,
        .handler = handler,
        .arg = arg,
        .token = mem_strdup(options->token),
        .intents = options->intents,
        .shard = options->shard,
        .shard_count = options->shard_count ? options->shard_count : 1,
        .self = options->self,
        .scale = options->time_scale > 0 ? options->time_scale : 1,
        .resume = options->resume,
        .stats = {.phase = DISCORD_CONNECTING},
    };
    if (!m->resume.session_id[0] || m->resume.seq < 0)
        m->resume = (struct discord_resume){.seq = -1};
    else if (!discord_url_valid(m->resume.url))
        m->resume.url[0] = '\0';
    m->stats.seq = m->resume.seq;
}

void discord_machine_clear(struct discord_machine *m)
{
    explicit_bzero(m->token, strlen(m->token));
    mem_free(m->token);
    m->token = NULL;
}

void discord_machine_start(struct discord_machine *m)
{
    m->deadline = discord_machine_now(m);
    discord_machine_arm(m);
}

void discord_machine_stop(struct discord_machine *m, bool keep)
{
    if (m->step == DISCORD_STEP_ENDED)
        return;
    if (m->step != DISCORD_STEP_WAITING)
        m->io->close(m->io_arg, keep ? DISCORD_CLOSE_RESUME : DISCORD_CLOSE_BYE, "stopped");
    m->step = DISCORD_STEP_ENDED;
    discord_machine_arm(m);
    if (!keep)
        forget(m);
    set_phase(m, DISCORD_ENDED, "stopped");
}
