/* SPDX-License-Identifier: Apache-2.0
 *
 * The parent's side of a trial. posix_spawn, because it shares the address space until exec: with
 * hundreds of megabytes of coroutine stacks a fork would copy page tables for milliseconds. The end
 * of the child is a readable pidfd; what it says is in a pipe that never fills up, so nothing has to
 * be read while it runs.
 */
#include "plugin/trial.h"

#include "base/child.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/op.h"
#include "plugin/trial_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MS 5 /* where the kernel has no pidfd */

struct child {
    pid_t pid;
    int pidfd;  /* -1: none */
    int result; /* read end of the pipe */
    int wait_status;
};

/* ---- starting ------------------------------------------------------------------------------ */

/* The request as a sealed-off file: no pipe to fill, no argument that others can see. */
static int request_fd(const struct plugin_trial *trial)
{
    _cleanup_json_ json_t *request = json_object(), *tables = json_array();
    _cleanup_mem_ char *text = NULL;
    size_t len;
    int fd;

    for (size_t i = 0; i < trial->registry->count; i++) {
        const struct plugin_extension *item = &trial->registry->items[i];

        /* Every table begins with its size (abi.h). */
        json_array_append_new(tables, json_pack("{s:s, s:I}", "id", item->id, "size",
                                                (json_int_t) * (const uint32_t *)item->table));
    }
    json_object_set_new(request, "mode", json_integer(trial->mode));
    json_object_set_new(request, "id", json_string(trial->image->note.id));
    json_object_set_new(request, "version", json_string(trial->image->note.version));
    json_object_set(request, "extensions", tables);
    if (trial->mode == PLUGIN_TRIAL_CREATE) {
        json_object_set_new(request, "agent", json_string(trial->agent));
        json_object_set_new(request, "values", plugin_values_to_json(trial->values));
    }
    text = json_print(request);
    fd = memfd_create("troupe-trial", MFD_CLOEXEC);
    if (fd < 0 || !text)
        return fd;
    len = strlen(text);
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, text + at, len - at);

        if (n < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return fd;
}

/* Descriptors are first moved above those that the runner wants, so that no dup2 closes another. */
static int move_up(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 16);

    if (fd >= 0)
        close(fd);
    return moved;
}

static int spawn_runner(const char *runner, int image, int request, int result, pid_t *ret_pid)
{
    char *argv[] = {(char *)(uintptr_t) "troupe-runner", NULL}, *envp[] = {NULL};
    posix_spawn_file_actions_t actions;
    int code;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, image, TRIAL_FD_IMAGE);
    posix_spawn_file_actions_adddup2(&actions, request, TRIAL_FD_REQUEST);
    posix_spawn_file_actions_adddup2(&actions, result, TRIAL_FD_RESULT);
    posix_spawn_file_actions_addclosefrom_np(&actions, TRIAL_FD_RESULT + 1);
    code = child_spawn(runner, &actions, argv, envp, ret_pid);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static troupe_status start(const struct plugin_trial *trial, struct child *ret, struct error *err)
{
    int ends[2] = {-1, -1};
    int image = move_up(dup(trial->image->fd)), request = move_up(request_fd(trial)), code = 0;
    troupe_status status = TROUPE_OK;

    if (image < 0 || request < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        code = errno;
    ends[0] = move_up(ends[0]);
    ends[1] = move_up(ends[1]);
    if (!code && (ends[0] < 0 || ends[1] < 0))
        code = EMFILE;
    if (!code)
        code = spawn_runner(trial->runner, image, request, ends[1], &ret->pid);
    if (code)
        status = error_set(err, code == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO,
                           "the runner \"%s\" cannot be started: %s; install the whole package or "
                           "name its place",
                           trial->runner, strerror(code));
    /* The child has copies of these. */
    for (int i = 0; i < 3; i++) {
        const int fds[] = {image, request, ends[1]};

        if (fds[i] >= 0)
            close(fds[i]);
    }
    if (status < 0) {
        if (ends[0] >= 0)
            close(ends[0]);
        return status;
    }
    ret->result = ends[0];
    ret->pidfd = child_pidfd(ret->pid);
    return TROUPE_OK;
}

/* ---- waiting ------------------------------------------------------------------------------- */

struct watch {
    uv_poll_t poll;
    struct op *op; /* NULL once completed */
};

static void readable(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;

    (void)events;
    uv_poll_stop(poll);
    if (watch->op)
        op_complete(watch->op, status < 0 ? TROUPE_IO : TROUPE_OK, NULL);
    watch->op = NULL;
}

static void closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Waits for the end on the pidfd. [waits] */
static troupe_status wait_on_pidfd(struct loop *loop, int pidfd, uint64_t deadline)
{
    struct watch *watch = mem_zero(1, sizeof(*watch));
    _cleanup_op_ struct op *op = NULL;
    troupe_status status;

    if (uv_poll_init(loop_uv(loop), &watch->poll, pidfd) < 0) {
        mem_free(watch);
        return TROUPE_IO;
    }
    watch->poll.data = watch;
    op = watch->op = op_new(loop, NULL);
    uv_poll_start(&watch->poll, UV_READABLE, readable);
    status = op_wait(op, deadline, NULL);
    if (watch->op) {
        uv_poll_stop(&watch->poll);
        op_complete(watch->op, TROUPE_CANCELED, NULL);
        watch->op = NULL;
    }
    uv_close((uv_handle_t *)&watch->poll, closed);
    return status;
}

/* [waits] */
static troupe_status wait_for_end(struct loop *loop, const struct child *child, uint64_t deadline)
{
    troupe_status status = TROUPE_OK;

    if (child->pidfd >= 0 && (status = wait_on_pidfd(loop, child->pidfd, deadline)) != TROUPE_IO)
        return child_has_ended(child->pid) ? TROUPE_OK : status;
    while (!child_has_ended(child->pid)) {
        if (loop_now(loop) >= deadline)
            return TROUPE_DEADLINE;
        if ((status = co_sleep(POLL_MS)) < 0)
            return status;
    }
    return TROUPE_OK;
}

/* ---- the result ---------------------------------------------------------------------------- */

static void read_result(int fd, struct buf *out)
{
    char chunk[4096];
    ssize_t n;

    out->max = PLUGIN_TRIAL_RESULT;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && buf_append(out, chunk, (size_t)n) < 0)
            return;
}

/* Reads the runner's lines; false when the last one, the verdict, is not there. */
static bool parse_result(const struct buf *text, struct buf *log, troupe_status *ret_status,
                         char sentence[ERROR_TEXT_MAX])
{
    const char *at = buf_text(text), *end = at + text->len, *stop;
    bool decided = false;

    for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
        _cleanup_json_ json_t *line = NULL;
        const char *said;

        if (json_parse(at, (size_t)(stop - at), &line, NULL) < 0 || !json_is_object(line))
            continue;
        if ((said = json_get_str(line, "log", NULL))) {
            if (log)
                buf_printf(log, "%s\n", said);
        } else if ((said = json_get_str(line, "verdict", NULL))) {
            int64_t status = json_get_int(line, "status", TROUPE_FAILED);

            decided = true;
            *ret_status = status <= 0 && status > -1000 ? (troupe_status)status : TROUPE_FAILED;
            snprintf(sentence, ERROR_TEXT_MAX, "%s", said);
        }
    }
    return decided;
}

static const char *phase(const struct plugin_trial *trial)
{
    return trial->mode == PLUGIN_TRIAL_CREATE ? "creating an agent" : "loading";
}

static troupe_status judge(const struct plugin_trial *trial, const struct child *child,
                           const struct buf *text, struct buf *log, struct error *err)
{
    const char *id = trial->image->note.id;
    char sentence[ERROR_TEXT_MAX] = "";
    troupe_status status = TROUPE_FAILED;
    bool decided = parse_result(text, log, &status, sentence);

    /* The signal counts more than a verdict: what destroy broke came after create was fine. One that
     * was killed by us has no business here, its deadline was told before. */
    if (WIFSIGNALED(child->wait_status)) {
        int number = WTERMSIG(child->wait_status);
        const char *name = sigabbrev_np(number);

        if (number == SIGXCPU)
            return error_set(err, TROUPE_DEADLINE,
                             "plugin \"%s\" used up its processor time while %s; a plugin may not "
                             "compute there",
                             id, phase(trial));
        return error_set(err, TROUPE_CRASHED,
                         "plugin \"%s\" crashed while %s (signal %s); nothing was changed, install "
                         "another build of it",
                         id, phase(trial), name ? name : "?");
    }
    if (!decided || (status == TROUPE_OK && WEXITSTATUS(child->wait_status) != 0))
        return error_set(
            err, TROUPE_CRASHED,
            "plugin \"%s\" ended its process while %s (status %d); nothing was changed, "
            "install another build of it",
            id, phase(trial), WEXITSTATUS(child->wait_status));
    return status < 0 ? error_set(err, status, "%s", sentence) : TROUPE_OK;
}

troupe_status plugin_trial_run(struct loop *loop, const struct plugin_trial *trial, struct buf *log,
                               struct error *err)
{
    const uint64_t limit = trial->timeout_ms ? trial->timeout_ms : PLUGIN_TRIAL_MS;
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct child child = {.pidfd = -1, .result = -1};
    troupe_status status, waited;

    if ((status = start(trial, &child, err)) < 0)
        return status;
    waited = wait_for_end(loop, &child, co_after(limit));
    /* With all that the plugin started, which has no business either. */
    child.wait_status = child_reap(child.pid, true);
    read_result(child.result, &text);
    close(child.result);
    if (child.pidfd >= 0)
        close(child.pidfd);
    if (co_status() < 0)
        return error_set(err, co_status(), "the trial of plugin \"%s\" was given up",
                         trial->image->note.id);
    if (waited == TROUPE_DEADLINE)
        return error_set(err, TROUPE_DEADLINE,
                         "plugin \"%s\" did not finish within %g s while %s; nothing was changed, "
                         "install another build of it",
                         trial->image->note.id, (double)limit / 1000, phase(trial));
    if (waited < 0)
        return error_set(err, waited, "the trial of plugin \"%s\" cannot be watched",
                         trial->image->note.id);
    return judge(trial, &child, &text, log, err);
}

troupe_status plugin_runner_find(const char *option, char **ret, struct error *err)
{
    const char *path = option ? option : TROUPE_LIBEXEC_DIR "/troupe-runner";

    if (access(path, X_OK) < 0)
        return error_set(err, TROUPE_NOT_FOUND,
                         "the runner for trials is not at \"%s\": %s; install the whole package or "
                         "name its place",
                         path, strerror(errno));
    *ret = mem_strdup(path);
    return TROUPE_OK;
}
