/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/turn_log.h"

#include "base/log.h"
#include "gateway/event.h"

struct line {
    struct log_field fields[LOG_FIELDS_MAX];
    size_t count;
};

static void put(struct line *line, const char *name, const char *text)
{
    if (text && *text && line->count < LOG_FIELDS_MAX)
        line->fields[line->count++] = (struct log_field){.name = name, .text = text};
}

static void put_number(struct line *line, const char *name, int64_t number)
{
    if (line->count < LOG_FIELDS_MAX)
        line->fields[line->count++] = (struct log_field){.name = name, .number = number};
}

void ops_turn_log(const struct turn_figures *figures, const struct ops_member_key *key)
{
    const struct event *event = figures->event;
    char member[OPS_MEMBER_HASH_SIZE];
    struct line line = {0};

    if (!log_enabled(LOG_INFO))
        return;
    ops_member_hash(key, event->source, event->member, member);
    put_number(&line, "turn", figures->id);
    put(&line, "source", event->source);
    put(&line, "kind", event->kind);
    put(&line, "guild", event->guild);
    /* The channel of two is as good as a name. */
    put(&line, "channel", event->flags & EVENT_DIRECT ? "direct" : event->channel);
    put(&line, "member", member);
    put(&line, "state", figures->state);
    put(&line, "reason", figures->reason);
    put(&line, "stage", figures->stage);
    put(&line, "agent", figures->agent);
    put(&line, "plugin", figures->plugin);
    put(&line, "what", figures->what);
    if (*figures->what) {
        put_number(&line, "units_in", (int64_t)figures->units_in);
        put_number(&line, "units_out", (int64_t)figures->units_out);
        put_number(&line, "cost_micros", figures->cost_micros);
    }
    put_number(&line, "ms", (int64_t)figures->total_ms);
    put_number(&line, "work_ms", (int64_t)figures->work_ms);
    if (figures->first_text_ms >= 0)
        put_number(&line, "first_text_ms", figures->first_text_ms);
    if (figures->resumed)
        put_number(&line, "resumed", 1);
    log_fields(LOG_INFO, "turn", OPS_TURN_MESSAGE_ID, line.fields, line.count, "ended");
}
