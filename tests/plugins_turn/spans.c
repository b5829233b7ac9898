/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that says what takes its time: the message is what it does.
 */
#include <troupe/troupe.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

static int is(troupe_str text, const char *word)
{
    return text.len == strlen(word) && !memcmp(text.ptr, word, text.len);
}

TROUPE_FUNCTION(inner, "Has a span of its own", TROUPE_TOOL)
static troupe_status inner(troupe_turn *turn)
{
    troupe_span span = troupe_span_begin(turn, "deep");

    return troupe_span_end(turn, span, troupe_fail(turn, TROUPE_NOT_FOUND, "no", "there is none"));
}

TROUPE_FUNCTION(plain, "Has none", TROUPE_TOOL)
static troupe_status plain(troupe_turn *turn)
{
    return troupe_reply(turn, "well");
}

static troupe_status nest(troupe_turn *turn)
{
    troupe_span outer = troupe_span_begin(turn, "outer"), within;
    troupe_status status;

    troupe_span_text(turn, outer, "word", "blue\n\"sky\"");
    troupe_span_int(turn, outer, "count", 1);
    troupe_span_int(turn, outer, "count", -7);
    troupe_span_bool(turn, outer, "cached", 2);
    within = troupe_span_begin(turn, "within");
    status = troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "key", str_of("value"), 0);
    troupe_span_end(turn, within, status);
    (void)troupe_call(turn, "spans.inner", str_of("{}"), NULL);
    (void)troupe_call(turn, "spans.plain", str_of("{}"), NULL);
    (void)troupe_span_begin(turn, "left open");
    troupe_span_end(turn, outer, TROUPE_OK);
    return troupe_reply(turn, "nested");
}

static troupe_status many(troupe_turn *turn)
{
    int kept = 0;

    for (int i = 0; i < 200; i++) {
        troupe_span span = troupe_span_begin(turn, "one of many");

        kept += span != 0;
        troupe_span_end(turn, span, TROUPE_OK);
    }
    return troupe_reply(turn, "%d", kept);
}

static troupe_status full(troupe_turn *turn)
{
    troupe_span span = troupe_span_begin(turn, "full");
    char key[16], text[300];
    int kept = 0;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        kept += troupe_span_text(turn, span, key, text) == TROUPE_OK;
    }
    return troupe_reply(turn, "%d %d", kept, troupe_span_int(turn, span, "k3", 1));
}

static troupe_status wrong(troupe_turn *turn)
{
    const troupe_trace_v1 *trace = troupe_trace_of(turn);
    const troupe_value number = {.type = TROUPE_TYPE_FLOAT, .u.f = 1};
    troupe_span outer = 0, within = 0, none = 0;
    int got[8];

    trace->begin(turn, "outer", &outer);
    trace->begin(turn, "within", &within);
    got[0] = trace->begin(turn, "a\nb", &none);
    got[1] = trace->begin(turn, "", &none);
    got[2] = trace->set(turn, outer, "k", &number);
    got[3] = troupe_span_text(turn, outer, "\x7f", "x");
    got[4] = troupe_span_int(turn, 99, "k", 1);
    got[5] = trace->end(turn, outer, TROUPE_OK);
    got[6] = trace->end(turn, within, TROUPE_OK);
    got[7] = troupe_span_int(turn, 0, "k", 1);
    return troupe_reply(turn, "%d %d %d %d %d %d %d %d", got[0], got[1], got[2], got[3], got[4],
                        got[5], got[6], got[7]);
}

static troupe_status beside(troupe_turn *turn, void *arg)
{
    troupe_span span = troupe_span_begin(turn, arg);

    return troupe_span_end(turn, span, troupe_sleep(turn, 1));
}

static troupe_status children(troupe_turn *turn)
{
    static const char *const names[] = {"left", "right"};
    troupe_span span = troupe_span_begin(turn, "both");
    troupe_task *tasks[2];

    for (int i = 0; i < 2; i++)
        if (troupe_spawn(turn, beside, (void *)(uintptr_t)names[i], &tasks[i]) < 0)
            return TROUPE_FAILED;
    for (int i = 0; i < 2; i++)
        if (troupe_join(turn, tasks[i]) < 0)
            return TROUPE_FAILED;
    return troupe_span_end(turn, span, troupe_reply(turn, "joined"));
}

/* Ends a span, and waits within another one. */
static troupe_status waits(troupe_turn *turn)
{
    troupe_span before = troupe_span_begin(turn, "before"), during;
    troupe_status status = troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "was", str_of("here"), 0);

    troupe_span_end(turn, before, status);
    during = troupe_span_begin(turn, "during");
    status = troupe_span_end(turn, during, troupe_sleep(turn, 400));
    return status < 0 ? status : troupe_reply(turn, "waited");
}

/* Where it is that process, it dies within a span, after an effect. */
static troupe_status dies(troupe_turn *turn, long pid)
{
    troupe_span before = troupe_span_begin(turn, "before"), during;
    troupe_status status = troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "was", str_of("here"), 0);

    troupe_span_end(turn, before, status);
    during = troupe_span_begin(turn, "during");
    troupe_span_int(turn, during, "tries", 1);
    if (getpid() == pid)
        abort();
    return troupe_span_end(turn, during, troupe_reply(turn, "lives"));
}

static troupe_status stage(troupe_turn *turn)
{
    troupe_str text = troupe_turn_message(turn)->content;

    if (is(text, "nest"))
        return nest(turn);
    if (is(text, "many"))
        return many(turn);
    if (is(text, "full"))
        return full(turn);
    if (is(text, "wrong"))
        return wrong(turn);
    if (is(text, "children"))
        return children(turn);
    if (is(text, "waits"))
        return waits(turn);
    if (text.len > 5 && !memcmp(text.ptr, "dies ", 5))
        return dies(turn, strtol(text.ptr + 5, NULL, 10));
    return troupe_reply(turn, "nothing");
}

TROUPE_PLUGIN("org.example.spans", "1.0.0", "Says what takes its time",
              .functions = TROUPE_LIST(inner, plain), .capabilities = "kv", .stage = stage);
