/* SPDX-License-Identifier: Apache-2.0
 *
 * The keeper: the life of an isolated agent's processes, one after the other.
 */
#include "plugin/isolate.h"

#include "base/child.h"
#include "base/log.h"
#include "base/mem.h"
#include "plugin/build.h"
#include "plugin/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_MS       100   /* where no coroutine was free                 */
#define START_QUEUE_MS 10000 /* that a start waits for workers which are busy */
#define STATE_MAX      ((size_t)16 << 20)

/* ---- who waits for a state ------------------------------------------------------------------- */

struct isolate_waiter {
    struct list_link link;
    struct op *op;
};

static troupe_status keeper_main(void *arg);

/* There is no coroutine for a process that is just there: a loop that is to stop waits for them. */
static troupe_status keeper_start(struct plugin_isolate *isolate)
{
    const struct co_owner owner = {isolate->owner, 0};

    return co_spawn(&isolate->scope, &owner, keeper_main, isolate);
}

void plugin_isolate_notify(struct plugin_isolate *isolate)
{
    isolate->changed = true;
    if (isolate->event)
        op_complete(isolate->event, TROUPE_OK, NULL);
    isolate->event = NULL;
    if (!isolate->scope.live && keeper_start(isolate) < 0)
        loop_timer_start(&isolate->again, AGAIN_MS, 0);
}

static void notify_again(struct loop_timer *timer)
{
    plugin_isolate_notify(container_of(timer, struct plugin_isolate, again));
}

void plugin_isolate_change(struct plugin_isolate *isolate, enum isolate_state state)
{
    struct list_link *link;

    isolate->state = state;
    while ((link = list_pop(&isolate->waiters))) {
        struct isolate_waiter *waiter = container_of(link, struct isolate_waiter, link);

        op_complete(waiter->op, TROUPE_OK, NULL);
        waiter->op = NULL;
    }
}

troupe_status plugin_isolate_wait(struct plugin_isolate *isolate, enum isolate_state state,
                                  uint64_t deadline)
{
    troupe_status status = TROUPE_OK;

    while (isolate->state == state && status == TROUPE_OK) {
        struct op *op = op_new(isolate->manager->loop, NULL);
        struct isolate_waiter waiter = {.op = op};

        list_append(&isolate->waiters, &waiter.link);
        status = op_wait(op, deadline, NULL);
        if (waiter.op) { /* nobody completes it any more */
            list_remove(&waiter.link);
            op_complete(op, TROUPE_OK, NULL);
        }
        op_drop(op);
    }
    return status;
}

/* Until something has changed, or the deadline. [waits] */
static troupe_status keeper_wait(struct plugin_isolate *isolate, uint64_t deadline)
{
    troupe_status status = TROUPE_OK;

    if (!isolate->changed) {
        struct op *op = isolate->event = op_new(isolate->manager->loop, NULL);

        status = op_wait(op, deadline, NULL);
        if (isolate->event)
            op_complete(op, TROUPE_OK, NULL);
        isolate->event = NULL;
        op_drop(op);
    }
    isolate->changed = false;
    return status;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* On a worker; owns all it uses. */
struct start_job {
    char *runner, *request;
    int image, ours, theirs, page;
    pid_t pid;
    int code;
};

static int shared_page(void)
{
    int fd = memfd_create("troupe-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && (ftruncate(fd, sizeof(struct guest_page)) < 0 ||
                    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static troupe_status start_main(void *arg)
{
    struct start_job *job = arg;
    int fds[PLUGIN_LAUNCH_FDS], ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        job->code = errno;
        return TROUPE_OK;
    }
    job->page = shared_page();
    fds[0] = fcntl(job->image, F_DUPFD_CLOEXEC, 0);
    fds[1] = plugin_launch_file(job->request);
    fds[2] = ends[1];
    fds[3] = job->page < 0 ? -1 : fcntl(job->page, F_DUPFD_CLOEXEC, 0);
    job->code = plugin_launch(job->runner, fds, 4, &job->pid);
    if (job->code)
        close(ends[0]);
    else
        job->ours = ends[0];
    return TROUPE_OK;
}

static void start_free(void *arg)
{
    struct start_job *job = arg;

    if (job->ours >= 0) { /* nobody took it: without its other end it goes by itself */
        close(job->ours);
        (void)child_reap(job->pid, true);
    }
    if (job->page >= 0)
        close(job->page);
    if (job->image >= 0)
        close(job->image);
    mem_free(job->runner);
    mem_free(job->request);
    mem_free(job);
}

static void child_ended(struct plugin_child *child)
{
    plugin_isolate_notify(child->owner);
}

/* A process, which is not ready yet. [waits] */
static troupe_status launch(struct plugin_isolate *isolate, struct error *err)
{
    struct start_job *job;
    struct pool *pool = plugin_manager_pool(isolate->manager, err);
    troupe_status status;

    if (!pool)
        return err->status;
    job = mem_zero(1, sizeof(*job));
    job->runner = mem_strdup(isolate->runner);
    job->request = mem_strdup(isolate->request);
    job->image = fcntl(isolate->image->fd, F_DUPFD_CLOEXEC, 0);
    job->ours = job->page = -1;
    status =
        pool_run(pool, start_main, job, start_free, co_after(isolate->start_ms + START_QUEUE_MS));
    if (status < 0)
        return error_set(err, status, "agent \"%s\" was not started: %s", isolate->name,
                         status == TROUPE_BUSY       ? "all workers are busy; try again in a moment"
                         : status == TROUPE_DEADLINE ? "it took too long"
                                                     : "the host stops");
    if (job->code)
        return error_set(err, job->code == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO,
                         "the runner \"%s\" cannot be started: %s; install the whole package or "
                         "raise the limit of open files",
                         isolate->runner, strerror(job->code));
    /* Until the next wait the job is there: what it made is taken over. */
    isolate->life++;
    isolate->child = plugin_child_new(isolate->manager->loop, job->pid, job->ours, job->page);
    job->ours = job->page = -1;
    isolate->child->owner = isolate;
    isolate->child->message = plugin_isolate_message;
    isolate->child->ended = child_ended;
    return TROUPE_OK;
}

static bool has_ended(const struct plugin_isolate *isolate)
{
    return !isolate->child || (isolate->child->over && !isolate->child->handles);
}

/* Takes leave of a process that has ended; `cause` is set. */
static void bury(struct plugin_isolate *isolate)
{
    plugin_child_cause(isolate->child, isolate->cause, sizeof(isolate->cause));
    plugin_isolate_crashed(isolate);
    plugin_child_free(isolate->child);
    isolate->child = NULL;
}

/* Kills it and waits for that. [waits] */
static void put_down(struct plugin_isolate *isolate, const char *why)
{
    if (!isolate->child)
        return;
    plugin_child_kill(isolate->child, "%s", why);
    while (!has_ended(isolate))
        (void)keeper_wait(isolate, 0);
    bury(isolate);
}

/* A process that is ready, or none. [waits] */
static troupe_status start(struct plugin_isolate *isolate, struct error *err)
{
    uint64_t deadline;
    troupe_status status;

    isolate->err = (struct error){0};
    status = launch(isolate, err);
    deadline = co_after(isolate->start_ms);
    if (status < 0)
        return status;
    while (isolate->state == ISOLATE_STARTING && !has_ended(isolate) && isolate->agent &&
           isolate->err.status == TROUPE_OK && status == TROUPE_OK)
        status = keeper_wait(isolate, deadline);
    if (isolate->state == ISOLATE_READY)
        return TROUPE_OK;
    if (!isolate->agent) {
        put_down(isolate, "it is not needed any more");
        return error_set(err, TROUPE_CANCELED, "the agent is gone");
    }
    if (isolate->err.status < 0) { /* its own words */
        *err = isolate->err;
        put_down(isolate, "it could not create the agent");
        return err->status;
    }
    if (has_ended(isolate)) {
        bury(isolate);
        return error_set(err, TROUPE_CRASHED,
                         "agent \"%s\": the process of plugin \"%s\" ended while it started (%s); "
                         "install another build of it",
                         isolate->name, isolate->image->note.id, isolate->cause);
    }
    put_down(isolate, "it was not ready in time");
    return error_set(
        err, TROUPE_DEADLINE,
        "agent \"%s\": the process of plugin \"%s\" was not ready within %g s; install "
        "another build of it",
        isolate->name, isolate->image->note.id, (double)isolate->start_ms / 1000);
}

/* ---- crashes --------------------------------------------------------------------------------- */

/* How many there were within the last minute, this one too. */
static unsigned count_crash(struct plugin_isolate *isolate)
{
    uint64_t now = loop_now(isolate->manager->loop);
    unsigned count = 0;

    memmove(isolate->crashed_ms, isolate->crashed_ms + 1,
            sizeof(isolate->crashed_ms) - sizeof(isolate->crashed_ms[0]));
    isolate->crashed_ms[ISOLATE_CRASHES - 1] = now;
    isolate->crashes++;
    for (size_t i = 0; i < ISOLATE_CRASHES; i++)
        count += isolate->crashed_ms[i] && now - isolate->crashed_ms[i] < ISOLATE_CRASH_MS;
    return count;
}

static uint64_t back_off(unsigned crashes)
{
    uint64_t ms = (uint64_t)ISOLATE_BACKOFF_MS << (crashes < 10 ? crashes - 1 : 9);
    uint32_t chance = 0;

    (void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
    return ms - chance % (ms / 3 + 1);
}

static void switch_off(struct plugin_isolate *isolate)
{
    char why[sizeof(isolate->agent->why_disabled)];

    snprintf(why, sizeof(why), "crashed %d times within a minute", ISOLATE_CRASHES);
    plugin_agent_disable(isolate->agent, why);
    log_error(isolate->owner,
              "is switched off until a reload, since its process crashed %d times within a minute "
              "(%s); install another build of plugin \"%s\"",
              ISOLATE_CRASHES, isolate->cause, isolate->image->note.id);
    plugin_isolate_change(isolate, ISOLATE_OFF);
    if (isolate->manager->switched_off)
        isolate->manager->switched_off(isolate->manager->switched_off_arg, isolate->agent);
}

/* ---- the keeper ------------------------------------------------------------------------------ */

/* `destroy`, and the end. [waits] */
static void drain(struct plugin_isolate *isolate)
{
    uint64_t deadline = co_after(ISOLATE_DRAIN_MS);
    struct wire_head head = {
        .kind = WIRE_ENTER, .id = ++isolate->last_id, .arg = WIRE_ENTER_DESTROY};

    plugin_isolate_change(isolate, ISOLATE_CLOSING);
    if (!isolate->child)
        return;
    plugin_child_send(isolate->child, &head, NULL, 0);
    while (!has_ended(isolate) && loop_now(isolate->manager->loop) < deadline)
        (void)keeper_wait(isolate, deadline);
    if (!has_ended(isolate))
        log_warn(isolate->owner, "did not end within %d ms; its process is killed",
                 ISOLATE_DRAIN_MS);
    put_down(isolate, "it did not end in time");
}

/* After a crash. False: there is no next one. [waits] */
static bool next(struct plugin_isolate *isolate)
{
    unsigned crashes = count_crash(isolate);
    uint64_t ms = back_off(crashes), until = co_after(ms);

    if (crashes >= ISOLATE_CRASHES) {
        switch_off(isolate);
        return false;
    }
    log_error(isolate->owner, "its process ended (%s); the next one starts in %llu ms",
              isolate->cause, (unsigned long long)ms);
    plugin_isolate_change(isolate, ISOLATE_WAITING);
    while (isolate->agent && loop_now(isolate->manager->loop) < until)
        if (keeper_wait(isolate, until) == TROUPE_CANCELED)
            break;
    if (isolate->agent)
        plugin_isolate_change(isolate, ISOLATE_STARTING);
    return isolate->agent != NULL;
}

/* Starts what is to run. False: it will not. [waits] */
static bool start_one(struct plugin_isolate *isolate)
{
    const bool first = !isolate->started;
    struct error err = {0};

    if (start(isolate, &err) == TROUPE_OK) {
        isolate->started = true;
        return true;
    }
    if (first) {
        isolate->err = err;
        plugin_isolate_change(isolate, ISOLATE_FAILED);
        return false;
    }
    isolate->err = (struct error){0};
    snprintf(isolate->cause, sizeof(isolate->cause), "%.*s", (int)sizeof(isolate->cause) - 1,
             err.text);
    return isolate->agent && next(isolate);
}

/* Does what is to be done, until there is a process that is ready, none any more, or no agent. */
static troupe_status keeper_main(void *arg)
{
    struct plugin_isolate *isolate = arg;

    for (;;) {
        isolate->changed = false;
        if (!isolate->agent) {
            drain(isolate);
            isolate->state = ISOLATE_ENDED;
            return TROUPE_OK;
        }
        if (isolate->state == ISOLATE_OFF || isolate->state == ISOLATE_FAILED)
            return TROUPE_OK;
        if (isolate->child && !has_ended(isolate))
            return TROUPE_OK; /* it serves */
        if (isolate->child) {
            plugin_isolate_change(isolate, ISOLATE_WAITING);
            bury(isolate);
            (void)next(isolate);
        } else {
            (void)start_one(isolate);
        }
    }
}

static void timer_closed(struct loop_timer *timer)
{
    struct plugin_isolate *isolate = container_of(timer, struct plugin_isolate, again);

    list_remove(&isolate->link);
    plugin_image_unref(isolate->image);
    mem_free(isolate->owner);
    mem_free(isolate->name);
    mem_free(isolate->runner);
    mem_free(isolate->request);
    mem_free(isolate);
}

static void keeper_ended(struct scope *scope)
{
    struct plugin_isolate *isolate = container_of(scope, struct plugin_isolate, scope);

    if (isolate->state == ISOLATE_ENDED) {
        (void)scope_close(&isolate->scope);
        loop_timer_close(&isolate->again, timer_closed);
    } else if (isolate->changed) {
        plugin_isolate_notify(isolate);
    }
}

static struct plugin_isolate *isolate_new(struct plugin_manager *manager,
                                          struct plugin_agent *agent)
{
    struct plugin_isolate *isolate = mem_zero(1, sizeof(*isolate));
    const struct plugin_trial request = {.mode = PLUGIN_TRIAL_SERVE,
                                         .image = agent->image,
                                         .registry = &manager->registry,
                                         .agent = agent->name,
                                         .values = &agent->values,
                                         .sandbox = manager->sandbox};

    isolate->manager = manager;
    isolate->agent = agent;
    isolate->image = plugin_image_ref(agent->image);
    isolate->owner = mem_strdup(agent->owner);
    isolate->name = mem_strdup(agent->name);
    isolate->runner = mem_strdup(manager->runner);
    isolate->request = plugin_trial_request(&request);
    isolate->start_ms = manager->trial_ms ? manager->trial_ms : PLUGIN_TRIAL_MS;
    list_init(&isolate->waiters);
    list_init(&isolate->calls);
    list_append(&manager->isolates, &isolate->link);
    loop_timer_init(manager->loop, &isolate->again, notify_again);
    scope_open_root(manager->loop, &isolate->scope, 0, keeper_ended);
    return isolate;
}

troupe_status plugin_isolate_start(struct plugin_manager *manager, struct plugin_agent *agent,
                                   struct error *err)
{
    struct plugin_isolate *isolate = isolate_new(manager, agent);
    troupe_status status = isolate->request ? keeper_start(isolate) : TROUPE_DATA;

    if (status < 0) {
        isolate->state = ISOLATE_ENDED;
        keeper_ended(&isolate->scope);
        return error_set(err, status, "agent \"%s\" cannot be started: %s", agent->name,
                         status == TROUPE_DATA ? "a value of its section is no UTF-8"
                                               : "no coroutine is free");
    }
    agent->isolate = isolate;
    agent->close_isolate = plugin_isolate_close;
    agent->created = true; /* `destroy` is the process's business */
    status = plugin_isolate_wait(isolate, ISOLATE_STARTING, 0);
    if (status < 0)
        return error_set(err, status, "the start of agent \"%s\" was given up", agent->name);
    if (isolate->state == ISOLATE_READY)
        return TROUPE_OK;
    *err = isolate->err;
    return err->status < 0 ? err->status : error_set(err, TROUPE_FAILED, "it does not run");
}

void plugin_isolate_close(struct plugin_isolate *isolate)
{
    if (!isolate)
        return;
    isolate->agent = NULL;
    plugin_isolate_notify(isolate);
}

/* ---- state ----------------------------------------------------------------------------------- */

/* Saving or loading, wherever the agent is. */
struct state_step {
    struct plugin_agent *agent;
    uint32_t what, version;
    struct buf in, out;
    struct wire_in reading;
    troupe_status status;
};

/* Of an agent in this process: on the loop's stack, for it must not wait. */
static void state_here(void *arg)
{
    struct state_step *step = arg;
    const troupe_state_v1 *state = step->agent->manifest->state;

    if (step->what == WIRE_ENTER_SAVE) {
        step->out.max = STATE_MAX;
        step->status = state->save(step->agent->state, &step->out, wire_state_write);
        return;
    }
    step->reading = (struct wire_in){buf_text(&step->in), step->in.len, false};
    step->status = state->load(step->agent->state, step->version, &step->reading, wire_state_read);
}

static troupe_status state_main(void *arg)
{
    struct state_step *step = arg;
    _cleanup_buf_ struct buf payload = BUF_INIT;

    if (!step->agent->isolate) {
        co_on_loop_stack(state_here, step);
        return TROUPE_OK;
    }
    if (step->what == WIRE_ENTER_LOAD) {
        wire_put_int(&payload, step->version);
        buf_append(&payload, buf_text(&step->in), step->in.len);
    }
    step->status =
        plugin_isolate_enter(step->agent->isolate, NULL, step->what, &payload, &step->out);
    if (step->status == TROUPE_OK && step->out.len > STATE_MAX)
        step->status = TROUPE_LIMIT;
    return TROUPE_OK;
}

/* With a deadline of its own. [waits] */
static troupe_status run_step(struct state_step *step)
{
    const struct co_owner owner = {step->agent->owner, 0};
    struct scope scope;
    troupe_status status;

    scope_open(&scope, co_after(ISOLATE_STATE_MS));
    status = co_spawn(&scope, &owner, state_main, step);
    (void)scope_close(&scope);
    return status < 0 ? status : step->status;
}

static bool has_state(const struct plugin_agent *agent, const struct plugin_agent *old)
{
    return agent->manifest->state && old->manifest->state &&
           !strcmp(agent->manifest->id, old->manifest->id);
}

troupe_status plugin_isolate_hand_over(struct plugin_agent *agent, struct plugin_agent *old,
                                       struct error *err)
{
    struct state_step save = {.agent = old, .what = WIRE_ENTER_SAVE};
    struct state_step load = {
        .agent = agent, .what = WIRE_ENTER_LOAD, .version = old->manifest->state_version};
    troupe_status status;

    if (!has_state(agent, old))
        return TROUPE_OK;
    if (old->isolate && old->isolate->state != ISOLATE_READY) {
        log_warn(agent->owner, "begins without the state of the one before it, whose process "
                               "does not run");
        return TROUPE_OK;
    }
    status = run_step(&save);
    if (status < 0)
        error_set(
            err, status,
            "agent \"%s\": plugin \"%s\" %s cannot save its state (%s); the running one stays",
            agent->name, old->manifest->id, old->manifest->version, status_name(status));
    load.in = save.out;
    if (status == TROUPE_OK && (status = run_step(&load)) < 0)
        error_set(err, status,
                  "agent \"%s\": plugin \"%s\" %s cannot load the state that %s saved (%s); the "
                  "running one stays",
                  agent->name, agent->manifest->id, agent->manifest->version,
                  old->manifest->version, status_name(status));
    buf_clear(&load.in);
    buf_clear(&load.out);
    return status;
}
