/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/event.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *copy(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

struct event *event_new(const struct event *from)
{
    struct event *event = mem_zero(1, sizeof(*event));
    const char **roles;

    *event = *from;
    event->arena = (struct arena){NULL, 0};
    event->refs = 1;
    event->source = copy(&event->arena, from->source);
    event->source_id = copy(&event->arena, from->source_id);
    event->kind = copy(&event->arena, from->kind);
    event->account = copy(&event->arena, from->account);
    event->guild = copy(&event->arena, from->guild);
    event->channel = copy(&event->arena, from->channel);
    event->member = copy(&event->arena, from->member);
    event->member_name = copy(&event->arena, from->member_name);
    event->reply_to = copy(&event->arena, from->reply_to);
    event->quote = copy(&event->arena, from->quote);
    event->quote_author = copy(&event->arena, from->quote_author);
    event->quote_to = copy(&event->arena, from->quote_to);
    event->chain = copy(&event->arena, from->chain);
    event->press_id = copy(&event->arena, from->press_id);
    event->press_label = copy(&event->arena, from->press_label);
    event->command = copy(&event->arena, from->command);
    event->agent = copy(&event->arena, from->agent);
    event->files = copy(&event->arena, from->files);
    event->parent = copy(&event->arena, from->parent);
    event->token = copy(&event->arena, from->token);
    event->content =
        arena_strndup(&event->arena, from->content ? from->content : "", from->content_len);
    roles = arena_alloc(&event->arena, (from->role_count + 1) * sizeof(*roles));
    for (size_t i = 0; i < from->role_count; i++)
        roles[i] = copy(&event->arena, from->roles[i]);
    event->roles = roles;
    return event;
}

struct event *event_ref(struct event *event)
{
    event->refs++;
    return event;
}

void event_unref(struct event *event)
{
    if (!event || --event->refs)
        return;
    arena_clear(&event->arena);
    mem_free(event);
}

static void put_key(struct buf *out, const char *key)
{
    buf_puts(out, out->len > 1 ? ",\"" : "\"");
    buf_puts(out, key);
    buf_puts(out, "\":");
}

static void put_text(struct buf *out, const char *key, const char *text)
{
    if (!text)
        return;
    put_key(out, key);
    json_put(out, text, strlen(text));
}

char *event_print(const struct event *event)
{
    struct buf out = BUF_INIT;

    buf_putc(&out, '{');
    put_text(&out, "source", event->source);
    put_text(&out, "source_id", event->source_id);
    put_text(&out, "kind", event->kind);
    put_text(&out, "account", event->account);
    put_text(&out, "guild", event->guild);
    put_text(&out, "channel", event->channel);
    put_text(&out, "member", event->member);
    put_text(&out, "name", event->member_name);
    put_text(&out, "reply_to", event->reply_to);
    put_text(&out, "quote", event->quote);
    put_text(&out, "quote_author", event->quote_author);
    put_text(&out, "quote_to", event->quote_to);
    put_text(&out, "chain", event->chain);
    put_text(&out, "press_id", event->press_id);
    put_text(&out, "command", event->command);
    put_text(&out, "agent", event->agent);
    put_text(&out, "token", event->token);
    put_text(&out, "files", event->files);
    put_text(&out, "parent", event->parent);
    put_key(&out, "content");
    json_put(&out, event->content, event->content_len);
    put_key(&out, "flags");
    buf_put_uint(&out, event->flags);
    put_key(&out, "time");
    buf_put_int(&out, event->time_ms);
    put_key(&out, "roles");
    buf_putc(&out, '[');
    for (size_t i = 0; i < event->role_count; i++) {
        if (i)
            buf_putc(&out, ',');
        json_put(&out, event->roles[i], strlen(event->roles[i]));
    }
    buf_puts(&out, "]}");
    return buf_take(&out);
}

troupe_status event_parse(const char *json, size_t len, struct event **ret, struct error *err)
{
    _cleanup_json_ json_t *object = NULL;
    _cleanup_mem_ const char **roles = NULL;
    struct event event = {0};
    const json_t *list, *content;
    troupe_status status = json_parse(json, len, &object, err);

    if (status < 0)
        return status;
    event.source = json_get_str(object, "source", NULL);
    event.source_id = json_get_str(object, "source_id", NULL);
    event.kind = json_get_str(object, "kind", NULL);
    content = json_object_get(object, "content");
    if (!event.source || !event.source_id || !event.kind || !json_is_string(content))
        return error_set(err, TROUPE_DATA, "stored event lacks source, id, kind or content");
    event.account = json_get_str(object, "account", NULL);
    event.guild = json_get_str(object, "guild", NULL);
    event.channel = json_get_str(object, "channel", NULL);
    event.member = json_get_str(object, "member", NULL);
    event.member_name = json_get_str(object, "name", NULL);
    event.reply_to = json_get_str(object, "reply_to", NULL);
    event.quote = json_get_str(object, "quote", NULL);
    event.quote_author = json_get_str(object, "quote_author", NULL);
    event.quote_to = json_get_str(object, "quote_to", NULL);
    event.chain = json_get_str(object, "chain", NULL);
    event.press_id = json_get_str(object, "press_id", NULL);
    event.command = json_get_str(object, "command", NULL);
    event.agent = json_get_str(object, "agent", NULL);
    event.token = json_get_str(object, "token", NULL);
    event.files = json_get_str(object, "files", NULL);
    event.parent = json_get_str(object, "parent", NULL);
    event.seq = -1;
    event.flags = (uint32_t)json_get_int(object, "flags", 0);
    event.time_ms = json_get_int(object, "time", 0);
    event.content = json_string_value(content);
    event.content_len = json_string_length(content);
    list = json_object_get(object, "roles");
    event.roles = roles = mem_zero(json_array_size(list) + 1, sizeof(*roles));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *role = json_string_value(json_array_get(list, i));

        if (role)
            roles[event.role_count++] = role;
    }
    *ret = event_new(&event);
    return TROUPE_OK;
}

uint64_t event_id_number(const char *id)
{
    uint64_t number = 0;

    if (!id || !*id)
        return 0;
    for (; *id; id++)
        if (*id < '0' || *id > '9' || __builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*id - '0'), &number))
            return 0;
    return number;
}

struct event *event_observed(const struct event *event)
{
    _cleanup_mem_ char *id = mem_printf("%s" EVENT_OBSERVED_SUFFIX, event->source_id);
    struct event twin = *event;

    twin.gateway = NULL;
    twin.source_id = id;
    twin.flags |= EVENT_OBSERVED;
    twin.token = NULL;
    twin.files = NULL;
    return event_new(&twin);
}

uint64_t event_message_number(const struct event *event)
{
    size_t len = strlen(event->source_id), cut = strlen(EVENT_OBSERVED_SUFFIX);
    char id[24];

    if (!(event->flags & EVENT_OBSERVED) || len <= cut || len - cut >= sizeof(id) ||
        strcmp(event->source_id + len - cut, EVENT_OBSERVED_SUFFIX))
        return event_id_number(event->source_id);
    memcpy(id, event->source_id, len - cut);
    id[len - cut] = '\0';
    return event_id_number(id);
}
