/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are kept: who gets them, who never does, and for how long.
 */
#include "fake_turn.h"
#include "tap.h"

#include "llm/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);

#define QUESTION "[{\"role\":\"user\",\"content\":\"What is a troupe?\"}]"
#define OTHER    "[{\"role\":\"user\",\"content\":\"What is a troop?\"}]"
#define TEXT(t)  "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" t "\"}}]}\n\n"
#define END(reason)                                                                                \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define DONE    "data: [DONE]\n\n"

#define HOUR_MS INT64_C(3600000)

/* As the host calls a declared function of the agent. */
static const char *call_flight(struct fake_turn *fake, const char *name, troupe_str args)
{
    static char result[128];
    struct llm_agent *agent = fake->state;
    json_t *tree = json_loadb(args.ptr, args.len, 0, NULL);
    const char *key = json_string_value(json_object_get(tree, "key"));
    troupe_status status;

    if (strcmp(name, LLM_FLIGHT_FUNCTION) != 0 || !key) {
        json_decref(tree);
        return NULL;
    }
    status = llm_flight_join(&fake->turn, &agent->flights, (troupe_str){key, strlen(key)});
    json_decref(tree);
    if (status < 0)
        return NULL;
    snprintf(result, sizeof(result), "%s", fake->result.ptr);
    return result;
}

static struct fake_turn *start(const char *key, const char *value)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "https://api.example.com/v1/");
    fake_config(fake, "model", "tiny-1");
    fake_config(fake, "price_input", "1");
    fake_config(fake, "price_output", "2");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    fake_config(fake, "attempts", "1");
    if (key)
        fake_config(fake, key, value);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = call_flight;
    fake->random = 1; /* nothing is refreshed unless a test says so */
    fake->id = 7;
    return fake;
}

static void finish(struct fake_turn *fake)
{
    const struct llm_agent *agent = fake->state;

    assert_int_equal(fake->open_http, 0);
    for (size_t i = 0; i < LLM_FLIGHTS_MAX; i++)
        assert_int_equal(agent->flights.all[i].turn, 0);
    fake_turn_free(fake);
}

/* What is meant, beside what is said; NULL: nobody knows. */
static troupe_status ask_meant(struct fake_turn *fake, const char *messages, const char *cache,
                               const char *meant)
{
    return ((chat_fn)fake_function(fake, "llm.chat"))(
        &fake->turn, (troupe_str){messages, strlen(messages)}, (troupe_str){"chat", 4}, 0, -1,
        (troupe_str){cache, strlen(cache)}, (troupe_str){meant, meant ? strlen(meant) : 0},
        (troupe_str){"", 0});
}

static troupe_status ask(struct fake_turn *fake, const char *messages, const char *cache)
{
    return ask_meant(fake, messages, cache, NULL);
}

/* The next turn, in which the model would say `text`. */
static void next(struct fake_turn *fake, const char *text)
{
    fake_next(fake);
    fake->responses[0].status = 200;
    fake->responses[0].chunks[0] = text;
}

/* Whether the model was asked for this. */
static int asks_meant(struct fake_turn *fake, const char *messages, const char *cache,
                      const char *meant)
{
    next(fake, TEXT("fresh") END("stop") DONE);
    assert_int_equal(ask_meant(fake, messages, cache, meant), TROUPE_OK);
    assert_int_equal(fake->request_count == 0, fake_text_has(&fake->result, "\"cached\":true"));
    return fake->request_count > 0;
}

static int asks(struct fake_turn *fake, const char *messages, const char *cache)
{
    return asks_meant(fake, messages, cache, NULL);
}

static void first(struct fake_turn *fake)
{
    next(fake, TEXT("Some ") TEXT("actors.") END("stop") DONE);
    assert_int_equal(ask(fake, QUESTION, "guild"), TROUPE_OK);
    assert_int_equal(fake->request_count, 1);
}

static void the_digest_is_sha_256(void **state)
{
    static const struct {
        const char *text, *digest;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t digest[LLM_DIGEST_SIZE];
    char text[LLM_DIGEST_TEXT], *million = malloc(1000000);

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        llm_digest(known[i].text, strlen(known[i].text), digest);
        llm_digest_text(digest, text);
        assert_string_equal(text, known[i].digest);
    }
    assert_non_null(million);
    memset(million, 'a', 1000000);
    llm_digest(million, 1000000, digest);
    llm_digest_text(digest, text);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void the_same_question_in_the_same_guild_is_paid_once(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    first(fake);
    fake->message.author = 43;
    fake_next(fake); /* without a response: a request would fail */
    assert_int_equal(ask(fake, QUESTION, "guild"), TROUPE_OK);
    assert_int_equal(fake->request_count, 0);
    assert_int_equal(fake->reservation_count, 1);
    assert_string_equal(fake->written.ptr, "Some actors.");
    assert_true(fake_text_has(&fake->result, "\"text\":\"Some actors.\""));
    assert_true(fake_text_has(&fake->result, "\"cached\":true"));
    assert_true(fake_text_has(&fake->result, "\"cost_micros\":0"));
    assert_true(fake_text_has(&fake->result, "\"model\":\"tiny-1\""));
    assert_true(fake_text_has(&fake->reasons, "llm.cached: "));
    finish(fake);
}

static void no_answer_crosses_a_guild_and_none_is_kept_in_private(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    first(fake);
    fake->message.guild = 4;
    assert_true(asks(fake, QUESTION, "guild"));
    assert_false(asks(fake, QUESTION, "guild"));
    fake->message.guild = 0;
    assert_true(asks(fake, QUESTION, "guild"));
    assert_true(asks(fake, QUESTION, "guild"));
    finish(fake);
}

static void what_belongs_to_no_guild_is_paid_once_for_all_guilds(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    assert_true(asks(fake, QUESTION, "account"));
    fake->message.guild = 4;
    fake->message.channel = 8;
    fake->message.author = 43;
    assert_false(asks(fake, QUESTION, "account"));
    assert_true(asks(fake, OTHER, "account"));
    finish(fake);
}

static void no_answer_crosses_from_guild_to_account_or_back_or_between_accounts(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    first(fake); /* for guild 3 */
    assert_true(asks(fake, QUESTION, "account"));
    fake->message.guild = 4;
    assert_true(asks(fake, QUESTION, "guild"));
    assert_true(asks(fake, QUESTION, "none"));
    fake->message.account = 2;
    assert_true(asks(fake, QUESTION, "account"));
    assert_false(asks(fake, QUESTION, "account"));
    fake->message.account = 1;
    assert_false(asks(fake, QUESTION, "account"));
    finish(fake);
}

static void what_is_written_in_private_neither_fills_nor_finds_what_the_account_has(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    fake->message.guild = 0;
    fake->message.flags |= TROUPE_MESSAGE_DIRECT;
    assert_true(asks(fake, QUESTION, "account"));
    assert_int_equal(fake->kv_puts, 0);
    fake->message.guild = 3;
    fake->message.flags &= ~TROUPE_MESSAGE_DIRECT;
    assert_true(asks(fake, QUESTION, "account"));
    fake->message.guild = 0;
    fake->message.flags |= TROUPE_MESSAGE_DIRECT;
    assert_true(asks(fake, QUESTION, "account"));
    finish(fake);
}

#define TOLD(who, what)                                                                            \
    "[{\"role\":\"system\",\"content\":\"" who "\"},{\"role\":\"user\",\"content\":\"" what "\"}]"

static void what_is_meant_finds_the_answer_under_the_same_instructions_alone(void **state)
{
    static const char meant[] = "help friendly: what can you do", other[] = "help formal: help";
    struct fake_turn *fake = start("cache_ttl", "3600s");
    int64_t made = fake->now_ms;

    (void)state;
    assert_true(asks_meant(fake, TOLD("Be Ada.", "what can you do"), "account", meant));
    assert_false(asks_meant(fake, TOLD("Be Ada.", "What can you do??"), "account", meant));
    assert_true(asks_meant(fake, TOLD("Be Ada.", "What can you do??"), "account", other));
    assert_true(asks_meant(fake, TOLD("Be Bob.", "What can you do??"), "account", meant));
    assert_true(asks_meant(fake, TOLD("Be Ada.", "What can you do??"), "guild", meant));
    /* Not what was said in exactly these words. */
    assert_true(asks(fake, TOLD("Be Ada.", "what can you do"), "account"));
    assert_false(asks_meant(fake, TOLD("Be Ada.", "WHAT can you do"), "account", meant));
    /* It lives half as long. */
    fake->now_ms = made + HOUR_MS / 2;
    assert_true(asks_meant(fake, TOLD("Be Ada.", "what can you do"), "account", meant));
    assert_false(asks(fake, TOLD("Be Ada.", "what can you do"), "account"));
    finish(fake);
}

static void another_price_finds_nothing(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);
    struct llm_agent *agent = fake->state;

    (void)state;
    assert_true(asks(fake, QUESTION, "account"));
    agent->candidates[0].settings.price.output++;
    assert_true(asks(fake, QUESTION, "account"));
    agent->candidates[0].settings.price.output--;
    assert_false(asks(fake, QUESTION, "account"));
    finish(fake);
}

static void another_table_of_prices_is_told_apart(void **state)
{
    static const char one[] = "{\"format\":1,\"currency\":\"USD\",\"providers\":{},\"prices\":[]}";
    static const char two[] = "{\"format\":1,\"currency\":\"USD\",\"providers\":{}, \"prices\":[]}";
    struct llm_price_table *tables[3];
    char error[256];

    (void)state;
    assert_int_equal(llm_price_table_parse(one, strlen(one), &tables[0], error, sizeof(error)), 0);
    assert_int_equal(llm_price_table_parse(two, strlen(two), &tables[1], error, sizeof(error)), 0);
    assert_int_equal(llm_price_table_parse(one, strlen(one), &tables[2], error, sizeof(error)), 0);
    assert_string_not_equal(llm_price_table_digest(tables[0]), llm_price_table_digest(tables[1]));
    assert_string_equal(llm_price_table_digest(tables[0]), llm_price_table_digest(tables[2]));
    assert_string_equal(llm_price_table_digest(NULL), "");
    for (size_t i = 0; i < 3; i++)
        llm_price_table_free(tables[i]);
}

static void what_the_caller_does_not_share_is_neither_kept_nor_found(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    assert_true(asks(fake, QUESTION, "none"));
    assert_int_equal(fake->kv_puts, 0);
    first(fake);
    assert_int_equal(fake->kv_puts, 1);
    assert_true(asks(fake, QUESTION, "none"));
    finish(fake);
}

static void another_question_bound_or_model_finds_nothing(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);
    struct llm_agent *agent = fake->state;

    (void)state;
    first(fake);
    assert_true(asks(fake, OTHER, "guild"));
    agent->settings.max_tokens--;
    agent->candidates[0].settings.max_tokens--;
    assert_true(asks(fake, QUESTION, "guild"));
    agent->settings.max_tokens++;
    agent->candidates[0].settings.max_tokens++;
    assert_false(asks(fake, QUESTION, "guild"));
    snprintf(agent->candidates[0].settings.model, LLM_MODEL_MAX, "tiny-2");
    assert_true(asks(fake, QUESTION, "guild"));
    finish(fake);
}

static void it_lives_for_cache_ttl_and_longer_where_it_is_asked_for(void **state)
{
    struct fake_turn *fake = start("cache_ttl", "3600s");
    int64_t made = fake->now_ms;

    (void)state;
    first(fake);
    fake->now_ms = made + HOUR_MS - 1;
    assert_false(asks(fake, QUESTION, "guild"));
    fake->now_ms = made + HOUR_MS;
    assert_true(asks(fake, QUESTION, "guild"));

    made = fake->now_ms;
    fake->random = 0; /* each hit makes it live on */
    for (int64_t i = 1; i < 2 * LLM_CACHE_LIVES; i++) {
        fake->now_ms = made + i * HOUR_MS / 2;
        assert_false(asks(fake, QUESTION, "guild"));
    }
    fake->now_ms = made + LLM_CACHE_LIVES * HOUR_MS;
    assert_true(asks(fake, QUESTION, "guild"));
    finish(fake);
}

static void only_a_whole_answer_is_kept(void **state)
{
    static const char *const others[] = {
        TEXT("cut at the bo") END("length") DONE,
        TEXT("against the ru") END("content_filter") DONE,
        TEXT("broken o"),
        "data: {\"error\":{\"message\":\"RAW\"}}\n\n",
    };
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        next(fake, others[i]);
        (void)ask(fake, QUESTION, "guild");
        assert_int_equal(fake->request_count, 1);
    }
    assert_int_equal(fake->kv_puts, 0);
    finish(fake);
}

static void with_cache_off_nothing_is_kept(void **state)
{
    struct fake_turn *fake = start("cache", "no");

    (void)state;
    assert_true(asks(fake, QUESTION, "guild"));
    assert_true(asks(fake, QUESTION, "guild"));
    assert_int_equal(fake->kv_puts, 0);
    finish(fake);
}

static void without_storage_the_model_answers(void **state)
{
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    first(fake);
    fake->sql_status = TROUPE_UNAVAILABLE;
    assert_true(asks(fake, QUESTION, "guild"));
    assert_true(fake_text_has(&fake->reasons, "llm.no_cache: "));
    finish(fake);
}

static void the_places_of_a_guild_are_bounded_and_the_older_answer_gives_way(void **state)
{
    struct fake_turn *fake = start("cache_entries", "1"); /* the least that the arithmetic takes */

    (void)state;
    first(fake);
    fake->now_ms += 1000;
    assert_true(asks(fake, OTHER, "guild"));
    assert_false(asks(fake, OTHER, "guild"));
    assert_true(asks(fake, QUESTION, "guild"));
    assert_string_equal(fake->kv[0].key, "1 3 answer.0");
    assert_string_equal(fake->kv[1].key, "");
    finish(fake);
}

static void who_asks_while_another_does_waits_for_that_answer(void **state)
{
    static struct llm_flights flights;
    struct fake_turn *fake = start(NULL, NULL);
    char key[LLM_DIGEST_TEXT] = "";
    const troupe_str name = {key, LLM_DIGEST_TEXT - 1};

    (void)state;
    memset(key, 'a', LLM_DIGEST_TEXT - 1);
    assert_int_equal(llm_flight_join(&fake->turn, &flights, name), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"leads\":true,\"waited\":false}");
    assert_int_equal(fake->slept_ms, 0);
    /* Its own turn does not wait for itself. */
    assert_int_equal(llm_flight_join(&fake->turn, &flights, name), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"leads\":false,\"waited\":false}");
    fake_next(fake);
    assert_int_equal(llm_flight_join(&fake->turn, &flights, name), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"leads\":false,\"waited\":true}");
    assert_true(fake->slept_ms >= LLM_FLIGHT_WAIT_MS);
    /* The end of it, by whoever asks and nobody else. */
    llm_flight_end(&flights, key, fake->id);
    assert_true(llm_flight_is_up(&flights, key, fake->id, fake->now_ms));
    llm_flight_end(&flights, key, fake->id - 1);
    assert_false(llm_flight_is_up(&flights, key, fake->id, fake->now_ms));
    finish(fake);
}

static void a_flight_that_nobody_ends_and_too_many_of_them_stop_nobody(void **state)
{
    static struct llm_flights flights;
    char key[LLM_DIGEST_TEXT];

    (void)state;
    for (unsigned i = 0; i < LLM_FLIGHTS_MAX; i++) {
        snprintf(key, sizeof(key), "%u", i);
        assert_true(llm_flight_begin(&flights, key, i + 1, 1000));
    }
    assert_false(llm_flight_begin(&flights, "one more", 1, 1000));
    assert_true(llm_flight_is_up(&flights, "0", 2, 1000 + LLM_FLIGHT_LOST_MS));
    assert_false(llm_flight_is_up(&flights, "0", 2, 1001 + LLM_FLIGHT_LOST_MS));
    assert_true(llm_flight_begin(&flights, "one more", 1, 1001 + LLM_FLIGHT_LOST_MS));
}

#define TOOLS(name)                                                                                \
    "[{\"type\":\"function\",\"function\":{\"name\":\"" name                                       \
    "\",\"parameters\":{}},\"call\":\"x." name "\"}]"
#define CALL                                                                                       \
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{"     \
    "\"name\":\"roll\",\"arguments\":\"{}\"}}]}}]}\n\n" END("tool_calls") DONE

static const char *call_any(struct fake_turn *fake, const char *name, troupe_str args)
{
    return strcmp(name, "x.roll") == 0 ? "\"4\"" : call_flight(fake, name, args);
}

static void with_tools_only_what_is_meant_is_kept_for_those_who_have_the_same(void **state)
{
    static const char meant[] = "help friendly: help";
    struct fake_turn *fake = start(NULL, NULL);

    (void)state;
    fake->on_call = call_any;
    fake->tools = TOOLS("roll");
    assert_true(asks(fake, QUESTION, "guild")); /* the next time it may be an order */
    assert_true(asks(fake, QUESTION, "guild"));
    assert_true(asks_meant(fake, QUESTION, "guild", meant));
    assert_false(asks_meant(fake, QUESTION, "guild", meant));
    fake->tools = TOOLS("flip");
    assert_true(asks_meant(fake, QUESTION, "guild", meant));
    fake->tools = NULL;
    assert_true(asks_meant(fake, QUESTION, "guild", meant));
    finish(fake);

    /* what a function found is the member's */
    fake = start(NULL, NULL);
    fake->on_call = call_any;
    fake->tools = TOOLS("roll");
    next(fake, CALL);
    fake->responses[1].status = 200;
    fake->responses[1].chunks[0] = TEXT("a four") END("stop") DONE;
    assert_int_equal(ask_meant(fake, QUESTION, "guild", meant), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    assert_true(asks_meant(fake, QUESTION, "guild", meant));
    finish(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_sha_256),
        cmocka_unit_test(the_same_question_in_the_same_guild_is_paid_once),
        cmocka_unit_test(no_answer_crosses_a_guild_and_none_is_kept_in_private),
        cmocka_unit_test(what_belongs_to_no_guild_is_paid_once_for_all_guilds),
        cmocka_unit_test(no_answer_crosses_from_guild_to_account_or_back_or_between_accounts),
        cmocka_unit_test(what_is_written_in_private_neither_fills_nor_finds_what_the_account_has),
        cmocka_unit_test(what_is_meant_finds_the_answer_under_the_same_instructions_alone),
        cmocka_unit_test(another_price_finds_nothing),
        cmocka_unit_test(another_table_of_prices_is_told_apart),
        cmocka_unit_test(what_the_caller_does_not_share_is_neither_kept_nor_found),
        cmocka_unit_test(another_question_bound_or_model_finds_nothing),
        cmocka_unit_test(it_lives_for_cache_ttl_and_longer_where_it_is_asked_for),
        cmocka_unit_test(only_a_whole_answer_is_kept),
        cmocka_unit_test(with_cache_off_nothing_is_kept),
        cmocka_unit_test(without_storage_the_model_answers),
        cmocka_unit_test(the_places_of_a_guild_are_bounded_and_the_older_answer_gives_way),
        cmocka_unit_test(who_asks_while_another_does_waits_for_that_answer),
        cmocka_unit_test(a_flight_that_nobody_ends_and_too_many_of_them_stop_nobody),
        cmocka_unit_test(with_tools_only_what_is_meant_is_kept_for_those_who_have_the_same),
    };

    return cmocka_run_group_tests_name("llm_cache", tests, NULL, NULL);
}
