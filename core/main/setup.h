/* SPDX-License-Identifier: Apache-2.0
 *
 * From the command line to what the host needs: its options, the log, the control socket's path.
 */
#ifndef MAIN_SETUP_H
#define MAIN_SETUP_H

#include "base/log.h"
#include "main/host.h"
#include "main/options.h"
#include "main/paths.h"

struct setup {
    struct options *options;
    struct paths paths;
    struct host_options host; /* points into the two above */
};

/* Also tells an uninstalled host where its price table is, where [agent llm] exists. */
void setup_init(struct setup *setup, struct options *options);
void setup_clear(struct setup *setup);
/* host_boot with its problems printed. The exit status, 0 when `ret` is there. */
int setup_boot(const struct setup *setup, struct host_boot **ret);

/* Whether nobody has said yet which language model to use: [agent llm] is there, or no file is at
 * all, and base_url is unset. False, too, where the configuration does not hold. */
bool setup_wants_model(const struct setup *setup);

/* The log as configured; -v and --quiet win over the file. In a chat only warnings are shown unless
 * the command line says otherwise, and always as text. */
void setup_log(const struct options *options, const struct config *config, bool chat);
/* Where the host answers, as the options and the configuration say; the built-in place where that
 * does not hold: a host that runs must be reachable with a broken file, too. mem_free. */
char *setup_socket(const struct setup *setup);

#endif
