/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests/bench/llm_bench.c: asks llm.chat with a prompt of 4 kB, as any agent does, and tells by the stamps
 * of tests/bench/llm_server.h how long the layer kept what passed it, in ns: "BEFORE FIRST AFTER". `idle`
 * is a call that does nothing.
 */
#include <troupe/services.h>
#include <troupe/troupe.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROMPT 4096
#define TEXT   8192

struct asker {
    char arguments[PROMPT + 256];
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* "#ARRIVED:SENT#" at the first or last place. */
static int stamp(const char *text, int last, uint64_t *ret_arrived, uint64_t *ret_sent)
{
    const char *at = strchr(text, '#'), *next;
    char *rest;

    while (last && at && (next = strstr(at, "# #")))
        at = next + 2;
    if (!at)
        return 0;
    *ret_arrived = strtoull(at + 1, &rest, 10);
    *ret_sent = *rest == ':' ? strtoull(rest + 1, &rest, 10) : 0;
    return *rest == '#';
}

TROUPE_FUNCTION(ask, "Asks once", TROUPE_SLASH)
static troupe_status ask(troupe_turn *turn)
{
    const struct asker *asker = troupe_state(turn);
    const troupe_str arguments = {asker->arguments, strlen(asker->arguments)};
    uint64_t begun = now_ns(), first = 0, done, arrived = 0, sent = 0, first_sent = 0;
    char *text = troupe_turn_alloc(turn, TEXT);
    size_t len = 0;
    troupe_stream *chunks;
    troupe_str chunk, result;
    troupe_status status;

    if (!text)
        return TROUPE_NOMEM;
    status = troupe_open(turn, TROUPE_SERVICE_LLM_CHAT, arguments, &chunks);
    if (status < 0)
        return status;
    while (troupe_read(turn, chunks, &chunk) == TROUPE_OK && chunk.len < TEXT - len) {
        if (!first)
            first = now_ns();
        memcpy(text + len, chunk.ptr, chunk.len);
        len += chunk.len;
    }
    status = troupe_close(turn, chunks, &result);
    done = now_ns();
    text[len] = '\0';
    if (status < 0)
        return status;
    if (!stamp(text, 0, &arrived, &first_sent) || !stamp(text, 1, &arrived, &sent))
        return TROUPE_DATA;
    return troupe_reply(turn, "%" PRId64 " %" PRId64 " %" PRId64, (int64_t)(arrived - begun),
                        (int64_t)(first - first_sent), (int64_t)(done - sent));
}

TROUPE_FUNCTION(idle, "Does nothing", TROUPE_SLASH)
static troupe_status idle(troupe_turn *turn)
{
    return troupe_reply(turn, "0 0 0");
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    struct asker *asker = troupe_alloc(host, sizeof(*asker));
    size_t len;

    if (!asker)
        return TROUPE_NOMEM;
    len = (size_t)snprintf(asker->arguments, sizeof(asker->arguments),
                           "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (size_t i = 0; i < PROMPT; i++)
        asker->arguments[len++] = i % 6 == 5 ? ' ' : (char)('a' + i % 26);
    snprintf(asker->arguments + len, sizeof(asker->arguments) - len, "\"}],\"max_tokens\":100}");
    *ret_state = asker;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.example.bench", "1.0.0", "Asks a language model, for a bench",
              .functions = TROUPE_LIST(ask, idle), .create = create, .destroy = destroy,
              .capabilities = "call:llm.chat");
