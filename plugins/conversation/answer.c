/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <jansson.h>
#include <string.h>
#include <troupe/troupe.h>

#define FENCE_LEAST 3

troupe_status answer_apologize(troupe_turn *turn, troupe_status status, const char *step,
                               char text[APOLOGY_MAX])
{
    troupe_str code, sentence;
    const char *reason;

    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    troupe_error(turn, &code, &sentence);
    reason = apology_write(status, code, sentence, text, APOLOGY_MAX);
    troupe_reason(turn, reason, "%s: %s, status %d, code \"%.*s\"%s%.*s", step,
                  apology_name(apology_of(status, code)), status, (int)code.len, code.ptr,
                  sentence.len > 0 ? ": " : "", (int)sentence.len, sentence.ptr);
    return troupe_fail(turn, status, reason, "%s", text);
}

static void take_result(troupe_str result, struct answer *answer)
{
    json_t *tree = json_loadb(result.ptr, result.len, 0, NULL);
    const json_t *usage = json_object_get(tree, "usage");
    const char *finish = json_string_value(json_object_get(tree, "finish"));

    answer->full = finish && strcmp(finish, "length") == 0;
    answer->filtered = finish && strcmp(finish, "content_filter") == 0;

    answer->tokens = json_integer_value(json_object_get(usage, "input")) +
                     json_integer_value(json_object_get(usage, "output"));
    answer->cached = json_is_true(json_object_get(tree, "cached"));
    context_sample_read(result, &answer->sample);
    json_decref(tree);
}

/* A run of backticks or tildes that begins or ends a block of code, by CommonMark. */
struct fence {
    const char *at;
    size_t width; /* 0: there is none */
};

static int is_blank(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r'))
        at++;
    return at == len;
}

/* What a line begins with; `rest` is what stands behind it. */
static struct fence fence_of(const char *line, size_t len, const char **rest)
{
    size_t at = 0, width = 0;

    while (at < len && at < 3 && line[at] == ' ')
        at++;
    if (at < len && (line[at] == '`' || line[at] == '~'))
        while (at + width < len && line[at + width] == line[at])
            width++;
    *rest = line + at + width;
    return (struct fence){line + at, width < FENCE_LEAST ? 0 : width};
}

/* The fence of the block in which the answer ends, where a line below would be code, too. It is closed by one of
 * the same kind that is no shorter, with nothing behind it. */
static struct fence open_fence(const struct answer *answer)
{
    const char *line = answer->text, *end = line + answer->len, *next, *rest;
    struct fence open = {NULL, 0};

    for (; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        struct fence fence = fence_of(line, (size_t)((stop ? stop : end) - line), &rest);
        const size_t behind = (size_t)((stop ? stop : end) - rest);

        next = stop ? stop + 1 : end;
        if (fence.width == 0)
            continue;
        if (open.width == 0) {
            if (*fence.at == '~' || !memchr(rest, '`', behind))
                open = fence;
        } else if (*fence.at == *open.at && fence.width >= open.width && is_blank(rest, behind)) {
            open.width = 0;
        }
    }
    return open;
}

/* Says below an answer what else is to be said of it; that it was cut comes before whence it is. */
static troupe_status write_mark(troupe_turn *turn, const struct answer *answer)
{
    const char *const marks[] = {answer->full ? ANSWER_FULL_MARK : NULL,
                                 answer->filtered ? ANSWER_FILTERED_MARK : NULL,
                                 answer->cached ? ANSWER_CACHED_MARK : NULL};
    const struct fence open = open_fence(answer);
    troupe_status status = TROUPE_OK;

    if (answer->len == 0 || !(answer->full || answer->filtered || answer->cached))
        return TROUPE_OK;
    if (open.width > 0) {
        status = troupe_write(turn, "\n", 1);
        if (status >= 0)
            status = troupe_write(turn, open.at, open.width);
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) && status >= 0; i++)
        if (marks[i])
            status = troupe_write(turn, marks[i], strlen(marks[i]));
    return status;
}

troupe_status answer_stream(troupe_turn *turn, troupe_str arguments, struct answer *answer)
{
    troupe_stream *chunks;
    troupe_str chunk, result = {NULL, 0};
    troupe_status status, read;

    status = troupe_open(turn, TROUPE_SERVICE_LLM_CHAT, arguments, &chunks);
    if (status < 0)
        return status;
    while ((read = troupe_read(turn, chunks, &chunk)) == TROUPE_OK) {
        if (chunk.len > ANSWER_MAX - answer->len) {
            read = TROUPE_LIMIT;
            break;
        }
        memcpy(answer->text + answer->len, chunk.ptr, chunk.len);
        answer->len += chunk.len;
        status = troupe_write(turn, chunk.ptr, chunk.len);
        if (status < 0) {
            read = status;
            break;
        }
    }
    status = troupe_close(turn, chunks, &result);
    if (status >= 0 && read < 0 && read != TROUPE_END)
        status = read;
    if (status >= 0 && result.len > 0)
        take_result(result, answer);
    if (status >= 0)
        status = write_mark(turn, answer);
    return status < 0 && answer->len > 0 ? TROUPE_INTERRUPTED : status;
}
