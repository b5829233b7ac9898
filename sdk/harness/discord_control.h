/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test says to the fake: JSON over HTTP under /_fake/, without authorization.
 */
#ifndef DISCORD_CONTROL_H
#define DISCORD_CONTROL_H

#include "discord.h"

/* A request below /_fake/. */
void discord_control_take(struct discord *discord, struct discord_conn *conn,
                          const struct discord_http *http);
/* Answers whoever waited for what is true by now, or waited long enough. */
void discord_wait_check(struct discord *discord);
void discord_wait_add(struct discord *discord, struct discord_conn *conn,
                      struct discord_slice query);
void discord_wait_gone(struct discord *discord, struct discord_conn *conn);
/* The value of a counter or of a made-up one by name; false: no such name. */
bool discord_wait_value(struct discord *discord, const char *name, uint64_t *ret);
/* Defaults, command line and script; the world is made. EX_OK, or the status to exit with after a word on
 * stderr. */
int discord_options_read(struct discord *discord, int argc, char **argv);
/* Options that may change while it runs, from a JSON object; false: a name is not known. */
bool discord_options_set(struct discord *discord, const json_t *source, char *err, size_t err_size);

#endif
