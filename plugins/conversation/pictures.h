/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures that a member shows: they go to the model with their message, and stay in the talk as a note with
 * their names.
 */
#ifndef CONVERSATION_PICTURES_H
#define CONVERSATION_PICTURES_H

#include <troupe/files.h>

#define PICTURES_MAX 8 /* of a message; llm.chat takes no more */

struct pictures {
    uint32_t files[PICTURES_MAX]; /* their places among the turn's files */
    char names[PICTURES_MAX][129];
    uint32_t count;
};

/* What is attached to the message. [turn, waits] */
void pictures_find(troupe_turn *turn, struct pictures *ret);

/* `text` with a line "[picture: NAME]" for each below it; `text` itself where there is none. `seen`: whether
 * they go along. Lives as long as the turn. [turn] */
troupe_str pictures_note(troupe_turn *turn, const struct pictures *pictures, troupe_str text,
                         int seen);

/* Their names in quotes, separated by commas. The bytes that it takes. */
size_t pictures_names(const struct pictures *pictures, char *ret, size_t size);

/* The line that tells the member that nobody looked at them, who is then told so by nobody else. "" where it
 * does not fit. [turn, waits] */
void pictures_excuse(troupe_turn *turn, const struct pictures *pictures, char *ret, size_t size);

#endif
