/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as it grows: one row of the outbox a message, stored before it is shown. Text gathers
 * while a piece is being stored or shown, so there is one write and one request at a time, however
 * fast a model writes.
 *
 * What another process could find after a crash decides what may change: a message is looked up by
 * the text that was stored for it, until its id is stored. So the stored text of a message that is
 * being created stays, until the creation was heard of.
 */
#include "gateway/discord/answer_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "loop/op.h"

#include <string.h>

/* ---- life ------------------------------------------------------------------------------------ */

static void closed(struct loop_timer *timer)
{
    struct discord_answer *answer = container_of(timer, struct discord_answer, timer);

    for (size_t i = 0; i < answer->count; i++)
        discord_piece_clear(&answer->pieces[i]);
    mem_free(answer->pieces);
    buf_clear(&answer->text);
    buf_clear(&answer->shown);
    event_unref(answer->event);
    mem_free(answer);
}

static void finish(struct discord_answer *answer)
{
    list_remove(&answer->link);
    loop_timer_close(&answer->timer, closed);
}

static void fire(struct loop_timer *timer);

static void less_busy(struct discord_answer *answer)
{
    if (--answer->busy)
        return;
    if (answer->idle)
        op_complete(answer->idle, TROUPE_OK, NULL);
    answer->idle = NULL;
    if (answer->gone)
        finish(answer);
}

/* ---- showing ---------------------------------------------------------------------------------- */

/* Text that was written and is more than members see. Written anew by a stage that runs again, it
 * is shown when it goes beyond what is there, or apart from it. */
bool discord_answer_has_news(const struct discord_answer *answer)
{
    const struct buf *text = &answer->text, *shown = &answer->shown;

    if (!text->len)
        return false;
    return text->len > shown->len || memcmp(text->data, shown->data, text->len) != 0;
}

static void schedule(struct discord_answer *answer)
{
    struct discord *discord = answer->discord;
    uint64_t now = loop_now(discord->loop), due;

    if (answer->busy || answer->prepared || answer->gone || answer->kind == GATEWAY_ASK ||
        !answer->turn || discord->stream == DISCORD_STREAM_OFF ||
        !discord_answer_has_news(answer) || uv_is_active((uv_handle_t *)&answer->timer.handle))
        return;
    due = answer->last ? answer->last + discord->edit_ms : now + discord->first_text_ms;
    loop_timer_start(&answer->timer, due > now ? due - now : 0, 0);
}

static struct discord_piece *piece_of(struct discord_answer *answer, const struct outbox_row *row)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].row == row)
            return &answer->pieces[i];
    return NULL;
}

/* One show under way. */
struct showing {
    struct discord_answer *answer;
    struct outbox_row *row;
};

static void shown(void *arg, troupe_status status)
{
    struct showing *showing = arg;
    struct discord_answer *answer = showing->answer;
    struct discord_piece *piece = answer->gone ? NULL : piece_of(answer, showing->row);

    if (piece && status < 0 && status != TROUPE_CANCELED) {
        piece->over = true;
        piece->absent = !piece->row->remote_id && status != TROUPE_MAYBE_DONE;
    }
    mem_free(showing);
    answer->last = loop_now(answer->discord->loop);
    less_busy(answer);
    schedule(answer);
}

static void show(struct discord_answer *answer, struct discord_piece *piece)
{
    struct showing *showing = mem_zero(1, sizeof(*showing));

    showing->answer = answer;
    showing->row = piece->row;
    piece->given = true;
    answer->busy++;
    discord_outbox_show(answer->discord->outbox, piece->row, false, shown, showing);
}

static void note_shown(struct discord_answer *answer)
{
    buf_reset(&answer->shown);
    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].given)
            buf_puts(&answer->shown, discord_piece_source(answer->pieces[i].row));
}

static void told(void *arg, struct store_batch *batch, troupe_status status,
                 const struct error *err)
{
    struct discord_answer *answer = arg;

    (void)batch;
    answer->discord->writes--;
    if (status < 0)
        log_warn("discord", "a piece of the answer of turn %lld waits: it could not be stored: %s",
                 (long long)answer->turn, err->text);
    for (size_t i = 0; i < answer->count; i++) {
        struct discord_piece *piece = &answer->pieces[i];

        if (!piece->writing)
            continue;
        piece->writing = false;
        if (status < 0)
            piece->stored = piece->given;
        if (status < 0 || answer->prepared || answer->gone)
            continue; /* the end has its own text for it */
        discord_piece_apply(piece);
        discord_piece_dress(piece);
        show(answer, piece);
    }
    answer->last = loop_now(answer->discord->loop);
    note_shown(answer);
    less_busy(answer);
    schedule(answer);
}

/* The timer: stores what is new, to show it then. */
static void fire(struct loop_timer *timer)
{
    struct discord_answer *answer = container_of(timer, struct discord_answer, timer);
    struct discord *discord = answer->discord;
    struct discord_layout layout;
    struct discord_code code;
    _cleanup_mem_ char *growing = discord_offers_growing(answer);
    struct store_batch *batch;
    struct error err;
    bool changed = false;

    if (answer->busy || answer->prepared || answer->gone)
        return;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].over || discord_piece_unsettled(&answer->pieces[i]))
            return; /* nothing is added before the end decides */
    discord_code_take(answer->text.data, answer->text.len, discord->code_file, false, &code);
    discord_layout_code(answer->text.data, &code, 0, DISCORD_LAYOUT_GROWS, &layout);
    discord_code_clear(&code);
    if (discord->stream == DISCORD_STREAM_PARTIAL && layout.count) {
        layout.count--; /* the last one still grows */
        mem_free(layout.parts[layout.count].body);
        mem_free(layout.parts[layout.count].source);
    }
    /* Fewer messages than there are: the end decides what becomes of the others. */
    changed = layout.count >= answer->count && discord_answer_lay(answer, &layout, 0);
    discord_layout_clear(&layout);
    if (!changed)
        return;
    batch = store_batch_new();
    for (size_t i = 0; i < answer->count; i++) {
        struct discord_piece *piece = &answer->pieces[i];
        const char *buttons = i + 1 == answer->count ? growing : NULL;

        if (!piece->body && piece->stored && !discord_piece_undressed(piece, buttons))
            continue;
        discord_piece_offer(piece, buttons);
        discord_piece_store(piece, buttons, OUTBOX_STREAMING, batch);
        piece->stored = piece->writing = true;
    }
    answer->busy++;
    discord->writes++;
    if (store_submit(discord->store, batch, told, answer, &err) < 0)
        told(answer, NULL, err.status, &err);
    store_batch_free(batch);
}

/* ---- the engine's calls ---------------------------------------------------------------------- */

static struct discord_answer *find(struct discord *discord, int64_t turn, unsigned ordinal)
{
    list_for_each (link, &discord->answers) {
        struct discord_answer *answer = container_of(link, struct discord_answer, link);

        if (answer->turn == turn && answer->ordinal == ordinal && !answer->prepared &&
            !answer->gone)
            return answer;
    }
    return NULL;
}

troupe_status discord_answer_begin(struct gateway *gateway, const struct event *event, int64_t turn,
                                   unsigned ordinal, enum gateway_kind kind, void **ret,
                                   struct error *err)
{
    struct discord *discord = (struct discord *)gateway;
    struct outbox_row *rows[DISCORD_PIECES_MAX];
    struct discord_answer *answer;
    size_t count;

    if (!event->channel)
        return error_set(err, TROUPE_ARGUMENT, "event \"%s\" has no channel to answer in",
                         event->source_id);
    answer = turn ? find(discord, turn, ordinal) : NULL;
    if (answer) {
        buf_reset(
            &answer->text); /* a stage that runs again in this process writes from the start */
        *ret = answer;
        return TROUPE_OK;
    }
    answer = mem_zero(1, sizeof(*answer));
    answer->discord = discord;
    answer->event = event_ref((struct event *)event);
    answer->turn = turn;
    answer->ordinal = ordinal;
    answer->kind = kind;
    list_append(&discord->answers, &answer->link);
    loop_timer_init(discord->loop, &answer->timer, fire);
    count =
        turn ? discord_outbox_streams(discord->outbox, turn, ordinal, rows, DISCORD_PIECES_MAX) : 0;
    for (size_t i = 0; i < count; i++) {
        struct discord_piece *piece = discord_piece_add(answer, rows[i]);

        piece->stored = piece->given = true;
        if (!rows[i]->remote_id)
            show(answer, piece); /* finds out whether it is there */
    }
    note_shown(answer);
    *ret = answer;
    return TROUPE_OK;
}

size_t discord_answer_shown(struct gateway *gateway, void *handle, const char **ret_text)
{
    struct discord_answer *answer = handle;

    (void)gateway;
    *ret_text = buf_text(&answer->shown);
    return answer->shown.len;
}

troupe_status discord_answer_write(struct gateway *gateway, void *handle, const char *text,
                                   size_t len)
{
    struct discord_answer *answer = handle;

    buf_append(&answer->text, text, len);
    discord_typing_progress((struct discord *)gateway, answer->event);
    schedule(answer);
    return TROUPE_OK;
}

void discord_answer_leave(struct discord_answer *answer)
{
    if (answer->prepared)
        answer->discord->ending--;
    answer->gone = true;
    loop_timer_stop(&answer->timer);
    if (!answer->busy)
        finish(answer);
}

void discord_answer_clear(struct discord *discord)
{
    list_for_each_safe (link, &discord->answers) {
        struct discord_answer *answer = container_of(link, struct discord_answer, link);

        (void)discord_ahead_settle(answer, false);
        finish(answer);
    }
}
