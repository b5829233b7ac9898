/* SPDX-License-Identifier: Apache-2.0 */
#include "hold.h"

#include <string.h>

static const char fence[] = "```json";
#define FENCE (sizeof(fence) - 1)

/* {"action": name, "params": object, "confirm": whatever}, the latter two perhaps not there, and nothing
 * else. NULL for others. */
static json_t *read_action(const char *text, size_t len)
{
    json_t *value = llm_json_load(text, len);
    const json_t *params = json_object_get(value, "params");
    const json_t *confirm = json_object_get(value, "confirm");

    if (json_is_string(json_object_get(value, "action")) && (!params || json_is_object(params)) &&
        json_object_size(value) == 1 + (size_t)(params != NULL) + (size_t)(confirm != NULL))
        return value;
    json_decref(value);
    return NULL;
}

/* The first fence at the start of a line, or where the text ends within one; `len` where there is none. */
static size_t find_fence(const char *text, size_t len, size_t from)
{
    for (size_t i = from; i < len; i++) {
        const char *line;

        if (i == 0 || text[i - 1] == '\n') {
            const size_t left = len - i < FENCE ? len - i : FENCE;

            if (memcmp(text + i, fence, left) == 0)
                return i;
        }
        line = memchr(text + i, '\n', len - i);
        if (!line)
            return len;
        i = (size_t)(line - text);
    }
    return len;
}

/* Where the fence's end begins, and what comes behind it; 0 while there is none. */
static size_t find_end(const char *text, size_t len, size_t start, size_t *ret_behind)
{
    const char *end =
        len > start + FENCE ? memmem(text + start + FENCE, len - start - FENCE, "\n```", 4) : NULL;
    size_t behind;

    if (!end)
        return 0;
    behind = (size_t)(end - text) + 4;
    if (behind < len && text[behind] == '\n')
        behind++;
    *ret_behind = behind;
    return (size_t)(end - text);
}

json_t *llm_hold_action(const char *text, size_t len, size_t from, size_t *ret_start,
                        size_t *ret_end)
{
    size_t start;

    while ((start = find_fence(text, len, from)) < len) {
        size_t behind = len, end = find_end(text, len, start, &behind);
        const size_t body = start + FENCE < len ? start + FENCE : len;
        json_t *value = NULL;

        if (end == 0) /* models end without it */
            end = len;
        if (end > body && end - body <= LLM_ACTION_MAX)
            value = read_action(text + body, end - body);
        if (value) {
            *ret_start = start;
            *ret_end = behind;
            return value;
        }
        from = behind;
    }
    return NULL;
}

size_t llm_hold_next(enum llm_hold hold, const char *text, size_t len, size_t from, int ended,
                     size_t *ret_skip)
{
    size_t start, behind = len, end, action = len, action_end = len;
    json_t *value;

    *ret_skip = 0;
    if (hold == LLM_HOLD_ALL || from >= len)
        return 0;
    if (hold == LLM_HOLD_NOTHING)
        return len - from;
    if (ended) {
        value = llm_hold_action(text, len, from, &action, &action_end);
        *ret_skip = value ? action_end - action : 0;
        json_decref(value);
        return action - from;
    }
    start = find_fence(text, len, from);
    if (start > from || start == len)
        return start - from;
    end = find_end(text, len, start, &behind);
    if (end == 0)
        return len - start > LLM_ACTION_MAX + FENCE ? len - start : 0;
    if (behind == len && text[len - 1] != '\n')
        return 0; /* the line end behind it goes with it */
    value = read_action(text + start + FENCE, end - start - FENCE);
    if (!value)
        return behind - from;
    json_decref(value);
    *ret_skip = behind - start;
    return 0;
}
