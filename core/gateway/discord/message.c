/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/message.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define FLAG_EPHEMERAL (1 << 6)
#define CUT_MARK       "…"

/* At most `max` units, between two characters. */
static char *cut_to(const char *text, size_t max)
{
    size_t len = strlen(text);

    if (text_utf16_len(text, len) <= max)
        return mem_strdup(text);
    if (len > 3 * max) /* a unit is at most three bytes */
        len = text_utf8_cut(text, len, 3 * max);
    do
        len = text_utf8_cut(text, len, len - 1);
    while (text_utf16_len(text, len) > max - 1);
    return mem_printf("%.*s" CUT_MARK, (int)len, text);
}

static json_t *content_of(const char *text)
{
    _cleanup_mem_ char *cut = cut_to(text, DISCORD_CONTENT_MAX);

    return json_string(cut);
}

char *discord_message_below(const char *text, const char *line)
{
    _cleanup_mem_ char *below = cut_to(line, DISCORD_CONTENT_MAX / 2);
    _cleanup_mem_ char *above =
        cut_to(text, DISCORD_CONTENT_MAX - 1 - text_utf16_len(below, strlen(below)));

    return mem_printf("%s\n%s", above, below);
}

static json_t *message_of(const char *text)
{
    json_t *message = json_object();

    json_object_set_new(message, "content", content_of(text));
    json_object_set_new(message, "allowed_mentions",
                        json_pack("{s:[], s:b}", "parse", "replied_user", 0));
    return message;
}

char *discord_message_reply(const char *text, const char *reply_to)
{
    _cleanup_json_ json_t *message = message_of(text);

    if (reply_to)
        json_object_set_new(
            message, "message_reference",
            json_pack("{s:s, s:b}", "message_id", reply_to, "fail_if_not_exists", 0));
    return json_print(message);
}

static json_t *private_of(const char *text)
{
    json_t *message = message_of(text);

    json_object_set_new(message, "flags", json_integer(FLAG_EPHEMERAL));
    return message;
}

char *discord_message_private(const char *text)
{
    _cleanup_json_ json_t *message = private_of(text);

    return json_print(message);
}

static json_t *bare(const char *text)
{
    json_t *message = json_pack("{s:[], s:{s:[], s:b}}", "components", "allowed_mentions", "parse",
                                "replied_user", 0);

    if (text)
        json_object_set_new(message, "content", content_of(text));
    return message;
}

char *discord_message_bare(const char *text)
{
    _cleanup_json_ json_t *message = bare(text);

    return json_print(message);
}

char *discord_message_callback(int type, const char *text)
{
    _cleanup_json_ json_t *callback = json_object();

    json_object_set_new(callback, "type", json_integer(type));
    if (type == DISCORD_CALLBACK_MESSAGE)
        json_object_set_new(callback, "data", private_of(text ? text : ""));
    else if (type == DISCORD_CALLBACK_UPDATE)
        json_object_set_new(callback, "data", bare(text));
    else if (type == DISCORD_CALLBACK_AUTOCOMPLETE)
        json_object_set_new(callback, "data", json_pack("{s:[]}", "choices"));
    return json_print(callback);
}
