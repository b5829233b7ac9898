/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider streams: the first byte says how the rest is split, then every event goes through
 * the decoder and the chunk reader. However it is split, the same events must come out, and of the text the same is
 * shown: all but the actions in it.
 */
/* The agent is no library: its files come in whole. */
#include "../../plugins/llm/actions.c"
#include "../../plugins/llm/delta.c"
#include "../../plugins/llm/hold.c"
#include "../../plugins/llm/json_read.c"
/* A name that another of them has, too. */
#define put put_json
#include "../../plugins/llm/json_write.c"
#undef put
#include "../../plugins/llm/digest.c"
#include "../../plugins/llm/picture.c"
#include "../../plugins/llm/pictures.c"
#include "../../plugins/llm/provider.c"
#include "../../plugins/llm/provider_anthropic.c"
#include "../../plugins/llm/provider_ollama.c"
#include "../../plugins/llm/provider_openai.c"
#include "../../plugins/llm/sight.c"
#include "../../plugins/llm/sse.c"
#include "../../plugins/llm/stream.c"

#include <stdlib.h>
#include <string.h>

#define BUFFER_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Adds up what of a text is shown where it comes in such pieces. */
static uint64_t shown(const char *text, size_t len, size_t step)
{
    size_t from = 0, n, skip;
    uint64_t sum = 0;

    for (size_t have = 0; have <= len + step; have += step) {
        do {
            n = llm_hold_next(LLM_HOLD_ACTIONS, text, have < len ? have : len, from, have > len,
                              &skip);
            for (size_t i = 0; i < n; i++)
                sum = sum * 31 + (unsigned char)text[from + i];
            from += n + skip;
        } while (n + skip > 0);
    }
    if (from != len)
        abort();
    return sum;
}

/* Adds up what came out: events, their bytes, the text of chunks and the calls of tools. */
static uint64_t decode(const struct llm_provider *provider, const char *bytes, size_t size,
                       size_t step)
{
    static char buffer[BUFFER_MAX], text[LLM_TEXT_MAX];
    struct llm_frames frames;
    struct llm_stream stream;
    struct llm_sse_event event;
    uint64_t sum = 0;

    llm_frames_init(&frames, provider->framing, buffer, sizeof(buffer));
    llm_stream_init(&stream, text);
    for (size_t at = 0; at < size; at += step) {
        const char *piece = bytes + at;
        size_t len = size - at < step ? size - at : step;
        troupe_status status;

        while ((status = llm_frames_next(&frames, &piece, &len, &event)) == TROUPE_OK) {
            const char *part;
            size_t part_len;

            sum = sum * 31 + event.len;
            for (size_t i = 0; i < event.len; i++)
                sum = sum * 31 + (unsigned char)event.data[i];
            if (llm_provider_chunk(provider, &stream, event.data, event.len, &part, &part_len) ==
                TROUPE_OK)
                sum = sum * 31 + part_len;
        }
        if (status == TROUPE_LIMIT)
            break;
    }
    sum = sum * 31 + stream.call_count * 7 + stream.argument_bytes;
    /* What is longer than an action may be is shown as it comes. */
    if (stream.len < LLM_ACTION_MAX &&
        shown(text, stream.len, 1 + size % 7) != shown(text, stream.len, stream.len + 1))
        abort();
    (void)llm_actions_take(&stream);
    llm_stream_clear(&stream);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct llm_provider_error error;
    const struct llm_provider *provider;
    const char *bytes;
    uint64_t expected;

    if (size < 1)
        return 0;
    bytes = (const char *)data + 1;
    size--;
    provider = data[0] < 86    ? &llm_provider_openai
               : data[0] < 172 ? &llm_provider_anthropic
                               : &llm_provider_ollama;
    expected = decode(provider, bytes, size, size + 1);
    if (decode(provider, bytes, size, 1 + data[0] % 7) != expected)
        abort();
    llm_provider_error_read(bytes, size, &error);
    return 0;
}
