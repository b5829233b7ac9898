/* SPDX-License-Identifier: Apache-2.0
 *
 * What `troupe status` shows of Discord.
 */
#include "gateway/discord/figures.h"
#include "gateway/discord/internal.h"

#include <stdio.h>
#include <string.h>

static const char *phase_name(const struct discord *discord, enum discord_phase phase)
{
    static const char *const names[] = {"connecting", "waiting", "ready", "ended"};

    return discord->refused ? "ended" : discord->session ? names[phase] : "starting";
}

static json_t *session_status(const struct discord_session_stats *session)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "seq", (json_int_t)session->seq,
                     "events", (json_int_t)session->events, "bytes", (json_int_t)session->bytes,
                     "connects", (json_int_t)session->connects, "resumes",
                     (json_int_t)session->resumes, "identifies", (json_int_t)session->identifies,
                     "zombies", (json_int_t)session->zombies, "heartbeats",
                     (json_int_t)session->heartbeats);
}

static json_t *rest_status(const struct discord *discord)
{
    struct discord_rest_stats rest;

    discord_rest_stats(discord->rest, &rest);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s}", "waiting",
                     (json_int_t)rest.waiting, "in_flight", (json_int_t)rest.in_flight, "buckets",
                     (json_int_t)rest.buckets, "sent", (json_int_t)rest.sent, "retried",
                     (json_int_t)rest.retried, "limited", (json_int_t)rest.limited, "invalid",
                     (json_int_t)rest.invalid, "coalesced", (json_int_t)rest.coalesced, "stopped",
                     rest.stopped, "why", rest.why);
}

static json_t *outbox_status(const struct discord *discord)
{
    struct discord_outbox_stats outbox;

    discord_outbox_stats(discord->outbox, &outbox);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "waiting",
                     (json_int_t)outbox.waiting, "reconciling", (json_int_t)outbox.reconciling,
                     "created", (json_int_t)outbox.created, "edited", (json_int_t)outbox.edited,
                     "found", (json_int_t)outbox.reconciled_found, "repeated",
                     (json_int_t)outbox.reconciled_repeated, "unknown", (json_int_t)outbox.unknown,
                     "failed", (json_int_t)outbox.failed, "detached", (json_int_t)outbox.detached);
}

void discord_figures(const struct discord *discord, struct discord_figures *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->session.seq = -1;
    if (discord->session)
        discord_session_stats(discord->session, &ret->session);
    if (discord->rest)
        discord_rest_stats(discord->rest, &ret->rest);
    if (discord->outbox)
        discord_outbox_stats(discord->outbox, &ret->outbox);
    ret->ready = discord->session && !discord->refused && ret->session.phase == DISCORD_READY;
    ret->guilds = discord->guilds;
    ret->addressed = discord->owed;
    ret->seen = discord->seen;
    ret->ignored = discord->ignored;
    snprintf(ret->why, sizeof(ret->why), "%s", *discord->why ? discord->why : ret->session.why);
}

json_t *discord_status(const struct discord *discord)
{
    struct discord_session_stats session = {.seq = -1};
    json_t *status;
    const char *why = discord->why;

    if (discord->session)
        discord_session_stats(discord->session, &session);
    if (!*why)
        why = session.phase == DISCORD_READY ? discord->notice : session.why;
    status = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "phase",
        phase_name(discord, session.phase), "why", why, "account", discord->self, "name",
        discord->name ? discord->name : "", "guilds", (json_int_t)discord->guilds, "latency_ms",
        (json_int_t)session.latency_ms, "last_event_age_ms",
        session.last_event_ms ? (json_int_t)loop_now(discord->loop) - session.last_event_ms
                              : (json_int_t)-1,
        "addressed", (json_int_t)discord->owed, "seen", (json_int_t)discord->seen, "ignored",
        (json_int_t)discord->ignored);
    json_object_set_new(status, "session", session_status(&session));
    json_object_set_new(status, "commands", discord_commands_status(discord));
    if (discord->rest)
        json_object_set_new(status, "rest", rest_status(discord));
    if (discord->outbox)
        json_object_set_new(status, "outbox", outbox_status(discord));
    return status;
}
