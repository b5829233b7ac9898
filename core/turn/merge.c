/* SPDX-License-Identifier: Apache-2.0
 *
 * Several messages of one member in a row, written while an earlier one kept the bot busy: the first of
 * them takes the others along, so that one answer speaks to all. Its new text and the ends of the others
 * are one commit before it begins. So after a crash either all of them wait still, or the first has the
 * words of all; none is lost, and each has its row, with the reason "merged".
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <string.h>

#define MERGED_MAX 10 /* beside the first; a member's queue is shorter as a rule */

static bool equals(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

/* Plain words: what answers another message, has files, or was begun before stays by itself. */
static bool is_plain(const struct turn *turn, const struct plugin_set *set)
{
    const struct event *event = turn->event;

    return turn->id && !turn->resumed && !turn->state && !turn->over && !turn->duplicate &&
           equals(event->kind, "message") && event->flags & EVENT_ADDRESSED &&
           !(event->flags & (EVENT_OBSERVED | EVENT_AGAIN | EVENT_CONTINUE | EVENT_UNASKED)) &&
           !event->files && !event->reply_to && !event->token && !event->parent &&
           !turn_is_command(set, event);
}

static bool belongs(const struct turn *turn, const struct turn *other)
{
    return other != turn && other->phase == TURN_WAITING && other->admitted && !other->storing &&
           is_plain(other, turn->set) && equals(other->event->source, turn->event->source) &&
           equals(other->event->channel, turn->event->channel) &&
           equals(other->event->member, turn->event->member);
}

/* Their numbers, in the order in which they came. */
static size_t find(const struct turn *turn, int64_t *ret)
{
    size_t len = turn->event->content_len, count = 0;

    list_for_each (link, &turn->engine->turns) {
        const struct turn *other = container_of(link, struct turn, link);

        if (!belongs(turn, other))
            continue;
        len += 1 + other->event->content_len;
        if (count == MERGED_MAX || len > EVENT_CONTENT_MAX)
            break;
        ret[count++] = other->id;
    }
    return count;
}

static struct event *joined(const struct turn *turn, const int64_t *ids, size_t count)
{
    _cleanup_buf_ struct buf content = BUF_INIT;
    struct event event = *turn->event;

    buf_append(&content, event.content, event.content_len);
    for (size_t i = 0; i < count; i++) {
        const struct event *other = turn_engine_turn(turn->engine, ids[i])->event;

        buf_putc(&content, '\n');
        buf_append(&content, other->content, other->content_len);
    }
    event.content = buf_text(&content);
    event.content_len = content.len;
    return event_new(&event);
}

/* A server, a channel or a role may have it otherwise than the file. */
static bool merges(const struct turn *turn)
{
    return turn_engine_setting(turn->engine, turn->event, "admission", "merge",
                               turn->engine->merge) != 0;
}

void turn_merge(struct turn *turn)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    _cleanup_mem_ char *payload = NULL;
    int64_t ids[MERGED_MAX];
    struct event *event;
    struct error err;
    size_t count;

    if (turn->storing || !merges(turn) || !is_plain(turn, turn->set) || !(count = find(turn, ids)))
        return;
    event = joined(turn, ids, count);
    payload = event_print(event);
    batch = store_batch_new();
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_TURN_REVISE, store_int(turn->id), store_text(payload)));
    for (size_t i = 0; i < count; i++) {
        struct turn *other = turn_engine_turn(turn->engine, ids[i]);
        _cleanup_mem_ char *trace = NULL;

        turn_trace_add(&other->trace, "end", "merged", "into turn %lld", (long long)turn->id);
        trace = turn_trace_print(&other->trace);
        store_batch_add(batch, STORE_EXPECT(1, SQL_TURN_MERGED, store_int(ids[i]),
                                            store_text(trace), store_int(clock_wall_ms())));
    }
    if (store_commit(turn->engine->store, batch, turn_engine_soon(turn->engine), &err) < 0) {
        log_warn("turn", "turn %lld takes no other message along: %s", (long long)turn->id,
                 err.text);
        event_unref(event);
        return;
    }
    event_unref(turn->event);
    turn->event = event;
    turn_trace_add(&turn->trace, "admission", "merged", "%zu more messages of the member", count);
    for (size_t i = 0; i < count; i++)
        turn_ended_by_another(turn->engine, ids[i]);
}
