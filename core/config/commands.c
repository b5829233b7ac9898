/* SPDX-License-Identifier: Apache-2.0
 *
 * Which commands run: those of the values that hold after the last layer, in the order of the
 * entries. Whether a value is ever asked for is known to the second step only, so it does not count.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/command.h"

#include <string.h>

/* The next "cmd:…" of a value, by the rules of config_expand; NULL when there is none. */
static const char *next_command(const char *text, size_t *ret_len)
{
    static const char open[] = "${cmd:";

    while (*text) {
        const char *close;

        if (text_starts(text, "$${")) {
            text += 3;
            continue;
        }
        if (!text_starts(text, "${")) {
            text++;
            continue;
        }
        if (!(close = strchr(text, '}')))
            return NULL;
        if (text_starts(text, open)) {
            *ret_len = (size_t)(close - text) - strlen(open);
            return text + strlen(open);
        }
        text = close + 1;
    }
    return NULL;
}

/* What `command` comes to: as it is known, or by running it now. */
static const struct raw_command *look_up(struct config_raw *raw, const char *command,
                                         uint64_t deadline)
{
    struct raw_command *entry = map_get(&raw->commands, command);
    uint64_t now = clock_ms(), left = deadline > now ? deadline - now : 0;
    struct error err = {0};

    if (entry)
        return entry;
    entry = arena_alloc(&raw->arena, sizeof(*entry));
    *entry = (struct raw_command){NULL, NULL};
    if (raw->commands.count == CONFIG_MAX_COMMANDS)
        error_set(&err, TROUPE_CONFIG, "more than %d different commands", CONFIG_MAX_COMMANDS);
    else if (!left)
        error_set(&err, TROUPE_CONFIG,
                  "its command was not run: those before it took %d s, which is all that commands "
                  "have together",
                  CONFIG_COMMANDS_MS / 1000);
    else
        config_command_run(command, left < CONFIG_COMMAND_MS ? left : CONFIG_COMMAND_MS,
                           &entry->output, &err);
    if (err.status < 0)
        entry->problem = arena_strdup(&raw->arena, err.text);
    if (raw->commands.count < CONFIG_MAX_COMMANDS)
        map_set(&raw->commands, command, entry);
    return entry;
}

static void run_commands_of(struct config_raw *raw, const struct raw_section *section,
                            const struct raw_entry *entry, uint64_t deadline,
                            struct config_problems *problems)
{
    const char *at = entry->value;
    size_t len;

    while ((at = next_command(at, &len))) {
        _cleanup_mem_ char *command = mem_strndup(at, len);
        const struct raw_command *done;
        char *text;

        at += len;
        text = text_trim(command);
        if (!*text) {
            problem_at(problems, entry->source, entry->line,
                       "key \"%s\" in [%s]: ${cmd:} needs a command", entry->key, section->title);
            continue;
        }
        if (entry->source->writable) {
            problem_at(problems, entry->source, entry->line,
                       "key \"%s\" in [%s]: others can write this file and so choose what command "
                       "the host runs; run chmod go-w on it",
                       entry->key, section->title);
            return;
        }
        done = look_up(raw, text, deadline);
        if (done->problem)
            problem_at(problems, entry->source, entry->line, "key \"%s\" in [%s]: %s", entry->key,
                       section->title, done->problem);
    }
}

void raw_run_commands(struct config_raw *raw, struct config_problems *problems)
{
    const uint64_t deadline = clock_ms() + CONFIG_COMMANDS_MS;

    for (size_t i = 0; i < raw->count; i++)
        for (size_t k = 0; k < raw->sections[i]->count; k++)
            run_commands_of(raw, raw->sections[i], raw->sections[i]->entries[k], deadline,
                            problems);
}

const struct raw_command *raw_command(const struct config_raw *raw, const char *command)
{
    return map_get(&raw->commands, command);
}

void raw_commands_clear(struct config_raw *raw)
{
    map_for_each (entry, &raw->commands) {
        struct raw_command *command = entry->value;

        if (command->output)
            explicit_bzero(command->output, strlen(command->output));
        mem_free(command->output);
    }
    map_clear(&raw->commands);
}
