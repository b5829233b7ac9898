/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands as Discord registers them (application-commands.mdx), within its documented limits: what
 * does not fit is left out and named, so that Discord never refuses the whole list for one of them.
 * Pure.
 */
#ifndef GATEWAY_DISCORD_COMMAND_JSON_H
#define GATEWAY_DISCORD_COMMAND_JSON_H

#include "base/buf.h"
#include "gateway/command.h"

#include <jansson.h>

#define DISCORD_COMMANDS_MAX       100
#define DISCORD_MENUS_MAX          5 /* of members, and of messages                      */
#define DISCORD_COMMAND_OPTIONS    25
#define DISCORD_COMMAND_CHOICES    25
#define DISCORD_COMMAND_CHARACTERS 8000 /* names, descriptions and values of one command */
#define DISCORD_OPTION_FILE        11   /* the type of an option                         */
#define DISCORD_COMMAND_TEXT       100  /* characters of a description or a choice       */

/* The list for a bulk overwrite. A line for each command that is left out goes to `left_out` (may
 * be NULL), with the reason. The caller's. */
json_t *discord_commands_json(const struct gateway_commands *commands, struct buf *left_out);
/* What the overwrite has to say where Discord has `there` (the answer to its GET): `wanted`, and of
 * `there` what is of no kind that we register. NULL: nothing is to be changed. The
 * caller's. */
json_t *discord_commands_diff(const json_t *wanted, const json_t *there);

/* Discord's number of where a command is offered, and back; a number of no kind is GATEWAY_TYPED. */
int discord_command_type(enum gateway_offer offer);
enum gateway_offer discord_command_offer(int type);

/* The arguments of an interaction's data as a JSON object by the parameters' names; of a menu they are
 * what it says about its target. A file is its place in `ret_files`, from 1, which is the list that an
 * event has of them, or NULL. Both mem_free. */
char *discord_command_arguments(const struct gateway_command *command, const json_t *data,
                                char **ret_files);
/* The choices for the option that has the focus, as an autocompletion answers them: those that begin
 * with what was typed, whatever its case; an empty list where nothing fits. The caller's. */
json_t *discord_command_complete(const struct gateway_command *command, const json_t *data);

#endif
