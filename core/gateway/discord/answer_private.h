/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer inside: piece.c has its messages as rows of the outbox, answer.c how it grows, ending.c
 * what becomes of it. Loop thread.
 */
#ifndef GATEWAY_DISCORD_ANSWER_PRIVATE_H
#define GATEWAY_DISCORD_ANSWER_PRIVATE_H

#include "gateway/discord/internal.h"
#include "gateway/discord/layout.h"

#define DISCORD_PIECES_MAX 128 /* messages of an answer; the engine bounds its text far below */

struct discord_piece {
    struct outbox_row *row; /* the outbox's once `given` */
    char *body, *source;    /* what it is to become; NULL: nothing new */
    char *buttons;          /* below it, in the end                    */
    bool stored;            /* its row is in the store, or on its way there */
    bool writing;           /* what is new is on its way there              */
    bool given;             /* to the outbox: it may be on its way          */
    bool taken_back;        /* from there, before it left                   */
    bool over;              /* given up by the outbox: it stays as it is    */
    bool absent;            /* of these: refused, so it is not there        */
    bool file;              /* it is there for its file, behind the text    */
};

struct discord_answer {
    struct list_link link;
    struct discord *discord;
    struct event *event;
    int64_t turn;
    unsigned ordinal;
    enum gateway_kind kind;
    struct buf text;  /* written so far                                              */
    struct buf shown; /* what members may have seen, as text                         */
    struct discord_piece *pieces;
    size_t count, owed; /* pieces; of these, what the final text needs                */
    struct loop_timer timer;
    uint64_t last;   /* loop_now() of the last piece that was shown; 0: none       */
    unsigned busy;   /* writes and requests under way                              */
    struct op *idle; /* completed when `busy` gets 0                               */
    bool prepared, gone;
    struct latch *ahead; /* see ahead.c; NULL: it goes after its commit */
    bool called_off;     /* it went ahead, and its commit failed: its row is gone */
};

/* ---- piece.c --------------------------------------------------------------------------------- */

/* The text behind a row; the row's. */
const char *discord_piece_source(const struct outbox_row *row);
/* A piece whose creation may have happened without our knowing: its stored text must stay. */
bool discord_piece_unsettled(const struct discord_piece *piece);
struct discord_piece *discord_piece_add(struct discord_answer *answer, struct outbox_row *row);
/* A text that it is to become. */
void discord_piece_set(char **body, char **source, const struct discord_part *part);
/* The statement that makes its new text, or the piece, durable. */
void discord_piece_store(struct discord_piece *piece, const char *buttons, enum outbox_state state,
                         struct store_batch *batch);
/* Whether the row has other buttons than these (NULL: none). */
bool discord_piece_undressed(const struct discord_piece *piece, const char *buttons);
/* Buttons that it is to have, and that its row has from now on. */
void discord_piece_offer(struct discord_piece *piece, const char *buttons);
void discord_piece_dress(struct discord_piece *piece);
/* The stored text becomes the row's. */
void discord_piece_apply(struct discord_piece *piece);
void discord_piece_clear(struct discord_piece *piece);
/* Puts the parts into pieces from `first` on; false where nothing is new. */
bool discord_answer_lay(struct discord_answer *answer, const struct discord_layout *layout,
                        size_t first);

/* Whether it is a message with a file behind the others. */
bool discord_piece_is_file(const struct discord_piece *piece);
/* A message with a file behind the others. */
void discord_answer_attach(struct discord_answer *answer, const char *name, const char *text,
                           size_t len);
/* Files of agents: with the last of the owed messages where that is still to be made, else behind them. */
void discord_answer_attach_all(struct discord_answer *answer, struct attached *files);

/* ---- offers.c -------------------------------------------------------------------------------- */

/* What stands below an answer that grows; NULL: nothing. mem_free. */
char *discord_offers_growing(const struct discord_answer *answer);
/* And below one that has ended, with what the engine offers. mem_free. */
char *discord_offers_ended(const struct discord_answer *answer, const struct gateway_final *final);

/* ---- ahead.c --------------------------------------------------------------------------------- */

/* An answer of one new message, which the batch stores: its request is made while the disk works, and
 * leaves with the commit. Only where nothing else is about to be committed. */
void discord_ahead(struct discord_answer *answer, struct store_batch *batch);
/* The outcome of the commit. False: it did not go ahead, nothing was done. */
bool discord_ahead_settle(struct discord_answer *answer, bool durable);

/* ---- answer.c -------------------------------------------------------------------------------- */

/* More was written than members see. */
bool discord_answer_has_news(const struct discord_answer *answer);
/* The engine is done with it; it goes when nothing of it is under way. */
void discord_answer_leave(struct discord_answer *answer);

#endif
