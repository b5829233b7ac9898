/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ALT_MAX 1000 /* bytes of what is told about it */

/* A copy of the turn's. */
static troupe_str keep(troupe_turn *turn, const char *text)
{
    const size_t len = text ? strlen(text) : 0;
    char *copy = (char *)troupe_turn_alloc(turn, len + 1);

    if (!copy)
        return (troupe_str){"", 0};
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return (troupe_str){copy, len};
}

static int digit_of(unsigned char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* The bytes of a text in base64; empty where it is none. */
static troupe_str unpack(troupe_turn *turn, const char *text, size_t len)
{
    char *bytes = (char *)troupe_turn_alloc(turn, len / 4 * 3 + 3);
    uint32_t bits = 0;
    size_t n = 0, held = 0;

    while (len > 0 && text[len - 1] == '=')
        len--;
    for (size_t i = 0; bytes && i < len; i++) {
        const int digit = digit_of((unsigned char)text[i]);

        if (digit < 0)
            return (troupe_str){"", 0};
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[n++] = (char)(bits >> held & 0xff);
        }
    }
    return (troupe_str){bytes ? bytes : "", bytes ? n : 0};
}

static troupe_status ask(troupe_turn *turn, troupe_str prompt, troupe_str shape, troupe_str model,
                         troupe_str *ret)
{
    json_t *tree =
        json_pack("{s:s%, s:s%, s:s%, s:s}", "prompt", prompt.ptr, (size_t)prompt.len, "shape",
                  shape.ptr, (size_t)shape.len, "model", model.ptr, (size_t)model.len, "as", "any");
    char *text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
    troupe_status status = TROUPE_NOMEM;

    json_decref(tree);
    if (text)
        status = troupe_call(turn, TROUPE_SERVICE_LLM_IMAGE, (troupe_str){text, strlen(text)}, ret);
    free(text);
    return status;
}

static troupe_status failed(troupe_turn *turn, troupe_status status)
{
    troupe_str code, sentence;

    troupe_error(turn, &code, &sentence);
    if (troupe_turn_status(turn) < 0)
        return status;
    return troupe_fail(turn, status, "imagine.failed", "%.*s", (int)sentence.len, sentence.ptr);
}

troupe_status picture_paint(troupe_turn *turn, troupe_str prompt, troupe_str shape,
                            troupe_str model, struct picture *ret)
{
    troupe_str answer = {"", 0};
    troupe_status status = ask(turn, prompt, shape, model, &answer);
    const json_t *data;
    json_t *tree;

    if (status < 0)
        return failed(turn, status);
    tree = json_loadb(answer.ptr, (size_t)answer.len, 0, NULL);
    data = json_object_get(tree, "data");
    *ret = (struct picture){
        .prompt = prompt,
        .shape = shape,
        .model = keep(turn, json_string_value(json_object_get(tree, "model"))),
        .type = keep(turn, json_string_value(json_object_get(tree, "type"))),
        .data = unpack(turn, data ? json_string_value(data) : "", json_string_length(data)),
        .cost_micros = json_integer_value(json_object_get(tree, "cost_micros"))};
    if (!ret->data.len && !json_object_get(tree, "file"))
        status = troupe_fail(turn, TROUPE_DATA, "imagine.nothing",
                             "What was painted is no picture that I know.");
    json_decref(tree);
    return status;
}

/* As much of the prompt as says what the picture shows. */
static troupe_str alt_of(troupe_str prompt)
{
    if (prompt.len > ALT_MAX) {
        prompt.len = ALT_MAX;
        while (prompt.len > 0 && ((unsigned char)prompt.ptr[prompt.len] & 0xc0) == 0x80)
            prompt.len--;
    }
    return prompt;
}

troupe_status picture_attach(troupe_turn *turn, const struct picture *picture)
{
    static const char *const names[][2] = {{"image/png", "picture.png"},
                                           {"image/jpeg", "picture.jpg"},
                                           {"image/webp", "picture.webp"}};
    troupe_new_file file = {.size = sizeof(file),
                            .name = {"picture", 7},
                            .type = picture->type,
                            .alt = alt_of(picture->prompt),
                            .data = picture->data};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (picture->type.len == strlen(names[i][0]) &&
            memcmp(picture->type.ptr, names[i][0], (size_t)picture->type.len) == 0)
            file.name = (troupe_str){names[i][1], strlen(names[i][1])};
    return troupe_attach(turn, &file);
}
