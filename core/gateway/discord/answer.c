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
#include "gateway/discord/internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/layout.h"
#include "loop/op.h"

#include <stdio.h>
#include <string.h>

#define PIECES_MAX   128 /* messages of an answer; the engine bounds its text far below */
#define SURPLUS_BODY "-# (see above)"

struct piece {
    struct outbox_row *row; /* the outbox's once `given` */
    char *body, *source;    /* what it is to become; NULL: nothing new */
    char *buttons;          /* below it, in the end                    */
    bool stored;            /* its row is in the store, or on its way there */
    bool writing;           /* what is new is on its way there              */
    bool given;             /* to the outbox: it may be on its way          */
    bool over;              /* given up by the outbox: it stays as it is    */
    bool absent;            /* of these: refused, so it is not there        */
};

struct answer {
    struct list_link link;
    struct discord *discord;
    struct event *event;
    int64_t turn;
    unsigned ordinal;
    enum gateway_kind kind;
    struct buf text;  /* written so far                                              */
    struct buf shown; /* what members may have seen, as text                         */
    size_t laid;      /* bytes of `text` that the pieces hold                        */
    struct piece *pieces;
    size_t count, owed; /* pieces; of these, what the final text needs                */
    struct loop_timer timer;
    uint64_t last;   /* loop_now() of the last piece that was shown; 0: none       */
    unsigned busy;   /* writes and requests under way                              */
    struct op *idle; /* completed when `busy` gets 0                               */
    bool prepared, gone;
};

/* ---- pieces ---------------------------------------------------------------------------------- */

static const char *source_of(const struct outbox_row *row)
{
    return row->source ? row->source : row->body;
}

static struct piece *piece_add(struct answer *answer, struct outbox_row *row)
{
    answer->pieces = mem_resize(answer->pieces, answer->count + 1, sizeof(*answer->pieces));
    answer->pieces[answer->count] = (struct piece){.row = row};
    return &answer->pieces[answer->count++];
}

static struct outbox_row *row_new(struct answer *answer, unsigned part)
{
    struct discord *discord = answer->discord;
    const struct event *event = answer->event;
    struct outbox_row *row = outbox_row_new();

    row->id = outbox_next_id(discord->options.rows);
    row->turn = answer->turn;
    row->ordinal = answer->ordinal;
    row->part = part;
    snprintf(row->kind, sizeof(row->kind), "%s", outbox_kind((int)answer->kind));
    row->gateway = mem_strdup(discord->gateway.name);
    row->account = event->account ? mem_strdup(event->account) : NULL;
    row->channel = mem_strdup(event->channel);
    if (!event->token && event_asked_by(event))
        row->reply_to = mem_strdup(event_asked_by(event));
    if (event->flags & EVENT_PING && event->member)
        row->ping = mem_strdup(event->member);
    row->state = OUTBOX_STREAMING;
    row->created_ms = clock_wall_ms();
    return row;
}

/* A piece whose creation may have happened without our knowing: its stored text must stay. */
static bool is_unsettled(const struct piece *piece)
{
    return piece->given && !piece->row->remote_id;
}

static bool equals(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void set_text(char **body, char **source, const struct discord_part *part)
{
    mem_free(*body);
    mem_free(*source);
    *body = mem_strdup(part->body);
    *source = strcmp(part->body, part->source) ? mem_strdup(part->source) : NULL;
}

/* The statement that makes the piece's new text (or the piece) durable. */
static void store_piece(struct piece *piece, const char *buttons, enum outbox_state state,
                        struct store_batch *batch)
{
    struct outbox_row next = *piece->row;

    if (piece->body) {
        next.body = piece->body;
        next.source = piece->source;
    }
    next.buttons = (char *)buttons;
    next.state = state;
    if (piece->stored)
        outbox_update(batch, &next);
    else
        outbox_insert(batch, &next);
}

/* The stored text becomes the row's. */
static void apply_piece(struct piece *piece)
{
    if (!piece->body)
        return;
    mem_free(piece->row->body);
    mem_free(piece->row->source);
    piece->row->body = piece->body;
    piece->row->source = piece->source;
    piece->body = piece->source = NULL;
}

static void piece_clear(struct piece *piece)
{
    mem_free(piece->body);
    mem_free(piece->source);
    mem_free(piece->buttons);
    if (!piece->given)
        outbox_row_free(piece->row);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void closed(struct loop_timer *timer)
{
    struct answer *answer = container_of(timer, struct answer, timer);

    for (size_t i = 0; i < answer->count; i++)
        piece_clear(&answer->pieces[i]);
    mem_free(answer->pieces);
    buf_clear(&answer->text);
    buf_clear(&answer->shown);
    event_unref(answer->event);
    mem_free(answer);
}

static void finish(struct answer *answer)
{
    list_remove(&answer->link);
    loop_timer_close(&answer->timer, closed);
}

static void fire(struct loop_timer *timer);

static void less_busy(struct answer *answer)
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
static bool has_news(const struct answer *answer)
{
    const struct buf *text = &answer->text, *shown = &answer->shown;

    if (!text->len)
        return false;
    return text->len > shown->len || memcmp(text->data, shown->data, text->len) != 0;
}

static void schedule(struct answer *answer)
{
    struct discord *discord = answer->discord;
    uint64_t now = loop_now(discord->loop), due;

    if (answer->busy || answer->prepared || answer->gone || answer->kind == GATEWAY_ASK ||
        !answer->turn || discord->stream == DISCORD_STREAM_OFF || !has_news(answer) ||
        uv_is_active((uv_handle_t *)&answer->timer.handle))
        return;
    due = answer->last ? answer->last + discord->edit_ms : now + discord->first_text_ms;
    loop_timer_start(&answer->timer, due > now ? due - now : 0, 0);
}

static struct piece *piece_of(struct answer *answer, const struct outbox_row *row)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].row == row)
            return &answer->pieces[i];
    return NULL;
}

/* One show under way. */
struct showing {
    struct answer *answer;
    struct outbox_row *row;
};

static void shown(void *arg, troupe_status status)
{
    struct showing *showing = arg;
    struct answer *answer = showing->answer;
    struct piece *piece = answer->gone ? NULL : piece_of(answer, showing->row);

    if (piece && status < 0 && status != TROUPE_CANCELED) {
        piece->over = true;
        piece->absent = !piece->row->remote_id && status != TROUPE_MAYBE_DONE;
    }
    mem_free(showing);
    answer->last = loop_now(answer->discord->loop);
    less_busy(answer);
    schedule(answer);
}

static void show(struct answer *answer, struct piece *piece)
{
    struct showing *showing = mem_zero(1, sizeof(*showing));

    showing->answer = answer;
    showing->row = piece->row;
    piece->given = true;
    answer->busy++;
    discord_outbox_show(answer->discord->outbox, piece->row, false, shown, showing);
}

static void note_shown(struct answer *answer)
{
    buf_reset(&answer->shown);
    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].given)
            buf_puts(&answer->shown, source_of(answer->pieces[i].row));
}

static void told(void *arg, struct store_batch *batch, troupe_status status,
                 const struct error *err)
{
    struct answer *answer = arg;

    (void)batch;
    answer->discord->writes--;
    if (status < 0)
        log_warn("discord", "a piece of the answer of turn %lld waits: it could not be stored: %s",
                 (long long)answer->turn, err->text);
    for (size_t i = 0; i < answer->count; i++) {
        struct piece *piece = &answer->pieces[i];

        if (!piece->writing)
            continue;
        piece->writing = false;
        if (status < 0)
            piece->stored = piece->given;
        if (status < 0 || answer->prepared || answer->gone)
            continue; /* the end has its own text for it */
        apply_piece(piece);
        show(answer, piece);
    }
    answer->last = loop_now(answer->discord->loop);
    note_shown(answer);
    less_busy(answer);
    schedule(answer);
}

/* Puts the parts into pieces from `first` on; false where nothing is new. */
static bool lay(struct answer *answer, const struct discord_layout *layout, size_t first)
{
    bool news = false;

    for (size_t i = 0; i < layout->count && first + i < PIECES_MAX; i++) {
        const struct discord_part *part = &layout->parts[i];
        struct piece *piece;

        if (first + i == answer->count) {
            piece = piece_add(answer, row_new(answer, (unsigned)answer->count));
            set_text(&piece->row->body, &piece->row->source, part);
            news = true;
            continue;
        }
        piece = &answer->pieces[first + i];
        if (equals(piece->row->body, part->body) && equals(source_of(piece->row), part->source)) {
            mem_free(piece->body);
            mem_free(piece->source);
            piece->body = piece->source = NULL;
        } else {
            set_text(&piece->body, &piece->source, part);
            news = true;
        }
    }
    return news;
}

/* The timer: stores what is new, to show it then. */
static void fire(struct loop_timer *timer)
{
    struct answer *answer = container_of(timer, struct answer, timer);
    struct discord *discord = answer->discord;
    struct discord_layout layout;
    struct store_batch *batch;
    struct error err;
    bool changed = false;

    if (answer->busy || answer->prepared || answer->gone)
        return;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].over || is_unsettled(&answer->pieces[i]))
            return; /* nothing is added before the end decides */
    discord_layout(answer->text.data, answer->text.len, DISCORD_LAYOUT_GROWS, &layout);
    if (discord->stream == DISCORD_STREAM_PARTIAL && layout.count) {
        layout.count--; /* the last one still grows */
        mem_free(layout.parts[layout.count].body);
        mem_free(layout.parts[layout.count].source);
    }
    /* Fewer messages than there are: the end decides what becomes of the others. */
    changed = layout.count >= answer->count && lay(answer, &layout, 0);
    discord_layout_clear(&layout);
    if (!changed)
        return;
    batch = store_batch_new();
    for (size_t i = 0; i < answer->count; i++) {
        struct piece *piece = &answer->pieces[i];

        if (!piece->body && piece->stored)
            continue;
        store_piece(piece, NULL, OUTBOX_STREAMING, batch);
        piece->stored = piece->writing = true;
    }
    answer->busy++;
    discord->writes++;
    if (store_submit(discord->store, batch, told, answer, &err) < 0)
        told(answer, NULL, err.status, &err);
    store_batch_free(batch);
}

/* ---- the engine's calls ---------------------------------------------------------------------- */

static struct answer *find(struct discord *discord, int64_t turn, unsigned ordinal)
{
    list_for_each (link, &discord->answers) {
        struct answer *answer = container_of(link, struct answer, link);

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
    struct outbox_row *rows[PIECES_MAX];
    struct answer *answer;
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
    count = turn ? discord_outbox_streams(discord->outbox, turn, ordinal, rows, PIECES_MAX) : 0;
    for (size_t i = 0; i < count; i++) {
        struct piece *piece = piece_add(answer, rows[i]);

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
    struct answer *answer = handle;

    (void)gateway;
    *ret_text = buf_text(&answer->shown);
    return answer->shown.len;
}

troupe_status discord_answer_write(struct gateway *gateway, void *handle, const char *text,
                                   size_t len)
{
    struct answer *answer = handle;

    buf_append(&answer->text, text, len);
    discord_typing_progress((struct discord *)gateway, answer->event);
    schedule(answer);
    return TROUPE_OK;
}

/* Waits for what is under way, so that the end can be an edit of it. Where Discord takes its time,
 * the end goes into further messages instead. */
static void settle(struct answer *answer)
{
    struct op *op;

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
static size_t frozen(const struct answer *answer, const char *text, size_t len, size_t *ret_offset)
{
    size_t count = 0, offset = 0;

    for (size_t i = 0; i < answer->count; i++)
        if (answer->pieces[i].over || is_unsettled(&answer->pieces[i]))
            count = i + 1;
    for (size_t i = 0; i < count; i++) {
        const char *source = source_of(answer->pieces[i].row);
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
    struct answer *answer = handle;
    const char *text = final->text;
    size_t len = final->len, keep, offset;
    struct discord_layout layout;
    _cleanup_mem_ char *buttons = outbox_buttons(final->buttons, final->button_count);

    (void)gateway;
    (void)err;
    settle(answer);
    answer->prepared = true;
    loop_timer_stop(&answer->timer);
    if (!text) {
        text = buf_text(&answer->text);
        len = answer->text.len;
        /* Cut before it came to where an earlier process was: what was shown stands. */
        if (!has_news(answer) && (!len || final->outcome == GATEWAY_INTERRUPTED)) {
            text = buf_text(&answer->shown);
            len = answer->shown.len;
        }
    }
    keep = frozen(answer, text, len, &offset);
    discord_layout(text + offset, len - offset,
                   final->outcome == GATEWAY_INTERRUPTED ? DISCORD_LAYOUT_INTERRUPTED
                                                         : DISCORD_LAYOUT_WHOLE,
                   &layout);
    (void)lay(answer, &layout, keep);
    answer->owed = keep + layout.count;
    for (size_t i = 0; i < answer->count; i++) {
        struct piece *piece = &answer->pieces[i];
        bool last = i + 1 == answer->owed;

        if (piece->over) {
            continue; /* its row has ended */
        } else if (i < answer->owed) {
            if (last && buttons && !is_unsettled(piece)) {
                mem_free(piece->buttons);
                piece->buttons = mem_strdup(buttons);
            }
            store_piece(piece, piece->buttons, OUTBOX_READY, batch);
        } else if (piece->given) {
            static const struct discord_part surplus = {(char *)SURPLUS_BODY, (char *)""};

            set_text(&piece->body, &piece->source, &surplus);
            store_piece(piece, NULL, OUTBOX_READY, batch);
        } else if (piece->stored) {
            outbox_delete(batch, piece->row->id);
        }
    }
    discord_layout_clear(&layout);
    return TROUPE_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* A message that the final text needs no more: emptied by its row, which is owed, then deleted. */
struct surplus {
    struct discord *discord;
    char *channel, *message;
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
        _cleanup_mem_ char *path =
            mem_printf("/channels/%s/messages/%s", surplus->channel, surplus->message);
        struct discord_request request = {
            .method = "DELETE",
            .route = "/channels/{channel}/messages/{message}",
            .path = path,
            .major = surplus->channel,
            .priority = DISCORD_EDIT,
            .repeatable = true,
        };

        (void)discord_rest_send(surplus->discord->rest, &request, deleted, NULL, NULL);
    }
    mem_free(surplus->channel);
    mem_free(surplus->message);
    mem_free(surplus);
}

static void show_surplus(struct answer *answer, struct piece *piece)
{
    struct surplus *surplus = mem_zero(1, sizeof(*surplus));
    const struct outbox_row *row = piece->row;

    surplus->discord = answer->discord;
    surplus->channel = mem_strdup(row->channel);
    surplus->message = row->remote_id ? mem_strdup(row->remote_id) : NULL;
    discord_outbox_show(answer->discord->outbox, piece->row, true, emptied, surplus);
}

static void leave(struct answer *answer)
{
    answer->gone = true;
    loop_timer_stop(&answer->timer);
    if (!answer->busy)
        finish(answer);
}

void discord_answer_commit(struct gateway *gateway, void *handle)
{
    struct discord *discord = (struct discord *)gateway;
    struct answer *answer = handle;

    for (size_t i = 0; i < answer->count; i++) {
        struct piece *piece = &answer->pieces[i];

        if (i >= answer->owed && !piece->given)
            continue; /* never stored, or deleted */
        apply_piece(piece);
        piece->row->state = OUTBOX_READY;
        if (piece->buttons) {
            mem_free(piece->row->buttons);
            piece->row->buttons = piece->buttons;
            piece->buttons = NULL;
        }
        piece->stored = piece->given = true;
        if (i < answer->owed)
            discord_outbox_show(discord->outbox, piece->row, true, NULL, NULL);
        else
            show_surplus(answer, piece);
    }
    leave(answer);
}

void discord_answer_drop(struct gateway *gateway, void *handle)
{
    struct discord *discord = (struct discord *)gateway;
    struct answer *answer = handle;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct discord_layout layout;
    struct piece *last = NULL;

    for (size_t i = 0; i < answer->count; i++) {
        if (answer->pieces[i].given)
            last = &answer->pieces[i];
        else if (answer->pieces[i].stored)
            outbox_delete(batch, answer->pieces[i].row->id);
    }
    if (store_batch_count(batch))
        (void)store_submit(discord->store, batch, NULL, NULL, NULL);
    /* The rows stay as they are stored: a turn that runs again goes on with them. Until then nobody
     * is to wait for more. */
    if (last && last->row->remote_id) {
        const char *source = source_of(last->row);

        discord_layout(source, strlen(source), DISCORD_LAYOUT_INTERRUPTED, &layout);
        if (layout.count == 1) {
            set_text(&last->body, &last->source, &layout.parts[0]);
            apply_piece(last);
            discord_outbox_show(discord->outbox, last->row, false, NULL, NULL);
        }
        discord_layout_clear(&layout);
    }
    leave(answer);
}

void discord_answer_clear(struct discord *discord)
{
    list_for_each_safe (link, &discord->answers)
        finish(container_of(link, struct answer, link));
}
