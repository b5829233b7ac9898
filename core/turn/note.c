/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages that addressed the bot and have no turn in the store: what stops and looks at things runs
 * without one, and what has no words asks for nothing. Where their answer could not be said, the reason
 * is kept here, as an event that ended at once. Nothing waits for it.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

void turn_engine_add_ended(struct store_batch *batch, const struct turn_ended_event *ended)
{
    const struct event *event = ended->event;

    store_batch_add(batch, STORE_EXPECT(ended->expect ? ended->expect : STORE_ANY, SQL_TURN_ENDED,
                                        store_int(ended->id), store_text(event->source),
                                        store_text(event->source_id), store_text(event->account),
                                        store_text(event->guild), store_text(event->channel),
                                        store_text(event->member), store_text(event->kind),
                                        store_text(ended->payload), store_int(ended->generation),
                                        store_int(clock_wall_ms()), store_text(ended->state),
                                        store_text(ended->reason), store_text(ended->sentence),
                                        store_text(ended->trace)));
}

static void noted(void *arg, struct store_batch *batch, troupe_status status,
                  const struct error *err)
{
    (void)batch;
    if (status < 0)
        log_warn("turn", "why a message has no answer is not kept: %s", err->text);
    turn_engine_release(arg);
}

void turn_engine_note(struct engine *engine, const struct event *event, const char *reason,
                      const char *sentence)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *text = mem_strdup(sentence), *printed = NULL;
    struct turn_trace trace;
    struct error err;

    turn_text_tidy(text);
    turn_trace_init(&trace);
    turn_trace_add(&trace, "delivery", reason, "%s", text);
    printed = turn_trace_print(&trace);
    turn_trace_clear(&trace);
    turn_engine_add_ended(batch, &(struct turn_ended_event){
                                     .id = turn_engine_next_event(engine),
                                     .event = event,
                                     .payload = "{}",
                                     .generation = (int64_t)engine->set->number,
                                     .state = "failed",
                                     .reason = reason,
                                     .sentence = text,
                                     .trace = printed,
                                 });
    turn_engine_hold(engine);
    if (store_submit(engine->store, batch, noted, engine, &err) < 0)
        noted(engine, NULL, err.status, &err);
}
