/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers in a form: JSON by a schema, checked and sent back once, and the actions of models that take no
 * tools.
 */
#include "fake_turn.h"
#include "tap.h"

#include "llm/actions.h"
#include "llm/hold.h"
#include "llm/provider.h"
#include "llm/schema.h"
#include "llm/tools.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);

#define QUESTION "[{\"role\":\"user\",\"content\":\"how many?\"}]"
#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1}},"            \
    "\"required\":[\"n\"],\"additionalProperties\":false}"
#define TEXT(t) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" t "\"}}]}\n\n"
#define END                                                                                        \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"              \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":4}}\n\n"          \
    "data: [DONE]\n\n"

static struct fake_turn *agent(const char *key, const char *value)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "https://api.example.com/v1");
    fake_config(fake, "model", "tiny-1");
    fake_config(fake, "price_input", "1");
    fake_config(fake, "price_output", "2");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    if (key)
        fake_config(fake, key, value);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    return fake;
}

static void answers(struct fake_turn *fake, unsigned i, const char *first, const char *second)
{
    fake->responses[i].status = 200;
    fake->responses[i].chunks[0] = first;
    fake->responses[i].chunks[1] = second;
}

static troupe_status ask(struct fake_turn *fake, const char *schema)
{
    const troupe_str messages = {QUESTION, strlen(QUESTION)}, route = {"chat", 4};

    return ((chat_fn)fake_function(fake, "llm.chat"))(&fake->turn, messages, route, 0, -1,
                                                      (troupe_str){"none", 4}, (troupe_str){"", 0},
                                                      (troupe_str){schema, strlen(schema)});
}

/* ---- the checker ------------------------------------------------------------------------------*/

static void what_does_not_hold_a_schema_is_named_with_its_place(void **state)
{
    static const struct {
        const char *schema, *value, *problem; /* NULL: it holds */
    } cases[] = {
        {SCHEMA, "{\"n\":3}", NULL},
        {SCHEMA, "{\"n\":3.0}", NULL},
        {SCHEMA, "{\"n\":0}", ".n must have a value of at least 1"},
        {SCHEMA, "{\"n\":1.5}", ".n must be of type \"integer\""},
        {SCHEMA, "{\"n\":\"3\"}", ".n must be of type \"integer\""},
        {SCHEMA, "{}", "the answer lacks the key \"n\""},
        {SCHEMA, "{\"n\":1,\"m\":2}", "the answer must not have the key \"m\""},
        {SCHEMA, "[]", "the answer must be of type \"object\""},
        {"{\"type\":[\"string\",\"null\"]}", "null", NULL},
        {"{\"type\":[\"string\",\"null\"]}", "1",
         "the answer must be of type [\"string\",\"null\"]"},
        {"{\"enum\":[\"a\",2]}", "2", NULL},
        {"{\"enum\":[\"a\",2]}", "\"b\"", "the answer must be one of [\"a\",2]"},
        {"{\"const\":true}", "false", "the answer must be true"},
        {"{\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa4\xc3\xb6\xc3\xbc\"", NULL},
        {"{\"minLength\":2}", "\"\xc3\xa4\"", "the answer must have a length of at least 2"},
        {"{\"maxLength\":3}", "\"abcd\"", "the answer must have a length of at most 3"},
        {"{\"items\":{\"type\":\"boolean\"},\"minItems\":1}", "[true,false]", NULL},
        {"{\"items\":{\"type\":\"boolean\"}}", "[true,7]", "[1] must be of type \"boolean\""},
        {"{\"minItems\":1}", "[]", "the answer must have a number of elements of at least 1"},
        {"{\"maxItems\":1}", "[1,2]", "the answer must have a number of elements of at most 1"},
        {"{\"properties\":{\"a\":{\"items\":{\"properties\":{\"b\":{\"maximum\":5}}}}}}",
         "{\"a\":[{},{\"b\":6}]}", ".a[1].b must have a value of at most 5"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"x\":\"y\"}", NULL},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"x\":1}",
         ".x must be of type \"string\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *schema = json_loads(cases[i].schema, 0, NULL);
        json_t *value = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
        char problem[LLM_SCHEMA_PROBLEM] = "";
        troupe_status status;

        assert_non_null(schema);
        assert_non_null(value);
        assert_int_equal(llm_schema_valid(schema, problem), TROUPE_OK);
        status = llm_schema_check(schema, value, problem);
        assert_int_equal(status, cases[i].problem ? TROUPE_DATA : TROUPE_OK);
        if (cases[i].problem)
            assert_string_equal(problem, cases[i].problem);
        json_decref(schema);
        json_decref(value);
    }
}

static void a_schema_that_cannot_be_checked_against_is_refused(void **state)
{
    static const char *const schemas[] = {
        "{\"$ref\":\"#/x\"}",
        "{\"pattern\":\"a\"}",
        "{\"type\":\"text\"}",
        "{\"type\":[]}",
        "{\"enum\":[]}",
        "{\"required\":[1]}",
        "{\"minimum\":\"1\"}",
        "{\"properties\":{\"a\":{\"anyOf\":[]}}}",
        "{\"items\":[{}]}",
        "[]",
        "no json",
        "{\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{"
        "\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{\"items\":{"
        "\"items\":{}}}}}}}}}}}}}}}}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        struct fake_turn *fake = agent(NULL, NULL);

        assert_int_equal(ask(fake, schemas[i]), TROUPE_ARGUMENT);
        assert_string_equal(fake->code, "llm.bad_arguments");
        assert_non_null(strstr(fake->sentence, "schema"));
        assert_int_equal(fake->request_count, 0);
        fake_turn_free(fake);
    }
}

/* ---- answers in JSON --------------------------------------------------------------------------*/

static void an_answer_by_a_schema_comes_whole_and_checked(void **state)
{
    static const char *const ways[][2] = {
        {TEXT("{\\\"n\\\":") TEXT(" 3}") END, NULL},
        {TEXT("Sure:\\n```json\\n{\\\"n\\\": 3}") TEXT("\\n```\\nBye") END, NULL},
        {TEXT("```\\n{\\\"n\\\": 3}") END, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct fake_turn *fake = agent(NULL, NULL);

        answers(fake, 0, ways[i][0], NULL);
        assert_int_equal(ask(fake, SCHEMA), TROUPE_OK);
        assert_string_equal(fake->written.ptr, "{\"n\":3}");
        assert_int_equal(fake->write_count, 1);
        assert_true(fake_text_has(&fake->result, "\"json\":{\"n\":3}"));
        assert_true(fake_text_has(&fake->result, "\"text\":\"{\\\"n\\\":3}\""));
        assert_non_null(strstr(fake->requests[0].body, "\"response_format\":{\"type\":\"json_"));
        assert_non_null(strstr(fake->requests[0].body, "holds this JSON schema"));
        fake_turn_free(fake);
    }
}

static void what_does_not_hold_is_sent_back_once_and_paid(void **state)
{
    struct fake_turn *fake = agent(NULL, NULL);
    char *body;

    (void)state;
    answers(fake, 0, TEXT("{\\\"n\\\": 0}") END, NULL);
    answers(fake, 1, TEXT("{\\\"n\\\": 4}") END, NULL);
    assert_int_equal(ask(fake, SCHEMA), TROUPE_OK);
    assert_string_equal(fake->written.ptr, "{\"n\":4}");
    body = fake->requests[1].body;
    assert_non_null(strstr(body, "{\"role\":\"assistant\",\"content\":\"{\\\"n\\\": 0}\"}"));
    assert_non_null(strstr(body,
                           "That does not hold the schema: .n must have a value of at least 1. "
                           "Answer again"));
    assert_int_equal(fake->reservation_count, 2);
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED);
    assert_int_equal(fake->reservations[1].state, FAKE_SETTLED);
    assert_true(fake_text_has(&fake->result, "\"input\":40"));
    assert_true(fake_text_has(&fake->result, "\"cost_micros\":56"));
    fake_turn_free(fake);

    fake = agent(NULL, NULL);
    answers(fake, 0, TEXT("no") END, NULL);
    answers(fake, 1, TEXT("still no") END, NULL);
    assert_int_equal(ask(fake, SCHEMA), TROUPE_DATA);
    assert_string_equal(fake->code, "llm.bad_json");
    assert_null(fake->written.ptr);
    assert_int_equal(fake->request_count, 2);
    assert_true(
        fake_text_has(&fake->reasons, "llm.schema: the answer is no JSON; asking once more"));
    fake_turn_free(fake);
}

static void a_model_that_takes_no_schema_is_told_in_words_alone(void **state)
{
    static const char refusal[] = "{\"error\":{\"message\":\"RAW\",\"param\":\"response_format\"}}";
    struct fake_turn *fake = agent("no_json", "other, tiny-*");

    (void)state;
    answers(fake, 0, TEXT("{\\\"n\\\": 3}") END, NULL);
    assert_int_equal(ask(fake, SCHEMA), TROUPE_OK);
    assert_null(strstr(fake->requests[0].body, "response_format"));
    assert_non_null(strstr(fake->requests[0].body, "holds this JSON schema"));
    fake_turn_free(fake);

    /* one that refuses a schema is asked for any object, one that refuses that for nothing, and so the next time */
    fake = agent(NULL, NULL);
    answers(fake, 0, refusal, NULL);
    fake->responses[0].status = 400;
    answers(fake, 1, TEXT("{\\\"n\\\": 3}") END, NULL);
    answers(fake, 2, refusal, NULL);
    fake->responses[2].status = 400;
    answers(fake, 3, TEXT("{\\\"n\\\": 3}") END, NULL);
    answers(fake, 4, TEXT("{\\\"n\\\": 3}") END, NULL);
    assert_int_equal(ask(fake, SCHEMA), TROUPE_OK);
    assert_non_null(
        strstr(fake->requests[0].body, "\"response_format\":{\"type\":\"json_schema\""));
    assert_non_null(
        strstr(fake->requests[1].body, "\"response_format\":{\"type\":\"json_object\"}"));
    assert_int_equal(ask(fake, SCHEMA), TROUPE_OK);
    assert_non_null(
        strstr(fake->requests[2].body, "\"response_format\":{\"type\":\"json_object\"}"));
    assert_null(strstr(fake->requests[3].body, "response_format"));
    assert_int_equal(ask(fake, SCHEMA), TROUPE_OK);
    assert_null(strstr(fake->requests[4].body, "response_format"));
    assert_int_equal(fake->request_count, 5);
    fake_turn_free(fake);

    /* an object is not what a list is asked for as */
    fake = agent(NULL, NULL);
    answers(fake, 0, refusal, NULL);
    fake->responses[0].status = 400;
    answers(fake, 1, TEXT("[3]") END, NULL);
    assert_int_equal(ask(fake, "{\"type\":\"array\"}"), TROUPE_OK);
    assert_null(strstr(fake->requests[1].body, "response_format"));
    fake_turn_free(fake);
}

static void each_format_asks_for_json_as_its_server_knows_it(void **state)
{
    static const struct {
        enum llm_format format;
        const char *refusal, *with_schema, *with_object; /* NULL: there is none */
    } cases[] = {
        {LLM_FORMAT_OPENAI, "This response_format type is unavailable now",
         "\"response_format\":{\"type\":\"json_schema\"",
         "\"response_format\":{\"type\":\"json_object\"}"},
        {LLM_FORMAT_OPENAI, "This model does not support response format `json_schema`. See x",
         "\"response_format\":{\"type\":\"json_schema\"",
         "\"response_format\":{\"type\":\"json_object\"}"},
        {LLM_FORMAT_OLLAMA,
         "json: cannot unmarshal object into Go struct field ChatRequest.format of type string",
         "\"format\":{\"type\":\"object\"}", "\"format\":\"json\""},
        {LLM_FORMAT_ANTHROPIC, "output_config: Extra inputs are not permitted",
         "\"output_config\":{\"format\"", NULL},
    };
    static const char question[] = "[{\"role\":\"user\",\"content\":\"a\"}]";
    static const char any_object[] = "{\"type\":\"object\"}";

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (uint32_t lacks = 0; lacks <= LLM_LACKS_SCHEMA; lacks += LLM_LACKS_SCHEMA) {
            const struct llm_settings config = {.max_tokens = 100,
                                                .context_tokens = 8000,
                                                .format = cases[i].format,
                                                .model = "m",
                                                .lacks = lacks};
            struct llm_request request;
            const char *problem;
            char *body;

            assert_int_equal(llm_request_init(&request, &config,
                                              (troupe_str){question, strlen(question)}, 0, -1,
                                              &problem),
                             TROUPE_OK);
            assert_int_equal(llm_request_want_json(
                                 &request, (troupe_str){any_object, strlen(any_object)}, &problem),
                             TROUPE_OK);
            if (!lacks) {
                body = llm_request_body(&request);
                assert_non_null(strstr(body, cases[i].with_schema));
                free(body);
                assert_true(llm_request_adapt(&request, NULL, cases[i].refusal));
            }
            body = llm_request_body(&request);
            assert_null(strstr(body, cases[i].with_schema));
            if (cases[i].with_object)
                assert_non_null(strstr(body, cases[i].with_object));
            else
                assert_null(strstr(body, "output_config"));
            free(body);
            assert_true(llm_request_adapt(&request, NULL, cases[i].refusal));
            body = llm_request_body(&request);
            assert_null(strstr(body, "format"));
            free(body);
            assert_false(llm_request_adapt(&request, NULL, cases[i].refusal));
            llm_request_clear(&request);
        }
}

/* ---- actions ----------------------------------------------------------------------------------*/

/* What is shown of a text that comes in pieces of `step` bytes. */
static void show(const char *text, size_t step, char *ret)
{
    const size_t len = strlen(text);
    size_t from = 0, shown = 0;

    for (size_t have = 0; have <= len + step; have += step) {
        const size_t now = have < len ? have : len;
        size_t n, skip;

        do {
            n = llm_hold_next(LLM_HOLD_ACTIONS, text, now, from, have > len, &skip);
            memcpy(ret + shown, text + from, n);
            shown += n;
            from += n + skip;
        } while (n + skip > 0);
    }
    assert_int_equal(from, len);
    ret[shown] = 0;
}

static void actions_are_never_shown_however_a_text_is_cut(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"plain text", "plain text"},
        {"Let me see.\n```json\n{\"action\": \"a\", \"params\": {\"x\": \"```\"}}\n```\nDone",
         "Let me see.\nDone"},
        {"```json\n{\"action\":\"a\"}\n```", ""},
        {"```json\n{\"action\":\"a\"}", ""},
        {"```json\n{\"action\":\"a\"}\n```\n```json\n{\"action\":\"b\",\"params\":{}}\n```\nx",
         "x"},
        /* what is none stays */
        {"```json\n{\"answer\": 1}\n```\nx", "```json\n{\"answer\": 1}\n```\nx"},
        {"```json\n{\"action\":\"a\",\"why\":1}\n```",
         "```json\n{\"action\":\"a\",\"why\":1}\n```"},
        {"```json\n{\"action\":\"a\",\"params\":[]}\n```",
         "```json\n{\"action\":\"a\",\"params\":[]}\n```"},
        {"say ```json {\"action\":\"a\"}", "say ```json {\"action\":\"a\"}"},
        {"```c\nint x;\n```\nand ```", "```c\nint x;\n```\nand ```"},
        {"ends with\n``", "ends with\n``"},
        {"ends with\n```json", "ends with\n```json"},
    };
    char shown[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step < 40; step += 3) {
            show(cases[i].text, step, shown);
            assert_string_equal(shown, cases[i].shown);
        }
    }
}

static void actions_become_calls_and_leave_the_text(void **state)
{
    static char text[256];
    struct llm_stream stream;

    (void)state;
    llm_stream_init(&stream, text);
    stream.len = (size_t)snprintf(text, sizeof(text),
                                  "One.\n```json\n{\"action\":\"roll\",\"params\":{\"n\":6}}\n```\n"
                                  "```json\n{\"action\":\"flip\"}\n```\nTwo.");
    assert_int_equal(llm_actions_take(&stream), TROUPE_OK);
    assert_int_equal(stream.call_count, 2);
    assert_string_equal(stream.calls[0].name, "roll");
    assert_string_equal(stream.calls[0].arguments, "{\"n\":6}");
    assert_string_equal(stream.calls[1].name, "flip");
    assert_null(stream.calls[1].arguments);
    assert_int_equal(stream.len, strlen("One.\nTwo."));
    assert_memory_equal(stream.text, "One.\nTwo.", stream.len);
    llm_stream_clear(&stream);
}

static void an_action_may_want_to_be_confirmed(void **state)
{
    static const struct {
        const char *confirm;
        uint8_t wanted;
    } cases[] = {{"", 0},
                 {",\"confirm\":true", 1},
                 {",\"confirm\":false", 0},
                 {",\"confirm\":null", 0},
                 {",\"confirm\":\"yes\"", 1}};
    static char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_stream stream;

        llm_stream_init(&stream, text);
        stream.len = (size_t)snprintf(text, sizeof(text),
                                      "```json\n{\"action\":\"roll\",\"params\":{\"n\":6}%s}\n```",
                                      cases[i].confirm);
        assert_int_equal(llm_actions_take(&stream), TROUPE_OK);
        assert_int_equal(stream.call_count, 1);
        assert_string_equal(stream.calls[0].arguments, "{\"n\":6}");
        assert_int_equal(stream.calls[0].confirm, cases[i].wanted);
        assert_int_equal(stream.len, 0);
        llm_stream_clear(&stream);
    }
}

static const char talk[] =
    "[{\"role\":\"system\",\"content\":\"be kind\",\"stable\":7},{\"role\":\"user\",\"content\":"
    "\"roll and "
    "flip\"},{\"role\":\"assistant\",\"content\":\"Well.\",\"tool_calls\":[{\"id\":\"a\","
    "\"type\":\"function\",\"function\":{\"name\":\"roll\",\"arguments\":\"{\\\"n\\\":6}\"}},"
    "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"flip\",\"arguments\":\"\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"4\"},"
    "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"heads\"}]";
static const char tools[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"roll\",\"description\":\"Rolls\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}}}]";

static void a_model_without_tools_reads_them_in_words(void **state)
{
    static const enum llm_format formats[] = {LLM_FORMAT_OPENAI, LLM_FORMAT_ANTHROPIC,
                                              LLM_FORMAT_OLLAMA};

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        const struct llm_settings config = {.max_tokens = 100,
                                            .context_tokens = 8000,
                                            .format = formats[i],
                                            .model = "m",
                                            .lacks = LLM_LACKS_TOOLS};
        struct llm_request request;
        const char *problem;
        char *body;

        assert_int_equal(
            llm_request_init(&request, &config, (troupe_str){talk, strlen(talk)}, 0, -1, &problem),
            TROUPE_OK);
        assert_int_equal(llm_request_offer(&request, (troupe_str){tools, strlen(tools)}, &problem),
                         TROUPE_OK);
        body = llm_request_body(&request);
        assert_null(strstr(body, "\"tools\""));
        assert_null(strstr(body, "tool_call"));
        assert_null(strstr(body, "stable"));
        assert_non_null(strstr(body, "be kind"));
        assert_non_null(strstr(body, "- roll: Rolls {\\\"type\\\":\\\"object\\\""));
        assert_non_null(strstr(body,
                               "Well.\\n```json\\n{\\\"action\\\":\\\"roll\\\",\\\"params\\\":"
                               "{\\\"n\\\":6}}\\n```\\n"));
        assert_non_null(strstr(body, "What roll gave:\\n4\\n\\nWhat flip gave:\\nheads"));
        free(body);
        request.no_calls = 1;
        body = llm_request_body(&request);
        assert_null(strstr(body, "- roll"));
        assert_non_null(strstr(body, "cannot call functions any more: answer in words"));
        free(body);
        request.schema = json_object(); /* words would be no answer */
        body = llm_request_body(&request);
        assert_non_null(strstr(body, "cannot call functions any more: answer with the JSON"));
        assert_null(strstr(body, "in words"));
        free(body);
        llm_request_clear(&request);
    }
}

/* What was called, in this order. */
static char called[256];

static const char *call_and_note(struct fake_turn *fake, const char *name, troupe_str args)
{
    const size_t len = strlen(called);

    (void)fake;
    snprintf(called + len, sizeof(called) - len, "%s%.*s ", name, (int)args.len, args.ptr);
    return "\"done\"";
}

static void add_call(struct llm_stream *stream, const char *name, const char *arguments)
{
    LLM_CLEANUP_JSON json_t *text = json_string(name);
    struct llm_call *call = llm_stream_call(stream, stream->call_count, text, text);

    assert_int_equal(llm_stream_argue(stream, call, arguments, strlen(arguments)), TROUPE_OK);
}

static void calls_go_by_priority_and_a_wish_to_be_asked_is_never_dropped(void **state)
{
    static const char list[] =
        "[{\"type\":\"function\",\"function\":{\"name\":\"low\",\"parameters\":{}},\"call\":\"x."
        "low\","
        "\"priority\":-1},"
        "{\"type\":\"function\",\"function\":{\"name\":\"mid\",\"parameters\":{}},\"call\":\"x."
        "mid\"},"
        "{\"type\":\"function\",\"function\":{\"name\":\"own\",\"parameters\":{\"properties\":{"
        "\"confirm\":{\"type\":\"boolean\"}}}},\"call\":\"x.own\",\"priority\":9}]";
    const struct llm_settings config = {.max_tokens = 100, .context_tokens = 8000, .model = "m"};
    struct fake_turn *fake = agent(NULL, NULL);
    struct llm_request request;
    static struct llm_stream stream; /* large */
    const char *problem;
    static char text[16];
    json_t *told;

    (void)state;
    fake->on_call = call_and_note;
    called[0] = 0;
    assert_int_equal(
        llm_request_init(&request, &config, (troupe_str){talk, strlen(talk)}, 0, -1, &problem),
        TROUPE_OK);
    assert_int_equal(llm_request_offer(&request, (troupe_str){list, strlen(list)}, &problem),
                     TROUPE_OK);
    llm_stream_init(&stream, text);
    add_call(&stream, "low", "{}");
    add_call(&stream, "mid", "{\"n\":1}");
    add_call(&stream, "mid", "{\"confirm\":false,\"n\":2}");
    add_call(&stream, "own", "{\"confirm\":true}");
    add_call(&stream, "mid", "{\"confirm\":true,\"n\":3}");
    assert_int_equal(llm_tools_run(&fake->turn, &request, &stream), TROUPE_OK);
    /* The last one wants to be confirmed, and this host has no way to ask for that: it is not called. */
    assert_string_equal(called, "x.own{\"confirm\":true} x.mid{\"n\":1} x.mid{\"n\":2} x.low{} ");
    told = json_array_get(request.messages, json_array_size(request.messages) - 1);
    assert_memory_equal(json_string_value(json_object_get(told, "content")), "error: ", 7);
    told = json_array_get(request.messages, json_array_size(request.messages) - 2);
    assert_string_equal(json_string_value(json_object_get(told, "tool_call_id")), "own");
    llm_stream_clear(&stream);
    llm_request_clear(&request);
    fake_turn_free(fake);
}

/* A round of a model that gives its calls no ids, or the same each time: one call, by that name. */
static void call_once(struct fake_turn *fake, struct llm_request *request,
                      const struct llm_provider *provider, const char *name)
{
    static struct llm_stream stream; /* large */
    static char text[256];
    char chunk[256];
    const char *given;
    size_t len;

    llm_stream_init(&stream, text);
    if (!provider) {
        stream.len = (size_t)snprintf(text, sizeof(text),
                                      "```json\n{\"action\":\"%s\",\"params\":{}}\n```", name);
        assert_int_equal(llm_actions_take(&stream), TROUPE_OK);
    } else {
        snprintf(chunk, sizeof(chunk),
                 provider == &llm_provider_ollama
                     ? "{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"%s\","
                       "\"arguments\":{}}}]},\"done\":true}"
                     : "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"same\",\"function\":{"
                       "\"name\":\"%s\",\"arguments\":\"{}\"}}]}}]}",
                 name);
        assert_int_equal(llm_provider_chunk(provider, &stream, chunk, strlen(chunk), &given, &len),
                         TROUPE_OK);
    }
    assert_int_equal(stream.call_count, 1);
    assert_int_equal(llm_tools_run(&fake->turn, request, &stream), TROUPE_OK);
    llm_stream_clear(&stream);
}

static void each_result_is_told_as_its_own_calls(void **state)
{
    static const struct {
        const struct llm_provider *provider; /* NULL: actions in fences */
        struct llm_settings settings;
        const char *one, *two;
    } cases[] = {
        {NULL, {.lacks = LLM_LACKS_TOOLS}, "What A gave", "What B gave"},
        {&llm_provider_ollama,
         {.format = LLM_FORMAT_OLLAMA},
         "\"tool_name\":\"A\"",
         "\"tool_name\":\"B\""},
        {&llm_provider_openai, {.lacks = LLM_LACKS_TOOLS}, "What A gave", "What B gave"},
    };
    static const char list[] = "[{\"type\":\"function\",\"function\":{\"name\":\"A\"},\"call\":"
                               "\"x.a\"},{\"type\":\"function\",\"function\":{\"name\":\"B\"},"
                               "\"call\":\"x.b\"}]";
    static const char start[] =
        "[{\"role\":\"user\",\"content\":\"go\"},{\"role\":\"assistant\",\"content\":null,"
        "\"tool_calls\":[{\"id\":\"call_0\",\"function\":{\"name\":\"old\",\"arguments\":\"{}\"}}]}"
        ","
        "{\"role\":\"tool\",\"tool_call_id\":\"call_0\",\"content\":\"older\"}]";

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_settings config = cases[i].settings;
        struct fake_turn *fake = agent(NULL, NULL);
        struct llm_request request;
        const char *problem;
        char *body;
        const json_t *message, *call, *other;
        size_t n, m;

        config.max_tokens = 100;
        config.context_tokens = 8000;
        snprintf(config.model, sizeof(config.model), "m");
        fake->on_call = call_and_note;
        called[0] = 0;
        assert_int_equal(llm_request_init(&request, &config, (troupe_str){start, strlen(start)}, 0,
                                          -1, &problem),
                         TROUPE_OK);
        assert_int_equal(llm_request_offer(&request, (troupe_str){list, strlen(list)}, &problem),
                         TROUPE_OK);
        call_once(fake, &request, cases[i].provider, "A");
        call_once(fake, &request, cases[i].provider, "B");
        assert_string_equal(called, "x.a{} x.b{} ");
        body = llm_request_body(&request);
        assert_non_null(strstr(body, cases[i].one));
        assert_non_null(strstr(body, cases[i].two));
        free(body);
        /* and no id is there twice */
        json_array_foreach (request.messages, n, message) {
            call = json_array_get(json_object_get(message, "tool_calls"), 0);
            for (m = 0; call && m < n; m++) {
                other = json_array_get(
                    json_object_get(json_array_get(request.messages, m), "tool_calls"), 0);
                assert_false(other &&
                             json_equal(json_object_get(call, "id"), json_object_get(other, "id")));
            }
        }
        llm_request_clear(&request);
        fake_turn_free(fake);
    }
}

/* Gemini refuses a call that comes back without its signature; nobody else is to read that. */
static void what_a_provider_wants_back_with_a_call_goes_to_that_model_alone(void **state)
{
    static const char chunk[] =
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"roll\","
        "\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_signature\":\"c2ln\"}}},"
        "{\"id\":\"b\",\"function\":{\"name\":\"flip\",\"arguments\":\"{}\"}}]}}]}";
    static const struct {
        struct llm_settings to;
        int has;
    } cases[] = {
        {{.model = "m", .base_url = "https://one.example/v1"}, 1},
        {{.model = "n", .base_url = "https://one.example/v1"}, 0},
        {{.model = "m", .base_url = "https://two.example/v1"}, 0},
        {{.model = "m", .base_url = "https://one.example/v1", .format = LLM_FORMAT_ANTHROPIC}, 0},
        {{.model = "m", .base_url = "https://one.example/v1", .format = LLM_FORMAT_OLLAMA}, 0},
        {{.model = "m", .base_url = "https://one.example/v1", .lacks = LLM_LACKS_TOOLS}, 0},
        {{.model = "m", .base_url = "https://one.example/v1"}, 1},
    };
    struct llm_settings first = cases[0].to;
    struct fake_turn *fake = agent(NULL, NULL);
    struct llm_request request;
    static struct llm_stream stream; /* large */
    static char text[16];
    const char *problem, *given;
    size_t len;
    uint64_t before;

    (void)state;
    first.max_tokens = 100;
    first.context_tokens = 8000;
    fake->on_call = call_and_note;
    called[0] = 0;
    assert_int_equal(
        llm_request_init(&request, &first, (troupe_str){talk, strlen(talk)}, 0, -1, &problem),
        TROUPE_OK);
    assert_int_equal(llm_request_offer(&request, (troupe_str){tools, strlen(tools)}, &problem),
                     TROUPE_OK);
    llm_stream_init(&stream, text);
    assert_int_equal(
        llm_provider_chunk(&llm_provider_openai, &stream, chunk, sizeof(chunk) - 1, &given, &len),
        TROUPE_OK);
    before = request.input_bytes;
    assert_int_equal(llm_tools_run(&fake->turn, &request, &stream), TROUPE_OK);
    llm_stream_clear(&stream);
    /* it is sent, so it counts among what may have to be paid */
    assert_true(request.input_bytes > before + strlen("c2ln") + strlen("thought_signature"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_settings to = cases[i].to;
        char *body;

        to.max_tokens = first.max_tokens;
        to.context_tokens = first.context_tokens;
        llm_request_turn_to(&request, &to);
        body = llm_request_body(&request);
        assert_int_equal(strstr(body, "c2ln") != NULL, cases[i].has);
        assert_int_equal(strstr(body, "\"extra_content\":{\"google\":{\"thought_signature\":"
                                      "\"c2ln\"}}") != NULL,
                         cases[i].has);
        assert_null(strstr(body, "extra_of"));
        assert_non_null(strstr(body, "flip"));
        free(body);
    }
    llm_request_clear(&request);
    fake_turn_free(fake);
}

/* Anthropic refuses calls whose thoughts were moved, changed or left out; nobody else is to read those. */
static void blocks_of_thoughts_go_back_as_they_came_and_where_they_stood(void **state)
{
#define BLOCK(index, block)                                                                        \
    "{\"type\":\"content_block_start\",\"index\":" #index ",\"content_block\":" block "}"
#define DELTA(index, delta)                                                                        \
    "{\"type\":\"content_block_delta\",\"index\":" #index ",\"delta\":" delta "}"
    static const char *const chunks[] = {
        BLOCK(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"),
        DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}"),
        DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"m\"}"),
        DELTA(0, "{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}"),
        BLOCK(1, "{\"type\":\"text\",\"text\":\"\"}"),
        DELTA(1, "{\"type\":\"text_delta\",\"text\":\"First. \"}"),
        BLOCK(2, "{\"type\":\"redacted_thinking\",\"data\":\"sealed\"}"),
        BLOCK(3, "{\"type\":\"text\",\"text\":\"Then.\"}"),
        BLOCK(4, "{\"type\":\"tool_use\",\"id\":\"z\",\"name\":\"roll\",\"input\":{}}"),
    };
    static const char *const expected =
        "\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hmm\","
        "\"signature\":\"c2ln\"},{\"type\":\"text\",\"text\":\"First. \"},{\"type\":"
        "\"redacted_thinking\",\"data\":\"sealed\"},{\"type\":\"text\",\"text\":\"Then.\"},"
        "{\"type\":\"tool_use\",\"id\":\"z\",\"name\":\"roll\",\"input\":{}}]";
    struct llm_settings config = {.max_tokens = 100,
                                  .context_tokens = 8000,
                                  .format = LLM_FORMAT_ANTHROPIC,
                                  .model = "m",
                                  .base_url = "https://one.example/v1"};
    struct fake_turn *fake = agent(NULL, NULL);
    struct llm_request request;
    static struct llm_stream stream; /* large */
    static char text[64];
    const char *problem, *given;
    size_t len;
    char *body;

    (void)state;
    fake->on_call = call_and_note;
    called[0] = 0;
    assert_int_equal(
        llm_request_init(&request, &config, (troupe_str){talk, strlen(talk)}, 0, -1, &problem),
        TROUPE_OK);
    assert_int_equal(llm_request_offer(&request, (troupe_str){tools, strlen(tools)}, &problem),
                     TROUPE_OK);
    llm_stream_init(&stream, text);
    stream.most = sizeof(text);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
        assert_int_equal(llm_provider_chunk(&llm_provider_anthropic, &stream, chunks[i],
                                            strlen(chunks[i]), &given, &len),
                         TROUPE_OK);
    assert_int_equal(llm_tools_run(&fake->turn, &request, &stream), TROUPE_OK);
    llm_stream_clear(&stream);
    body = llm_request_body(&request);
    assert_non_null(strstr(body, expected));
    free(body);
    for (int i = 0; i < 2; i++) {
        snprintf(config.model, sizeof(config.model), "other");
        config.format = i ? LLM_FORMAT_OPENAI : LLM_FORMAT_ANTHROPIC;
        llm_request_turn_to(&request, &config);
        body = llm_request_body(&request);
        assert_null(strstr(body, "hmm"));
        assert_null(strstr(body, "sealed"));
        assert_null(strstr(body, "blocks"));
        assert_non_null(strstr(body, "First. Then."));
        free(body);
    }
    llm_request_clear(&request);
    fake_turn_free(fake);
}

/* DeepSeek and Moonshot refuse calls without the thoughts before them; who did not think so is not sent any. */
static void thoughts_go_back_with_calls_to_whom_wants_them(void **state)
{
    static const char chunk[] =
        "{\"choices\":[{\"delta\":{\"reasoning_content\":\"hmm\",\"reasoning_details\":[{\"type\":"
        "\"reasoning.encrypted\",\"data\":\"sealed\"}],\"tool_calls\":[{\"id\":\"a\",\"function\":{"
        "\"name\":\"roll\",\"arguments\":\"{}\"}}]}}]}";
    static const char refusal[] =
        "The reasoning_content in the thinking mode must be passed back to the API.";
    static const char question[] = "[{\"role\":\"user\",\"content\":\"roll\"}]";
    static const struct {
        struct llm_settings settings;
        int wants;
    } cases[] = {
        {{.model = "deepseek-v4-pro", .host_name = "api.deepseek.com"}, 1},
        {{.model = "kimi-k2.6", .host_name = "api.moonshot.ai"}, 1},
        {{.model = "google/gemini-3-flash", .host_name = "openrouter.ai"}, 1},
        {{.model = "some/model", .host_name = "openrouter.ai"}, 0},
        {{.model = "own", .host_name = "127.0.0.1"}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_settings config = cases[i].settings, other;
        struct fake_turn *fake = agent(NULL, NULL);
        struct llm_request request;
        static struct llm_stream stream; /* large */
        static char text[16];
        const char *problem, *given;
        uint64_t before;
        size_t len;
        char *body;

        config.max_tokens = 100;
        config.context_tokens = 8000;
        fake->on_call = call_and_note;
        called[0] = 0;
        assert_int_equal(llm_request_init(&request, &config,
                                          (troupe_str){question, strlen(question)}, 0, -1,
                                          &problem),
                         TROUPE_OK);
        assert_int_equal(llm_request_offer(&request, (troupe_str){tools, strlen(tools)}, &problem),
                         TROUPE_OK);
        /* before there are any, none can be missing */
        assert_false(llm_request_adapt(&request, NULL, refusal));
        llm_stream_init(&stream, text);
        assert_int_equal(llm_provider_chunk(&llm_provider_openai, &stream, chunk, sizeof(chunk) - 1,
                                            &given, &len),
                         TROUPE_OK);
        assert_int_equal(llm_tools_run(&fake->turn, &request, &stream), TROUPE_OK);
        llm_stream_clear(&stream);
        body = llm_request_body(&request);
        assert_int_equal(strstr(body, "\"reasoning_content\":\"hmm\"") != NULL, cases[i].wants);
        assert_int_equal(strstr(body, "sealed") != NULL, cases[i].wants);
        assert_null(strstr(body, "\"thoughts\""));
        free(body);
        /* who says that they are missing gets them from then on, and they count */
        before = request.input_bytes;
        assert_int_equal(llm_request_adapt(&request, NULL, refusal), !cases[i].wants);
        assert_int_equal(request.input_bytes > before + strlen("hmmsealed"), !cases[i].wants);
        body = llm_request_body(&request);
        assert_non_null(strstr(body, "\"reasoning_content\":\"hmm\""));
        assert_non_null(strstr(body, "\"reasoning_details\":[{\"type\":\"reasoning.encrypted\""));
        free(body);
        /* another model gets none */
        other = config;
        snprintf(other.base_url, sizeof(other.base_url), "https://other.example/v1");
        llm_request_turn_to(&request, &other);
        body = llm_request_body(&request);
        assert_null(strstr(body, "reasoning_"));
        assert_null(strstr(body, "\"thoughts\""));
        free(body);
        llm_request_clear(&request);
        fake_turn_free(fake);
    }
}

/* Of a talk that another model began: DeepSeek and Moonshot refuse its calls as long as they think, Gemini without
 * something in place of a signature. */
static void calls_of_another_model_are_put_as_each_takes_them(void **state)
{
    static const char think_not[] = "\"thinking\":{\"type\":\"disabled\"}";
    static const char signed_first[] =
        "\"name\":\"roll\",\"arguments\":\"{\\\"n\\\":6}\"},\"extra_content\":{\"google\":{"
        "\"thought_signature\":\"skip_thought_signature_validator\"}}}";
    static const char history[] = "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
                                  "\"content\":\"b\"},{\"role\":\"user\",\"content\":\"c\"}]";
    static const struct {
        struct llm_settings settings;
        const char *refusal; /* that it is learned from; NULL: it is known */
        int thinks_not, is_signed;
    } cases[] = {
        {{.host_name = "api.deepseek.com"}, NULL, 1, 0},
        {{.host_name = "api.moonshot.cn"}, NULL, 1, 0},
        {{.host_name = "generativelanguage.googleapis.com"}, NULL, 0, 1},
        {{.host_name = "127.0.0.1"}, NULL, 0, 0},
        {{.host_name = "api.anthropic.com", .format = LLM_FORMAT_ANTHROPIC}, NULL, 1, 0},
        {{.host_name = "openrouter.ai", .model = "google/gemini-3-flash"}, NULL, 0, 0},
        {{.host_name = "127.0.0.1"},
         "thinking is enabled but reasoning_content is missing in assistant tool call message at "
         "index 2",
         1,
         0},
        {{.host_name = "127.0.0.1"},
         "Unable to submit request because function call `roll` in the 2. content block is missing "
         "a `thought_signature`.",
         0,
         1},
    };
    const char *problem;
    char *body;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_settings config = cases[i].settings;
        struct llm_request request;

        config.max_tokens = 100;
        config.context_tokens = 8000;
        assert_int_equal(
            llm_request_init(&request, &config, (troupe_str){talk, strlen(talk)}, 0, -1, &problem),
            TROUPE_OK);
        assert_int_equal(llm_request_offer(&request, (troupe_str){tools, strlen(tools)}, &problem),
                         TROUPE_OK);
        if (cases[i].refusal) {
            const uint64_t before = request.input_bytes;

            assert_true(llm_request_adapt(&request, NULL, cases[i].refusal));
            assert_false(llm_request_adapt(&request, NULL, cases[i].refusal));
            assert_int_equal(request.input_bytes > before, cases[i].is_signed);
        }
        body = llm_request_body(&request);
        assert_int_equal(strstr(body, think_not) != NULL, cases[i].thinks_not);
        assert_int_equal(strstr(body, signed_first) != NULL, cases[i].is_signed);
        assert_true(!strstr(body, "skip_thought") ||
                    !strstr(strstr(body, "skip_thought") + 1, "skip_thought"));
        free(body);
        llm_request_clear(&request);
    }

    /* Whoever wants thoughts of plain answers, too, as DeepSeek has it with tools, says so, and is asked not to think. */
    for (int i = 0; i < 2; i++) {
        struct llm_settings config = {
            .max_tokens = 100, .context_tokens = 8000, .host_name = "api.deepseek.com"};
        struct llm_request request;
        static const char refusal[] =
            "The `reasoning_content` in the thinking mode must be passed back to the API.";

        assert_int_equal(llm_request_init(&request, &config, (troupe_str){history, strlen(history)},
                                          0, -1, &problem),
                         TROUPE_OK);
        if (i == 0)
            assert_int_equal(
                llm_request_offer(&request, (troupe_str){tools, strlen(tools)}, &problem),
                TROUPE_OK);
        body = llm_request_body(&request);
        assert_null(strstr(body, think_not));
        free(body);
        assert_int_equal(llm_request_adapt(&request, NULL, refusal), i == 0);
        body = llm_request_body(&request);
        assert_int_equal(strstr(body, think_not) != NULL,
                         i == 0); /* without tools nothing is wanted */
        free(body);
        llm_request_clear(&request);
    }
}

static void a_refusal_of_tools_is_learned_from(void **state)
{
    static const char *const refusals[] = {
        "registry.ollama.ai/library/gemma:2b does not support tools",
        "No endpoints found that support tool use. To learn more about provider routing, visit: x",
    };
    const struct llm_settings config = {
        .max_tokens = 100, .context_tokens = 8000, .format = LLM_FORMAT_OLLAMA, .model = "m"};

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct llm_request request;
        const char *problem;

        assert_int_equal(
            llm_request_init(&request, &config, (troupe_str){talk, strlen(talk)}, 0, -1, &problem),
            TROUPE_OK);
        assert_false(llm_request_adapt(&request, NULL, refusals[i])); /* none were sent */
        assert_int_equal(llm_request_offer(&request, (troupe_str){tools, strlen(tools)}, &problem),
                         TROUPE_OK);
        assert_true(llm_request_adapt(&request, NULL, refusals[i]));
        assert_true(llm_actions_used(&request));
        assert_false(llm_request_adapt(&request, NULL, refusals[i]));
        llm_request_clear(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_hold_a_schema_is_named_with_its_place),
        cmocka_unit_test(a_schema_that_cannot_be_checked_against_is_refused),
        cmocka_unit_test(an_answer_by_a_schema_comes_whole_and_checked),
        cmocka_unit_test(what_does_not_hold_is_sent_back_once_and_paid),
        cmocka_unit_test(a_model_that_takes_no_schema_is_told_in_words_alone),
        cmocka_unit_test(each_format_asks_for_json_as_its_server_knows_it),
        cmocka_unit_test(actions_are_never_shown_however_a_text_is_cut),
        cmocka_unit_test(actions_become_calls_and_leave_the_text),
        cmocka_unit_test(an_action_may_want_to_be_confirmed),
        cmocka_unit_test(a_model_without_tools_reads_them_in_words),
        cmocka_unit_test(calls_go_by_priority_and_a_wish_to_be_asked_is_never_dropped),
        cmocka_unit_test(each_result_is_told_as_its_own_calls),
        cmocka_unit_test(what_a_provider_wants_back_with_a_call_goes_to_that_model_alone),
        cmocka_unit_test(blocks_of_thoughts_go_back_as_they_came_and_where_they_stood),
        cmocka_unit_test(thoughts_go_back_with_calls_to_whom_wants_them),
        cmocka_unit_test(calls_of_another_model_are_put_as_each_takes_them),
        cmocka_unit_test(a_refusal_of_tools_is_learned_from),
    };

    return cmocka_run_group_tests_name("llm forms", tests, NULL, NULL);
}
