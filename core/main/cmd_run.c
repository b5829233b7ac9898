/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "main/app.h"
#include "main/cmd.h"
#include "main/supervise.h"
#include "ops/signals.h"

/* The same command line without the word that asked for it. */
static int run_supervised(const struct options *options)
{
    _cleanup_mem_ char **argv = NULL;
    size_t count = 0, kept = 0;

    while (options->words[count])
        count++;
    argv = mem_zero(count + 1, sizeof(*argv));
    for (size_t i = 0; i < count; i++)
        if (options->words[i] != options->supervise)
            argv[kept++] = options->words[i];
    return supervise_run(argv);
}

int cmd_run(struct options *options)
{
    struct setup setup;
    int code;

    if (options->supervise)
        return run_supervised(options);
    ops_signals_block();
    setup_init(&setup, options);
    code = app_run(&setup, NULL);
    setup_clear(&setup);
    return code;
}
