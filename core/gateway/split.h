/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts a text into messages of a bounded length, where it hurts least: between paragraphs, else
 * between lines, sentences, words; never inside a character with its combining marks. A code block
 * that a cut goes through is closed at the end of the part and opened anew in the next one, with its
 * language and quote marks. Works on a text that still grows: a part that is fixed never changes
 * when more text comes, only the last part does.
 *
 * Lengths are UTF-16 units, as Discord counts content (2,000 a message: Discord API, "Create
 * Message"). A fence is a line of three or more ` or ~, after quote marks, list markers and white
 * space, as CommonMark 0.31 has it (section 4.5), with an info text of at most SPLIT_INFO_MAX bytes.
 *
 * Every byte of the text belongs to one part's source, but white space at the edges of a part is
 * not shown (Discord drops it), nor are a code block's opening or closing line where the cut has
 * done its work. No part is without visible text. Pure functions; any thread.
 */
#ifndef GATEWAY_SPLIT_H
#define GATEWAY_SPLIT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define SPLIT_LIMIT_MIN 512 /* a limit must leave room for fences and for some text   */
#define SPLIT_INFO_MAX  100 /* bytes behind a fence; a longer line is text             */
#define SPLIT_FENCE_MAX 32  /* characters of a fence; a longer run is text             */
#define SPLIT_LANG_MAX  32  /* bytes of a language that is repeated                    */
#define SPLIT_QUOTE_MAX 8   /* levels of quotes that are repeated                      */

/* An open code block; offsets are into the text. */
struct split_fence {
    bool open;
    char mark;       /* ` or ~                    */
    unsigned len;    /* how many                  */
    unsigned quotes; /* ">" before it             */
    size_t lang, lang_len;
};

/* Where the next part begins. Zeroed: at the start of the text. */
struct split_state {
    size_t from;
    bool inside_line;
    struct split_fence fence;
};

struct split_part {
    size_t start, end;                /* its source                                             */
    size_t shown;                     /* what of it is shown, from here …                       */
    size_t shown_len;                 /* … so many bytes                                        */
    struct split_fence before, after; /* blocks to open before it and to close after it */
    bool inside_line;                 /* what is shown goes on in the line that was cut         */
    bool fixed;                       /* it never changes; false: the last one, so far          */
};

/* The part at `state`, of at most `limit` units (not below SPLIT_LIMIT_MIN). `text` is UTF-8 and may
 * end inside a character; `whole`: nothing follows any more. A fixed part moves the state behind
 * it; the last one does not, so it is made again when the text has grown. False: nothing more is to
 * be shown now (with `whole`: of the rest of the text, which is white space or an empty block). */
bool split_next(const char *text, size_t len, size_t limit, bool whole, struct split_state *state,
                struct split_part *ret);
/* Appends the message. */
void split_render(const char *text, const struct split_part *part, struct buf *out);

#endif
