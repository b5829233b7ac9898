/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "config/raw.h"

#include <string.h>

void config_problems_clear(struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        mem_free(problems->items[i].text);
    mem_free(problems->items);
    memset(problems, 0, sizeof(*problems));
}

void config_problems_move(struct config_problems *to, struct config_problems *from)
{
    size_t room = CONFIG_MAX_PROBLEMS - to->count;
    size_t moved = from->count < room ? from->count : room;

    to->errors += from->errors;
    to->dropped += from->dropped + (from->count - moved);
    if (moved) {
        to->items = mem_resize(to->items, to->count + moved, sizeof(*to->items));
        memcpy(&to->items[to->count], from->items, moved * sizeof(*to->items));
        to->count += moved;
    }
    for (size_t i = 0; i < moved; i++)
        from->items[i].text = NULL;
    config_problems_clear(from);
}

void problem_add(struct config_problems *problems, bool warning, const char *file, unsigned line,
                 const char *format, va_list args)
{
    struct buf text = BUF_INIT;

    if (!problems)
        return;
    if (!warning)
        problems->errors++;
    if (problems->count == CONFIG_MAX_PROBLEMS) {
        problems->dropped++;
        return;
    }
    if (file && line)
        buf_printf(&text, "%s:%u: ", file, line);
    else if (file)
        buf_printf(&text, "%s: ", file);
    buf_vprintf(&text, format, args);
    problems->items = mem_resize(problems->items, problems->count + 1, sizeof(*problems->items));
    problems->items[problems->count++] = (struct config_problem){buf_take(&text), warning};
}

troupe_status config_problem(struct config_problems *problems, const char *file, unsigned line,
                             const char *format, ...)
{
    va_list args;

    va_start(args, format);
    problem_add(problems, false, file, line, format, args);
    va_end(args);
    return TROUPE_CONFIG;
}

void config_warning(struct config_problems *problems, const char *file, unsigned line,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    problem_add(problems, true, file, line, format, args);
    va_end(args);
}

troupe_status problem_at(struct config_problems *problems, const struct raw_source *source,
                         unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    problem_add(problems, false, source ? source->name : NULL, line, format, args);
    va_end(args);
    return TROUPE_CONFIG;
}

void warning_at(struct config_problems *problems, const struct raw_source *source, unsigned line,
                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    problem_add(problems, true, source ? source->name : NULL, line, format, args);
    va_end(args);
}
