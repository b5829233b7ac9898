/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket: a running host answers its operator. A Unix stream socket that only the
 * host's user, root and (when given) one group may use; the peer's credentials are checked and
 * logged. One JSON object a line each way:
 *
 *   {"cmd": "status", …}  ->  {"ok": true, "result": …}
 *                             {"ok": false, "status": "config", "error": "sentence", "exit": 78}
 *                             and "result" where a command that failed has more to say
 *
 * A connection runs one command at a time and may send the next after the answer. "chat" turns the
 * connection into a console session: then {"line": "…"} and {"stop": true} go in, {"text": "…"} and
 * {"event": "settled"|"member"|"quit"} come out.
 *
 * Bounds: OPS_CONTROL_CLIENTS connections, OPS_CONTROL_LINE bytes a line in, OPS_CONTROL_BACKLOG
 * bytes that a client has not read, a deadline for every command. Loop thread; [waits] needs a
 * coroutine.
 */
#ifndef OPS_CONTROL_H
#define OPS_CONTROL_H

#include "base/error.h"
#include "base/json.h"
#include "gateway/event.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <sys/types.h>

#define OPS_CONTROL_CLIENTS 32
#define OPS_CONTROL_LINE    ((size_t)1 << 20)
#define OPS_CONTROL_BACKLOG ((size_t)4 << 20)
#define OPS_CONTROL_IDLE_MS 60000 /* for a first or next command; a chat may be silent */

struct console;
struct ops_control;

/* One command. The handler gives a result (a new reference; NULL stands for {}) or an error, and
 * may give a result beside the error. */
struct ops_command {
    const char *name;
    /* [waits] `request` is borrowed. */
    troupe_status (*run)(void *arg, const json_t *request, json_t **ret_result, struct error *err);
    uint32_t deadline_ms; /* 0: 10,000                                                       */
    bool goes_on;         /* it is not cancelled when the client leaves: reload, stop         */
    bool holds;           /* the connection stays open after the answer, to show when the host */
                          /* is gone                                                          */
};

/* What a chat needs of the host. */
struct ops_chat_host {
    struct console *(*console)(void *arg); /* where sessions sit; the host's */
    /* A session is there, and has seen what waited for it; it stays until this returns. May be
     * NULL. [waits] */
    void (*attach)(void *arg, struct gateway *gateway);
    size_t (*stop)(void *arg, const char *channel);
    const char *(*bot_name)(void *arg);
    const char *(*member)(void *arg); /* who types at first */
};

struct ops_control_options {
    const char *path; /* of the socket; NULL: none is bound, see ops_control_adopt */
    gid_t group;      /* may connect, too; (gid_t)-1: nobody                        */
    const struct ops_command *commands; /* besides ping, log-level and chat; static         */
    size_t command_count;
    const struct ops_chat_host *chat; /* NULL: chat is refused */
    void *arg;                        /* of handlers and chat  */
};

/* Binds and listens. A socket that is left over is replaced; one that somebody answers on gives
 * TROUPE_UNAVAILABLE. Missing directories are made for the owner alone. */
troupe_status ops_control_start(struct loop *loop, const struct ops_control_options *options,
                                struct ops_control **ret, struct error *err);
/* Takes a connected stream socket as a client; it is closed on failure, too. */
troupe_status ops_control_adopt(struct ops_control *control, int fd, struct error *err);
size_t ops_control_clients(const struct ops_control *control);
/* Ends every command and connection after what is written went out (at most a second), removes the
 * socket and frees. NULL is fine. [waits] */
void ops_control_stop(struct ops_control *control);

/* The sysexits code that goes with a status. */
int ops_exit_code(troupe_status status);

#endif
