/* SPDX-License-Identifier: Apache-2.0
 *
 * A short answer ahead of its commit. What is left to do between the disk and the request, making it
 * and handing it to the HTTP thread, is done while the disk works; the store's writer lets it go
 * (loop/latch.h). That saves the way over the loop, which is most of what we add to the disk's time.
 *
 * It never leaves before the commit holds, and the order of what members are told stays: one answer
 * at a time, and only where no other is between its batch and the outcome.
 */
#include "gateway/discord/answer_private.h"

#include "loop/latch.h"

#define LATEST_US 2000u /* most commits have not taken longer */

/* One message that is nothing but new. */
static bool is_simple(const struct discord_answer *answer)
{
    const struct discord_piece *piece = answer->pieces;

    return answer->count == 1 && answer->owed == 1 && !piece->stored && !piece->given &&
           !piece->row->event && !piece->row->parent && !discord_piece_is_file(piece) &&
           !piece->row->files;
}

/* The store's own work for later, its hand-over to the writer, stands before this. */
static void go(struct loop_task *task)
{
    struct discord *discord = container_of(task, struct discord, ahead_task);
    struct discord_answer *answer = discord->ahead;
    struct discord_piece *piece;

    discord->ahead_posted = false;
    discord->ahead = NULL;
    if (!answer)
        return;
    piece = &answer->pieces[0];
    discord_piece_apply(piece);
    discord_piece_dress(piece);
    piece->row->state = OUTBOX_READY;
    piece->stored = piece->given = true;
    discord_outbox_ahead(discord->outbox, piece->row, answer->ahead);
}

void discord_ahead(struct discord_answer *answer, struct store_batch *batch)
{
    struct discord *discord = answer->discord;

    if (!is_simple(answer))
        return;
    answer->ahead = latch_new();
    store_batch_opens(batch, answer->ahead);
    discord->ahead = answer;
    if (discord->ahead_posted)
        return;
    discord->ahead_posted = true;
    discord->ahead_task.run = go;
    loop_rest(discord->loop, &discord->ahead_task, LATEST_US);
}

bool discord_ahead_settle(struct discord_answer *answer, bool durable)
{
    struct latch *latch = answer->ahead;
    bool gone = latch && answer->discord->ahead != answer;
    enum latch_state state;

    if (!latch)
        return false;
    if (answer->discord->ahead == answer)
        answer->discord->ahead = NULL;
    answer->ahead = NULL;
    state = durable ? latch_open(latch) : latch_break(latch);
    if (gone) /* what the writer was faster with is owed, whatever its waiter heard */
        discord_outbox_settle(answer->pieces[0].row, state == LATCH_OPEN);
    latch_unref(latch);
    return gone;
}

void discord_ahead_clear(struct discord *discord)
{
    if (discord->ahead_posted)
        loop_rest_cancel(discord->loop, &discord->ahead_task);
    discord->ahead_posted = false;
}
