/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a turn's event. The event is owed before any of them is fetched; the fetching belongs
 * to the turn, and what was found is stored file by file before the first stage begins. So a turn
 * that runs again, after a crash too, reads the same. Inside the turn's coroutine.
 */
#ifndef TURN_FILES_H
#define TURN_FILES_H

#include <stdbool.h>

struct turn;

/* Fetches what is not stored yet, and makes the texts part of the event's content. False: the turn
 * has come to its end, or to be ended. [waits] */
bool turn_files_open(struct turn *turn);
/* Tells the member below the answer what of the files nobody looked at. [waits] */
void turn_files_remark(struct turn *turn);

#endif
