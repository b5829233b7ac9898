/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text cut into messages: each fits, their sources are the text, and what was fixed while it
 * streamed in pieces (the first byte tells how large) is the same in the end.
 */
#include "base/mem.h"
#include "base/text.h"
#include "gateway/split.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
    size_t end, shown, shown_len;
    char *body;
};

static struct end *add(struct end *ends, size_t count, const char *text,
                       const struct split_part *part)
{
    struct buf body = BUF_INIT;

    split_render(text, part, &body);
    if (!body.len || text_utf16_len(buf_text(&body), body.len) > LIMIT)
        abort();
    ends = mem_resize(ends, count + 1, sizeof(*ends));
    ends[count] = (struct end){part->end, part->shown, part->shown_len, buf_take(&body)};
    return ends;
}

/* While the text grows by `step`: only what is fixed. */
static void grow(const char *text, size_t len, size_t step, const struct end *ends, size_t count)
{
    struct split_state state = {0};
    struct split_part part;
    size_t fixed = 0;

    for (size_t given = step < len ? step : len;; given = len - given > step ? given + step : len) {
        while (split_next(text, given, LIMIT, false, &state, &part) && part.fixed) {
            struct end *one = add(NULL, 0, text, &part);

            if (fixed == count || strcmp(one->body, ends[fixed].body) ||
                one->end != ends[fixed].end)
                abort();
            mem_free(one->body);
            mem_free(one);
            fixed++;
        }
        if (given == len)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct split_state state = {0};
    struct split_part part;
    struct end *ends = NULL;
    size_t count = 0, at = 0;
    char *text;

    if (size < 1 || memchr(data, 0, size))
        return 0;
    text = mem_strndup((const char *)data + 1, size - 1);
    while (split_next(text, size - 1, LIMIT, true, &state, &part)) {
        if (part.start != at || part.end <= at || part.end > size - 1 || part.shown < at ||
            part.shown + part.shown_len > part.end)
            abort();
        at = part.end;
        ends = add(ends, count, text, &part);
        count++;
        if (!part.fixed)
            break;
    }
    grow(text, size - 1, data[0] + size / 64, ends, count);
    for (size_t i = 0; i < count; i++)
        mem_free(ends[i].body);
    mem_free(ends);
    mem_free(text);
    return 0;
}
