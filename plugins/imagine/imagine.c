/* SPDX-License-Identifier: Apache-2.0
 *
 * imagine - pictures of what members describe. The service llm.image paints and pays; the picture goes with
 * the answer of whoever asked, a member or a model.
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <string.h>

#define PROMPT_MAX 1000
#define ARGS_MAX   (6 * PROMPT_MAX + 100) /* each byte may take six as JSON */

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

TROUPE_FUNCTION(imagine, "Paints a picture of what you describe",
                TROUPE_SLASH | TROUPE_TOOL | TROUPE_PAID,
                TROUPE_STRING(prompt, "What it shows", .min = 1, .max = PROMPT_MAX),
                TROUPE_STRING(shape, "Its shape", .choices = "square|landscape|portrait",
                              .def_text = "square"))

static troupe_status imagine(troupe_turn *turn, troupe_str prompt, troupe_str shape)
{
    char *args = troupe_turn_alloc(turn, ARGS_MAX);
    troupe_str answer = {"", 0}, code, sentence;
    size_t n = 0;
    troupe_status status;

    if (!args)
        return TROUPE_NOMEM;
    n += (size_t)snprintf(args, ARGS_MAX, "{\"prompt\":");
    n += put_string(args + n, prompt);
    n +=
        (size_t)snprintf(args + n, ARGS_MAX - n, ",\"shape\":\"%.*s\"}", (int)shape.len, shape.ptr);
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

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.troupe.imagine", "1.0.0", "Pictures of what members describe",
              .capabilities = "call:llm.image", .functions = TROUPE_LIST(imagine));
