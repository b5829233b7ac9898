/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/child.h"

#include "base/child.h"
#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A frame that did not fit into the socket. */
struct queued {
    struct list_link link;
    size_t len;
    char frame[];
};

static void on_socket(uv_poll_t *poll, int code, int events);

static void watch(struct plugin_child *child)
{
    int events = (child->silenced ? 0 : UV_READABLE) |
                 (!child->silenced && !list_empty(&child->queue) ? UV_WRITABLE : 0);

    if (child->fd < 0)
        return;
    if (events)
        uv_poll_start(&child->socket, events, on_socket);
    else
        uv_poll_stop(&child->socket);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
    struct plugin_child *child = handle->data;

    if (--child->handles > 0)
        return;
    if (child->fd >= 0)
        close(child->fd);
    if (child->pidfd >= 0)
        close(child->pidfd);
    child->fd = child->pidfd = -1;
    child->ended(child);
}

static void over(struct plugin_child *child)
{
    if (child->over)
        return;
    child->over = child->silenced = true;
    loop_look_stop(&child->look);
    /* With all that it might have started, which the sandbox does not allow. */
    child->wait_status = child_reap(child->pid, true);
    uv_close((uv_handle_t *)&child->socket, handle_closed);
    if (child->pidfd >= 0)
        uv_close((uv_handle_t *)&child->death, handle_closed);
}

void plugin_child_kill(struct plugin_child *child, const char *format, ...)
{
    va_list args;

    if (child->over || child->why[0])
        return;
    va_start(args, format);
    vsnprintf(child->why, sizeof(child->why), format, args);
    va_end(args);
    child->silenced = true;
    kill(child->pid, SIGKILL);
    watch(child);
    if (child->pidfd < 0)
        over(child);
}

void plugin_child_cause(const struct plugin_child *child, char *ret, size_t size)
{
    const char *name;

    if (child->why[0]) {
        snprintf(ret, size, "%s", child->why);
    } else if (WIFSIGNALED(child->wait_status)) {
        name = sigabbrev_np(WTERMSIG(child->wait_status));
        snprintf(ret, size, "signal %s", name ? name : "?");
    } else {
        snprintf(ret, size, "exit status %d", WEXITSTATUS(child->wait_status));
    }
}

bool plugin_child_was_killed(const struct plugin_child *child)
{
    return !child->why[0] && WIFSIGNALED(child->wait_status) &&
           WTERMSIG(child->wait_status) == SIGKILL;
}

uint32_t plugin_child_running(const struct plugin_child *child)
{
    return child->page ? (uint32_t)child->page->running : 0;
}

void plugin_child_free(struct plugin_child *child)
{
    struct list_link *link;

    if (!child)
        return;
    while ((link = list_pop(&child->queue)))
        mem_free(container_of(link, struct queued, link));
    wire_reader_clear(&child->reader);
    if (child->page)
        munmap(child->page, sizeof(*child->page));
    mem_free(child);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void receive(struct plugin_child *child)
{
    for (int i = 0; i < CHILD_AT_ONCE && !child->silenced; i++) {
        struct error err;
        troupe_status status;
        /* The whole length also of a frame that is too long. */
        ssize_t n = recv(child->fd, child->frame, sizeof(child->frame), MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            /* It cannot be spoken with any more, whatever it still does. */
            child->silenced = true;
            kill(child->pid, SIGKILL);
            watch(child);
            if (child->pidfd < 0)
                over(child);
            return;
        }
        if ((size_t)n > sizeof(child->frame)) {
            plugin_child_kill(child, "it sent a frame of %zd bytes", n);
            return;
        }
        status = wire_read(&child->reader, child->frame, (size_t)n, &err);
        child->seen += status == TROUPE_OK;
        if (status == TROUPE_OK)
            child->message(child, &child->reader.head, &child->reader.payload);
        else if (status != TROUPE_END)
            plugin_child_kill(child, "it sent %s", err.text);
    }
}

static bool look(struct loop_look *look)
{
    struct plugin_child *child = container_of(look, struct plugin_child, look);
    uint32_t sent = atomic_load_explicit(&child->page->sent, memory_order_acquire);

    if ((int32_t)(sent - child->seen) <= 0 && !child->silenced)
        return false;
    loop_look_stop(look);
    guest_look_done(&child->worth, true);
    receive(child);
    return true;
}

static void missed(struct loop_look *look)
{
    guest_look_done(&container_of(look, struct plugin_child, look)->worth, false);
}

/* What it said last is there still. */
static void on_death(uv_poll_t *poll, int code, int events)
{
    struct plugin_child *child = poll->data;

    (void)code;
    (void)events;
    receive(child);
    over(child);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* False: the socket is full. What else fails is told by its end. */
static bool send_frame(const struct plugin_child *child, const void *head, size_t head_len,
                       const void *payload, size_t len)
{
    /* Neither is written to. */
    struct iovec parts[2] = {{(void *)(uintptr_t)head, head_len},
                             {(void *)(uintptr_t)payload, len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = len ? 2 : 1};
    ssize_t n;

    do
        n = sendmsg(child->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

static void enqueue(struct plugin_child *child, const struct wire_head *head, const char *payload)
{
    size_t len = sizeof(*head) + head->length;
    struct queued *queued = mem_alloc(sizeof(*queued) + len);

    list_init(&queued->link);
    queued->len = len;
    memcpy(queued->frame, head, sizeof(*head));
    if (payload)
        memcpy(queued->frame + sizeof(*head), payload, head->length);
    list_append(&child->queue, &queued->link);
    child->queued += len;
}

/* It has something to do, and may say something at once. */
static void look_soon(struct plugin_child *child)
{
    struct guest_page *page = child->page;

    if (!page)
        return;
    atomic_store_explicit(&page->host_processor, guest_processor(), memory_order_relaxed);
    atomic_fetch_add_explicit(&page->host_sent, 1, memory_order_release);
    if (!guest_look_worth(&child->worth,
                          atomic_load_explicit(&page->processor, memory_order_relaxed)))
        return;
    loop_look_start(child->loop, &child->look);
}

void plugin_child_send(struct plugin_child *child, const struct wire_head *head,
                       const void *payload, size_t len)
{
    size_t at = 0, from = 0;
    struct wire_head frame;
    bool begun = false;

    if (child->silenced)
        return;
    if (child->queued > CHILD_QUEUE_MAX) {
        plugin_child_kill(child, "it does not read what it asked for");
        return;
    }
    while (wire_next(head, len, &at, &begun, &frame)) {
        const char *part = frame.length ? (const char *)payload + from : NULL;

        if (!list_empty(&child->queue) ||
            !send_frame(child, &frame, sizeof(frame), part, frame.length))
            enqueue(child, &frame, part);
        from = at;
    }
    if (!list_empty(&child->queue))
        watch(child);
    look_soon(child);
}

static void flush(struct plugin_child *child)
{
    while (!list_empty(&child->queue)) {
        struct queued *queued = container_of(child->queue.next, struct queued, link);

        if (!send_frame(child, queued->frame, queued->len, NULL, 0))
            return;
        child->queued -= queued->len;
        list_remove(&queued->link);
        mem_free(queued);
    }
    watch(child);
}

static void on_socket(uv_poll_t *poll, int code, int events)
{
    struct plugin_child *child = poll->data;

    if (code < 0 || (events & UV_READABLE))
        receive(child);
    if ((events & UV_WRITABLE) && !child->silenced)
        flush(child);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct plugin_child *plugin_child_new(struct loop *loop, pid_t pid, int fd, int page_fd)
{
    struct plugin_child *child = mem_zero(1, sizeof(*child));
    void *page = page_fd < 0 ? MAP_FAILED
                             : mmap(NULL, sizeof(struct guest_page), PROT_READ | PROT_WRITE,
                                    MAP_SHARED, page_fd, 0);

    if (page_fd >= 0)
        close(page_fd);
    child->loop = loop;
    child->pid = pid;
    child->fd = fd;
    child->page = page == MAP_FAILED ? NULL : page;
    child->pidfd = child_pidfd(pid);
    list_init(&child->queue);
    loop_look_init(&child->look, look, missed);
    child->socket.data = child->death.data = child;
    uv_poll_init(loop_uv(loop), &child->socket, fd);
    child->handles = 1;
    if (child->pidfd >= 0) {
        uv_poll_init(loop_uv(loop), &child->death, child->pidfd);
        uv_poll_start(&child->death, UV_READABLE, on_death);
        child->handles = 2;
    }
    watch(child);
    return child;
}
