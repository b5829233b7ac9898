/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/present.h"

#include "base/mem.h"
#include "config/raw.h"

#include <ctype.h>
#include <string.h>

char *plugin_present_name(const char *id)
{
    const char *dot = strrchr(id, '.');

    return mem_strdup(dot && dot[1] ? dot + 1 : id);
}

/* ---- values -------------------------------------------------------------------------------- */

static const char *example_of(const struct plugin_key *key, const struct config_key *schema)
{
    if (schema->choices)
        return schema->choices[0];
    switch (key->type) {
    case TROUPE_TYPE_MEMBER:
    case TROUPE_TYPE_CHANNEL:
    case TROUPE_TYPE_ROLE: return "100000000000000001";
    case TROUPE_TYPE_BOOL: return "yes";
    case TROUPE_TYPE_DURATION: return "30s";
    case TROUPE_TYPE_SIZE: return "1M";
    case TROUPE_TYPE_MONEY: return "1.00";
    case TROUPE_TYPE_URL: return "https://example.org/";
    case TROUPE_TYPE_PATH: return "/path/to/file";
    case TROUPE_TYPE_LIST: return "one, two";
    case TROUPE_TYPE_STRING: return "text";
    default: return "1";
    }
}

/* Within the range: the bound that is finite. */
static char *within(const struct config_key *schema)
{
    double value = schema->min > -HUGE_VAL ? schema->min : schema->max;
    char text[32];

    switch (schema->type) {
    case CONFIG_DURATION: config_format_duration((int64_t)value, text); break;
    case CONFIG_SIZE: config_format_size((int64_t)value, text); break;
    case CONFIG_MONEY: config_format_money((int64_t)value, text); break;
    default: return mem_printf("%.15g", value);
    }
    return mem_strdup(text);
}

static char *variable_of(const char *id, const char *key)
{
    _cleanup_mem_ char *name = plugin_present_name(id);
    char *variable = mem_printf("${env:%s_%s}", name, key);

    for (char *p = variable + strlen("${env:"); *p && *p != '}'; p++)
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    return variable;
}

char *plugin_present_value(const struct plugin_manifest *manifest, size_t i)
{
    const struct config_key *schema = &manifest->schema[i];
    const struct plugin_key *key = &manifest->keys[i];
    bool id = key->type == TROUPE_TYPE_MEMBER || key->type == TROUPE_TYPE_CHANNEL ||
              key->type == TROUPE_TYPE_ROLE;

    if (key->flags & TROUPE_KEY_SECRET)
        return variable_of(manifest->id, key->name);
    if (schema->def)
        return mem_strdup(schema->def);
    if (schema->min < schema->max && !id)
        return within(schema);
    return mem_strdup(example_of(key, schema));
}

/* ---- the section of an INI file ------------------------------------------------------------- */

static void put_sentence(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    buf_puts(out, text);
    if (len && !strchr(".!?", text[len - 1]))
        buf_putc(out, '.');
}

static void put_words(struct buf *out, char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", words[i]);
}

static void put_takes(const struct plugin_manifest *manifest, size_t i, struct buf *out)
{
    const uint32_t flags = manifest->keys[i].flags;
    _cleanup_buf_ struct buf takes = BUF_INIT;

    switch (manifest->keys[i].type) {
    case TROUPE_TYPE_MEMBER: buf_puts(&takes, "the id of a member, in digits"); break;
    case TROUPE_TYPE_CHANNEL: buf_puts(&takes, "the id of a channel, in digits"); break;
    case TROUPE_TYPE_ROLE: buf_puts(&takes, "the id of a role, in digits"); break;
    default: config_value_expected(&manifest->schema[i], &takes); break;
    }
    buf_printf(out, " Takes %s", buf_text(&takes));
    if (manifest->schema[i].def)
        buf_printf(out, "; default %s", manifest->schema[i].def);
    buf_puts(out, flags & TROUPE_KEY_REQUIRED ? "; required." : ".");
    if (flags & TROUPE_KEY_SECRET)
        buf_puts(out, " A secret: it never stands in this file itself.");
    if (flags & TROUPE_KEY_ENDPOINT)
        buf_puts(out, " The plugin may reach it.");
    if (flags & TROUPE_KEY_SETTABLE)
        buf_puts(out, " May be set by /config.");
}

static void put_key(const struct plugin_manifest *manifest, size_t i, struct buf *out)
{
    const struct plugin_key *key = &manifest->keys[i];
    _cleanup_mem_ char *value = plugin_present_value(manifest, i);
    bool live = (key->flags & TROUPE_KEY_REQUIRED) && !manifest->schema[i].def;

    buf_puts(out, "; ");
    put_sentence(out, manifest->schema[i].doc);
    put_takes(manifest, i, out);
    buf_printf(out, "\n%s%s = %s\n", live ? "" : ";", key->name, value);
}

/* What it keeps about members; nothing where it says nothing. */
static void put_user_data(const struct plugin_manifest *manifest, const char *before,
                          const char *after, struct buf *out)
{
    if (!manifest->user_data_count)
        return;
    buf_printf(out, "%sIt keeps about members: ", before);
    for (size_t i = 0; i < manifest->user_data_count; i++)
        buf_printf(out, "%s%s", i ? "; " : "",
                   manifest->user_data[i].kind == TROUPE_USER_IS_NOTHING
                       ? "nothing"
                       : manifest->user_data[i].doc);
    buf_printf(out, ".%s", after);
}

/* What a reload does with its state; nothing where it hands none over. */
static void put_state(const struct plugin_manifest *manifest, const char *before, const char *after,
                      struct buf *out)
{
    if (!manifest->state)
        return;
    buf_printf(out, "%sA reload hands its state over%s.%s", before,
               manifest->state_flags & TROUPE_STATE_EXCLUSIVE
                   ? ", exclusively: calls wait meanwhile, and one that is at work for more than 5 "
                     "s refuses the reload"
                   : "",
               after);
}

void plugin_present_sample(const struct plugin_manifest *manifest, const char *path,
                           struct buf *out)
{
    _cleanup_mem_ char *name = plugin_present_name(manifest->id);

    buf_printf(out, "; %s %s: ", manifest->id, manifest->version);
    put_sentence(out, manifest->doc);
    buf_putc(out, '\n');
    if (manifest->capability_count) {
        buf_puts(out, "; It may use: ");
        put_words(out, manifest->capabilities, manifest->capability_count);
        buf_puts(out, ".\n");
    }
    put_user_data(manifest, "; ", "\n", out);
    put_state(manifest, "; ", "\n", out);
    if (manifest->stage)
        buf_printf(out, "; It answers where %s is among the stages of [pipeline message].\n", name);
    if (manifest->observe)
        buf_printf(out, "; It looks on where %s is among the observers of [pipeline message].\n",
                   name);
    buf_printf(out, "[agent %s]\nplugin = %s\n", name, path);
    buf_puts(
        out,
        "; Its code runs in a process of its own, in a sandbox; inprocess runs it in the host's:\n"
        "; only where you trust it.\n"
        ";isolation = process\n");
    for (size_t i = 0; i < manifest->key_count; i++)
        put_key(manifest, i, out);
}

/* ---- the section of a manual page ----------------------------------------------------------- */

/* Text that is no request and keeps its backslashes and hyphens. */
static void put_roff(struct buf *out, const char *text)
{
    bool start = true;

    for (const char *p = text; *p; p++) {
        if (start && (*p == '.' || *p == '\''))
            buf_puts(out, "\\&");
        if (*p == '\\')
            buf_puts(out, "\\e");
        else if (*p == '-')
            buf_puts(out, "\\-");
        else
            buf_putc(out, *p);
        start = *p == '\n';
    }
}

static void put_bold(struct buf *out, const char *text)
{
    buf_puts(out, ".TP\n\\fB");
    put_roff(out, text);
    buf_puts(out, "\\fR\n");
}

static void put_man_key(const struct plugin_manifest *manifest, size_t i, struct buf *out)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    put_sentence(&text, manifest->schema[i].doc);
    put_takes(manifest, i, &text);
    put_bold(out, manifest->keys[i].name);
    put_roff(out, buf_text(&text));
    buf_putc(out, '\n');
}

/* The lines of its help: how it is called, what it does, what each argument takes. */
static void put_man_function(const struct plugin_function *function, struct buf *out)
{
    _cleanup_buf_ struct buf help = BUF_INIT;
    _cleanup_mem_ char *text = NULL;
    char *next, *line;

    plugin_function_help(function, &help);
    text = buf_take(&help);
    next = text;
    put_bold(out, strsep(&next, "\n"));
    for (bool first = true; (line = strsep(&next, "\n")); first = false) {
        if (!*line)
            continue;
        buf_puts(out, first ? "" : ".br\n");
        put_roff(out, line + strspn(line, " "));
        buf_putc(out, '\n');
    }
}

void plugin_present_man(const struct plugin_manifest *manifest, struct buf *out)
{
    _cleanup_mem_ char *name = plugin_present_name(manifest->id);
    _cleanup_buf_ struct buf text = BUF_INIT;

    for (const char *p = name; *p; p++)
        buf_putc(&text, (char)toupper((unsigned char)*p));
    buf_puts(out, ".SH ");
    put_roff(out, buf_text(&text));
    buf_reset(&text);
    put_sentence(&text, manifest->doc);
    buf_printf(&text, " Plugin %s, version %s.", manifest->id, manifest->version);
    if (manifest->capability_count) {
        buf_puts(&text, " It may use: ");
        put_words(&text, manifest->capabilities, manifest->capability_count);
        buf_putc(&text, '.');
    }
    put_user_data(manifest, " ", "", &text);
    put_state(manifest, " ", "", &text);
    buf_putc(out, '\n');
    put_roff(out, buf_text(&text));
    buf_putc(out, '\n');
    if (manifest->key_count) {
        buf_puts(out, ".SS Keys of [agent ");
        put_roff(out, name);
        buf_puts(out, "]\n");
    }
    for (size_t i = 0; i < manifest->key_count; i++)
        put_man_key(manifest, i, out);
    if (manifest->function_count)
        buf_puts(out, ".SS Functions\n");
    for (size_t i = 0; i < manifest->function_count; i++)
        put_man_function(&manifest->functions[i], out);
}
