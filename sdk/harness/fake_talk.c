/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_script.h"
#include "fake_text.h"

#include <stdlib.h>
#include <string.h>

char *fake_content_text(const json_t *content)
{
    struct fake_text text = {0};
    const json_t *part;
    size_t i;

    if (json_is_string(content))
        return fake_strdup(json_string_value(content));
    json_array_foreach (content, i, part) {
        const char *piece = json_string_value(json_object_get(part, "text"));

        if (piece)
            fake_text_puts(&text, piece);
    }
    return text.data ? text.data : fake_strdup("");
}

static const char *role_of(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));

    return role ? role : "";
}

static void replace(char **text, const json_t *message)
{
    free(*text);
    *text = fake_content_text(json_object_get(message, "content"));
}

void fake_talk_init(struct fake_talk *talk, const char *endpoint, const json_t *messages,
                    uint64_t nth)
{
    const json_t *message;
    size_t i;

    *talk = (struct fake_talk){
        .endpoint = endpoint,
        .nth = nth,
        .messages = messages,
        .last = fake_strdup(""),
        .system = fake_strdup(""),
        .tool = fake_strdup(""),
        .history = json_array_size(messages),
        .last_role = "",
    };
    json_array_foreach (messages, i, message) {
        const char *role = talk->last_role = role_of(message);

        if (strcmp(role, "user") == 0) {
            talk->users++;
            replace(&talk->last, message);
            talk->pictures = json_object_get(message, "pictures");
        } else if (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0) {
            replace(&talk->system, message);
        } else if (strcmp(role, "tool") == 0) {
            replace(&talk->tool, message);
        }
    }
}

void fake_talk_clear(struct fake_talk *talk)
{
    free(talk->last);
    free(talk->system);
    free(talk->tool);
}

/* The n-th user message, from 1, or from the end with a negative n. */
static void put_user(struct fake_text *out, const struct fake_talk *talk, long n)
{
    const json_t *message;
    long want = n < 0 ? (long)talk->users + n + 1 : n;
    long seen = 0;
    size_t i;

    json_array_foreach (talk->messages, i, message) {
        if (strcmp(role_of(message), "user") == 0 && ++seen == want) {
            char *text = fake_content_text(json_object_get(message, "content"));

            fake_text_puts(out, text);
            free(text);
        }
    }
}

static void put_pictures(struct fake_text *out, const json_t *pictures)
{
    const json_t *one;
    size_t i;

    json_array_foreach (pictures, i, one) {
        fake_text_puts(out, i > 0 ? ", " : "");
        fake_text_puts(out, json_string_value(one));
    }
}

/* Writes what `{name}` stands for; false when the name says nothing and stays as it is. */
static bool put_name(struct fake_text *out, const struct fake_talk *talk, const char *name,
                     size_t len)
{
    if (len == 4 && memcmp(name, "last", 4) == 0)
        fake_text_puts(out, talk->last);
    else if (len == 5 && memcmp(name, "count", 5) == 0)
        fake_text_printf(out, "%zu", talk->users);
    else if (len == 7 && memcmp(name, "history", 7) == 0)
        fake_text_printf(out, "%zu", talk->history);
    else if (len == 6 && memcmp(name, "system", 6) == 0)
        fake_text_puts(out, talk->system);
    else if (len == 4 && memcmp(name, "tool", 4) == 0)
        fake_text_puts(out, talk->tool);
    else if (len == 8 && memcmp(name, "pictures", 8) == 0)
        put_pictures(out, talk->pictures);
    else if (len == 1 && *name == 'n')
        fake_text_printf(out, "%llu", (unsigned long long)talk->nth);
    else if (len > 5 && memcmp(name, "user:", 5) == 0)
        put_user(out, talk, strtol(name + 5, NULL, 10));
    else
        return false;
    return true;
}

char *fake_talk_fill(const struct fake_talk *talk, const char *template)
{
    struct fake_text out = {0};

    while (*template) {
        const char *open = strchr(template, '{');
        const char *close = open ? strchr(open, '}') : NULL;

        if (!close) {
            fake_text_puts(&out, template);
            break;
        }
        fake_text_put(&out, template, (size_t)(open - template));
        if (put_name(&out, talk, open + 1, (size_t)(close - open - 1))) {
            template = close + 1;
        } else {
            fake_text_put(&out, open, 1);
            template = open + 1;
        }
    }
    return out.data ? out.data : fake_strdup("");
}
