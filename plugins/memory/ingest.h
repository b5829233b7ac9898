/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: text and Markdown in pieces that can be found, each with its source and the headings above it.
 */
#ifndef MEMORY_INGEST_H
#define MEMORY_INGEST_H

#include "fact.h"

enum {
    PIECE_WANTED = 700, /* bytes that a piece has, about                    */
    PIECE_MOST = 1000,
    PIECES_MAX = 400, /* of one document                                    */
    HEADING_MAX = 120 /* bytes of the headings above a piece, with the end  */
};

struct ingest_piece {
    troupe_str text; /* of the document */
    char heading[HEADING_MAX];
};

/* Cuts a document between paragraphs, else lines, sentences or words; a heading begins a new piece. Returns how many
 * there are, at most `most`; `ret_rest` what did not fit. Pure. */
uint32_t ingest_cut(troupe_str document, struct ingest_piece *ret, uint32_t most,
                    troupe_str *ret_rest);
/* Puts a document in place of the one of the same source; an empty one takes it away. `scope` is
 * TROUPE_SCOPE_GUILD, or TROUPE_SCOPE_AGENT for everybody. TROUPE_LIMIT for one of too many pieces.
 * [turn, waits] */
troupe_status ingest_put(troupe_turn *turn, uint32_t scope, troupe_str source, troupe_str document,
                         uint32_t *ret_pieces, uint64_t *ret_before);

#endif
