/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions with pictures: what each format is sent, which model is asked, what is reserved, and what is refused
 * before anybody is asked.
 */
#include "fake_turn.h"
#include "llm/converse.h"
#include "llm/provider.h"
#include "llm_talk_rig.h"
#include "tap.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*chat_fn)(troupe_turn *, troupe_str, troupe_str, int64_t, double, troupe_str,
                                 troupe_str, troupe_str);

/* A PNG of 1024 by 1024 pixels and a GIF of 2 by 2, as far as anybody reads them here. */
#define PNG      "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0\0\0\4\0\10\6\0\0\0"
#define PNG_64   "iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAYAAAA="
#define WIDE     "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x1f\x41\0\0\4\0\10\6\0\0\0"
#define GIF      "GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0"
#define GIF_64   "R0lGODlhAgACAAAAACwAAAAAAgACAAA="

#define QUESTION "[{\"role\":\"user\",\"content\":\"what is this?\",\"pictures\":[0]}]"

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* ---- what is sent ------------------------------------------------------------------------------ */

static const char talk[] =
    "[{\"role\":\"system\",\"content\":\"be kind\"},"
    "{\"role\":\"user\",\"content\":\"and \\\"data:image/png;base64,\\\"?\",\"pictures\":[3,0]},"
    "{\"role\":\"assistant\",\"content\":\"two\"},"
    "{\"role\":\"user\",\"content\":\"\",\"pictures\":[3]}]";

/* What is sent in parts is the whole without the base64, which is PNG_64 or GIF_64 where it was cut. */
static void check_cuts(const struct llm_request *request, const char *whole)
{
    struct llm_body body;
    size_t at = 0;

    llm_provider_cut(request, &body);
    assert_non_null(body.text);
    assert_int_equal(body.count, 3);
    for (uint32_t i = 0; i < body.count; i++) {
        const struct llm_cut *cut = &body.cuts[i];
        const char *text = cut->picture->file == 0 ? PNG_64 : GIF_64;

        assert_memory_equal(whole, body.text + at, cut->at - at);
        whole += cut->at - at;
        assert_memory_equal(whole, text, strlen(text));
        whole += strlen(text);
        at = cut->at;
    }
    assert_string_equal(whole, body.text + at);
    free(body.text);
}

/* The body of the talk with its two pictures, to be freed. */
static char *body_of(enum llm_format format, int low)
{
    struct llm_settings config = {.max_tokens = 100, .context_tokens = 8000, .format = format};
    struct llm_pictures pictures = {
        .at = {{.file = 0, .bytes = {PNG, sizeof(PNG) - 1}, .head = {"image/png", 1024, 1024}},
               {.file = 3, .bytes = {GIF, sizeof(GIF) - 1}, .head = {"image/gif", 2, 2}}},
        .count = 2,
        .low = (uint8_t)low};
    struct llm_request request;
    const char *problem = NULL;
    char *body;

    snprintf(config.model, sizeof(config.model), "m");
    assert_int_equal(llm_request_init(&request, &config, str(talk), 0, -1, &problem), TROUPE_OK);
    request.pictures = &pictures;
    body = llm_request_body(&request);
    assert_non_null(body);
    assert_null(pictures.at[0].stand_in);
    check_cuts(&request, body);
    assert_null(pictures.at[0].stand_in);
    llm_request_clear(&request);
    return body;
}

#define IMAGE_URL(type, data)                                                                      \
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/" type ";base64," data            \
    "\",\"detail\":\"high\"}}"
#define IMAGE_BLOCK(type, data)                                                                    \
    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/" type             \
    "\",\"data\":\"" data "\"}}"
#define WORDS "and \\\"data:image/png;base64,\\\"?"

static void each_format_shows_pictures_its_own_way(void **state)
{
    static const struct {
        enum llm_format format;
        const char *messages;
    } cases[] = {
        {LLM_FORMAT_OPENAI,
         "\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\","
         "\"content\":[{\"type\":\"text\",\"text\":\"" WORDS "\"}," IMAGE_URL("gif", GIF_64) "," //
         IMAGE_URL("png", PNG_64) "]},{\"role\":\"assistant\",\"content\":\"two\"},"             //
                                  "{\"role\":\"user\",\"content\":[" IMAGE_URL("gif",
                                                                               GIF_64) "]}]"},
        {LLM_FORMAT_ANTHROPIC,
         "\"messages\":[{\"role\":\"user\",\"content\":[" IMAGE_BLOCK("gif", GIF_64) "," //
         IMAGE_BLOCK("png", PNG_64) ",{\"type\":\"text\",\"text\":\"" WORDS "\"}]},"     //
                                    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
                                    "\"text\":\"two\"}]}," //
                                    "{\"role\":\"user\",\"content\":[" IMAGE_BLOCK("gif",
                                                                                   GIF_64) "]}]"},
        {LLM_FORMAT_OLLAMA,
         "\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\","
         "\"content\":\"" WORDS "\",\"images\":[\"" GIF_64 "\",\"" PNG_64 "\"]},"
         "{\"role\":\"assistant\",\"content\":\"two\"},{\"role\":\"user\",\"content\":\"\","
         "\"images\":[\"" GIF_64 "\"]}]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *body = body_of(cases[i].format, 0);
        json_t *tree = json_loads(body, 0, NULL);

        assert_non_null(tree);
        if (!strstr(body, cases[i].messages))
            fail_msg("%s\nlacks\n%s", body, cases[i].messages);
        json_decref(tree);
        free(body);
    }
}

static void detail_can_be_low(void **state)
{
    char *body = body_of(LLM_FORMAT_OPENAI, 1);

    (void)state;
    assert_non_null(strstr(body, "\"detail\":\"low\""));
    assert_null(strstr(body, "\"detail\":\"high\""));
    free(body);
}

static void a_model_that_is_told_of_functions_in_words_sees_too(void **state)
{
    struct llm_settings config = {.max_tokens = 100,
                                  .context_tokens = 8000,
                                  .format = LLM_FORMAT_OLLAMA,
                                  .lacks = LLM_LACKS_TOOLS};
    struct llm_pictures pictures = {
        .at = {{.file = 0, .bytes = {PNG, sizeof(PNG) - 1}, .head = {"image/png", 1024, 1024}}},
        .count = 1};
    struct llm_request request;
    const char *problem = NULL;
    char *body;

    (void)state;
    assert_int_equal(llm_request_init(&request, &config, str(QUESTION), 0, -1, &problem),
                     TROUPE_OK);
    assert_int_equal(llm_request_offer(&request,
                                       str("[{\"type\":\"function\",\"function\":{\"name\":"
                                           "\"roll\",\"description\":\"Rolls\"}}]"),
                                       &problem),
                     TROUPE_OK);
    request.pictures = &pictures;
    body = llm_request_body(&request);
    assert_non_null(strstr(body, "\"images\":[\"" PNG_64 "\"]"));
    assert_null(strstr(body, "\"tools\""));
    free(body);
    llm_request_clear(&request);
}

static void only_a_member_shows_pictures(void **state)
{
    static const char *const cases[] = {
        "[{\"role\":\"system\",\"content\":\"x\",\"pictures\":[0]}]",
        "[{\"role\":\"user\",\"content\":\"x\",\"pictures\":0}]",
        "[{\"role\":\"user\",\"content\":\"x\",\"pictures\":[-1]}]",
        "[{\"role\":\"user\",\"content\":\"x\",\"pictures\":[\"0\"]}]",
        "[{\"role\":\"user\",\"content\":\"x\",\"pictures\":[0,1,2,3,4,5,6,7,8]}]"};
    const struct llm_settings config = {.max_tokens = 100, .context_tokens = 8000};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_request request;
        const char *problem = NULL;

        assert_int_equal(llm_request_init(&request, &config, str(cases[i]), 0, -1, &problem),
                         TROUPE_ARGUMENT);
        assert_non_null(strstr(problem, "pictures"));
    }
}

/* ---- who is asked ------------------------------------------------------------------------------ */

static const char *call_route(struct fake_turn *fake, const char *name, troupe_str args)
{
    if (strcmp(name, LLM_ROUTE_FUNCTION) != 0 && strcmp(name, LLM_PLACE_FUNCTION) != 0)
        return "{\"leads\":true}";
    return llm_talk_call(fake, name, args);
}

struct setting {
    const char *key, *value;
};

/* A local server with a model for talks, and a picture attached. */
static struct fake_turn *start(const struct setting *settings)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "base_url", "http://127.0.0.1:8080/v1");
    fake_config(fake, "model", "words-1");
    fake_config(fake, "price_table", "/nonexistent/prices.json");
    fake_config(fake, "attempts", "1");
    for (; settings->key; settings++)
        fake_config(fake, settings->key, settings->value);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    fake->on_call = call_route;
    fake->files[0].name = "cat.png";
    fake->files[0].data = PNG;
    fake->files[0].len = sizeof(PNG) - 1;
    fake->files[0].kind = TROUPE_FILE_PICTURE;
    return fake;
}
#define START(...) start((const struct setting[]){__VA_ARGS__, {NULL, NULL}})

static troupe_status chat(struct fake_turn *fake, const char *messages, const char *cache)
{
    return ((chat_fn)fake_function(fake, "llm.chat"))(&fake->turn, str(messages), str("chat"), 0,
                                                      -1, str(cache), str(""), str(""));
}

#define GOOD                                                                                       \
    "data: {\"choices\":[{\"delta\":{\"content\":\"a cat\"},\"finish_reason\":\"stop\"}]}\n\n"     \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":2}}\n\n"

static void good(struct fake_turn *fake, unsigned n)
{
    fake->responses[n].status = 200;
    fake->responses[n].chunks[0] = GOOD;
}

static void a_picture_goes_to_a_model_that_sees(void **state)
{
    struct fake_turn *fake = START({"route_vision", "eyes-1"});

    (void)state;
    good(fake, 0);
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_OK);
    assert_true(fake_text_has(&fake->written, "a cat"));
    assert_int_equal(fake->request_count, 1);
    assert_non_null(strstr(fake->requests[0].body, "\"model\":\"eyes-1\""));
    assert_non_null(strstr(fake->requests[0].body, PNG_64));
    assert_int_equal(fake->requests[0].parts, 3); /* the picture and what stands around it */
    assert_true(fake_text_has(&fake->reasons, "vision: eyes-1"));
    assert_int_equal(fake->reservations[0].state, FAKE_SETTLED);

    /* Without one the talk goes on as ever. */
    good(fake, 1);
    assert_int_equal(chat(fake, "[{\"role\":\"user\",\"content\":\"hello\"}]", "none"), TROUPE_OK);
    assert_non_null(strstr(fake->requests[1].body, "\"model\":\"words-1\""));
    fake_turn_free(fake);
}

static void nobody_is_asked_where_no_model_sees(void **state)
{
    static const struct setting none[] = {{NULL, NULL}}, off[] = {{"route_vision", "eyes-1"},
                                                                  {"pictures", "0"},
                                                                  {NULL, NULL}};
    const struct setting *const cases[] = {none, off};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fake_turn *fake = start(cases[i]);

        assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_UNSUPPORTED);
        assert_string_equal(fake->code, "llm.cannot_see");
        assert_non_null(strstr(fake->sentence, "No language model here can see pictures"));
        assert_int_equal(fake->request_count, 0);
        assert_int_equal(fake->reservation_count, 0);
        assert_int_equal(fake->file_reads, 0);
        fake_turn_free(fake);
    }
}

/* A model refuses them: the next is asked, and from then on this one is shown none. */
static void a_refusal_goes_to_the_next_and_is_remembered(void **state)
{
    struct fake_turn *fake = START({"route_vision", "blind-1 90, eyes-1 60"});

    (void)state;
    fake->responses[0].status = 400;
    fake->responses[0].chunks[0] =
        "{\"error\":{\"message\":\"this model does not support images\"}}";
    good(fake, 1);
    good(fake, 2);
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    assert_non_null(strstr(fake->requests[0].body, "blind-1"));
    assert_non_null(strstr(fake->requests[1].body, "eyes-1"));
    assert_true(fake_text_has(&fake->reasons, "llm.fallback: blind-1 failed (no_images)"));
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_OK);
    assert_int_equal(fake->request_count, 3);
    assert_non_null(strstr(fake->requests[2].body, "eyes-1"));
    assert_true(fake_text_has(&fake->reasons, "(cannot see pictures)"));
    fake_turn_free(fake);
}

static void the_last_that_refuses_says_why(void **state)
{
    struct fake_turn *fake = START({"route_vision", "blind-1"});

    (void)state;
    fake->responses[0].status = 500;
    fake->responses[0].chunks[0] =
        "{\"error\":\"this model is missing data required for image input\"}";
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_UNSUPPORTED);
    assert_string_equal(fake->code, "llm.picture_refused");
    assert_non_null(strstr(fake->sentence, "cannot see pictures"));
    /* From then on nobody is asked, and nothing paid. */
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_UNSUPPORTED);
    assert_string_equal(fake->code, "llm.cannot_see");
    assert_int_equal(fake->request_count, 1);
    fake_turn_free(fake);
}

/* ---- money ------------------------------------------------------------------------------------- */

static void what_a_picture_costs_is_reserved_before_it_leaves(void **state)
{
    static const char plain[] = "[{\"role\":\"user\",\"content\":\"what is this?\"}]";
    struct fake_turn *fake =
        START({"route_vision", "words-1"}, {"local", "no"}, {"price_input", "8"},
              {"price_output", "8"}, {"picture_tokens", "1000"});
    uint64_t without;

    (void)state;
    good(fake, 0);
    good(fake, 1);
    assert_int_equal(chat(fake, plain, "none"), TROUPE_OK);
    without = fake->reservations[0].worst;
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_OK);
    /* At 10 micro-USD a token: a quarter more than its price, for a cache that may be filled. */
    assert_int_equal(fake->reservations[1].worst, without + 10320);
    assert_int_equal(fake->reservations[1].settled, 902 * 8);
    fake_turn_free(fake);
}

static void a_picture_without_a_price_is_refused_and_never_free(void **state)
{
    struct fake_turn *fake = START({"route_vision", "words-1"}, {"local", "no"},
                                   {"price_input", "8"}, {"price_output", "8"});

    (void)state;
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_BUDGET);
    assert_string_equal(fake->code, "budget.price_unknown");
    assert_non_null(strstr(fake->sentence, "picture_tokens"));
    assert_int_equal(fake->request_count, 0);
    assert_true(fake_text_has(&fake->reasons, "(no price)"));
    fake_turn_free(fake);
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void what_no_provider_would_take_is_refused_with_a_sentence(void **state)
{
    static char large[LLM_PICTURE_MAX + 1];
    static const struct {
        const char *name, *data;
        uint64_t len;
        uint32_t kind;
        const char *code, *says;
    } cases[] = {
        {"large.png", large, sizeof(large), TROUPE_FILE_PICTURE, "llm.bad_picture",
         "\"large.png\" is too large: pictures of 3840 kB"},
        {"wide.png", WIDE, sizeof(WIDE) - 1, TROUPE_FILE_PICTURE, "llm.bad_picture",
         "\"wide.png\" is too large"},
        {"cut.png", PNG, 12, TROUPE_FILE_PICTURE, "llm.bad_picture", "\"cut.png\" is no picture"},
        {"notes.txt", "hello", 5, TROUPE_FILE_TEXT, "llm.bad_picture",
         "\"notes.txt\" is no picture"},
        {"gone.png", NULL, 100, TROUPE_FILE_PICTURE, "llm.bad_picture",
         "\"gone.png\" is no picture"},
        {"**<@1> \"b\"`.png", "", 0, TROUPE_FILE_PICTURE, "llm.bad_picture", "\"1b.png\" is no"},
        {NULL, NULL, 0, 0, "llm.bad_arguments", "the turn has no file 0"},
    };

    (void)state;
    memcpy(large, PNG, sizeof(PNG) - 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = START({"route_vision", "eyes-1"});

        fake->files[0].name = cases[i].name;
        fake->files[0].data = cases[i].data;
        fake->files[0].len = cases[i].len;
        fake->files[0].kind = cases[i].kind;
        assert_true(chat(fake, QUESTION, "none") < 0);
        assert_string_equal(fake->code, cases[i].code);
        if (!strstr(fake->sentence, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", fake->sentence, cases[i].says);
        assert_int_equal(fake->request_count, 0);
        assert_int_equal(fake->reservation_count, 0);
        fake_turn_free(fake);
    }
}

static void their_number_and_their_sum_are_bounded(void **state)
{
    static const char three[] = "[{\"role\":\"user\",\"content\":\"these?\",\"pictures\":[0,1,2]}]";
    static const struct setting few[] = {{"route_vision", "eyes-1"},
                                         {"pictures", "2"},
                                         {NULL, NULL}},
                                small[] = {{"route_vision", "eyes-1"},
                                           {"picture_bytes", "1024"},
                                           {NULL, NULL}};
    static char middling[500];
    const struct setting *const cases[] = {few, small};
    const char *const says[] = {"which are 2", "\"2.png\" is too large: pictures of"};

    (void)state;
    memcpy(middling, PNG, sizeof(PNG) - 1);
    for (size_t i = 0; i < 2; i++) {
        struct fake_turn *fake = start(cases[i]);

        for (size_t n = 0; n < 3; n++) {
            static const char *const names[] = {"0.png", "1.png", "2.png"};

            fake->files[n].name = names[n];
            fake->files[n].data = middling;
            fake->files[n].len = sizeof(middling);
            fake->files[n].kind = TROUPE_FILE_PICTURE;
        }
        assert_int_equal(chat(fake, three, "none"), TROUPE_LIMIT);
        if (!strstr(fake->sentence, says[i]))
            fail_msg("%s", fake->sentence);
        assert_int_equal(fake->request_count, 0);
        fake_turn_free(fake);
    }
}

/* ---- answers that are kept --------------------------------------------------------------------- */

static void an_answer_is_kept_for_the_same_picture_only(void **state)
{
    struct fake_turn *fake = START({"route_vision", "eyes-1"});

    (void)state;
    fake->id = 7;
    fake->random = 1;
    good(fake, 0);
    good(fake, 1);
    assert_int_equal(chat(fake, QUESTION, "guild"), TROUPE_OK);
    assert_int_equal(chat(fake, QUESTION, "guild"), TROUPE_OK);
    assert_int_equal(fake->request_count, 1);
    assert_true(fake_text_has(&fake->result, "\"cached\":true"));
    fake->files[0].data = GIF;
    fake->files[0].len = sizeof(GIF) - 1;
    assert_int_equal(chat(fake, QUESTION, "guild"), TROUPE_OK);
    assert_int_equal(fake->request_count, 2);
    fake_turn_free(fake);
}

/* ---- for the schema ---------------------------------------------------------------------------- */

/* A request in OpenAI's format as {"method", "path", "body"}, for tests/lib/openapi.py. */
static int print_requests(void)
{
    char *body = body_of(LLM_FORMAT_OPENAI, 0);
    json_t *list = json_pack("[{s:s, s:s, s:o}]", "method", "POST", "path", "/v1/chat/completions",
                             "body", json_loads(body, 0, NULL));

    json_dumpf(list, stdout, 0);
    json_decref(list);
    free(body);
    return 0;
}

static void a_host_that_knows_no_parts_gets_the_body_whole(void **state)
{
    struct fake_turn *fake = START({"route_vision", "eyes-1"});

    (void)state;
    fake->no_parts = 1;
    good(fake, 0);
    assert_int_equal(chat(fake, QUESTION, "none"), TROUPE_OK);
    assert_int_equal(fake->requests[0].parts, 0);
    assert_non_null(strstr(fake->requests[0].body, PNG_64));
    fake_turn_free(fake);
}

static void a_large_picture_is_summed_up_in_pieces(void **state)
{
    static char large[700000] = "all of it counts";
    struct fake_turn *fake = START({"route_vision", "eyes-1"});
    struct llm_pictures pictures = {.at = {{.bytes = {large, sizeof(large)}}}, .count = 1};
    char first[LLM_DIGEST_TEXT];

    (void)state;
    assert_int_equal(llm_pictures_digest(&fake->turn, &pictures), TROUPE_OK);
    memcpy(first, pictures.at[0].digest, sizeof(first));
    large[sizeof(large) - 1] = 'x';
    assert_int_equal(llm_pictures_digest(&fake->turn, &pictures), TROUPE_OK);
    assert_string_not_equal(pictures.at[0].digest, first);
    large[sizeof(large) - 1] = '\0';
    large[300000] = 'x';
    assert_int_equal(llm_pictures_digest(&fake->turn, &pictures), TROUPE_OK);
    assert_string_not_equal(pictures.at[0].digest, first);
    large[300000] = '\0';
    assert_int_equal(llm_pictures_digest(&fake->turn, &pictures), TROUPE_OK);
    assert_string_equal(pictures.at[0].digest, first);
    fake_turn_free(fake);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_shows_pictures_its_own_way),
        cmocka_unit_test(detail_can_be_low),
        cmocka_unit_test(a_model_that_is_told_of_functions_in_words_sees_too),
        cmocka_unit_test(only_a_member_shows_pictures),
        cmocka_unit_test(a_picture_goes_to_a_model_that_sees),
        cmocka_unit_test(a_host_that_knows_no_parts_gets_the_body_whole),
        cmocka_unit_test(a_large_picture_is_summed_up_in_pieces),
        cmocka_unit_test(nobody_is_asked_where_no_model_sees),
        cmocka_unit_test(a_refusal_goes_to_the_next_and_is_remembered),
        cmocka_unit_test(the_last_that_refuses_says_why),
        cmocka_unit_test(what_a_picture_costs_is_reserved_before_it_leaves),
        cmocka_unit_test(a_picture_without_a_price_is_refused_and_never_free),
        cmocka_unit_test(what_no_provider_would_take_is_refused_with_a_sentence),
        cmocka_unit_test(their_number_and_their_sum_are_bounded),
        cmocka_unit_test(an_answer_is_kept_for_the_same_picture_only),
    };

    if (argc > 1 && strcmp(argv[1], "--requests") == 0)
        return print_requests();
    return cmocka_run_group_tests_name("llm vision", tests, NULL, NULL);
}
