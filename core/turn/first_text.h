/* SPDX-License-Identifier: Apache-2.0
 *
 * [admission] first_text: how long a turn may work before it shows something. Where that time is over the turn
 * ends with a sentence, and what it waits for hears TROUPE_DEADLINE.
 *
 * The clock stands still while a function runs that declares a longer time of its own, as a picture takes it: that
 * time and [admission] total bound it then.
 */
#ifndef TURN_FIRST_TEXT_H
#define TURN_FIRST_TEXT_H

#include <stdbool.h>

struct plugin_function;
struct turn;

/* Begins when the turn's stages do, and ends with them. */
void turn_first_text_begin(struct turn *turn);
void turn_first_text_end(struct turn *turn);

/* Around a call of the function. Whether the clock stands still for it, for the other one. */
bool turn_first_text_hold(struct turn *turn, const struct plugin_function *function);
void turn_first_text_go_on(struct turn *turn, bool held);

/* The time is over. */
void turn_first_text_over(struct turn *turn);

#endif
