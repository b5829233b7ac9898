/* SPDX-License-Identifier: Apache-2.0
 *
 * A statement on its way to a driver: copied whole, since its waiter may leave at any time; what its batch was
 * given is the batch's, which stays as long.
 */
#include "store/driver.h"

static troupe_status copy_size(const struct store_statement *statement, size_t sql_len, size_t *ret)
{
    size_t size = sql_len + 2 * (size_t)STORE_NAME_MAX + 2;
    const struct store_scope *scope = statement->scope;

    if (scope) {
        const char *const texts[] = {scope->account, scope->guild, scope->channel, scope->member};

        for (size_t i = 0; i < 4; i++)
            size += texts[i] ? strlen(texts[i]) + 1 : 0;
    }
    for (size_t i = 0; i < statement->param_count; i++) {
        const struct store_value *value = &statement->params[i];

        if (!size_add(size, sizeof(*value) + 16, &size) ||
            !size_add(size, value->given ? 0 : value->len, &size))
            return TROUPE_LIMIT;
    }
    *ret = size;
    return TROUPE_OK;
}

static const char *copy_text(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

/* The core's own texts are known by themselves: none begins like a namespace's key, as no SQL is a name
 * and a line feed. */
static void set_key(struct arena *arena, const struct store_statement *statement, size_t ns_len,
                    size_t sql_len, struct store_command *command)
{
    char *key;

    if (statement->sql_stays && !ns_len) {
        command->key = command->sql = statement->sql;
        command->key_len = sql_len;
        return;
    }
    key = arena_alloc(arena, ns_len + sql_len + 2);
    if (ns_len)
        memcpy(key, statement->ns, ns_len);
    key[ns_len] = '\n';
    memcpy(key + ns_len + 1, statement->sql, sql_len);
    command->key = key;
    command->key_len = ns_len + 1 + sql_len;
    command->sql = key + ns_len + 1;
}

troupe_status store_command_copy(struct arena *arena, const struct store_statement *statement,
                                 size_t max_bytes, struct store_command *ret, struct error *err)
{
    struct store_command command = {.expect = statement->expect};
    size_t ns_len = statement->ns ? strlen(statement->ns) : 0;
    size_t sql_len, size = 0;
    struct store_value *params;

    if (!statement->sql)
        return error_set(err, TROUPE_ARGUMENT, "a statement without SQL");
    if (statement->ns && !store_ns_valid(statement->ns))
        return error_set(err, TROUPE_ARGUMENT, "namespace \"%.80s\" is not a name for one",
                         statement->ns);
    if (statement->param_count > STORE_PARAMETERS_MAX)
        return error_set(err, TROUPE_LIMIT, "more than %d values for one statement",
                         STORE_PARAMETERS_MAX);
    sql_len = strlen(statement->sql);
    if (copy_size(statement, sql_len, &size) < 0 || size > max_bytes ||
        arena->used > max_bytes - size)
        return error_set(err, TROUPE_LIMIT, "more than %zu bytes of statements and values",
                         max_bytes);
    set_key(arena, statement, ns_len, sql_len, &command);
    command.ns = ns_len ? arena_strdup(arena, statement->ns) : NULL;
    if (statement->scope) {
        command.scope.account = copy_text(arena, statement->scope->account);
        command.scope.guild = copy_text(arena, statement->scope->guild);
        command.scope.channel = copy_text(arena, statement->scope->channel);
        command.scope.member = copy_text(arena, statement->scope->member);
    }
    params = arena_alloc(arena, statement->param_count * sizeof(*params));
    for (size_t i = 0; i < statement->param_count; i++) {
        params[i] = statement->params[i];
        if ((params[i].type == STORE_TEXT || params[i].type == STORE_BLOB) && !params[i].given)
            params[i].data = arena_strndup(arena, params[i].data, params[i].len);
        params[i].name = copy_text(arena, params[i].name);
        command.named = command.named || params[i].name;
    }
    command.params = params;
    command.param_count = statement->param_count;
    *ret = command;
    return TROUPE_OK;
}

void store_command_reset(struct store_command *command)
{
    store_rows_free(command->rows);
    command->rows = NULL;
    command->changes = command->rowid = 0;
}

/* The n-th value that has no name, from 1. */
static const struct store_value *positional(const struct store_command *command, size_t position)
{
    if (!command->named)
        return position <= command->param_count ? &command->params[position - 1] : NULL;
    for (size_t i = 0; i < command->param_count; i++)
        if (!command->params[i].name && --position == 0)
            return &command->params[i];
    return NULL;
}

static const struct store_value *named(const struct store_command *command, const char *name)
{
    for (size_t i = 0; i < command->param_count; i++)
        if (command->params[i].name && strcmp(command->params[i].name, name) == 0)
            return &command->params[i];
    return NULL;
}

const struct store_value *store_command_value(const struct store_command *command,
                                              const struct store_slot *slot,
                                              struct store_value *scratch)
{
    const struct store_scope *scope = &command->scope;

    if (slot->position)
        return positional(command, slot->position);
    if (!command->ns || !store_name_reserved(slot->name))
        return named(command, slot->name);
    switch (slot->name[0]) {
    case 'a': *scratch = store_text(scope->account); break;
    case 'g': *scratch = store_text(scope->guild); break;
    case 'c': *scratch = store_text(scope->channel); break;
    default: *scratch = store_text(scope->member); break;
    }
    return scratch;
}

static struct store_value identity_of(const struct store_command *command,
                                      const struct store_source *source,
                                      const struct store_batch *batch)
{
    const struct store_slot slot = {.position = source->position, .name = source->name};
    const struct store_value *value;
    struct store_value scratch;

    if (source->literal)
        return store_text(source->literal);
    value = store_command_value(command, &slot, &scratch);
    if (value && value->type == STORE_ROWID)
        return batch ? store_int(batch->commands[value->integer].rowid) : store_null();
    return value ? *value : store_null();
}

troupe_status store_command_seal(const struct store_command *command, const struct store_slot *slot,
                                 const struct store_batch *batch, struct seal *seal,
                                 struct store_value *ret, struct error *err)
{
    const struct store_sealing *sealing = slot->sealing;
    struct seal_place place = {
        .ns = command->ns, .place = sealing->place, .identity_count = sealing->identity_count};
    const struct store_value *value;
    struct store_value scratch, none = store_null();

    for (size_t i = 0; i < sealing->identity_count; i++)
        place.identity[i] = identity_of(command, &sealing->identity[i], batch);
    value = store_command_value(command, slot, &scratch);
    return seal_value(seal, &place, value ? value : &none, ret, err);
}

troupe_status store_command_check(const struct store_command *command, const struct store_sql *sql,
                                  struct error *err)
{
    size_t positions = command->named ? 0 : command->param_count;

    for (size_t i = 0; command->named && i < command->param_count; i++) {
        const char *name = command->params[i].name;
        bool used = false;

        if (!name) {
            positions++;
            continue;
        }
        if (command->ns && store_name_reserved(name))
            return error_set(err, TROUPE_DENIED,
                             "the value of \":%s\" is the host's: leave it out and use it", name);
        for (size_t k = 0; k < sql->slot_count && !used; k++)
            used = sql->slots[k].name && strcmp(sql->slots[k].name, name) == 0;
        if (!used)
            return error_set(err, TROUPE_ARGUMENT, "the statement has no parameter \":%.64s\"",
                             name);
    }
    if (positions != sql->positions)
        return error_set(err, TROUPE_ARGUMENT,
                         "%zu values for %zu positional parameters in \"%.120s\"", positions,
                         sql->positions, command->sql);
    return TROUPE_OK;
}
