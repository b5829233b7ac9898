/* SPDX-License-Identifier: Apache-2.0
 *
 * imagine - pictures of what members describe. The service llm.image paints and pays; the picture goes with
 * the answer of whoever asked: a member by /imagine, a model that talks with one by generate_image.
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <string.h>

#define PROMPT_MAX 1000
#define MODEL_MAX  200
#define ARGS_MAX   (6 * (PROMPT_MAX + MODEL_MAX) + 200) /* each byte may take six as JSON */
#define SHAPES     "square|landscape|portrait"

/* `text` as a JSON string; what a member writes is UTF-8 already. */
static size_t put_string(char *out, troupe_str text)
{
    size_t n = 0;

    out[n++] = '"';
    for (uint64_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];

        if (c < ' ' || c == 0x7f) {
            n += (size_t)snprintf(out + n, 7, "\\u%04x", c);
        } else {
            if (c == '"' || c == '\\')
                out[n++] = '\\';
            out[n++] = (char)c;
        }
    }
    out[n++] = '"';
    return n;
}

static size_t put(char *out, size_t n, const char *text)
{
    return n + (size_t)snprintf(out + n, ARGS_MAX - n, "%s", text);
}

static troupe_status paint(troupe_turn *turn, troupe_str prompt, troupe_str shape, troupe_str model)
{
    char *args = troupe_turn_alloc(turn, ARGS_MAX);
    troupe_str answer = {"", 0}, code, sentence;
    size_t n = 0;
    troupe_status status;

    if (!args)
        return TROUPE_NOMEM;
    n = put(args, n, "{\"prompt\":");
    n += put_string(args + n, prompt);
    n = put(args, n, ",\"shape\":");
    n += put_string(args + n, shape);
    n = put(args, n, ",\"model\":");
    n += put_string(args + n, model);
    n = put(args, n, "}");
    status = troupe_call(turn, TROUPE_SERVICE_LLM_IMAGE, (troupe_str){args, n}, &answer);
    if (status < 0) {
        troupe_error(turn, &code, &sentence);
        if (troupe_turn_status(turn) < 0)
            return status;
        return troupe_fail(turn, status, "imagine.failed", "%.*s", (int)sentence.len, sentence.ptr);
    }
    if (!memmem(answer.ptr, (size_t)answer.len, "\"file\":", 7))
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "imagine.nowhere",
                           "The picture is painted, and nobody here can be shown it.");
    return troupe_reply(turn, "-# %.*s", (int)prompt.len, prompt.ptr);
}

TROUPE_FUNCTION(imagine, "Paints a picture of what you describe",
                TROUPE_SLASH | TROUPE_PAID | TROUPE_LIMIT_IMAGES,
                TROUPE_STRING(prompt, "What it shows", .min = 1, .max = PROMPT_MAX),
                TROUPE_STRING(shape, "Its shape", .choices = SHAPES, .def_text = "square"))

static troupe_status imagine(troupe_turn *turn, troupe_str prompt, troupe_str shape)
{
    return paint(turn, prompt, shape, (troupe_str){"", 0});
}

/* The same under the name that models know, with what they may want to say. */
TROUPE_FUNCTION(generate_image, "Paints a picture, which the member gets with the answer",
                TROUPE_TOOL | TROUPE_PAID | TROUPE_LIMIT_IMAGES,
                TROUPE_STRING(prompt, "What it shows", .min = 1, .max = PROMPT_MAX),
                TROUPE_STRING(shape, "Its shape", .choices = SHAPES, .def_text = "square"),
                TROUPE_STRING(model, "The model that paints; empty: the one that is set up first",
                              .max = MODEL_MAX, .def_text = ""))

static troupe_status generate_image(troupe_turn *turn, troupe_str prompt, troupe_str shape,
                                    troupe_str model)
{
    return paint(turn, prompt, shape, model);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.troupe.imagine", "1.0.0", "Pictures of what members describe",
              .capabilities = "call:llm.image", .functions = TROUPE_LIST(imagine, generate_image));
