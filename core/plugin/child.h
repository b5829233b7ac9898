/* SPDX-License-Identifier: Apache-2.0
 *
 * One process of an isolated agent, as the host holds it: the socket, the messages in both directions
 * and the end. It knows what a message is (wire.h) and nothing of what is said. Its end is a readable
 * pidfd, or the socket's end where the kernel has none; nothing is read from a process that broke the
 * rules. Loop thread.
 */
#ifndef PLUGIN_CHILD_H
#define PLUGIN_CHILD_H

#include "base/error.h"
#include "base/list.h"
#include "loop/look.h"
#include "plugin/guest.h"
#include "plugin/wire.h"

#define CHILD_QUEUE_MAX (256u << 20) /* bytes that wait to be sent */
#define CHILD_AT_ONCE   64           /* frames that are read before others have a turn */

struct plugin_child {
    struct loop *loop;
    void (*message)(struct plugin_child *child, const struct wire_head *head, struct buf *payload);
    void (*ended)(struct plugin_child *child); /* once; plugin_child_free is allowed from then on */
    void *owner;
    pid_t pid;
    int fd, pidfd;
    struct guest_page *page; /* NULL: there is none */
    uv_poll_t socket, death;
    struct loop_look look; /* for its answer */
    struct guest_look worth;
    uint32_t seen;    /* messages of it that were read */
    unsigned handles; /* open */
    bool writable;    /* it is being waited for */
    struct wire_reader reader;
    struct list_link queue; /* frames that wait */
    size_t queued;
    bool silenced; /* nothing of it is taken any more: it was killed, or says nothing more */
    bool over;     /* it has ended and was reaped */
    int wait_status;
    char why[160]; /* that it was killed for; empty: it died of itself */
    char frame[sizeof(struct wire_head) + WIRE_FRAME_MAX];
};

/* Takes pid, socket and page; `page_fd` is closed. */
struct plugin_child *plugin_child_new(struct loop *loop, pid_t pid, int fd, int page_fd);
/* Queued where the socket is full; a process that takes nothing is killed. */
void plugin_child_send(struct plugin_child *child, const struct wire_head *head,
                       const void *payload, size_t len);
/* Ends it by SIGKILL; the first reason stands. `ended` follows. */
void plugin_child_kill(struct plugin_child *child, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Whose number stands in the page; 0: nobody's. The page is the child's to write: only a hint. */
uint32_t plugin_child_running(const struct plugin_child *child);
/* How it ended, for people: "signal SEGV", "exit status 3", or what it was killed for. */
void plugin_child_cause(const struct plugin_child *child, char *ret, size_t size);
/* Whether somebody else killed it (an admin, the kernel for want of memory), after `ended`. */
bool plugin_child_was_killed(const struct plugin_child *child);
/* After `ended`. NULL is fine. */
void plugin_child_free(struct plugin_child *child);

#endif
