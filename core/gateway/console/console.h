/* SPDX-License-Identifier: Apache-2.0
 *
 * The console gateway: the same events as any other, from lines that somebody types. One struct
 * console is one session with its own output; a terminal, a pipe and a connection of the control
 * socket all look the same to it. Every session is the same channel, so a talk goes on wherever it
 * is taken up. Ids are decimal: a member's follows from the name alone, a message's is unique for
 * ever. Loop thread only; nothing here waits.
 *
 * Answers are shown piece by piece, one at a time: while one is being shown, text of others is kept
 * and follows when that one has ended. What comes from answers, names and notices can not move the
 * cursor: control characters other than newline and tab, and bytes that are no UTF-8, are replaced.
 */
#ifndef GATEWAY_CONSOLE_CONSOLE_H
#define GATEWAY_CONSOLE_CONSOLE_H

#include "gateway/gateway.h"

#define CONSOLE_SOURCE   "console" /* of every event, and the gateway's name   */
#define CONSOLE_NAME_MAX 64        /* bytes of a member's name                 */
#define CONSOLE_OPEN_MAX 64        /* messages of a session without their answer */

struct console;

struct console_options {
    const char *member;   /* who types at first: the owner. NULL: "you" */
    const char *bot_name; /* NULL: "Troupe"                             */
    /* Text to show. Required. */
    void (*output)(void *arg, const char *text, size_t len);
    /* A message came in; takes over the reference. Required. */
    void (*submit)(void *arg, struct event *event);
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
struct console *console_new(const struct console_options *options);
/* The engine has let go of the gateway (turn_engine_detach); events of open messages lose it, too.
 * NULL is fine. */
void console_free(struct console *console);
struct gateway *console_gateway(struct console *console);

/* One line without its end: "/as NAME", "/quit" or a message. What can not be taken (no UTF-8, too
 * long, too many unanswered) is told on the output and changes nothing. */
void console_line(struct console *console, const char *line, size_t len);

/* Messages that have no whole answer yet. */
size_t console_open(const struct console *console);
const char *console_member(const struct console *console);
/* The channel of every session, for turn_engine_stop_channel. Static. */
const char *console_channel(void);

#endif
