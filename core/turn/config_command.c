/* SPDX-License-Identifier: Apache-2.0
 *
 * /config: what people may change while the bot runs, and for whom. A server's admin reaches his own
 * server, its channels and its roles; what holds for the whole bot is its owner's.
 */
#include "turn/core_commands.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "turn/audit.h"
#include "turn/command.h"
#include "turn/engine_private.h"
#include "turn/rights.h"
#include "turn/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LISTED_MAX 60 /* rows of one list */

/* What was asked, taken apart. */
struct asked {
    struct turn *turn;
    const char *name; /* "limits.messages" */
    const char *value;
    struct turn_place place;
    char id[24];
    struct config_setting setting;
    struct buf out;
};

static bool read_scope(const char *name, enum turn_scope *ret)
{
    for (enum turn_scope scope = TURN_SCOPE_BOT; scope <= TURN_SCOPE_ROLE; scope++)
        if (!strcmp(turn_scope_name(scope), name)) {
            *ret = scope;
            return true;
        }
    return false;
}

/* Whose place it is decides who may write there. */
static troupe_status find_place(struct asked *asked, const troupe_value *values, struct error *err)
{
    const struct event *event = asked->turn->event;
    const char *scope = turn_core_text(&values[3], event->guild ? "guild" : "bot");
    uint64_t role = (uint64_t)turn_core_int(&values[4], 0);
    uint64_t channel = (uint64_t)turn_core_int(&values[5], 0);
    struct turn_place *place = &asked->place;

    if (role && values[3].type == TROUPE_TYPE_NULL)
        scope = "role";
    else if (channel && values[3].type == TROUPE_TYPE_NULL)
        scope = "channel";
    *place = (struct turn_place){TURN_SCOPE_BOT, event->account, event->guild, NULL};
    (void)read_scope(scope, &place->scope); /* a choice, so it is one of them */
    if (place->scope == TURN_SCOPE_BOT)
        return turn_rights_check(asked->turn, TURN_OWNER, "config scope=bot", err) ? TROUPE_OK
                                                                                   : TROUPE_DENIED;
    if (!event->guild && place->scope != TURN_SCOPE_CHANNEL)
        return error_set(err, TROUPE_ARGUMENT,
                         "there is no server here; say it in the server that you mean, or write "
                         "scope=bot");
    if (place->scope == TURN_SCOPE_ROLE) {
        if (!role)
            return error_set(err, TROUPE_ARGUMENT, "which role? write role=@role");
        snprintf(asked->id, sizeof(asked->id), "%" PRIu64, role);
        place->id = asked->id;
    } else if (place->scope == TURN_SCOPE_CHANNEL) {
        if (channel)
            snprintf(asked->id, sizeof(asked->id), "%" PRIu64, channel);
        place->id = channel ? asked->id : event->channel;
    }
    return TROUPE_OK;
}

static troupe_status find_setting(struct asked *asked, struct error *err)
{
    size_t count;
    _cleanup_mem_ struct config_schema *schemas = turn_settings_schemas(asked->turn->set, &count);

    if (!asked->name)
        return error_set(err, TROUPE_ARGUMENT, "which setting? /config list shows what there is");
    return config_setting_find(schemas, count, asked->name, &asked->setting, err);
}

static void put_place(const struct turn_place *place, struct buf *out)
{
    switch (place->scope) {
    case TURN_SCOPE_BOT: buf_puts(out, "for the whole bot"); break;
    case TURN_SCOPE_GUILD: buf_puts(out, "in this server"); break;
    case TURN_SCOPE_CHANNEL: buf_printf(out, "in channel <#%s>", place->id ? place->id : ""); break;
    case TURN_SCOPE_ROLE: buf_printf(out, "for role <@&%s>", place->id ? place->id : ""); break;
    }
}

/* ---- set, unset ------------------------------------------------------------------------------ */

/* The row and its line in the log are one commit. */
static troupe_status write_row(struct asked *asked, const char *value, const char *before,
                               struct error *err)
{
    struct turn *turn = asked->turn;
    struct engine *engine = turn->engine;
    const char *by = turn->event->member ? turn->event->member : "operator";
    const char *section = asked->setting.section, *key = asked->setting.key->name;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_buf_ struct buf subject = BUF_INIT;
    int64_t now = clock_wall_ms();
    troupe_status status = turn_settings_store(&engine->settings, &asked->place, section, key,
                                               value, by, now, batch, err);

    if (status < 0)
        return status;
    buf_printf(&subject, "%s.%s ", section, key);
    put_place(&asked->place, &subject);
    turn_audit_add(turn, value ? "config.set" : "config.unset", buf_text(&subject), before, value,
                   batch);
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK)
        turn_settings_apply(&engine->settings, &asked->place, section, key, value, by, now);
    else
        error_set(err, status, "that was not kept: the storage does not work; try again later");
    return status;
}

static troupe_status do_set(struct asked *asked, struct error *err)
{
    const struct turn_settings *settings = &asked->turn->engine->settings;
    struct arena arena = {NULL, 0};
    struct config_value value;
    const struct turn_setting *row;
    _cleanup_mem_ char *before = NULL;
    troupe_status status = find_setting(asked, err);

    if (status < 0)
        return status;
    if (!asked->value)
        return error_set(err, TROUPE_ARGUMENT,
                         "which value? write /config set %s VALUE, or /config unset %s",
                         asked->name, asked->name);
    status = config_setting_read(&asked->setting, asked->value, &arena, &value, err);
    arena_clear(&arena);
    if (status < 0)
        return status;
    row =
        turn_settings_at(settings, &asked->place, asked->setting.section, asked->setting.key->name);
    before = row ? mem_strdup(row->value) : NULL;
    status = write_row(asked, asked->value, before, err);
    if (status < 0)
        return status;
    buf_printf(&asked->out, "%s.%s is now \"%s\" ", asked->setting.section,
               asked->setting.key->name, asked->value);
    put_place(&asked->place, &asked->out);
    if (before)
        buf_printf(&asked->out, " (it was \"%s\")", before);
    return TROUPE_OK;
}

static troupe_status do_unset(struct asked *asked, struct error *err)
{
    const struct turn_setting *row;
    _cleanup_mem_ char *before = NULL;
    troupe_status status = find_setting(asked, err);

    if (status < 0)
        return status;
    row = turn_settings_at(&asked->turn->engine->settings, &asked->place, asked->setting.section,
                           asked->setting.key->name);
    if (!row) {
        buf_printf(&asked->out, "%s.%s is not set ", asked->setting.section,
                   asked->setting.key->name);
        put_place(&asked->place, &asked->out);
        return TROUPE_OK;
    }
    before = mem_strdup(row->value);
    status = write_row(asked, NULL, before, err);
    if (status < 0)
        return status;
    buf_printf(&asked->out, "%s.%s is not set any more ", asked->setting.section,
               asked->setting.key->name);
    put_place(&asked->place, &asked->out);
    buf_printf(&asked->out, " (it was \"%s\")", before);
    return TROUPE_OK;
}

/* ---- get, list ------------------------------------------------------------------------------- */

/* What the files say. */
static const char *floor_of(const struct asked *asked, const struct config_setting *setting)
{
    const struct config *config = asked->turn->set->config;
    const struct config_section *section = config_section(config, "agent", setting->section);
    const struct config_value *value;

    if (!section)
        section = config_section(config, setting->section, NULL);
    value = section ? config_value(section, setting->key->name) : NULL;
    return value && value->set ? value->text : NULL;
}

static void put_setting(void *arg, const struct config_setting *setting)
{
    struct asked *asked = arg;
    const struct turn_setting *row = turn_settings_find(
        &asked->turn->engine->settings, asked->turn->event, setting->section, setting->key->name);
    const char *floor = floor_of(asked, setting);

    buf_printf(&asked->out, "%s.%s = ", setting->section, setting->key->name);
    if (row) {
        const struct turn_place place = {row->scope, row->account, row->guild, row->id};

        buf_printf(&asked->out, "%s (", row->value);
        put_place(&place, &asked->out);
        buf_printf(&asked->out, ") — %s\n", setting->key->doc);
    } else {
        buf_printf(&asked->out, "%s — %s\n", floor ? floor : "(not set)", setting->key->doc);
    }
}

static troupe_status do_get(struct asked *asked, struct error *err)
{
    troupe_status status = find_setting(asked, err);

    if (status == TROUPE_OK)
        put_setting(asked, &asked->setting);
    return status;
}

/* What counts for who asks, and the rows of the server that make it so. */
static troupe_status do_list(struct asked *asked, struct error *err)
{
    const struct turn_settings *settings = &asked->turn->engine->settings;
    const struct event *event = asked->turn->event;
    size_t count, shown = 0;
    _cleanup_mem_ struct config_schema *schemas = turn_settings_schemas(asked->turn->set, &count);

    (void)err;
    buf_puts(&asked->out, "What holds for you here:\n");
    config_settings_each(schemas, count, put_setting, asked);
    map_for_each (entry, &settings->places) {
        const struct list_link *rows = entry->value;

        list_for_each (link, rows) {
            const struct turn_setting *row = container_of(link, struct turn_setting, link);
            const struct turn_place place = {row->scope, row->account, row->guild, row->id};

            if (!event->guild || strcmp(row->guild, event->guild) ||
                !strcmp(row->section, TURN_SETTING_PAUSE) || shown > LISTED_MAX)
                continue;
            buf_printf(&asked->out, "%s%s.%s = %s ", shown++ ? "" : "Set in this server:\n",
                       row->section, row->key, row->value);
            put_place(&place, &asked->out);
            buf_printf(&asked->out, ", by <@%s>\n", row->by);
        }
    }
    if (shown > LISTED_MAX)
        buf_puts(&asked->out, "… and more\n");
    return TROUPE_OK;
}

/* ---- audit ----------------------------------------------------------------------------------- */

static troupe_status do_audit(struct asked *asked, struct error *err)
{
    const char *guild = asked->turn->event->guild;
    _cleanup_json_ json_t *list = NULL;
    const json_t *row;
    troupe_status status;
    size_t i;

    if (!guild && !turn_rights_check(asked->turn, TURN_OWNER, "config audit", err))
        return TROUPE_DENIED;
    status = turn_audit_list(asked->turn->engine, guild, 20, &list, err);
    if (status < 0)
        return status;
    json_array_foreach (list, i, row) {
        const char *before = json_get_str(row, "before", NULL);
        const char *after = json_get_str(row, "after", NULL);

        buf_printf(&asked->out, "%.16s %s %s %s", json_get_str(row, "time", ""),
                   json_get_str(row, "name", json_get_str(row, "member", "")),
                   json_get_str(row, "action", ""), json_get_str(row, "subject", ""));
        if (before || after)
            buf_printf(&asked->out, ": %s → %s", before ? before : "(not set)",
                       after ? after : "(not set)");
        buf_putc(&asked->out, '\n');
    }
    if (!asked->out.len)
        buf_puts(&asked->out, "nothing was changed or refused yet");
    return TROUPE_OK;
}

troupe_status turn_core_config(struct turn *turn, const troupe_value *values)
{
    static const struct {
        const char *name;
        bool places; /* it is about a place */
        troupe_status (*run)(struct asked *asked, struct error *err);
    } actions[] = {{"get", false, do_get},
                   {"set", true, do_set},
                   {"unset", true, do_unset},
                   {"list", false, do_list},
                   {"audit", false, do_audit}};
    struct asked asked = {.turn = turn,
                          .name = turn_core_text(&values[1], NULL),
                          .value = values[2].type == TROUPE_TYPE_NULL ? NULL : values[2].u.s.ptr,
                          .out = BUF_INIT};
    const char *action = turn_core_text(&values[0], "list");
    troupe_status status = TROUPE_OK;
    struct error err = {0};

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].name, action) != 0)
            continue;
        status = actions[i].places ? find_place(&asked, values, &err) : TROUPE_OK;
        if (status == TROUPE_OK)
            status = actions[i].run(&asked, &err);
    }
    turn_trace_add(&turn->trace, "command config", status_name(status), status < 0 ? "%s" : NULL,
                   err.text);
    if (status < 0) {
        buf_reset(&asked.out);
        buf_puts(&asked.out, err.text);
    }
    turn_command_reply(turn, &asked.out);
    buf_clear(&asked.out);
    return status;
}
