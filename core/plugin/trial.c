/* SPDX-License-Identifier: Apache-2.0
 *
 * The parent's side of a trial, from start to end a worker's job: posix_spawn suspends its thread
 * until the child has its own memory, which under load takes milliseconds. (A fork would copy page
 * tables of hundreds of megabytes of coroutine stacks besides.) The end of the child is a readable
 * pidfd; what it says is in a pipe that never fills up, so nothing has to be read while it runs.
 */
#include "plugin/trial.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "plugin/launch.h"
#include "plugin/trial_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MS  5     /* where the kernel has no pidfd                  */
#define QUEUE_MS 10000 /* that a trial waits for workers which are busy */

/* It owns all it uses: whoever asked may be gone. */
struct trial_job {
    char *runner;
    char *request; /* JSON */
    int image;     /* the sealed copy, a descriptor of its own */
    uint64_t limit_ms;
    bool talkative; /* the result is an answer of DESCRIBE */
    int cancel;     /* an eventfd: readable when nobody waits any more */
    /* What came of it. */
    int start_error; /* an errno: the runner was not started */
    bool late;       /* it was killed at its limit           */
    int wait_status;
    struct buf said;
};

/* ---- starting ------------------------------------------------------------------------------ */

char *plugin_trial_request(const struct plugin_trial *trial)
{
    _cleanup_json_ json_t *request = json_object(), *tables = json_array();

    for (size_t i = 0; i < trial->registry->count; i++) {
        const struct plugin_extension *item = &trial->registry->items[i];

        /* Every table begins with its size (abi.h). */
        json_array_append_new(tables, json_pack("{s:s, s:I}", "id", item->id, "size",
                                                (json_int_t) * (const uint32_t *)item->table));
    }
    json_object_set_new(request, "mode", json_integer(trial->mode));
    json_object_set_new(request, "sandbox", json_integer(trial->sandbox));
    json_object_set_new(request, "id", json_string(trial->image->note.id));
    json_object_set_new(request, "version", json_string(trial->image->note.version));
    json_object_set(request, "extensions", tables);
    if (trial->mode == PLUGIN_TRIAL_CREATE || trial->mode == PLUGIN_TRIAL_SERVE) {
        json_object_set_new(request, "agent", json_string(trial->agent));
        json_object_set_new(request, "values", plugin_values_to_json(trial->values));
    }
    if (trial->mode == PLUGIN_TRIAL_SERVE)
        json_object_set_new(request, "build", json_string(trial->image->build_id));
    if (trial->mode == PLUGIN_TRIAL_DESCRIBE)
        json_object_set_new(request, "path", json_string(trial->image->path));
    return json_print(request);
}

void plugin_trial_key(const struct plugin_trial *trial, char ret[PLUGIN_BUILD_ID_LEN + 1])
{
    _cleanup_mem_ char *request = plugin_trial_request(trial);
    _cleanup_buf_ struct buf all = BUF_INIT;

    buf_printf(&all, "%s %zu %s", trial->image->build_id, trial->image->size,
               request ? request : "");
    plugin_digest(all.data, all.len, ret);
}

/* 0, or an errno. */
static int start(const struct trial_job *job, pid_t *ret_pid, int *ret_result)
{
    int ends[2] = {-1, -1}, fds[3], code;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return errno;
    /* Where the kernel gives less, the answer is cut and told so. */
    if (job->talkative)
        (void)fcntl(ends[0], F_SETPIPE_SZ, PLUGIN_TRIAL_ANSWER);
    fds[0] = fcntl(job->image, F_DUPFD_CLOEXEC, 0);
    fds[1] = plugin_launch_file(job->request);
    fds[2] = ends[1];
    code = plugin_launch(job->runner, fds, 3, ret_pid);
    if (code)
        close(ends[0]);
    else
        *ret_result = ends[0];
    return code;
}

/* ---- the job ------------------------------------------------------------------------------- */

/* Until the child has ended, its time is up or nobody waits any more. */
static void wait_for_end(struct trial_job *job, pid_t pid)
{
    const uint64_t deadline = clock_ms() + job->limit_ms;
    int pidfd = child_pidfd(pid);
    struct pollfd fds[] = {{.fd = job->cancel, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

    while (!child_has_ended(pid)) {
        uint64_t now = clock_ms(), left = now < deadline ? deadline - now : 0;

        job->late = left == 0;
        if (job->late)
            break;
        if (pidfd < 0 && left > POLL_MS)
            left = POLL_MS;
        if (poll(fds, 2, (int)left) > 0 && fds[0].revents)
            break;
    }
    if (pidfd >= 0)
        close(pidfd);
}

static void read_result(int fd, size_t max, struct buf *out)
{
    char chunk[4096];
    ssize_t n;

    out->max = max;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && buf_append(out, chunk, (size_t)n) < 0)
            return;
}

static troupe_status run_job(void *arg)
{
    struct trial_job *job = arg;
    int result = -1;
    pid_t pid = 0;

    if ((job->start_error = start(job, &pid, &result)) != 0)
        return TROUPE_OK;
    wait_for_end(job, pid);
    /* With all that the plugin started, which has no business either. */
    job->wait_status = child_reap(pid, true);
    read_result(result, job->talkative ? PLUGIN_TRIAL_ANSWER : PLUGIN_TRIAL_RESULT, &job->said);
    close(result);
    return TROUPE_OK;
}

static void free_job(void *arg)
{
    struct trial_job *job = arg;

    mem_free(job->runner);
    mem_free(job->request);
    buf_clear(&job->said);
    if (job->image >= 0)
        close(job->image);
    if (job->cancel >= 0)
        close(job->cancel);
    mem_free(job);
}

/* ---- the result ---------------------------------------------------------------------------- */

/* Reads the runner's lines; false when the last one, the verdict, is not there. */
static bool parse_result(const struct plugin_trial *trial, const struct buf *text, struct buf *log,
                         troupe_status *ret_status, char sentence[ERROR_TEXT_MAX])
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
            if (trial->warned && json_get_int(line, "level", -1) == TROUPE_LOG_WARN)
                buf_printf(trial->warned, "%s\n", said);
        } else if ((said = json_get_str(line, "verdict", NULL))) {
            int64_t status = json_get_int(line, "status", TROUPE_FAILED);

            decided = true;
            *ret_status = status <= 0 && status > -1000 ? (troupe_status)status : TROUPE_FAILED;
            snprintf(sentence, ERROR_TEXT_MAX, "%s", said);
        } else if (trial->answer) {
            json_object_update(trial->answer, json_object_get(line, "answer"));
        }
    }
    return decided;
}

static const char *phase(const struct plugin_trial *trial)
{
    return trial->mode == PLUGIN_TRIAL_CREATE || trial->mode == PLUGIN_TRIAL_MAKE
               ? "creating an agent"
               : "loading";
}

static troupe_status judge(const struct plugin_trial *trial, const struct trial_job *job,
                           struct buf *log, struct error *err)
{
    const char *id = trial->image->note.id;
    char sentence[ERROR_TEXT_MAX] = "";
    troupe_status status = TROUPE_FAILED;
    bool decided = parse_result(trial, &job->said, log, &status, sentence);

    if (job->start_error)
        return error_set(err, job->start_error == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO,
                         "the runner \"%s\" cannot be started: %s; install the whole package or "
                         "name its place",
                         trial->runner, strerror(job->start_error));
    if (job->late)
        return error_set(err, TROUPE_DEADLINE,
                         "plugin \"%s\" did not finish within %g s while %s; nothing was changed, "
                         "install another build of it",
                         id, (double)job->limit_ms / 1000, phase(trial));
    /* The signal counts more than a verdict: what destroy broke came after create was fine. One that
     * was killed by us has no business here, its deadline was told above. */
    if (WIFSIGNALED(job->wait_status)) {
        int number = WTERMSIG(job->wait_status);
        const char *name = sigabbrev_np(number);

        if (number == SIGXCPU)
            return error_set(err, TROUPE_DEADLINE,
                             "plugin \"%s\" used up its processor time while %s; a plugin may not "
                             "compute there",
                             id, phase(trial));
        if (number == SIGSYS)
            return error_set(err, TROUPE_DENIED,
                             "plugin \"%s\" was ended while %s: it asked the system for what no "
                             "plugin may, like running a program; nothing was changed, install "
                             "another build of it",
                             id, phase(trial));
        return error_set(err, TROUPE_CRASHED,
                         "plugin \"%s\" crashed while %s (signal %s); nothing was changed, install "
                         "another build of it",
                         id, phase(trial), name ? name : "?");
    }
    if (!decided || (status == TROUPE_OK && WEXITSTATUS(job->wait_status) != 0))
        return error_set(
            err, TROUPE_CRASHED,
            "plugin \"%s\" ended its process while %s (status %d); nothing was changed, "
            "install another build of it",
            id, phase(trial), WEXITSTATUS(job->wait_status));
    return status < 0 ? error_set(err, status, "%s", sentence) : TROUPE_OK;
}

troupe_status plugin_trial_run(struct pool *pool, const struct plugin_trial *trial, struct buf *log,
                               struct error *err)
{
    struct trial_job *job = mem_zero(1, sizeof(*job));
    troupe_status status;

    job->runner = mem_strdup(trial->runner);
    job->request = plugin_trial_request(trial);
    job->image = fcntl(trial->image->fd, F_DUPFD_CLOEXEC, 0);
    job->limit_ms = trial->timeout_ms ? trial->timeout_ms : PLUGIN_TRIAL_MS;
    job->talkative = trial->mode == PLUGIN_TRIAL_DESCRIBE || trial->mode == PLUGIN_TRIAL_DECLARE;
    job->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (job->image < 0 || job->cancel < 0 || !job->request) {
        free_job(job);
        return error_set(err, TROUPE_IO,
                         "plugin \"%s\" cannot be tried: no descriptor is free; raise the limit of "
                         "open files",
                         trial->image->note.id);
    }
    status = pool_run(pool, run_job, job, free_job, co_after(job->limit_ms + QUEUE_MS));
    /* Until the next wait the job is there, whether it has ended or not. */
    if (status == TROUPE_OK)
        return judge(trial, job, log, err);
    (void)eventfd_write(job->cancel, 1);
    if (co_status() < 0)
        return error_set(err, co_status(), "the trial of plugin \"%s\" was given up",
                         trial->image->note.id);
    return error_set(err, TROUPE_BUSY,
                     "plugin \"%s\" was not tried: all workers are busy; try again in a moment",
                     trial->image->note.id);
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
