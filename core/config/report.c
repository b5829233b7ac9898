/* SPDX-License-Identifier: Apache-2.0
 *
 * The sentences of the second step. A value is shown only where it cannot be a secret.
 */
#include "base/mem.h"
#include "base/text.h"
#include "config/check.h"

#include <string.h>

/* A value as a message shows it: short, on one line; a secret's never. */
static void put_got(struct buf *out, const struct config_key *key, const char *text)
{
    enum { SHOWN = 60 };
    size_t len = strlen(text), cut = text_utf8_cut(text, len, SHOWN);

    if (key->flags & CONFIG_SECRET) {
        buf_puts(out, "got something else (secret, not shown)");
        return;
    }
    if (key->type == CONFIG_URL && strchr(text, '@')) {
        buf_puts(out, "got something else (not shown: it may hold a password)");
        return;
    }
    buf_puts(out, "got \"");
    for (size_t i = 0; i < cut; i++)
        buf_putc(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i]);
    buf_puts(out, cut < len ? "…\"" : "\"");
}

static void put_nearest(struct buf *out, const struct config_key *key, const char *bad)
{
    size_t count = 0;
    const char *near;

    if (key->type != CONFIG_CHOICE || !key->choices || (key->flags & CONFIG_SECRET))
        return;
    while (key->choices[count])
        count++;
    near = text_nearest(bad, key->choices, count);
    if (near)
        buf_printf(out, "; did you mean \"%s\"", near);
}

void check_report_misfit(const struct check *check, const struct config_section *section,
                         const struct config_key *key, const struct raw_entry *entry,
                         const char *bad, bool expanded)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    config_value_expected(key, &text);
    buf_puts(&text, ", ");
    /* What a reference stands for stays out of messages: it may be a secret in the wrong place. */
    put_got(&text, key, expanded ? entry->value : bad);
    if (!expanded)
        put_nearest(&text, key, bad);
    problem_at(check->problems, entry->source, entry->line, "key \"%s\" in [%s]: expected %s",
               key->name, section->title, buf_text(&text));
}

void check_report_unknown(const struct check *check, const struct raw_section *raw,
                          const struct raw_entry *entry, const struct key_set *set)
{
    _cleanup_mem_ const char **names = mem_zero(set->count, sizeof(*names));
    const char *near;

    for (size_t i = 0; i < set->count; i++)
        names[i] = set->keys[i]->name;
    near = text_nearest(entry->key, names, set->count);
    if (!strcmp(entry->key, "include"))
        problem_at(check->problems, entry->source, entry->line,
                   "key \"include\" in [%s]: include lines stand at the top of a file, before its "
                   "first section",
                   raw->title);
    else if (near)
        problem_at(check->problems, entry->source, entry->line,
                   "key \"%s\" in [%s]: unknown key; did you mean \"%s\"", entry->key, raw->title,
                   near);
    else
        problem_at(check->problems, entry->source, entry->line,
                   "key \"%s\" in [%s]: unknown key; troupe.ini(5) lists what there is", entry->key,
                   raw->title);
}

bool check_section_known(const struct check *check, const struct raw_section *raw)
{
    _cleanup_mem_ const char **kinds = mem_zero(check->schema_count, sizeof(*kinds));
    const char *near;

    for (size_t i = 0; i < check->schema_count; i++) {
        const struct config_schema *schema = check->schemas[i];

        kinds[i] = schema->kind;
        if (strcmp(schema->kind, raw->kind) != 0)
            continue;
        if ((schema->flags & CONFIG_NAMED) && !*raw->name)
            problem_at(check->problems, raw->source, raw->line,
                       "section [%s] needs a name: expected [%s NAME]", raw->title, raw->kind);
        else if (!(schema->flags & CONFIG_NAMED) && *raw->name)
            problem_at(check->problems, raw->source, raw->line,
                       "section [%s] takes no name: expected [%s]", raw->title, raw->kind);
        else
            return true;
        return false;
    }
    near = text_nearest(raw->kind, kinds, check->schema_count);
    if (near)
        problem_at(check->problems, raw->source, raw->line,
                   "unknown section [%s]; did you mean [%s%s%s]", raw->title, near,
                   *raw->name ? " " : "", raw->name);
    else
        problem_at(check->problems, raw->source, raw->line,
                   "unknown section [%s]; troupe.ini(5) lists what there is", raw->title);
    return false;
}

void check_report_missing(const struct check *check, const struct config_section *section,
                          const struct config_key *key)
{
    const struct config_value *enabled = map_get(&section->by_key, "enabled");

    if (enabled && enabled->set && enabled->type == CONFIG_BOOL && !enabled->number)
        return;
    config_problem(check->problems, *section->file ? section->file : NULL, section->line,
                   "key \"%s\" in [%s]: is required and has no value: %s", key->name,
                   section->title, key->doc ? key->doc : "see the plugin's documentation");
}
