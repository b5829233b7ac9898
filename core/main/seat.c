/* SPDX-License-Identifier: Apache-2.0 */
#include "main/seat.h"

#include "base/list.h"
#include "base/mem.h"
#include "main/print.h"
#include "ops/chat.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

struct seat {
    pthread_t thread;
    struct loop *loop;
    struct loop_task task;
    void (*left)(void *arg);
    void *arg;
    int fd;
    struct ops_chat_options options;
    char *history;
    troupe_status status;
    struct error error;
};

static void has_left(struct loop_task *task)
{
    struct seat *seat = container_of(task, struct seat, task);

    seat->left(seat->arg);
}

static void *sit(void *arg)
{
    struct seat *seat = arg;

    seat->status = ops_chat_run(seat->fd, &seat->options, &seat->error);
    /* UNAVAILABLE: the host closed the connection, it is stopping already. */
    if (seat->status != TROUPE_UNAVAILABLE)
        loop_post(seat->loop, &seat->task);
    return NULL;
}

troupe_status seat_take(struct loop *loop, struct ops_control *control, bool terminal,
                        const char *data_dir, void (*left)(void *arg), void *arg, struct seat **ret,
                        struct error *err)
{
    struct seat *seat;
    troupe_status status;
    int pair[2], rc;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set(err, TROUPE_IO, "the chat cannot be joined to the host: %s",
                         strerror(errno));
    status = ops_control_adopt(control, pair[0], err);
    if (status < 0) {
        close(pair[1]);
        return status;
    }
    seat = mem_zero(1, sizeof(*seat));
    seat->loop = loop;
    seat->task.run = has_left;
    seat->left = left;
    seat->arg = arg;
    seat->fd = pair[1];
    seat->history = terminal ? mem_printf("%s/console_history", data_dir) : NULL;
    seat->options = (struct ops_chat_options){.in = STDIN_FILENO,
                                              .out = STDOUT_FILENO,
                                              .terminal = terminal,
                                              .history_path = seat->history};
    rc = pthread_create(&seat->thread, NULL, sit, seat);
    if (rc) {
        close(pair[1]);
        mem_free(seat->history);
        mem_free(seat);
        return error_set(err, TROUPE_LIMIT, "the chat's thread cannot be started: %s",
                         strerror(rc));
    }
    *ret = seat;
    return TROUPE_OK;
}

int seat_leave(struct seat *seat)
{
    struct timespec until;
    int code = EX_OK;

    if (!seat)
        return EX_OK;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (pthread_timedjoin_np(seat->thread, NULL, &until) != 0)
        return EX_IOERR; /* it still uses what is here */
    if (seat->status < 0 && seat->status != TROUPE_UNAVAILABLE) {
        print_failure(seat->error.text);
        code = ops_exit_code(seat->status);
    }
    mem_free(seat->history);
    mem_free(seat);
    return code;
}
