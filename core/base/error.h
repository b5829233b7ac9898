/* SPDX-License-Identifier: Apache-2.0
 *
 * An error that a function hands to its caller: a status of troupe/status.h and one sentence that
 * names the remedy. Lower case, subject in quotes, no full stop. Functions take a `struct error *`
 * as their last argument, may be given NULL, and fill it only when they return a negative status.
 * The text is cut, never overrun, at ERROR_TEXT_MAX bytes.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <troupe/status.h>

#define ERROR_TEXT_MAX 768

struct error {
    troupe_status status;
    char text[ERROR_TEXT_MAX];
};

/* Fills `err` (when not NULL) and returns `status`, so that `return error_set(err, …)` reads well. */
troupe_status error_set(struct error *err, troupe_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
troupe_status error_setv(struct error *err, troupe_status status, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
/* Puts "context: " before the text that is there. */
void error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "canceled", "deadline", … : the name of a status, for logs and the trace. */
const char *status_name(troupe_status status);

#endif
