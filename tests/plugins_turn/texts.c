/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that finds texts by words: the message is a list of what to do, separated by ";".
 *
 *     put SCOPE KEY TEXT | find SCOPE TEXT | both SCOPE TEXT | take SCOPE KEY | batch SCOPE | mistakes
 *     sleep MS
 */
#include <troupe/troupe.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAPABILITIES
#define CAPABILITIES "texts vectors"
#endif

enum { DIM = 384 };

struct saying {
    char text[1500];
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

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

static void find(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *text,
                 int with_vectors)
{
    troupe_text_query query = {
        .size = sizeof(query), .scope = scope, .text = str_of(text), .most = 3};
    float values[DIM];
    troupe_array hits = {NULL, 0, 0};
    troupe_status status;

    if (with_vectors && troupe_vectors_of_text(turn, query.text, values, DIM) >= 0) {
        query.values = values;
        query.count = DIM;
        query.weight = TROUPE_TEXTS_LOCAL;
    }
    status = troupe_texts_search(turn, &query, &hits);
    if (status < 0) {
        say_status(saying, turn, status, "");
        return;
    }
    say(saying, "[");
    for (uint32_t i = 0; i < hits.count; i++) {
        const troupe_text_hit *hit = TROUPE_AT(hits, troupe_text_hit, i);

        say(saying, "%s%.*s %.1f", i ? ", " : "", (int)hit->key.len, hit->key.ptr, hit->share);
        if (with_vectors && hit->likeness > 0.1)
            say(saying, " alike");
    }
    say(saying, "]");
}

static void put(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key,
                const char *text)
{
    troupe_status status = troupe_texts_put(turn, scope, key, str_of(text));
    float values[DIM];

    if (status >= 0 && strstr(CAPABILITIES, "vectors") &&
        troupe_vectors_of_text(turn, str_of(text), values, DIM) >= 0)
        status = troupe_vectors_put(turn, scope, key, values, DIM);
    say_status(saying, turn, status, "put");
}

static void mistakes(struct saying *saying, troupe_turn *turn)
{
    const troupe_texts_v1 *texts = troupe_texts(turn);
    const float good[2] = {1, 0}, zero[2] = {0, 0};
    troupe_text_query query = {.size = sizeof(query), .text = str_of("word"), .most = 1};
    troupe_array hits = {NULL, 0, 0};

    say_status(saying, turn, texts->put(turn, TROUPE_SCOPE_AGENT, "", str_of("word")), "taken");
    say_status(saying, turn, texts->put(turn, TROUPE_SCOPE_AGENT, "\xff", str_of("word")), "taken");
    say_status(saying, turn, texts->put(turn, TROUPE_SCOPE_AGENT, "k", str_of("?!")), "taken");
    say_status(saying, turn, texts->put(turn, 9, "k", str_of("word")), "taken");
    say_status(saying, turn, texts->remove(turn, TROUPE_SCOPE_AGENT, NULL), "taken");
    say_status(saying, turn, texts->search(turn, NULL, &hits), "taken");
    say_status(saying, turn, texts->search(turn, &query, NULL), "taken");
    query.most = 101;
    say_status(saying, turn, texts->search(turn, &query, &hits), "taken");
    query.most = 1;
    query.values = good;
    query.count = 2;
    say_status(saying, turn, texts->search(turn, &query, &hits), "taken");
    query.weight = NAN;
    say_status(saying, turn, texts->search(turn, &query, &hits), "taken");
    query.weight = 1;
    query.values = zero;
    say_status(saying, turn, texts->search(turn, &query, &hits), "taken");
    query.values = NULL;
    query.text = str_of("?!");
    say_status(saying, turn, texts->search(turn, &query, &hits), hits.count ? "found" : "nothing");
}

static void batch(struct saying *saying, troupe_turn *turn, uint32_t scope)
{
    troupe_status status = troupe_batch_begin(turn);

    if (status >= 0)
        status = troupe_texts_put(turn, scope, "in_batch", str_of("a walrus"));
    if (status >= 0)
        status = troupe_texts_put(turn, scope, "gone", str_of("another walrus"));
    if (status >= 0)
        status = troupe_texts_remove(turn, scope, "gone");
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

        put(saying, turn, scope, key ? key : "", rest);
    } else if (!strcmp(verb, "find") || !strcmp(verb, "both")) {
        find(saying, turn, scope, rest, verb[0] == 'b');
    } else if (!strcmp(verb, "take")) {
        say_status(saying, turn, troupe_texts_remove(turn, scope, rest), "taken");
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

TROUPE_PLUGIN("org.example.texts", "1.0.0", "Finds texts by words", .needs = TROUPE_TEXTS,
              .capabilities = CAPABILITIES, .stage = stage);
