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
    troupe_reason(turn, reason, "%s: %s, status %d, code \"%.*s\"", step,
                  apology_name(apology_of(status, code)), status, (int)code.len, code.ptr);
    return troupe_fail(turn, status, reason, "%s", text);
}

static void take_result(troupe_str result, struct answer *answer)
{
    json_t *tree = json_loadb(result.ptr, result.len, 0, NULL);
    const json_t *usage = json_object_get(tree, "usage");

    answer->tokens = json_integer_value(json_object_get(usage, "input")) +
                     json_integer_value(json_object_get(usage, "output"));
    answer->cached = json_is_true(json_object_get(tree, "cached"));
    context_sample_read(result, &answer->sample);
    json_decref(tree);
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
    if (status >= 0 && answer->cached)
        status = troupe_write(turn, ANSWER_CACHED_MARK, sizeof(ANSWER_CACHED_MARK) - 1);
    return status < 0 && answer->len > 0 ? TROUPE_INTERRUPTED : status;
}
