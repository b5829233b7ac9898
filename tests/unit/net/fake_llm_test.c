/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake LLM itself: what tests rely on when they judge the core by it.
 */
#include "net_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGES                                                                                   \
    "\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},"                                 \
    "{\"role\":\"user\",\"content\":\"first\"},{\"role\":\"assistant\",\"content\":\"yes\"},"      \
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"sec\"},"                        \
    "{\"type\":\"text\",\"text\":\"ond\"}]}]"

static void post(struct net *net, const char *path, const char *text, struct http_response *ret)
{
    _cleanup_mem_ char *url = net_url(net, path);
    const struct http_header header = {"Authorization", "Bearer hidden-key"};
    struct http_request request = net_get(url);

    request.body = text;
    request.body_len = strlen(text);
    request.headers = &header;
    request.header_count = 1;
    assert_status(http_fetch(net->client, &request, ret, NULL), TROUPE_OK);
}

static json_t *post_json(struct net *net, const char *path, const char *text, int status)
{
    struct http_response response = {0};
    json_t *value = NULL;

    post(net, path, text, &response);
    assert_int_equal(response.status, status);
    assert_status(json_parse(response.body.data, response.body.len, &value, NULL), TROUPE_OK);
    http_response_clear(&response);
    return value;
}

static const char *content_of(const json_t *answer)
{
    const json_t *choice = json_array_get(json_object_get(answer, "choices"), 0);

    return json_get_str(json_object_get(choice, "message"), "content", "");
}

/* ---- whole answers ------------------------------------------------------------------------- */

static troupe_status echoes(void *arg)
{
    _cleanup_json_ json_t *answer =
        post_json(arg, "/v1/chat/completions", "{\"model\":\"fake-1\"," MESSAGES "}", 200);

    assert_string_equal(content_of(answer), "You said: second (message 2 of this talk)");
    assert_int_equal(json_get_int(json_object_get(answer, "usage"), "completion_tokens", 0), 8);
    return TROUPE_OK;
}

static void without_a_script_it_echoes(void **state)
{
    (void)state;
    net_run(NULL, NULL, echoes);
}

static troupe_status scripted(void *arg)
{
    static const char *const expected[] = {
        "second|2|4|first|second|be kind|{odd}", /* the first rule, once */
        "matched",                               /* then the next        */
    };

    for (size_t i = 0; i < 2; i++) {
        _cleanup_json_ json_t *answer =
            post_json(arg, "/v1/chat/completions", "{\"model\":\"fake-1\"," MESSAGES "}", 200);

        assert_string_equal(content_of(answer), expected[i]);
    }
    return TROUPE_OK;
}

static void rules_fill_in_templates_and_count(void **state)
{
    (void)state;
    net_run(NULL,
            "{\"rules\":[{\"match\":\"nothing like it\",\"answer\":\"wrong\"},"
            "{\"match\":{\"nth\":7},\"answer\":\"wrong\"},"
            "{\"match\":\"sec\",\"times\":1,"
            " \"answer\":\"{last}|{count}|{history}|{user:1}|{user:-1}|{system}|{odd}\"},"
            "{\"match\":{\"regex\":\"^se.ond$\",\"history\":4},\"answer\":\"matched\"}]}",
            scripted);
}

static troupe_status changes_script(void *arg)
{
    struct net *net = arg;
    _cleanup_json_ json_t *bad = post_json(net, "/_script", "[{\"fault\":\"no such\"}]", 400);
    _cleanup_json_ json_t *good = post_json(net, "/_script", "[{\"answer\":\"new\"}]", 200);
    _cleanup_json_ json_t *answer =
        post_json(net, "/v1/chat/completions", "{\"model\":\"fake-1\"," MESSAGES "}", 200);

    assert_non_null(strstr(json_get_str(json_object_get(bad, "error"), "message", ""), "no such"));
    assert_true(json_is_true(json_object_get(good, "ok")));
    assert_string_equal(content_of(answer), "new");
    return TROUPE_OK;
}

static void the_script_can_change_while_it_runs(void **state)
{
    (void)state;
    net_run(NULL, NULL, changes_script);
}

static troupe_status refuses(void *arg)
{
    _cleanup_json_ json_t *model =
        post_json(arg, "/v1/chat/completions", "{\"model\":\"other\"," MESSAGES "}", 404);
    _cleanup_json_ json_t *empty =
        post_json(arg, "/v1/chat/completions", "{\"model\":\"fake-1\",\"messages\":[]}", 400);
    _cleanup_json_ json_t *broken = post_json(arg, "/v1/chat/completions", "{", 400);

    assert_string_equal(json_get_str(json_object_get(model, "error"), "code", ""),
                        "model_not_found");
    assert_non_null(json_object_get(empty, "error"));
    assert_non_null(json_object_get(broken, "error"));
    return TROUPE_OK;
}

static void bad_requests_get_openais_errors(void **state)
{
    (void)state;
    net_run(NULL, NULL, refuses);
}

/* ---- streams ------------------------------------------------------------------------------- */

/* What a client puts together from the events of a stream. */
struct joined {
    struct buf content, arguments;
    int64_t chunks, prompt_tokens;
    const char *name;
    bool done;
};

static void join_event(struct joined *joined, const char *text, size_t len)
{
    _cleanup_json_ json_t *chunk = NULL;
    const json_t *delta, *call, *function;

    if (len == 6 && memcmp(text, "[DONE]", 6) == 0) {
        joined->done = true;
        return;
    }
    assert_status(json_parse(text, len, &chunk, NULL), TROUPE_OK);
    joined->chunks++;
    if (json_is_object(json_object_get(chunk, "usage"))) {
        assert_int_equal(json_array_size(json_object_get(chunk, "choices")), 0);
        joined->prompt_tokens = json_get_int(json_object_get(chunk, "usage"), "prompt_tokens", -1);
        return;
    }
    delta = json_object_get(json_array_get(json_object_get(chunk, "choices"), 0), "delta");
    buf_puts(&joined->content, json_get_str(delta, "content", ""));
    call = json_array_get(json_object_get(delta, "tool_calls"), 0);
    function = json_object_get(call, "function");
    if (strcmp(json_get_str(function, "name", ""), "roll") == 0)
        joined->name = "roll";
    buf_puts(&joined->arguments, json_get_str(function, "arguments", ""));
}

static void join(struct joined *joined, const struct buf *body)
{
    const char *p = buf_text(body);

    while ((p = strstr(p, "data: ")) != NULL) {
        size_t len = strcspn(p + 6, "\r\n");

        join_event(joined, p + 6, len);
        p += 6 + len;
    }
}

static troupe_status streams(void *arg)
{
    struct http_response response = {0};
    struct joined joined = {0};

    post(arg, "/v1/chat/completions",
         "{\"model\":\"fake-1\",\"stream\":true,\"stream_options\":{\"include_usage\":true}"
         "," MESSAGES "}",
         &response);
    join(&joined, &response.body);
    assert_string_equal(buf_text(&joined.content), "gr\xc3\xbc\xc3\x9f dich second");
    assert_string_equal(joined.name, "roll");
    assert_string_equal(buf_text(&joined.arguments), "{\"sides\":20}");
    assert_int_equal(joined.prompt_tokens, 41);
    assert_true(joined.chunks > 8);
    assert_true(joined.done);
    buf_clear(&joined.content);
    buf_clear(&joined.arguments);
    http_response_clear(&response);
    return TROUPE_OK;
}

static void a_stream_joins_to_the_scripted_answer(void **state)
{
    (void)state;
    net_run(NULL,
            "[{\"answer\":\"gr\\u00fc\\u00df dich {last}\",\"usage\":{\"prompt_tokens\":41},"
            "\"tool_calls\":[{\"name\":\"roll\",\"arguments\":{\"sides\":20}}],\"fragments\":4,"
            "\"fault\":[\"split_utf8\",\"crlf\",\"comments\",\"bom\"]}]",
            streams);
}

/* ---- what it keeps ------------------------------------------------------------------------- */

static troupe_status logs(void *arg)
{
    struct net *net = arg;
    _cleanup_json_ json_t *answer =
        post_json(net, "/v1/chat/completions", "{\"model\":\"fake-1\"," MESSAGES "}", 200);
    _cleanup_json_ json_t *log = net_json(net, "/_log");
    const json_t *entry = json_array_get(log, 0);
    _cleanup_mem_ char *text = json_print(log);

    assert_true(*content_of(answer) != '\0');
    assert_int_equal(json_array_size(log), 1);
    assert_int_equal(json_array_size(json_object_get(entry, "messages")), 4);
    assert_true(json_is_true(json_object_get(entry, "authorized")));
    assert_int_equal(strlen(json_get_str(entry, "authorization_digest", "")), 16);
    assert_non_null(strstr(text, "\"Authorization\""));
    assert_null(strstr(text, "hidden-key"));
    assert_int_equal(net_stat(net, "chats"), 1);
    return TROUPE_OK;
}

static void the_log_has_messages_and_no_secret(void **state)
{
    (void)state;
    net_run(NULL, NULL, logs);
}

static double dot(const json_t *list, size_t a, size_t b)
{
    const json_t *left = json_object_get(json_array_get(list, a), "embedding");
    const json_t *right = json_object_get(json_array_get(list, b), "embedding");
    double sum = 0;

    for (size_t i = 0; i < json_array_size(left); i++)
        sum += json_real_value(json_array_get(left, i)) * json_real_value(json_array_get(right, i));
    return sum;
}

static troupe_status embeds(void *arg)
{
    _cleanup_json_ json_t *answer =
        post_json(arg, "/v1/embeddings",
                  "{\"model\":\"fake-1\",\"dimensions\":256,\"input\":[\"the cat sat here\","
                  "\"the cat sat here\",\"the cat sat there\",\"prices of copper rose\"]}",
                  200);
    const json_t *list = json_object_get(answer, "data");

    assert_int_equal(json_array_size(list), 4);
    assert_true(dot(list, 0, 1) > 0.999);
    assert_true(dot(list, 0, 2) > dot(list, 0, 3));
    return TROUPE_OK;
}

static void embeddings_of_like_texts_are_near(void **state)
{
    (void)state;
    net_run(NULL, NULL, embeds);
}

static troupe_status poses(void *arg)
{
    _cleanup_json_ json_t *version = net_json(arg, "/api/version");
    _cleanup_json_ json_t *tags = net_json(arg, "/api/tags");
    const json_t *first = json_array_get(json_object_get(tags, "models"), 0);

    assert_true(*json_get_str(version, "version", "") != '\0');
    assert_string_equal(json_get_str(first, "name", ""), "fake-1");
    return TROUPE_OK;
}

/* Asks and leaves before the first piece of text, behind it, or not at all. */
static void ask_and_leave(struct net *net, const char *word, bool read)
{
    _cleanup_mem_ char *url = net_url(net, "/v1/chat/completions");
    _cleanup_mem_ char *body = mem_printf("{\"model\":\"fake-1\",\"stream\":true,"
                                          "\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
                                          word);
    struct http_request request = net_get(url);
    struct http_stream *stream = NULL;
    const char *data;
    size_t len;
    bool seen = false;

    request.body = body;
    request.body_len = strlen(body);
    assert_status(http_open(net->client, &request, &stream, NULL), TROUPE_OK);
    while (read && !seen && http_read(stream, &data, &len, 0, NULL) == TROUPE_OK)
        seen = memmem(data, len, "You", 3) != NULL;
    assert_int_equal(seen, read);
    http_close(stream);
}

static json_t *rounds_with(struct net *net, const char *key, json_int_t value)
{
    for (int i = 0; i < 1000; i++) {
        struct http_response response = {0};
        _cleanup_mem_ char *url = net_url(net, "/_rounds");
        struct http_request request = net_get(url);
        json_t *report = NULL;

        assert_status(http_fetch(net->client, &request, &response, NULL), TROUPE_OK);
        assert_status(json_parse(response.body.data, response.body.len, &report, NULL), TROUPE_OK);
        http_response_clear(&response);
        if (json_get_int(report, key, -1) == value)
            return report;
        json_decref(report);
        co_sleep(10);
    }
    fail_msg("the rounds never had \"%s\" %lld", key, (long long)value);
    return NULL;
}

static troupe_status counts_rounds(void *arg)
{
    struct net *net = arg;
    json_t *report;

    json_decref(post_json(net, "/v1/chat/completions", "{\"model\":\"fake-1\"," MESSAGES "}", 200));
    ask_and_leave(net, "slow", false);
    json_decref(rounds_with(net, "cut_before", 1));
    ask_and_leave(net, "long", true);
    json_decref(rounds_with(net, "cut_after", 1));
    ask_and_leave(net, "long", true);
    report = rounds_with(net, "cut_after", 2);
    assert_int_equal(json_get_int(report, "rounds", 0), 3);
    assert_int_equal(json_get_int(report, "paid", 0), 4);
    assert_int_equal(json_get_int(report, "whole", 0), 1);
    assert_int_equal(json_get_int(report, "rounds_cut", 0), 2);
    assert_int_equal(json_get_int(report, "rounds_cut_after", 0), 1);
    assert_int_equal(json_get_int(report, "rounds_cut_twice", 0), 1);
    assert_int_equal(json_get_int(report, "most", 0), 2);
    assert_int_equal(json_get_int(report, "surplus", -1), 0);
    json_decref(report);
    return TROUPE_OK;
}

static void rounds_that_a_client_left_are_counted(void **state)
{
    (void)state;
    net_run(NULL,
            "[{\"match\":\"slow\",\"delay_ms\":60000},"
            "{\"match\":\"long\",\"answer\":\"You and nothing more\","
            "\"fault\":\"hang_mid_stream\",\"after_chunks\":2}]",
            counts_rounds);
}

static void it_is_found_as_an_ollama(void **state)
{
    (void)state;
    net_run(NULL, NULL, poses);
}

static void it_leaves_with_its_parent(void **state)
{
    struct fake_llm fake = {0};
    int status = -1;

    (void)state;
    fake_llm_start(&fake, NULL);
    close(fake.stdin_fd);
    assert_int_equal(waitpid(fake.pid, &status, 0), fake.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_script_it_echoes),
        cmocka_unit_test(rules_fill_in_templates_and_count),
        cmocka_unit_test(the_script_can_change_while_it_runs),
        cmocka_unit_test(bad_requests_get_openais_errors),
        cmocka_unit_test(a_stream_joins_to_the_scripted_answer),
        cmocka_unit_test(the_log_has_messages_and_no_secret),
        cmocka_unit_test(embeddings_of_like_texts_are_near),
        cmocka_unit_test(rounds_that_a_client_left_are_counted),
        cmocka_unit_test(it_is_found_as_an_ollama),
        cmocka_unit_test(it_leaves_with_its_parent),
    };

    return cmocka_run_group_tests_name("net/fake_llm", tests, net_group_begin, net_group_end);
}
