/* SPDX-License-Identifier: Apache-2.0
 *
 * The other side of the control socket, for the command line: blocking, without a loop.
 */
#ifndef OPS_CLIENT_H
#define OPS_CLIENT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#include <stdint.h>

struct ops_client {
    int fd;
    struct buf in;
};

/* TROUPE_UNAVAILABLE, with the remedy, where no host answers; TROUPE_DENIED without permission. */
troupe_status ops_client_open(struct ops_client *client, const char *path, struct error *err);
void ops_client_close(struct ops_client *client);
/* One line each way. `ret_line` lives until the next call. TROUPE_END: the host closed. */
troupe_status ops_client_send(struct ops_client *client, const json_t *object, struct error *err);
troupe_status ops_client_receive(struct ops_client *client, uint32_t timeout_ms, json_t **ret,
                                 struct error *err);
/* Sends {"cmd": …} and takes the answer apart: its result, or its error as status and text, and
 * the exit code for it in `ret_exit` (always set). A command that failed may have a result, too:
 * `ret_result` is set, maybe to NULL, whenever an answer came. Steals `request`. */
troupe_status ops_client_call(struct ops_client *client, json_t *request, uint32_t timeout_ms,
                              json_t **ret_result, int *ret_exit, struct error *err);
/* Waits until the host has closed the connection: after "stop" it is gone then. */
troupe_status ops_client_wait_end(struct ops_client *client, uint32_t timeout_ms);

#endif
