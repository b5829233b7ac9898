/* SPDX-License-Identifier: Apache-2.0 */
#include "allowance.h"

#include "day.h"
#include "retry.h"

#include <string.h>

#define NUMBER_DIGITS 15
#define MINUTE_MS     INT64_C(60000)
#define EPOCH_SECONDS INT64_C(1000000000)    /* a plain number from here on is a time …  */
#define EPOCH_MS      INT64_C(1000000000000) /* … and from here on one in milliseconds */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The next number, in thousandths; -1 where there is none. */
static int64_t take_number(troupe_str *text)
{
    int64_t value = 0, fraction = 0, unit = 1000;
    uint64_t i = 0;

    for (; i < text->len && is_digit(text->ptr[i]); i++) {
        if (i == NUMBER_DIGITS)
            return -1;
        value = value * 10 + (text->ptr[i] - '0');
    }
    if (i == 0)
        return -1;
    if (i < text->len && text->ptr[i] == '.')
        for (i++; i < text->len && is_digit(text->ptr[i]); i++) {
            unit /= 10;
            fraction += unit * (text->ptr[i] - '0');
        }
    text->ptr += i;
    text->len -= i;
    return value * 1000 + fraction;
}

/* Microseconds of the unit that is next, at least one; 0 where there is none. */
static int64_t take_unit(troupe_str *text)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"ms", 1000},     {"us", 1},
                 {"\xc2\xb5s", 1}, /* the micro sign */
                 {"ns", 1},        {"h", INT64_C(3600000000)},
                 {"m", 60000000},  {"s", 1000000}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const size_t len = strlen(units[i].name);

        if (text->len < len || memcmp(text->ptr, units[i].name, len) != 0)
            continue;
        text->ptr += len;
        text->len -= len;
        return units[i].us;
    }
    return 0;
}

/* Two digits; -1 for anything else. */
static int two(const char *at)
{
    return is_digit(at[0]) && is_digit(at[1]) ? (at[0] - '0') * 10 + at[1] - '0' : -1;
}

/* "2026-11-20T07:28:00Z", also with a fraction or "+01:00". Milliseconds since 1970, -1 for anything else. */
static int64_t read_rfc3339(troupe_str text)
{
    char day[11];
    int64_t days, ms = 0;
    int hour, minute, second, sign, zone_hour, zone_minute;
    uint64_t at = 19;

    if (text.len < 20 || (text.ptr[10] != 'T' && text.ptr[10] != 't' && text.ptr[10] != ' ') ||
        text.ptr[13] != ':' || text.ptr[16] != ':')
        return -1;
    memcpy(day, text.ptr, 10);
    day[10] = 0;
    days = llm_day(day);
    hour = two(text.ptr + 11);
    minute = two(text.ptr + 14);
    second = two(text.ptr + 17);
    if (days < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    if (text.ptr[at] == '.')
        for (int64_t unit = 100; ++at < text.len && is_digit(text.ptr[at]); unit /= 10)
            ms += unit * (text.ptr[at] - '0');
    ms += (days * 86400 + hour * 3600 + minute * 60 + second) * 1000;
    if (at + 1 == text.len && (text.ptr[at] == 'Z' || text.ptr[at] == 'z'))
        return ms;
    if (at + 6 != text.len || (text.ptr[at] != '+' && text.ptr[at] != '-') ||
        text.ptr[at + 3] != ':')
        return -1;
    sign = text.ptr[at] == '+' ? 1 : -1;
    zone_hour = two(text.ptr + at + 1);
    zone_minute = two(text.ptr + at + 4);
    if (zone_hour < 0 || zone_hour > 23 || zone_minute < 0 || zone_minute > 59)
        return -1;
    return ms - sign * (zone_hour * 60 + zone_minute) * INT64_C(60000);
}

static int64_t from(int64_t time_ms, int64_t now_ms)
{
    return time_ms > now_ms ? time_ms - now_ms : 0;
}

/* Seconds, or when it will be since 1970. */
static int64_t read_plain(int64_t thousandths, int64_t now_ms)
{
    const int64_t value = thousandths / 1000;

    return value >= EPOCH_MS        ? from(value, now_ms)
           : value >= EPOCH_SECONDS ? from(thousandths, now_ms)
                                    : thousandths;
}

int64_t llm_allowed_reset(troupe_str text, int64_t now_ms)
{
    int64_t sum_ns = 0;

    if (text.len > 4 && text.ptr[4] == '-') {
        const int64_t time_ms = read_rfc3339(text);

        return time_ms < 0 ? -1 : from(time_ms, now_ms);
    }
    do {
        int64_t value = take_number(&text), unit;

        if (value < 0)
            return -1;
        if (text.len == 0 && sum_ns == 0)
            return read_plain(value, now_ms);
        unit = take_unit(&text);
        if (unit == 0)
            return -1;
        if (__builtin_mul_overflow(value, unit, &value) ||
            __builtin_add_overflow(sum_ns, value, &sum_ns))
            return INT64_MAX;
    } while (text.len > 0);
    return sum_ns / 1000000 + (sum_ns % 1000000 > 0);
}

/* ---- headers -----------------------------------------------------------------------------------*/

struct names {
    const char *left, *reset, *most;
};

/* A whole number; -1 for anything else. */
static int64_t read_count(troupe_str text)
{
    const int64_t value = take_number(&text);

    return value < 0 || text.len > 0 ? -1 : value / 1000;
}

/* The answer's own clock: ours may be wrong, and an answer that a restart gave again is of then. */
static int64_t clock_of(const troupe_http_v1 *api, const troupe_http *http, int64_t now_ms)
{
    troupe_str date;
    int64_t ms;

    if (api->header(http, "date", &date) != TROUPE_OK)
        return now_ms;
    ms = llm_retry_date(date);
    return ms < 0 ? now_ms : ms;
}

/* What comes back in a minute, of so much in all; 0 where that cannot be read. */
static uint32_t gain_of(const troupe_http_v1 *api, const troupe_http *http, const char *most,
                        int64_t left, int64_t reset)
{
    troupe_str text;
    int64_t all = -1, gain;

    if (api->header(http, most, &text) == TROUPE_OK)
        all = read_count(text);
    if (all <= left || reset <= 0 || __builtin_mul_overflow(all - left, MINUTE_MS, &gain))
        return 0;
    gain /= reset;
    return gain < UINT32_MAX ? (uint32_t)gain : UINT32_MAX;
}

/* 0: nothing that can be read is said. */
static int read_one(const troupe_http_v1 *api, const troupe_http *http, const struct names *names,
                    int64_t now_ms, int kind, struct llm_allowed *ret)
{
    troupe_str text;
    int64_t left, reset;

    if (!names->left || api->header(http, names->left, &text) != TROUPE_OK)
        return 0;
    left = read_count(text);
    if (left < 0 || api->header(http, names->reset, &text) != TROUPE_OK)
        return 0;
    /* Only a time wants a clock, and that wants one more header. */
    reset = llm_allowed_reset(text, 0);
    if (reset >= EPOCH_SECONDS)
        reset = llm_allowed_reset(text, clock_of(api, http, now_ms));
    if (reset < 0 || (reset == 0 && left == 0))
        return 0;
    ret->left[kind] = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
    ret->gain[kind] = gain_of(api, http, names->most, left, reset);
    ret->reset_ms[kind] = reset == 0                      ? 1 /* what was known before is over */
                          : reset < LLM_ALLOWANCE_MOST_MS ? (uint32_t)reset
                                                          : (uint32_t)LLM_ALLOWANCE_MOST_MS;
    return 1;
}

#define OPENAI(of)                                                                                 \
    {                                                                                              \
        "x-ratelimit-remaining" of, "x-ratelimit-reset" of, "x-ratelimit-limit" of                 \
    }
#define ANTHROPIC(of)                                                                              \
    {                                                                                              \
        "anthropic-ratelimit-" of "-remaining", "anthropic-ratelimit-" of "-reset",                \
            "anthropic-ratelimit-" of "-limit"                                                     \
    }

void llm_allowed_read(const troupe_http_v1 *api, const troupe_http *http, enum llm_format format,
                      int64_t now_ms, struct llm_allowed *ret)
{
    static const struct names openai[LLM_ALLOWED_KINDS] = {
        [LLM_ALLOWED_REQUESTS] = OPENAI("-requests"), [LLM_ALLOWED_TOKENS] = OPENAI("-tokens")};
    static const struct names anthropic[LLM_ALLOWED_KINDS] = {
        [LLM_ALLOWED_REQUESTS] = ANTHROPIC("requests"),
        [LLM_ALLOWED_TOKENS] = ANTHROPIC("tokens"),
        [LLM_ALLOWED_INPUT] = ANTHROPIC("input-tokens"),
        [LLM_ALLOWED_OUTPUT] = ANTHROPIC("output-tokens")};
    static const struct names plain = OPENAI("");
    const struct names *names = format == LLM_FORMAT_ANTHROPIC ? anthropic : openai;
    int any = 0;

    *ret = (struct llm_allowed){.at_ms = now_ms};
    if (format == LLM_FORMAT_OLLAMA)
        return;
    for (int i = 0; i < LLM_ALLOWED_KINDS; i++)
        any |= read_one(api, http, &names[i], now_ms, i, ret);
    if (!any && names == openai)
        (void)read_one(api, http, &plain, now_ms, LLM_ALLOWED_REQUESTS, ret);
}

/* ---- what is known -----------------------------------------------------------------------------*/

/* What a call takes of each. Of output no provider counts more than what came, so anything left will do. */
static int64_t want(const struct llm_need *need, int kind)
{
    switch (kind) {
    case LLM_ALLOWED_TOKENS: return llm_need_sum(need);
    case LLM_ALLOWED_INPUT: return llm_need_sum(&(struct llm_need){.input = need->input});
    default: return 1;
    }
}

/* Headers of an answer are noted at its end, and once more where its turn runs again. */
static int is_outdated(const struct llm_allowance *allowance, int kind, int64_t at_ms)
{
    const int64_t behind = allowance->since[kind] - at_ms;

    return behind > 0 && behind <= LLM_ALLOWANCE_MOST_MS; /* else the clock was set back */
}

void llm_allowance_note(struct llm_allowance *allowance, const struct llm_allowed *allowed,
                        int answered, int64_t retry_after_ms)
{
    int told = 0;

    for (int i = 0; i < LLM_ALLOWED_KINDS; i++)
        told |= allowed->reset_ms[i] > 0;
    for (int i = 0; i < LLM_ALLOWED_KINDS; i++) {
        const int64_t reset = allowed->reset_ms[i];

        if ((reset == 0 && (told || !answered)) || is_outdated(allowance, i, allowed->at_ms))
            continue;
        allowance->left[i] = allowed->left[i];
        allowance->gain[i] = allowed->gain[i];
        allowance->since[i] = allowed->at_ms;
        allowance->until[i] =
            reset == 0
                ? 0
                : allowed->at_ms +
                      (retry_after_ms >= 0 && retry_after_ms < reset ? retry_after_ms : reset);
    }
}

void llm_allowance_take(struct llm_allowance *allowance, const struct llm_need *need,
                        int64_t now_ms)
{
    for (int i = 0; i < LLM_ALLOWED_KINDS; i++)
        if (allowance->until[i] > now_ms && allowance->left[i] > -(int64_t)UINT32_MAX)
            allowance->left[i] -= want(need, i);
}

void llm_allowance_give_back(struct llm_allowance *allowance, const struct llm_need *need,
                             int64_t at_ms)
{
    for (int i = 0; i < LLM_ALLOWED_KINDS; i++)
        if (allowance->until[i] > at_ms && allowance->since[i] <= at_ms)
            allowance->left[i] += want(need, i);
}

/* Until so much should be back, at the latest at the reset. */
static int64_t refill_wait(const struct llm_allowance *allowance, int kind, int64_t wanted,
                           int64_t now_ms)
{
    const int64_t reset = allowance->until[kind] - now_ms, gain = allowance->gain[kind];
    const int64_t age = now_ms - allowance->since[kind];
    int64_t wait;

    if (gain == 0 || age < 0)
        return reset;
    /* No more than an hour, of 32 bits a minute. */
    wait = ((wanted - allowance->left[kind]) * MINUTE_MS - gain * age) / gain + 1;
    return wait < 0 ? 0 : wait < reset ? wait : reset;
}

int64_t llm_allowance_wait(const struct llm_allowance *allowance, const struct llm_need *need,
                           int64_t now_ms)
{
    int64_t wait = 0;

    for (int i = 0; i < LLM_ALLOWED_KINDS; i++) {
        const int64_t wanted = want(need, i);
        int64_t one = allowance->until[i] - now_ms;

        if (one <= wait || (allowance->left[i] > 0 && allowance->left[i] >= wanted))
            continue;
        if (one > LLM_ALLOWANCE_MOST_MS) /* the clock was set back */
            continue;
        if (need->refilled)
            one = refill_wait(allowance, i, wanted > 0 ? wanted : 1, now_ms);
        if (one > wait)
            wait = one;
    }
    return wait;
}
