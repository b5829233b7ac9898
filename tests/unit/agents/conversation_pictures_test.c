/* SPDX-License-Identifier: Apache-2.0
 *
 * A member shows pictures: they go to llm.chat by their places, stay in the talk by their names, and where no
 * model sees the member reads so.
 */
#include "fake_turn.h"
#include "tap.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const troupe_plugin *troupe_plugin_v1(void);

#define MINUTE INT64_C(60000)

static void attach(struct fake_turn *fake, unsigned n, const char *name, uint32_t kind)
{
    fake->files[n].name = name;
    fake->files[n].data = "bytes";
    fake->files[n].len = 5;
    fake->files[n].kind = kind;
}

static struct fake_turn *talker_with(const char *prompt)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "conversation");

    fake_config(fake, "template", prompt);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    return fake;
}

static struct fake_turn *talker(void)
{
    static char prompt[4096];

    snprintf(prompt, sizeof(prompt), "%s/plugins/conversation/prompts/default.txt",
             getenv("TROUPE_SRCDIR") ? getenv("TROUPE_SRCDIR") : ".");
    return talker_with(prompt);
}

static void answers(struct fake_turn *fake, unsigned n, const char *text)
{
    fake->services[n].chunks[0] = text;
    fake->services[n].result = "{\"text\":\"\",\"usage\":{\"input\":30,\"output\":12}}";
}

/* Nobody sees. */
static void is_blind(struct fake_turn *fake, unsigned n)
{
    fake->services[n].status = TROUPE_UNSUPPORTED;
    fake->services[n].code = "llm.cannot_see";
    fake->services[n].sentence = "No language model here can see pictures. Please say it in words.";
}

/* The last message of the n-th question. */
static json_t *last_of(struct fake_turn *fake, unsigned n)
{
    json_t *args = json_loads(fake->service_args[n], 0, NULL), *last;
    json_t *messages = json_object_get(args, "messages");

    last = json_incref(json_array_get(messages, json_array_size(messages) - 1));
    json_decref(args);
    return last;
}

static void expect_last(struct fake_turn *fake, unsigned n, const char *content,
                        const char *pictures)
{
    json_t *last = last_of(fake, n);
    char *list = json_dumps(json_object_get(last, "pictures"), JSON_COMPACT);

    assert_string_equal(json_string_value(json_object_get(last, "content")), content);
    assert_string_equal(list ? list : "", pictures);
    free(list);
    json_decref(last);
}

static void pictures_go_along_by_their_places(void **state)
{
    struct fake_turn *fake = talker();

    (void)state;
    attach(fake, 0, "notes.txt", TROUPE_FILE_TEXT);
    attach(fake, 1, "a cat].png", TROUPE_FILE_PICTURE);
    attach(fake, 2, "huge.png", TROUPE_FILE_LEFT_OUT);
    attach(fake, 3, "dog.gif", TROUPE_FILE_PICTURE);
    answers(fake, 0, "two animals");
    assert_int_equal(fake_say(fake, "what are these?"), TROUPE_DONE);
    expect_last(fake, 0, "what are these?\n[picture: a cat.png]\n[picture: dog.gif]", "[1,3]");
    assert_string_equal(fake->written.ptr, "two animals");
    assert_int_equal(fake->file_reads, 0); /* llm.chat reads them */
    fake_turn_free(fake);
}

static void a_picture_alone_is_a_question(void **state)
{
    struct fake_turn *fake = talker();

    (void)state;
    attach(fake, 0, "cat.png", TROUPE_FILE_PICTURE);
    answers(fake, 0, "a cat");
    assert_int_equal(fake_say(fake, ""), TROUPE_DONE);
    expect_last(fake, 0, "[picture: cat.png]", "[0]");
    fake_turn_free(fake);
}

static void the_talk_keeps_their_names_only(void **state)
{
    struct fake_turn *fake = talker();
    json_t *args;
    const json_t *earlier;

    (void)state;
    attach(fake, 0, "cat.png", TROUPE_FILE_PICTURE);
    answers(fake, 0, "a cat");
    assert_int_equal(fake_say(fake, "what is this?"), TROUPE_DONE);
    fake_next(fake);
    fake->now_ms += MINUTE;
    fake->files[0].name = NULL;
    answers(fake, 0, "yes");
    assert_int_equal(fake_say(fake, "are you sure?"), TROUPE_DONE);
    args = json_loads(fake->service_args[0], 0, NULL);
    earlier = json_array_get(json_object_get(args, "messages"), 1);
    assert_string_equal(json_string_value(json_object_get(earlier, "content")),
                        "what is this?\n[picture: cat.png]");
    assert_null(json_object_get(earlier, "pictures"));
    json_decref(args);
    expect_last(fake, 0, "are you sure?", "");
    fake_turn_free(fake);
}

static void with_a_picture_words_alone_do_not_say_what_is_meant(void **state)
{
    char path[] = "/tmp/troupe-template-XXXXXX";
    const int fd = mkstemp(path);
    struct fake_turn *fake;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "You are a bot.", 14), 14);
    close(fd);
    fake = talker_with(path);
    unlink(path);
    attach(fake, 0, "cat.png", TROUPE_FILE_PICTURE);
    is_blind(fake, 0);
    answers(fake, 1, "I cannot say.");
    assert_int_equal(fake_say(fake, "what can you do"), TROUPE_DONE);
    for (unsigned n = 0; n < 2; n++) /* seen or not */
        assert_non_null(strstr(fake->service_args[n], "\"question\":\"\""));
    fake_turn_free(fake);
}

static void where_no_model_sees_the_words_are_answered_and_the_member_told(void **state)
{
    struct fake_turn *fake = talker();

    (void)state;
    attach(fake, 0, "cat.png", TROUPE_FILE_PICTURE);
    attach(fake, 1, "dog.png", TROUPE_FILE_PICTURE);
    is_blind(fake, 0);
    answers(fake, 1, "I cannot say.");
    assert_int_equal(fake_say(fake, "what is this?"), TROUPE_DONE);
    expect_last(fake, 0, "what is this?\n[picture: cat.png]\n[picture: dog.png]", "[0,1]");
    expect_last(fake, 1,
                "what is this?\n[picture: cat.png, which you cannot see]\n"
                "[picture: dog.png, which you cannot see]",
                "");
    assert_string_equal(fake->written.ptr,
                        "I cannot say.\n-# No language model here can see pictures, so I answered "
                        "without \"cat.png\", \"dog.png\"");
    assert_true(fake_text_has(&fake->reasons, "conversation.unseen"));
    fake_turn_free(fake);
}

static void where_no_model_sees_a_picture_alone_gets_a_sentence(void **state)
{
    struct fake_turn *fake = talker();

    (void)state;
    attach(fake, 0, "cat.png", TROUPE_FILE_PICTURE);
    is_blind(fake, 0);
    assert_int_equal(fake_say(fake, " "), TROUPE_UNSUPPORTED);
    assert_int_equal(fake->service_count, 1);
    assert_non_null(strstr(fake->sentence,
                           "I can't look at \"cat.png\": no language model here can see pictures"));
    fake_turn_free(fake);
}

static void what_is_wrong_with_a_picture_is_told_as_it_is(void **state)
{
    static const struct {
        troupe_status status;
        const char *code, *sentence;
    } cases[] = {
        {TROUPE_LIMIT, "llm.bad_picture", "\"cat.png\" is too large. Please try a smaller one."},
        {TROUPE_UNSUPPORTED, "llm.picture_refused", "The language model cannot see pictures."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = talker();

        attach(fake, 0, "cat.png", TROUPE_FILE_PICTURE);
        fake->services[0].status = cases[i].status;
        fake->services[0].code = cases[i].code;
        fake->services[0].sentence = cases[i].sentence;
        assert_int_equal(fake_say(fake, "what is this?"), cases[i].status);
        assert_int_equal(fake->service_count, 1);
        assert_string_equal(fake->sentence, cases[i].sentence);
        assert_string_equal(fake->code, cases[i].code);
        fake_turn_free(fake);
    }
}

/* Words alone do not say what is meant: nobody gets the answer to another picture. */
static void a_question_with_a_picture_is_never_known_by_its_words(void **state)
{
    struct fake_turn *fake = talker();
    json_t *args;

    (void)state;
    attach(fake, 0, "cat.png", TROUPE_FILE_PICTURE);
    answers(fake, 0, "a cat");
    assert_int_equal(fake_say(fake, "help"), TROUPE_DONE);
    args = json_loads(fake->service_args[0], 0, NULL);
    assert_string_equal(json_string_value(json_object_get(args, "question")), "");
    json_decref(args);
    fake_turn_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_go_along_by_their_places),
        cmocka_unit_test(a_picture_alone_is_a_question),
        cmocka_unit_test(the_talk_keeps_their_names_only),
        cmocka_unit_test(with_a_picture_words_alone_do_not_say_what_is_meant),
        cmocka_unit_test(where_no_model_sees_the_words_are_answered_and_the_member_told),
        cmocka_unit_test(where_no_model_sees_a_picture_alone_gets_a_sentence),
        cmocka_unit_test(what_is_wrong_with_a_picture_is_told_as_it_is),
        cmocka_unit_test(a_question_with_a_picture_is_never_known_by_its_words),
    };

    return cmocka_run_group_tests_name("conversation pictures", tests, NULL, NULL);
}
