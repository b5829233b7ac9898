/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests as members read them. Titles, descriptions and reasons are members' words: shown without what a chat
 * would take for markup, a mention or a link. Pure.
 */
#ifndef FEATURES_SHOW_H
#define FEATURES_SHOW_H

#include "request.h"

enum {
    SHOW_LINE_MAX = 1200,  /* bytes of one line of a list, with the end */
    SHOW_LINK_MAX = 400,   /* bytes of a link, with the end             */
    SHOW_WHOLE_MAX = 26000 /* bytes of one request whole, with the end   */
};

/* `text` in one line, at most `most` characters of it, so that nothing in it is markup. `ret` has `size` bytes,
 * which end the text, too. Returns the length. */
size_t show_plain(troupe_str text, uint32_t most, char *ret, size_t size);
/* The same in lines that begin with "> ". */
size_t show_quoted(troupe_str text, char *ret, size_t size);
/* "**#3** a title (planned, 4 votes)"; `ret` has SHOW_LINE_MAX bytes. Returns the length. */
size_t show_line(const struct request_row *row, char *ret);
/* Where it was made: `form` with {guild}, {channel} and {message} filled in; "" where `form` is or there is no
 * message. `ret` has SHOW_LINK_MAX bytes. */
size_t show_link(const char *form, uint64_t guild, const struct request_row *row, char *ret);
/* All of one; `ret` has SHOW_WHOLE_MAX bytes. Returns the length. */
size_t show_whole(const struct request_row *row, const char *link, char *ret);
/* Whether there is a letter or a digit in it. */
int show_has_words(troupe_str text);

#endif
