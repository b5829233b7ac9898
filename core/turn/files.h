/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a turn's event. The event is owed before any of them is fetched; the fetching belongs
 * to the turn, and what was found is stored file by file before the first stage begins. So a turn
 * that runs again, after a crash too, reads the same. Inside the turn's coroutine.
 */
#ifndef TURN_FILES_H
#define TURN_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <troupe/abi.h>

struct engine_file;
struct plugin_function;
struct turn;

/* Fetches what is not stored yet, and makes the texts part of the event's content. False: the turn
 * has come to its end, or to be ended. [waits] */
bool turn_files_open(struct turn *turn);
/* The same for a command that takes files: they are there for the function alone. [waits] */
bool turn_files_give(struct turn *turn);
/* Keeps files that come with a call from the shell. [waits] */
troupe_status turn_files_take(struct turn *turn, const struct engine_file *files, size_t count,
                              struct error *err);
/* Whether the files that the values name are there and of the kind and size that the function takes.
 * TROUPE_ARGUMENT with a sentence. [waits] */
troupe_status turn_files_check(const struct turn *turn, const struct plugin_function *function,
                               const troupe_value *values, struct error *err);
/* Tells the member below the answer what of the files nobody looked at. [waits] */
void turn_files_remark(struct turn *turn);

#endif
