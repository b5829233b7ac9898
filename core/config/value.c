/* SPDX-License-Identifier: Apache-2.0
 *
 * One value: text to type, and the words for what would have fitted.
 */
#include "base/mem.h"
#include "base/text.h"
#include "config/raw.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- numbers ------------------------------------------------------------------------------- */

troupe_status config_parse_money(const char *text, int64_t *ret_micros)
{
    const int64_t million = 1000000;
    int64_t whole = 0, part = 0, micros;
    const char *p = text;

    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *p - '0', &whole))
            return TROUPE_ARGUMENT;
    if (p == text)
        return TROUPE_ARGUMENT;
    if (*p == '.') {
        int decimals = 0;

        for (p++; isdigit((unsigned char)*p) && decimals < 6; p++, decimals++)
            part = part * 10 + (*p - '0');
        if (!decimals)
            return TROUPE_ARGUMENT;
        for (; decimals < 6; decimals++)
            part *= 10;
    }
    if (*p || __builtin_mul_overflow(whole, million, &micros) ||
        __builtin_add_overflow(micros, part, &micros))
        return TROUPE_ARGUMENT;
    *ret_micros = micros;
    return TROUPE_OK;
}

void config_format_money(int64_t micros, char out[32])
{
    uint64_t magnitude = micros < 0 ? -(uint64_t)micros : (uint64_t)micros;
    int n = snprintf(out, 32, "%s%" PRIu64 ".%06" PRIu64, micros < 0 ? "-" : "",
                     magnitude / 1000000, magnitude % 1000000);

    /* At least two decimals, as money is written. */
    for (int cut = 0; cut < 4 && out[n - 1] == '0'; cut++)
        out[--n] = '\0';
}

struct unit {
    const char *name;
    int64_t factor;
};

/* The largest unit that divides the number. */
static void format_units(int64_t number, const struct unit *units, char out[32])
{
    while (units->factor > 1 && (number == 0 || number % units->factor))
        units++;
    snprintf(out, 32, "%" PRId64 "%s", number / units->factor, units->name);
}

void config_format_duration(int64_t ms, char out[32])
{
    static const struct unit units[] = {
        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

    if (ms == 0)
        snprintf(out, 32, "0s");
    else
        format_units(ms, units, out);
}

void config_format_size(int64_t bytes, char out[32])
{
    static const struct unit units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}};

    format_units(bytes, units, out);
}

static bool bounded(const struct config_key *key)
{
    return key->min < key->max;
}

static bool in_range(const struct config_key *key, double number)
{
    return !bounded(key) || (number >= key->min && number <= key->max);
}

/* ---- texts --------------------------------------------------------------------------------- */

/* Index in the NULL-terminated choices, -1 when it is none. */
static int choice_index(const char *const *choices, const char *text, size_t len)
{
    for (int i = 0; choices && choices[i]; i++)
        if (strlen(choices[i]) == len && !strncasecmp(choices[i], text, len))
            return i;
    return -1;
}

const char *const *config_key_words(const struct config_key *key)
{
    return key->type == CONFIG_CHOICE || key->type == CONFIG_DURATION ? key->choices : NULL;
}

static bool is_url(const struct config_key *key, const char *text)
{
    static const char *const web[] = {"http", "https", NULL};
    const char *colon = strstr(text, "://");

    if (!colon || choice_index(key->choices ? key->choices : web, text, (size_t)(colon - text)) < 0)
        return false;
    text = colon + 3;
    if (!*text || strchr("/?#:@", *text))
        return false; /* no host */
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f || strchr("\"<>\\^`{|}", *text))
            return false;
    return true;
}

/* As Discord writes them: 64 bits, without a sign or leading zeros. */
static bool is_id(const char *text)
{
    unsigned long long number;
    size_t len = strspn(text, "0123456789");

    if (!len || text[len] || *text == '0')
        return false;
    errno = 0;
    number = strtoull(text, NULL, 10);
    return !errno && number <= UINT64_MAX;
}

/* A text of the textual types, an element of a list or the whole value; NULL when it misfits. */
static const char *read_text(struct arena *arena, const struct config_key *key, const char *dir,
                             const char *text, int64_t *number)
{
    int index;

    switch (key->type) {
    case CONFIG_PATH: {
        _cleanup_mem_ char *path = config_resolve_path(dir, text);

        return arena_strdup(arena, path);
    }
    case CONFIG_URL: return is_url(key, text) ? arena_strdup(arena, text) : NULL;
    case CONFIG_ID: return is_id(text) ? arena_strdup(arena, text) : NULL;
    case CONFIG_CHOICE:
        index = choice_index(key->choices, text, strlen(text));
        if (index < 0)
            return NULL;
        *number = index;
        return arena_strdup(arena, key->choices[index]);
    default: return arena_strdup(arena, text);
    }
}

static bool separates(char c)
{
    return c == ',' || isspace((unsigned char)c);
}

static troupe_status read_list(struct arena *arena, const struct config_key *key, const char *dir,
                               const char *text, struct config_value *value, const char **ret_bad)
{
    const char **items;
    size_t count = 0, room = 1;

    for (const char *p = text; *p; p++)
        room += separates(*p);
    items = arena_alloc(arena, room * sizeof(*items));
    while (*text) {
        size_t len = 0;
        const char *word;

        while (text[len] && !separates(text[len]))
            len++;
        if (len) {
            word = arena_strndup(arena, text, len);
            items[count] = read_text(arena, key, dir, word, &value->number);
            if (!items[count]) {
                *ret_bad = word;
                return TROUPE_ARGUMENT;
            }
            count++;
        }
        text += len + (text[len] != '\0');
    }
    value->list = (struct config_list){count, items};
    return TROUPE_OK;
}

static troupe_status read_number(const struct config_key *key, const char *text,
                                 struct config_value *value)
{
    troupe_status status = TROUPE_OK;
    bool flag = false;

    switch (key->type) {
    case CONFIG_INT: status = text_to_int(text, &value->number); break;
    case CONFIG_DURATION: status = text_to_duration(text, &value->number); break;
    case CONFIG_SIZE: status = text_to_size(text, &value->number); break;
    case CONFIG_MONEY: status = config_parse_money(text, &value->number); break;
    case CONFIG_FLOAT: status = text_to_double(text, &value->real); break;
    default:
        status = text_to_bool(text, &flag);
        value->number = flag;
        break;
    }
    if (status < 0)
        return status;
    if (!in_range(key, key->type == CONFIG_FLOAT ? value->real : (double)value->number))
        return TROUPE_ARGUMENT;
    return TROUPE_OK;
}

/* A word that stands in place of a time. */
static bool read_word(struct arena *arena, const struct config_key *key, const char *text,
                      struct config_value *value)
{
    const int index =
        key->type == CONFIG_DURATION ? choice_index(config_key_words(key), text, strlen(text)) : -1;

    if (index < 0)
        return false;
    value->number = -1 - index;
    value->text = arena_strdup(arena, key->choices[index]);
    return true;
}

static bool textual(enum config_type type)
{
    return type == CONFIG_STRING || type == CONFIG_PATH || type == CONFIG_URL ||
           type == CONFIG_ID || type == CONFIG_CHOICE;
}

troupe_status config_value_read(struct arena *arena, const struct config_key *key, const char *dir,
                                const char *text, struct config_value *value, const char **ret_bad)
{
    struct config_value read = *value;
    const char *kept;

    *ret_bad = text;
    read.text = text;
    if (key->flags & CONFIG_LIST) {
        if (read_list(arena, key, dir, text, &read, ret_bad) < 0)
            return TROUPE_ARGUMENT;
    } else if (textual(key->type)) {
        kept = read_text(arena, key, dir, text, &read.number);
        if (!kept)
            return TROUPE_ARGUMENT;
        read.text = kept;
    } else if (!read_word(arena, key, text, &read) && read_number(key, text, &read) < 0) {
        return TROUPE_ARGUMENT;
    }
    read.set = true;
    *value = read;
    return TROUPE_OK;
}

/* ---- the words for it ---------------------------------------------------------------------- */

static void put_bound(const struct config_key *key, double bound, struct buf *out)
{
    char text[32];

    switch (key->type) {
    case CONFIG_DURATION: config_format_duration((int64_t)bound, text); break;
    case CONFIG_SIZE: config_format_size((int64_t)bound, text); break;
    case CONFIG_MONEY: config_format_money((int64_t)bound, text); break;
    default: snprintf(text, sizeof(text), "%.15g", bound); break;
    }
    buf_puts(out, text);
}

static void put_choices(const char *const *choices, struct buf *out)
{
    for (int i = 0; choices && choices[i]; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
}

void config_value_expected(const struct config_key *key, struct buf *out)
{
    static const char *const web[] = {"http", "https", NULL};
    const bool list = key->flags & CONFIG_LIST;

    switch (key->type) {
    case CONFIG_INT: buf_puts(out, "an integer"); break;
    case CONFIG_FLOAT: buf_puts(out, "a number"); break;
    case CONFIG_BOOL: buf_puts(out, "yes or no"); break;
    case CONFIG_DURATION:
        put_choices(key->choices, out);
        buf_printf(out, "%sa duration like 500ms, 30s, 5m, 2h or 1d", key->choices ? ", or " : "");
        break;
    case CONFIG_SIZE: buf_puts(out, "a size like 4096, 64k, 10M or 1G"); break;
    case CONFIG_MONEY:
        buf_puts(out, "an amount in US dollars like 1.50 with at most 6 decimals");
        break;
    case CONFIG_PATH: buf_puts(out, list ? "a list of paths" : "a path"); break;
    case CONFIG_STRING: buf_puts(out, list ? "a list" : "a text"); break;
    case CONFIG_URL:
        buf_puts(out, list ? "a list of URLs with a host, by " : "a URL with a host, by ");
        put_choices(key->choices ? key->choices : web, out);
        break;
    case CONFIG_ID:
        buf_puts(out, list ? "a list of ids" : "an id");
        buf_puts(out, " in digits, as Discord's developer mode copies them");
        break;
    case CONFIG_CHOICE:
        buf_puts(out, list ? "a list of " : "");
        put_choices(key->choices, out);
        break;
    }
    if (!bounded(key) || textual(key->type))
        return;
    buf_puts(out, key->max == CONFIG_NO_MAX ? " of at least " : " from ");
    put_bound(key, key->min, out);
    if (key->max != CONFIG_NO_MAX) {
        buf_puts(out, " to ");
        put_bound(key, key->max, out);
    }
}
