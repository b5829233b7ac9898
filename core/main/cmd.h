/* SPDX-License-Identifier: Apache-2.0
 *
 * The subcommands. Each gives the exit status.
 */
#ifndef MAIN_CMD_H
#define MAIN_CMD_H

#include "main/options.h"

int cmd_init(struct options *options);
int cmd_doctor(struct options *options);
int cmd_run(struct options *options);
int cmd_chat(struct options *options);
int cmd_check(struct options *options);
int cmd_dev(struct options *options);
int cmd_plugin(struct options *options);
int cmd_config(struct options *options);
int cmd_backup(struct options *options);
int cmd_restore(struct options *options);
int cmd_migrate(struct options *options);
int cmd_reseal(struct options *options);
int cmd_schema(struct options *options);

/* To a running host. */
int cmd_status(struct options *options);
int cmd_reload(struct options *options);
int cmd_plugins(struct options *options);
int cmd_functions(struct options *options);
int cmd_audit(struct options *options);
int cmd_usage(struct options *options);
int cmd_budget(struct options *options);
int cmd_call(struct options *options);
int cmd_user(struct options *options);
int cmd_why(struct options *options);
int cmd_tail(struct options *options);
int cmd_drain(struct options *options);
int cmd_stop(struct options *options);
int cmd_log_level(struct options *options);

/* `troupe plugin WORD`; what it is about is the second argument. */
int cmd_plugin_check(struct options *options);
int cmd_plugin_describe(struct options *options);
int cmd_plugin_new(struct options *options);
int cmd_plugin_test(struct options *options);

#endif
