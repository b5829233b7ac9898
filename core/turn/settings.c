/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/settings.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/set.h"
#include "turn/engine_private.h"
#include "turn/sql/setting.h"

#include <stdio.h>
#include <string.h>

#define LOAD_ROWS 1000
#define NAMED_MAX 20 /* lines in the log about rows that are ignored */

static const char *const scope_names[] = {"bot", "guild", "channel", "role"};

const char *turn_scope_name(enum turn_scope scope)
{
    return scope_names[scope];
}

static const char *or_none(const char *text)
{
    return text ? text : "";
}

/* The bot is the same bot on every account. */
static struct turn_place normal(const struct turn_place *place)
{
    bool bot = place->scope == TURN_SCOPE_BOT;

    return (struct turn_place){place->scope, bot ? "" : or_none(place->account),
                               bot ? "" : or_none(place->guild), or_none(place->id)};
}

static char *key_of(const struct turn_place *place)
{
    const struct turn_place at = normal(place);

    return mem_printf("%s\n%s\n%s\n%s", turn_scope_name(at.scope), at.account, at.guild, at.id);
}

static char *guild_key(const struct turn_place *place)
{
    const struct turn_place at = normal(place);

    return mem_printf("%s\n%s", at.account, at.guild);
}

/* ---- rows in memory -------------------------------------------------------------------------- */

static void setting_free(struct turn_setting *setting)
{
    list_remove(&setting->link);
    mem_free(setting->account);
    mem_free(setting->guild);
    mem_free(setting->id);
    mem_free(setting->section);
    mem_free(setting->key);
    mem_free(setting->value);
    mem_free(setting->by);
    mem_free(setting);
}

static void place_free(void *value)
{
    struct list_link *rows = value;

    while (!list_empty(rows))
        setting_free(container_of(rows->next, struct turn_setting, link));
    mem_free(rows);
}

void turn_settings_clear(struct turn_settings *settings)
{
    map_clear_with(&settings->places, place_free);
    map_clear_with(&settings->guilds, mem_free);
    settings->count = 0;
}

const struct list_link *turn_settings_of(const struct turn_settings *settings,
                                         const struct turn_place *place)
{
    _cleanup_mem_ char *key = settings->count ? key_of(place) : NULL;

    return key ? map_get(&settings->places, key) : NULL;
}

const struct turn_setting *turn_settings_at(const struct turn_settings *settings,
                                            const struct turn_place *place, const char *section,
                                            const char *key)
{
    const struct list_link *rows = turn_settings_of(settings, place);

    if (rows)
        list_for_each (link, rows) {
            const struct turn_setting *setting = container_of(link, struct turn_setting, link);

            if (!strcmp(setting->section, section) && !strcmp(setting->key, key))
                return setting;
        }
    return NULL;
}

const struct turn_setting *turn_settings_find(const struct turn_settings *settings,
                                              const struct event *event, const char *section,
                                              const char *key)
{
    const struct turn_setting *best = NULL, *found;
    struct turn_place place = {TURN_SCOPE_ROLE, event->account, event->guild, NULL};

    if (!settings->count)
        return NULL;
    for (size_t i = 0; i < event->role_count; i++) {
        place.id = event->roles[i];
        found = turn_settings_at(settings, &place, section, key);
        if (found && (!best || found->when_ms >= best->when_ms))
            best = found;
    }
    if (best)
        return best;
    place.scope = TURN_SCOPE_CHANNEL;
    place.id = event->channel;
    if ((found = turn_settings_at(settings, &place, section, key)))
        return found;
    place.scope = TURN_SCOPE_GUILD;
    place.id = NULL;
    if (event->guild && (found = turn_settings_at(settings, &place, section, key)))
        return found;
    place.scope = TURN_SCOPE_BOT;
    return turn_settings_at(settings, &place, section, key);
}

static void count_row(struct turn_settings *settings, const struct turn_place *place, int by)
{
    _cleanup_mem_ char *key = guild_key(place);
    size_t *count = map_get(&settings->guilds, key);

    if (!count) {
        count = mem_zero(1, sizeof(*count));
        map_set(&settings->guilds, key, count);
    }
    *count += (size_t)by;
    settings->count += (size_t)by;
    if (!*count) {
        map_remove(&settings->guilds, key);
        mem_free(count);
    }
}

void turn_settings_apply(struct turn_settings *settings, const struct turn_place *place,
                         const char *section, const char *key, const char *value, const char *by,
                         int64_t now_ms)
{
    const struct turn_place at = normal(place);
    _cleanup_mem_ char *name = key_of(place);
    struct turn_setting *setting =
        (struct turn_setting *)(uintptr_t)turn_settings_at(settings, place, section, key);
    struct list_link *rows;

    if (setting) {
        setting_free(setting);
        count_row(settings, place, -1);
    }
    rows = map_get(&settings->places, name);
    if (!value) {
        if (rows && list_empty(rows)) {
            map_remove(&settings->places, name);
            mem_free(rows);
        }
        return;
    }
    if (!rows) {
        rows = mem_zero(1, sizeof(*rows));
        list_init(rows);
        map_set(&settings->places, name, rows);
    }
    setting = mem_zero(1, sizeof(*setting));
    *setting = (struct turn_setting){.scope = at.scope,
                                     .account = mem_strdup(at.account),
                                     .guild = mem_strdup(at.guild),
                                     .id = mem_strdup(at.id),
                                     .section = mem_strdup(section),
                                     .key = mem_strdup(key),
                                     .value = mem_strdup(value),
                                     .by = mem_strdup(or_none(by)),
                                     .when_ms = now_ms};
    list_append(rows, &setting->link);
    count_row(settings, place, 1);
}

/* ---- the store ------------------------------------------------------------------------------- */

troupe_status turn_settings_store(const struct turn_settings *settings,
                                  const struct turn_place *place, const char *section,
                                  const char *key, const char *value, const char *by,
                                  int64_t now_ms, struct store_batch *batch, struct error *err)
{
    const struct turn_place at = normal(place);
    _cleanup_mem_ char *guild = guild_key(place);
    const size_t *count = map_get(&settings->guilds, guild);

    if (!value) {
        store_batch_add(batch,
                        STORE_SQL(SQL_SETTING_REMOVE, store_text(at.account), store_text(at.guild),
                                  store_text(turn_scope_name(at.scope)), store_text(at.id),
                                  store_text(section), store_text(key)));
        return TROUPE_OK;
    }
    if (strcmp(section, TURN_SETTING_PAUSE) && /* there is room for silence always */
        !turn_settings_at(settings, place, section, key) &&
        ((count && *count >= TURN_SETTINGS_GUILD_MAX) || settings->count >= TURN_SETTINGS_MAX))
        return error_set(err, TROUPE_LIMIT,
                         "there are too many settings here already; take one away first");
    if (strlen(value) > TURN_SETTING_VALUE_MAX)
        return error_set(err, TROUPE_LIMIT, "a setting takes at most %d bytes",
                         TURN_SETTING_VALUE_MAX);
    store_batch_add(batch, STORE_SQL(SQL_SETTING_PUT, store_text(at.account), store_text(at.guild),
                                     store_text(turn_scope_name(at.scope)), store_text(at.id),
                                     store_text(section), store_text(key), store_text(value),
                                     store_int(now_ms), store_text(or_none(by))));
    return TROUPE_OK;
}

static bool scope_of(const char *name, enum turn_scope *ret)
{
    for (size_t i = 0; i < sizeof(scope_names) / sizeof(scope_names[0]); i++)
        if (!strcmp(scope_names[i], name)) {
            *ret = (enum turn_scope)i;
            return true;
        }
    return false;
}

static troupe_status load_some(struct engine *engine, struct turn_settings *into, size_t from,
                               size_t *ret_count, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        engine->store, STORE_SQL(SQL_SETTING_LOAD, store_int(LOAD_ROWS), store_int((int64_t)from)),
        turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    *ret_count = rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        struct turn_place place = {.account = store_cell_text(rows, i, 0, ""),
                                   .guild = store_cell_text(rows, i, 1, ""),
                                   .id = store_cell_text(rows, i, 3, "")};

        if (scope_of(store_cell_text(rows, i, 2, ""), &place.scope))
            turn_settings_apply(into, &place, store_cell_text(rows, i, 4, ""),
                                store_cell_text(rows, i, 5, ""), store_cell_text(rows, i, 6, ""),
                                store_cell_text(rows, i, 8, ""), store_cell_int(rows, i, 7, 0));
    }
    return TROUPE_OK;
}

static troupe_status load(struct engine *engine, struct turn_settings *into, struct error *err)
{
    size_t count = LOAD_ROWS;
    troupe_status status = TROUPE_OK;

    for (size_t from = 0; status == TROUPE_OK && count == LOAD_ROWS; from += LOAD_ROWS)
        status = load_some(engine, into, from, &count, err);
    return status;
}

troupe_status turn_settings_load(struct engine *engine, struct error *err)
{
    return load(engine, &engine->settings, err);
}

troupe_status turn_settings_refresh(struct engine *engine, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement mark = {.sql = SQL_SETTING_MARK, .expect = STORE_ANY};
    struct turn_settings fresh = {0}, old;
    int64_t count, sum;
    troupe_status status;

    if (!store_is_shared(engine->store))
        return TROUPE_OK;
    status = store_query(engine->store, &mark, turn_engine_soon(engine), &rows, err);
    if (status < 0)
        return status;
    count = store_cell_int(rows, 0, 0, 0);
    sum = store_cell_int(rows, 0, 1, 0);
    if (count == engine->settings_count && sum == engine->settings_sum)
        return TROUPE_OK;
    status = load(engine, &fresh, err);
    if (status < 0) {
        turn_settings_clear(&fresh);
        return status;
    }
    /* What was set here meanwhile and is not in it changes the marks: the next look finds it. */
    old = engine->settings;
    engine->settings = fresh;
    engine->settings_count = count;
    engine->settings_sum = sum;
    turn_settings_clear(&old);
    turn_settings_check(engine);
    return TROUPE_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

struct config_schema *turn_settings_schemas(const struct plugin_set *set, size_t *ret_count)
{
    struct config_schema *schemas = mem_zero(set->agent_count + 1, sizeof(*schemas));

    for (size_t i = 0; i < set->agent_count; i++)
        schemas[i] =
            (struct config_schema){"agent", set->agents[i]->name, set->agents[i]->manifest->schema,
                                   set->agents[i]->manifest->key_count, CONFIG_NAMED};
    *ret_count = set->agent_count;
    return schemas;
}

int64_t turn_settings_int(const struct engine *engine, const struct event *event,
                          const char *section, const char *key)
{
    return turn_engine_setting(engine, event, section, key,
                               config_int(config_section(engine->set->config, section, NULL), key));
}

int64_t turn_engine_setting(const struct engine *engine, const struct event *event,
                            const char *section, const char *key, int64_t floor)
{
    const struct turn_setting *setting = turn_settings_find(&engine->settings, event, section, key);
    struct arena arena = {NULL, 0};
    struct config_setting found;
    struct config_value value;
    char name[2 * CONFIG_MAX_NAME + 2];

    if (!setting)
        return floor;
    snprintf(name, sizeof(name), "%s.%s", section, key);
    if (config_setting_find(NULL, 0, name, &found, NULL) == TROUPE_OK &&
        config_setting_read(&found, setting->value, &arena, &value, NULL) == TROUPE_OK)
        floor = value.number;
    arena_clear(&arena);
    return floor;
}

static void check_row(struct engine *engine, const struct config_schema *schemas, size_t count,
                      const struct turn_setting *row)
{
    struct turn_settings *settings = &engine->settings;
    _cleanup_mem_ char *name = mem_printf("%s.%s", row->section, row->key);
    struct arena arena = {NULL, 0};
    struct config_setting found;
    struct config_value value;
    size_t used = strlen(settings->ignored_names);
    struct error err;

    if (!strcmp(row->section, TURN_SETTING_PAUSE))
        return;
    if (config_setting_find(schemas, count, name, &found, &err) < 0 ||
        config_setting_read(&found, row->value, &arena, &value, &err) < 0) {
        if (settings->ignored < NAMED_MAX)
            log_warn("settings", "%s of %s %s%s%s is ignored: %s", name,
                     turn_scope_name(row->scope), *row->id ? row->id : row->guild,
                     *row->by ? ", set by " : "", row->by, err.text);
        settings->ignored++;
        snprintf(settings->ignored_names + used, sizeof(settings->ignored_names) - used, "%s%s",
                 used ? ", " : "", name);
    }
    arena_clear(&arena);
}

void turn_settings_check(struct engine *engine)
{
    struct turn_settings *settings = &engine->settings;
    size_t count;
    _cleanup_mem_ struct config_schema *schemas = turn_settings_schemas(engine->set, &count);

    settings->ignored = 0;
    settings->ignored_names[0] = '\0';
    map_for_each (entry, &settings->places) {
        const struct list_link *rows = entry->value;

        list_for_each (link, rows)
            check_row(engine, schemas, count, container_of(link, struct turn_setting, link));
    }
    if (settings->ignored > NAMED_MAX)
        log_warn("settings", "%zu more settings are ignored", settings->ignored - NAMED_MAX);
}
