/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/first_text.h"

#include "plugin/manifest.h"
#include "turn/engine_private.h"

static void run_until(struct turn *turn, uint64_t due_ms)
{
    const uint64_t now = loop_now(turn->engine->loop);

    turn->text_due_ms = due_ms;
    loop_timer_start(&turn->timer, due_ms > now ? due_ms - now : 0, 0);
}

void turn_first_text_begin(struct turn *turn)
{
    run_until(turn, loop_now(turn->engine->loop) + turn->engine->first_text_ms);
}

void turn_first_text_end(struct turn *turn)
{
    turn->text_due_ms = 0;
    loop_timer_stop(&turn->timer);
}

bool turn_first_text_hold(struct turn *turn, const struct plugin_function *function)
{
    const uint64_t now = loop_now(turn->engine->loop);

    if (!turn->text_due_ms || function->timeout_ms <= turn->engine->first_text_ms)
        return false;
    if (turn->holds++ == 0) {
        turn->text_left_ms = turn->text_due_ms > now ? turn->text_due_ms - now : 0;
        loop_timer_stop(&turn->timer);
    }
    return true;
}

void turn_first_text_go_on(struct turn *turn, bool held)
{
    if (held && --turn->holds == 0 && turn->text_due_ms)
        run_until(turn, loop_now(turn->engine->loop) + turn->text_left_ms);
}

void turn_first_text_over(struct turn *turn)
{
    if (turn_answer_exists(turn))
        return;
    turn_conclude(turn, "interrupted", "too_slow",
                  "that took too long: nothing to show came in time; please try again in a moment");
    /* Nobody stopped it: whoever it waits for was too slow, and may be told apart by this. */
    if (turn->work)
        scope_cancel(turn->work, TROUPE_DEADLINE);
}
