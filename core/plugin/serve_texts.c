/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.texts/1" for an isolated agent, as serve_extension.c does the others.
 */
#include "plugin/isolate.h"

#include "base/mem.h"
#include "plugin/set.h"

#include <string.h>

#define VALUES_MAX 4096

static double take_double(struct wire_in *in)
{
    uint64_t len;
    const char *data = wire_take_bytes(in, &len);
    double value = 0;

    if (data && len == sizeof(value))
        memcpy(&value, data, len);
    return value;
}

/* Bytes of a message lie anywhere; a vector of a strange size is one of no values, which is refused. */
static float *take_values(struct wire_in *in, uint32_t *ret_count)
{
    uint64_t len;
    const char *data = wire_take_bytes(in, &len);

    *ret_count = 0;
    if (!data)
        return NULL;
    if (len % sizeof(float) == 0 && len <= VALUES_MAX * sizeof(float))
        *ret_count = (uint32_t)(len / sizeof(float));
    return mem_copy(data, *ret_count ? len : 1);
}

static troupe_status do_search(troupe_turn *turn, const troupe_texts_v1 *texts, struct wire_in *in,
                               struct buf *out)
{
    _cleanup_mem_ float *values = NULL;
    troupe_text_query query = {.size = sizeof(query)};
    troupe_array hits = {NULL, 0, 0};
    troupe_status status;

    query.scope = (uint32_t)wire_take_count(in, UINT32_MAX);
    query.text = wire_take_str(in);
    query.most = (uint32_t)wire_take_count(in, UINT32_MAX);
    query.weight = take_double(in);
    values = take_values(in, &query.count);
    query.values = values;
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    status = texts->search(turn, &query, &hits);
    if (status < 0)
        return status;
    wire_put_int(out, hits.count);
    for (uint32_t i = 0; i < hits.count; i++) {
        const troupe_text_hit *hit = TROUPE_AT(hits, troupe_text_hit, i);
        const double figures[] = {hit->score, hit->share, hit->likeness};

        wire_put_bytes(out, hit->key.ptr, hit->key.len);
        wire_put_bytes(out, figures, sizeof(figures));
    }
    return status;
}

troupe_status plugin_serve_texts(troupe_turn *turn, uint32_t what, struct wire_in *in,
                                 struct buf *out)
{
    const troupe_texts_v1 *texts = turn->api->get_extension(turn, TROUPE_TEXTS);
    troupe_str text = {NULL, 0};
    const char *key;
    uint32_t scope;

    if (!texts)
        return TROUPE_UNSUPPORTED;
    if (what == WIRE_DO_TEXTS_SEARCH)
        return do_search(turn, texts, in, out);
    scope = (uint32_t)wire_take_count(in, UINT32_MAX);
    key = wire_take_text(in);
    if (what == WIRE_DO_TEXTS_PUT)
        text = wire_take_str(in);
    if (!wire_taken(in))
        return ISOLATE_BROKEN;
    return what == WIRE_DO_TEXTS_PUT ? texts->put(turn, scope, key, text)
                                     : texts->remove(turn, scope, key);
}
