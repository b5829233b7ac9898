/* SPDX-License-Identifier: Apache-2.0 */
#include "main/doctor.h"

#include "base/buf.h"
#include "main/print.h"

#include <stdarg.h>

void doctor_say(struct doctor *doctor, enum doctor_level level, const char *check,
                const char *remedy, const char *format, ...)
{
    static const char *const names[] = {"ok", "warn", "fail"};
    _cleanup_buf_ struct buf text = BUF_INIT, line = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    doctor->warned += level == DOCTOR_WARN;
    doctor->failed += level == DOCTOR_FAIL;
    json_array_append_new(doctor->lines,
                          json_pack("{s:s, s:s, s:s?, s:s?}", "level", names[level], "check", check,
                                    "text", buf_text(&text), "remedy", remedy));
    if (doctor->options->json || (doctor->options->quiet && level == DOCTOR_OK))
        return;
    buf_printf(&line, "%-4s %s: %s%s%s", names[level], check, buf_text(&text), remedy ? "; " : "",
               remedy ? remedy : "");
    print_text(stdout, buf_text(&line));
    (void)fflush(stdout); /* some checks take their time */
}
