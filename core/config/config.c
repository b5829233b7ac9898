/* SPDX-License-Identifier: Apache-2.0
 *
 * The finished configuration: life and typed look-up.
 */
#include "config/config.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/raw.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct config *config_new(const char *path)
{
    struct config *config = mem_zero(1, sizeof(*config));

    atomic_init(&config->refs, 1);
    config->path = arena_strdup(&config->arena, path);
    return config;
}

struct config *config_ref(struct config *config)
{
    atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    return config;
}

void config_unref(struct config *config)
{
    if (!config || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < config->count; i++) {
        struct config_section *section = config->sections[i];

        for (size_t k = 0; k < section->count; k++)
            if (section->values[k].set && (section->values[k].flags & CONFIG_SECRET))
                explicit_bzero((char *)section->values[k].text, strlen(section->values[k].text));
        map_clear(&section->by_key);
    }
    mem_free(config->sections);
    map_clear(&config->by_title);
    arena_clear(&config->arena);
    mem_free(config);
}

const char *config_path(const struct config *config)
{
    return config->path;
}

const struct config_section *config_section(const struct config *config, const char *kind,
                                            const char *name)
{
    _cleanup_buf_ struct buf title = BUF_INIT;

    if (!name || !*name)
        return map_get(&config->by_title, kind);
    buf_puts(&title, kind);
    buf_putc(&title, ' ');
    buf_puts(&title, name);
    return map_getn(&config->by_title, title.data, title.len);
}

const struct config_section *config_next(const struct config *config, const char *kind,
                                         const struct config_section *prev)
{
    size_t i = 0;

    if (prev)
        while (i < config->count && config->sections[i++] != prev)
            ;
    for (; i < config->count; i++)
        if (!strcmp(config->sections[i]->kind, kind))
            return config->sections[i];
    return NULL;
}

const char *config_section_kind(const struct config_section *section)
{
    return section->kind;
}

const char *config_section_name(const struct config_section *section)
{
    return section->name;
}

const char *config_section_title(const struct config_section *section)
{
    return section->title;
}

const char *config_section_origin(const struct config_section *section, unsigned *ret_line)
{
    *ret_line = section->line;
    return section->file;
}

const struct config_value *config_value(const struct config_section *section, const char *key)
{
    return map_get(&section->by_key, key);
}

size_t config_value_count(const struct config_section *section)
{
    return section->count;
}

const struct config_value *config_value_at(const struct config_section *section, size_t index)
{
    return index < section->count ? &section->values[index] : NULL;
}

/* A typing error in the program would read as "unset" for ever; it must not pass the first run. */
static const struct config_value *declared(const struct config_section *section, const char *key,
                                           unsigned types, bool list)
{
    const struct config_value *value = config_value(section, key);

    if (!value || !(types & 1u << value->type) || list != !!(value->flags & CONFIG_LIST)) {
        log_error("config", "the program asks for key \"%s\" in [%s], which is not declared%s", key,
                  section->title, value ? " with that type" : "");
        abort();
    }
    return value;
}

bool config_is_set(const struct config_section *section, const char *key)
{
    const struct config_value *value = config_value(section, key);

    return value ? value->set : declared(section, key, 0, false)->set;
}

const char *config_str(const struct config_section *section, const char *key)
{
    const unsigned types = 1u << CONFIG_STRING | 1u << CONFIG_PATH | 1u << CONFIG_URL |
                           1u << CONFIG_ID | 1u << CONFIG_CHOICE;
    const struct config_value *value = declared(section, key, types, false);

    return value->set ? value->text : NULL;
}

int64_t config_int(const struct config_section *section, const char *key)
{
    return declared(section, key, 1u << CONFIG_INT, false)->number;
}

int64_t config_ms(const struct config_section *section, const char *key)
{
    return declared(section, key, 1u << CONFIG_DURATION, false)->number;
}

int64_t config_bytes(const struct config_section *section, const char *key)
{
    return declared(section, key, 1u << CONFIG_SIZE, false)->number;
}

int64_t config_micros(const struct config_section *section, const char *key)
{
    return declared(section, key, 1u << CONFIG_MONEY, false)->number;
}

double config_double(const struct config_section *section, const char *key)
{
    return declared(section, key, 1u << CONFIG_FLOAT, false)->real;
}

bool config_bool(const struct config_section *section, const char *key)
{
    return declared(section, key, 1u << CONFIG_BOOL, false)->number != 0;
}

int config_choice(const struct config_section *section, const char *key)
{
    return (int)declared(section, key, 1u << CONFIG_CHOICE, false)->number;
}

const struct config_list *config_list(const struct config_section *section, const char *key)
{
    return &declared(section, key, ~0u, true)->list;
}
