/* SPDX-License-Identifier: Apache-2.0 */
#include "json_maker.h"

#include <string.h>

static uint64_t next(struct json_maker *maker, uint64_t below)
{
    maker->state = maker->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (maker->state >> 33) % below;
}

static void add(struct json_maker *maker, const char *text)
{
    const size_t len = strlen(text);

    if (maker->len + len < JSON_MADE_MAX) {
        memcpy(maker->text + maker->len, text, len);
        maker->len += len;
    }
}

static const char *one_of(struct json_maker *maker, const char *const *all, size_t count)
{
    return all[next(maker, count)];
}

static void add_string(struct json_maker *maker)
{
    static const char *const parts[] = {"a",
                                        "word ",
                                        "\\n",
                                        "\\\"",
                                        "\\\\",
                                        "\\/",
                                        "\\t",
                                        "\\u0",
                                        "\\u00e4",
                                        "\\ud83d\\ude00",
                                        "\\b\\f\\r",
                                        "\xc3\xa4",
                                        "\xf0\x9f\x98\x80",
                                        "12345678",
                                        "0123456789abcdef0123456789abcdef",
                                        "{[,:]}",
                                        "\x7f"};

    add(maker, "\"");
    for (uint64_t n = next(maker, 6); n > 0; n--)
        add(maker, one_of(maker, parts, sizeof(parts) / sizeof(parts[0])));
    add(maker, "\"");
}

static void add_blank(struct json_maker *maker)
{
    static const char *const blanks[] = {"", "", "", " ", "\n", "\t ", "\r\n"};

    add(maker, one_of(maker, blanks, sizeof(blanks) / sizeof(blanks[0])));
}

static void add_value(struct json_maker *maker, int depth)
{
    static const char *const plain[] = {
        "0",  "7",   "-12", "123456789012345678", "true", "false", "null", "9223372036854775807",
        "-0", "1.5", "1e3", "0.000001",           "01",   "-",     "tru",  "1234567890123456789"};
    static const char *const keys[] = {"\"a\"", "\"content\"", "\"\"", "\"k\\n\"", "\"\xc3\xa4\""};
    const uint64_t kind = next(maker, depth > 5 ? 5 : 9);

    add_blank(maker);
    if (kind < 3) {
        add_string(maker);
    } else if (kind < 5) { /* the last four are seldom right */
        add(maker, plain[next(maker, next(maker, 8) ? 12 : 16)]);
    } else {
        const int is_array = kind < 7;

        add(maker, is_array ? "[" : "{");
        for (uint64_t i = 0, n = next(maker, 5); i < n; i++) {
            if (i > 0)
                add(maker, ",");
            if (!is_array) {
                add_blank(maker);
                add(maker, one_of(maker, keys, sizeof(keys) / sizeof(keys[0])));
                add_blank(maker);
                add(maker, ":");
            }
            add_value(maker, depth + 1);
        }
        add(maker, is_array ? "]" : "}");
    }
    add_blank(maker);
}

/* Some are made wrong, in one byte or at their end. */
static void spoil(struct json_maker *maker)
{
    if (maker->len == 0 || next(maker, 3) > 0)
        return;
    if (next(maker, 2) > 0)
        maker->len = (size_t)next(maker, maker->len);
    else
        maker->text[next(maker, maker->len)] = (char)next(maker, 256);
}

void json_make(struct json_maker *maker)
{
    maker->len = 0;
    add_value(maker, 0);
    spoil(maker);
}
