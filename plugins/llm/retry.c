/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include "day.h"
#include "spare.h"

#include <stdio.h>
#include <string.h>

#define FAR_AWAY_MS ((int64_t)1000 * 86400000)

/* Decimal digits with a fraction, times 1,000; -1 for anything else. No strtod: it reads the
 * locale's decimal point. */
static int64_t read_thousandths(troupe_str text)
{
    int64_t whole = 0, fraction = 0, unit = 1000;
    int in_fraction = 0;

    if (text.len == 0 || text.ptr[0] == '.')
        return -1;
    for (uint64_t i = 0; i < text.len; i++) {
        int digit = text.ptr[i] - '0';

        if (text.ptr[i] == '.' && !in_fraction) {
            in_fraction = 1;
        } else if (digit < 0 || digit > 9) {
            return -1;
        } else if (in_fraction) {
            unit /= 10; /* 0 after three digits: the rest does not matter */
            fraction += unit * digit;
        } else if (whole < FAR_AWAY_MS) {
            whole = whole * 10 + digit;
        }
    }
    return whole * 1000 + fraction;
}

static troupe_str trim(troupe_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

int64_t llm_retry_after_ms(troupe_str milliseconds)
{
    int64_t value = read_thousandths(trim(milliseconds));

    return value < 0 ? -1 : value / 1000;
}

/* The only form that servers may send. */
int64_t llm_retry_date(troupe_str text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char copy[40], month[4], day_text[40];
    const char *at;
    int day, year, hour, minute, second, n = 0;
    int64_t days;

    if (text.len >= sizeof(copy))
        return -1;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (sscanf(copy, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour,
               &minute, &second, &n) != 6 ||
        (size_t)n != text.len || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60)
        return -1;
    at = strstr(months, month);
    if (!at || strlen(month) != 3 || (at - months) % 3 != 0 || day < 1 || year < 1970)
        return -1;
    snprintf(day_text, sizeof(day_text), "%04d-%02d-%02d", year, (int)(at - months) / 3 + 1, day);
    days = llm_day(day_text);
    return days < 0 ? -1 : (days * 86400 + hour * 3600 + minute * 60 + second) * 1000;
}

int64_t llm_retry_after(troupe_str text, int64_t now_ms)
{
    int64_t value, date;

    text = trim(text);
    value = read_thousandths(text);
    if (value >= 0)
        return value;
    date = llm_retry_date(text);
    if (date < 0)
        return -1;
    return date > now_ms ? date - now_ms : 0;
}

int64_t llm_retry_told(troupe_turn *turn, const troupe_http *http)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    int64_t wait = -1;
    troupe_str value;

    if (api->header(http, "retry-after-ms", &value) == TROUPE_OK)
        wait = llm_retry_after_ms(value);
    if (wait < 0 && api->header(http, "retry-after", &value) == TROUPE_OK)
        wait = llm_retry_after(value, troupe_now(turn));
    return wait;
}

int64_t llm_retry_backoff(int64_t attempt, int64_t random)
{
    int64_t wait = LLM_RETRY_FIRST_MS;

    while (--attempt > 0 && wait < LLM_RETRY_MOST_MS)
        wait *= 2;
    return wait - wait * random / 4000;
}

int64_t llm_retry_wait(int64_t attempt, int64_t attempts, int64_t after_ms, int64_t random)
{
    const int64_t wait = llm_retry_backoff(attempt, random);

    if (attempt >= attempts || after_ms > LLM_RETRY_AFTER_MAX_MS)
        return -1;
    return after_ms > wait ? after_ms : wait;
}

troupe_status llm_retry_plan(troupe_turn *turn, int64_t attempt, int64_t attempts, int64_t after_ms,
                             int64_t *ret)
{
    const int64_t wait = llm_retry_wait(attempt, attempts, after_ms, troupe_random(turn, 1000));
    const troupe_status status = wait < 0 ? 0 : llm_spare(turn, wait + LLM_RETRY_MARGIN_MS);

    if (status < 0)
        return status;
    *ret = status > 0 ? wait : -1;
    return TROUPE_OK;
}
