/* SPDX-License-Identifier: Apache-2.0 */
#include "config/command.h"

#include "base/mem.h"

#include <ctype.h>
#include <string.h>

struct config_raw *raw_new(void)
{
    return mem_zero(1, sizeof(struct config_raw));
}

static void section_free(struct raw_section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        struct raw_entry *entry = section->entries[i];

        /* Any value may be a secret; which ones are is known to the second step only. */
        explicit_bzero(entry->value, strlen(entry->value));
        mem_free(entry->value);
    }
    mem_free(section->entries);
    map_clear(&section->by_key);
}

void config_raw_free(struct config_raw *raw)
{
    if (!raw)
        return;
    for (size_t i = 0; i < raw->count; i++)
        section_free(raw->sections[i]);
    mem_free(raw->sections);
    raw_commands_clear(raw);
    map_clear(&raw->by_title);
    arena_clear(&raw->arena);
    mem_free(raw);
}

struct raw_source *raw_source_add(struct config_raw *raw, const char *name, const char *dir)
{
    struct raw_source *source = arena_alloc(&raw->arena, sizeof(*source));

    source->name = arena_strdup(&raw->arena, name);
    source->dir = dir ? arena_strdup(&raw->arena, dir) : NULL;
    return source;
}

/* Length of the word of letters, digits, "_", "-" and, in names, "." at `text`. */
static size_t word_len(const char *text, bool dots)
{
    size_t len = 0;

    while (isalnum((unsigned char)text[len]) || text[len] == '_' || text[len] == '-' ||
           (dots && text[len] == '.'))
        len++;
    return len;
}

static size_t skip_space(const char *text)
{
    return strspn(text, " \t");
}

/* Splits "KIND" or "KIND NAME" with any white space around the words. */
static bool split_title(struct arena *arena, const char *title, const char **kind,
                        const char **name)
{
    const char *first = title + skip_space(title), *second;
    size_t first_len = word_len(first, false), second_len;

    second = first + first_len + skip_space(first + first_len);
    second_len = word_len(second, true);
    if (!first_len || first_len > CONFIG_MAX_NAME || second_len > CONFIG_MAX_NAME ||
        second[second_len + skip_space(second + second_len)])
        return false;
    *kind = arena_strndup(arena, first, first_len);
    *name = arena_strndup(arena, second, second_len);
    return true;
}

struct raw_section *raw_section_add(struct config_raw *raw, const char *title,
                                    const struct raw_source *source, unsigned line,
                                    struct error *err)
{
    struct raw_section *section;
    const char *kind, *name;

    if (!split_title(&raw->arena, title, &kind, &name)) {
        error_set(err, TROUPE_CONFIG,
                  "expected [KIND] or [KIND NAME], each of at most %d letters, digits, \"_\" or "
                  "\"-\", a name also with \".\"",
                  CONFIG_MAX_NAME);
        return NULL;
    }
    title = *name ? arena_printf(&raw->arena, "%s %s", kind, name) : kind;
    section = map_get(&raw->by_title, title);
    if (section)
        return section;
    /* A section costs as much as an entry, so it counts as one. */
    if (++raw->lines > CONFIG_MAX_ENTRIES) {
        error_set(err, TROUPE_CONFIG, "more than %d sections and keys", CONFIG_MAX_ENTRIES);
        return NULL;
    }
    section = arena_alloc(&raw->arena, sizeof(*section));
    *section = (struct raw_section){
        .title = title, .kind = kind, .name = name, .source = source, .line = line};
    raw->sections = mem_resize(raw->sections, raw->count + 1, sizeof(*raw->sections));
    raw->sections[raw->count++] = section;
    map_set(&raw->by_title, title, section);
    return section;
}

troupe_status raw_entry_add(struct config_raw *raw, struct raw_section *section, const char *key,
                            const char *value, const struct raw_source *source, unsigned line,
                            struct error *err)
{
    struct raw_entry *entry;
    size_t len = word_len(key, false);

    /* The text is not quoted: it may be the second line of a secret that somebody wrapped. */
    if (!len || key[len] || len > CONFIG_MAX_NAME)
        return error_set(err, TROUPE_CONFIG,
                         "a key is made of at most %d letters, digits, \"_\" or \"-\"",
                         CONFIG_MAX_NAME);
    if (++raw->lines > CONFIG_MAX_ENTRIES)
        return error_set(err, TROUPE_CONFIG, "more than %d sections and keys", CONFIG_MAX_ENTRIES);
    entry = map_get(&section->by_key, key);
    if (entry && entry->source == source && !source->command_line)
        return error_set(err, TROUPE_CONFIG,
                         "key \"%s\" in [%s]: is set twice in this file, first in line %u", key,
                         section->title, entry->line);
    if (!entry) {
        entry = arena_alloc(&raw->arena, sizeof(*entry));
        entry->key = arena_strdup(&raw->arena, key);
        section->entries =
            mem_resize(section->entries, section->count + 1, sizeof(*section->entries));
        section->entries[section->count++] = entry;
        map_set(&section->by_key, key, entry);
    } else {
        explicit_bzero(entry->value, strlen(entry->value));
        mem_free(entry->value);
    }
    entry->value = mem_strdup(value);
    entry->source = source;
    entry->line = line;
    return TROUPE_OK;
}

struct config_raw *config_raw_single(const char *source, const char *title, const char *key,
                                     const char *value)
{
    struct config_raw *raw = raw_new();
    const struct raw_source *from = raw_source_add(raw, source, NULL);
    struct error err;
    struct raw_section *section = raw_section_add(raw, title, from, 1, &err);

    if (section && key)
        (void)raw_entry_add(raw, section, key, value, from, 2, &err);
    return raw;
}
