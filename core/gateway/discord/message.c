/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/message.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define FLAG_EPHEMERAL (1 << 6)
#define CUT_MARK       "…"

/* At most DISCORD_CONTENT_MAX units, between two characters. */
static json_t *content_of(const char *text)
{
    _cleanup_mem_ char *cut = NULL;
    size_t len = strlen(text);

    if (text_utf16_len(text, len) > DISCORD_CONTENT_MAX) {
        if (len > 3 * DISCORD_CONTENT_MAX) /* a unit is at most three bytes */
            len = text_utf8_cut(text, len, 3 * DISCORD_CONTENT_MAX);
        do
            len = text_utf8_cut(text, len, len - 1);
        while (text_utf16_len(text, len) > DISCORD_CONTENT_MAX - 1);
        cut = mem_printf("%.*s" CUT_MARK, (int)len, text);
        return json_string(cut);
    }
    return json_string(text);
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

static json_t *bare(void)
{
    return json_pack("{s:[], s:{s:[], s:b}}", "components", "allowed_mentions", "parse",
                     "replied_user", 0);
}

char *discord_message_bare(void)
{
    _cleanup_json_ json_t *message = bare();

    return json_print(message);
}

char *discord_message_callback(int type, const char *text)
{
    _cleanup_json_ json_t *callback = json_object();

    json_object_set_new(callback, "type", json_integer(type));
    if (type == DISCORD_CALLBACK_MESSAGE)
        json_object_set_new(callback, "data", private_of(text ? text : ""));
    else if (type == DISCORD_CALLBACK_UPDATE)
        json_object_set_new(callback, "data", bare());
    else if (type == DISCORD_CALLBACK_AUTOCOMPLETE)
        json_object_set_new(callback, "data", json_pack("{s:[]}", "choices"));
    return json_print(callback);
}
