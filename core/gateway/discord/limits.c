/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/limits.h"

#include "base/json.h"
#include "net/http.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECONDS_MAX 86400.0 /* a longer wait is no rate limit any more */

/* Seconds, perhaps with a fraction, as milliseconds rounded up; false where it is no such number. */
static bool to_ms(double seconds, uint64_t *ret)
{
    if (!(seconds >= 0)) /* NaN, too */
        return false;
    *ret = (uint64_t)ceil((seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * 1000.0);
    return true;
}

static bool read_seconds(const char *text, uint64_t *ret)
{
    char *end;
    double value = strtod(text, &end);

    return end != text && *end == '\0' && to_ms(value, ret);
}

static bool read_count(const char *text, uint32_t *ret)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || *text == '-' || value > UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static enum discord_scope scope_of(const char *name)
{
    return strcasecmp(name, "user") == 0     ? DISCORD_SCOPE_USER
           : strcasecmp(name, "global") == 0 ? DISCORD_SCOPE_GLOBAL
           : strcasecmp(name, "shared") == 0 ? DISCORD_SCOPE_SHARED
                                             : DISCORD_SCOPE_NONE;
}

static void larger(struct discord_limits *limits, uint64_t ms)
{
    if (!limits->has_retry || ms > limits->retry_ms)
        limits->retry_ms = ms;
    limits->has_retry = true;
}

/* Returns whether any header of Discord's own limits was there. */
static bool read_headers(const struct http_header *headers, size_t count,
                         struct discord_limits *ret)
{
    static const char family[] = "X-RateLimit-";
    bool own = false, has_limit = false, has_remaining = false, has_reset = false;
    uint64_t ms;

    for (size_t i = 0; i < count; i++) {
        const char *name = headers[i].name, *value = headers[i].value;

        if (strcasecmp(name, "Retry-After") == 0 && read_seconds(value, &ms))
            larger(ret, ms);
        if (strncasecmp(name, family, sizeof(family) - 1) != 0)
            continue;
        own = true;
        name += sizeof(family) - 1;
        if (strcasecmp(name, "Limit") == 0)
            has_limit = read_count(value, &ret->limit);
        else if (strcasecmp(name, "Remaining") == 0)
            has_remaining = read_count(value, &ret->remaining);
        else if (strcasecmp(name, "Reset-After") == 0)
            has_reset = read_seconds(value, &ret->reset_ms);
        else if (strcasecmp(name, "Bucket") == 0 && strlen(value) < sizeof(ret->bucket))
            memcpy(ret->bucket, value, strlen(value) + 1);
        else if (strcasecmp(name, "Scope") == 0)
            ret->scope = scope_of(value);
        else if (strcasecmp(name, "Global") == 0 && strcasecmp(value, "true") == 0)
            ret->scope = DISCORD_SCOPE_GLOBAL;
    }
    ret->counted = has_limit && has_remaining && has_reset;
    return own;
}

/* Returns whether the body is one of Discord's about a limit. */
static bool read_body(const char *body, size_t len, struct discord_limits *ret)
{
    _cleanup_json_ json_t *object = NULL;
    const json_t *retry;
    int64_t code;
    uint64_t ms;

    if (len == 0 || json_parse(body, len, &object, NULL) != TROUPE_OK || !json_is_object(object))
        return false;
    code = json_get_int(object, "code", 0);
    ret->code = code > 0 && code < INT32_MAX ? (int)code : 0;
    snprintf(ret->message, sizeof(ret->message), "%s", json_get_str(object, "message", ""));
    retry = json_object_get(object, "retry_after");
    if (json_is_true(json_object_get(object, "global")))
        ret->scope = DISCORD_SCOPE_GLOBAL;
    if (!json_is_number(retry) || !to_ms(json_number_value(retry), &ms))
        return false;
    larger(ret, ms);
    return true;
}

void discord_limits_read(int status, const struct http_header *headers, size_t count,
                         const char *body, size_t len, struct discord_limits *ret)
{
    struct discord_limits limits = {.status = status};
    bool own = read_headers(headers, count, &limits);
    bool told = (status >= 400 || status == 202) && read_body(body, len, &limits);

    /* HTML, or code 0 with "You are being blocked": no word of Discord's own (issue #5810 of
     * discord-api-docs). */
    limits.cloudflare = status == 429 && !own && !told;
    *ret = limits;
}
