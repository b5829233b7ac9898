/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/files.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define FENCE_MIN 3

static const char *const states[] = {
    [GATEWAY_FILE_TEXT] = "text", [GATEWAY_FILE_CUT] = "cut",       [GATEWAY_FILE_KEPT] = "kept",
    [GATEWAY_FILE_SEEN] = "seen", [GATEWAY_FILE_TYPE] = "type",     [GATEWAY_FILE_LARGE] = "large",
    [GATEWAY_FILE_MANY] = "many", [GATEWAY_FILE_FAILED] = "failed",
};

const char *gateway_file_state_name(enum gateway_file_state state)
{
    return states[state];
}

enum gateway_file_state gateway_file_state_of(const char *name)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (!strcmp(states[i], name))
            return (enum gateway_file_state)i;
    return GATEWAY_FILE_FAILED;
}

struct gateway_file gateway_file_at(const json_t *list, size_t n)
{
    const json_t *item = json_array_get(list, n);

    return (struct gateway_file){
        .id = json_get_str(item, "id", ""),
        .name = json_get_str(item, "name", ""),
        .type = json_get_str(item, "type", ""),
        .url = json_get_str(item, "url", ""),
        .size = json_get_int(item, "size", 0),
    };
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* Whether the media type is `kind`, whatever parameters follow. */
static bool is_type(const char *type, const char *kind)
{
    size_t len = strlen(kind);

    return !strncasecmp(type, kind, len) && (!type[len] || strchr("; \t", type[len]));
}

static bool has_ending(const char *name, const char *const *endings, size_t count)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < count; i++)
        if (!strcasecmp(dot + 1, endings[i]))
            return true;
    return false;
}

bool gateway_file_is_text(const struct gateway_file *file)
{
    static const char *const types[] = {
        "application/json",       "application/xml",    "application/javascript",
        "application/x-sh",       "application/yaml",   "application/x-yaml",
        "application/toml",       "application/sql",    "application/x-python",
        "application/typescript", "application/x-perl", "application/x-httpd-php",
    };
    static const char *const endings[] = {
        "txt", "md",   "log",  "csv", "tsv", "json", "xml", "yaml", "yml",   "toml",
        "ini", "cfg",  "conf", "c",   "h",   "cc",   "cpp", "hpp",  "cs",    "java",
        "js",  "ts",   "py",   "rb",  "pl",  "php",  "go",  "rs",   "sh",    "bash",
        "sql", "html", "css",  "lua", "kt",  "tex",  "rst", "diff", "swift", "patch",
    };

    if (!strncasecmp(file->type, "text/", 5))
        return true;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (is_type(file->type, types[i]))
            return true;
    return (!*file->type || is_type(file->type, "application/octet-stream")) &&
           has_ending(file->name, endings, sizeof(endings) / sizeof(endings[0]));
}

bool gateway_file_is_picture(const struct gateway_file *file)
{
    static const char *const types[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
    static const char *const endings[] = {"png", "jpg", "jpeg", "gif", "webp"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (is_type(file->type, types[i]))
            return true;
    return !*file->type && has_ending(file->name, endings, sizeof(endings) / sizeof(endings[0]));
}

bool gateway_file_shows_picture(const char *data, size_t len)
{
    return (len >= 8 && !memcmp(data, "\x89PNG\r\n\x1a\n", 8)) ||
           (len >= 3 && !memcmp(data, "\xff\xd8\xff", 3)) ||
           (len >= 6 && (!memcmp(data, "GIF87a", 6) || !memcmp(data, "GIF89a", 6))) ||
           (len >= 12 && !memcmp(data, "RIFF", 4) && !memcmp(data + 8, "WEBP", 4));
}

/* ---- telling --------------------------------------------------------------------------------- */

void gateway_file_put_name(const char *name, struct buf *out)
{
    size_t len = strlen(name), cut = text_utf8_cut(name, len, GATEWAY_FILE_NAME_MAX);

    buf_putc(out, '"');
    for (size_t i = 0; i < cut; i++)
        buf_putc(out,
                 (unsigned char)name[i] < ' ' || strchr("`\"*_~|<>\x7f", name[i]) ? '-' : name[i]);
    buf_puts(out, cut < len ? "…\"" : "\"");
}

/* Longer than any run of ` in the text, so that nothing in it ends the block. */
static size_t fence_of(const char *text, size_t len)
{
    size_t most = FENCE_MIN - 1, run = 0;

    for (size_t i = 0; i < len; i++) {
        run = text[i] == '`' ? run + 1 : 0;
        if (run > most)
            most = run;
    }
    return most + 1;
}

void gateway_file_put_text(const char *name, const char *text, size_t len, bool whole, int64_t size,
                           struct buf *out)
{
    size_t fence = fence_of(text, len);

    buf_puts(out, "Attached file ");
    gateway_file_put_name(name, out);
    buf_puts(out, ":\n");
    for (size_t i = 0; i < fence; i++)
        buf_putc(out, '`');
    buf_putc(out, '\n');
    buf_append(out, text, len);
    if (!len || text[len - 1] != '\n')
        buf_putc(out, '\n');
    for (size_t i = 0; i < fence; i++)
        buf_putc(out, '`');
    if (!whole)
        buf_printf(out,
                   "\n(These are the first %zu of %" PRId64 " bytes of the file; the rest was cut "
                   "off.)",
                   len, size);
}

void gateway_file_put_reason(const char *name, enum gateway_file_state state, struct buf *out)
{
    static const char *const why[] = {
        [GATEWAY_FILE_TEXT] = "read",
        [GATEWAY_FILE_CUT] = "I read the beginning only",
        [GATEWAY_FILE_KEPT] = "I can't look at pictures yet",
        [GATEWAY_FILE_SEEN] = "looked at",
        [GATEWAY_FILE_TYPE] = "a kind of file that I can't read",
        [GATEWAY_FILE_LARGE] = "too large",
        [GATEWAY_FILE_MANY] = "more files than I look at",
        [GATEWAY_FILE_FAILED] = "I could not fetch it",
    };

    gateway_file_put_name(name, out);
    buf_printf(out, " (%s)", why[state]);
}
