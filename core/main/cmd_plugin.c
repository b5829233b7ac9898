/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe plugin WORD …`: what authors do with a plugin's file.
 */
#include "base/mem.h"
#include "base/text.h"
#include "main/cmd.h"
#include "main/print.h"

#include <string.h>
#include <sysexits.h>

static const struct {
    const char *name;
    size_t least, most; /* arguments, with the word */
    int (*run)(struct options *options);
} words[] = {
    {"new", 2, 2, cmd_plugin_new},
    {"test", 1, 2, cmd_plugin_test},
    {"check", 2, 2, cmd_plugin_check},
    {"describe", 2, 3, cmd_plugin_describe},
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

int cmd_plugin(struct options *options)
{
    const char *word = options->arguments[0], *names[WORD_COUNT], *nearest;
    _cleanup_mem_ char *sentence = NULL;

    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (!strcmp(words[i].name, word)) {
            if (options->argument_count < words[i].least)
                sentence = mem_printf("say what for: troupe plugin %s needs a name or a file; see "
                                      "troupe help plugin",
                                      word);
            else if (options->argument_count > words[i].most)
                sentence = mem_printf("\"%s\" is too much: see troupe help plugin",
                                      options->arguments[words[i].most]);
            else
                return words[i].run(options);
            print_failure(sentence);
            return EX_USAGE;
        }
        names[i] = words[i].name;
    }
    nearest = text_nearest(word, names, WORD_COUNT);
    sentence =
        mem_printf("\"%s\" is nothing that troupe plugin does%s%s%s; see troupe help plugin", word,
                   nearest ? ", did you mean \"" : "", nearest ? nearest : "", nearest ? "\"" : "");
    print_failure(sentence);
    return EX_USAGE;
}
