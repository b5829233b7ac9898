/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe check` and `troupe config --effective`: everything up to the plugins' trial, nothing
 * started and nothing written.
 */
#include "base/list.h"
#include "base/mem.h"
#include "loop/scope.h"
#include "main/cmd.h"
#include "main/print.h"
#include "main/setup.h"

#include <sysexits.h>

struct check {
    struct scope scope;
    struct host_boot *boot;
    struct config_problems problems;
    struct config *config;
    troupe_status status;
};

static troupe_status check_main(void *arg)
{
    struct check *check = arg;

    check->status = host_check(check->scope.loop, check->boot, &check->problems, &check->config);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

/* The checked configuration, the caller's, or the exit status. */
static int check_all(struct options *options, struct config **ret)
{
    static const struct co_owner owner = {.name = "core:check"};
    struct check check = {.status = TROUPE_NOMEM};
    struct setup setup;
    struct loop *loop = NULL;
    struct error err;
    int code;

    setup_init(&setup, options);
    code = setup_boot(&setup, &check.boot);
    if (!code) {
        setup_log(options, host_boot_config(check.boot), true);
        if (loop_new(NULL, &loop, &err) < 0) {
            print_failure(err.text);
            host_boot_free(check.boot);
            code = EX_OSERR;
        }
    }
    if (!code) {
        scope_open_root(loop, &check.scope, 0, ended);
        if (co_spawn(&check.scope, &owner, check_main, &check) == TROUPE_OK)
            loop_run(loop);
        (void)scope_close(&check.scope);
        print_problems(&check.problems);
        if (check.status < 0 && !check.problems.errors)
            print_failure(status_name(check.status));
        code = check.status < 0 ? EX_CONFIG : EX_OK;
        loop_free(loop);
    }
    config_problems_clear(&check.problems);
    setup_clear(&setup);
    if (!code)
        *ret = check.config;
    else
        config_unref(check.config);
    return code;
}

int cmd_check(struct options *options)
{
    struct config *config = NULL;
    int code = check_all(options, &config);

    if (!code && !options->quiet)
        (void)printf("%s: configuration is good\n",
                     *config_path(config) ? config_path(config) : "built-in defaults");
    config_unref(config);
    return code;
}

int cmd_config(struct options *options)
{
    struct config *config = NULL;
    int code;

    if (!options->effective) {
        print_failure(
            "say which: troupe config --effective shows every key, its value and the line "
            "that says so");
        return EX_USAGE;
    }
    code = check_all(options, &config);
    if (!code && options->json) {
        json_t *tree = config_json(config);

        print_json(stdout, tree);
        json_decref(tree);
    } else if (!code) {
        _cleanup_buf_ struct buf text = BUF_INIT;

        config_print(config, &text);
        print_text(stdout, buf_text(&text));
    }
    config_unref(config);
    return code;
}
