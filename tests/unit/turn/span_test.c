/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans as agents begin them, with the host's own around them; kept once through waits and restarts.
 */
#include "turn_fixture.h"

#include "plugin/isolate.h"
#include "turn/span.h"

static const char spans_ini[] = "[pipeline message]\nstages = one spans\n"
                                "[agent one]\nplugin = " LIBS "/spans_first.so\n"
                                "[agent spans]\nplugin = " LIBS "/spans.so\n";
static const char isolated_ini[] = "[pipeline message]\nstages = spans\n"
                                   "[agent spans]\nplugin = " LIBS "/spans.so\n"
                                   "isolation = process\n";
static const char actor_ini[] = "[pipeline message]\nstages = a\n"
                                "[agent a]\nplugin = " LIBS "/actor.so\n";

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, spans_ini)

/* The spans of the last turn; `ret` is to be freed. [waits] */
static json_t *spans_of(struct stage_test *t, json_t **ret)
{
    struct fixture *f = &t->base;
    uint64_t until = co_after(PATIENCE_MS);

    while (!list_empty(&t->engine->turns) && loop_now(f->loop) < until)
        co_sleep(1);
    if (turn_engine_why(t->engine, "last", ret, &f->err) < 0)
        return NULL;
    return json_object_get(json_object_get(*ret, "trace"), "spans");
}

static size_t count_of(const json_t *spans, const char *name)
{
    const json_t *span;
    size_t i, count = 0;

    json_array_foreach (json_object_get(spans, "list"), i, span)
        count += !strcmp(json_get_str(span, "name", ""), name);
    return count;
}

static const json_t *find(const json_t *spans, const char *key, const char *value)
{
    const json_t *span;
    size_t i;

    json_array_foreach (json_object_get(spans, "list"), i, span)
        if (!strcmp(json_get_str(span, key, ""), value))
            return span;
    return NULL;
}

/* "within < outer < stage spans < turn": from a span up to the turn. */
static void put_way(const json_t *spans, const char *name, char *ret, size_t size)
{
    const json_t *span = find(spans, "name", name);
    size_t len = 0;

    *ret = '\0';
    for (int depth = 0; span && depth < 20 && len < size; depth++) {
        len += (size_t)snprintf(ret + len, size - len, "%s%s", depth ? " < " : "",
                                json_get_str(span, "name", "?"));
        span = find(spans, "id", json_get_str(span, "parent", "none"));
    }
}

#define CHECK_WAY(name, want)                                                                      \
    do {                                                                                           \
        char way_[300];                                                                            \
        put_way(spans, name, way_, sizeof(way_));                                                  \
        if (strcmp(way_, (want)))                                                                  \
            fprintf(stderr, "# %s\n", way_);                                                       \
        CHECK(!strcmp(way_, (want)));                                                              \
    } while (0)

static uint64_t ns_of(const json_t *span, const char *key)
{
    return strtoull(json_get_str(span, key, "0"), NULL, 10);
}

/* Every span has ended, within its parent and its own time, with ids as OTLP has them. */
static troupe_status check_all(const json_t *spans)
{
    const char *trace = json_get_str(spans, "trace", "");
    const json_t *span;
    size_t i;

    CHECK(strlen(trace) == 32 && strspn(trace, "0123456789abcdef") == 32);
    json_array_foreach (json_object_get(spans, "list"), i, span) {
        const char *id = json_get_str(span, "id", "");
        const json_t *parent = find(spans, "id", json_get_str(span, "parent", "none"));

        CHECK(strlen(id) == 16 && strspn(id, "0123456789abcdef") == 16);
        CHECK(find(spans, "id", id) == span); /* nobody else has it */
        CHECK(ns_of(span, "start") > 1000000000000000000u);
        CHECK(ns_of(span, "end") >= ns_of(span, "start"));
        CHECK(parent || !strcmp(json_get_str(span, "name", ""), "turn"));
        if (parent)
            CHECK(ns_of(span, "start") >= ns_of(parent, "start") &&
                  ns_of(span, "end") <= ns_of(parent, "end"));
    }
    return TROUPE_OK;
}

/* ---- promises -------------------------------------------------------------------------------- */

BODY(spans_lie_within_each_other_and_the_hosts_own)
{
    struct stage_test *t = arg;
    _cleanup_json_ json_t *why = NULL;
    const json_t *spans, *attributes;

    CHECK_ANSWER("nest", "nested");
    spans = spans_of(t, &why);
    CHECK(check_all(spans) == TROUPE_OK);
    CHECK_WAY("within", "within < outer < stage spans < turn");
    CHECK_WAY("kv.put", "kv.put < within < outer < stage spans < turn");
    CHECK_WAY("deep", "deep < spans.inner < outer < stage spans < turn");
    CHECK_WAY("spans.plain", "spans.plain < outer < stage spans < turn");
    CHECK_WAY("left open", "left open < outer < stage spans < turn");
    CHECK_WAY("first", "first < stage one < turn");
    CHECK(json_get_int(find(spans, "name", "deep"), "status", 1) == TROUPE_NOT_FOUND);
    CHECK(json_get_int(find(spans, "name", "spans.inner"), "status", 1) == TROUPE_NOT_FOUND);
    CHECK(json_get_int(find(spans, "name", "within"), "status", 1) == TROUPE_OK);
    CHECK(json_get_int(find(spans, "name", "turn"), "attempt", 0) == 1);
    attributes = json_object_get(find(spans, "name", "outer"), "attributes");
    CHECK(!strcmp(json_get_str(attributes, "word", ""), "blue\n\"sky\""));
    CHECK(json_get_int(attributes, "count", 0) == -7);
    CHECK(json_is_true(json_object_get(attributes, "cached")));
    return TROUPE_OK;
}

BODY(why_shows_them_as_a_tree)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("nest", "nested");
    CHECK_TRACE(" ms  turn: ");
    CHECK_TRACE(" ms    stage spans: ");
    CHECK_TRACE(" ms      outer: ");
    CHECK_TRACE(" count=-7 cached=yes");
    CHECK_TRACE(" ms        within: ");
    CHECK_TRACE(" ms          kv.put: ");
    CHECK_TRACE(" ms        spans.inner: ");
    return TROUPE_OK;
}

BODY(children_have_spans_of_their_own)
{
    struct stage_test *t = arg;
    _cleanup_json_ json_t *why = NULL;
    const json_t *spans;

    CHECK_ANSWER("children", "joined");
    spans = spans_of(t, &why);
    CHECK_WAY("left", "left < child 0 < both < stage spans < turn");
    CHECK_WAY("right", "right < child 1 < both < stage spans < turn");
    CHECK(count_of(spans, "sleep") == 2);
    return TROUPE_OK;
}

BODY_IN(who_begins_none_has_none, actor_ini)
{
    struct stage_test *t = arg;
    _cleanup_json_ json_t *why = NULL;

    CHECK_ANSWER("who", "a 1.0.0");
    CHECK(!spans_of(t, &why));
    CHECK(why && json_object_get(why, "trace"));
    return TROUPE_OK;
}

BODY(a_turn_keeps_so_many_and_counts_the_rest)
{
    struct stage_test *t = arg;
    _cleanup_json_ json_t *why = NULL;
    const json_t *spans;

    /* Beside the turn's, two of stages and "first". */
    CHECK_ANSWER("many", "124");
    spans = spans_of(t, &why);
    CHECK(json_array_size(json_object_get(spans, "list")) == TURN_SPANS_MAX);
    CHECK(json_get_int(spans, "dropped", 0) == 76);
    return TROUPE_OK;
}

BODY(a_span_keeps_so_many_attributes_and_cuts_long_ones)
{
    struct stage_test *t = arg;
    _cleanup_json_ json_t *why = NULL;
    const json_t *spans, *attributes;

    CHECK_ANSWER("full", "16 0");
    spans = spans_of(t, &why);
    attributes = json_object_get(find(spans, "name", "full"), "attributes");
    CHECK(json_object_size(attributes) == SPAN_ATTRIBUTES);
    CHECK(strlen(json_get_str(attributes, "k0", "")) == SPAN_TEXT_MAX);
    CHECK(json_get_int(attributes, "k3", 0) == 1);
    CHECK(json_get_int(spans, "dropped", 0) == 4);
    return TROUPE_OK;
}

BODY(names_values_and_spans_that_are_none_are_refused)
{
    struct stage_test *t = arg;
    char want[80];

    snprintf(want, sizeof(want), "%d %d %d %d %d %d %d %d", TROUPE_ARGUMENT, TROUPE_ARGUMENT,
             TROUPE_ARGUMENT, TROUPE_ARGUMENT, TROUPE_ARGUMENT, TROUPE_OK, TROUPE_ARGUMENT,
             TROUPE_OK);
    CHECK_ANSWER("wrong", want);
    return TROUPE_OK;
}

static troupe_status check_once(const json_t *spans, int64_t attempt)
{
    static const char *const names[] = {"turn",   "stage one", "first", "stage spans",
                                        "before", "during",    "sleep"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (count_of(spans, names[i]) != 1)
            fprintf(stderr, "# %s: %zu\n", names[i], count_of(spans, names[i]));
        CHECK(count_of(spans, names[i]) == 1);
    }
    CHECK(check_all(spans) == TROUPE_OK);
    CHECK(json_get_int(find(spans, "name", "first"), "attempt", 0) == 1);
    CHECK(json_get_int(find(spans, "name", "during"), "attempt", 0) == attempt);
    CHECK(ns_of(find(spans, "name", "sleep"), "end") > 0);
    return TROUPE_OK;
}

/* What was open when the turn was put aside goes on, and has its whole time. */
static troupe_status parked_main(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_json_ json_t *why = NULL;
    const json_t *spans, *during;

    CHECK_ANSWER("waits", "waited");
    CHECK(ask_int(f, "SELECT attempts FROM event") == 1);
    spans = spans_of(t, &why);
    CHECK(check_once(spans, 1) == TROUPE_OK);
    during = find(spans, "name", "during");
    CHECK(ns_of(during, "end") - ns_of(during, "start") > 300000000u);
    CHECK(ns_of(find(spans, "name", "before"), "end") <= ns_of(during, "start"));
    return TROUPE_OK;
}

BODY(a_wait_that_was_put_aside_doubles_no_span)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    engine_end(t, 0);
    t->park_ms = 20;
    CHECK_STATUS(engine_start(t, spans_ini), TROUPE_OK);
    return parked_main(t);
}

/* The spans of the stage that had ended come from the record, with the ids that they had. */
BODY(a_restart_keeps_the_spans_of_stages_that_had_ended)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "waits");
    _cleanup_json_ json_t *why = NULL;
    const json_t *spans;
    char id[SPAN_ID_SIZE];

    WAIT_FOR(ask_int(f, "SELECT count(*) FROM call WHERE kind = 'kv.put'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM call WHERE path = 'spans'") == 1);
    engine_end(t, 0);
    CHECK(!is_answered(record));
    CHECK_STATUS(engine_start(t, spans_ini), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "waited"));
    spans = spans_of(t, &why);
    CHECK(check_once(spans, 2) == TROUPE_OK);
    CHECK(json_get_int(find(spans, "name", "turn"), "attempt", 0) == 1);
    CHECK_WAY("first", "first < stage one < turn");
    CHECK_WAY("during", "during < stage spans < turn");
    CHECK_TRACE(", run 2");
    snprintf(id, sizeof(id), "%s", json_get_str(find(spans, "name", "first"), "id", ""));
    CHECK(strcmp(id, json_get_str(find(spans, "name", "during"), "id", "")) != 0);
    return TROUPE_OK;
}

/* The turn begins again from its record in the next process: what was open goes on there. */
BODY_IN(a_process_that_dies_doubles_no_span, isolated_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct plugin_isolate *isolate = plugin_set_agent(t->engine->set, "spans")->isolate;
    _cleanup_json_ json_t *why = NULL;
    const json_t *spans;
    char text[40];

    WAIT_FOR(isolate->state == ISOLATE_READY);
    snprintf(text, sizeof(text), "dies %ld", (long)isolate->child->pid);
    CHECK_ANSWER(text, "lives");
    CHECK(isolate->crashes == 1);
    spans = spans_of(t, &why);
    CHECK(check_all(spans) == TROUPE_OK);
    CHECK(count_of(spans, "before") == 1 && count_of(spans, "during") == 1);
    CHECK(count_of(spans, "kv.put") == 1 && count_of(spans, "stage spans") == 1);
    CHECK_WAY("during", "during < stage spans < turn");
    CHECK(json_get_int(find(spans, "name", "during"), "attempt", 0) == 1);
    CHECK_TRACE("its process died");
    return TROUPE_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void what_is_no_list_of_spans_is_left_out(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"trace\":\"12\",\"list\":[{\"id\":\"1\"}]}",
        ("{\"trace\":\"0123456789abcdef0123456789abcdef\",\"list\":[1,{},{\"id\":\"0\"},"
         "{\"id\":\"1\",\"kind\":\"none\"}]}"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        _cleanup_json_ json_t *json = NULL;
        struct turn_trace trace;
        struct buf out = BUF_INIT;

        assert_status(json_parse(texts[i], strlen(texts[i]), &json, NULL), TROUPE_OK);
        turn_trace_init(&trace);
        turn_spans_read(&trace, json);
        assert_true(!trace.spans || !trace.spans->count);
        turn_spans_show(json, &out);
        buf_clear(&out);
        turn_trace_clear(&trace);
    }
}

static void a_list_that_was_read_twice_is_there_once(void **state)
{
    static const char text[] =
        "{\"trace\":\"0123456789abcdef0123456789abcdef\",\"list\":["
        "{\"id\":\"0000000000000001\",\"name\":\"turn\",\"kind\":\"turn\",\"at\":\"\",\"attempt\":"
        "1,"
        "\"start\":\"1700000000000000000\"},"
        "{\"id\":\"0000000000000003\",\"parent\":\"0000000000000001\",\"name\":\"a\","
        "\"kind\":\"agent\",\"at\":\"s 0:0\",\"attempt\":2,\"start\":\"1700000000000000001\","
        "\"end\":\"1700000000000000009\",\"status\":-3,\"attributes\":{\"k\":true}}],\"dropped\":"
        "2}";
    _cleanup_json_ json_t *json = NULL;
    struct turn_trace trace;
    struct buf out = BUF_INIT;

    (void)state;
    assert_status(json_parse(text, strlen(text), &json, NULL), TROUPE_OK);
    turn_trace_init(&trace);
    turn_spans_read(&trace, json);
    turn_spans_read(&trace, json);
    turn_spans_print(trace.spans, NULL, &out);
    assert_string_equal(buf_text(&out), text);
    buf_reset(&out);
    turn_spans_print(trace.spans, "t", &out); /* another stage's: the turn's own alone */
    assert_null(strstr(buf_text(&out), "\"name\":\"a\""));
    assert_non_null(strstr(buf_text(&out), "\"name\":\"turn\""));
    buf_clear(&out);
    turn_trace_clear(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_lie_within_each_other_and_the_hosts_own),
        cmocka_unit_test(why_shows_them_as_a_tree),
        cmocka_unit_test(children_have_spans_of_their_own),
        cmocka_unit_test(who_begins_none_has_none),
        cmocka_unit_test(a_turn_keeps_so_many_and_counts_the_rest),
        cmocka_unit_test(a_span_keeps_so_many_attributes_and_cuts_long_ones),
        cmocka_unit_test(names_values_and_spans_that_are_none_are_refused),
        cmocka_unit_test(a_wait_that_was_put_aside_doubles_no_span),
        cmocka_unit_test(a_restart_keeps_the_spans_of_stages_that_had_ended),
        cmocka_unit_test(a_process_that_dies_doubles_no_span),
        cmocka_unit_test(what_is_no_list_of_spans_is_left_out),
        cmocka_unit_test(a_list_that_was_read_twice_is_there_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
