/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/code.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define INDENT_MAX 3 /* CommonMark 0.31, 4.5 */
#define FENCE_MIN  3

/* A line that opens a block: its mark, how many, and the words behind them. */
struct fence {
    char mark;
    size_t count;
    const char *info;
    size_t info_len;
};

/* The text up to the end of the line at `p`, without it. */
static size_t line_len(const char *p, const char *end)
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));

    return newline ? (size_t)(newline - p) : (size_t)(end - p);
}

static bool read_fence(const char *line, size_t len, struct fence *ret)
{
    size_t at = 0, count = 0;

    while (at < len && at < INDENT_MAX && line[at] == ' ')
        at++;
    if (at == len || (line[at] != '`' && line[at] != '~'))
        return false;
    while (at + count < len && line[at + count] == line[at])
        count++;
    *ret = (struct fence){line[at], count, line + at + count, len - at - count};
    return count >= FENCE_MIN && !(ret->mark == '`' && memchr(ret->info, '`', ret->info_len));
}

static bool closes(const char *line, size_t len, const struct fence *open)
{
    struct fence fence;

    if (!read_fence(line, len, &fence) || fence.mark != open->mark || fence.count < open->count)
        return false;
    for (size_t i = 0; i < fence.info_len; i++)
        if (!isspace((unsigned char)fence.info[i]))
            return false;
    return true;
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *ending_of(const char *language)
{
    static const struct {
        const char *language, *ending;
    } known[] = {
        {"bash", "sh"},       {"c++", "cpp"},       {"csharp", "cs"}, {"css", "css"},
        {"diff", "diff"},     {"go", "go"},         {"html", "html"}, {"java", "java"},
        {"js", "js"},         {"javascript", "js"}, {"json", "json"}, {"kotlin", "kt"},
        {"lua", "lua"},       {"markdown", "md"},   {"md", "md"},     {"perl", "pl"},
        {"php", "php"},       {"py", "py"},         {"python", "py"}, {"ruby", "rb"},
        {"rust", "rs"},       {"rs", "rs"},         {"sh", "sh"},     {"shell", "sh"},
        {"sql", "sql"},       {"swift", "swift"},   {"toml", "toml"}, {"ts", "ts"},
        {"typescript", "ts"}, {"xml", "xml"},       {"yaml", "yaml"}, {"yml", "yaml"},
        {"c", "c"},           {"h", "h"},           {"cpp", "cpp"},   {"cs", "cs"},
        {"tex", "tex"},       {"latex", "tex"},     {"ini", "ini"},   {"csv", "csv"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcasecmp(known[i].language, language))
            return known[i].ending;
    return "txt";
}

/* A word that a file may be called by: letters, digits, "-", "_", and a dot in the middle. */
static bool is_name(const char *word, size_t len)
{
    const char *dot = memrchr(word, '.', len);

    if (!dot || dot == word || dot + 1 == word + len || len > DISCORD_CODE_NAME_MAX - 8)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)word[i]) && !strchr("-_.", word[i]))
            return false;
    return true;
}

/* The name that stands behind the fence ("c main.c", "python:tool.py"), else one of its language. */
static void name_file(const struct fence *fence, size_t number, char ret[DISCORD_CODE_NAME_MAX])
{
    static const char breaks[] = " \t:=\"'{}[]()";
    char language[24] = "";
    const char *p = fence->info, *end = fence->info + fence->info_len;

    for (bool first = true; p < end; first = false) {
        const char *from;

        while (p < end && strchr(breaks, *p))
            p++;
        from = p;
        while (p < end && !strchr(breaks, *p))
            p++;
        if (is_name(from, (size_t)(p - from))) {
            snprintf(ret, DISCORD_CODE_NAME_MAX, "%.*s", (int)(p - from), from);
            return;
        }
        if (first && (size_t)(p - from) < sizeof(language))
            snprintf(language, sizeof(language), "%.*s", (int)(p - from), from);
    }
    snprintf(ret, DISCORD_CODE_NAME_MAX, "code-%zu.%s", number, ending_of(language));
}

/* ---- taking out ------------------------------------------------------------------------------ */

static void take(struct discord_code *code, const struct discord_code_file *block)
{
    struct discord_code_file *file = &code->files[code->count++];

    *file = *block;
    file->at = code->text.len;
    buf_printf(&code->text, "(The code is in the file `%s`.)", file->name);
    file->end = code->text.len;
}

static bool is_long(const char *text, size_t len, size_t limit)
{
    return len > limit && text_utf16_len(text, len) > limit;
}

void discord_code_take(const char *text, size_t len, size_t limit, bool whole,
                       struct discord_code *ret)
{
    const char *p = text, *end = text + len, *copied = text;

    *ret = (struct discord_code){.text = BUF_INIT};
    while (limit && p < end && ret->count < DISCORD_CODE_FILES_MAX) {
        size_t n = line_len(p, end);
        struct discord_code_file block = {.from = (size_t)(p - text)};
        const char *line = p + n < end ? p + n + 1 : end;
        struct fence fence;
        bool closed = false;

        if (!read_fence(p, n, &fence) || line == end) {
            p = line;
            continue;
        }
        block.content = (size_t)(line - text);
        while (line < end && !closed) {
            n = line_len(line, end);
            /* The last line of a text that grows may become something else. */
            closed = (line + n < end || whole) && closes(line, n, &fence);
            if (!closed)
                line = line + n < end ? line + n + 1 : end;
        }
        block.content_len = (size_t)(line - text) - block.content;
        block.to = (size_t)((closed ? line + n : end) - text);
        p = text + block.to;
        if (!is_long(text + block.content, block.content_len, limit))
            continue;
        buf_append(&ret->text, copied, block.from - (size_t)(copied - text));
        name_file(&fence, ret->count + 1, block.name);
        take(ret, &block);
        copied = p;
    }
    buf_append(&ret->text, copied, (size_t)(end - copied));
}

void discord_code_clear(struct discord_code *code)
{
    buf_clear(&code->text);
    code->count = 0;
}

size_t discord_code_forward(const struct discord_code *code, size_t offset)
{
    for (size_t i = code->count; i-- > 0;) {
        const struct discord_code_file *file = &code->files[i];

        if (offset >= file->to)
            return file->end + (offset - file->to);
        if (offset > file->from)
            return file->end;
    }
    return offset;
}

size_t discord_code_back(const struct discord_code *code, size_t offset)
{
    for (size_t i = code->count; i-- > 0;) {
        const struct discord_code_file *file = &code->files[i];

        if (offset >= file->end)
            return file->to + (offset - file->end);
        if (offset > file->at)
            return file->to;
    }
    return offset;
}
