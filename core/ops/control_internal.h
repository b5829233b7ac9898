/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket inside: control.c listens, control_client.c speaks the protocol with one
 * client, control_chat.c joins a client to a console session.
 */
#ifndef OPS_CONTROL_INTERNAL_H
#define OPS_CONTROL_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "gateway/console/console.h"
#include "loop/op.h"
#include "loop/scope.h"
#include "ops/control.h"

#define CONTROL_CHUNK 65536

struct ops_control {
    struct loop *loop;
    struct ops_control_options options;
    char *path;
    uv_pipe_t listener;
    bool listening;
    bool stopping;
    struct list_link clients; /* struct control_client */
    size_t client_count;
    struct op *gone; /* while stopping: complete when the last handle is closed */
    char chunk[CONTROL_CHUNK];
};

struct control_client {
    struct list_link link;
    struct ops_control *control;
    uv_pipe_t pipe;
    uv_shutdown_t shutdown;
    struct loop_timer timer; /* idle time; once `ending`, the time to flush */
    unsigned holds;          /* open handles, and the running command       */
    struct buf in;
    bool reading;
    bool ending;  /* no more input; closed when all is written */
    bool shut;    /* no more output either                     */
    bool closing; /* the handles are being closed              */
    bool gone;    /* the connection is closed                  */
    bool holding; /* a command asked to stay connected         */
    /* The running command, NULL between commands. */
    const struct ops_command *command;
    json_t *request;
    json_t *result;
    troupe_status status;
    struct error error;
    struct scope scope;
    /* After "chat". */
    struct console_session *console;
    bool attaching; /* a coroutine of `scope` takes up what a restart cut */
};

/* `fd` is connected and belongs to the client from here on, also on failure; -1: the connection that
 * waits on the listener. Credentials are checked. */
troupe_status control_client_new(struct ops_control *control, int fd, struct error *err);
/* Writes what is queued, then closes; at most a second. */
void control_client_end(struct control_client *client);
void control_client_close(struct control_client *client);
/* One line out. Steals `object`. */
void control_client_send(struct control_client *client, json_t *object);
void control_client_send_error(struct control_client *client, troupe_status status,
                               const char *text);
/* Gives one of `holds` back; the last one frees. */
void control_client_release(struct control_client *client);
/* A client is gone. */
void control_client_left(struct ops_control *control);

void control_chat_begin(struct control_client *client, const json_t *request);
void control_chat_request(struct control_client *client, const json_t *request);
/* Detaches the session. Not from within one of its callbacks. */
void control_chat_end(struct control_client *client);

#endif
