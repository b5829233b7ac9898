/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that caches: the message is a list of what to do, separated by ";".
 *
 *     get SCOPE KEY | put SCOPE KEY TEXT | take SCOPE KEY | sleep MS | mistakes
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAPABILITIES
#define CAPABILITIES "cache"
#endif

#define LIFE 60000

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
    say(saying, status == TROUPE_NOT_FOUND ? "[nothing]" : "[%d %.*s]", status, (int)code.len,
        code.ptr);
}

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

static void mistakes(struct saying *saying, troupe_turn *turn)
{
    static const char large[(256 << 10) + 1];
    const troupe_str word = str_of("x"), much = {large, sizeof(large)};
    troupe_str value;

    say_status(saying, turn, troupe_cache_put(turn, 0, "", word, LIFE), "taken");
    say_status(saying, turn, troupe_cache_put(turn, 0, "\xff", word, LIFE), "taken");
    say_status(saying, turn, troupe_cache_put(turn, 9, "k", word, LIFE), "taken");
    say_status(saying, turn, troupe_cache_put(turn, 0, "k", word, 0), "taken");
    say_status(saying, turn, troupe_cache_put(turn, 0, "k", word, 86400001), "taken");
    say_status(saying, turn, troupe_cache_put(turn, 0, "k", much, LIFE), "taken");
    say_status(saying, turn, troupe_cache_get(turn, 0, "k", &value), "taken");
}

static void act(struct saying *saying, troupe_turn *turn, char *line)
{
    char *rest = line, *verb = strtok_r(line, " ", &rest);
    char *scope_text = strtok_r(NULL, " ", &rest), *key = strtok_r(NULL, " ", &rest);
    uint32_t scope = (uint32_t)strtoul(scope_text ? scope_text : "0", NULL, 10);
    troupe_str value = {"", 0};
    troupe_status status;

    if (!verb)
        return;
    if (!strcmp(verb, "put")) {
        say_status(saying, turn, troupe_cache_put(turn, scope, key, str_of(rest), LIFE), "put");
    } else if (!strcmp(verb, "get")) {
        char found[100];

        status = troupe_cache_get(turn, scope, key, &value);
        snprintf(found, sizeof(found), "%.*s", (int)value.len, value.ptr);
        say_status(saying, turn, status, found);
    } else if (!strcmp(verb, "take")) {
        say_status(saying, turn, troupe_cache_remove(turn, scope, key), "taken");
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

TROUPE_PLUGIN("org.example.cache", "1.0.0", "Caches", .needs = TROUPE_CACHE,
              .capabilities = CAPABILITIES, .stage = stage);
