/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_others_rig.h"

#include "tap.h"

#include "llm/pick.h"
#include "llm/spare.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*spare_fn)(troupe_turn *, int64_t);
typedef troupe_status (*pick_fn)(troupe_turn *, troupe_str, int64_t, int64_t, int64_t, int64_t,
                                 int32_t, int64_t, int64_t, int64_t);

troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* The agent's own functions, as the host would call them. */
static troupe_status pick(struct fake_turn *fake, const char *name, const json_t *tree)
{
    const char *kind = json_string_value(json_object_get(tree, "kind"));

    if (strcmp(name, LLM_SPARE_FUNCTION) == 0)
        return ((spare_fn)fake_function(fake, name))(
            &fake->turn, json_integer_value(json_object_get(tree, "ms")));
    assert_string_equal(name, LLM_PICK_FUNCTION);
    return ((pick_fn)fake_function(fake, name))(
        &fake->turn, str(kind), json_integer_value(json_object_get(tree, "tried")),
        json_integer_value(json_object_get(tree, "skip")),
        json_integer_value(json_object_get(tree, "from")),
        json_integer_value(json_object_get(tree, "until")),
        json_is_true(json_object_get(tree, "again")),
        json_integer_value(json_object_get(tree, "values")),
        json_integer_value(json_object_get(tree, "most")),
        json_integer_value(json_object_get(tree, "tokens")));
}

static const char *call_pick(struct fake_turn *fake, const char *name, troupe_str args)
{
    static char result[LLM_PICK_MAX];
    json_t *tree = json_loadb(args.ptr, args.len, 0, NULL);
    struct fake_text kept = fake->result;

    fake->result = (struct fake_text){0};
    assert_int_equal(pick(fake, name, tree), TROUPE_OK);
    snprintf(result, sizeof(result), "%s", fake->result.ptr);
    free(fake->result.ptr);
    fake->result = kept;
    json_decref(tree);
    return result;
}

struct fake_turn *agent(const char *const *config)
{
    static char prices[4096];
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    snprintf(prices, sizeof(prices), "%s/etc/prices.json",
             getenv("TROUPE_SRCDIR") ? getenv("TROUPE_SRCDIR") : ".");
    fake_config(fake, "price_table", prices);
    fake_config(fake, "api_key", "not for the plugin");
    for (; config[0]; config += 2)
        fake_config(fake, config[0], config[1]);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = call_pick;
    return fake;
}

const char *const openai[] = {"base_url",    "https://api.openai.com/v1",
                              "embed_model", "text-embedding-3-small",
                              "image_model", "gpt-image-2",
                              NULL};

void answers(struct fake_turn *fake, unsigned i, uint32_t status, const char *body)
{
    fake->responses[i].status = status;
    fake->responses[i].chunks[0] = body;
}

troupe_status embed(struct fake_turn *fake, const char *texts, int64_t dimensions,
                    const char *encoding)
{
    return ((embed_fn)fake_function(fake, "llm.embed"))(&fake->turn, str(texts), dimensions,
                                                        str(encoding), str(""));
}

void finish(struct fake_turn *fake)
{
    assert_int_equal(fake->open_http, 0);
    assert_null(strstr(fake->sentence, "RAW"));
    for (unsigned i = 0; i < fake->reservation_count; i++)
        assert_int_not_equal(fake->reservations[i].state, FAKE_RESERVED);
    fake_turn_free(fake);
}
