/* SPDX-License-Identifier: Apache-2.0
 *
 * What a reload would change. Origins do not count: a key that moved to another file is the same.
 */
#include "config/raw.h"

#include <string.h>

static bool list_equal(const struct config_list *a, const struct config_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

/* Compares what the value means, so "60s" equals "1m". */
static bool value_equal(const struct config_value *a, const struct config_value *b)
{
    if (a->set != b->set || a->type != b->type || ((a->flags ^ b->flags) & CONFIG_LIST))
        return false;
    if (a->flags & CONFIG_LIST)
        return list_equal(&a->list, &b->list);
    switch (a->type) {
    case CONFIG_STRING:
    case CONFIG_PATH:
    case CONFIG_URL:
    case CONFIG_ID:
    case CONFIG_CHOICE: return !strcmp(a->text, b->text);
    case CONFIG_FLOAT:
        /* The same text gives the same bits. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
        return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
    default: return a->number == b->number;
    }
}

bool config_section_equal(const struct config_section *a, const struct config_section *b)
{
    if (!a || !b)
        return a == b;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct config_value *other = config_value(b, a->values[i].key);

        if (!other || !value_equal(&a->values[i], other))
            return false;
    }
    return true;
}

/* Keys that a plugin's new build declares, or no longer declares, are changes too. */
static void diff_section(const struct config_section *old, const struct config_section *now,
                         void (*report)(const struct config_change *change, void *user), void *user)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct config_value *value = &now->values[i];
        const struct config_value *before = config_value(old, value->key);

        if (!before || !value_equal(before, value))
            report(&(struct config_change){.section = now->title,
                                           .key = value->key,
                                           .live = value->flags & CONFIG_LIVE},
                   user);
    }
    for (size_t i = 0; i < old->count; i++)
        if (!config_value(now, old->values[i].key))
            report(&(struct config_change){.section = now->title,
                                           .key = old->values[i].key,
                                           .live = old->values[i].flags & CONFIG_LIVE},
                   user);
}

void config_diff(const struct config *old, const struct config *new_config,
                 void (*report)(const struct config_change *change, void *user), void *user)
{
    for (size_t i = 0; i < new_config->count; i++) {
        const struct config_section *now = new_config->sections[i];
        const struct config_section *before = map_get(&old->by_title, now->title);

        if (before)
            diff_section(before, now, report, user);
        else
            report(&(struct config_change){.section = now->title, .live = true, .added = true},
                   user);
    }
    for (size_t i = 0; i < old->count; i++)
        if (!map_get(&new_config->by_title, old->sections[i]->title))
            report(&(struct config_change){.section = old->sections[i]->title,
                                           .live = true,
                                           .removed = true},
                   user);
}
