/* SPDX-License-Identifier: Apache-2.0
 *
 * What Discord has against what it is to have. It fills in defaults and adds fields of its own, so
 * only what was declared is compared: an overwrite that changes nothing would count to the 200 new
 * commands a day and make clients load the list anew.
 */
#include "gateway/discord/command_json.h"

#include "base/json.h"

#include <string.h>

#define TYPE_SLASH   1
#define TYPE_MESSAGE 3

static bool equal_text(const json_t *a, const json_t *b, const char *key)
{
    const char *left = json_get_str(a, key, ""), *right = json_get_str(b, key, "");

    return !strcmp(left, right);
}

static bool equal_flag(const json_t *a, const json_t *b, const char *key)
{
    return json_is_true(json_object_get(a, key)) == json_is_true(json_object_get(b, key));
}

/* 3 and 3.0 are the same to Discord. */
static bool equal_number(const json_t *a, const json_t *b, const char *key)
{
    const json_t *left = json_object_get(a, key), *right = json_object_get(b, key);

    if (!json_is_number(left) || !json_is_number(right))
        return json_is_number(left) == json_is_number(right);
    return json_number_value(left) == json_number_value(right);
}

static bool equal_choices(const json_t *a, const json_t *b)
{
    const json_t *left = json_object_get(a, "choices"), *right = json_object_get(b, "choices");

    if (json_array_size(left) != json_array_size(right))
        return false;
    for (size_t i = 0; i < json_array_size(left); i++)
        if (!equal_text(json_array_get(left, i), json_array_get(right, i), "name") ||
            !equal_text(json_array_get(left, i), json_array_get(right, i), "value"))
            return false;
    return true;
}

static bool equal_option(const json_t *a, const json_t *b)
{
    return equal_number(a, b, "type") && equal_text(a, b, "name") &&
           equal_text(a, b, "description") && equal_flag(a, b, "required") &&
           equal_flag(a, b, "autocomplete") && equal_choices(a, b) &&
           equal_number(a, b, "min_value") && equal_number(a, b, "max_value") &&
           equal_number(a, b, "min_length") && equal_number(a, b, "max_length");
}

/* Lists of numbers in any order; what a server's own commands do not have does not count. */
static bool equal_set(const json_t *wanted, const json_t *there, const char *key)
{
    const json_t *left = json_object_get(wanted, key), *right = json_object_get(there, key);
    const json_t *item;
    size_t i;

    if (!json_is_array(right))
        return true;
    if (json_array_size(left) != json_array_size(right))
        return false;
    json_array_foreach (left, i, item) {
        bool found = false;

        for (size_t k = 0; k < json_array_size(right); k++)
            found |= json_equal(item, json_array_get(right, k)) != 0;
        if (!found)
            return false;
    }
    return true;
}

static bool equal_command(const json_t *wanted, const json_t *there)
{
    const json_t *left = json_object_get(wanted, "options");
    const json_t *right = json_object_get(there, "options");

    if (!equal_text(wanted, there, "description") || !equal_flag(wanted, there, "nsfw") ||
        !equal_text(wanted, there, "default_member_permissions") ||
        !equal_set(wanted, there, "contexts") || !equal_set(wanted, there, "integration_types") ||
        json_array_size(left) != json_array_size(right))
        return false;
    for (size_t i = 0; i < json_array_size(left); i++)
        if (!equal_option(json_array_get(left, i), json_array_get(right, i)))
            return false;
    return true;
}

static int64_t type_of(const json_t *command)
{
    return json_get_int(command, "type", TYPE_SLASH);
}

/* Typed ones and menus; what else an application has is registered elsewhere. */
static bool is_ours(const json_t *command)
{
    return type_of(command) >= TYPE_SLASH && type_of(command) <= TYPE_MESSAGE;
}

static const json_t *named(const json_t *list, int64_t type, const char *name)
{
    const json_t *command;
    size_t i;

    json_array_foreach (list, i, command)
        if (type_of(command) == type && !strcmp(json_get_str(command, "name", ""), name))
            return command;
    return NULL;
}

/* An overwrite deletes what it does not name; others' entries go back as they are. */
static json_t *kept(const json_t *command)
{
    static const char *const keys[] = {"id",
                                       "type",
                                       "name",
                                       "name_localizations",
                                       "description",
                                       "description_localizations",
                                       "default_member_permissions",
                                       "integration_types",
                                       "contexts",
                                       "nsfw",
                                       "handler"};
    json_t *copy = json_object();

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *value = json_object_get(command, keys[i]);

        if (value && !json_is_null(value))
            json_object_set(copy, keys[i], value);
    }
    return copy;
}

json_t *discord_commands_diff(const json_t *wanted, const json_t *there)
{
    size_t ours = 0, i;
    const json_t *command;
    bool same = true;
    json_t *all;

    json_array_foreach (there, i, command)
        ours += is_ours(command);
    same = ours == json_array_size(wanted);
    json_array_foreach (wanted, i, command) {
        const json_t *old = named(there, type_of(command), json_get_str(command, "name", ""));

        same = same && old && equal_command(command, old);
    }
    if (same)
        return NULL;
    all = json_copy((json_t *)(uintptr_t)wanted);
    json_array_foreach (there, i, command)
        if (!is_ours(command))
            json_array_append_new(all, kept(command));
    return all;
}
