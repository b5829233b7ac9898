/* SPDX-License-Identifier: Apache-2.0
 *
 * The three formats: what is written into a request, and what an answer adds up to wherever the
 * network cuts it.
 */
#include "llm/cost.h"
#include "llm/provider.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_MAX ((size_t)16 * 1024)

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* ---- answers ----------------------------------------------------------------------------------*/

/* What came of a stream; the pieces of text are joined as they were handed out. */
struct taken {
    struct llm_stream stream;
    char handed_out[4096];
    size_t len;
    troupe_status status;
};

static char text_buffer[LLM_TEXT_MAX], frame_buffer[BUFFER_MAX];

static void take(const struct llm_provider *provider, struct llm_frames *frames, const char *bytes,
                 size_t len, struct taken *taken)
{
    /* A block of exactly the right size, so that a sanitizer sees a read beyond it. */
    char *copy = malloc(len ? len : 1);
    const char *at = copy;
    struct llm_sse_event event;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    while (taken->status == TROUPE_OK && llm_frames_next(frames, &at, &len, &event) == TROUPE_OK) {
        const char *text = "";
        size_t text_len = 0;

        taken->status =
            llm_provider_chunk(provider, &taken->stream, event.data, event.len, &text, &text_len);
        if (taken->status == TROUPE_END)
            taken->status = TROUPE_OK;
        assert_true(taken->len + text_len < sizeof(taken->handed_out));
        memcpy(taken->handed_out + taken->len, text, text_len);
        taken->len += text_len;
    }
    free(copy);
}

/* Cuts at `first` and `second`, then goes on in steps of `step` (0: as a whole). */
static void take_all(const struct llm_provider *provider, const char *bytes, size_t len,
                     size_t first, size_t second, size_t step, struct taken *ret)
{
    struct llm_frames frames;

    memset(ret, 0, sizeof(*ret));
    llm_stream_init(&ret->stream, text_buffer);
    llm_frames_init(&frames, provider->framing, frame_buffer, sizeof(frame_buffer));
    take(provider, &frames, bytes, first, ret);
    take(provider, &frames, bytes + first, second - first, ret);
    for (size_t at = second; at < len; at += step ? step : len)
        take(provider, &frames, bytes + at, step && len - at > step ? step : len - at, ret);
}

struct want {
    const char *text, *finish, *model;
    uint64_t input, output, cached, written, reasoning;
    uint8_t known, done;
    struct {
        const char *id, *name, *arguments;
    } calls[3];
};

static void expect(const struct taken *taken, const struct want *want)
{
    const struct llm_stream *stream = &taken->stream;
    uint32_t count = 0;

    assert_int_equal(taken->status, TROUPE_OK);
    assert_int_equal(taken->len, strlen(want->text));
    assert_memory_equal(taken->handed_out, want->text, taken->len);
    assert_int_equal(stream->len, taken->len);
    assert_memory_equal(stream->text, want->text, taken->len);
    assert_string_equal(stream->finish, want->finish);
    assert_string_equal(stream->model, want->model);
    assert_int_equal(stream->usage.input, want->input);
    assert_int_equal(stream->usage.output, want->output);
    assert_int_equal(stream->usage.cached, want->cached);
    assert_int_equal(stream->usage.written, want->written);
    assert_int_equal(stream->usage.reasoning, want->reasoning);
    assert_int_equal(stream->usage.known, want->known);
    assert_int_equal(stream->done, want->done);
    while (count < 3 && want->calls[count].id) {
        const struct llm_call *call = &stream->calls[count];

        assert_string_equal(call->id, want->calls[count].id);
        assert_string_equal(call->name, want->calls[count].name);
        assert_string_equal(call->arguments ? call->arguments : "", want->calls[count].arguments);
        assert_int_equal(call->len, strlen(want->calls[count].arguments));
        count++;
    }
    assert_int_equal(stream->call_count, count);
}

/* In one piece, byte by byte, in small steps, cut in two at every place, and in three at `threes`
 * pseudo-random pairs of places. */
static void expect_anyhow(const struct llm_provider *provider, const char *bytes, size_t len,
                          const struct want *want, unsigned threes)
{
    static struct taken taken;
    uint32_t random = 1;

    for (size_t step = 0; step < 20; step++) {
        take_all(provider, bytes, len, 0, 0, step, &taken);
        expect(&taken, want);
        llm_stream_clear(&taken.stream);
    }
    for (size_t first = 0; first <= len; first++) {
        take_all(provider, bytes, len, first, first, 0, &taken);
        expect(&taken, want);
        llm_stream_clear(&taken.stream);
    }
    for (unsigned i = 0; i < threes; i++) {
        size_t first, second;

        random = random * 1664525u + 1013904223u;
        first = random % (len + 1);
        random = random * 1664525u + 1013904223u;
        second = first + random % (len - first + 1);
        take_all(provider, bytes, len, first, second, 0, &taken);
        expect(&taken, want);
        llm_stream_clear(&taken.stream);
    }
}

static size_t read_fixture(const char *name, char *ret, size_t size)
{
    const char *folder = getenv("TROUPE_TEST_DATA");
    char path[4096];
    FILE *file;
    size_t len;

    if (!folder)
        return 0;
    snprintf(path, sizeof(path), "%s/fixtures/anthropic-sse/%s", folder, name);
    file = fopen(path, "re");
    if (!file)
        return 0;
    len = fread(ret, 1, size, file);
    assert_true(len < size);
    fclose(file);
    return len;
}

/* Recorded answers of the provider. Two of them end without the empty line that closes an event:
 * their last event, which only says that this is all, is then not one. */
static void anthropics_recorded_answers_add_up_under_any_chunking(void **state)
{
    static const struct {
        const char *name;
        struct want want;
    } cases[] = {
        {"basic_response.txt",
         {.text = "Hello there!",
          .finish = "stop",
          .model = "claude-3-opus-latest",
          .input = 11,
          .output = 6,
          .known = 1}},
        {"tool_use_response.txt",
         {.text = "I'll check the current weather in Paris for you.",
          .finish = "tool_calls",
          .model = "claude-sonnet-4-20250514",
          .input = 377,
          .output = 65,
          .known = 1,
          .calls = {{"toolu_01NRLabsLyVHZPKxbKvkfSMn", "get_weather",
                     "{\"location\": \"Paris\"}"}}}},
        {"incomplete_partial_json_response.txt",
         {.text = "I'll create a comprehensive tax guide for someone with multiple W2s and save it "
                  "in a file called taxes.txt. Let me do that for you now.",
          .finish = "length",
          .model = "claude-3-7-sonnet-20250219",
          .input = 450,
          .output = 124,
          .known = 1,
          .calls = {{"toolu_01EKqbqmZrGRXy18eN7m9kvY", "make_file",
                     "{\"filename\": \"taxes.txt\", \"lines_of_text\": [\n\"# COMPREHENSIVE TAX "
                     "GUIDE FOR INDIVIDUALS WITH MULTIPLE W-2s\",\n\"\",\n\"## "
                     "INTRODUCTION\",\n\"\",\n\"Filing taxes"}}}},
        {"refusal_response.txt",
         {.text = "",
          .finish = "content_filter",
          .model = "claude-opus-4-7",
          .input = 20,
          .output = 0,
          .known = 1}},
    };
    static char bytes[64 * 1024];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct want want = cases[i].want;
        size_t len = read_fixture(cases[i].name, bytes, sizeof(bytes) - 2);

        if (len == 0) {
            print_message("TROUPE_TEST_DATA has no \"%s\"\n", cases[i].name);
            skip();
        }
        want.done = len > 2 && memcmp(bytes + len - 2, "\n\n", 2) == 0;
        expect_anyhow(&llm_provider_anthropic, bytes, len, &want, 300);
        /* The same with its end, and with the line ends of another system. */
        while (len > 0 && bytes[len - 1] == '\n')
            len--;
        memcpy(bytes + len, "\n\n", 2);
        want.done = 1;
        expect_anyhow(&llm_provider_anthropic, bytes, len + 2, &want, 100);
    }
}

static void anthropics_accounting_replaces_and_holds_the_cache_apart(void **state)
{
    static const char stream[] =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\","
        "\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":200,"
        "\"cache_creation_input_tokens\":40,\"output_tokens\":1}}}\n\n"
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
        "\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n"
        "data: "
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
        "\"thinking\":\"hm \xc3\xa4\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"signature_delta\",\"signature\":\"x\"}}\n\n"
        "event: brand_new\ndata: {\"type\":\"brand_new\",\"x\":1}\n\n"
        "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\"gr\xc3\xbc\xc3\x9f dich\"}}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
        "{\"output_tokens\":7}}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":9,"
        "\"output_tokens_details\":{\"thinking_tokens\":5}}}\n\n"
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    const struct want want = {.text = "gr\xc3\xbc\xc3\x9f dich",
                              .finish = "stop",
                              .model = "c",
                              .input = 250,
                              .output = 9,
                              .cached = 200,
                              .written = 40,
                              .reasoning = 5,
                              .known = 1,
                              .done = 1};
    /* A million tokens: 1 USD in, 0.1 from the cache, 2 out. */
    const struct llm_tariff tariff = {1, {1000000, 100000, 2000000}};
    static struct taken taken;

    (void)state;
    expect_anyhow(&llm_provider_anthropic, stream, sizeof(stream) - 1, &want, 200);
    take_all(&llm_provider_anthropic, stream, sizeof(stream) - 1, 0, 0, 0, &taken);
    assert_int_equal(taken.stream.hidden, 5);
    assert_int_equal(llm_cost_actual(&tariff, &taken.stream.usage), 10 + 20 + 50 + 18);
    llm_stream_clear(&taken.stream);
}

static void openais_calls_are_joined_by_their_index(void **state)
{
#define CALLS(inside)                                                                              \
    "data: {\"model\":\"g\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[" inside          \
    "]},\"finish_reason\":null}],\"usage\":null}\n\n"
    static const char stream[] =
        "data: {\"model\":\"g\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
        "\"content\":null}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"\xf0\x9f\x8e\xb2 \"}}]}\n\n" CALLS(
            "{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":"
            "\"roll\",\"arguments\":\"\"}}")
            CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"si\"}}")
                CALLS("{\"index\":1,\"id\":\"call_b\",\"type\":\"function\",\"function\":{\"name\":"
                      "\"flip\",\"arguments\":\"\"}}")
        /* pieces of both in one chunk, out of order */
        CALLS(
            "{\"index\":1,\"function\":{\"arguments\":\"{}\"}},"
            "{\"index\":0,\"function\":{\"arguments\":\"des\\\":6}\"}}") "data: "
                                                                         "{\"choices\":[{\"delta\":"
                                                                         "{},\"finish_reason\":"
                                                                         "\"tool_calls\"}]}\n\n"
                                                                         "data: "
                                                                         "{\"choices\":[],"
                                                                         "\"usage\":{\"prompt_"
                                                                         "tokens\":30,\"completion_"
                                                                         "tokens\":12,"
                                                                         "\"prompt_tokens_"
                                                                         "details\":{\"cached_"
                                                                         "tokens\":20,\"cache_"
                                                                         "write_tokens\":4},"
                                                                         "\"completion_tokens_"
                                                                         "details\":{\"reasoning_"
                                                                         "tokens\":8}}}\n\n"
                                                                         "data: [DONE]\n\n";
    const struct want want = {
        .text = "\xf0\x9f\x8e\xb2 ",
        .finish = "tool_calls",
        .model = "g",
        .input = 30,
        .output = 12,
        .cached = 20,
        .written = 4,
        .reasoning = 8,
        .known = 1,
        .done = 1,
        .calls = {{"call_a", "roll", "{\"sides\":6}"}, {"call_b", "flip", "{}"}}};

    (void)state;
    expect_anyhow(&llm_provider_openai, stream, sizeof(stream) - 1, &want, 200);
}

/* What was thought is paid for as output. Some count it among the completion, some beside it, and only their
 * total tells. */
static void what_was_thought_is_output_wherever_it_is_counted(void **state)
{
    static const struct {
        const char *usage;
        uint64_t output, cached, reasoning;
    } cases[] = {
        /* OpenAI: inside */
        {"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12,\"total_tokens\":42,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":8}}",
         12, 0, 8},
        /* xAI: beside, and told */
        {"\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":9,\"total_tokens\":135,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":94}}",
         103, 0, 94},
        /* Gemini: beside, and only the total has it */
        {"\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":198,\"total_tokens\":623}", 603, 0,
         0},
        /* more than its completion cannot be inside */
        {"\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":2,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":317}}",
         319, 0, 317},
        /* Moonshot: what was cached in a place of its own */
        {"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12,\"total_tokens\":42,"
         "\"cached_tokens\":20}",
         12, 20, 0},
        /* a total that cannot be one */
        {"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12,\"total_tokens\":7}", 12, 0, 0},
        {"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12,\"total_tokens\":-1}", 12, 0, 0},
        {"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12,"
         "\"total_tokens\":9223372036854775807}",
         12, 0, 0},
    };
    char chunk[512];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_stream stream;
        const char *text;
        size_t len;

        llm_stream_init(&stream, text_buffer);
        snprintf(chunk, sizeof(chunk), "{\"choices\":[],%s}", cases[i].usage);
        assert_int_equal(
            llm_provider_chunk(&llm_provider_openai, &stream, chunk, strlen(chunk), &text, &len),
            TROUPE_OK);
        assert_true(stream.usage.known);
        assert_int_equal(stream.usage.output, cases[i].output);
        assert_int_equal(stream.usage.cached, cases[i].cached);
        assert_int_equal(stream.usage.reasoning, cases[i].reasoning);
        llm_stream_clear(&stream);
    }
}

/* Moonshot puts it there. */
static void usage_inside_of_a_choice_counts_where_there_is_no_other(void **state)
{
    static const char *const chunks[] = {
        "{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null,\"usage\":null}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\",\"usage\":{"
        "\"prompt_tokens\":19,\"completion_tokens\":13,\"total_tokens\":32,\"cached_tokens\":7}}]"
        "}"};
    struct llm_stream stream;

    (void)state;
    llm_stream_init(&stream, text_buffer);
    for (size_t i = 0; i < 2; i++) {
        const char *text;
        size_t len;

        assert_int_equal(llm_provider_chunk(&llm_provider_openai, &stream, chunks[i],
                                            strlen(chunks[i]), &text, &len),
                         TROUPE_OK);
        assert_int_equal(len, 1);
    }
    assert_true(stream.usage.known);
    assert_int_equal(stream.usage.input, 19);
    assert_int_equal(stream.usage.output, 13);
    assert_int_equal(stream.usage.cached, 7);
    llm_stream_clear(&stream);
}

static void ollamas_lines_add_up_under_any_chunking(void **state)
{
    static const char stream[] =
        "{\"model\":\"l\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"so\"}"
        ","
        "\"done\":false}\n"
        "{\"model\":\"l\",\"message\":{\"content\":\"sch\xc3\xb6n\"},\"done\":false}\r\n"
        "\n"
        "{\"model\":\"l\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":"
        "\"roll\",\"arguments\":{\"sides\":6}}}]},\"done\":false}\n"
        "{\"model\":\"l\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":\"c7\","
        "\"function\":"
        "{\"name\":\"flip\",\"arguments\":{}}}]},\"done\":false}\n"
        "{\"model\":\"l\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\","
        "\"total_duration\":5,\"prompt_eval_count\":26,\"eval_count\":8}\n";
    const struct want want = {.text = "sch\xc3\xb6n",
                              .finish = "tool_calls",
                              .model = "l",
                              .input = 26,
                              .output = 8,
                              .known = 1,
                              .done = 1,
                              .calls = {{"", "roll", "{\"sides\":6}"}, {"c7", "flip", "{}"}}};

    (void)state;
    expect_anyhow(&llm_provider_ollama, stream, sizeof(stream) - 1, &want, 300);
}

static void a_count_that_ollama_left_out_is_not_taken_for_zero(void **state)
{
    static const char stream[] = "{\"message\":{\"content\":\"a\"},\"done\":true,\"done_reason\":"
                                 "\"length\",\"eval_count\":8}\n";
    static struct taken taken;

    (void)state;
    take_all(&llm_provider_ollama, stream, sizeof(stream) - 1, 0, 0, 0, &taken);
    assert_string_equal(taken.stream.finish, "length");
    assert_false(taken.stream.usage.known);
}

static void a_whole_answer_is_read_like_a_streamed_one(void **state)
{
    static const struct {
        const struct llm_provider *provider;
        const char *body;
    } cases[] = {
        {&llm_provider_openai,
         "{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"hi\",\"tool_calls\":[{\"id\":"
         "\"a\",\"type\":\"function\",\"function\":{\"name\":\"roll\",\"arguments\":\"{\\\"n\\\":"
         "1}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"flip\",\"arguments\":"
         "{}}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":3,"
         "\"completion_tokens\":2}}"},
        {&llm_provider_anthropic,
         "{\"type\":\"message\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{"
         "\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"roll\",\"input\":{\"n\":1}},{\"type\":"
         "\"tool_use\",\"id\":\"b\",\"name\":\"flip\",\"input\":{}}],\"stop_reason\":\"tool_use\","
         "\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}"},
        {&llm_provider_ollama,
         "{\"model\":\"m\",\"message\":{\"content\":\"hi\",\"tool_calls\":[{\"id\":\"a\","
         "\"function\":{\"name\":\"roll\",\"arguments\":{\"n\":1}}},{\"id\":\"b\",\"function\":{"
         "\"name\":\"flip\",\"arguments\":{}}}]},\"done\":true,\"done_reason\":\"stop\","
         "\"prompt_eval_count\":3,\"eval_count\":2}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_stream stream;
        const char *text;
        size_t len;

        llm_stream_init(&stream, text_buffer);
        assert_int_equal(llm_provider_chunk(cases[i].provider, &stream, cases[i].body,
                                            strlen(cases[i].body), &text, &len),
                         TROUPE_OK);
        assert_int_equal(len, 2);
        assert_string_equal(stream.finish, "tool_calls");
        assert_int_equal(stream.call_count, 2);
        assert_string_equal(stream.calls[0].arguments, "{\"n\":1}");
        assert_string_equal(stream.calls[1].name, "flip");
        assert_true(stream.usage.known);
        assert_int_equal(stream.usage.input, 3);
        assert_int_equal(stream.usage.output, 2);
        llm_stream_clear(&stream);
    }
}

static void an_error_inside_a_stream_is_told_from_an_answer(void **state)
{
    static const struct {
        const struct llm_provider *provider;
        const char *chunk, *type;
    } cases[] = {
        {&llm_provider_openai, "{\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}",
         "server_error"},
        {&llm_provider_openai,
         "{\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}],\"error\":{\"code\":502,"
         "\"message\":\"m\",\"metadata\":{\"error_type\":\"provider_unavailable\"}}}",
         "provider_unavailable"},
        {&llm_provider_openai,
         "{\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\",\"error\":{"
         "\"code\":502,\"type\":\"inside\",\"message\":\"m\"}}]}",
         "inside"},
        {&llm_provider_anthropic,
         "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}",
         "overloaded_error"},
        {&llm_provider_ollama, "{\"error\":\"m\"}", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_stream stream;
        const char *text;
        size_t len;

        llm_stream_init(&stream, text_buffer);
        assert_int_equal(llm_provider_chunk(cases[i].provider, &stream, cases[i].chunk,
                                            strlen(cases[i].chunk), &text, &len),
                         TROUPE_UNAVAILABLE);
        assert_string_equal(stream.error.message, "m");
        assert_string_equal(stream.error.type, cases[i].type);
        /* another format's chunk, and what is no object, are no answer */
        assert_int_equal(
            llm_provider_chunk(cases[i].provider, &stream, "{\"x\":1}", 7, &text, &len),
            TROUPE_DATA);
        assert_int_equal(llm_provider_chunk(cases[i].provider, &stream, "17", 2, &text, &len),
                         TROUPE_DATA);
        llm_stream_clear(&stream);
    }
}

static void a_line_beyond_the_buffer_is_refused(void **state)
{
    char buffer[16];
    struct llm_frames frames;
    struct llm_sse_event event;
    const char *data = "{\"a\":1}\n{\"bbbbbbbbbbbbbbbbbbbbbbbb\":2}\n";
    size_t len = strlen(data);

    (void)state;
    llm_frames_init(&frames, LLM_LINES, buffer, sizeof(buffer));
    assert_int_equal(llm_frames_next(&frames, &data, &len, &event), TROUPE_OK);
    assert_int_equal(event.len, 7);
    assert_int_equal(llm_frames_next(&frames, &data, &len, &event), TROUPE_LIMIT);
}

/* ---- requests ---------------------------------------------------------------------------------*/

static const char *installed_table(void)
{
    static char path[4096];
    const char *source = getenv("TROUPE_SRCDIR");

    snprintf(path, sizeof(path), "%s/etc/prices.json", source ? source : ".");
    return path;
}

/* What the installed table says of a model at its own provider. */
static uint32_t lacks_of(const char *model, enum llm_format format)
{
    struct llm_price_table *table = NULL;
    char error[256];
    uint32_t lacks;

    assert_int_equal(llm_price_table_load(str(installed_table()), &table, error, sizeof(error)),
                     TROUPE_OK);
    lacks = llm_price_lacks(
        table, format == LLM_FORMAT_ANTHROPIC ? "api.anthropic.com" : "api.openai.com", model);
    llm_price_table_free(table);
    return lacks;
}

static struct llm_settings settings(const char *model, enum llm_format format)
{
    struct llm_settings ret = {.max_tokens = 1024, .context_tokens = 8000, .format = format};

    snprintf(ret.model, sizeof(ret.model), "%s", model);
    return ret;
}

static const char talk[] =
    "[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"assistant\",\"content\":\"lost\"},"
    "{\"role\":\"user\",\"content\":\"roll\"},{\"role\":\"user\",\"content\":\"and flip\"},"
    "{\"role\":\"system\",\"content\":\"be short\"},"
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
    "\"function\":{\"name\":\"roll\",\"arguments\":\"{\\\"n\\\":6}\"}},{\"id\":\"b\",\"type\":"
    "\"function\",\"function\":{\"name\":\"flip\",\"arguments\":\"\"}}]},"
    "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"4\"},"
    "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"heads\"}]";
static const char tools[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"roll\",\"description\":\"Rolls\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}}}]";
static const char schema[] = "{\"type\":\"object\"}";

/* The body that a format makes of the talk, to be freed. */
static char *body_of(const struct llm_settings *config, int with_tools)
{
    struct llm_request request;
    const char *problem = NULL;
    char *body;

    assert_int_equal(llm_request_init(&request, config, str(talk), 0, 1.5, &problem), TROUPE_OK);
    if (with_tools) {
        assert_int_equal(llm_request_offer(&request, str(tools), &problem), TROUPE_OK);
        assert_int_equal(llm_request_want_json(&request, str(schema), &problem), TROUPE_OK);
    }
    assert_true(request.input_bytes > 60);
    body = llm_request_body(&request);
    assert_non_null(body);
    llm_request_clear(&request);
    return body;
}

static void each_format_writes_the_same_talk_its_own_way(void **state)
{
    static const struct {
        enum llm_format format;
        const char *body;
    } cases[] = {
        {LLM_FORMAT_ANTHROPIC,
         "{\"model\":\"m\",\"max_tokens\":1024,\"messages\":[{\"role\":\"user\",\"content\":[{"
         "\"type\":\"text\",\"text\":\"roll\"},{\"type\":\"text\",\"text\":\"and "
         "flip\"}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\","
         "\"name\":\"roll\",\"input\":{\"n\":6}},{\"type\":\"tool_use\",\"id\":\"b\",\"name\":"
         "\"flip\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
         "\"tool_use_id\":\"a\",\"content\":\"4\"},{\"type\":\"tool_result\",\"tool_use_id\":\"b\","
         "\"content\":\"heads\"}]}],\"stream\":true,\"system\":\"be kind\\n\\nbe "
         "short\",\"temperature\":1.0,\"tools\":[{\"name\":\"roll\",\"description\":\"Rolls\","
         "\"input_schema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}}],"
         "\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"format\":{\"type\":\"json_"
         "schema\",\"schema\":{\"type\":\"object\"}}}}"},
        {LLM_FORMAT_OLLAMA,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":"
         "\"assistant\",\"content\":\"lost\"},{\"role\":\"user\",\"content\":\"roll\"},{\"role\":"
         "\"user\",\"content\":\"and flip\"},{\"role\":\"system\",\"content\":\"be short\"},"
         "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":"
         "\"roll\","
         "\"arguments\":{\"n\":6}}},{\"function\":{\"name\":\"flip\",\"arguments\":{}}}]},"
         "{\"role\":\"tool\",\"content\":\"4\",\"tool_name\":\"roll\"},{\"role\":\"tool\","
         "\"content\":\"heads\",\"tool_name\":\"flip\"}],\"stream\":true,\"options\":{"
         "\"num_predict\":1024,\"num_ctx\":8000,\"temperature\":1.5},\"tools\":[{\"type\":"
         "\"function\",\"function\":{\"name\":\"roll\",\"description\":\"Rolls\",\"parameters\":{"
         "\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}}}],\"format\":{"
         "\"type\":\"object\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct llm_settings config = settings("m", cases[i].format);
        char *body = body_of(&config, 1);

        assert_string_equal(body, cases[i].body);
        free(body);
    }
}

/* Where the model refuses that, it is asked once more without. */
static void anthropic_does_not_think_before_calls_unless_it_must(void **state)
{
    const struct llm_settings config = settings("m", LLM_FORMAT_ANTHROPIC);
    struct llm_request request;
    const char *problem = NULL;
    char *body;

    (void)state;
    assert_int_equal(llm_request_init(&request, &config, str(talk), 0, -1, &problem), TROUPE_OK);
    assert_int_equal(llm_request_offer(&request, str(tools), &problem), TROUPE_OK);
    body = llm_request_body(&request);
    assert_non_null(strstr(body, "\"thinking\":{\"type\":\"disabled\"}"));
    free(body);
    assert_true(llm_request_adapt(&request, NULL, "thinking.type: disabled is not supported"));
    assert_false(llm_request_adapt(&request, NULL, "thinking.type: disabled is not supported"));
    body = llm_request_body(&request);
    assert_null(strstr(body, "thinking"));
    free(body);
    llm_request_clear(&request);
}

/* The body that a format makes of messages alone, to be freed. */
static char *body_of_messages(enum llm_format format, const char *messages, int no_cache)
{
    const struct llm_settings config = settings("m", format);
    struct llm_request request;
    const char *problem = NULL;
    char *body;

    assert_int_equal(llm_request_init(&request, &config, str(messages), 0, -1, &problem),
                     TROUPE_OK);
    if (no_cache) {
        assert_true(llm_request_adapt(&request, NULL, "cache_control: extra inputs"));
        assert_false(llm_request_adapt(&request, NULL, "cache_control: extra inputs"));
    }
    body = llm_request_body(&request);
    llm_request_clear(&request);
    return body;
}

static const char marked[] =
    "[{\"role\":\"system\",\"content\":\"same\\n\\nother\",\"stable\":6},"
    "{\"role\":\"user\",\"content\":\"a\",\"stable\":1},"
    "{\"role\":\"assistant\",\"content\":\"b\",\"stable\":1},"
    "{\"role\":\"user\",\"content\":\"c\",\"stable\":1},{\"role\":\"user\",\"content\":\"d\"}]";

static void anthropic_is_told_up_to_where_a_question_comes_again(void **state)
{
    char *body = body_of_messages(LLM_FORMAT_ANTHROPIC, marked, 0);

    (void)state;
    assert_non_null(strstr(body, "\"system\":[{\"type\":\"text\",\"text\":\"same\\n\\n\","
                                 "\"cache_control\":{\"type\":\"ephemeral\"}},"
                                 "{\"type\":\"text\",\"text\":\"other\"}]"));
    /* the latest two of the talk */
    assert_non_null(strstr(body, "{\"type\":\"text\",\"text\":\"a\"}"));
    assert_non_null(strstr(body, "\"text\":\"b\",\"cache_control\":{\"type\":\"ephemeral\"}}"));
    assert_non_null(strstr(body, "\"text\":\"c\",\"cache_control\":{\"type\":\"ephemeral\"}}"));
    assert_null(strstr(body, "stable"));
    free(body);
    /* and where it refuses that, not again */
    body = body_of_messages(LLM_FORMAT_ANTHROPIC, marked, 1);
    assert_null(strstr(body, "cache_control"));
    assert_non_null(strstr(body, "\"system\":\"same\\n\\nother\""));
    free(body);
}

static void others_are_not_told_but_get_the_same_beginning(void **state)
{
    char *body = body_of_messages(LLM_FORMAT_OPENAI, marked, 0);

    (void)state;
    assert_null(strstr(body, "stable"));
    assert_non_null(
        strstr(body, "\"messages\":[{\"role\":\"system\",\"content\":\"same\\n\\nother\"}"));
    free(body);
    body = body_of_messages(LLM_FORMAT_OLLAMA, marked, 0);
    assert_null(strstr(body, "stable"));
    free(body);
}

static void a_mark_outside_of_the_text_is_refused(void **state)
{
    static const char *const bad[] = {"-1", "3", "1", "\"1\"", "1.5", "true"};
    const struct llm_settings config = settings("m", LLM_FORMAT_ANTHROPIC);
    struct llm_request request;
    char messages[128];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *problem = NULL;

        snprintf(messages, sizeof(messages),
                 "[{\"role\":\"user\",\"content\":\"\xc3\xa4\",\"stable\":%s}]", bad[i]);
        assert_int_equal(llm_request_init(&request, &config, str(messages), 0, -1, &problem),
                         TROUPE_ARGUMENT);
        assert_non_null(strstr(problem, "stable"));
    }
}

static void openai_gets_tools_and_schema_beside_the_messages(void **state)
{
    const struct llm_settings config = settings("m", LLM_FORMAT_OPENAI);
    char *body = body_of(&config, 1);

    (void)state;
    assert_non_null(strstr(body, "\"tool_call_id\":\"b\""));
    assert_non_null(strstr(body, "\"tools\":[{\"type\":\"function\""));
    assert_non_null(strstr(body, "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
                                 "\"name\":\"answer\",\"schema\":{\"type\":\"object\"}"));
    free(body);
}

static void a_model_that_takes_no_temperature_is_not_sent_one(void **state)
{
    static const struct {
        const char *model;
        int takes;
        enum llm_format format;
    } cases[] = {{"claude-haiku-4-5", 1, LLM_FORMAT_ANTHROPIC},
                 {"claude-opus-4-6", 1, LLM_FORMAT_ANTHROPIC},
                 {"claude-opus-4-7", 0, LLM_FORMAT_ANTHROPIC},
                 {"claude-sonnet-5", 0, LLM_FORMAT_ANTHROPIC},
                 {"claude-sonnet-4-5", 1, LLM_FORMAT_ANTHROPIC},
                 {"claude-opus-5-20260601", 0, LLM_FORMAT_ANTHROPIC},
                 {"gpt-4o-mini", 1, LLM_FORMAT_OPENAI},
                 {"gpt-5-mini", 0, LLM_FORMAT_OPENAI},
                 {"o3", 0, LLM_FORMAT_OPENAI},
                 {"gpt-5-of-ones-own", 1, LLM_FORMAT_OPENAI}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_settings config = settings(cases[i].model, cases[i].format);
        char *body;

        config.lacks = lacks_of(cases[i].model, cases[i].format);
        body = body_of(&config, 0);
        assert_int_equal(strstr(body, "temperature") != NULL, cases[i].takes);
        free(body);
    }
}

static void bad_calls_and_tools_are_refused(void **state)
{
    static const char *const messages[] = {
        "[{\"role\":\"user\",\"content\":\"x\",\"tool_calls\":[]}]",
        "[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":{}}]",
        "[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[{\"id\":\"a\"}]}]",
        "[{\"role\":\"assistant\",\"content\":null}]",
        "[{\"role\":\"tool\",\"tool_call_id\":7,\"content\":\"x\"}]",
    };
    static const char *const offers[] = {"", "{}", "[1]", "[{\"type\":\"function\"}]",
                                         "[{\"function\":{\"name\":\"x\",\"parameters\":7}}]"};
    const struct llm_settings config = settings("m", LLM_FORMAT_OPENAI);
    struct llm_request request;
    const char *problem = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        problem = NULL;
        assert_int_equal(llm_request_init(&request, &config, str(messages[i]), 0, -1, &problem),
                         TROUPE_ARGUMENT);
        assert_non_null(problem);
    }
    assert_int_equal(llm_request_init(&request, &config, str(talk), 0, -1, &problem), TROUPE_OK);
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
        assert_int_equal(llm_request_offer(&request, str(offers[i]), &problem), TROUPE_ARGUMENT);
    assert_int_equal(llm_request_want_json(&request, str("[]"), &problem), TROUPE_ARGUMENT);
    llm_request_clear(&request);
}

/* A call that makes room takes its results along. */
static void no_result_is_left_without_its_call(void **state)
{
    struct llm_settings config = settings("m", LLM_FORMAT_OPENAI);
    struct llm_request request;
    const char *problem = NULL;
    static char words[1500], text[4000];

    (void)state;
    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = 0;
    snprintf(text, sizeof(text),
             "[{\"role\":\"assistant\",\"content\":\"%s\",\"tool_calls\":[{\"id\":\"a\","
             "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\","
             "\"tool_call_id\":\"a\",\"content\":\"1\"},{\"role\":\"user\",\"content\":\"%s\"}]",
             words, words);
    config.context_tokens = 800;
    config.max_tokens = 200;
    assert_int_equal(llm_request_init(&request, &config, str(text), 0, -1, &problem), TROUPE_OK);
    assert_int_equal(json_array_size(request.messages), 1);
    assert_int_equal(request.dropped, 2);
    llm_request_clear(&request);
}

/* ---- for the schema -----------------------------------------------------------------------------*/

/* Requests in OpenAI's format as a list of {"method", "path", "body"}, for tests/lib/openapi.py. */
static int print_requests(void)
{
    static const struct {
        const char *model;
        int with_tools;
    } kinds[] = {{"gpt-4o-mini", 0}, {"gpt-5-mini", 0}, {"gpt-5-mini", 1}, {"o4-mini", 1}};
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct llm_settings config = settings(kinds[i].model, LLM_FORMAT_OPENAI);
        char *body;

        config.lacks = lacks_of(kinds[i].model, LLM_FORMAT_OPENAI);
        body = body_of(&config, kinds[i].with_tools);

        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o}", "method", "POST", "path",
                                        "/v1/chat/completions", "body", json_loads(body, 0, NULL)));
        free(body);
    }
    json_dumpf(list, stdout, 0);
    json_decref(list);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anthropics_recorded_answers_add_up_under_any_chunking),
        cmocka_unit_test(anthropics_accounting_replaces_and_holds_the_cache_apart),
        cmocka_unit_test(openais_calls_are_joined_by_their_index),
        cmocka_unit_test(what_was_thought_is_output_wherever_it_is_counted),
        cmocka_unit_test(usage_inside_of_a_choice_counts_where_there_is_no_other),
        cmocka_unit_test(ollamas_lines_add_up_under_any_chunking),
        cmocka_unit_test(a_count_that_ollama_left_out_is_not_taken_for_zero),
        cmocka_unit_test(a_whole_answer_is_read_like_a_streamed_one),
        cmocka_unit_test(an_error_inside_a_stream_is_told_from_an_answer),
        cmocka_unit_test(a_line_beyond_the_buffer_is_refused),
        cmocka_unit_test(each_format_writes_the_same_talk_its_own_way),
        cmocka_unit_test(anthropic_does_not_think_before_calls_unless_it_must),
        cmocka_unit_test(openai_gets_tools_and_schema_beside_the_messages),
        cmocka_unit_test(a_model_that_takes_no_temperature_is_not_sent_one),
        cmocka_unit_test(bad_calls_and_tools_are_refused),
        cmocka_unit_test(no_result_is_left_without_its_call),
        cmocka_unit_test(anthropic_is_told_up_to_where_a_question_comes_again),
        cmocka_unit_test(others_are_not_told_but_get_the_same_beginning),
        cmocka_unit_test(a_mark_outside_of_the_text_is_refused),
    };

    if (argc > 1 && strcmp(argv[1], "--requests") == 0)
        return print_requests();
    return cmocka_run_group_tests_name("llm providers", tests, NULL, NULL);
}
