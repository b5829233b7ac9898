/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.schedule/1": whose a job is and where its answer goes is filled in here, from the turn.
 */
#include "host/host_table.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sched/sched.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

#include <string.h>

#define JOB_1 (offsetof(troupe_job, within_ms) + sizeof(int64_t))
/* What a caller has room for: it does not say, so in this revision nothing behind is ever written. */
#define WHEN_1    (offsetof(troupe_when, end) + sizeof(uint64_t))
#define PLANNED_1 (offsetof(troupe_planned, member) + sizeof(uint64_t))
#define LIST_MAX  100
#define WHEN_TEXT "schedule.when"

/* ---- between the tables --------------------------------------------------------------------- */

/* The frame's turn as the owner of jobs. */
static struct sched_job owner_of(const struct turn_frame *frame)
{
    const struct event *event = frame->turn->event;

    return (struct sched_job){
        .agent = frame->agent->name,
        .gateway = event->gateway ? event->gateway->name : NULL,
        .account = event->account,
        .guild = event->guild,
        .channel = event->channel,
        .member = event->member,
        .member_name = event->member_name,
        .flags = event->flags & EVENT_DIRECT,
    };
}

static struct sched *sched_of(struct turn_frame *frame)
{
    return turn_engine_sched(frame->turn->engine);
}

static troupe_status begin(struct turn_frame *frame)
{
    troupe_status status = host_need(frame, "schedule");

    if (status == TROUPE_OK && !sched_of(frame))
        status = turn_frame_error(frame, TROUPE_UNSUPPORTED, "schedule.none",
                                  "nothing can be planned here");
    return status;
}

static troupe_status check_text(struct turn_frame *frame, troupe_str text, uint64_t max,
                                const char *what)
{
    troupe_status status = host_bytes(frame, text.ptr, text.len, max, what);

    if (status == TROUPE_OK && text.len &&
        (!text_is_utf8(text.ptr, (size_t)text.len) || memchr(text.ptr, '\0', (size_t)text.len)))
        status = turn_frame_error(frame, TROUPE_DATA, "host.utf8", "%s is not valid UTF-8", what);
    return status;
}

/* A copy with a NUL that lives as long as the frame. */
static const char *text_of(struct turn_frame *frame, troupe_str text)
{
    return text.len ? arena_strndup(&frame->arena, text.ptr, (size_t)text.len) : "";
}

static troupe_str take_text(struct turn_frame *frame, struct unpack *in)
{
    size_t len;
    const char *data = unpack_bytes(in, &len);

    return (troupe_str){arena_strndup(&frame->arena, data, len), len};
}

/* What a call gave, stored or new, behind `call`. */
static troupe_status replayed(struct record_call *call, struct unpack *ret)
{
    troupe_status status = turn_record_status(call);
    const char *text;
    struct error err;
    size_t len;

    if (status < 0)
        return status;
    status = turn_record_result(call, &text, &len, &err);
    if (status < 0)
        return turn_frame_error(call->frame, status, "schedule.storage", "%s", err.text);
    *ret = (struct unpack){text, len, false};
    return TROUPE_OK;
}

static troupe_status broken(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_DATA, "schedule.storage", "a stored result is broken");
}

/* ---- looking -------------------------------------------------------------------------------- */

static troupe_status understand(struct turn_frame *frame, troupe_str text, troupe_str zone_name,
                                bool find, struct buf *out)
{
    const struct sched_zone *zone;
    _cleanup_buf_ struct buf spelled = BUF_INIT, local = BUF_INIT;
    struct sched_when when;
    size_t start = 0, end = (size_t)text.len;
    int64_t now = clock_wall_ms(), next;
    struct error err;
    troupe_status status = sched_zone(sched_of(frame), text_of(frame, zone_name), &zone, &err);

    if (status < 0)
        return turn_frame_error(frame, status, "schedule.zone", "%s", err.text);
    status = find ? sched_when_find(text.ptr, end, zone, now, &when, &start, &end, &err)
                  : sched_when_parse(text.ptr, end, zone, now, &when, &err);
    if (status < 0)
        return turn_frame_error(frame, status, WHEN_TEXT, "%s", err.text);
    next = sched_when_next(&when, zone, 0, now);
    sched_when_print(&when, zone, &spelled);
    sched_when_moment(next, zone, &local);
    pack_int(out, when.kind != SCHED_ONCE);
    pack_int(out, next);
    pack_bytes(out, buf_text(&spelled), spelled.len);
    pack_bytes(out, buf_text(&local), local.len);
    pack_int(out, (int64_t)start);
    pack_int(out, (int64_t)end);
    return TROUPE_OK;
}

static troupe_status give_when(struct turn_frame *frame, struct unpack *in, troupe_when *ret)
{
    troupe_when when = {.size = WHEN_1, .recurring = (uint32_t)unpack_int(in)};

    when.next_ms = unpack_int(in);
    when.text = take_text(frame, in);
    when.local = take_text(frame, in);
    when.start = (uint64_t)unpack_int(in);
    when.end = (uint64_t)unpack_int(in);
    if (in->bad)
        return broken(frame);
    if (ret)
        memcpy(ret, &when, WHEN_1);
    return TROUPE_OK;
}

static troupe_status look(troupe_turn *turn, troupe_str text, troupe_str zone, uint32_t find,
                          troupe_when *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct record_call call;
    struct unpack in;
    int64_t args;
    troupe_status status = begin(frame);

    if (status == TROUPE_OK)
        status = check_text(frame, text, find ? SCHED_FIND_MAX : SCHED_WHEN_MAX, "a time's text");
    if (status == TROUPE_OK)
        status = check_text(frame, zone, SCHED_ZONE_NAME_MAX, "a time zone's name");
    if (status < 0)
        return status;
    args = turn_record_hash(RECORD_HASH_START, text.ptr, (size_t)text.len);
    args = turn_record_hash(turn_record_hash_int(args, find), zone.ptr, (size_t)zone.len);
    status = turn_record_begin(&call, frame, "schedule.look", args);
    if (status == RECORD_REPLAYED) {
        status = replayed(&call, &in);
        return status < 0 ? status : give_when(frame, &in, ret);
    }
    if (status < 0)
        return status;
    status = understand(frame, text, zone, find == 1, &out);
    status = turn_record_note(&call, status, out.data, status < 0 ? 0 : out.len);
    in = (struct unpack){out.data, out.len, false};
    return status < 0 ? status : give_when(frame, &in, ret);
}

/* ---- planning ------------------------------------------------------------------------------- */

static void pack_planned(struct buf *out, const struct sched_job *job, int64_t runs,
                         const struct sched_zone *zone)
{
    _cleanup_buf_ struct buf local = BUF_INIT;

    sched_when_moment(job->next_ms, zone, &local);
    pack_int(out, job->id);
    pack_int(out, *job->when_text != '\0');
    pack_int(out, job->next_ms);
    pack_int(out, runs);
    pack_text(out, job->when_text);
    pack_bytes(out, buf_text(&local), local.len);
    pack_text(out, job->zone);
    pack_bytes(out, job->payload, job->payload_len);
    pack_text(out, job->name);
    pack_int(out, (int64_t)event_id_number(job->channel));
    pack_int(out, (int64_t)event_id_number(job->member));
}

static troupe_planned take_planned(struct turn_frame *frame, struct unpack *in)
{
    troupe_planned planned = {.size = sizeof(planned), .id = (uint64_t)unpack_int(in)};

    planned.recurring = (uint32_t)unpack_int(in);
    planned.next_ms = unpack_int(in);
    planned.runs = (uint64_t)unpack_int(in);
    planned.when = take_text(frame, in);
    planned.local = take_text(frame, in);
    planned.zone = take_text(frame, in);
    planned.payload = take_text(frame, in);
    planned.key = take_text(frame, in);
    planned.channel = (uint64_t)unpack_int(in);
    planned.member = (uint64_t)unpack_int(in);
    return planned;
}

/* When it is due, from its text or its number; `text` is what is kept of a recurring one. */
static troupe_status set_time(struct turn_frame *frame, const troupe_job *job,
                              struct sched_job *out, const struct sched_zone *zone,
                              struct buf *text)
{
    int64_t now = clock_wall_ms();
    struct sched_when when;
    struct error err = {TROUPE_OK, ""};
    troupe_status status;

    if (!job->when.len) {
        if (job->at_ms <= now || job->at_ms - now > SCHED_AHEAD_MAX)
            return turn_frame_error(frame, TROUPE_ARGUMENT, WHEN_TEXT, "%s",
                                    job->at_ms <= now ? "that time is over already"
                                                      : "that is more than ten years ahead");
        out->next_ms = job->at_ms;
        return TROUPE_OK;
    }
    status = sched_when_parse(job->when.ptr, (size_t)job->when.len, zone, now, &when, &err);
    if (status < 0)
        return turn_frame_error(frame, status, WHEN_TEXT, "%s", err.text);
    out->next_ms = sched_when_next(&when, zone, 0, now);
    if (when.kind != SCHED_ONCE)
        sched_when_print(&when, zone, text);
    return TROUPE_OK;
}

static troupe_status check_job(struct turn_frame *frame, const troupe_job *job)
{
    const struct event *event = frame->turn->event;
    troupe_status status = begin(frame);

    if (status < 0)
        return status;
    if (!job || job->size < JOB_1)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "schedule.job", "the job is incomplete");
    if (!event->gateway || !event->channel || !event->member)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "schedule.scope",
                                "only a member in a channel can plan something");
    if (frame->batch)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "batch.open",
                                "a job cannot be planned inside a batch");
    if (job->missed > TROUPE_MISSED_WITHIN || job->within_ms < 0)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "schedule.missed",
                                "unknown policy for missed times");
    if ((status = check_text(frame, job->when, SCHED_WHEN_MAX, "a time's text")) < 0 ||
        (status = check_text(frame, job->zone, SCHED_ZONE_NAME_MAX, "a time zone's name")) < 0 ||
        (status = check_text(frame, job->payload, SCHED_PAYLOAD_MAX, "a payload")) < 0)
        return status;
    return check_text(frame, job->key, SCHED_NAME_MAX, "a key");
}

static int64_t hash_job(const troupe_job *job)
{
    int64_t hash = turn_record_hash(RECORD_HASH_START, job->when.ptr, (size_t)job->when.len);

    hash = turn_record_hash_int(turn_record_hash_int(hash, job->at_ms), job->flags);
    hash = turn_record_hash(hash, job->zone.ptr, (size_t)job->zone.len);
    hash = turn_record_hash(hash, job->payload.ptr, (size_t)job->payload.len);
    hash = turn_record_hash(hash, job->key.ptr, (size_t)job->key.len);
    return turn_record_hash_int(turn_record_hash_int(hash, job->missed), job->within_ms);
}

/* The job's row and the call's are one transaction. */
static troupe_status plan(struct record_call *call, const troupe_job *wanted, struct buf *out)
{
    struct turn_frame *frame = call->frame;
    struct sched *sched = sched_of(frame);
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct sched_job job = owner_of(frame);
    const struct sched_zone *zone;
    struct error err;
    troupe_status status;

    job.zone = text_of(frame, wanted->zone);
    job.name = text_of(frame, wanted->key);
    job.payload = text_of(frame, wanted->payload);
    job.payload_len = (size_t)wanted->payload.len;
    job.flags |= wanted->flags & TROUPE_JOB_PING ? EVENT_PING : 0;
    job.policy = (enum sched_policy)wanted->missed;
    job.within_ms = wanted->within_ms;
    status = sched_zone(sched, job.zone, &zone, &err);
    if (status < 0)
        turn_frame_error(frame, status, "schedule.zone", "%s", err.text);
    else
        status = set_time(frame, wanted, &job, zone, &text);
    if (status < 0)
        return turn_record_note(call, status, NULL, 0);
    job.when_text = buf_text(&text);
    job.id = sched_next_id(sched);
    pack_planned(out, &job, 0, zone);
    sched_add(batch, &job);
    status = turn_record_try(call, batch, out->data, out->len, &err);
    if (status == TROUPE_OK) {
        sched_watch(sched, job.next_ms);
        return TROUPE_OK;
    }
    if (status == TROUPE_CONFLICT)
        status = turn_frame_error(frame, TROUPE_LIMIT, "schedule.full",
                                  "%d things planned by one member, and %d in one server, are the "
                                  "most; take one back first",
                                  SCHED_MEMBER_MAX, SCHED_GUILD_MAX);
    else
        turn_frame_error(frame, status, "schedule.storage", "%s", err.text);
    return turn_record_note(call, status, NULL, 0);
}

static troupe_status add(troupe_turn *turn, const troupe_job *job, troupe_planned *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct record_call call;
    struct unpack in;
    troupe_planned planned;
    troupe_status status = check_job(frame, job);

    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "schedule.add", hash_job(job));
    if (status == RECORD_REPLAYED) {
        status = replayed(&call, &in);
    } else if (status == TROUPE_OK) {
        status = plan(&call, job, &out);
        in = (struct unpack){out.data, out.len, false};
    }
    if (status < 0)
        return status;
    planned = take_planned(frame, &in);
    planned.size = PLANNED_1;
    if (in.bad)
        return broken(frame);
    if (ret)
        memcpy(ret, &planned, PLANNED_1);
    return TROUPE_OK;
}

static troupe_status take_back(troupe_turn *turn, uint64_t id)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct sched_job job = owner_of(frame);
    struct record_call call;
    struct error err;
    troupe_status status = begin(frame);

    if (status == TROUPE_OK && (frame->batch || id > INT64_MAX || !job.member))
        status = turn_frame_error(frame, TROUPE_ARGUMENT, "schedule.job",
                                  frame->batch ? "nothing can be taken back inside a batch"
                                               : "there is no such job");
    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "schedule.cancel",
                                   turn_record_hash_int(RECORD_HASH_START, (int64_t)id));
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    job.id = (int64_t)id;
    batch = store_batch_new();
    sched_cancel(batch, &job);
    status = turn_record_try(&call, batch, NULL, 0, &err);
    if (status == TROUPE_OK)
        return status;
    if (status == TROUPE_CONFLICT)
        status = turn_frame_error(frame, TROUPE_NOT_FOUND, "schedule.unknown",
                                  "you have nothing planned here under the number %llu",
                                  (unsigned long long)id);
    else
        turn_frame_error(frame, status, "schedule.storage", "%s", err.text);
    return turn_record_note(&call, status, NULL, 0);
}

/* ---- listing -------------------------------------------------------------------------------- */

static troupe_status read_list(struct turn_frame *frame, bool whole_guild, struct buf *out)
{
    struct sched *sched = sched_of(frame);
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct sched_job whose = owner_of(frame);
    struct error err;
    troupe_status status = sched_list(sched, &whose, whole_guild, LIST_MAX, &rows, &err);

    if (status < 0)
        return turn_frame_error(frame, status, "schedule.storage", "%s", err.text);
    pack_int(out, (int64_t)rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        const struct store_value *payload = store_cell(rows, i, SCHED_COL_PAYLOAD);
        const struct sched_zone *zone;
        const struct sched_job job = {
            .id = store_cell_int(rows, i, SCHED_COL_ID, 0),
            .name = store_cell_text(rows, i, SCHED_COL_NAME, ""),
            .payload = payload->data ? payload->data : "",
            .payload_len = payload->len,
            .when_text = store_cell_text(rows, i, SCHED_COL_WHEN, ""),
            .zone = store_cell_text(rows, i, SCHED_COL_ZONE, ""),
            .next_ms = store_cell_int(rows, i, SCHED_COL_NEXT, 0),
            .channel = store_cell_text(rows, i, SCHED_COL_CHANNEL, ""),
            .member = store_cell_text(rows, i, SCHED_COL_MEMBER, ""),
        };

        /* A zone that was uninstalled meanwhile: UTC is shown rather than nothing. */
        if (sched_zone(sched, job.zone, &zone, &err) < 0 &&
            (status = sched_zone(sched, "", &zone, &err)) < 0)
            return turn_frame_error(frame, status, "schedule.zone", "%s", err.text);
        pack_planned(out, &job, store_cell_int(rows, i, SCHED_COL_RUNS, 0), zone);
    }
    return TROUPE_OK;
}

static troupe_status give_list(struct turn_frame *frame, struct unpack *in, troupe_array *ret)
{
    int64_t count = unpack_int(in);
    troupe_planned *items;
    troupe_status status;

    if (in->bad || count < 0 || count > LIST_MAX)
        return broken(frame);
    status = host_hold(frame, in->left + (size_t)count * sizeof(*items));
    if (status < 0)
        return status;
    items = arena_alloc(&frame->arena, ((size_t)count + 1) * sizeof(*items));
    for (int64_t i = 0; i < count; i++)
        items[i] = take_planned(frame, in);
    if (in->bad)
        return broken(frame);
    *ret = (troupe_array){items, (uint32_t)count, (uint32_t)sizeof(*items)};
    return TROUPE_OK;
}

static troupe_status list(troupe_turn *turn, uint32_t scope, troupe_array *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct record_call call;
    struct unpack in;
    troupe_status status = begin(frame);

    if (status == TROUPE_OK &&
        ((scope != TROUPE_SCOPE_MEMBER && scope != TROUPE_SCOPE_GUILD) || !ret))
        status = turn_frame_error(frame, TROUPE_ARGUMENT, "schedule.scope",
                                  "jobs are listed of a member or of a guild");
    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "schedule.list",
                                   turn_record_hash_int(RECORD_HASH_START, scope));
    if (status == RECORD_REPLAYED) {
        status = replayed(&call, &in);
        return status < 0 ? status : give_list(frame, &in, ret);
    }
    if (status < 0)
        return status;
    status = read_list(frame, scope == TROUPE_SCOPE_GUILD, &out);
    status = turn_record_note(&call, status, out.data, status < 0 ? 0 : out.len);
    in = (struct unpack){out.data, out.len, false};
    return status < 0 ? status : give_list(frame, &in, ret);
}

const troupe_schedule_v1 *host_schedule_table(void)
{
    static const troupe_schedule_v1 table = {
        .size = sizeof(table), .look = look, .add = add, .cancel = take_back, .list = list};

    return &table;
}
