/* SPDX-License-Identifier: Apache-2.0
 *
 * Places at a model of one's own: so many at once, in the order in which they came; and loading it before
 * somebody asks.
 */
#include "fake_turn.h"
#include "tap.h"

#include "llm/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);
typedef troupe_status (*place_fn)(troupe_turn *, int64_t);
typedef troupe_status (*warm_fn)(troupe_turn *);

static void places_go_to_who_came_first(void **state)
{
    static struct llm_pool pool = {.size = 2};

    (void)state;
    for (uint64_t turn = 1; turn <= 5; turn++)
        assert_true(llm_pool_wait(&pool, turn, (int64_t)turn * 10));
    assert_false(llm_pool_take(&pool, 5, 60)); /* three are before it */
    assert_false(llm_pool_take(&pool, 3, 60));
    assert_true(llm_pool_take(&pool, 2, 60));
    assert_true(llm_pool_take(&pool, 1, 60));
    assert_false(llm_pool_take(&pool, 3, 60)); /* no place left */
    llm_pool_leave(&pool, 2);
    assert_false(llm_pool_take(&pool, 4, 60));
    assert_true(llm_pool_take(&pool, 3, 60));
    llm_pool_leave(&pool, 4); /* gives up */
    llm_pool_leave(&pool, 1);
    assert_true(llm_pool_take(&pool, 5, 60));
    assert_false(llm_pool_take(&pool, 5, 60)); /* who has one waits for none */
    llm_pool_leave(&pool, 99);
}

static void a_place_that_nobody_gave_back_is_found_again(void **state)
{
    static struct llm_pool pool = {.size = 1};

    (void)state;
    assert_true(llm_pool_wait(&pool, 1, 0));
    assert_true(llm_pool_take(&pool, 1, 0));
    assert_true(llm_pool_wait(&pool, 2, 0));
    assert_false(llm_pool_take(&pool, 2, LLM_PLACE_LOST_MS));
    llm_pool_leave(&pool, 2);
    assert_true(llm_pool_wait(&pool, 2, LLM_PLACE_LOST_MS + 1));
    assert_true(llm_pool_take(&pool, 2, LLM_PLACE_LOST_MS + 1));
    /* nor does a clock that was set back keep it */
    assert_true(llm_pool_wait(&pool, 3, -2 * LLM_PLACE_LOST_MS));
    assert_true(llm_pool_take(&pool, 3, -2 * LLM_PLACE_LOST_MS));
}

static void those_who_wait_are_bounded(void **state)
{
    static struct llm_pool pool = {.size = 1};

    (void)state;
    for (uint64_t turn = 1; turn <= LLM_WAITERS_MAX; turn++)
        assert_true(llm_pool_wait(&pool, turn, 0));
    assert_false(llm_pool_wait(&pool, 1000, 0));
    assert_false(llm_pool_take(&pool, 1000, 0));
}

/* ---- the agent --------------------------------------------------------------------------------*/

#define QUESTION "[{\"role\":\"user\",\"content\":\"hello there\"}]"
#define GOOD                                                                                       \
    "data: {\"choices\":[{\"delta\":{\"content\":\"fine\"},\"finish_reason\":\"stop\"}]}\n\n"      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n"

static unsigned asked;
static const char *place;

static const char *call_own(struct fake_turn *fake, const char *name, troupe_str args)
{
    (void)fake;
    if (strcmp(name, LLM_PLACE_FUNCTION) == 0) {
        asked++;
        assert_memory_equal(args.ptr, "{\"provider\":0}", 14);
        return place;
    }
    /* the first choice is the first model, the next the second */
    return memmem(args.ptr, args.len, "\"tried\":0", 9) ? "{\"candidate\":0,\"key\":0}"
                                                        : "{\"candidate\":1,\"key\":0}";
}

/* Keys and values, NULL behind the last. */
static struct fake_turn *agent(const char *const *config)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "price_table", "/nonexistent/prices.json");
    for (; config[0]; config += 2)
        fake_config(fake, config[0], config[1]);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = call_own;
    asked = 0;
    return fake;
}

static troupe_status chat(struct fake_turn *fake)
{
    return ((chat_fn)fake_function(fake, "llm.chat"))(
        &fake->turn, (troupe_str){QUESTION, strlen(QUESTION)}, (troupe_str){"chat", 4}, 0, -1,
        (troupe_str){"none", 4}, (troupe_str){"", 0}, (troupe_str){"", 0});
}

static void only_a_model_of_ones_own_has_places(void **state)
{
    static const struct {
        const char *config[12];
        unsigned asked;
    } cases[] = {
        {{"base_url", "http://127.0.0.1:1/v1", "model", "m", NULL}, 1},
        {{"base_url", "http://127.0.0.1:1/v1", "model", "m", "local_pool", "0", NULL}, 0},
        {{"base_url", "http://127.0.0.1:1/v1", "model", "m", "price_input", "1", "price_output",
          "1", NULL},
         0},
        {{"base_url", "https://api.example.com/v1", "model", "m", "price_input", "1",
          "price_output", "1", NULL},
         0},
    };

    (void)state;
    place = "{\"place\":true}";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = agent(cases[i].config);

        fake->responses[0].status = 200;
        fake->responses[0].chunks[0] = GOOD;
        assert_int_equal(chat(fake), TROUPE_OK);
        assert_int_equal(asked, cases[i].asked);
        fake_turn_free(fake);
    }
}

static void without_a_place_another_model_answers_or_the_member_is_told(void **state)
{
    static const char *const both[] = {
        "base_url", "http://127.0.0.1:1/v1", "model", "far-1",      "price_input",
        "1",        "price_output",          "1",     "route_chat", "own-1, far-1",
        NULL};
    static const char *const own[] = {"base_url", "http://127.0.0.1:1/v1", "model", "m", NULL};
    struct fake_turn *fake = agent(own);

    (void)state;
    place = "{\"place\":false}";
    assert_int_equal(chat(fake), TROUPE_BUSY);
    assert_string_equal(fake->code, "llm.rate_limited");
    assert_non_null(strstr(fake->sentence, "more questions than it can answer at once"));
    assert_int_equal(fake->request_count, 0);
    assert_int_equal(fake->reservation_count, 0);
    fake_turn_free(fake);

    fake = agent(both); /* two models of one server, of which one has a price */
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
    assert_int_equal(asked, 1);
    assert_string_equal(fake->written.ptr, "fine");
    assert_non_null(strstr(fake->requests[0].body, "\"model\":\"far-1\""));
    assert_true(fake_text_has(&fake->reasons, "llm.fallback: own-1 is full; asking far-1"));
    fake_turn_free(fake);
}

static void a_place_is_waited_for_and_given_back(void **state)
{
    static const char *const own[] = {
        "base_url", "http://127.0.0.1:1/v1", "model", "m", "local_pool", "1", NULL};
    struct fake_turn *fake = agent(own);
    const place_fn join = (place_fn)fake_function(fake, LLM_PLACE_FUNCTION);

    (void)state;
    fake->id = 7;
    assert_int_equal(join(&fake->turn, 0), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"place\":true}");
    assert_int_equal(fake->slept_ms, 0);
    /* another one waits in vain */
    fake->id = 8;
    assert_int_equal(join(&fake->turn, 0), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"place\":false}");
    assert_true(fake->slept_ms >= LLM_PLACE_WAIT_MS);
    /* until the first has had its answer */
    place = "{\"place\":true}";
    fake->id = 7;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = GOOD;
    assert_int_equal(chat(fake), TROUPE_OK);
    fake->id = 9;
    fake->slept_ms = 0;
    assert_int_equal(join(&fake->turn, 0), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"place\":true}");
    assert_int_equal(fake->slept_ms, 0);
    fake_turn_free(fake);
}

static void a_local_model_is_loaded_before_somebody_asks(void **state)
{
    static const char *const ollama[] = {
        "base_url", "http://127.0.0.1:1/api", "model", "m", "keep_alive", "30m", NULL};
    static const char *const openai[] = {"base_url", "http://127.0.0.1:1/v1", "model", "m", NULL};
    static const char *const vectors[] = {
        "base_url", "http://127.0.0.1:1/api", "model", "m", "embed_model", "v", "keep_alive", "1m",
        NULL};
    static const char *const paid[] = {"base_url",
                                       "https://api.example.com/v1",
                                       "model",
                                       "m",
                                       "price_input",
                                       "1",
                                       "price_output",
                                       "1",
                                       NULL};
    struct fake_turn *fake = agent(ollama);

    (void)state;
    fake->cap = 0;
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = "{\"done\":true,\"done_reason\":\"load\"}";
    assert_int_equal(((warm_fn)fake_function(fake, "llm-warm"))(&fake->turn), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"warm\":1,\"cold\":0}");
    assert_string_equal(fake->requests[0].url, "http://127.0.0.1:1/api/chat");
    assert_non_null(strstr(fake->requests[0].body, "\"messages\":[],\"stream\":false"));
    assert_non_null(strstr(fake->requests[0].body, "\"keep_alive\":\"1800s\""));
    fake_turn_free(fake);

    fake = agent(openai);
    fake->responses[0].status = 500;
    fake->responses[1].status = 500;
    fake->responses[2].status = 500;
    assert_int_equal(((warm_fn)fake_function(fake, "llm-warm"))(&fake->turn), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(fake->requests[0].body, "\"max_tokens\":1"));
    fake_turn_free(fake);

    /* those for vectors, too */
    fake = agent(vectors);
    for (int i = 0; i < 3; i++) {
        fake->responses[i].status = 200;
        fake->responses[i].chunks[0] = "{\"done\":true,\"embeddings\":[[1]]}";
    }
    assert_int_equal(((warm_fn)fake_function(fake, "llm-warm"))(&fake->turn), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"warm\":2,\"cold\":0}");
    assert_int_equal(fake->request_count, 2);
    assert_string_equal(fake->requests[1].url, "http://127.0.0.1:1/api/embed");
    assert_non_null(strstr(fake->requests[1].body, "\"model\":\"v\""));
    assert_non_null(strstr(fake->requests[1].body, "\"keep_alive\":\"60s\""));
    fake_turn_free(fake);

    /* the host does it at the start, and a key keeps it from that */
    for (uint32_t i = 0; i < troupe_plugin_v1()->functions.count; i++) {
        const troupe_function *function =
            *TROUPE_AT(troupe_plugin_v1()->functions, troupe_function *const, i);

        if (strcmp(function->name, "llm-warm") == 0)
            assert_true(function->flags & TROUPE_AT_START);
    }

    /* what costs something is never asked for nothing */
    fake = agent(paid);
    assert_int_equal(((warm_fn)fake_function(fake, "llm-warm"))(&fake->turn), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"warm\":0,\"cold\":0}");
    assert_int_equal(fake->request_count, 0);
    fake_turn_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_go_to_who_came_first),
        cmocka_unit_test(a_place_that_nobody_gave_back_is_found_again),
        cmocka_unit_test(those_who_wait_are_bounded),
        cmocka_unit_test(only_a_model_of_ones_own_has_places),
        cmocka_unit_test(without_a_place_another_model_answers_or_the_member_is_told),
        cmocka_unit_test(a_place_is_waited_for_and_given_back),
        cmocka_unit_test(a_local_model_is_loaded_before_somebody_asks),
    };

    return cmocka_run_group_tests_name("llm places", tests, NULL, NULL);
}
