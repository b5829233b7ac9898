/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings in layers: the files are the floor, and above them lie, from low to high, what was set
 * for the bot, for a server, for a channel and for a role. All of them are rows of the store, kept in
 * memory whole. Only keys that a table marks as settable count; what is stored is the text that
 * somebody wrote, read anew by the key's own type, so that a row which a newer generation does not
 * understand is ignored and named, not obeyed by halves. Loop thread.
 */
#ifndef TURN_SETTINGS_H
#define TURN_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "config/config.h"
#include "gateway/event.h"

struct engine;
struct plugin_set;
struct store_batch;
struct turn;

#define TURN_SETTINGS_MAX       10000   /* rows in all                        */
#define TURN_SETTINGS_GUILD_MAX 500     /* of one server, or outside of any   */
#define TURN_SETTING_VALUE_MAX  2000    /* bytes                              */
#define TURN_SETTING_PAUSE      "pause" /* section of pause.h's rows: no layer's */

enum turn_scope { TURN_SCOPE_BOT, TURN_SCOPE_GUILD, TURN_SCOPE_CHANNEL, TURN_SCOPE_ROLE };
const char *turn_scope_name(enum turn_scope scope);

/* Where a setting holds. `guild` is the server that it belongs to: a channel or role of another one
 * is never met. NULL is none. */
struct turn_place {
    enum turn_scope scope;
    const char *account, *guild, *id;
};

struct turn_setting {
    struct list_link link; /* of its place, in the order they were set */
    enum turn_scope scope;
    char *account, *guild, *id; /* "": none */
    char *section, *key, *value, *by;
    int64_t when_ms;
};

struct turn_settings {
    struct map places; /* "scope\naccount\nguild\nid" -> struct list_link of struct turn_setting */
    struct map guilds; /* "account\nguild" -> number of its rows                                  */
    size_t count;
    size_t ignored;          /* by the current set       */
    char ignored_names[512]; /* the first of them, for status */
};

/* Reads all rows. [waits] */
troupe_status turn_settings_load(struct engine *engine, struct error *err);
/* The same where another host on the database has changed some; to be called now and then. [waits] */
troupe_status turn_settings_refresh(struct engine *engine, struct error *err);
void turn_settings_clear(struct turn_settings *settings);
/* Looks which rows the current set understands; the others are named in the log. */
void turn_settings_check(struct engine *engine);

/* The row that counts for the event: role over channel over server over bot; of several roles the one
 * that was set last. NULL: none, the files count. */
const struct turn_setting *turn_settings_find(const struct turn_settings *settings,
                                              const struct event *event, const char *section,
                                              const char *key);
/* The row of exactly that place. */
const struct turn_setting *turn_settings_at(const struct turn_settings *settings,
                                            const struct turn_place *place, const char *section,
                                            const char *key);
/* The rows of a place; NULL: none. */
const struct list_link *turn_settings_of(const struct turn_settings *settings,
                                         const struct turn_place *place);
/* A whole number of the core's own section for the event: settings, then the files. */
int64_t turn_settings_int(const struct engine *engine, const struct event *event,
                          const char *section, const char *key);

/* Adds the statement that stores the value (NULL: takes it away). TROUPE_LIMIT where there is no
 * room. turn_settings_apply makes it count, after the commit. */
troupe_status turn_settings_store(const struct turn_settings *settings,
                                  const struct turn_place *place, const char *section,
                                  const char *key, const char *value, const char *by,
                                  int64_t now_ms, struct store_batch *batch, struct error *err);
void turn_settings_apply(struct turn_settings *settings, const struct turn_place *place,
                         const char *section, const char *key, const char *value, const char *by,
                         int64_t now_ms);

/* The tables of the set's agents, one each; mem_free. */
struct config_schema *turn_settings_schemas(const struct plugin_set *set, size_t *ret_count);

#endif
