/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/seen.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/seen.h"
#include "turn/engine_private.h"
#include "turn/frame.h"
#include "turn/guard.h"
#include "turn/pipeline.h"

#include <string.h>

#define OVERDUE_MS 1000  /* how often the time of those that run is looked at */
#define TELL_MS    60000 /* between two lines about losses                    */
#define ID_SIZE    21
#define TEXT_KEPT  16384 /* a longer buffer is not kept for the next message  */

/* One message while it is observed. Used again and again, because making one costs more than
 * everything else here. */
struct seen {
    struct turn turn; /* of number 0; known to nobody else */
    struct event event;
    struct list_link link; /* in ->running or ->idle */
    char ids[5][ID_SIZE];
    char *text; /* the content; as it was received until somebody asks */
    size_t len, size;
    struct turn_job job; /* of the first observer; others have their own */
};

static struct seen *seen_of(struct turn *turn)
{
    return container_of(turn, struct seen, turn);
}

/* ---- losses --------------------------------------------------------------------------------- */

bool turn_loss_tell(struct turn_loss *loss, struct engine *engine, uint64_t count,
                    uint64_t *ret_new)
{
    uint64_t now = loop_now(engine->loop);

    if (loss->told && now < loss->told_ms + TELL_MS)
        return false;
    *ret_new = count - loss->told;
    loss->told = count;
    loss->told_ms = now;
    return true;
}

static void drop(struct engine *engine)
{
    uint64_t fresh;

    engine->stats.seen_dropped++;
    if (turn_loss_tell(&engine->seen.dropped, engine, engine->stats.seen_dropped, &fresh))
        log_warn("turn",
                 "%llu messages were not shown to observers, which work on %d of them already; "
                 "make them faster or let them declare \"owed:message\"",
                 (unsigned long long)fresh, ENGINE_SEEN_MAX);
}

/* ---- one message ---------------------------------------------------------------------------- */

/* snprintf costs more than the coroutine. NULL: none. */
static const char *print_id(uint64_t id, char out[ID_SIZE])
{
    char *p = out + ID_SIZE - 1;

    if (!id)
        return NULL;
    for (*p = '\0'; id; id /= 10)
        *--p = (char)('0' + id % 10);
    return p;
}

/* Most observers look at ids, or at nothing. */
static void fill(struct turn *turn)
{
    struct seen *seen = seen_of(turn);

    turn->fill = NULL;
    seen->event.content_len = json_unescape(seen->text, seen->len, seen->text);
    seen->text[seen->event.content_len] = '\0';
    seen->event.content = seen->text;
}

static void keep_text(struct seen *seen, const char *text, size_t len)
{
    if (seen->size <= len) {
        mem_free(seen->text);
        seen->size = len < 512 ? 512 : len + 1;
        seen->text = mem_alloc(seen->size);
    }
    if (len)
        memcpy(seen->text, text, len);
    seen->len = len;
}

static void observers_ended(struct scope *scope);

static struct seen *seen_begin(struct engine *engine, const struct gateway_seen *message)
{
    struct list_link *link = list_pop(&engine->seen.idle);
    struct seen *seen = link ? container_of(link, struct seen, link) : mem_zero(1, sizeof(*seen));
    struct turn *turn = &seen->turn;

    memset(turn, 0, sizeof(*turn));
    turn->engine = engine;
    turn->event = &seen->event;
    turn->set = plugin_set_pin(engine->set);
    turn->phase = TURN_RUNNING;
    turn->fill = fill;
    turn_record_init(&turn->record);
    turn->record.off = true;
    list_init(&turn->waits);
    list_init(&turn->known);
    list_init(&turn->link);
    turn->observed = true;
    scope_open_root(engine->loop, &turn->observers, 0, observers_ended);
    seen->event = (struct event){
        .source = message->source,
        .source_id = print_id(message->id, seen->ids[0]),
        .kind = TURN_MESSAGE,
        .account = print_id(message->account, seen->ids[1]),
        .guild = print_id(message->guild, seen->ids[2]),
        .channel = print_id(message->channel, seen->ids[3]),
        .member = print_id(message->member, seen->ids[4]),
        .content = "",
        .flags = message->guild ? 0 : EVENT_DIRECT,
        .time_ms = message->time_ms,
        .refs = 1,
    };
    keep_text(seen, message->content, message->content ? message->content_len : 0);
    list_append(&engine->seen.running, &seen->link);
    engine->seen.count++;
    turn_engine_hold(engine);
    return seen;
}

static void seen_free(struct seen *seen)
{
    mem_free(seen->text);
    mem_free(seen);
}

static void annotation_free(void *value)
{
    buf_clear(value);
    mem_free(value);
}

static void seen_end(struct seen *seen)
{
    struct turn *turn = &seen->turn;
    struct engine *engine = turn->engine;

    scope_close(&turn->observers);
    plugin_set_unpin(turn->set);
    map_clear_with(&turn->annotations, annotation_free);
    turn_record_clear(&turn->record);
    arena_clear(&turn->arena);
    list_remove(&seen->link);
    if (seen->size > TEXT_KEPT) {
        mem_free(seen->text);
        seen->text = NULL;
        seen->size = 0;
    }
    list_prepend(&engine->seen.idle, &seen->link);
    engine->seen.count--;
    turn_engine_check_idle(engine);
    turn_engine_release(engine);
}

static void observers_ended(struct scope *scope)
{
    seen_end(seen_of(container_of(scope, struct turn, observers)));
}

/* ---- an observer ---------------------------------------------------------------------------- */

static void tell_failure(const struct turn_frame *frame, troupe_status status)
{
    struct engine *engine = frame->turn->engine;
    uint64_t fresh;

    engine->seen.failures++;
    if (turn_loss_tell(&engine->seen.failed, engine, engine->seen.failures, &fresh))
        log_warn(frame->agent->owner,
                 "observer failed on message %s: %s (%llu failures of observers since the last "
                 "line)",
                 frame->turn->event->source_id, turn_frame_reason(frame, status),
                 (unsigned long long)fresh);
}

static void job_end(struct turn_job *job)
{
    struct seen *seen = seen_of(job->frame.turn);

    turn_frame_clear(&job->frame);
    if (job != &seen->job)
        mem_free(job);
}

static troupe_status observe_main(void *arg)
{
    struct turn_job *job = arg;
    troupe_status status = turn_job_main(job);

    if (status < 0)
        tell_failure(&job->frame, status);
    job_end(job);
    return TROUPE_OK;
}

static void observe(struct seen *seen, struct plugin_agent *agent, bool first)
{
    const struct co_owner owner = {agent->owner, 0};
    struct turn_job *job = first ? &seen->job : mem_zero(1, sizeof(*job));

    turn_frame_init(&job->frame, &seen->turn, agent, NULL, "0");
    job->frame.observer = job->frame.unrecorded = true;
    job->fn = agent->manifest->observe;
    if (!agent->disabled && co_spawn(&seen->turn.observers, &owner, observe_main, job) == TROUPE_OK)
        return;
    if (!agent->disabled)
        drop(seen->turn.engine);
    job_end(job);
}

/* ---- their time ----------------------------------------------------------------------------- */

/* One timer for all: each has its deadline, but a second more or less is nothing to an observer. */
static void look_for_overdue(struct loop_timer *timer)
{
    struct engine *engine = container_of(timer, struct engine, seen.overdue);
    uint64_t now = loop_now(engine->loop);

    list_for_each (link, &engine->seen.running) {
        struct turn *turn = &container_of(link, struct seen, link)->turn;

        if (turn->deadline <= now)
            scope_cancel(&turn->observers, TROUPE_DEADLINE);
    }
    engine->seen.timed = engine->seen.count > 0;
    if (engine->seen.timed)
        loop_timer_start(timer, OVERDUE_MS, 0);
}

void turn_seen_init(struct engine *engine)
{
    list_init(&engine->seen.running);
    list_init(&engine->seen.idle);
    loop_timer_init(engine->loop, &engine->seen.overdue, look_for_overdue);
}

void turn_seen_cancel(struct engine *engine)
{
    list_for_each (link, &engine->seen.running)
        scope_cancel(&container_of(link, struct seen, link)->turn.observers, TROUPE_CANCELED);
}

bool turn_seen_end(struct engine *engine, const char *member, int64_t until_ms)
{
    bool live = false;

    list_for_each (link, &engine->seen.running) {
        struct seen *seen = container_of(link, struct seen, link);

        if (!seen->event.member || strcmp(seen->event.member, member) != 0 ||
            seen->event.time_ms > until_ms)
            continue;
        live = true;
        scope_cancel(&seen->turn.observers, TROUPE_CANCELED);
    }
    return live;
}

void turn_seen_clear(struct engine *engine, void (*closed)(struct loop_timer *timer))
{
    struct list_link *link;

    while ((link = list_pop(&engine->seen.idle)))
        seen_free(container_of(link, struct seen, link));
    loop_timer_close(&engine->seen.overdue, closed);
}

bool turn_engine_seen(struct engine *engine, const struct gateway_seen *message)
{
    const struct turn_pipeline *watched = engine->set ? turn_pipeline_watched(engine->set) : NULL;
    uint64_t most = engine->total_ms;
    struct seen *seen;

    turn_guard_person(engine, message->channel);
    if (!watched || engine->closing)
        return false;
    if (watched->seen_count && engine->seen.count >= ENGINE_SEEN_MAX) {
        drop(engine);
    } else if (watched->seen_count && message->id) {
        engine->stats.seen++;
        seen = seen_begin(engine, message);
        if (watched->timeout_ms && watched->timeout_ms < most)
            most = watched->timeout_ms;
        seen->turn.deadline = loop_now(engine->loop) + most;
        for (size_t i = 0; i < watched->seen_count; i++)
            observe(seen, watched->seen[i], i == 0);
        if (!seen->turn.observers.live) /* nobody could begin */
            seen_end(seen);
        if (!engine->seen.timed) {
            engine->seen.timed = true;
            loop_timer_start(&engine->seen.overdue, OVERDUE_MS, 0);
        }
    }
    return watched->owed_count > 0;
}
