/* SPDX-License-Identifier: Apache-2.0 */
#include "main/check.h"

#include "main/solo.h"

struct checking {
    struct host_boot *boot;
    struct config_problems *problems;
    struct config *config;
    troupe_status status;
};

static void check(struct loop *loop, void *arg)
{
    struct checking *checking = arg;

    checking->status = host_check(loop, checking->boot, checking->problems, &checking->config);
}

troupe_status check_config(const struct host_options *options, struct config_problems *problems,
                           struct config **ret)
{
    struct checking checking = {.problems = problems, .status = TROUPE_NOMEM};
    const struct solo task = {.run = check, .arg = &checking};
    troupe_status status = host_boot(options, &checking.boot, problems);
    struct error err;

    if (status < 0)
        return status;
    status = solo_run(&task, &err);
    if (status < 0)
        return config_problem(problems, NULL, 0, "%s", err.text);
    if (checking.status < 0) {
        config_unref(checking.config);
        return problems->errors
                   ? checking.status
                   : config_problem(problems, NULL, 0, "%s", status_name(checking.status));
    }
    *ret = checking.config;
    return TROUPE_OK;
}
