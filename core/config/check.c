/* SPDX-License-Identifier: Apache-2.0
 *
 * The second step: every raw section meets the tables that fit it, every key of those tables gets
 * its value or its default, and what is left over is named with the nearest thing that is known.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/raw.h"

#include <string.h>

struct check {
    const struct config_raw *raw;
    const struct config_schema **schemas;
    size_t schema_count;
    unsigned flags;
    struct config *config;
    struct config_problems *problems;
};

/* The keys that one section may have. */
struct key_set {
    const struct config_key **keys;
    size_t count;
    struct map by_name;
    bool open;  /* other keys are let through                       */
    bool grows; /* a plugin adds its keys when it is looked for     */
};

static void key_set_clear(struct key_set *set)
{
    mem_free(set->keys);
    map_clear(&set->by_name);
}

static bool fits(const struct config_schema *schema, const char *kind, const char *name)
{
    return !strcmp(schema->kind, kind) && (!schema->name || !strcmp(schema->name, name));
}

static void key_set_fill(const struct check *check, const char *kind, const char *name,
                         struct key_set *set)
{
    size_t room = 0;

    for (size_t i = 0; i < check->schema_count; i++)
        room += check->schemas[i]->count;
    set->keys = mem_zero(room, sizeof(*set->keys));
    for (size_t i = 0; i < check->schema_count; i++) {
        const struct config_schema *schema = check->schemas[i];

        if (!fits(schema, kind, name))
            continue;
        set->grows |= (schema->flags & CONFIG_OPEN) != 0;
        set->open |= (schema->flags & CONFIG_OPEN) && (check->flags & CONFIG_CHECK_OPEN);
        for (size_t k = 0; k < schema->count; k++) {
            const struct config_key *key = &schema->keys[k];

            if (map_get(&set->by_name, key->name))
                continue;
            map_set(&set->by_name, key->name, (void *)key);
            set->keys[set->count++] = key;
        }
    }
}

/* ---- words --------------------------------------------------------------------------------- */

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
    const char *const *words = config_key_words(key);
    size_t count = 0;
    const char *near;

    if (!words || (key->flags & CONFIG_SECRET))
        return;
    while (words[count])
        count++;
    near = text_nearest(bad, words, count);
    if (near)
        buf_printf(out, "; did you mean \"%s\"", near);
}

static void report_misfit(struct check *check, const struct config_section *section,
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

static void report_unknown_key(struct check *check, const struct raw_section *raw,
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

/* Whether tables know the kind; when not, or not in this form, says so. */
static bool known_section(struct check *check, const struct raw_section *raw)
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

/* ---- values -------------------------------------------------------------------------------- */

static const struct config_section *find(const struct config *config, const char *title)
{
    return map_get(&config->by_title, title);
}

/* "${section}" and "${data}" at the start of a default of the core's tables. */
static const char *default_text(struct check *check, const struct config_section *section,
                                const struct config_key *key)
{
    struct arena *arena = &check->config->arena;

    if (text_starts(key->def, "${section}"))
        return arena_printf(arena, "%s%s", section->name, key->def + strlen("${section}"));
    if (text_starts(key->def, "${data}")) {
        const struct config_section *troupe = find(check->config, "troupe");
        const struct config_value *data = troupe ? config_value(troupe, "data") : NULL;

        return arena_printf(arena, "%s%s", data && data->set ? data->text : "",
                            key->def + strlen("${data}"));
    }
    return arena_strdup(arena, key->def);
}

static void take_default(struct check *check, const struct config_section *section,
                         const struct config_key *key, struct config_value *value)
{
    const char *text, *bad;

    if (!key->def)
        return;
    text = default_text(check, section, key);
    value->file = "default";
    if (config_value_read(&check->config->arena, key, NULL, text, value, &bad) < 0) {
        _cleanup_buf_ struct buf expected = BUF_INIT;

        config_value_expected(key, &expected);
        config_problem(check->problems, NULL, 0,
                       "key \"%s\" in [%s]: its own default \"%s\" is wrong, expected %s; this is "
                       "an error of the plugin that declares it",
                       key->name, section->title, bad, buf_text(&expected));
    }
}

static void judge_secret(struct check *check, const struct config_section *section,
                         const struct raw_entry *entry, const char *text, bool expanded)
{
    log_mask(text);
    if (expanded || !*text)
        return;
    if (entry->source->command_line)
        problem_at(check->problems, entry->source, 0,
                   "key \"%s\" in [%s]: every user of this machine can read a command line; write "
                   "${env:NAME}, ${file:PATH} or ${cmd:COMMAND} for this secret",
                   entry->key, section->title);
    else if (entry->source->exposed)
        warning_at(check->problems, entry->source, entry->line,
                   "key \"%s\" in [%s]: every user of this machine can read this secret; run chmod "
                   "600 on the file, or write ${file:PATH}",
                   entry->key, section->title);
}

/* An empty value unsets texts, paths and lists; the other types have no empty value. */
static bool may_be_empty(const struct config_key *key)
{
    return (key->flags & CONFIG_LIST) || key->type == CONFIG_STRING || key->type == CONFIG_PATH ||
           key->type == CONFIG_URL || key->type == CONFIG_ID;
}

/* Whether the value is there or empty; false when it was refused, which is reported then. */
static bool take_entry(struct check *check, const struct config_section *section,
                       const struct config_key *key, const struct raw_entry *entry,
                       struct config_value *value)
{
    struct arena *arena = &check->config->arena;
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct error err = {0};
    bool expanded = false;
    const char *kept, *bad;

    value->file = arena_strdup(arena, entry->source->name);
    value->line = entry->line;
    if (config_expand(check->raw, entry->source, entry->value, key->flags & CONFIG_SECRET, &text,
                      &expanded, &err) < 0) {
        problem_at(check->problems, entry->source, entry->line, "key \"%s\" in [%s]: %s", key->name,
                   section->title, err.text);
        return false;
    }
    kept = arena_strndup(arena, buf_text(&text), text.len);
    if (key->flags & CONFIG_SECRET) {
        judge_secret(check, section, entry, kept, expanded);
        if (text.data)
            explicit_bzero(text.data, text.cap);
    }
    if (!*kept && may_be_empty(key))
        return true;
    if (config_value_read(arena, key, entry->source->dir, kept, value, &bad) < 0) {
        report_misfit(check, section, key, entry, bad, expanded);
        return false;
    }
    return true;
}

/* ---- sections ------------------------------------------------------------------------------ */

static void report_missing(struct check *check, const struct config_section *section,
                           const struct config_key *key)
{
    const struct config_value *enabled = map_get(&section->by_key, "enabled");

    if (enabled && enabled->set && enabled->type == CONFIG_BOOL && !enabled->number)
        return;
    config_problem(check->problems, *section->file ? section->file : NULL, section->line,
                   "key \"%s\" in [%s]: is required and has no value: %s", key->name,
                   section->title, key->doc ? key->doc : "see the plugin's documentation");
}

static struct config_section *section_add(struct check *check, const char *title, const char *kind,
                                          const char *name)
{
    struct config *config = check->config;
    struct config_section *section = arena_alloc(&config->arena, sizeof(*section));

    section->title = arena_strdup(&config->arena, title);
    section->kind = arena_strdup(&config->arena, kind);
    section->name = arena_strdup(&config->arena, name);
    section->file = config->path;
    config->sections = mem_resize(config->sections, config->count + 1, sizeof(*config->sections));
    config->sections[config->count++] = section;
    map_set(&config->by_title, section->title, section);
    return section;
}

/* Nobody looks for the plugin of a section that is switched off, so its keys are not known. */
static bool is_switched_off(const struct raw_section *raw)
{
    const struct raw_entry *entry = map_get(&raw->by_key, "enabled");
    bool enabled = true;

    return entry && text_to_bool(entry->value, &enabled) == TROUPE_OK && !enabled;
}

/* Builds one section; `raw` NULL when nobody wrote it. */
static void build_section(struct check *check, const char *title, const char *kind,
                          const char *name, const struct raw_section *raw)
{
    struct arena *arena = &check->config->arena;
    struct config_section *section = section_add(check, title, kind, name);
    struct key_set set = {0};

    key_set_fill(check, kind, name, &set);
    if (raw) {
        section->file = arena_strdup(arena, raw->source->name);
        section->line = raw->line;
        set.open |= set.grows && is_switched_off(raw);
        for (size_t i = 0; i < raw->count; i++)
            if (!map_get(&set.by_name, raw->entries[i]->key) && !set.open)
                report_unknown_key(check, raw, raw->entries[i], &set);
    }
    section->values = arena_alloc(arena, (set.count + 1) * sizeof(*section->values));
    section->count = set.count;
    for (size_t i = 0; i < set.count; i++) {
        const struct config_key *key = set.keys[i];
        const struct raw_entry *entry = raw ? map_get(&raw->by_key, key->name) : NULL;
        struct config_value *value = &section->values[i];

        *value = (struct config_value){.key = arena_strdup(arena, key->name),
                                       .type = key->type,
                                       .flags = key->flags,
                                       .file = "default",
                                       .text = "",
                                       .number = key->type == CONFIG_CHOICE ? -1 : 0};
        map_set(&section->by_key, value->key, value);
        if (!entry)
            take_default(check, section, key, value);
        else if (!take_entry(check, section, key, entry, value))
            continue;
        /* "enabled" is the core's key and so stands before the plugin's. */
        if ((key->flags & CONFIG_REQUIRED) && !value->set)
            report_missing(check, section, key);
    }
    key_set_clear(&set);
}

/*
 * Sections that are always there come first, in the order of the tables: [troupe] leads, and its
 * data directory is part of others' defaults.
 */
static void build_all(struct check *check)
{
    for (size_t i = 0; i < check->schema_count; i++) {
        const struct config_schema *schema = check->schemas[i];
        const char *name = schema->name ? schema->name : "";
        _cleanup_mem_ char *title = mem_printf("%s%s%s", schema->kind, *name ? " " : "", name);

        if ((schema->flags & CONFIG_ALWAYS) && !find(check->config, title))
            build_section(check, title, schema->kind, name, map_get(&check->raw->by_title, title));
    }
    for (size_t i = 0; i < check->raw->count; i++) {
        const struct raw_section *raw = check->raw->sections[i];

        if (!find(check->config, raw->title) && known_section(check, raw))
            build_section(check, raw->title, raw->kind, raw->name, raw);
    }
}

troupe_status config_check(const struct config_raw *raw, const struct config_schema *schemas,
                           size_t count, unsigned flags, struct config **ret,
                           struct config_problems *problems)
{
    size_t core_count;
    const struct config_schema *core = config_core_schemas(&core_count);
    const size_t before = problems->errors;
    _cleanup_mem_ const struct config_schema **all = mem_zero(core_count + count, sizeof(*all));
    struct check check = {.raw = raw,
                          .schemas = all,
                          .schema_count = core_count + count,
                          .flags = flags,
                          .config = config_new(raw->path),
                          .problems = problems};

    for (size_t i = 0; i < core_count; i++)
        all[i] = &core[i];
    for (size_t i = 0; i < count; i++)
        all[core_count + i] = &schemas[i];
    build_all(&check);
    if (problems->errors != before && !(flags & CONFIG_CHECK_LENIENT)) {
        config_unref(check.config);
        return TROUPE_CONFIG;
    }
    *ret = check.config;
    return TROUPE_OK;
}
