/* SPDX-License-Identifier: Apache-2.0 */
#include "sse.h"

#include <string.h>

static const char mark[3] = {(char)0xEF, (char)0xBB, (char)0xBF};

void llm_sse_init(struct llm_sse *sse, char *buffer, size_t capacity)
{
    memset(sse, 0, sizeof(*sse));
    sse->buffer = buffer;
    sse->capacity = capacity;
}

static troupe_status line_add(struct llm_sse *sse, const char *text, size_t len)
{
    if (len > sse->capacity - sse->line_start - sse->line_len)
        return TROUPE_LIMIT;
    memcpy(sse->buffer + sse->line_start + sse->line_len, text, len);
    sse->line_len += len;
    return TROUPE_OK;
}

/* How much of the text stands before the next line end. */
static size_t rest_of_line(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len), *cr;

    len = end ? (size_t)(end - text) : len;
    cr = memchr(text, '\r', len);
    return cr ? (size_t)(cr - text) : len;
}

/* One field of the event under way. Unknown ones, `id` and `retry` do not matter here: a stream of
 * an answer is never resumed. */
static void field(struct llm_sse *sse, const char *name, size_t name_len, const char *value,
                  size_t value_len)
{
    if (name_len == 4 && memcmp(name, "data", 4) == 0) {
        /* Every data line ends with a line feed in the joined text; the last one is dropped when
         * the event is handed out. "data" and its line end took more room than this needs. */
        memmove(sse->buffer + sse->data_len, value, value_len);
        sse->data_len += value_len;
        sse->buffer[sse->data_len++] = '\n';
        sse->has_data = 1;
    } else if (name_len == 5 && memcmp(name, "event", 5) == 0) {
        size_t n = value_len < LLM_SSE_NAME_MAX ? value_len : LLM_SSE_NAME_MAX;

        memcpy(sse->name, value, n);
        sse->name[n] = 0;
    }
}

/* A line is whole. Returns 1 when it ended an event that carries data. */
static int line_end(struct llm_sse *sse)
{
    const char *line = sse->buffer + sse->line_start, *colon, *value;
    size_t len = sse->line_len;

    sse->line_len = 0;
    if (len == 0) {
        if (sse->has_data)
            return 1;
        sse->name[0] = 0;
        return 0;
    }
    colon = memchr(line, ':', len);
    if (colon == line)
        return 0; /* a comment, sent to keep the connection alive */
    if (!colon) {
        field(sse, line, len, "", 0);
    } else {
        value = colon + 1;
        if (value < line + len && *value == ' ')
            value++;
        field(sse, line, (size_t)(colon - line), value, (size_t)(line + len - value));
    }
    sse->line_start = sse->data_len;
    return 0;
}

/* Where the first bytes turn out to be no byte order mark, they belong to the first line. */
static troupe_status begin(struct llm_sse *sse)
{
    troupe_status status = TROUPE_OK;

    sse->begun = 1;
    for (uint8_t i = 0; i < sse->bom_seen && i < sizeof(mark) && status == TROUPE_OK; i++)
        status = line_add(sse, &mark[i], 1);
    return status;
}

troupe_status llm_sse_next(struct llm_sse *sse, const char **data, size_t *len,
                           struct llm_sse_event *ret)
{
    troupe_status status;

    if (sse->dispatched) {
        sse->dispatched = sse->has_data = 0;
        sse->data_len = sse->line_start = 0;
        sse->name[0] = 0;
    }
    while (*len > 0) {
        const char c = **data;
        size_t n = 1;

        if (!sse->begun) {
            if (sse->bom_seen < 3 && c == mark[sse->bom_seen]) {
                sse->begun = ++sse->bom_seen == 3;
                ++*data;
                --*len;
                continue;
            }
            status = begin(sse);
            if (status < 0)
                return status;
        }
        if (c != '\n' && c != '\r') {
            n = rest_of_line(*data, *len);
            status = line_add(sse, *data, n);
            if (status < 0)
                return status;
        }
        *data += n;
        *len -= n;
        if (c == '\n' && sse->after_cr) {
            sse->after_cr = 0;
            continue;
        }
        sse->after_cr = c == '\r';
        if (c != '\n' && c != '\r')
            continue;
        if (line_end(sse)) {
            sse->dispatched = 1;
            ret->name = sse->name;
            ret->data = sse->buffer;
            ret->len = sse->data_len - 1;
            return TROUPE_OK;
        }
    }
    return TROUPE_END;
}
