/* SPDX-License-Identifier: Apache-2.0
 *
 * Between session.c, which drives the state machine, and session_connect.c, which waits for it. One
 * connection and one waiting job exist at a time; what an older one still says is not heard.
 */
#ifndef GATEWAY_DISCORD_SESSION_PRIVATE_H
#define GATEWAY_DISCORD_SESSION_PRIVATE_H

#include "gateway/discord/inflate.h"
#include "gateway/discord/session_machine.h"
#include "loop/op.h"
#include "loop/scope.h"
#include "net/ws.h"

struct discord_session {
    struct loop *loop;
    struct discord_machine machine;
    struct discord_session_handler handler;
    void *arg;
    char *ca_file, *proxy; /* NULL: none */
    enum discord_compress compress;
    bool compress_local;

    struct loop_timer timer;
    struct scope scope;      /* of the jobs                                           */
    struct scope *job_scope; /* of the newest, NULL: none runs                        */
    uint64_t serial;         /* of the connection; a job of another one is not heard  */
    struct ws *ws;           /* NULL: none                                            */
    struct discord_inflate *inflate;
    bool leaving;    /* `ws` says good-bye                                            */
    struct op *gone; /* who stops it waits for this                                   */
    bool freed;
};

/* Begins to connect, or to ask for leave to identify; the machine is told of the end. */
void discord_session_connect(struct discord_session *session, const char *url, uint64_t deadline);
void discord_session_count(struct discord_session *session, uint64_t deadline);
/* Without a word. */
void discord_session_drop(struct discord_session *session);
/* Wakes who stops the session when nothing of it is left. */
void discord_session_check_gone(struct discord_session *session);

#endif
