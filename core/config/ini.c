/* SPDX-License-Identifier: Apache-2.0
 *
 * One text through inih. The library splits keys from values and cuts comments; it reports no line
 * numbers to the handler, keeps quiet about sections without keys, cuts names of sections at 49
 * bytes and lines at its buffer, and joins indented lines. So the reader that feeds it counts the
 * lines, takes section headers for itself, refuses what would be cut, and strips indentation.
 */
#include "base/mem.h"
#include "base/text.h"
#include "config/raw.h"

#include <ini.h>
#include <string.h>

struct ini {
    struct config_raw *raw;
    const struct raw_source *source;
    const struct ini_include *include;
    struct config_problems *problems;
    const char *at, *end;
    unsigned line;
    struct raw_section *section; /* NULL: before the first header, or below a bad one */
    bool any_section, full;
    bool entry_due; /* the line given to inih must come back as an entry */
};

/* Takes "[…]" of a line without white space around it. */
static void take_header(struct ini *ini, const char *line, size_t len)
{
    const char *close = memchr(line, ']', len), *rest;
    struct error err = {0};
    char *title;

    ini->section = NULL;
    ini->any_section = true;
    if (!close) {
        problem_at(ini->problems, ini->source, ini->line, "section header without \"]\"");
        return;
    }
    for (rest = close + 1; rest < line + len && (*rest == ' ' || *rest == '\t'); rest++)
        ;
    if (rest < line + len && *rest != ';' && *rest != '#') {
        problem_at(ini->problems, ini->source, ini->line,
                   "text behind \"]\"; put keys in lines of their own");
        return;
    }
    title = mem_strndup(line + 1, (size_t)(close - line) - 1);
    ini->section = raw_section_add(ini->raw, title, ini->source, ini->line, &err);
    mem_free(title);
    if (!ini->section) {
        problem_at(ini->problems, ini->source, ini->line, "%s", err.text);
        ini->full = ini->raw->lines > CONFIG_MAX_ENTRIES;
    }
}

/* A line that came back as no entry had no "=". */
static void settle_line(struct ini *ini)
{
    if (ini->entry_due)
        problem_at(ini->problems, ini->source, ini->line,
                   "expected KEY = VALUE, [SECTION] or a comment; a value ends with its line");
    ini->entry_due = false;
}

/* Whether the line is for inih; what is not is dealt with here. */
static bool judge_line(struct ini *ini, const char *line, size_t len, size_t room)
{
    if (!len || *line == ';' || *line == '#')
        return false;
    if (memchr(line, '\0', len) || !text_is_utf8(line, len)) {
        problem_at(ini->problems, ini->source, ini->line, "the line is not UTF-8 text");
        return false;
    }
    if (*line == '[') {
        take_header(ini, line, len);
        return false;
    }
    if (len > room) {
        problem_at(ini->problems, ini->source, ini->line,
                   "the line has %zu bytes, at most %zu are read; put a long value into a file of "
                   "its own and write ${file:PATH}",
                   len, room);
        return false;
    }
    return true;
}

/* fgets for inih: one line into `out`; its newline always fits, so nothing is ever cut. */
static char *read_line(char *out, int size, void *stream)
{
    struct ini *ini = stream;
    const char *start = ini->at, *stop;
    size_t len;

    settle_line(ini);
    if (start >= ini->end || ini->full)
        return NULL;
    stop = memchr(start, '\n', (size_t)(ini->end - start));
    ini->at = stop ? stop + 1 : ini->end;
    if (!stop)
        stop = ini->end;
    ini->line++;
    if (ini->line == 1 && stop - start >= 3 && !memcmp(start, "\xef\xbb\xbf", 3))
        start += 3; /* byte order mark */
    while (start < stop && strchr(" \t\r\f\v", *start) && *start)
        start++;
    while (stop > start && strchr(" \t\r\f\v", stop[-1]) && stop[-1])
        stop--;
    len = (size_t)(stop - start);
    if (!judge_line(ini, start, len, (size_t)size - 2))
        len = 0;
    ini->entry_due = len > 0;
    if (len)
        memcpy(out, start, len);
    memcpy(out + len, "\n", 2);
    return out;
}

static int take_entry(void *user, const char *section, const char *key, const char *value)
{
    struct ini *ini = user;
    struct error err = {0};

    (void)section; /* cut by the library; ours is whole */
    ini->entry_due = false;
    if (!ini->section) {
        if (ini->any_section) /* below a bad header, which was reported */
            return 1;
        if (!strcmp(key, "include"))
            ini->include->include(ini->include->user, ini->source, ini->line, value);
        else
            problem_at(ini->problems, ini->source, ini->line,
                       "a key stands before the first [SECTION]; only \"include\" may");
        return 1;
    }
    if (raw_entry_add(ini->raw, ini->section, key, value, ini->source, ini->line, &err) < 0) {
        problem_at(ini->problems, ini->source, ini->line, "%s", err.text);
        ini->full = ini->raw->lines > CONFIG_MAX_ENTRIES;
    }
    return 1;
}

void ini_read(struct config_raw *raw, const struct raw_source *source, const char *text, size_t len,
              const struct ini_include *include, struct config_problems *problems)
{
    struct ini ini = {.raw = raw,
                      .source = source,
                      .include = include,
                      .problems = problems,
                      .at = text,
                      .end = text + len};

    /* Its status is the first bad line, which is among the problems already. */
    ini_parse_stream(read_line, &ini, take_entry, &ini);
}
