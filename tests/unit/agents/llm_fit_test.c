/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a talk with tools goes to a model: never more than its context holds, and nothing that a provider
 * would refuse.
 */
#include "fake_turn.h"
#include "tap.h"

#include "base/mem.h"
#include "llm/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);

#define LEFT_OUT "(left out: there is no room for it)"
#define CUT_HERE "\n(cut here: there is no room for the rest)"
#define END                                                                                        \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"              \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":4}}\n\n"          \
    "data: [DONE]\n\n"

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* `n` letters. */
static const char *letters(size_t n)
{
    static char text[40000];

    assert_true(n < sizeof(text));
    memset(text, 'w', n);
    text[n] = 0;
    return text;
}

static void say(struct llm_request *request, const char *role, size_t n)
{
    json_array_append_new(request->messages,
                          json_pack("{s:s, s:s}", "role", role, "content", letters(n)));
}

/* A round with one call and its result, as it stands behind the question. */
static void call(struct llm_request *request, const char *id, size_t argument, size_t result)
{
    json_array_append_new(request->messages,
                          json_pack("{s:s, s:s, s:[{s:s, s:s, s:{s:s, s:o}}]}", "role", "assistant",
                                    "content", "", "tool_calls", "id", id, "type", "function",
                                    "function", "name", "look", "arguments",
                                    json_sprintf("{\"at\":\"%s\"}", letters(argument))));
    json_array_append_new(request->messages,
                          json_pack("{s:s, s:s, s:s}", "role", "tool", "tool_call_id", id,
                                    "content", letters(result)));
}

static void begin(struct llm_request *ret, const struct llm_settings *settings)
{
    const char *problem = NULL;

    assert_int_equal(llm_request_init(ret, settings,
                                      str("[{\"role\":\"system\",\"content\":\"be kind\"},"
                                          "{\"role\":\"user\",\"content\":\"old question\"},"
                                          "{\"role\":\"assistant\",\"content\":\"old answer\"},"
                                          "{\"role\":\"user\",\"content\":\"what is new?\"}]"),
                                      0, -1, &problem),
                     TROUPE_OK);
}

static const char *content_at(const struct llm_request *request, size_t i)
{
    return json_string_value(json_object_get(json_array_get(request->messages, i), "content"));
}

static int has_content(const struct llm_request *request, const char *text)
{
    for (size_t i = 0; i < json_array_size(request->messages); i++)
        if (strstr(content_at(request, i), text))
            return 1;
    return 0;
}

/* Each result has its call before it, each call its result. */
static void assert_pairs(const struct llm_request *request)
{
    const char *open = NULL;
    const json_t *message;
    size_t i;

    json_array_foreach (request->messages, i, message) {
        const json_t *calls = json_object_get(message, "tool_calls");
        const char *id = json_string_value(json_object_get(message, "tool_call_id"));

        if (id) {
            assert_non_null(open);
            assert_string_equal(open, id);
            open = NULL;
        } else {
            assert_null(open);
        }
        if (calls)
            open = json_string_value(json_object_get(json_array_get(calls, 0), "id"));
    }
    assert_null(open);
}

static void results_of_earlier_rounds_make_room_first(void **state)
{
    const struct llm_settings config = {.max_tokens = 100, .context_tokens = 2000, .model = "m"};
    struct llm_request request, sent;
    struct llm_trim trim;

    (void)state;
    begin(&request, &config);
    call(&request, "a", 1, 3000);
    call(&request, "b", 1, 3000);
    call(&request, "c", 1, 3000);
    assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_OK);
    assert_true(llm_estimate_request(&sent) + 100 <= 2000);
    assert_int_equal(trim.tokens, llm_estimate_request(&sent));
    llm_request_measure(&request);
    assert_true(sent.input_bytes < request.input_bytes);
    assert_int_equal(trim.messages, 0);
    assert_int_equal(trim.results, 2);
    assert_string_equal(content_at(&sent, 5), LEFT_OUT);
    assert_non_null(
        strstr(content_at(&sent, 7), CUT_HERE)); /* as much of it as there is room for */
    assert_true(strlen(content_at(&sent, 7)) > 1000);
    assert_int_equal(strlen(content_at(&sent, 9)), 3000);
    assert_pairs(&sent);
    /* the whole talk is still there for a model that takes it */
    assert_int_equal(strlen(content_at(&request, 5)), 3000);
    assert_int_equal(json_array_size(request.messages), 10);
    llm_request_clear(&sent);
    llm_request_clear(&request);
}

static void the_talk_before_the_question_goes_before_the_latest_results(void **state)
{
    const struct llm_settings config = {.max_tokens = 100, .context_tokens = 1000, .model = "m"};
    struct llm_request request, sent;
    struct llm_trim trim;

    (void)state;
    begin(&request, &config);
    call(&request, "a", 1, 2500);
    assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_OK);
    assert_in_range(trim.messages, 1, 2);
    assert_int_equal(trim.results, 0);
    assert_false(has_content(&sent, "old question"));
    assert_true(has_content(&sent, "be kind"));
    assert_true(has_content(&sent, "what is new?"));
    llm_request_clear(&sent);

    /* and where that is not enough their head stays */
    call(&request, "b", 1, 2700);
    assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_OK);
    assert_true(llm_estimate_request(&sent) + 100 <= 1000);
    assert_int_equal(trim.tokens, llm_estimate_request(&sent));
    assert_int_equal(trim.messages, 2);
    assert_int_equal(trim.results, 2);
    assert_true(has_content(&sent, "what is new?"));
    assert_true(has_content(&sent, LEFT_OUT));
    assert_true(has_content(&sent, CUT_HERE));
    assert_pairs(&sent);
    llm_request_clear(&sent);
    llm_request_clear(&request);
}

static void every_round_that_may_come_fits(void **state)
{
    const struct llm_settings config = {.max_tokens = 1024, .context_tokens = 8000, .model = "m"};
    struct llm_request request, sent;
    struct llm_trim trim;
    char id[32];

    (void)state;
    begin(&request, &config);
    for (int round = 0; round < 10; round++) {
        json_t *calls = json_array();

        for (int i = 0; i < 16; i++)
            json_array_append_new(calls,
                                  json_pack("{s:o, s:s, s:{s:s, s:s}}", "id",
                                            json_sprintf("%d.%d", round, i), "type", "function",
                                            "function", "name", "look", "arguments", "{}"));
        json_array_append_new(request.messages, json_pack("{s:s, s:s, s:o}", "role", "assistant",
                                                          "content", "", "tool_calls", calls));
        for (int i = 0; i < 16; i++) {
            snprintf(id, sizeof(id), "%d.%d", round, i);
            json_array_append_new(request.messages,
                                  json_pack("{s:s, s:s, s:s}", "role", "tool", "tool_call_id", id,
                                            "content", letters(8192)));
        }
        if (llm_fit(&request, &sent, &trim) == TROUPE_LIMIT) {
            /* 100 calls are themselves more than there is room for */
            assert_true(round >= 5);
            continue;
        }
        assert_true(llm_estimate_request(&sent) + 1024 <= 8000);
        assert_true(has_content(&sent, "what is new?"));
        assert_int_equal(json_array_size(sent.messages) + trim.messages,
                         json_array_size(request.messages));
        llm_request_clear(&sent);
    }
    llm_request_clear(&request);
}

static void a_cut_falls_between_characters(void **state)
{
    const struct llm_settings config = {.max_tokens = 100, .context_tokens = 1000, .model = "m"};
    struct llm_request request, sent;
    struct llm_trim trim;
    static char text[6001];

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        begin(&request, &config);
        call(&request, "a", 1, 1);
        memset(text, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        json_object_set_new(json_array_get(request.messages, 5), "content", json_string(text));
        assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_OK);
        assert_true(llm_estimate_request(&sent) + 100 <= 1000);
        assert_non_null(content_at(&sent, json_array_size(sent.messages) - 1));
        assert_true(has_content(&sent, CUT_HERE));
        llm_request_clear(&sent);
        llm_request_clear(&request);
    }
}

static void what_the_model_wrote_since_goes_last_and_its_latest_calls_never(void **state)
{
    static const struct llm_settings config = {
        .max_tokens = 100, .context_tokens = 1000, .model = "m"};
    struct llm_request request, sent;
    struct llm_trim trim;
    const json_t *calls;

    (void)state;
    begin(&request, &config);
    call(&request, "a", 1500, 10);
    call(&request, "b", 400, 10);
    assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_OK);
    assert_pairs(&sent);
    calls = json_object_get(json_array_get(sent.messages, 2), "tool_calls");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json_array_get(calls, 0), "function"), "arguments")),
                        "{}");
    calls = json_object_get(json_array_get(request.messages, 4), "tool_calls");
    assert_true(json_string_length(json_object_get(
                    json_object_get(json_array_get(calls, 0), "function"), "arguments")) > 1500);
    llm_request_clear(&sent);
    call(&request, "c", 2000, 10);
    assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_LIMIT);
    llm_request_clear(&request);
}

static void tools_take_at_most_half_of_the_room(void **state)
{
    struct llm_settings config = {.max_tokens = 100, .context_tokens = 1000, .model = "m"};
    struct llm_request request, sent;
    struct llm_trim trim;
    const char *problem = NULL;
    json_t *list = json_array();
    char *text;

    (void)state;
    for (int i = 0; i < 40; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:{s:o, s:{}}}", "type", "function", "function", "name",
                            i == 39 ? json_string("look") : json_sprintf("function_%d", i),
                            "parameters"));
    text = json_dumps(list, 0);
    begin(&request, &config);
    assert_int_equal(llm_request_offer(&request, str(text), &problem), TROUPE_OK);
    call(&request, "a", 1, 10);
    assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_OK);
    assert_int_equal(trim.messages, 0);
    assert_true(trim.tools > 20);
    assert_int_equal(json_array_size(sent.tools) + trim.tools, 40);
    assert_true(llm_estimate_request(&sent) + 100 <= 1000);
    /* what has been called stays, wherever it stood */
    assert_string_equal(
        json_string_value(json_object_get(
            json_object_get(json_array_get(sent.tools, json_array_size(sent.tools) - 1),
                            "function"),
            "name")),
        "look");
    assert_int_equal(json_array_size(request.tools), 40);
    llm_request_clear(&sent);
    /* a model with more room is told all of them */
    config.context_tokens = 8000;
    assert_int_equal(llm_fit(&request, &sent, &trim), TROUPE_OK);
    assert_false(llm_trimmed(&trim));
    assert_ptr_equal(sent.tools, request.tools);
    assert_ptr_equal(sent.messages, request.messages);
    llm_request_clear(&sent);
    llm_request_clear(&request);
    free(text);
    json_decref(list);
}

static void a_result_without_its_call_is_never_left(void **state)
{
    const struct llm_settings config = {.max_tokens = 100, .context_tokens = 400, .model = "m"};
    struct llm_request request, plain;
    const char *problem = NULL;
    char *text;

    (void)state;
    begin(&plain, &config);
    say(&plain, "user", 300);
    call(&plain, "a", 1, 600);
    text = json_dumps(plain.messages, 0);
    llm_request_clear(&plain);
    assert_int_equal(llm_request_init(&request, &config, str(text), 0, -1, &problem), TROUPE_OK);
    assert_pairs(&request);
    assert_true(has_content(&request, letters(300)));
    llm_request_clear(&request);
    free(text);
}

/* ---- the agent ----------------------------------------------------------------------------------*/

static struct fake_turn *agent(const char *context, const char *max)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "https://api.example.com/v1");
    fake_config(fake, "model", "tiny-1");
    fake_config(fake, "price_input", "1");
    fake_config(fake, "price_output", "2");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    fake_config(fake, "context_tokens", context);
    fake_config(fake, "max_tokens", max);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    return fake;
}

static troupe_status ask(struct fake_turn *fake, const char *messages, const char *schema)
{
    return ((chat_fn)fake_function(fake, "llm.chat"))(&fake->turn, str(messages), str("chat"), 0,
                                                      -1, str("none"), str(""), str(schema));
}

static void a_repair_fits_and_keeps_the_question(void **state)
{
    static const char schema[] = "{\"type\":\"object\",\"required\":[\"n\"]}";
    struct fake_turn *fake = agent("1000", "400");
    _cleanup_mem_ char *messages = mem_printf(
        "[{\"role\":\"user\",\"content\":\"old %s\"},{\"role\":\"user\",\"content\":\"how "
        "many?\"}]",
        letters(900));
    _cleanup_mem_ char *answer =
        mem_printf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"no %s\"}}]}\n\n" END,
                   letters(1200));

    (void)state;
    fake->responses[0].status = fake->responses[1].status = 200;
    fake->responses[0].chunks[0] = answer;
    fake->responses[1].chunks[0] =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"{\\\"n\\\":1}\"}}]}\n\n" END;
    assert_int_equal(ask(fake, messages, schema), TROUPE_OK);
    assert_non_null(strstr(fake->requests[0].body, "old www"));
    assert_null(strstr(fake->requests[1].body, "old www"));
    assert_non_null(strstr(fake->requests[1].body, "how many?"));
    assert_non_null(strstr(fake->requests[1].body, "does not hold the schema"));
    assert_true(fake_text_has(&fake->reasons, "llm.trimmed"));
    fake_turn_free(fake);
}

static void what_no_model_holds_is_told_and_not_sent(void **state)
{
    struct fake_turn *fake = agent("1000", "400");
    char schema[6000], *at = schema;

    (void)state;
    at += snprintf(at, 64, "{\"type\":\"object\",\"description\":\"");
    at += snprintf(at, 5000, "%s", letters(4500));
    snprintf(at, 64, "\"}");
    assert_int_equal(ask(fake, "[{\"role\":\"user\",\"content\":\"how many?\"}]", schema),
                     TROUPE_LIMIT);
    assert_string_equal(fake->code, "llm.too_long");
    assert_int_equal(fake->request_count, 0);
    assert_int_equal(fake->reservation_count, 0);
    fake_turn_free(fake);
}

#define LOOK                                                                                       \
    "[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"parameters\":{}},\"call\":\"x."     \
    "look\","                                                                                      \
    "\"idempotent\":false}]"

static const char *look(struct fake_turn *fake, const char *name, troupe_str args)
{
    (void)fake;
    (void)args;
    return strcmp(name, "x.look") == 0 ? letters(8192) : NULL;
}

/* As it is installed: three rounds of calls, each with its own reservation, and then it has to answer. */
static void a_talk_with_functions_is_bounded_in_rounds_and_in_its_context(void **state)
{
    struct fake_turn *fake = agent("3000", "400");

    (void)state;
    fake->tools = LOOK;
    fake->on_call = look;
    for (int i = 0; i < 4; i++) {
        fake->responses[i].status = 200;
        fake->responses[i].chunks[0] =
            "data: "
            "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{"
            "\"name\":\"look\",\"arguments\":\"{}\"}}]}}]}\n\n" END;
    }
    fake->responses[3].chunks[0] =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"seen\"}}]}\n\n" END;
    assert_int_equal(ask(fake, "[{\"role\":\"user\",\"content\":\"what is new?\"}]", ""),
                     TROUPE_OK);
    assert_string_equal(fake->written.ptr, "seen");
    assert_int_equal(fake->request_count, 4);
    assert_int_equal(fake->reservation_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        const char *body = fake->requests[i].body;

        /* letters are three a token, the rest of the body is a few hundred bytes */
        assert_true(strlen(body) < (3000 - 400) * 3 + 1000);
        assert_non_null(strstr(body, "what is new?"));
        assert_int_equal(fake->reservations[i].state, FAKE_SETTLED);
        assert_true(fake->reservations[i].worst >= strlen(body) * 3 / 4);
    }
    assert_non_null(strstr(fake->requests[3].body, "\"tool_choice\":\"none\""));
    assert_non_null(strstr(fake->requests[3].body, LEFT_OUT));
    fake_turn_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_of_earlier_rounds_make_room_first),
        cmocka_unit_test(the_talk_before_the_question_goes_before_the_latest_results),
        cmocka_unit_test(every_round_that_may_come_fits),
        cmocka_unit_test(a_cut_falls_between_characters),
        cmocka_unit_test(what_the_model_wrote_since_goes_last_and_its_latest_calls_never),
        cmocka_unit_test(tools_take_at_most_half_of_the_room),
        cmocka_unit_test(a_result_without_its_call_is_never_left),
        cmocka_unit_test(a_repair_fits_and_keeps_the_question),
        cmocka_unit_test(a_talk_with_functions_is_bounded_in_rounds_and_in_its_context),
        cmocka_unit_test(what_no_model_holds_is_told_and_not_sent),
    };

    return cmocka_run_group_tests_name("llm fit", tests, NULL, NULL);
}
