/* SPDX-License-Identifier: Apache-2.0
 *
 * When the bot's owner hears of a model that keeps failing: the counting alone, and what is told.
 */
#include "fake_turn.h"
#include "llm/alert.h"
#include "tap.h"

#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);

#define NOW    ((int64_t)1795176000000)
#define MINUTE ((int64_t)60000)

static const struct llm_alert_rule five = {.count = 5, .window_ms = 10 * MINUTE};
static const struct llm_alert_rule half = {.share = 0.5, .window_ms = 10 * MINUTE};

static const struct llm_kind *kind_of(const char *name)
{
    for (size_t i = 0; llm_kind_at(i); i++)
        if (strcmp(llm_kind_at(i)->name, name) == 0)
            return llm_kind_at(i);
    fail_msg("no kind %s", name);
    return NULL;
}

static enum llm_alert_event note(struct llm_alert *alert, const struct llm_alert_rule *rule,
                                 const char *kind, int64_t now_ms)
{
    return llm_alert_note(alert, rule, kind ? kind_of(kind) : NULL, now_ms).event;
}

static void so_many_of_a_kind_within_the_window_are_told_once(void **state)
{
    struct llm_alert alert = {0};
    struct llm_alert_news news;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(note(&alert, &five, "rate", NOW + i * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "overloaded", NOW + 4 * MINUTE), LLM_ALERT_NOTHING);
    news = llm_alert_note(&alert, &five, kind_of("rate"), NOW + 5 * MINUTE);
    assert_int_equal(news.event, LLM_ALERT_BEGINS);
    assert_int_equal(news.count, 5);
    assert_string_equal(news.kind->name, "rate");
    for (int i = 0; i < 40; i++)
        assert_int_equal(note(&alert, &five, "rate", NOW + (6 + i) * MINUTE), LLM_ALERT_NOTHING);
    /* Another kind is another thing to do something about. */
    for (int i = 0; i < 4; i++)
        assert_int_equal(note(&alert, &five, "overloaded", NOW + 50 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "overloaded", NOW + 50 * MINUTE), LLM_ALERT_BEGINS);
}

static void what_is_older_than_the_window_does_not_count(void **state)
{
    struct llm_alert alert = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(note(&alert, &five, "rate", NOW + i * 3 * MINUTE), LLM_ALERT_NOTHING);
        assert_int_equal(note(&alert, &five, NULL, NOW + i * 3 * MINUTE), LLM_ALERT_NOTHING);
    }
    for (int i = 0; i < 4; i++) /* nor does what lies in a future that was set back */
        assert_int_equal(note(&alert, &five, "rate", NOW + 400 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "rate", NOW), LLM_ALERT_NOTHING);
}

/* Turns that run again after a restart have the times of their first run. */
static void a_turn_behind_the_others_takes_nothing_from_the_count(void **state)
{
    struct llm_alert alert = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(note(&alert, &five, "rate", NOW + 6 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "rate", NOW), LLM_ALERT_BEGINS);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(note(&alert, &five, NULL, NOW + i % 2 * 6 * MINUTE), LLM_ALERT_NOTHING);
        assert_int_equal(note(&alert, &five, "rate", NOW + i % 2 * 6 * MINUTE), LLM_ALERT_NOTHING);
    }
}

static void it_is_over_once_and_only_after_an_answer(void **state)
{
    struct llm_alert alert = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        note(&alert, &five, "rate", NOW);
    assert_int_equal(note(&alert, &five, NULL, NOW + 9 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "overloaded", NOW + 30 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, NULL, NOW + 31 * MINUTE), LLM_ALERT_OVER);
    assert_int_equal(note(&alert, &five, NULL, NOW + 60 * MINUTE), LLM_ALERT_NOTHING);
    for (int i = 0; i < 4; i++)
        assert_int_equal(note(&alert, &five, "rate", NOW + 61 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "rate", NOW + 61 * MINUTE), LLM_ALERT_BEGINS);
}

static void too_large_a_share_of_enough_questions_is_told(void **state)
{
    static const char *const kinds[] = {"rate", "slow", "overloaded"};
    struct llm_alert alert = {0};
    struct llm_alert_news news = {0};

    (void)state;
    for (int i = 0; i < 9; i++)
        assert_int_equal(note(&alert, &half, kinds[i % 3], NOW), LLM_ALERT_NOTHING);
    news = llm_alert_note(&alert, &half, kind_of("rate"), NOW);
    assert_int_equal(news.event, LLM_ALERT_SHARE);
    assert_int_equal(news.count, 10);
    assert_int_equal(news.asked, 10);
    /* Between the bound and half of it nothing is said, so that it does not go on and on. */
    for (int i = 0; i < 30; i++)
        assert_int_equal(note(&alert, &half, NULL, NOW), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &half, NULL, NOW), LLM_ALERT_OVER);
    assert_int_equal(note(&alert, &half, "rate", NOW), LLM_ALERT_NOTHING);

    memset(&alert, 0, sizeof(alert));
    for (int i = 0; i < 100; i++)
        assert_int_equal(note(&alert, &half, i % 5 ? NULL : "rate", NOW), LLM_ALERT_NOTHING);
}

/* A bot that is seldom asked: no window ever holds as many as alert_count. */
static void a_model_that_answers_nothing_for_a_window_is_told_once(void **state)
{
    const struct llm_alert_rule both = {.count = 10, .share = 0.5, .window_ms = 10 * MINUTE};
    struct llm_alert alert = {0};
    struct llm_alert_news news;

    (void)state;
    assert_int_equal(note(&alert, &both, "rate", NOW), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &both, "rate", NOW + 30 * MINUTE), LLM_ALERT_NOTHING);
    news = llm_alert_note(&alert, &both, kind_of("provider_failed"), NOW + 60 * MINUTE);
    assert_int_equal(news.event, LLM_ALERT_DOWN);
    assert_int_equal(news.count, 3);
    assert_int_equal(news.for_ms, 60 * MINUTE);
    for (int i = 3; i < 20; i++)
        assert_int_equal(note(&alert, &both, "rate", NOW + 30 * i * MINUTE), LLM_ALERT_NOTHING);
    for (int i = 0; i < 20; i++) /* nor by another rule for the same */
        assert_int_equal(note(&alert, &both, "provider_failed", NOW + 600 * MINUTE),
                         LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &both, NULL, NOW + 620 * MINUTE), LLM_ALERT_OVER);
    /* An answer between them, or a refusal of what was asked, says that it is there. */
    for (int i = 0; i < 20; i++)
        assert_int_equal(note(&alert, &both,
                              i % 3   ? "rate"
                              : i % 2 ? NULL
                                      : "moderated",
                              NOW + 20 * i * MINUTE),
                         LLM_ALERT_NOTHING);
    memset(&alert, 0, sizeof(alert));
    for (int i = 0; i < 9; i++) /* so many at once say no more than alert_count of them would */
        assert_int_equal(note(&alert, &both, "rate", NOW + 900 * MINUTE), LLM_ALERT_NOTHING);
}

/* With the rules as installed, more than one of which holds for a model that is down. */
static void an_outage_is_told_by_one_rule_alone(void **state)
{
    const struct llm_alert_rule both = {.count = 5, .share = 0.5, .window_ms = 10 * MINUTE};
    struct llm_alert alert = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(note(&alert, &both, "rate", NOW), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &both, "rate", NOW), LLM_ALERT_BEGINS);
    for (int i = 0; i < 100; i++)
        assert_int_equal(note(&alert, &both, "rate", NOW + i * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &both, NULL, NOW + 120 * MINUTE), LLM_ALERT_OVER);
    for (int i = 0; i < 4; i++)
        assert_int_equal(note(&alert, &both, "rate", NOW + 130 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &both, "rate", NOW + 130 * MINUTE), LLM_ALERT_BEGINS);
}

/* Single failures of another kind go on for ever. */
static void without_a_share_an_outage_is_over_when_its_kind_is(void **state)
{
    struct llm_alert alert = {0};

    (void)state;
    assert_int_equal(note(&alert, &five, "bad_key", NOW), LLM_ALERT_STUCK);
    assert_int_equal(note(&alert, &five, "rate", NOW + 29 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, NULL, NOW + 30 * MINUTE), LLM_ALERT_OVER);
}

/* Such a model is left alone so long that it would never be counted so often. */
static void what_only_an_admin_can_mend_is_told_at_once(void **state)
{
    const struct llm_alert_rule none = {.window_ms = 10 * MINUTE};
    struct llm_alert alert = {0}, silent = {0};

    (void)state;
    assert_int_equal(note(&alert, &five, "bad_key", NOW), LLM_ALERT_STUCK);
    assert_int_equal(note(&alert, &five, "bad_key", NOW + MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "no_credit", NOW + MINUTE), LLM_ALERT_STUCK);
    assert_int_equal(note(&alert, &five, "not_trusted", NOW + MINUTE), LLM_ALERT_STUCK);
    /* Another key answers while the refused one is left alone. */
    assert_int_equal(note(&alert, &five, NULL, NOW + 15 * MINUTE), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, NULL, NOW + 22 * MINUTE), LLM_ALERT_OVER);
    /* How long a model thinks is the question's doing. */
    assert_int_equal(note(&alert, &five, "no_room", NOW), LLM_ALERT_NOTHING);
    assert_int_equal(note(&silent, &none, "bad_key", NOW), LLM_ALERT_NOTHING);
}

static void what_was_asked_and_our_own_bounds_do_not_count(void **state)
{
    static const char *const kinds[] = {"moderated", "too_long", "bad_parameter", "own_limit",
                                        "interrupted"};
    const struct llm_alert_rule both = {.count = 1, .share = 0.1, .window_ms = 10 * MINUTE};
    struct llm_alert alert = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (int n = 0; n < 30; n++)
            assert_int_equal(note(&alert, &both, kinds[i], NOW), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &both, "rate", NOW), LLM_ALERT_BEGINS);
}

static void nothing_is_told_where_the_config_says_so(void **state)
{
    const struct llm_alert_rule none = {.window_ms = MINUTE};
    struct llm_alert alert = {0};

    (void)state;
    for (int i = 0; i < 200; i++)
        assert_int_equal(note(&alert, &none, "rate", NOW), LLM_ALERT_NOTHING);
}

/* Of more kinds than there are places for. */
static void what_was_told_is_not_forgotten_for_other_kinds(void **state)
{
    struct llm_alert alert = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        note(&alert, &five, "rate", NOW);
    for (size_t i = 0; llm_kind_at(i); i++)
        if (strcmp(llm_kind_at(i)->name, "rate") != 0 && !llm_kind_needs_admin(llm_kind_at(i)))
            assert_int_equal(llm_alert_note(&alert, &five, llm_kind_at(i), NOW).event,
                             LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, "rate", NOW), LLM_ALERT_NOTHING);
    assert_int_equal(note(&alert, &five, NULL, NOW + 30 * MINUTE), LLM_ALERT_OVER);
}

static void each_kind_tells_what_can_be_done(void **state)
{
    (void)state;
    for (size_t i = 0; llm_kind_at(i); i++) {
        const struct llm_kind *kind = llm_kind_at(i);

        if (llm_kind_blames_model(kind) && !strstr(kind->sentence, "The admin") &&
            !strstr(kind->sentence, "tomorrow"))
            assert_true(strstr(llm_kind_advice(kind), " ") == llm_kind_advice(kind) ||
                        kind->category == LLM_ACCOUNT || kind->category == LLM_CONFIG);
    }
}

/* ---- through the agent ------------------------------------------------------------------------*/

static troupe_status chat(struct fake_turn *fake, uint32_t status, const char *code)
{
    char refusal[128];

    static const char question[] = "[{\"role\":\"user\",\"content\":\"hello there\"}]";
    static const char answer[] =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":4}}\n\n"
        "data: [DONE]\n\n";

    fake_next(fake);
    memset(fake->reservations, 0, sizeof(fake->reservations));
    fake->reservation_count = 0;
    fake->responses[0].status = status;
    snprintf(refusal, sizeof(refusal), "{\"error\":{\"message\":\"RAW\",\"code\":\"%s\"}}", code);
    fake->responses[0].chunks[0] = status == 200 ? answer : refusal;
    return ((chat_fn)fake_function(fake, "llm.chat"))(
        &fake->turn, (troupe_str){question, sizeof(question) - 1}, (troupe_str){"chat", 4}, 0, -1,
        (troupe_str){"none", 4}, (troupe_str){"", 0}, (troupe_str){"", 0});
}

static struct fake_turn *begin(void)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "https://api.example.com/v1");
    fake_config(fake, "model", "tiny-1");
    fake_config(fake, "price_input", "1");
    fake_config(fake, "price_output", "2");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    fake_config(fake, "attempts", "1");
    return fake;
}

static void the_owner_is_told_with_the_remedy_and_when_it_is_over(void **state)
{
    struct fake_turn *fake = begin();

    (void)state;
    fake_config(fake, "alert_count", "3");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(chat(fake, 503, "overloaded_error"), TROUPE_UNAVAILABLE);
        if (i == 2)
            assert_true(fake_text_has(&fake->reasons, "llm.alert: the model \"tiny-1\" at "));
        else
            assert_false(fake_text_has(&fake->reasons, "llm.alert"));
    }
    assert_string_equal(
        fake->told.ptr,
        "the model \"tiny-1\" at api.example.com failed 3 times within 10 minutes in "
        "the same way (overloaded). The language model is overloaded at the moment. Please try "
        "again soon. Look at the provider's status page and at base_url, or name another model in "
        "route_chat.\n");
    assert_int_equal(chat(fake, 200, ""), TROUPE_OK);
    fake->now_ms += 20 * MINUTE;
    assert_int_equal(chat(fake, 200, ""), TROUPE_OK);
    assert_true(fake_text_has(
        &fake->told, "route_chat.\nthe model \"tiny-1\" at api.example.com answers again\n"));
    fake_turn_free(fake);
}

static void the_first_refusal_for_lack_of_credit_reaches_the_owner(void **state)
{
    struct fake_turn *fake = begin();

    (void)state;
    assert_int_equal(fake_create(fake), TROUPE_OK);
    assert_int_equal(chat(fake, 429, "insufficient_quota"), TROUPE_DENIED);
    assert_string_equal(
        fake->told.ptr,
        "the model \"tiny-1\" at api.example.com gives no answers (no_credit). The account at the "
        "language model's provider has no credit left. The admin has to top it up.\n");
    fake_turn_free(fake);
}

/* The other one answers, so the model is not to blame. */
static void of_several_keys_the_refused_one_is_named(void **state)
{
    struct fake_turn *fake = begin();

    (void)state;
    fake_config(fake, "api_key", "one");
    fake_config(fake, "api_key_alt", "two");
    fake_config(fake, "attempts", "2");
    assert_int_equal(fake_create(fake), TROUPE_OK);
    (void)chat(fake, 401, "invalid_api_key");
    assert_true(fake_text_has(&fake->told,
                              "the model \"tiny-1\" at api.example.com gives no answers for one of "
                              "its keys, which the log names (bad_key). "));
    assert_true(fake_text_has(&fake->host.log, "model \"tiny-1\", api_key, HTTP 401"));
    fake_turn_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_of_a_kind_within_the_window_are_told_once),
        cmocka_unit_test(what_is_older_than_the_window_does_not_count),
        cmocka_unit_test(a_turn_behind_the_others_takes_nothing_from_the_count),
        cmocka_unit_test(it_is_over_once_and_only_after_an_answer),
        cmocka_unit_test(too_large_a_share_of_enough_questions_is_told),
        cmocka_unit_test(a_model_that_answers_nothing_for_a_window_is_told_once),
        cmocka_unit_test(an_outage_is_told_by_one_rule_alone),
        cmocka_unit_test(without_a_share_an_outage_is_over_when_its_kind_is),
        cmocka_unit_test(what_only_an_admin_can_mend_is_told_at_once),
        cmocka_unit_test(what_was_asked_and_our_own_bounds_do_not_count),
        cmocka_unit_test(nothing_is_told_where_the_config_says_so),
        cmocka_unit_test(what_was_told_is_not_forgotten_for_other_kinds),
        cmocka_unit_test(each_kind_tells_what_can_be_done),
        cmocka_unit_test(the_owner_is_told_with_the_remedy_and_when_it_is_over),
        cmocka_unit_test(the_first_refusal_for_lack_of_credit_reaches_the_owner),
        cmocka_unit_test(of_several_keys_the_refused_one_is_named),
    };

    return cmocka_run_group_tests_name("llm alerts", tests, NULL, NULL);
}
