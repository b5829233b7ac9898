/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that remembers by vectors: the message is a list of what to do, separated by ";".
 *
 *     put SCOPE KEY TEXT | find SCOPE MOST TEXT | take SCOPE KEY | axis SCOPE KEY N | near SCOPE N
 *     batch SCOPE | mistakes | sleep MS
 */
#include <troupe/troupe.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAPABILITIES
#define CAPABILITIES "vectors"
#endif

enum { DIM = 384 };

struct saying {
    char text[1000];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct saying *saying, const char *format,
                                                      ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(saying->text + saying->len, sizeof(saying->text) - saying->len, format, args);
    va_end(args);
    if (n > 0 && saying->len + (size_t)n < sizeof(saying->text))
        saying->len += (size_t)n;
}

static void say_status(struct saying *saying, troupe_turn *turn, troupe_status status,
                       const char *well)
{
    troupe_str code = {"", 0}, sentence;

    if (status >= 0) {
        say(saying, "[%s]", well);
        return;
    }
    troupe_error(turn, &code, &sentence);
    say(saying, "[%d %.*s]", status, (int)code.len, code.ptr);
}

static void say_hits(struct saying *saying, troupe_turn *turn, troupe_status status,
                     troupe_array hits)
{
    if (status < 0) {
        say_status(saying, turn, status, "");
        return;
    }
    say(saying, "[");
    for (uint32_t i = 0; i < hits.count; i++) {
        const troupe_vector_hit *hit = TROUPE_AT(hits, troupe_vector_hit, i);

        say(saying, "%s%.*s %.2f", i ? ", " : "", (int)hit->key.len, hit->key.ptr, hit->score);
    }
    say(saying, "]");
}

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

static void with_text(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key,
                      const char *text)
{
    float values[DIM];
    troupe_array hits = {NULL, 0, 0};
    troupe_status status = troupe_vectors_of_text(turn, str_of(text), values, DIM);

    if (status >= 0 && key) {
        status = troupe_vectors_put(turn, scope, key, values, DIM);
        say_status(saying, turn, status, "put");
    } else if (status >= 0) {
        status = troupe_vectors_search(turn, scope, values, DIM, 2, &hits);
        say_hits(saying, turn, status, hits);
    } else {
        say_status(saying, turn, status, "");
    }
}

static void mistakes(struct saying *saying, troupe_turn *turn)
{
    const troupe_vectors_v1 *vectors = troupe_vectors(turn);
    const float nan_value[2] = {NAN, 1}, zero[2] = {0, 0}, good[2] = {1, 0};
    troupe_array hits = {NULL, 0, 0};
    float one;

    say_status(saying, turn, vectors->put(turn, TROUPE_SCOPE_AGENT, "k", nan_value, 2), "taken");
    say_status(saying, turn, vectors->put(turn, TROUPE_SCOPE_AGENT, "k", zero, 2), "taken");
    say_status(saying, turn, vectors->put(turn, TROUPE_SCOPE_AGENT, "k", good, 0), "taken");
    say_status(saying, turn, vectors->put(turn, TROUPE_SCOPE_AGENT, "k", NULL, 2), "taken");
    say_status(saying, turn, vectors->put(turn, TROUPE_SCOPE_AGENT, "", good, 2), "taken");
    say_status(saying, turn, vectors->put(turn, TROUPE_SCOPE_AGENT, "\xff", good, 2), "taken");
    say_status(saying, turn, vectors->put(turn, 9, "k", good, 2), "taken");
    say_status(saying, turn, vectors->search(turn, TROUPE_SCOPE_AGENT, good, 2, 0, &hits), "taken");
    say_status(saying, turn, vectors->search(turn, TROUPE_SCOPE_AGENT, good, 2, 101, &hits),
               "taken");
    say_status(saying, turn, vectors->search(turn, TROUPE_SCOPE_AGENT, good, 2, 1, NULL), "taken");
    say_status(saying, turn, vectors->remove(turn, TROUPE_SCOPE_AGENT, NULL), "taken");
    say_status(saying, turn, vectors->of_text(turn, str_of("word"), &one, 5000), "taken");
    say_status(saying, turn, vectors->of_text(turn, str_of("?!"), &one, 1), "taken");
}

/* A vector along one axis, or, to look for it, near it. */
static void axis(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key, long n)
{
    float values[8] = {0};
    troupe_array hits = {NULL, 0, 0};
    troupe_status status;

    values[n % 8] = key ? 5 : 1;
    values[(n + 1) % 8] = key ? 0 : 0.5F;
    if (key) {
        say_status(saying, turn, troupe_vectors_put(turn, scope, key, values, 8), "put");
        return;
    }
    status = troupe_vectors_search(turn, scope, values, 8, 3, &hits);
    say_hits(saying, turn, status, hits);
}

static void batch(struct saying *saying, troupe_turn *turn, uint32_t scope)
{
    const float a[8] = {1}, b[8] = {0, 1};
    troupe_status status = troupe_batch_begin(turn);

    if (status >= 0)
        status = troupe_vectors_put(turn, scope, "in batch", a, 8);
    if (status >= 0)
        status = troupe_vectors_put(turn, scope, "gone", b, 8);
    if (status >= 0)
        status = troupe_vectors_remove(turn, scope, "gone");
    if (status >= 0)
        status = troupe_batch_commit(turn);
    say_status(saying, turn, status, "joined");
}

static void act(struct saying *saying, troupe_turn *turn, char *line)
{
    char *rest = line, *verb = strtok_r(line, " ", &rest);
    char *scope_text = strtok_r(NULL, " ", &rest);
    uint32_t scope = (uint32_t)strtoul(scope_text ? scope_text : "0", NULL, 10);

    if (!verb)
        return;
    if (!strcmp(verb, "put")) {
        char *key = strtok_r(NULL, " ", &rest);

        with_text(saying, turn, scope, key ? key : "", rest);
    } else if (!strcmp(verb, "find")) {
        with_text(saying, turn, scope, NULL, rest);
    } else if (!strcmp(verb, "take")) {
        say_status(saying, turn, troupe_vectors_remove(turn, scope, rest), "taken");
    } else if (!strcmp(verb, "axis")) {
        char *key = strtok_r(NULL, " ", &rest);

        axis(saying, turn, scope, key, strtol(rest, NULL, 10));
    } else if (!strcmp(verb, "near")) {
        axis(saying, turn, scope, NULL, strtol(rest, NULL, 10));
    } else if (!strcmp(verb, "batch")) {
        batch(saying, turn, scope);
    } else if (!strcmp(verb, "sleep")) {
        say_status(saying, turn, troupe_sleep(turn, scope), "slept");
    } else if (!strcmp(verb, "mistakes")) {
        mistakes(saying, turn);
    }
}

static troupe_status stage(troupe_turn *turn)
{
    troupe_str text = troupe_turn_message(turn)->content;
    struct saying saying = {{0}, 0};
    char copy[1000], *rest = copy, *line;

    if (text.len >= sizeof(copy))
        return TROUPE_NEXT;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    while ((line = strtok_r(rest, ";", &rest)))
        act(&saying, turn, line);
    if (troupe_turn_status(turn) < 0) /* put aside: it runs again */
        return TROUPE_FAILED;
    return troupe_reply(turn, "%s", saying.text);
}

TROUPE_PLUGIN("org.example.vectors", "1.0.0", "Remembers by vectors", .needs = TROUPE_VECTORS,
              .capabilities = CAPABILITIES, .stage = stage);
