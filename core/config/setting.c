/* SPDX-License-Identifier: Apache-2.0
 *
 * Single values that people set while the host runs: the same keys, types and bounds as the files',
 * but only those that a table marks as settable, and no ${…} in what members write.
 */
#include "base/mem.h"
#include "base/text.h"
#include "config/raw.h"

#include <stdio.h>
#include <string.h>

/* "limits.messages" or "llm.temperature": an agent's section goes by the agent's name alone. */
static const char *section_of(const struct config_schema *schema)
{
    return schema->name ? schema->name : schema->kind;
}

static bool splits(const char *name, char section[CONFIG_MAX_NAME + 1], const char **ret_key)
{
    const char *dot = strrchr(name, '.');
    const char *from = text_starts(name, "agent ") ? name + strlen("agent ") : name;

    if (!dot || dot < from || (size_t)(dot - from) > CONFIG_MAX_NAME)
        return false;
    snprintf(section, CONFIG_MAX_NAME + 1, "%.*s", (int)(dot - from), from);
    *ret_key = dot + 1;
    return true;
}

struct search {
    const char *section, *key;
    const struct config_key *found; /* settable or not */
    const char *found_section;
    char **names; /* of every settable key */
    size_t count;
};

static void look(struct search *search, const struct config_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct config_key *key = &schema->keys[i];

        if (key->flags & CONFIG_SETTABLE) {
            search->names = mem_resize(search->names, search->count + 1, sizeof(*search->names));
            search->names[search->count++] = mem_printf("%s.%s", section_of(schema), key->name);
        }
        if (!search->found && search->key && !strcmp(section_of(schema), search->section) &&
            !strcmp(key->name, search->key)) {
            search->found = key;
            search->found_section = section_of(schema);
        }
    }
}

troupe_status config_setting_find(const struct config_schema *schemas, size_t count,
                                  const char *name, struct config_setting *ret, struct error *err)
{
    char section[CONFIG_MAX_NAME + 1] = "";
    struct search search = {.section = section};
    size_t core_count;
    const struct config_schema *core = config_core_schemas(&core_count);
    const char *near;
    troupe_status status = TROUPE_OK;

    if (!splits(name, section, &search.key))
        search.key = NULL;
    for (size_t i = 0; i < core_count; i++)
        if (!(core[i].flags & CONFIG_NAMED))
            look(&search, &core[i]);
    for (size_t i = 0; i < count; i++)
        look(&search, &schemas[i]);
    near = text_nearest(name, (const char *const *)search.names, search.count);
    if (search.found && search.found->flags & CONFIG_SETTABLE)
        *ret = (struct config_setting){search.found_section, search.found};
    else if (search.found)
        status =
            error_set(err, TROUPE_DENIED,
                      "\"%.80s\" is set in the configuration file only, by who runs the bot", name);
    else if (near)
        status = error_set(err, TROUPE_NOT_FOUND,
                           "there is no setting \"%.80s\"; did you mean \"%s\"", name, near);
    else
        status = error_set(err, TROUPE_NOT_FOUND,
                           "there is no setting \"%.80s\"; the list shows what there is", name);
    for (size_t i = 0; i < search.count; i++)
        mem_free(search.names[i]);
    mem_free(search.names);
    return status;
}

troupe_status config_setting_read(const struct config_setting *setting, const char *text,
                                  struct arena *arena, struct config_value *ret, struct error *err)
{
    const struct config_key *key = setting->key;
    struct config_value value = {.key = key->name,
                                 .type = key->type,
                                 .flags = key->flags,
                                 .file = "setting",
                                 .text = "",
                                 .number = key->type == CONFIG_CHOICE ? -1 : 0};
    _cleanup_buf_ struct buf expected = BUF_INIT;
    const char *const *words = config_key_words(key);
    const char *bad, *near = NULL;
    size_t count = 0;

    if (!*text && (key->type == CONFIG_STRING || key->flags & CONFIG_LIST)) {
        value.set = true;
        *ret = value;
        return TROUPE_OK;
    }
    if (config_value_read(arena, key, NULL, arena_strdup(arena, text), &value, &bad) == TROUPE_OK) {
        *ret = value;
        return TROUPE_OK;
    }
    config_value_expected(key, &expected);
    while (words && words[count])
        count++;
    if (count)
        near = text_nearest(bad, words, count);
    return error_set(err, TROUPE_ARGUMENT, "\"%s.%s\" must be %s, got \"%.*s\"%s%s%s",
                     setting->section, key->name, buf_text(&expected),
                     (int)text_utf8_cut(bad, strlen(bad), 60), bad, near ? "; did you mean \"" : "",
                     near ? near : "", near ? "\"" : "");
}

void config_settings_each(const struct config_schema *schemas, size_t count,
                          void (*report)(void *arg, const struct config_setting *setting),
                          void *arg)
{
    size_t core_count;
    const struct config_schema *core = config_core_schemas(&core_count);

    for (size_t i = 0; i < core_count + count; i++) {
        const struct config_schema *schema = i < core_count ? &core[i] : &schemas[i - core_count];

        for (size_t k = 0;
             (i >= core_count || !(schema->flags & CONFIG_NAMED)) && k < schema->count; k++) {
            const struct config_setting setting = {section_of(schema), &schema->keys[k]};

            if (schema->keys[k].flags & CONFIG_SETTABLE)
                report(arg, &setting);
        }
    }
}
