/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_pictures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANTHROPIC_MAX ((size_t)5 * 1024 * 1024) /* of base64, a picture */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

bool fake_is_picture(const json_t *block)
{
    return !strcmp(text_of(block, "type"), "image_url") || !strcmp(text_of(block, "type"), "image");
}

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* The bytes of strict base64, to be freed; NULL where it is none. */
static unsigned char *unpack(const char *text, size_t *ret_len)
{
    size_t len = strlen(text), pad = 0, n = 0;
    unsigned char *out;

    if (len == 0 || len % 4 != 0)
        return NULL;
    while (pad < 2 && text[len - 1 - pad] == '=')
        pad++;
    out = fake_alloc(len / 4 * 3);
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits = 0;

        for (size_t k = 0; k < 4; k++) {
            int digit = i + k >= len - pad ? 0 : digit_of(text[i + k]);

            if (digit < 0) {
                free(out);
                return NULL;
            }
            bits = bits << 6 | (uint32_t)digit;
        }
        out[n++] = (unsigned char)(bits >> 16);
        out[n++] = (unsigned char)(bits >> 8);
        out[n++] = (unsigned char)bits;
    }
    *ret_len = n - pad;
    return out;
}

/* What its first bytes say; NULL: no picture. */
static const char *type_of(const unsigned char *data, size_t len)
{
    static const struct {
        const char *head;
        size_t len;
        const char *type;
    } kinds[] = {{"\x89PNG\r\n\x1a\n", 8, "image/png"},
                 {"\xff\xd8\xff", 3, "image/jpeg"},
                 {"GIF8", 4, "image/gif"},
                 {"RIFF", 4, "image/webp"}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (len >= kinds[i].len && !memcmp(data, kinds[i].head, kinds[i].len))
            return kinds[i].type;
    return NULL;
}

/* One picture, of which `said` is the type that the request gives; NULL: it gives none. */
static bool add(json_t *own, const char *base64, const char *said, char *err, size_t err_size)
{
    json_t *list = json_object_get(own, "pictures");
    size_t len = 0;
    unsigned char *data = unpack(base64, &len);
    const char *type = data ? type_of(data, len) : NULL;

    if (!type || (said && strcmp(said, type) != 0)) {
        snprintf(err, err_size,
                 data && type ? "the picture is %s and not as it says" : "Could not process image",
                 type ? type : "");
        free(data);
        return false;
    }
    if (!list)
        json_object_set_new(own, "pictures", list = json_array());
    json_array_append_new(list,
                          json_sprintf("%s %zu %016" PRIx64, type, len, fake_digest(data, len)));
    free(data);
    return true;
}

static bool add_part(const json_t *part, json_t *own, char *err, size_t err_size)
{
    static const char head[] = "data:", middle[] = ";base64,";
    const json_t *image = json_object_get(part, "image_url");
    const char *url = text_of(image, "url"), *detail = text_of(image, "detail");
    const char *data = strstr(url, middle);
    char type[32];

    if (*detail && strcmp(detail, "low") && strcmp(detail, "high") && strcmp(detail, "auto")) {
        snprintf(err, err_size, "Invalid value: '%.20s' for detail", detail);
        return false;
    }
    if (strncmp(url, head, sizeof(head) - 1) != 0 || !data ||
        (size_t)(data - url) >= sizeof(head) - 1 + sizeof(type)) {
        snprintf(err, err_size, "Invalid image URL: it is no data URL in base64");
        return false;
    }
    snprintf(type, sizeof(type), "%.*s", (int)(data - url - (ptrdiff_t)sizeof(head) + 1),
             url + sizeof(head) - 1);
    return add(own, data + sizeof(middle) - 1, type, err, err_size);
}

static bool add_block(const json_t *block, json_t *own, char *err, size_t err_size)
{
    const json_t *source = json_object_get(block, "source");
    const char *data = text_of(source, "data");

    if (strcmp(text_of(source, "type"), "base64") != 0) {
        snprintf(err, err_size, "image.source.type: only base64 is known here");
        return false;
    }
    if (strlen(data) > ANTHROPIC_MAX) {
        snprintf(err, err_size, "image exceeds 5 MB maximum: %zu bytes > %zu bytes", strlen(data),
                 ANTHROPIC_MAX);
        return false;
    }
    return add(own, data, text_of(source, "media_type"), err, err_size);
}

bool fake_pictures_take(enum fake_format format, const json_t *message, json_t *own, char *err,
                        size_t err_size)
{
    const json_t *item;
    bool good = true;
    size_t i;

    json_array_foreach (json_object_get(message, "images"), i, item) {
        good = good && format == FAKE_OLLAMA && json_is_string(item) &&
               add(own, json_string_value(item), NULL, err, err_size);
    }
    json_array_foreach (json_object_get(message, "content"), i, item) {
        if (!good || !fake_is_picture(item))
            continue;
        if (strcmp(text_of(message, "role"), "user") != 0) {
            snprintf(err, err_size, "images may stand in messages with the role user only");
            return false;
        }
        good = format == FAKE_ANTHROPIC ? add_block(item, own, err, err_size)
                                        : add_part(item, own, err, err_size);
    }
    return good;
}

json_t *fake_pictures_told(enum fake_format format, const json_t *messages, char *err,
                           size_t err_size)
{
    json_t *told;
    const json_t *message;
    size_t i;

    if (!json_is_array(messages))
        return json_incref((json_t *)messages);
    told = json_array();
    json_array_foreach (messages, i, message) {
        json_t *own = json_copy((json_t *)message);

        if (!own || !fake_pictures_take(format, message, own, err, err_size)) {
            json_decref(own);
            json_decref(told);
            return NULL;
        }
        json_array_append_new(told, own);
    }
    return told;
}
