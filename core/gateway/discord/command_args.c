/* SPDX-License-Identifier: Apache-2.0
 *
 * What an interaction says about a command's options.
 */
#include "gateway/discord/command_json.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/fetch.h"
#include "gateway/files.h"

#include <string.h>
#include <strings.h>

static const struct gateway_param *param_of(const struct gateway_command *command, const char *name)
{
    for (size_t i = 0; i < command->param_count; i++)
        if (!strcmp(command->params[i].name, name))
            return &command->params[i];
    return NULL;
}

/* JSON comes as the text that was typed; what is none stays a text, for the function to refuse. */
static json_t *value_of(const struct gateway_param *param, const json_t *value)
{
    json_t *parsed;

    if (param && param->type == GATEWAY_PARAM_JSON && json_is_string(value) &&
        json_parse(json_string_value(value), json_string_length(value), &parsed, NULL) == TROUPE_OK)
        return parsed;
    return json_incref((json_t *)(uintptr_t)value);
}

static void set_text(json_t *arguments, const char *param, const char *text)
{
    if (param && text)
        json_object_set_new(arguments, param, json_string(text));
}

/* A member by the id; a message by what `resolved` says of it, which is how it reads at that moment. */
static void take_target(const struct gateway_command *command, const json_t *data,
                        json_t *arguments)
{
    const char *id = json_get_str(data, "target_id", NULL);
    const json_t *messages = json_object_get(json_object_get(data, "resolved"), "messages");
    const json_t *message = id ? json_object_get(messages, id) : NULL;

    if (command->offer == GATEWAY_MEMBER_MENU) {
        set_text(arguments, command->member_param, id);
        return;
    }
    set_text(arguments, command->id_param, id);
    set_text(arguments, command->text_param, json_get_str(message, "content", ""));
    set_text(arguments, command->member_param,
             json_get_str(json_object_get(message, "author"), "id", NULL));
}

/* A file is known by its place in the event's list of them, from 1. */
static json_t *take_file(const json_t *data, const json_t *value, json_t *files)
{
    const json_t *given = json_object_get(json_object_get(data, "resolved"), "attachments");
    const char *id = json_string_value(value);
    const json_t *file = id ? json_object_get(given, id) : NULL;

    if (!file || json_array_size(files) >= GATEWAY_FILES_MAX)
        return json_integer(GATEWAY_FILES_MAX + 1); /* which is refused: there is none */
    json_array_append_new(files, discord_fetch_file(file));
    return json_integer((json_int_t)json_array_size(files));
}

char *discord_command_arguments(const struct gateway_command *command, const json_t *data,
                                char **ret_files)
{
    _cleanup_json_ json_t *arguments = json_object(), *files = json_array();
    const json_t *option;
    size_t i;

    if (command && command->offer != GATEWAY_TYPED)
        take_target(command, data, arguments);

    json_array_foreach (json_object_get(data, "options"), i, option) {
        const char *name = json_get_str(option, "name", NULL);
        const json_t *value = json_object_get(option, "value");

        if (!name || !value)
            continue;
        if (json_get_int(option, "type", 0) == DISCORD_OPTION_FILE)
            json_object_set_new(arguments, name, take_file(data, value, files));
        else
            json_object_set_new(arguments, name,
                                value_of(command ? param_of(command, name) : NULL, value));
    }
    *ret_files = json_array_size(files) ? json_print(files) : NULL;
    return json_print(arguments);
}

json_t *discord_command_complete(const struct gateway_command *command, const json_t *data)
{
    const struct gateway_param *param = NULL;
    const char *typed = "";
    const json_t *option;
    json_t *choices = json_array();
    size_t i;

    json_array_foreach (json_object_get(data, "options"), i, option) {
        if (!json_is_true(json_object_get(option, "focused")) || !command)
            continue;
        param = param_of(command, json_get_str(option, "name", ""));
        typed = json_get_str(option, "value", "");
    }
    for (i = 0; param && i < param->choice_count; i++) {
        const char *choice = param->choices[i];

        if (json_array_size(choices) == DISCORD_COMMAND_CHOICES)
            break;
        /* A longer one may be typed; Discord takes it from no list. */
        if (strncasecmp(choice, typed, strlen(typed)) == 0 &&
            strlen(choice) <= DISCORD_COMMAND_TEXT)
            json_array_append_new(choices,
                                  json_pack("{s:s, s:s}", "name", choice, "value", choice));
    }
    return choices;
}
