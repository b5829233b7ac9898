/* SPDX-License-Identifier: Apache-2.0
 *
 * The console gateway: the same events as any other, from lines that somebody types. There is one
 * struct console for the process; a struct console_session is somebody at it with an output of
 * their own: a terminal, a pipe and a connection of the control socket all look the same. Every
 * session is the same channel, so a talk goes on wherever it is taken up. Ids are decimal: a
 * member's follows from the name alone, a message's is unique for ever. Loop thread only; nothing
 * here waits, but console_session_attach.
 *
 * Answers are shown piece by piece, one at a time: while one is being shown, text of others is kept
 * and follows when that one has ended. They go to the session that asked or, when that has gone, to
 * another; what nobody is there to see stays in the outbox for the next session. Nothing is stored
 * of what streams: whoever comes later, also after a restart, sees the whole answer. What comes from
 * answers, names and notices can not move the cursor: control characters other than newline and
 * tab, and bytes that are no UTF-8, are replaced.
 */
#ifndef GATEWAY_CONSOLE_CONSOLE_H
#define GATEWAY_CONSOLE_CONSOLE_H

#include "gateway/gateway.h"

#define CONSOLE_SOURCE   "console" /* of every event, and the gateway's name   */
#define CONSOLE_NAME_MAX 64        /* bytes of a member's name                 */
#define CONSOLE_OPEN_MAX 64        /* messages of a session without their answer */

struct console;
struct console_session;
struct outbox;

struct console_options {
    struct outbox *outbox; /* lives longer than the console */
    /* A message or a press came in; takes over the reference. */
    void (*submit)(void *arg, struct event *event);
    void *arg;
};

struct console *console_new(const struct console_options *options);
/* No session is left, and the engine has let go of every event and answer. NULL is fine. */
void console_free(struct console *console);
struct gateway *console_gateway(struct console *console);
size_t console_sessions(const struct console *console);
/* The channel of every session, for turn_engine_stop_channel. Static. */
const char *console_channel(void);

struct console_session_options {
    const char *member;   /* who types at first: the owner. NULL: "you" */
    const char *bot_name; /* NULL: "Troupe"                             */
    /* Text to show. Required. */
    void (*output)(void *arg, const char *text, size_t len);
    /* Another member types from now on. May be NULL. */
    void (*member_changed)(void *arg, const char *name);
    /* Every message so far has had its answer; also after a line that asked nothing. May be
     * NULL. */
    void (*settled)(void *arg);
    /* The line "/quit". May be NULL: it is a message then. */
    void (*quit)(void *arg);
    void *arg;
};

/* The texts are copied. */
struct console_session *console_session_new(struct console *console,
                                            const struct console_session_options *options);
/* What was not shown whole waits for another session. Not inside one of its callbacks, nor while
 * console_session_attach runs. NULL is fine. */
void console_session_free(struct console_session *session);
/* Shows what nobody was there to see. [waits] */
troupe_status console_session_attach(struct console_session *session, struct error *err);

/* One line without its end: "/as NAME", "/press N[,N...] [of MESSAGE]", "/quit", a message, or while a form
 * is open what stands in its next field ("/close" leaves it). What can not
 * be taken (no UTF-8, too long, too many unanswered) is told on the output and changes nothing. */
void console_session_line(struct console_session *session, const char *line, size_t len);

/* Messages that have no whole answer yet. */
size_t console_session_open(const struct console_session *session);
const char *console_session_member(const struct console_session *session);

#endif
