/* SPDX-License-Identifier: Apache-2.0
 *
 * What providers tell in headers of a key's limits: whatever it is, no key is left alone for longer than an hour, and
 * none waits longer for a part of its limit than for all of it.
 */
/* The agent is no library: its files come in whole. */
#include "../../plugins/llm/allowance.c"
#include "../../plugins/llm/day.c"
#include "../../plugins/llm/retry.c"
#include "../../plugins/llm/spare.c"
#include "../../plugins/llm/window.c"

#include <stdlib.h>

#define NOW INT64_C(1795176000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One line of the input for each header that is looked for, in turn. */
static const char *at, *end;

static troupe_status next_line(const troupe_http *http, const char *name, troupe_str *ret)
{
    const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;

    (void)http;
    (void)name;
    if (at >= end)
        return TROUPE_NOT_FOUND;
    stop = stop ? stop : end;
    *ret = (troupe_str){at, (uint64_t)(stop - at)};
    at = stop + (stop < end);
    return TROUPE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const troupe_http_v1 api = {.size = sizeof(api), .header = next_line};
    const struct llm_need need = {size > 1 ? data[1] * 100 : 0, 50, 0},
                          refilled = {need.input, need.output, 1};
    struct llm_allowance allowance = {0};
    struct llm_allowed allowed;

    if (size == 0)
        return 0;
    at = (const char *)data + 1;
    end = (const char *)data + size;
    if (llm_allowed_reset((troupe_str){at, (uint64_t)(end - at)}, NOW) < -1)
        abort();
    llm_allowed_read(&api, NULL, data[0] & 1 ? LLM_FORMAT_ANTHROPIC : LLM_FORMAT_OPENAI, NOW,
                     &allowed);
    llm_allowance_note(&allowance, &allowed, 1, -1);
    for (int64_t ms = 0; ms <= LLM_ALLOWANCE_MOST_MS; ms = ms * 3 + 7) {
        const int64_t all = llm_allowance_wait(&allowance, &need, NOW + ms),
                      part = llm_allowance_wait(&allowance, &refilled, NOW + ms);

        if (all < 0 || all > LLM_ALLOWANCE_MOST_MS - ms || part < 0 || part > all)
            abort();
        llm_allowance_take(&allowance, &need, NOW + ms);
    }
    if (llm_allowance_wait(&allowance, &need, NOW + LLM_ALLOWANCE_MOST_MS) != 0)
        abort();
    return 0;
}
