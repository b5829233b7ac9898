/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of an answer: its last texts join the engine's batch, and what was committed goes out.
 */
#include "gateway/discord/answer_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "loop/op.h"

#include <string.h>

#define SURPLUS_BODY "-# (see above)"

/* What has not left need not: the end is the whole text. Waits for what is under way, so that the end
 * can be an edit of it. Where Discord takes its time, the end goes into further messages instead. */
static void settle(struct discord_answer *answer)
{
    struct op *op;

    for (size_t i = 0; i < answer->count; i++) {
        struct discord_piece *piece = &answer->pieces[i];

        if (piece->given && !piece->over)
            piece->taken_back = discord_outbox_take_back(answer->discord->outbox, piece->row);
    }
    if (!answer->busy)
        return;
    op = op_new(answer->discord->loop, NULL);
    answer->idle = op;
    co_shield(answer->discord->settle_ms);
    (void)op_wait(op, co_after(answer->discord->settle_ms), NULL);
    co_unshield();
    if (answer->idle) { /* nobody completes it any more: both references are ours */
        answer->idle = NULL;
        op_complete(op, TROUPE_OK, NULL);
    }
    op_drop(op);
}

/* How many pieces, from the first, have a text that must stay; `ret_offset` is what of the text they
 * show. */
static size_t frozen(const struct discord_answer *answer, const char *text, size_t len,
                     size_t *ret_offset)
{
    size_t count = 0, offset = 0;

    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].over || discord_piece_unsettled(&answer->pieces[i]))
            count = i + 1;
    for (size_t i = 0; i < count; i++) {
        const char *source = discord_piece_source(answer->pieces[i].row);
        size_t n = answer->pieces[i].absent ? 0 : strlen(source);

        if (n > len - offset || memcmp(text + offset, source, n)) {
            offset = 0; /* it says something else: all of the text follows */
            break;
        }
        offset += n;
    }
    *ret_offset = offset;
    return count;
}

troupe_status discord_answer_prepare(struct gateway *gateway, void *handle,
                                     const struct gateway_final *final, struct store_batch *batch,
                                     struct error *err)
{
    struct discord_answer *answer = handle;
    const char *text = final->text;
    size_t len = final->len, keep, offset;
    struct discord_layout layout;
    struct discord_code code;
    _cleanup_mem_ char *buttons = discord_offers_ended(answer, final);

    (void)gateway;
    (void)err;
    answer->prepared = true; /* from here on nothing is shown that is not the end */
    loop_timer_stop(&answer->timer);
    settle(answer);
    if (!text) {
        text = buf_text(&answer->text);
        len = answer->text.len;
        /* Cut before it came to where an earlier process was: what was shown stands. */
        if (!discord_answer_has_news(answer) && (!len || final->outcome == GATEWAY_INTERRUPTED)) {
            text = buf_text(&answer->shown);
            len = answer->shown.len;
        }
    }
    keep = frozen(answer, text, len, &offset);
    discord_code_take(text, len, answer->kind == GATEWAY_ASK ? 0 : answer->discord->code_file, true,
                      &code);
    discord_layout_code(text, &code, offset,
                        final->outcome == GATEWAY_INTERRUPTED ? DISCORD_LAYOUT_INTERRUPTED
                                                              : DISCORD_LAYOUT_WHOLE,
                        &layout);
    (void)discord_answer_lay(answer, &layout, keep);
    answer->owed = keep + layout.count;
    if (final->files)
        discord_answer_attach_all(answer, final->files);
    for (size_t i = 0; i < code.count; i++)
        discord_answer_attach(answer, code.files[i].name, text + code.files[i].content,
                              code.files[i].content_len);
    discord_code_clear(&code);
    for (size_t i = 0; i < answer->count; i++) {
        struct discord_piece *piece = &answer->pieces[i];
        bool last = i + 1 == answer->owed;

        discord_piece_offer(piece, NULL);
        if (piece->over) {
            continue; /* its row has ended */
        } else if (i < answer->owed || discord_piece_is_file(piece)) {
            if (last && buttons && !discord_piece_unsettled(piece))
                discord_piece_offer(piece, buttons);
            discord_piece_store(piece, piece->buttons, OUTBOX_READY, batch);
        } else if (piece->given && !piece->taken_back) {
            static const struct discord_part surplus = {(char *)SURPLUS_BODY, (char *)""};

            discord_piece_set(&piece->body, &piece->source, &surplus);
            discord_piece_store(piece, NULL, OUTBOX_READY, batch);
        } else {
            if (piece->stored)
                outbox_delete(batch, piece->row->id);
            if (piece->row->event && !piece->row->part) /* the next message may have its place */
                discord_original_unuse(answer->discord, answer->turn);
        }
    }
    discord_layout_clear(&layout);
    if (!answer->discord->ending++)
        discord_ahead(answer, batch);
    return TROUPE_OK;
}

/* ---- after the commit ------------------------------------------------------------------------ */

/* A message that the final text needs no more: emptied by its row, which is owed, then deleted. */
struct surplus {
    struct discord *discord;
    char *channel, *message;
    struct event *event; /* an interaction whose webhook it stands behind; NULL: none */
};

static void deleted(void *arg, troupe_status status, const struct discord_response *response,
                    const struct error *err)
{
    (void)arg;
    (void)response;
    if (status < 0 && status != TROUPE_CANCELED && status != TROUPE_NOT_FOUND)
        log_debug("discord", "a message that is not needed stays: %s", err ? err->text : "");
}

static void emptied(void *arg, troupe_status status)
{
    struct surplus *surplus = arg;

    if (status == TROUPE_OK && surplus->message && surplus->discord->rest) {
        const struct event *event = surplus->event;
        _cleanup_mem_ char *path =
            event ? mem_printf("/webhooks/%s/%s/messages/%s", surplus->discord->application,
                               event->token, surplus->message)
                  : mem_printf("/channels/%s/messages/%s", surplus->channel, surplus->message);
        struct discord_request request = {
            .method = "DELETE",
            .route = "/channels/{channel}/messages/{message}",
            .path = path,
            .major = surplus->channel,
            .priority = DISCORD_EDIT,
            .repeatable = true,
        };

        if (event) {
            request.route = "/webhooks/{webhook}/{token}/messages/{message}";
            request.major = event->source_id;
            request.no_auth = true;
        }
        (void)discord_rest_send(surplus->discord->rest, &request, deleted, NULL, NULL);
    }
    event_unref(surplus->event);
    mem_free(surplus->channel);
    mem_free(surplus->message);
    mem_free(surplus);
}

static void show_surplus(struct discord_answer *answer, struct discord_piece *piece)
{
    struct surplus *surplus = mem_zero(1, sizeof(*surplus));
    const struct outbox_row *row = piece->row;

    surplus->discord = answer->discord;
    surplus->channel = mem_strdup(row->channel);
    surplus->message = row->remote_id ? mem_strdup(row->remote_id) : NULL;
    surplus->event = row->event && !row->detached ? event_ref(row->event) : NULL;
    discord_outbox_show(answer->discord->outbox, piece->row, true, emptied, surplus);
}

void discord_answer_commit(struct gateway *gateway, void *handle)
{
    struct discord *discord = (struct discord *)gateway;
    struct discord_answer *answer = handle;

    if (discord_ahead_settle(answer, true)) {
        discord_answer_leave(answer);
        return;
    }
    for (size_t i = 0; i < answer->count; i++) {
        struct discord_piece *piece = &answer->pieces[i];

        if (i >= answer->owed && !piece->given && !discord_piece_is_file(piece))
            continue; /* never stored, or deleted */
        if (i >= answer->owed && piece->taken_back) {
            discord_outbox_drop(piece->row);
            continue;
        }
        discord_piece_apply(piece);
        piece->row->state = OUTBOX_READY;
        discord_piece_dress(piece);
        piece->stored = piece->given = true;
        if (i < answer->owed || discord_piece_is_file(piece))
            discord_outbox_show(discord->outbox, piece->row, true, NULL, NULL);
        else
            show_surplus(answer, piece);
    }
    discord_answer_leave(answer);
}

void discord_answer_failed(struct gateway *gateway, void *handle)
{
    struct discord_answer *answer = handle;

    (void)gateway;
    answer->called_off |= discord_ahead_settle(answer, false);
}

void discord_answer_drop(struct gateway *gateway, void *handle)
{
    struct discord *discord = (struct discord *)gateway;
    struct discord_answer *answer = handle;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct discord_layout layout;
    struct discord_piece *last = NULL;

    if (answer->called_off || discord_ahead_settle(answer, false)) {
        discord_answer_leave(answer);
        return;
    }
    for (size_t i = 0; i < answer->count; i++) {
        if (answer->pieces[i].given) {
            last = &answer->pieces[i];
            if (last->taken_back)
                discord_outbox_pass(last->row);
        } else if (answer->pieces[i].stored) {
            outbox_delete(batch, answer->pieces[i].row->id);
        }
    }
    if (store_batch_count(batch))
        (void)store_submit(discord->store, batch, NULL, NULL, NULL);
    /* The rows stay as they are stored: a turn that runs again goes on with them. Until then nobody
     * is to wait for more. */
    if (last && last->row->remote_id) {
        const char *source = discord_piece_source(last->row);

        discord_layout(source, strlen(source), DISCORD_LAYOUT_INTERRUPTED, &layout);
        if (layout.count == 1) {
            discord_piece_set(&last->body, &last->source, &layout.parts[0]);
            discord_piece_apply(last);
            discord_outbox_show(discord->outbox, last->row, false, NULL, NULL);
        }
        discord_layout_clear(&layout);
    }
    discord_answer_leave(answer);
}
