/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions that are answered by a form or a select: what may be answered, and that it counts once,
 * through everything that comes between.
 */
#include "press_fixture.h"

#include "turn/form.h"
#include "turn/wait.h"

#define BODY(name)                                                                                 \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play(name##_body);                                                                         \
    }                                                                                              \
    static troupe_status name##_body(void *arg)

static size_t press(struct stage_test *t, const char *member, const char *id, const char *content)
{
    return press_as(t, member, 0, id, content);
}

/* The press is answered with such a sentence, alone, and the question's parts stay or go. */
#define TOLD(press_, part, spent)                                                                  \
    do {                                                                                           \
        unsigned before_ = t->retired;                                                             \
        struct record *told_ = record_of_press(t, press_);                                         \
                                                                                                   \
        WAIT_FOR(told_->notices);                                                                  \
        CHECK(strstr(buf_text(&told_->notice), part) && told_->private);                           \
        WAIT_FOR(t->retired - before_ == (spent));                                                 \
    } while (0)

BODY(a_form_opens_as_often_as_it_is_pressed_and_counts_once)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "put 0 once 1;form 0 Who are you?");

    PARKED(1);
    CHECK(record->asked == 1 && !is_answered(record));
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'ask' AND buttons LIKE "
                     "'%t:1:1:open%Tell me%'") == 1);
    TOLD(press(t, "8", "t:1:1:open", ""), "for somebody else", 0U);
    CHECK(!t->forms);
    press(t, "7", "t:1:1:open", "");
    WAIT_FOR(t->forms == 1);
    CHECK(!strcmp(t->form_id, "t:1:1:form") && !strcmp(t->form_title, "Tell me"));
    CHECK(t->form_fields == 2 && t->form_max == 20);
    CHECK_STATUS(restart(t), TROUPE_OK); /* the next process knows the form by its row */
    press(t, "7", "t:1:1:open", "");
    WAIT_FOR(t->forms == 2);
    TOLD(press(t, "8", "t:1:1:form", "[\"Eve\"]"), "for somebody else", 0U);
    TOLD(press(t, "7", "t:1:1:form", "[\"\",\"x\"]"), "one of the fields", 0U);
    TOLD(press(t, "7", "t:1:1:form", "[\"a name of many more characters\"]"), "one of the fields",
         0U);
    TOLD(press(t, "7", "t:1:1:form", "[\"a\",\"b\",\"c\"]"), "could not read", 0U);
    TOLD(press(t, "7", "t:1:1:form", "nonsense"), "could not read", 0U);
    TOLD(press(t, "7", "t:1:1:0", ""), "not open any more", 0U);
    CHECK(!is_answered(record));
    press(t, "7", "t:1:1:form", "[\"Zo\xc3\xab\",\"be\\ncause\"]");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[put][Zo\xc3\xab: be\ncause]"));
    WAIT_FOR(list_empty(&t->engine->turns));
    TOLD(press(t, "7", "t:1:1:form", "[\"Ann\"]"), "answered already", 1U);
    TOLD(press(t, "7", "t:1:1:open", ""), "answered already", 1U);
    CHECK(t->forms == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'once' AND version = 1") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'reply' AND turn_id = 1") == 1);
    return TROUPE_OK;
}

BODY(what_a_form_and_a_select_were_answered_stands_in_a_replay)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "form 0 Who?;pick 1 2 0 Which?;ask 0 Sure?");

    PARKED(1);
    press(t, "7", "t:1:1:form", "[\"Ann\"]");
    WAIT_FOR(record->asked == 2);
    PARKED(1);
    press(t, "7", "t:1:2:pick", "[\"2\",\"0\"]");
    WAIT_FOR(record->asked == 3);
    PARKED(1);
    CHECK_STATUS(restart(t), TROUPE_OK);
    press(t, "7", "t:1:3:1", "");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[Ann: ][0,2][Yes]"));
    WAIT_FOR(list_empty(&t->engine->turns));
    {
        _cleanup_mem_ char *why = NULL;

        CHECK_STATUS(turn_engine_why_text(t->engine, "1", &why, &f->err), TROUPE_OK);
        CHECK(strstr(why, "turn: parked"));
    }
    return TROUPE_OK;
}

BODY(a_select_takes_as_many_as_it_asks_for)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "pick 1 2 0 Which?"), *none;

    PARKED(1);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'ask' AND buttons LIKE "
                     "'%t:1:1:pick%Red%like blood%Green%'") == 1);
    TOLD(press(t, "7", "t:1:1:pick", "[]"), "choose again", 0U);
    TOLD(press(t, "7", "t:1:1:pick", "[\"0\",\"1\",\"2\"]"), "choose again", 0U);
    TOLD(press(t, "7", "t:1:1:pick", "[\"0\",\"0\"]"), "choose again", 0U);
    TOLD(press(t, "7", "t:1:1:pick", "[\"3\"]"), "choose again", 0U);
    TOLD(press(t, "7", "t:1:1:pick", "[\"-1\"]"), "choose again", 0U);
    TOLD(press(t, "7", "t:1:1:pick", "[0]"), "choose again", 0U);
    press(t, "7", "t:1:1:pick", "[\"1\"]");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[1]"));
    none = ask(t, "pick 0 1 0 Any?");
    PARKED(1);
    press(t, "7", "t:2:2:pick", "[]");
    WAIT_FOR(is_answered(none));
    CHECK(!strcmp(buf_text(&none->shown), "[]"));
    return TROUPE_OK;
}

BODY(forms_and_selects_expire_and_can_be_stopped)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "form 30 Who?");

    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "<-2 ask.expired"));
    TOLD(press(t, "7", "t:1:1:form", "[\"Ann\"]"), "is over", 1U);
    record = ask(t, "pick 1 1 0 Which?");
    PARKED(1);
    turn_waits_stop(t->engine, "100", NULL);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "<-1 ask.canceled"));
    return TROUPE_OK;
}

/* What a column and an answer to it make; `told` is what its member is told where it is none. */
static char *taken(const struct gateway_form *form, const char *answer, const char **told)
{
    _cleanup_mem_ char *column = turn_form_print_form(form);

    return turn_form_take(column, TURN_FORM_SEND, answer, strlen(answer), told);
}

static void lengths_are_those_that_some_platform_counts(void **state)
{
    static const struct gateway_field fields[] = {{"A", NULL, NULL, 4, 4, false, true},
                                                  {"B", NULL, NULL, 2, 3, true, false}};
    static const struct gateway_form form = {"id", "Title", fields, 2};
    static const struct {
        const char *answer, *taken;
    } cases[] = {
        {"[\"abcd\"]", "[\"abcd\",\"\"]"},
        {"[\"abcd\",\"\"]", "[\"abcd\",\"\"]"},
        {"[\"\U0001F600\U0001F600\",\"ab\"]", "[\"\U0001F600\U0001F600\",\"ab\"]"},
        {"[\"\U0001F600\U0001F600\U0001F600\U0001F600\"]",
         "[\"\U0001F600\U0001F600\U0001F600\U0001F600\",\"\"]"},
        {"[\"abc\"]", NULL},
        {"[\"abcde\"]", NULL},
        {"[\"abcd\",\"a\"]", NULL},
        {"[\"abcd\",\"abcd\"]", NULL},
        {"[]", NULL},
        {"[1234]", NULL},
        {"{\"0\":\"abcd\"}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *told = NULL;
        _cleanup_mem_ char *got = taken(&form, cases[i].answer, &told);

        if (cases[i].taken)
            assert_string_equal(got, cases[i].taken);
        else
            assert_null(got);
        assert_non_null(told);
    }
}

static void an_answer_has_a_bound_of_its_own(void **state)
{
    static const struct gateway_field fields[] = {{"A", NULL, NULL, 0, 4000, true, true},
                                                  {"B", NULL, NULL, 0, 4000, true, true}};
    static const struct gateway_form form = {"id", "Title", fields, 2};
    _cleanup_buf_ struct buf most = BUF_INIT;
    _cleanup_mem_ char *got = NULL;
    const char *told = NULL;

    (void)state;
    buf_puts(&most, "[\"");
    while (most.len < GATEWAY_FORM_ANSWER_MAX)
        buf_puts(&most, "words ");
    buf_puts(&most, "\"]");
    got = taken(&form, buf_text(&most), &told);
    assert_null(got);
    assert_non_null(strstr(told, "shorter"));
}

BODY(what_nobody_could_answer_is_not_asked)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "pick 2 1 0 Which?;pick 1 4 0 Which?;form 0 ");

    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "ask.range") &&
          strstr(buf_text(&record->shown), "ask.text"));
    CHECK(ask_int(f, "SELECT count(*) FROM wait") == 0 && !record->asked);
    return TROUPE_OK;
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_form_opens_as_often_as_it_is_pressed_and_counts_once),
        TEST(what_a_form_and_a_select_were_answered_stands_in_a_replay),
        TEST(a_select_takes_as_many_as_it_asks_for),
        TEST(forms_and_selects_expire_and_can_be_stopped),
        TEST(lengths_are_those_that_some_platform_counts),
        TEST(an_answer_has_a_bound_of_its_own),
        TEST(what_nobody_could_answer_is_not_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
