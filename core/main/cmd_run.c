/* SPDX-License-Identifier: Apache-2.0 */
#include "main/app.h"
#include "main/cmd.h"
#include "ops/signals.h"

int cmd_run(struct options *options)
{
    struct setup setup;
    int code;

    ops_signals_block();
    setup_init(&setup, options);
    code = app_run(&setup, NULL);
    setup_clear(&setup);
    return code;
}
