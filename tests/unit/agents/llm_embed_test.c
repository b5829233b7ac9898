/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors: what is asked of providers, what comes of it, and what it costs.
 */
#include "llm_others_rig.h"
#include "tap.h"

#include "llm/embed.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void vectors_come_in_the_order_of_their_texts_and_are_paid(void **state)
{
    struct fake_turn *fake = agent(openai);

    (void)state;
    answers(fake, 0, 200,
            "{\"data\":[{\"index\":1,\"embedding\":[0.5,-2]},{\"index\":0,\"embedding\":[1,0.25]}],"
            "\"usage\":{\"prompt_tokens\":100}}");
    assert_int_equal(embed(fake, "[\"a\",\"b\"]", 2, "float"), TROUPE_OK);
    assert_true(fake_text_has(&fake->result, "\"vectors\":[[1,0.25],[0.5,-2]]"));
    assert_true(fake_text_has(&fake->result, "\"dimensions\":2"));
    assert_true(fake_text_has(&fake->result, "\"input\":100,\"estimated\":false"));
    assert_string_equal(fake->requests[0].url, "https://api.openai.com/v1/embeddings");
    assert_string_equal(fake->requests[0].body,
                        "{\"model\":\"text-embedding-3-small\",\"input\":[\"a\",\"b\"],"
                        "\"dimensions\":2}");
    assert_non_null(strstr(fake->requests[0].headers, "Bearer {secret:api_key}"));
    /* 0.02 USD for a million */
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED);
    assert_int_equal(fake->reservations[0].settled, 2);
    finish(fake);
}

static void vectors_can_come_as_bytes(void **state)
{
    static const struct {
        const char *body, *vector;
    } cases[] = {
        {"{\"data\":[{\"embedding\":[1]}]}", "[\"AACAPw==\"]"},
        {"{\"data\":[{\"embedding\":[1,-2]}]}", "[\"AACAPwAAAMA=\"]"},
        {"{\"data\":[{\"embedding\":[1,-2,0.5]}]}", "[\"AACAPwAAAMAAAAA/\"]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = agent(openai);

        answers(fake, 0, 200, cases[i].body);
        assert_int_equal(embed(fake, "[\"a\"]", 0, "base64"), TROUPE_OK);
        assert_true(fake_text_has(&fake->result, cases[i].vector));
        assert_true(fake_text_has(&fake->result, "\"estimated\":true"));
        assert_null(strstr(fake->requests[0].body, "dimensions"));
        finish(fake);
    }
}

/* 64 vectors of 3,072 values are 1 MB and more even as bytes: that is said before they are paid for. */
static void what_has_no_room_in_a_result_is_not_paid_for(void **state)
{
    struct fake_turn *fake = agent(openai);
    json_t *list = json_array();
    char *texts;

    (void)state;
    for (int i = 0; i < 64; i++)
        json_array_append_new(list, json_string("a"));
    texts = json_dumps(list, JSON_COMPACT);
    assert_int_equal(embed(fake, texts, 3072, "base64"), TROUPE_LIMIT);
    assert_string_equal(fake->code, "llm.too_long");
    assert_int_equal(embed(fake, texts, 3072, "float"), TROUPE_LIMIT);
    assert_int_equal(fake->request_count, 0);
    assert_int_equal(fake->reservation_count, 0);
    free(texts);
    json_decref(list);
    finish(fake);
}

/* Where the dimension is the model's own it is known after the first request, and no other is made. */
static void what_turns_out_to_have_no_room_is_not_asked_on(void **state)
{
    struct fake_turn *fake = agent(openai);
    json_t *list = json_array(), *data = json_array(), *body;
    static char words[30001];
    char *texts, *answer;

    (void)state;
    memset(words, 'a', sizeof(words) - 1);
    for (int i = 0; i < 64; i++) {
        json_t *vector = json_array();

        json_array_append_new(list, json_string(words));
        for (int n = 0; n < 4096 && i < 8; n++)
            json_array_append_new(vector, json_real(0.5));
        if (i < 8)
            json_array_append_new(data, json_pack("{s:i, s:O}", "index", i, "embedding", vector));
        json_decref(vector);
    }
    body = json_pack("{s:o}", "data", data);
    texts = json_dumps(list, JSON_COMPACT);
    answer = json_dumps(body, JSON_COMPACT);
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = answer;
    assert_int_equal(embed(fake, texts, 0, "base64"), TROUPE_LIMIT);
    assert_string_equal(fake->code, "llm.too_long");
    assert_int_equal(fake->request_count, 1);
    free(texts);
    free(answer);
    json_decref(list);
    json_decref(body);
    finish(fake);
}

static const char *const own[] = {
    "base_url", "http://127.0.0.1:8080/v1", "embed_model", "nomic", "attempts", "1", NULL};

/* The table says of OpenAI's how many values they make, and that they make fewer. */
static void what_the_table_says_a_model_does_not_make_is_not_paid_for(void **state)
{
    static const char *const large[] = {"base_url", "https://api.openai.com/v1", "embed_model",
                                        "text-embedding-3-large", NULL};
    struct fake_turn *fake = agent(openai);
    json_t *list = json_array();
    char *texts;

    (void)state;
    assert_int_equal(embed(fake, "[\"a\"]", 1537, "float"), TROUPE_UNSUPPORTED);
    assert_string_equal(fake->code, "llm.unsupported");
    assert_non_null(strstr(fake->sentence, "the model \"text-embedding-3-small\" makes vectors of "
                                           "1536 values or fewer; ask for no more, or name another "
                                           "model in embed_model of [agent llm]."));
    /* its own number need not be said */
    answers(fake, 0, 401, "RAW");
    assert_true(embed(fake, "[\"a\"]", 1536, "float") < 0);
    assert_null(strstr(fake->requests[0].body, "dimensions"));
    finish(fake);

    /* 64 of the large one's own have no room, not even as bytes */
    fake = agent(large);
    for (int i = 0; i < 64; i++)
        json_array_append_new(list, json_string("a"));
    texts = json_dumps(list, JSON_COMPACT);
    assert_int_equal(embed(fake, texts, 0, "base64"), TROUPE_LIMIT);
    assert_string_equal(fake->code, "llm.too_long");
    assert_int_equal(fake->request_count, 0);
    assert_int_equal(fake->reservation_count, 0);
    free(texts);
    json_decref(list);
    finish(fake);
}

/* Nobody says it of a model of one's own: the first answer does. */
static void what_an_answer_showed_is_not_paid_for_again(void **state)
{
    struct fake_turn *fake = agent(own);

    (void)state;
    answers(fake, 0, 200, "{\"data\":[{\"embedding\":[1,2,3]}],\"usage\":{\"prompt_tokens\":1}}");
    answers(fake, 1, 200, "{\"data\":[{\"embedding\":[1,2,3]}],\"usage\":{\"prompt_tokens\":1}}");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(embed(fake, "[\"a\"]", 2, "float"), TROUPE_UNSUPPORTED);
        assert_string_equal(fake->code, "llm.unsupported");
        assert_non_null(strstr(fake->sentence,
                               "the model \"nomic\" makes vectors of 3 values; ask "
                               "for as many, or name another model in embed_model"));
        assert_int_equal(fake->request_count, 1);
        assert_int_equal(fake->reservation_count, 1);
    }
    assert_non_null(strstr(fake->requests[0].body, "\"dimensions\":2"));
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED); /* what it cost is known */
    assert_false(fake_text_has(&fake->told, "nomic"));           /* and no failure of its   */
    assert_int_equal(embed(fake, "[\"a\"]", 3, "float"), TROUPE_OK);
    assert_null(strstr(fake->requests[1].body, "dimensions")); /* it does not know the wish */
    finish(fake);
}

/* As OpenAI's older ones and vLLM do, which costs nothing, and is not asked for again either. */
static void a_model_that_refuses_the_wish_is_not_asked_it_again(void **state)
{
    static const char *const refusals[] = {
        "{\"error\":{\"message\":\"This model does not support specifying dimensions.\"}}",
        "{\"error\":{\"message\":\"Model \\\"nomic\\\" does not support matryoshka representation, "
        "changing output dimensions will lead to poor results.\"}}"};

    (void)state;
    for (size_t n = 0; n < sizeof(refusals) / sizeof(refusals[0]); n++) {
        struct fake_turn *fake = agent(own);

        answers(fake, 0, 400, refusals[n]);
        answers(fake, 1, 200, "{\"data\":[{\"embedding\":[1,2,3]}]}");
        answers(fake, 2, 200, "{\"data\":[{\"embedding\":[1,2,3]}]}");
        for (int i = 0; i < 2; i++) {
            assert_int_equal(embed(fake, "[\"a\"]", 2, "float"), TROUPE_UNSUPPORTED);
            assert_non_null(strstr(fake->sentence, "vectors of its own length alone; ask for no "
                                                   "dimensions, or name another model"));
            assert_int_equal(fake->request_count, 1);
        }
        assert_int_equal(fake->reservations[0].settled, 0);
        assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), TROUPE_OK);
        assert_int_equal(embed(fake, "[\"a\"]", 2, "float"), TROUPE_UNSUPPORTED);
        assert_non_null(strstr(fake->sentence, "makes vectors of 3 values; ask for as many"));
        assert_int_equal(embed(fake, "[\"a\"]", 3, "float"), TROUPE_OK);
        assert_int_equal(fake->request_count, 3);
        finish(fake);
    }
}

static void a_model_that_makes_other_vectors_gives_way_to_the_next(void **state)
{
    static const char *const two[] = {
        "base_url", "http://127.0.0.1:8080/v1", "embed_model", "nomic, mini", "attempts", "1",
        NULL};
    struct fake_turn *fake = agent(two);

    (void)state;
    answers(fake, 0, 200, "{\"data\":[{\"embedding\":[1,2,3]}]}");
    answers(fake, 1, 200, "{\"data\":[{\"embedding\":[1,2]}]}");
    answers(fake, 2, 200, "{\"data\":[{\"embedding\":[2,1]}]}");
    assert_int_equal(embed(fake, "[\"a\"]", 2, "float"), TROUPE_OK);
    assert_true(fake_text_has(&fake->result, "\"model\":\"mini\",\"dimensions\":2"));
    fake_next(fake);
    answers(fake, 0, 200, "{\"data\":[{\"embedding\":[2,1]}]}");
    assert_int_equal(embed(fake, "[\"a\"]", 2, "float"), TROUPE_OK);
    assert_int_equal(fake->request_count, 1);
    assert_non_null(strstr(fake->requests[0].body, "mini"));
    assert_true(fake_text_has(&fake->reasons, "nomic at 127.0.0.1 (makes other vectors)"));
    finish(fake);
}

static void vectors_that_nobody_can_take_are_not_asked_for_twice(void **state)
{
    struct fake_turn *fake = agent(own);
    json_t *vector = json_array(), *body;
    char *answer;

    (void)state;
    for (int i = 0; i <= LLM_VALUES_MAX; i++)
        json_array_append_new(vector, json_integer(1));
    body = json_pack("{s:[{s:o}]}", "data", "embedding", vector);
    answer = json_dumps(body, JSON_COMPACT);
    answers(fake, 0, 200, answer);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), TROUPE_UNSUPPORTED);
        assert_non_null(strstr(fake->sentence, "of 4097 values; ask for 4096 or fewer"));
        assert_int_equal(fake->request_count, 1);
    }
    free(answer);
    json_decref(body);
    finish(fake);
}

static void long_texts_go_in_several_requests_each_with_its_money(void **state)
{
    struct fake_turn *fake = agent(openai);
    json_t *texts = json_array(), *body;
    static char words[30001];
    char *dump;

    (void)state;
    memset(words, 'w', sizeof(words) - 1);
    for (int i = 0; i < 9; i++)
        json_array_append_new(texts, json_string(words));
    dump = json_dumps(texts, 0);
    answers(fake, 0, 200,
            "{\"data\":[{\"embedding\":[1]},{\"embedding\":[2]},{\"embedding\":[3]},{\"embedding\":"
            "[4]},"
            "{\"embedding\":[5]},{\"embedding\":[6]},{\"embedding\":[7]},{\"embedding\":[8]}],"
            "\"usage\":{\"prompt_tokens\":50000}}");
    answers(fake, 1, 200, "{\"data\":[{\"embedding\":[9]}],\"usage\":{\"prompt_tokens\":50000}}");
    assert_int_equal(embed(fake, dump, 0, "float"), TROUPE_OK);
    assert_true(fake_text_has(&fake->result, "\"vectors\":[[1],[2],[3],[4],[5],[6],[7],[8],[9]]"));
    assert_true(fake_text_has(&fake->result, "\"input\":100000"));
    assert_true(fake_text_has(&fake->result, "\"cost_micros\":2000"));
    assert_int_equal(fake->request_count, 2);
    body = json_loads(fake->requests[0].body, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(body, "input")), 8);
    assert_int_equal(fake->reservations[0].settled, 1000);
    assert_int_equal(fake->reservations[1].settled, 1000);
    json_decref(body);
    json_decref(texts);
    free(dump);
    finish(fake);
}

static void ollama_makes_vectors_for_nothing(void **state)
{
    static const char *const config[] = {"base_url", "http://127.0.0.1:11434/api", "embed_model",
                                         "nomic-embed-text", NULL};
    struct fake_turn *fake = agent(config);

    (void)state;
    fake->cap = 0;
    answers(fake, 0, 200, "{\"embeddings\":[[0.5,1]],\"prompt_eval_count\":3}");
    assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), TROUPE_OK);
    assert_true(fake_text_has(&fake->result, "[[0.5,1]]"));
    assert_string_equal(fake->requests[0].url, "http://127.0.0.1:11434/api/embed");
    assert_string_equal(fake->requests[0].body,
                        "{\"model\":\"nomic-embed-text\",\"input\":[\"a\"]}");
    assert_int_equal(fake->reservations[0].settled, 0);
    finish(fake);
}

static void what_is_no_list_of_vectors_is_a_bad_answer(void **state)
{
    static const char *const bodies[] = {
        "{\"data\":[{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1,2]}]}",
        "{\"data\":[{\"embedding\":[1]},{\"embedding\":[\"x\"]}]}",
        "{\"data\":[{\"embedding\":[]},{\"embedding\":[]}]}",
        "{\"data\":[{\"index\":1,\"embedding\":[1]},{\"index\":1,\"embedding\":[1]}]}",
        "{\"embeddings\":7}",
        "[]",
        "<html>RAW</html>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        static const char *const config[] = {"base_url",    "https://api.openai.com/v1",
                                             "embed_model", "text-embedding-3-small",
                                             "attempts",    "1",
                                             NULL};
        struct fake_turn *fake = agent(config);

        answers(fake, 0, 200, bodies[i]);
        assert_int_equal(embed(fake, "[\"a\",\"b\"]", 0, "float"), TROUPE_DATA);
        assert_string_equal(fake->code, "llm.bad_answer");
        finish(fake);
    }
}

static void bad_texts_never_leave(void **state)
{
    static const char *const texts[] = {"[]", "{}", "[1]", "[\"\"]", "\"a\"", "no json"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct fake_turn *fake = agent(openai);

        assert_int_equal(embed(fake, texts[i], 0, "float"), TROUPE_ARGUMENT);
        assert_string_equal(fake->code, "llm.bad_arguments");
        assert_int_equal(fake->request_count, 0);
        finish(fake);
    }
}

static void vectors_without_a_model_a_price_or_money_are_refused_with_the_remedy(void **state)
{
    static const struct {
        const char *config[8];
        uint64_t cap;
        troupe_status status;
        const char *code, *remedy;
    } cases[] = {
        {{"base_url", "https://api.openai.com/v1", NULL},
         1000000,
         TROUPE_UNAVAILABLE,
         "llm.not_configured",
         "embed_model"},
        {{"base_url", "https://api.anthropic.com/v1", "embed_model", "claude-haiku-4-5", NULL},
         1000000,
         TROUPE_UNSUPPORTED,
         "llm.unsupported",
         "embed_model"},
        {{"base_url", "https://api.example.com/v1", "embed_model", "what", NULL},
         1000000,
         TROUPE_BUDGET,
         "budget.price_unknown",
         "price table"},
        {{"base_url", "https://api.example.com/v1", "embed_model", "what", "embed_price", "5",
          NULL},
         1,
         TROUPE_BUDGET,
         "budget.daily",
         "used up"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = agent(cases[i].config);

        fake->cap = cases[i].cap;
        assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), cases[i].status);
        assert_string_equal(fake->code, cases[i].code);
        assert_non_null(strstr(fake->sentence, cases[i].remedy));
        assert_int_equal(fake->request_count, 0);
        finish(fake);
    }
}

static void a_transient_failure_is_tried_again_and_another_is_told(void **state)
{
    struct fake_turn *fake = agent(openai);

    (void)state;
    answers(fake, 0, 503, "RAW");
    answers(fake, 1, 429, "{\"error\":{\"message\":\"RAW\"}}");
    fake->responses[1].headers[0] = "Retry-After";
    fake->responses[1].headers[1] = "7";
    answers(fake, 2, 200, "{\"data\":[{\"embedding\":[1]}],\"usage\":{\"prompt_tokens\":1}}");
    assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), TROUPE_OK);
    assert_int_equal(fake->request_count, 3);
    assert_true(fake->slept_ms >= 7000);
    assert_int_equal(fake->reservations[0].settled, 0);
    assert_int_equal(fake->reservations[2].settled, 1);
    finish(fake);

    fake = agent(openai);
    answers(fake, 0, 401, "{\"error\":{\"message\":\"RAW sk-1\"}}");
    assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), TROUPE_DENIED);
    assert_string_equal(fake->code, "llm.account");
    assert_int_equal(fake->request_count, 1);
    assert_null(strstr(fake->host.log.ptr, "sk-1"));
    finish(fake);

    /* and what broke off after it left may have been billed: the host books it */
    fake = agent(openai);
    fake->responses[0].status = 200;
    fake->responses[0].end = TROUPE_CANCELED;
    fake->responses[0].ends_turn = 1;
    assert_int_equal(embed(fake, "[\"a\"]", 0, "float"), TROUPE_CANCELED);
    assert_int_equal(fake->reservations[0].state, FAKE_DISPATCHED);
    finish(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_come_in_the_order_of_their_texts_and_are_paid),
        cmocka_unit_test(vectors_can_come_as_bytes),
        cmocka_unit_test(what_has_no_room_in_a_result_is_not_paid_for),
        cmocka_unit_test(what_turns_out_to_have_no_room_is_not_asked_on),
        cmocka_unit_test(what_the_table_says_a_model_does_not_make_is_not_paid_for),
        cmocka_unit_test(what_an_answer_showed_is_not_paid_for_again),
        cmocka_unit_test(a_model_that_refuses_the_wish_is_not_asked_it_again),
        cmocka_unit_test(a_model_that_makes_other_vectors_gives_way_to_the_next),
        cmocka_unit_test(vectors_that_nobody_can_take_are_not_asked_for_twice),
        cmocka_unit_test(long_texts_go_in_several_requests_each_with_its_money),
        cmocka_unit_test(ollama_makes_vectors_for_nothing),
        cmocka_unit_test(what_is_no_list_of_vectors_is_a_bad_answer),
        cmocka_unit_test(bad_texts_never_leave),
        cmocka_unit_test(vectors_without_a_model_a_price_or_money_are_refused_with_the_remedy),
        cmocka_unit_test(a_transient_failure_is_tried_again_and_another_is_told),
    };

    return cmocka_run_group_tests_name("llm embed", tests, NULL, NULL);
}
