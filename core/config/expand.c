/* SPDX-License-Identifier: Apache-2.0
 *
 * ${env:NAME}, ${file:PATH} and ${cmd:COMMAND} in values. What is put in is not looked at again, so
 * a file cannot smuggle in a reference.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static troupe_status put_env(const char *name, bool secret, struct buf *out, struct error *err)
{
    const char *value = getenv(name);

    if (!*name)
        return error_set(err, TROUPE_CONFIG, "${env:} needs the name of a variable");
    if (!value)
        return error_set(err, TROUPE_CONFIG,
                         "environment variable \"%s\" is not set; set it or remove the reference",
                         name);
    if (secret)
        log_mask(value);
    return buf_puts(out, value);
}

static void wipe(struct buf *text)
{
    if (text->data)
        explicit_bzero(text->data, text->cap);
    buf_clear(text);
}

static troupe_status put_file(const struct raw_source *source, const char *name, bool secret,
                              struct buf *out, struct error *err)
{
    __attribute__((cleanup(wipe))) struct buf text = BUF_INIT;
    _cleanup_mem_ char *path = NULL;
    struct stat info;

    if (!*name)
        return error_set(err, TROUPE_CONFIG, "${file:} needs a path");
    path = config_resolve_path(source->dir, name);
    if (config_read_file(path, CONFIG_MAX_VALUE, &text, &info, err) < 0)
        return TROUPE_CONFIG;
    if (secret && (info.st_mode & S_IROTH))
        return error_set(err, TROUPE_CONFIG,
                         "every user of this machine can read the secret in \"%s\"; run chmod 600 "
                         "on it",
                         path);
    if (text.len && memchr(text.data, '\0', text.len))
        return error_set(err, TROUPE_CONFIG, "\"%s\" is not a text: it has a NUL byte", path);
    if (text.len && text.data[text.len - 1] == '\n')
        text.data[--text.len] = '\0';
    if (text.len && text.data[text.len - 1] == '\r')
        text.data[--text.len] = '\0';
    if (secret)
        log_mask(buf_text(&text));
    return buf_puts(out, buf_text(&text));
}

/* The command ran when the layers were read; here its output is put in only. */
static troupe_status put_command(const struct config_raw *raw, char *name, bool secret,
                                 struct buf *out, struct error *err)
{
    const struct raw_command *command = raw_command(raw, text_trim(name));

    if (!command || !command->output)
        return error_set(err, TROUPE_CONFIG, "a text without a place cannot run commands");
    if (secret)
        log_mask(command->output);
    return buf_puts(out, command->output);
}

/* `name` is what stands between the braces; it may be changed. */
static troupe_status put_reference(const struct config_raw *raw, const struct raw_source *source,
                                   char *name, bool secret, struct buf *out, struct error *err)
{
    if (text_starts(name, "env:"))
        return put_env(name + 4, secret, out, err);
    if (text_starts(name, "file:"))
        return put_file(source, name + 5, secret, out, err);
    if (text_starts(name, "cmd:"))
        return put_command(raw, name + 4, secret, out, err);
    return error_set(err, TROUPE_CONFIG,
                     "unknown reference; use ${env:NAME}, ${file:PATH}, ${cmd:COMMAND}, or $${ for "
                     "a literal \"${\"");
}

troupe_status config_expand(const struct config_raw *raw, const struct raw_source *source,
                            const char *text, bool secret, struct buf *out, bool *ret_expanded,
                            struct error *err)
{
    bool expanded = false;

    out->max = CONFIG_MAX_VALUE;
    while (*text) {
        const char *close;
        _cleanup_mem_ char *name = NULL;
        troupe_status status;

        if (text_starts(text, "$${")) {
            buf_puts(out, "${");
            text += 3;
            continue;
        }
        if (!text_starts(text, "${")) {
            if (buf_putc(out, *text++) < 0)
                goto too_long;
            continue;
        }
        close = strchr(text, '}');
        if (!close)
            return error_set(err, TROUPE_CONFIG,
                             "\"${\" without \"}\"; write $${ for a literal \"${\"");
        name = mem_strndup(text + 2, (size_t)(close - text) - 2);
        status = put_reference(raw, source, name, secret, out, err);
        if (status == TROUPE_LIMIT)
            goto too_long;
        if (status < 0)
            return status;
        expanded = true;
        text = close + 1;
    }
    if (!text_is_utf8(buf_text(out), out->len))
        return error_set(err, TROUPE_CONFIG, "the value is not UTF-8 text");
    *ret_expanded = expanded;
    return TROUPE_OK;

too_long:
    return error_set(err, TROUPE_CONFIG, "the value is longer than %d bytes", CONFIG_MAX_VALUE);
}
