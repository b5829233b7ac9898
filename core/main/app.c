/* SPDX-License-Identifier: Apache-2.0 */
#include "main/app.h"

#include "config.h"

#include "base/mem.h"
#include "loop/chan.h"
#include "loop/fault.h"
#include "loop/scope.h"
#include "loop/watchdog.h"
#include "main/blame.h"
#include "main/commands.h"
#include "main/print.h"
#include "main/seat.h"
#include "net/http.h"
#include "ops/control.h"
#include "ops/notify.h"
#include "ops/signals.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#endif

#define REQUESTS_MAX  16
#define RUN_GRACE_MS  20000
#define CHAT_GRACE_MS 2000

/* What the main coroutine is asked to do, as the items of its channel. A stop is told by `stopping`,
 * its item only wakes. */
static const char request_stop, request_reload;

struct app {
    struct setup *setup;
    const struct app_chat *chat_options; /* NULL: none of its own */
    struct loop *loop;
    struct host_boot *boot; /* until the host is started */
    struct host *host;
    struct ops_control *control;
    struct ops_signals *signals;
    struct watchdog *watchdog;
    struct chan *requests;
    struct scope scope;
    struct seat *seat; /* the person at our own terminal or pipe */
    char *socket;
    char *marker;
    bool stopping;
    bool reload_waits; /* a SIGHUP that no reload has read the files after */
    int exit_code;
};

struct host *app_host(struct app *app)
{
    return app->host;
}

const char *app_socket(const struct app *app)
{
    return app->socket;
}

void app_request_stop(struct app *app)
{
    app->stopping = true;
    (void)chan_try_send(app->requests, (void *)&request_stop);
}

static void signal_taken(void *arg, int signal_number)
{
    struct app *app = arg;

    if (signal_number == SIGHUP) {
        /* One that waits will see all that was written before: many signals are one reload, and one
         * that comes while a reload runs leads to another. */
        if (!app->reload_waits)
            app->reload_waits = chan_try_send(app->requests, (void *)&request_reload) == TROUPE_OK;
    } else if (app->stopping) {
        log_warn("main", "%s again: ending at once", strsignal(signal_number));
        ops_signals_die(signal_number);
    } else {
        log_info("main", "%s: stopping", strsignal(signal_number));
        app_request_stop(app);
    }
}

static void seat_left(void *arg)
{
    app_request_stop(arg);
}

/* ---- reload ---------------------------------------------------------------------------------- */

/* The report's lines, each as a line of the log. */
static void log_report(enum log_level level, const struct buf *report)
{
    _cleanup_mem_ char *text = mem_strdup(buf_text(report));
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        log_write(level, "reload", "%s", line);
}

troupe_status app_reload(struct app *app, struct buf *ret_report, struct error *err)
{
    struct error own = {0};
    troupe_status status;

    (void)ops_notify_reloading();
    status = host_reload(app->host, ret_report, &own);
    (void)ops_notify_ready(status < 0 ? "the last reload was refused, see the log" : "ready");
    if (status == TROUPE_OK)
        setup_log(app->setup->options, host_config(app->host), app->chat_options != NULL);
    if (status != TROUPE_BUSY) {
        log_report(status < 0 ? LOG_ERROR : LOG_INFO, ret_report);
        log_write(status < 0 ? LOG_ERROR : LOG_INFO, "reload", "%s",
                  status < 0 ? own.text : "done");
        if (status < 0)
            host_report_reload(app->host, buf_text(ret_report));
    }
    return status < 0 ? error_set(err, status, "%s", own.text) : status;
}

static void reload_by_signal(struct app *app)
{
    troupe_status status;

    /* One that was asked for over the socket runs: it may have read the files before the signal. */
    do {
        _cleanup_buf_ struct buf report = BUF_INIT;

        app->reload_waits = false;
        status = app_reload(app, &report, NULL);
    } while (status == TROUPE_BUSY && !app->stopping && co_sleep(100) == TROUPE_OK);
}

/* ---- start and stop -------------------------------------------------------------------------- */

static troupe_status start_host(struct app *app)
{
    struct config_problems problems = {0};
    struct host_boot *boot = app->boot;
    struct error err = {0};
    troupe_status status;

    app->boot = NULL;
    status = host_start(app->loop, boot, &app->host, &problems, &err, &app->exit_code);
    print_problems(&problems);
    if (status < 0 && *err.text)
        print_failure(err.text);
    config_problems_clear(&problems);
    if (status >= 0) {
        app->exit_code = EX_OK;
        host_take_up_marker(app->host, app->marker);
    }
    return status;
}

static int exit_code_of_socket(troupe_status status)
{
    return status == TROUPE_NOT_FOUND || status == TROUPE_CONFLICT || status == TROUPE_IO
               ? EX_CANTCREAT
               : ops_exit_code(status);
}

static troupe_status start_control(struct app *app)
{
    struct ops_control_options options = {
        .path = app->socket,
        .group = (gid_t)-1,
        .chat = &commands_chat_host,
        .arg = app,
    };
    struct error err;
    troupe_status status;

    options.commands = commands_table(&options.command_count);
    status = ops_control_start(app->loop, &options, &app->control, &err);
    if (status >= 0)
        return status;
    print_failure(err.text);
    if (!app->chat_options) {
        app->exit_code = exit_code_of_socket(status);
        return status;
    }
    /* A chat of its own needs no file. */
    options.path = NULL;
    return ops_control_start(app->loop, &options, &app->control, &err);
}

static troupe_status start_seat(struct app *app)
{
    struct error err;
    troupe_status status;

    if (!app->chat_options)
        return TROUPE_OK;
    status = seat_take(app->loop, app->control, app->chat_options->terminal,
                       host_data_dir(app->host), seat_left, app, &app->seat, &err);
    if (status < 0) {
        print_failure(err.text);
        app->exit_code = EX_OSERR;
    }
    return status;
}

/* Somebody holds the process still, or slows it down many times: no hang of ours. */
static bool is_observed(void)
{
#ifdef TROUPE_SANITIZER
    return true;
#else
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    int tracer = 0;

#ifdef HAVE_VALGRIND_VALGRIND_H
    if (RUNNING_ON_VALGRIND)
        tracer = 1;
#endif
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "TracerPid: %d", &tracer) == 1)
            break;
    }
    if (file)
        (void)fclose(file);
    return tracer != 0;
#endif
}

/* Not while the host starts: opening the store blocks, and nobody waits yet. */
static void watch(struct app *app)
{
    const struct config_section *loop = config_section(host_config(app->host), "loop", NULL);
    struct watchdog_options options = {
        .warn_ms = (uint32_t)config_ms(loop, "watchdog_warn"),
        .abort_ms = (uint32_t)config_ms(loop, "watchdog_abort"),
        .marker_path = app->marker,
    };
    struct error err;

    if (!is_observed() && watchdog_start(app->loop, &options, &app->watchdog, &err) < 0)
        log_warn("main", "no watchdog: %s", err.text);
}

/* systemd's watchdog is told by a coroutine, so only while the loop turns and serves its timers. */
static troupe_status feed_main(void *arg)
{
    uint64_t every_ms = ops_notify_watchdog_ms();

    (void)arg;
    do
        (void)ops_notify_watchdog();
    while (co_sleep(every_ms) == TROUPE_OK);
    return TROUPE_OK;
}

static void feed_watchdog(struct app *app)
{
    static const struct co_owner owner = {.name = "core:watchdog"};

    if (ops_notify_watchdog_ms() && co_spawn(&app->scope, &owner, feed_main, app) < 0)
        log_warn("main", "systemd's watchdog is not told: no coroutine is free");
}

static void serve(struct app *app)
{
    void *request;

    watch(app);
    feed_watchdog(app);
    log_info("main", "ready, process %" PRIi64 ", control socket %s", (int64_t)getpid(),
             app->socket);
    (void)ops_notify_ready("ready");
    /* A stop does not wait for its place behind reloads, nor is it lost when they fill the channel. */
    while (!app->stopping && chan_recv(app->requests, 0, &request) == TROUPE_OK) {
        if (request == &request_reload && !app->stopping)
            reload_by_signal(app);
    }
}

static troupe_status app_main(void *arg)
{
    struct app *app = arg;

    if (start_host(app) >= 0 && start_control(app) >= 0 && start_seat(app) >= 0)
        serve(app);
    app->stopping = true;
    (void)ops_notify_stopping("waiting for running turns");
    if (app->host)
        host_stop(app->host, app->chat_options ? CHAT_GRACE_MS : RUN_GRACE_MS);
    ops_control_stop(app->control);
    scope_cancel(&app->scope, TROUPE_CANCELED); /* who feeds the watchdog */
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    struct app *app = container_of(scope, struct app, scope);

    /* What closes its handles does so while the loop still turns. */
    ops_signals_close(app->signals);
    app->signals = NULL;
    loop_stop(scope->loop);
}

/* ---- the process ----------------------------------------------------------------------------- */

static troupe_status prepare(struct app *app, struct error *err)
{
    const struct config *config = host_boot_config(app->boot);
    const struct config_section *loop = config_section(config, "loop", NULL);
    const struct config_section *troupe = config_section(config, "troupe", NULL);
    struct loop_options options = {
        .stack_size = (size_t)config_bytes(loop, "stack_size"),
        .max_coroutines = (size_t)config_int(loop, "max_coroutines"),
    };
    static const struct co_owner owner = {.name = "core:main"};
    troupe_status status;

    app->socket =
        mem_strdup(app->setup->options->socket_path ? app->setup->options->socket_path
                                                    : config_str(troupe, "control_socket"));
    app->marker = mem_printf("%s/crash", config_str(troupe, "data"));
    status = loop_new(&options, &app->loop, err);
    if (status < 0)
        return status;
    app->requests = chan_new(app->loop, REQUESTS_MAX, NULL);
    status = fault_install(app->loop, app->marker, err);
    if (status == TROUPE_OK)
        status = ops_signals_open(app->loop, !app->chat_options || !app->chat_options->terminal,
                                  signal_taken, app, &app->signals, err);
    if (status < 0)
        return status;
    scope_open_root(app->loop, &app->scope, 0, ended);
    return co_spawn(&app->scope, &owner, app_main, app);
}

static void clear(struct app *app)
{
    host_boot_free(app->boot);
    host_free(app->host);
    ops_signals_close(app->signals);
    chan_unref(app->requests);
    watchdog_stop(app->watchdog);
    if (app->loop)
        fault_remove();
    loop_free(app->loop);
    mem_free(app->socket);
    mem_free(app->marker);
}

int app_run(struct setup *setup, const struct app_chat *chat)
{
    struct app app = {.setup = setup, .chat_options = chat};
    struct error err = {0};
    int code = setup_boot(setup, &app.boot);

    if (code)
        return code;
    setup_log(setup->options, host_boot_config(app.boot), chat != NULL);
    if (http_global_init(&err) < 0 || prepare(&app, &err) < 0) {
        print_failure(*err.text ? err.text : "the host cannot be started");
        app.exit_code = EX_OSERR;
    } else {
        log_gather(true);
        loop_run(app.loop);
        log_gather(false);
        (void)scope_close(&app.scope);
        code = seat_leave(app.seat);
        if (!app.exit_code)
            app.exit_code = code;
    }
    clear(&app);
    http_global_cleanup();
    return app.exit_code;
}
