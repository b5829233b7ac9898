/* SPDX-License-Identifier: Apache-2.0 */
#include "store/text_read.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

/* ---- characters ---- */

static uint32_t next_char(const char *text, size_t len, size_t *at)
{
    static const uint8_t lead_bits[] = {0, 0, 0x1f, 0x0f, 0x07};
    unsigned char c = (unsigned char)text[(*at)++];
    size_t more = c >= 0xf0 && c < 0xf8 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
    uint32_t value;

    if (c < 0x80)
        return c;
    if (c < 0xc2 || c >= 0xf8 || *at + more > len)
        return 0;
    value = c & lead_bits[more + 1];
    for (size_t i = 0; i < more; i++) {
        c = (unsigned char)text[*at + i];
        if ((c & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (c & 0x3f);
    }
    *at += more;
    return value;
}

/* Small letters for capital ones, in the alphabets where a rule tells them. */
static uint32_t fold(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481))
        return c | 1;
    return c;
}

static bool is_wide(uint32_t c)
{
    return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x2e80 && c <= 0xd7ff) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

static bool in_word(uint32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    if (c == 0xd7 || c == 0xf7 || (c < 0xc0 && c != 0xaa && c != 0xb5 && c != 0xba))
        return false;
    return !(c >= 0x2000 && c <= 0x206f) && !(c >= 0x2e00 && c <= 0x2e7f) &&
           !(c >= 0x3000 && c <= 0x303f && c != 0x3005) && !(c >= 0xfe00 && c <= 0xfe0f) &&
           !(c >= 0xff01 && c <= 0xff0f);
}

/* ---- words ---- */

uint64_t text_hash_chars(uint64_t hash, const uint32_t *chars, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char bytes[] = {(char)(chars[i] & 0xff), (char)(chars[i] >> 8 & 0xff),
                              (char)(chars[i] >> 16 & 0xff)};

        hash = hash_add(hash, bytes, sizeof(bytes)); /* the same on every machine */
    }
    return hash;
}

static void end_word(struct text_reading *reading, size_t start)
{
    struct text_word *word = &reading->words[reading->word_count];
    size_t len = reading->count - start;

    if (len == 0)
        return;
    word->start = (uint32_t)start;
    word->len = (uint32_t)len;
    word->wide = is_wide(reading->chars[start]);
    word->hash = hash_finish(text_hash_chars(HASH_START, reading->chars + start, len));
    reading->word_count++;
}

void text_reading_init(struct text_reading *reading, const char *text, size_t len)
{
    size_t start = 0;

    *reading = (struct text_reading){0};
    reading->chars = mem_alloc((len + 1) * sizeof(*reading->chars));
    reading->words = mem_alloc((len + 1) * sizeof(*reading->words));

    for (size_t at = 0; at < len;) {
        uint32_t c = fold(next_char(text, len, &at));
        size_t have = reading->count - start;

        if (c == '\'' || c == 0x2019) /* "don't" and "dont" are alike */
            continue;
        if (!in_word(c) || have == TEXT_WORD_MAX ||
            (have > 0 && is_wide(c) != is_wide(reading->chars[start]))) {
            end_word(reading, start);
            start = reading->count;
        }
        if (in_word(c))
            reading->chars[reading->count++] = c;
    }
    end_word(reading, start);
}

/* Words that nearly every text has. */
bool text_word_common(const struct text_reading *reading, const struct text_word *word)
{
    static const char common[] =
        " a about all am an and any are as at be been but by can could did do does for from get "
        "got "
        "had has have he her him his how i if im in into is it its just me my no not of on or our "
        "she "
        "so that the their them then there they this to up us was we were what when where which "
        "who "
        "why will with would you your "
        "aber als am an auch auf aus bei bin bist da das dass dem den der des die du ein eine "
        "einem "
        "einen einer er es für habe hat ich ihr im in ist ja kann mein mich mir mit nach nicht "
        "noch "
        "nur oder sich sie sind so um und uns vom von war was wenn wer wie wir wird wo zu zum zur ";
    char text[2 * 8 + 3];
    size_t n = 0;

    if (word->len > 7)
        return false;
    text[n++] = ' ';
    for (size_t i = 0; i < word->len; i++) {
        uint32_t c = reading->chars[word->start + i];

        if (c >= 0x800)
            return false;
        if (c >= 0x80)
            text[n++] = (char)(0xc0 | c >> 6);
        text[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
    }
    text[n++] = ' ';
    text[n] = '\0';
    return strstr(common, text) != NULL;
}

void text_reading_clear(struct text_reading *reading)
{
    mem_free(reading->chars);
    mem_free(reading->words);
}
