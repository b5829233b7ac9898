/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <jansson.h>
#include <string.h>
#include <troupe/troupe.h>

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

/* Whether the answer ends inside of a block of code, where a line below would be code, too. */
static int is_fenced(const struct answer *answer)
{
    static const char fence[] = "```";
    const size_t width = sizeof(fence) - 1;
    int open = 0;

    for (size_t i = 0; i + width <= answer->len; i++)
        if ((i == 0 || answer->text[i - 1] == '\n') && memcmp(answer->text + i, fence, width) == 0)
            open = !open;
    return open;
}

/* Says below an answer what else is to be said of it. */
static troupe_status write_mark(troupe_turn *turn, const struct answer *answer)
{
    static const char close[] = "\n```";
    const char *mark = answer->cached     ? ANSWER_CACHED_MARK
                       : answer->full     ? ANSWER_FULL_MARK
                       : answer->filtered ? ANSWER_FILTERED_MARK
                                          : NULL;
    troupe_status status = TROUPE_OK;

    if (!mark || answer->len == 0)
        return TROUPE_OK;
    if (is_fenced(answer))
        status = troupe_write(turn, close, sizeof(close) - 1);
    return status < 0 ? status : troupe_write(turn, mark, strlen(mark));
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
