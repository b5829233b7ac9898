/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe plugin test [DIR|FILE]`: becomes the player of sdk/harness, which knows nothing of the core
 * and starts this program again as the host that it talks to.
 */
#include "base/mem.h"
#include "main/cmd.h"
#include "main/paths.h"
#include "main/print.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int cmd_plugin_test(struct options *options)
{
    _cleanup_mem_ char *player = NULL, *libexec = NULL, *sentence = NULL;
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    const char *argv[11], **next = argv;
    struct paths paths;

    exe[len > 0 ? len : 0] = 0;
    paths_init(&paths);
    libexec = mem_strdup(paths.libexec);
    paths_clear(&paths);
    player = mem_printf("%s/troupe-play", libexec);
    *next++ = player;
    *next++ = "--troupe";
    *next++ = exe;
    *next++ = "--libexec";
    *next++ = libexec;
    if (options->sanitize)
        *next++ = "--sanitize";
    if (options->quiet)
        *next++ = "--quiet";
    if (options->argument_count > 1) {
        *next++ = "--";
        *next++ = options->arguments[1];
    }
    *next = NULL;
    (void)execv(player, (char *const *)(uintptr_t)argv);
    sentence =
        mem_printf("cannot start \"%s\": %s; install the whole package", player, strerror(errno));
    print_failure(sentence);
    return EX_OSFILE;
}
