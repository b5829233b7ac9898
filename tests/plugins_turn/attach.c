/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that attaches files: the message is a list of what to do, separated by ";".
 *
 *     file NAME TYPE BYTES [ALT] | twice NAME | say TEXT | write TEXT | sleep MS | mistakes | many | fail
 *     drop
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAPABILITIES
#define CAPABILITIES "attach"
#endif

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

static void say_status(struct saying *saying, troupe_turn *turn, troupe_status status)
{
    troupe_str code = {"", 0}, sentence;

    if (status >= 0)
        return;
    troupe_error(turn, &code, &sentence);
    say(saying, "[%d %.*s]", status, (int)code.len, code.ptr);
}

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

/* Its bytes count up, so that a part that is missing or twice would show. */
static troupe_status attach(troupe_turn *turn, const char *name, const char *type, size_t bytes,
                            const char *alt)
{
    troupe_new_file file = {.size = sizeof(file), .name = str_of(name), .type = str_of(type)};
    unsigned char *data = malloc(bytes + 1);
    troupe_status status;

    if (!data)
        return TROUPE_NOMEM;
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)(i ^ i >> 8 ^ i >> 16);
    file.alt = str_of(alt ? alt : "");
    file.data = (troupe_str){(const char *)data, bytes};
    status = troupe_attach(turn, &file);
    free(data);
    return status;
}

static void mistakes(struct saying *saying, troupe_turn *turn)
{
    static const char *const names[] = {"",    "../a", ".a",   "a.",   "a b",
                                        "a/b", "a..b", "a\"b", "\xc3", "a\r\nb"};
    static const char *const types[] = {"", "png", "image/", "/png", "image/png; x", "a/b/c"};
    char alt[1100];
    const troupe_attach_v1 *table =
        (const troupe_attach_v1 *)troupe_get_extension(turn, TROUPE_ATTACH);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        say_status(saying, turn, attach(turn, names[i], "image/png", 1, NULL));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        say_status(saying, turn, attach(turn, "a.png", types[i], 1, NULL));
    memset(alt, 'x', sizeof(alt) - 1);
    alt[sizeof(alt) - 1] = '\0';
    say_status(saying, turn, attach(turn, "a.png", "image/png", 1, alt));
    say_status(saying, turn, attach(turn, "a.png", "image/png", 1, "\xff"));
    say_status(saying, turn, attach(turn, "a.png", "image/png", 0, NULL));
    say_status(saying, turn, attach(turn, "a.png", "image/png", TROUPE_ATTACH_FILE_MAX + 1, NULL));
    say_status(saying, turn, table->attach(turn, NULL));
    if (troupe_batch_begin(turn) >= 0) {
        say_status(saying, turn, attach(turn, "a.png", "image/png", 1, NULL));
        (void)troupe_batch_commit(turn);
    }
    say(saying, "done");
}

static void many(struct saying *saying, troupe_turn *turn)
{
    char name[16];

    for (unsigned i = 0; i <= TROUPE_ATTACH_FILES_MAX; i++) {
        snprintf(name, sizeof(name), "%u.bin", i);
        say_status(saying, turn, attach(turn, name, "application/octet-stream", i + 1, NULL));
    }
    say(saying, "done");
}

static troupe_status act(struct saying *saying, troupe_turn *turn, char *line)
{
    char *rest = line, *verb = strtok_r(line, " ", &rest);

    if (!verb)
        return TROUPE_OK;
    if (!strcmp(verb, "file")) {
        char *name = strtok_r(NULL, " ", &rest), *type = strtok_r(NULL, " ", &rest);
        char *bytes = strtok_r(NULL, " ", &rest);

        say_status(saying, turn,
                   attach(turn, name ? name : "", type ? type : "",
                          strtoul(bytes ? bytes : "1", NULL, 10), rest));
    } else if (!strcmp(verb, "say")) {
        say(saying, "%s", rest);
    } else if (!strcmp(verb, "write")) {
        return troupe_write(turn, rest, strlen(rest));
    } else if (!strcmp(verb, "sleep")) {
        return troupe_sleep(turn, strtoul(rest, NULL, 10));
    } else if (!strcmp(verb, "mistakes")) {
        mistakes(saying, turn);
    } else if (!strcmp(verb, "many")) {
        many(saying, turn);
    } else if (!strcmp(verb, "fail")) {
        return troupe_fail(turn, TROUPE_FAILED, "test.failed", "It does not work.");
    } else if (!strcmp(verb, "drop")) {
        return TROUPE_DROP;
    }
    return TROUPE_OK;
}

static troupe_status run(troupe_turn *turn, troupe_str text, struct saying *saying)
{
    char copy[1000], *rest = copy, *line;
    troupe_status status = TROUPE_OK;

    if (text.len >= sizeof(copy))
        return TROUPE_NEXT;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    while (status == TROUPE_OK && (line = strtok_r(rest, ";", &rest)))
        status = act(saying, turn, line);
    return status;
}

TROUPE_FUNCTION(sketch, "Draws something", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_STRING(what, "What to do", .max = 900))
static troupe_status sketch(troupe_turn *turn, troupe_str what)
{
    struct saying saying = {{0}, 0};
    troupe_status status = run(turn, what, &saying);

    return status < 0 ? status : troupe_reply(turn, "%s", saying.text);
}

static troupe_status stage(troupe_turn *turn)
{
    struct saying saying = {{0}, 0};
    troupe_status status = run(turn, troupe_turn_message(turn)->content, &saying);

    if (status != TROUPE_OK)
        return status;
    return saying.len ? troupe_reply(turn, "%s", saying.text) : TROUPE_DONE;
}

TROUPE_PLUGIN("org.example.attach", "1.0.0", "Attaches files", .needs = TROUPE_ATTACH,
              .capabilities = CAPABILITIES, .stage = stage, .functions = TROUPE_LIST(sketch));
