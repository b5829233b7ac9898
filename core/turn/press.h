/* SPDX-License-Identifier: Apache-2.0
 *
 * Buttons below answers that no stage waits for: stopping a turn, and rating what it said. Each gives
 * the sentence that who pressed reads, alone; NULL: none. Static. Inside a coroutine.
 */
#ifndef TURN_PRESS_H
#define TURN_PRESS_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct event;

/* "t:retry:TURN", "t:continue:TURN" (`flag` EVENT_CONTINUE): the question again, as a new event under the
 * press's id. Where it was offered below an answer that was cut, once: the event and the end of the
 * buttons are one commit, and `ret_spent` says that they are used up. */
const char *turn_press_again(struct engine *engine, const struct event *press, int64_t turn_id,
                             uint32_t flag, bool *ret_spent);
/* Only who asked and the bot's owner may. */
const char *turn_press_stop(struct engine *engine, const struct event *press, int64_t turn_id);
/* `value` 1 or -1; a member's last press counts. [waits] */
const char *turn_press_rate(struct engine *engine, const struct event *press, int64_t turn_id,
                            int value);

#endif
