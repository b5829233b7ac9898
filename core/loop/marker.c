/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/marker.h"

#include "loop/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SIGNAL_STACK_SIZE ((size_t)64 * 1024)

void marker_text(struct marker_line *line, const char *text)
{
    while (*text && line->len < sizeof(line->text) - 1) {
        char c = *text++;

        line->text[line->len++] = c < ' ' && c >= 0 ? '?' : c;
    }
}

static void number(struct marker_line *line, uint64_t value, unsigned base)
{
    char digits[24];
    size_t at = sizeof(digits) - 1;

    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    marker_text(line, digits + at);
}

void marker_decimal(struct marker_line *line, uint64_t value)
{
    number(line, value, 10);
}

void marker_hex(struct marker_line *line, uint64_t value)
{
    marker_text(line, "0x");
    number(line, value, 16);
}

void marker_flush(struct marker_line *line, int fd)
{
    size_t done = 0;

    line->text[line->len] = '\n'; /* marker_text leaves this place free */
    while (fd >= 0 && done <= line->len) {
        ssize_t n = write(fd, line->text + done, line->len + 1 - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
}

void marker_write(const char *path, struct marker_line *line)
{
    int fd;

    if (!path || !*path)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    marker_flush(line, fd);
    (void)fsync(fd);
    close(fd);
}

/* One word and the blank behind it; NULL where it does not fit. */
static const char *take_word(const char *at, char *word, size_t size)
{
    size_t len = strcspn(at, " \n");

    if (len == 0 || len >= size)
        return NULL;
    memcpy(word, at, len);
    word[len] = '\0';
    return at[len] == ' ' ? at + len + 1 : at + len;
}

troupe_status marker_read(const char *path, struct marker *ret)
{
    struct marker marker = {.turn = 0};
    char text[sizeof(((struct marker_line *)0)->text) + 1], turn[24], *end;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const char *at;
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? TROUPE_NOT_FOUND : TROUPE_DATA;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n < 0)
        return TROUPE_DATA;
    text[n] = '\0';
    if (!(at = take_word(text, marker.kind, sizeof(marker.kind))) ||
        !(at = take_word(at, marker.owner, sizeof(marker.owner))) ||
        !(at = take_word(at, turn, sizeof(turn))))
        return TROUPE_DATA;
    if (strcmp(marker.kind, "crash") != 0 && strcmp(marker.kind, "hang") != 0)
        return TROUPE_DATA;
    marker.turn = strtoull(turn, &end, 10);
    if (*end || turn[0] < '0' || turn[0] > '9')
        return TROUPE_DATA;
    memcpy(marker.detail, at, strnlen(at, sizeof(marker.detail) - 1));
    marker.detail[strcspn(marker.detail, "\n")] = '\0';
    *ret = marker;
    return TROUPE_OK;
}

void marker_owner(const struct loop *loop, char thread_name[32], struct co_owner *ret)
{
    struct marker_line name = {.len = 0};
    char own[16] = "";

    if (loop && pthread_equal(pthread_self(), loop->thread)) {
        *ret = loop->running ? loop->running->owner : (struct co_owner){"core:loop", 0};
        return;
    }
    (void)prctl(PR_GET_NAME, own, 0, 0, 0);
    own[sizeof(own) - 1] = '\0';
    marker_text(&name, "thread:");
    marker_text(&name, own);
    memcpy(thread_name, name.text, name.len);
    thread_name[name.len] = '\0';
    *ret = (struct co_owner){thread_name, 0};
}

troupe_status marker_signal_stack(struct error *err)
{
    /* Static, because a process has one loop with fault handler and watchdog, and the stack must
     * outlive everything that may still get a signal. */
    static char memory[SIGNAL_STACK_SIZE] __attribute__((aligned(16)));
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)}, old;

    if (sigaltstack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE))
        return TROUPE_OK;
    if (sigaltstack(&stack, NULL) != 0)
        return error_set(err, TROUPE_FAILED, "cannot set a stack for signals: %s", strerror(errno));
    return TROUPE_OK;
}
