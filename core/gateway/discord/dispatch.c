/* SPDX-License-Identifier: Apache-2.0
 *
 * What Discord sends: each event is looked at once, as the scanner saw it, and a tree is built only
 * for what addresses the bot, for presses, and for READY.
 */
#include "gateway/discord/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STOPPING    "I am being restarted and could not take this; please try again in a minute"
#define UNSUPPORTED "I can't do anything with that yet; write to me in words instead"

static bool is_type(const struct discord_scan *scan, const char *name)
{
    return scan->type.ptr && scan->type.len == strlen(name) &&
           !memcmp(scan->type.ptr, name, scan->type.len);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Observers may want it, as it is here, or as an event. */
static void take_seen(struct discord *discord, const struct discord_scan *scan, int64_t mark)
{
    const struct gateway_seen seen = {
        .source = discord->rules.gateway->name,
        .id = scan->id,
        .account = discord->rules.self,
        .guild = scan->guild_id,
        .channel = scan->channel_id,
        .member = scan->author_id,
        .time_ms = discord_route_time(scan->id),
        .content = scan->content.ptr,
        .content_len = scan->content.len,
    };
    struct event *event;
    struct error err;

    if (!discord->options.seen || !discord->options.seen(discord->options.arg, &seen))
        return;
    if (discord_route_observed(&discord->rules, scan->data.ptr, scan->data.len, mark, &event,
                               &err) < 0) {
        log_warn("discord", "a message could not be shown to observers: %s", err.text);
        return;
    }
    discord_seq_begin(&discord->seq, mark);
    discord->options.submit(discord->options.arg, event);
}

static void take_message(struct discord *discord, const struct discord_scan *scan, int64_t mark)
{
    struct event *event;
    struct error err;
    troupe_status status;

    switch (discord_route_message(&discord->rules, scan)) {
    case DISCORD_ROUTE_IGNORE: discord->ignored++; return;
    case DISCORD_ROUTE_SEEN:
        discord->seen++;
        take_seen(discord, scan, mark);
        return;
    case DISCORD_ROUTE_OWED: break;
    }
    discord->owed++;
    status =
        discord_route_event(&discord->rules, scan->data.ptr, scan->data.len, mark, &event, &err);
    if (status == TROUPE_OK) {
        if (event->parent)
            discord_threads_add(discord, event_id_number(event->channel));
        else if (event->flags & EVENT_THREAD)
            discord_threads_add(discord, scan->channel_id);
        discord_seq_begin(&discord->seq, mark);
        discord_chain_note(discord, event);
        discord->options.submit(discord->options.arg, event);
    } else {
        log_warn("discord", "a message could not be taken: %s", err.text);
    }
}

/* Its author did it: Discord also updates messages when it has read what a link leads to. */
static bool is_edited(const struct discord_scan *scan)
{
    static const char mark[] = "\"edited_timestamp\":\"";

    return memmem(scan->data.ptr, scan->data.len, mark, sizeof(mark) - 1) != NULL;
}

/* An edit of what addresses the bot. It never addresses it anew: that would be a second answer. */
static void take_update(struct discord *discord, const struct discord_scan *scan)
{
    struct event *event;
    char id[24];

    if (!scan->data.ptr || !is_edited(scan))
        return;
    snprintf(id, sizeof(id), "%" PRIu64, scan->id);
    discord_chain_forget(discord, id);
    if (!discord->options.revise ||
        discord_route_message(&discord->rules, scan) != DISCORD_ROUTE_OWED)
        return;
    if (discord_route_event(&discord->rules, scan->data.ptr, scan->data.len, 0, &event, NULL) ==
        TROUPE_OK)
        discord->options.revise(discord->options.arg, event);
}

static void retract(struct discord *discord, uint64_t id)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, id);
    discord_chain_forget(discord, text);
    if (id && discord->options.retract)
        discord->options.retract(discord->options.arg, discord->gateway.name, text);
}

/* A moderator deletes up to 100 at once. */
static void take_deletions(struct discord *discord, const struct discord_scan *scan)
{
    _cleanup_json_ json_t *data = NULL;
    const json_t *ids, *id;
    size_t i;

    if (json_parse(scan->data.ptr, scan->data.len, &data, NULL) < 0)
        return;
    ids = json_object_get(data, "ids");
    json_array_foreach (ids, i, id)
        retract(discord, event_id_number(json_string_value(id)));
}

/* ---- interactions ---------------------------------------------------------------------------- */

static void take_interaction(struct discord *discord, const struct discord_scan *scan, int64_t mark,
                             bool quiet)
{
    struct event *event;
    struct error err;
    int type = 0;

    if (discord_route_press(&discord->rules, scan->data.ptr, scan->data.len, mark, &event, &type,
                            &err) < 0) {
        log_warn("discord", "an interaction could not be taken: %s", err.text);
        return;
    }
    if (type == DISCORD_INTERACTION_AUTOCOMPLETE) {
        discord_command_complete_now(discord, event, scan->data.ptr, scan->data.len);
        event_unref(event);
        return;
    }
    if (type == DISCORD_INTERACTION_COMMAND && !quiet) {
        struct event *command =
            discord_command_take(discord, event, scan->data.ptr, scan->data.len);

        event_unref(event);
        if (!command)
            return;
        discord->owed++;
        discord_seq_begin(&discord->seq, mark);
        discord->options.submit(discord->options.arg, command);
        return;
    }
    if ((type != DISCORD_INTERACTION_COMPONENT && type != DISCORD_INTERACTION_MODAL) || quiet) {
        discord_press_refuse(discord, event, DISCORD_CALLBACK_MESSAGE,
                             quiet ? STOPPING : UNSUPPORTED);
        event_unref(event);
        return;
    }
    discord->owed++;
    discord_seq_begin(&discord->seq, mark);
    discord_press_open(discord, event);
    discord->options.submit(discord->options.arg, event);
}

/* ---- the session's own ----------------------------------------------------------------------- */

static void take_ready(struct discord *discord, const struct discord_scan *scan)
{
    _cleanup_json_ json_t *ready = NULL;
    struct error err;

    if (json_parse(scan->data.ptr, scan->data.len, &ready, &err) < 0) {
        log_warn("discord", "READY could not be read: %s", err.text);
        return;
    }
    discord->guilds = json_array_size(json_object_get(ready, "guilds"));
    discord_account(discord, json_object_get(ready, "user"));
    discord_application(discord, json_object_get(ready, "application"));
}

void discord_dispatch(void *arg, const struct discord_scan *scan, char *json, size_t len)
{
    struct discord *discord = arg;
    int64_t mark;

    (void)json;
    (void)len;
    discord->dispatched++;
    if (is_type(scan, "INTERACTION_CREATE") && discord->quiet) {
        take_interaction(discord, scan, 0, true);
        return;
    }
    if (discord->quiet)
        return; /* for the next process: the number that it resumes from stays behind this one */
    mark = discord_seq_event(&discord->seq, scan->seq);
    if (is_type(scan, "MESSAGE_CREATE"))
        take_message(discord, scan, mark);
    else if (is_type(scan, "INTERACTION_CREATE"))
        take_interaction(discord, scan, mark, false);
    else if (is_type(scan, "MESSAGE_UPDATE"))
        take_update(discord, scan);
    else if (is_type(scan, "MESSAGE_DELETE"))
        retract(discord, scan->id);
    else if (is_type(scan, "MESSAGE_DELETE_BULK"))
        take_deletions(discord, scan);
    else if (is_type(scan, "READY"))
        take_ready(discord, scan);
}
