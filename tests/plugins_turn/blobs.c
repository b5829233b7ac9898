/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that keeps blobs: the message is a list of what to do, separated by ";".
 *
 *     put SCOPE KEY TEXT | brief SCOPE KEY TEXT | fill SCOPE KEY BYTES | get SCOPE KEY | range SCOPE KEY OFFSET LEN
 *     through SCOPE KEY | info SCOPE KEY | list SCOPE PREFIX MOST AFTER | take SCOPE KEY | batch SCOPE
 *     mistakes | sleep MS
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAPABILITIES
#define CAPABILITIES "blobs"
#endif

enum { READ = 100000 };

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

static char pattern(uint64_t at)
{
    return (char)((at * 31 + at / 253) & 0xff);
}

static int fits(const char *data, uint64_t offset, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++)
        if (data[i] != pattern(offset + i))
            return 0;
    return 1;
}

static troupe_str str_of(const char *text)
{
    troupe_str str = {text, strlen(text)};

    return str;
}

static void fill(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key,
                 uint64_t len)
{
    char *data = malloc(len + 1);
    troupe_str bytes = {data, len};

    if (!data)
        return;
    for (uint64_t i = 0; i < len; i++)
        data[i] = pattern(i);
    say_status(saying, turn,
               troupe_blobs_put(turn, scope, key, "application/octet-stream", bytes, 0), "filled");
    free(data);
}

static void get(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key)
{
    troupe_str bytes = {NULL, 0};
    troupe_status status = troupe_blobs_get(turn, scope, key, &bytes);

    if (status < 0)
        say_status(saying, turn, status, "");
    else if (bytes.len > 100)
        say(saying, "[%llu %s]", (unsigned long long)bytes.len,
            fits(bytes.ptr, 0, bytes.len) ? "right" : "wrong");
    else
        say(saying, "[%.*s]", (int)bytes.len, bytes.ptr);
}

static void range(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key,
                  uint64_t offset, uint64_t len)
{
    char buf[100];
    uint64_t got = 0;
    troupe_status status =
        troupe_blobs_read(turn, scope, key, offset, buf, len < 100 ? len : 100, &got);

    if (status < 0)
        say_status(saying, turn, status, "");
    else
        say(saying, "[%.*s]", (int)got, buf);
}

/* All of it with little memory. */
static void through(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key)
{
    static const char *const words[] = {"wrong", "right"};
    char *buf = malloc(READ);
    uint64_t done = 0, got = 1;
    troupe_status status = TROUPE_OK;
    int right = 1;

    while (buf && status >= 0 && got) {
        status = troupe_blobs_read(turn, scope, key, done, buf, READ, &got);
        if (status >= 0) {
            right &= fits(buf, done, got);
            done += got;
        }
    }
    free(buf);
    if (status < 0)
        say_status(saying, turn, status, "");
    else
        say(saying, "[%llu %s]", (unsigned long long)done, words[right]);
}

static void info(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *key)
{
    troupe_blob blob = {.size = sizeof(blob)};
    troupe_status status = troupe_blobs_info(turn, scope, key, &blob);

    if (status < 0) {
        say_status(saying, turn, status, "");
        return;
    }
    say(saying, "[%.*s %.*s %llu %.8s", (int)blob.key.len, blob.key.ptr, (int)blob.type.len,
        blob.type.ptr, (unsigned long long)blob.bytes,
        blob.sha256.len == 64 ? blob.sha256.ptr : "");
    if (blob.created_ms <= 0 || blob.changed_ms < blob.created_ms)
        say(saying, " at no time");
    if (blob.expires_ms)
        say(saying, blob.expires_ms > blob.changed_ms ? " ends" : " ended");
    say(saying, "]");
}

static void list(struct saying *saying, troupe_turn *turn, uint32_t scope, const char *prefix,
                 uint32_t most, const char *after)
{
    troupe_array found = {NULL, 0, 0};
    troupe_status status =
        troupe_blobs_list(turn, scope, strcmp(prefix, "-") ? prefix : NULL, after, most, &found);

    if (status < 0) {
        say_status(saying, turn, status, "");
        return;
    }
    say(saying, "[");
    for (uint32_t i = 0; i < found.count; i++) {
        const troupe_blob *blob = TROUPE_AT(found, troupe_blob, i);

        say(saying, "%s%.*s %llu", i ? ", " : "", (int)blob->key.len, blob->key.ptr,
            (unsigned long long)blob->bytes);
    }
    say(saying, "]");
}

static void mistakes(struct saying *saying, troupe_turn *turn)
{
    const troupe_blobs_v1 *blobs = troupe_blobs(turn);
    const troupe_str word = str_of("word"), missing = {NULL, 4};
    troupe_blob small = {.size = 8};
    troupe_array found = {NULL, 0, 0};
    char buf[8];
    uint64_t got;

    say_status(saying, turn, blobs->put(turn, 0, "", "text/plain", word, 0), "taken");
    say_status(saying, turn, blobs->put(turn, 0, "\xff", "text/plain", word, 0), "taken");
    say_status(saying, turn, blobs->put(turn, 9, "k", "text/plain", word, 0), "taken");
    say_status(saying, turn, blobs->put(turn, 0, "k", "text", word, 0), "taken");
    say_status(saying, turn, blobs->put(turn, 0, "k", NULL, word, 0), "taken");
    say_status(saying, turn, blobs->put(turn, 0, "k", "text/plain", missing, 0), "taken");
    say_status(saying, turn, blobs->get(turn, 0, "k", NULL), "taken");
    say_status(saying, turn, blobs->get(turn, 0, NULL, NULL), "taken");
    say_status(saying, turn, blobs->read(turn, 0, "k", 0, buf, 0, &got), "taken");
    say_status(saying, turn, blobs->read(turn, 0, "k", 0, NULL, 8, &got), "taken");
    say_status(saying, turn, blobs->read(turn, 0, "k", 0, buf, TROUPE_BLOBS_READ_MAX + 1, &got),
               "taken");
    say_status(saying, turn, blobs->info(turn, 0, "k", &small), "taken");
    say_status(saying, turn, blobs->info(turn, 0, "k", NULL), "taken");
    say_status(saying, turn, blobs->list(turn, 0, "", "", 0, &found), "taken");
    say_status(saying, turn, blobs->list(turn, 0, "", "", 101, &found), "taken");
    say_status(saying, turn, blobs->list(turn, 0, "", "", 1, NULL), "taken");
    say_status(saying, turn, blobs->remove(turn, 0, NULL), "taken");
}

static void batch(struct saying *saying, troupe_turn *turn, uint32_t scope)
{
    troupe_status status = troupe_batch_begin(turn);

    if (status >= 0)
        status = troupe_blobs_put(turn, scope, "in_batch", "text/plain", str_of("word"), 0);
    say_status(saying, turn, status, "joined");
    (void)troupe_batch_commit(turn);
}

static void act(struct saying *saying, troupe_turn *turn, char *line)
{
    char *rest = line, *verb = strtok_r(line, " ", &rest);
    char *scope_text = strtok_r(NULL, " ", &rest);
    uint32_t scope = (uint32_t)strtoul(scope_text ? scope_text : "0", NULL, 10);
    char *key = strtok_r(NULL, " ", &rest);

    if (!verb)
        return;
    if (!strcmp(verb, "put")) {
        say_status(saying, turn, troupe_blobs_put(turn, scope, key, "text/plain", str_of(rest), 0),
                   "put");
    } else if (!strcmp(verb, "brief")) {
        say_status(saying, turn, troupe_blobs_put(turn, scope, key, "text/plain", str_of(rest), 1),
                   "put");
    } else if (!strcmp(verb, "fill")) {
        fill(saying, turn, scope, key, strtoull(rest, NULL, 10));
    } else if (!strcmp(verb, "get")) {
        get(saying, turn, scope, key);
    } else if (!strcmp(verb, "range")) {
        uint64_t offset = strtoull(rest, &rest, 10);

        range(saying, turn, scope, key, offset, strtoull(rest, NULL, 10));
    } else if (!strcmp(verb, "through")) {
        through(saying, turn, scope, key);
    } else if (!strcmp(verb, "info")) {
        info(saying, turn, scope, key);
    } else if (!strcmp(verb, "list")) {
        uint32_t most = (uint32_t)strtoul(rest, &rest, 10);

        list(saying, turn, scope, key, most, *rest == ' ' ? rest + 1 : NULL);
    } else if (!strcmp(verb, "take")) {
        say_status(saying, turn, troupe_blobs_remove(turn, scope, key), "taken");
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

TROUPE_PLUGIN("org.example.blobs", "1.0.0", "Keeps blobs", .needs = TROUPE_BLOBS,
              .capabilities = CAPABILITIES, .stage = stage);
