/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

troupe_status error_setv(struct error *err, troupe_status status, const char *format, va_list args)
{
    if (err) {
        err->status = status;
        vsnprintf(err->text, sizeof(err->text), format, args);
    }
    return status;
}

troupe_status error_set(struct error *err, troupe_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error_setv(err, status, format, args);
    va_end(args);
    return status;
}

void error_prefix(struct error *err, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    int n;

    if (!err)
        return;
    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0 || (size_t)n + 3 >= sizeof(text))
        return;
    snprintf(text + n, sizeof(text) - (size_t)n, ": %.*s", (int)(sizeof(text) - (size_t)n - 3),
             err->text);
    memcpy(err->text, text, sizeof(text));
}

const char *status_name(troupe_status status)
{
    static const char *const names[] = {
        "ok",          "canceled", "deadline",   "failed",      "argument",    "nomem",
        "denied",      "version",  "busy",       "unsupported", "not-found",   "limit",
        "unavailable", "budget",   "maybe-done", "parked",      "interrupted", "crashed",
        "end",         "conflict", "io",         "data",        "config",
    };

    if (status == TROUPE_DONE)
        return "done";
    if (status == TROUPE_DROP)
        return "drop";
    if (status > 0 || -status >= (int)(sizeof(names) / sizeof(names[0])))
        return "unknown";
    return names[-status];
}
