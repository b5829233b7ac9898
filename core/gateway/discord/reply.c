/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/reply.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/attached.h"
#include "gateway/discord/place.h"
#include "gateway/discord/sql/discord.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CREATE       "/webhooks/{webhook}/{token}"
#define MESSAGE      "/webhooks/{webhook}/{token}/messages/{message}"
#define IS_OVER      "its interaction is over, and nobody but who asked may read it"
#define IS_AMBIGUOUS "it may be shown to who asked, and nobody else can look"
#define IS_DELETED   "its message was deleted"
#define IS_FORGOTTEN "its interaction is not known any more"

static bool is(const struct discord_entry *entry, const char *place)
{
    return !strcmp(entry->row->reply_to, place);
}

/* ---- requests -------------------------------------------------------------------------------- */

char *discord_reply_request(const struct discord_entry *entry, struct discord_request *request)
{
    const struct outbox_row *row = entry->row;
    const char *application = entry->outbox->application, *token = row->event->token;
    char *path;

    request->major = row->event->source_id; /* one for one with the token, and no secret */
    request->no_auth = true;
    if (row->remote_id) {
        path = mem_printf("/webhooks/%s/%s/messages/%.24s", application, token, row->remote_id);
    } else if (is(entry, DISCORD_PLACE_ORIGINAL)) {
        path = mem_printf("/webhooks/%s/%s/messages/@original", application, token);
        request->repeatable = true;
    } else {
        path = mem_printf("/webhooks/%s/%s", application, token);
        request->method = "POST";
        request->route = CREATE;
        return path;
    }
    request->method = "PATCH";
    request->route = MESSAGE;
    return path;
}

/* ---- the public response goes before a private one comes ------------------------------------- */

static void on_cleared(void *arg, troupe_status status, const struct discord_response *response,
                       const struct error *err)
{
    struct discord_entry *entry = arg;
    struct discord_outbox *outbox = entry->outbox;
    /* Gone already: an earlier process came so far, and perhaps further. */
    bool went = status == TROUPE_NOT_FOUND && response->code == DISCORD_UNKNOWN_MESSAGE;

    (void)err;
    if (outbox->closed) {
        discord_entry_free(entry);
    } else if (status == TROUPE_OK || (went && !entry->row->inherited)) {
        entry->cleared = true;
        discord_entry_advance(entry);
    } else if (went) {
        discord_sorry_add(outbox, entry->row->event);
        discord_entry_unknown(entry, IS_AMBIGUOUS);
    } else if (status == TROUPE_CANCELED) {
        entry->state = DISCORD_ENTRY_IDLE;
    } else if (status == TROUPE_MAYBE_DONE || /* of the answer itself nothing was sent */
               !discord_reply_failed(entry, status, response->code)) {
        discord_entry_later(entry);
    }
    discord_outbox_unhold(outbox);
}

static void clear(struct discord_entry *entry)
{
    _cleanup_mem_ char *path = mem_printf("/webhooks/%s/%s/messages/@original",
                                          entry->outbox->application, entry->row->event->token);
    struct discord_request request = {
        .method = "DELETE",
        .route = MESSAGE,
        .path = path,
        .major = entry->row->event->source_id,
        .priority = DISCORD_INTERACTION,
        .repeatable = true,
        .no_auth = true,
    };

    if (discord_rest_send(entry->outbox->rest, &request, on_cleared, entry, NULL) != TROUPE_OK) {
        discord_entry_later(entry);
        return;
    }
    entry->state = DISCORD_ENTRY_CREATING;
    discord_outbox_hold(entry->outbox);
}

bool discord_reply_ready(struct discord_entry *entry)
{
    struct discord_outbox *outbox = entry->outbox;

    if (!*outbox->application ||
        (outbox->opening && outbox->opening(outbox->opening_arg, entry->row->event)))
        return false; /* discord_outbox_go_on comes */
    if (!is(entry, DISCORD_PLACE_INSTEAD) || entry->cleared)
        return true;
    clear(entry);
    return false;
}

void discord_outbox_go_on(struct discord_outbox *outbox)
{
    list_for_each_safe (link, &outbox->entries) {
        struct discord_entry *entry = container_of(link, struct discord_entry, link);

        if (discord_reply_is(entry->row) && entry->state == DISCORD_ENTRY_IDLE)
            discord_entry_advance(entry);
    }
    discord_sorry_go_on(outbox);
}

void discord_outbox_application(struct discord_outbox *outbox, const char *application)
{
    snprintf(outbox->application, sizeof(outbox->application), "%s", application);
    discord_outbox_go_on(outbox);
}

/* ---- the end of the interaction -------------------------------------------------------------- */

/* Whether a private row of the turn says already that it cannot be shown. */
static bool is_said(const struct discord_entry *entry)
{
    if (!entry->batch)
        return false;
    list_for_each (link, &entry->batch->entries) {
        const struct discord_entry *other = container_of(link, struct discord_entry, order);

        if (other != entry && other->row->detached && discord_place_hidden(other->row))
            return true;
    }
    return false;
}

/* It stands in the channel from now on. */
static void detach(struct discord_entry *entry)
{
    struct outbox_row *row = entry->row;
    bool hidden = discord_place_hidden(row);

    if (hidden && (row->part || is_said(entry))) {
        discord_entry_failed(entry, TROUPE_NOT_FOUND, IS_OVER);
        return;
    }
    log_warn("discord", "message %" PRId64 " goes to channel %s: its interaction is over", row->id,
             row->channel);
    entry->outbox->stats.detached++;
    row->detached = true;
    entry->final_sent = false;
    if (hidden) { /* what nobody else can see is not what is edited */
        mem_free(row->remote_id);
        mem_free(row->file_name);
        mem_free(row->file);
        row->remote_id = row->file_name = row->file = NULL;
        if (row->files)
            outbox_mark_files(entry->outbox->rows, row->turn);
        attached_unref(row->files);
        row->files = NULL;
    }
    mem_free(entry->body); /* it shows none of it there */
    entry->body = NULL;
    if (row->inherited && !row->remote_id) {
        entry->state = DISCORD_ENTRY_LOOKING; /* an earlier process may have come so far */
        discord_reconcile(entry);
    } else {
        discord_entry_advance(entry);
    }
}

bool discord_reply_failed(struct discord_entry *entry, troupe_status status, int code)
{
    if (status == TROUPE_NOT_FOUND && code == DISCORD_UNKNOWN_MESSAGE && entry->row->remote_id) {
        discord_entry_failed(entry, status, IS_DELETED); /* somebody does not want it there */
    } else if (status == TROUPE_NOT_FOUND || status == TROUPE_DENIED) {
        detach(entry);
    } else if (status == TROUPE_MAYBE_DONE && is(entry, DISCORD_PLACE_ORIGINAL)) {
        discord_entry_later(entry);
    } else if (status == TROUPE_MAYBE_DONE && !entry->row->remote_id &&
               !is(entry, DISCORD_PLACE_FOLLOWUP)) {
        discord_entry_unknown(entry, IS_AMBIGUOUS);
    } else {
        return false;
    }
    return true;
}

/* ---- after a restart ------------------------------------------------------------------------- */

static void attach(const struct list_link *rows, int64_t id, const struct store_value *payload)
{
    list_for_each (link, rows) {
        struct outbox_row *row = container_of(link, struct outbox_row, link);

        if (row->id != id || row->event)
            continue;
        if (event_parse(payload->data, payload->len, &row->event, NULL) == TROUPE_OK &&
            row->event->token)
            return;
        event_unref(row->event);
        row->event = NULL;
        return;
    }
}

troupe_status discord_reply_load(struct discord_outbox *outbox, const struct list_link *rows,
                                 struct error *err)
{
    _cleanup_rows_ struct store_rows *events = NULL;
    bool any = false;
    troupe_status status;

    list_for_each (link, rows)
        any |= discord_place_is(container_of(link, struct outbox_row, link)->reply_to);
    if (!any)
        return TROUPE_OK;
    status = store_query(outbox->store, STORE_SQL(SQL_DISCORD_REPLIES, store_text(outbox->gateway)),
                         0, &events, err);
    for (size_t i = 0; status == TROUPE_OK && i < events->count; i++)
        attach(rows, store_cell_int(events, i, 0, 0), store_cell(events, i, 1));
    return status;
}

void discord_reply_recover(struct discord_entry *entry)
{
    if (!entry->row->event) {
        discord_entry_failed(entry, TROUPE_NOT_FOUND, IS_FORGOTTEN);
    } else if (is(entry, DISCORD_PLACE_FOLLOWUP)) {
        entry->state = DISCORD_ENTRY_LOOKING;
        discord_reconcile(entry);
    } else if (is(entry, DISCORD_PLACE_PRIVATE)) {
        discord_sorry_add(entry->outbox, entry->row->event);
        discord_entry_unknown(entry, IS_AMBIGUOUS);
    } else {
        discord_entry_advance(entry);
    }
}
