/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/answer_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/attached.h"
#include "gateway/discord/place.h"

#include <stdio.h>
#include <string.h>

const char *discord_piece_source(const struct outbox_row *row)
{
    return row->source ? row->source : row->body;
}

struct discord_piece *discord_piece_add(struct discord_answer *answer, struct outbox_row *row)
{
    answer->pieces = mem_resize(answer->pieces, answer->count + 1, sizeof(*answer->pieces));
    answer->pieces[answer->count] = (struct discord_piece){.row = row};
    return &answer->pieces[answer->count++];
}

static struct outbox_row *row_new(struct discord_answer *answer, unsigned part)
{
    struct discord *discord = answer->discord;
    const struct event *event = answer->event;
    /* An interaction is no message: its answer stands below the one with the button. */
    const char *reply_to = event->token ? event->reply_to : event_asked_by(event);
    const char *place = event->token ? discord_place(event, answer->kind, part,
                                                     discord_original_used(discord, answer->turn))
                                     : NULL;
    struct outbox_row *row = outbox_row_new();

    row->id = outbox_next_id(discord->options.rows);
    row->turn = answer->turn;
    row->ordinal = answer->ordinal;
    row->part = part;
    snprintf(row->kind, sizeof(row->kind), "%s", outbox_kind((int)answer->kind));
    row->gateway = mem_strdup(discord->gateway.name);
    row->account = event->account ? mem_strdup(event->account) : NULL;
    row->channel = mem_strdup(event->channel);
    row->member = event->member ? mem_strdup(event->member) : NULL;
    if (place) {
        reply_to = place;
        row->event = event_ref(answer->event);
        if (!part)
            discord_original_use(discord, answer->turn);
    } else if (event->parent) {
        row->parent = mem_strdup(event->parent);
        row->thread_name = discord_thread_name(event->content, event->content_len);
        reply_to = NULL; /* the thread is the reference */
    }
    if (reply_to)
        row->reply_to = mem_strdup(reply_to);
    if (event->flags & EVENT_PING && event->member)
        row->ping = mem_strdup(event->member);
    row->state = OUTBOX_STREAMING;
    row->created_ms = clock_wall_ms();
    return row;
}

/* A piece whose creation may have happened without our knowing: its stored text must stay. */
bool discord_piece_unsettled(const struct discord_piece *piece)
{
    return piece->given && !piece->taken_back && !piece->row->remote_id;
}

static bool equals(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

void discord_piece_set(char **body, char **source, const struct discord_part *part)
{
    mem_free(*body);
    mem_free(*source);
    *body = mem_strdup(part->body);
    *source = strcmp(part->body, part->source) ? mem_strdup(part->source) : NULL;
}

/* The statement that makes the piece's new text (or the piece) durable. */
void discord_piece_store(struct discord_piece *piece, const char *buttons, enum outbox_state state,
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

bool discord_piece_undressed(const struct discord_piece *piece, const char *buttons)
{
    return !equals(piece->row->buttons, buttons);
}

void discord_piece_offer(struct discord_piece *piece, const char *buttons)
{
    mem_free(piece->buttons);
    piece->buttons = buttons ? mem_strdup(buttons) : NULL;
}

void discord_piece_dress(struct discord_piece *piece)
{
    mem_free(piece->row->buttons);
    piece->row->buttons = piece->buttons;
    piece->buttons = NULL;
}

/* The stored text becomes the row's. */
void discord_piece_apply(struct discord_piece *piece)
{
    if (!piece->body)
        return;
    mem_free(piece->row->body);
    mem_free(piece->row->source);
    piece->row->body = piece->body;
    piece->row->source = piece->source;
    piece->body = piece->source = NULL;
}

void discord_piece_clear(struct discord_piece *piece)
{
    mem_free(piece->body);
    mem_free(piece->source);
    mem_free(piece->buttons);
    if (!piece->given)
        outbox_row_free(piece->row);
}

/* Puts the parts into pieces from `first` on; false where nothing is new. */
bool discord_answer_lay(struct discord_answer *answer, const struct discord_layout *layout,
                        size_t first)
{
    bool news = false;

    for (size_t i = 0; i < layout->count && first + i < DISCORD_PIECES_MAX; i++) {
        const struct discord_part *part = &layout->parts[i];
        struct discord_piece *piece;

        if (first + i == answer->count) {
            piece = discord_piece_add(answer, row_new(answer, (unsigned)answer->count));
            discord_piece_set(&piece->row->body, &piece->row->source, part);
            news = true;
            continue;
        }
        piece = &answer->pieces[first + i];
        if (equals(piece->row->body, part->body) &&
            equals(discord_piece_source(piece->row), part->source)) {
            mem_free(piece->body);
            mem_free(piece->source);
            piece->body = piece->source = NULL;
        } else {
            discord_piece_set(&piece->body, &piece->source, part);
            news = true;
        }
    }
    return news;
}

void discord_answer_attach(struct discord_answer *answer, const char *name, const char *text,
                           size_t len)
{
    struct discord_piece *piece =
        discord_piece_add(answer, row_new(answer, (unsigned)answer->count));

    piece->file = true;
    piece->row->body = mem_strdup("");
    piece->row->file_name = mem_strdup(name);
    piece->row->file = mem_strndup(text, len);
}

bool discord_piece_is_file(const struct discord_piece *piece)
{
    return piece->file;
}

void discord_answer_attach_all(struct discord_answer *answer, struct attached *files)
{
    struct discord_piece *piece = answer->owed ? &answer->pieces[answer->owed - 1] : NULL;

    if (!piece || piece->stored || piece->given || piece->over) {
        piece = discord_piece_add(answer, row_new(answer, (unsigned)answer->count));
        piece->file = true;
        piece->row->body = mem_strdup("");
    }
    piece->row->files = attached_ref(files);
}
