/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_talk_rig.h"

#include "llm/converse.h"
#include "llm/spare.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);
typedef troupe_status (*route_fn)(troupe_turn *, troupe_str, int64_t, int64_t, int64_t, int64_t,
                                  int64_t, int64_t, int32_t, int32_t, int32_t);
typedef troupe_status (*spare_fn)(troupe_turn *, int64_t);
typedef troupe_status (*key_fn)(troupe_turn *, int64_t, int64_t, int64_t, int64_t);

static int64_t number(const json_t *args, const char *name)
{
    return json_integer_value(json_object_get(args, name));
}

static troupe_status call(struct fake_turn *fake, const char *name, const json_t *args)
{
    const char *route = json_string_value(json_object_get(args, "route"));

    if (strcmp(name, LLM_KEY_FUNCTION) == 0)
        return ((key_fn)fake_function(fake, name))(&fake->turn, number(args, "candidate"),
                                                   number(args, "key"), number(args, "tokens"),
                                                   number(args, "max_tokens"));
    if (strcmp(name, LLM_SPARE_FUNCTION) == 0)
        return ((spare_fn)fake_function(fake, name))(&fake->turn, number(args, "ms"));
    assert_string_equal(name, LLM_ROUTE_FUNCTION);
    return ((route_fn)fake_function(fake, name))(
        &fake->turn, (troupe_str){route, strlen(route)}, number(args, "tokens"),
        number(args, "max_tokens"), number(args, "complexity"), number(args, "tried"),
        number(args, "prefer"), number(args, "last"), json_is_true(json_object_get(args, "again")),
        json_is_true(json_object_get(args, "pictures")),
        json_is_true(json_object_get(args, "hurry")));
}

const char *llm_talk_call(struct fake_turn *fake, const char *name, troupe_str args)
{
    static char result[LLM_CHOICE_MAX];
    struct fake_text kept = fake->result;
    json_t *tree;

    if (strcmp(name, LLM_PLACE_FUNCTION) == 0)
        return "{\"place\":true}";
    tree = json_loadb(args.ptr, args.len, 0, NULL);
    fake->result = (struct fake_text){0};
    assert_int_equal(call(fake, name, tree), TROUPE_OK);
    snprintf(result, sizeof(result), "%s", fake->result.ptr);
    free(fake->result.ptr);
    fake->result = kept;
    json_decref(tree);
    return result;
}

troupe_status llm_talk_on(struct fake_turn *fake, const char *route, const char *messages)
{
    const troupe_str none = {"", 0};

    return ((chat_fn)fake_function(fake, "llm.chat"))(
        &fake->turn, (troupe_str){messages, strlen(messages)}, (troupe_str){route, strlen(route)},
        0, -1, (troupe_str){"none", 4}, none, none);
}

troupe_status llm_talk_about(struct fake_turn *fake, const char *messages)
{
    return llm_talk_on(fake, "chat", messages);
}

troupe_status llm_talk(struct fake_turn *fake)
{
    return llm_talk_about(fake, LLM_TALK_QUESTION);
}
