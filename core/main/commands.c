/* SPDX-License-Identifier: Apache-2.0 */
#include "main/commands.h"

#include "config.h"

#include "base/base64.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/co.h"
#include "sched/sched.h"
#include "turn/audit.h"
#include "turn/engine.h"
#include "turn/erase.h"
#include "turn/export.h"
#include "turn/why.h"

#include <string.h>
#include <unistd.h>

#define RELOAD_MS     (2 * 60 * 1000)
#define CALL_MS       (10 * 60 * 1000)
#define TAIL_WAIT_MS  20000           /* an empty answer after that; the client asks again      */
#define DRAIN_MS      (6 * 60 * 1000) /* above [admission] total as it is by default            */
#define DRAIN_POLL_MS 100
#define USER_MS       (2 * 60 * 1000)

static json_t *string_or_null(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;

    return value ? value : json_null();
}

static troupe_status run_ping(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    struct app *app = arg;

    (void)request;
    (void)err;
    *ret_result = json_pack("{s:I, s:s, s:s}", "pid", (json_int_t)getpid(), "version",
                            PACKAGE_VERSION, "data", host_data_dir(app_host(app)));
    return TROUPE_OK;
}

static troupe_status run_status(void *arg, const json_t *request, json_t **ret_result,
                                struct error *err)
{
    struct app *app = arg;

    (void)request;
    (void)err;
    *ret_result = host_status(app_host(app));
    json_object_set_new(*ret_result, "data", string_or_null(host_data_dir(app_host(app))));
    json_object_set_new(*ret_result, "socket", string_or_null(app_socket(app)));
    return TROUPE_OK;
}

static troupe_status run_plugins(void *arg, const json_t *request, json_t **ret_result,
                                 struct error *err)
{
    (void)request;
    (void)err;
    *ret_result = host_plugins(app_host(arg));
    return TROUPE_OK;
}

static troupe_status run_functions(void *arg, const json_t *request, json_t **ret_result,
                                   struct error *err)
{
    (void)request;
    (void)err;
    *ret_result = host_functions(app_host(arg));
    return TROUPE_OK;
}

static troupe_status run_reload(void *arg, const json_t *request, json_t **ret_result,
                                struct error *err)
{
    _cleanup_buf_ struct buf report = BUF_INIT;
    troupe_status status = app_reload(arg, &report, err);

    (void)request;
    *ret_result = json_pack("{s:o}", "report", string_or_null(buf_text(&report)));
    return status;
}

#define FILES_MAX 10

/* Files that come with a call; `data` has what they are decoded to and lives as long as they. */
static troupe_status take_files(const json_t *list, struct engine_file *ret, struct buf *data,
                                struct error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(list) > FILES_MAX)
        return error_set(err, TROUPE_LIMIT, "a call takes at most %d files", FILES_MAX);
    json_array_foreach (list, i, item) {
        const json_t *text = json_object_get(item, "data");

        buf_puts(&data[i], "");
        if (!json_is_string(text) ||
            !base64_take(&data[i], json_string_value(text), json_string_length(text)))
            return error_set(err, TROUPE_ARGUMENT,
                             "a file of \"files\" is {\"name\", \"data\" in base64}");
        ret[i] = (struct engine_file){json_get_str(item, "name", "file"), buf_text(&data[i]),
                                      data[i].len};
    }
    return TROUPE_OK;
}

static troupe_status call_with(struct host *host, const char *name, const char *given,
                               const json_t *list, char **ret_text, char **ret_json,
                               struct error *err)
{
    struct engine_file files[FILES_MAX];
    struct buf data[FILES_MAX] = {0};
    troupe_status status = take_files(list, files, data, err);

    if (status == TROUPE_OK)
        status = turn_engine_call_with(host_engine(host), name, given, files, json_array_size(list),
                                       0, ret_text, ret_json, err);
    for (size_t i = 0; i < FILES_MAX; i++)
        buf_clear(&data[i]);
    return status;
}

static troupe_status run_call(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    struct host *host = app_host(arg);
    const char *name = json_get_str(request, "function", NULL);
    const json_t *arguments = json_object_get(request, "arguments");
    _cleanup_mem_ char *given = NULL, *text = NULL, *json = NULL;
    troupe_status status;
    json_t *tree = NULL;

    if (!name || (arguments && !json_is_object(arguments)))
        return error_set(err, TROUPE_ARGUMENT,
                         "\"call\" takes \"function\", a name, and \"arguments\", an object");
    given = arguments ? json_print(arguments) : mem_strdup("{}");
    if (!given)
        return error_set(err, TROUPE_DATA, "the arguments are no valid text");
    status = call_with(host, name, given, json_object_get(request, "files"), &text, &json, err);
    if (status < 0)
        return status;
    if (json)
        (void)json_parse(json, strlen(json), &tree, NULL);
    *ret_result =
        json_pack("{s:o, s:o}", "text", string_or_null(text), "json", tree ? tree : json_null());
    return TROUPE_OK;
}

static troupe_status run_why(void *arg, const json_t *request, json_t **ret_result,
                             struct error *err)
{
    struct host *host = app_host(arg);
    const char *id = json_get_str(request, "id", "last");
    _cleanup_mem_ char *text = NULL;
    json_t *trace = NULL;
    troupe_status status = turn_engine_why(host_engine(host), id, &trace, err);

    if (status >= 0)
        status = turn_engine_why_text(host_engine(host), id, &text, err);
    if (status < 0) {
        json_decref(trace);
        return status;
    }
    *ret_result =
        json_pack("{s:o, s:o}", "text", string_or_null(text), "trace", trace ? trace : json_null());
    return TROUPE_OK;
}

static troupe_status run_stop(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    (void)request;
    (void)err;
    log_info("control", "asked to stop");
    app_request_stop(arg);
    *ret_result = json_pack("{s:I}", "pid", (json_int_t)getpid());
    return TROUPE_OK;
}

/* Who changed what, and who was refused what. */
static troupe_status run_audit(void *arg, const json_t *request, json_t **ret_result,
                               struct error *err)
{
    return turn_audit_list(host_engine(app_host(arg)), json_get_str(request, "guild", NULL),
                           TURN_AUDIT_SHOWN, ret_result, err);
}

/* What is kept about a member, its deletion, and what of deletions is open. */
static troupe_status run_user(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    struct engine *engine = host_engine(app_host(arg));
    const char *action = json_get_str(request, "action", ""),
               *member = json_get_str(request, "member", ""), *name = "members";
    json_t *result = NULL;
    troupe_status status;

    if (!strcmp(action, "list")) {
        status = turn_erase_list(engine, &result, err);
    } else if (!*member) {
        return error_set(err, TROUPE_ARGUMENT, "\"user\" takes \"action\" and \"member\"");
    } else if (!strcmp(action, "export")) {
        name = "export";
        status = turn_export(engine, member, &result, err);
    } else if (!strcmp(action, "delete")) {
        name = "open";
        log_info("control", "asked to delete what is kept about a member");
        status = turn_erase_now(engine, member, co_after(USER_MS / 2), &result, err);
    } else {
        return error_set(err, TROUPE_ARGUMENT, "\"user\" has no action \"%.40s\"", action);
    }
    if (status == TROUPE_OK)
        *ret_result = json_pack("{s:o}", name, result);
    return status;
}

/* The turns that ended since the place the client names; waits for the next one. */
static troupe_status run_tail(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    struct turn_tail tail = {json_get_int(request, "finished_ms", 0),
                             json_get_int(request, "turn", 0)};
    json_t *turns = NULL;
    troupe_status status =
        turn_tail_read(host_engine(app_host(arg)), &tail, co_after(TAIL_WAIT_MS), &turns, err);

    if (status < 0)
        return status;
    *ret_result = json_pack("{s:o, s:I, s:I}", "turns", turns, "finished_ms",
                            (json_int_t)tail.finished_ms, "turn", (json_int_t)tail.id);
    return TROUPE_OK;
}

/* Refuses new events and waits until nothing runs; the host stays up. "off" takes them again. */
static troupe_status run_drain(void *arg, const json_t *request, json_t **ret_result,
                               struct error *err)
{
    struct engine *engine = host_engine(app_host(arg));
    struct engine_stats stats;

    if (json_is_true(json_object_get(request, "off"))) {
        if (turn_engine_resume(engine) < 0)
            return error_set(err, TROUPE_BUSY, "the host is being stopped");
        log_info("control", "takes messages again");
        *ret_result = json_pack("{s:b}", "draining", 0);
        return TROUPE_OK;
    }
    log_info("control", "takes no new messages");
    turn_engine_drain(engine, DRAIN_MS, NULL, NULL);
    for (;;) {
        turn_engine_stats(engine, &stats);
        if (!stats.running && !stats.queued)
            break;
        if (co_sleep(DRAIN_POLL_MS) < 0)
            return error_set(err, co_status(), "%zu turns run still; the host takes no new ones",
                             stats.running + stats.queued);
    }
    *ret_result = json_pack("{s:b}", "draining", 1);
    return TROUPE_OK;
}

const struct ops_command *commands_table(size_t *ret_count)
{
    static const struct ops_command table[] = {
        {.name = "ping", .run = run_ping},
        {.name = "status", .run = run_status},
        {.name = "plugins", .run = run_plugins},
        {.name = "functions", .run = run_functions},
        {.name = "reload", .run = run_reload, .deadline_ms = RELOAD_MS, .goes_on = true},
        {.name = "call", .run = run_call, .deadline_ms = CALL_MS},
        {.name = "why", .run = run_why},
        {.name = "audit", .run = run_audit},
        {.name = "user", .run = run_user, .deadline_ms = USER_MS},
        {.name = "tail", .run = run_tail, .deadline_ms = 2 * TAIL_WAIT_MS},
        {.name = "drain", .run = run_drain, .deadline_ms = DRAIN_MS + DRAIN_MS / 10},
        {.name = "stop", .run = run_stop, .goes_on = true, .holds = true},
    };

    *ret_count = sizeof(table) / sizeof(table[0]);
    return table;
}

/* ---- chat ------------------------------------------------------------------------------------ */

static struct console *chat_console(void *arg)
{
    return host_console(app_host(arg));
}

static void chat_attach(void *arg, struct gateway *gateway)
{
    struct error err;

    if (turn_engine_recover(host_engine(app_host(arg)), gateway, &err) < 0 &&
        co_status() == TROUPE_OK)
        log_warn("console", "what a restart cut is not taken up: %s", err.text);
    sched_wake(host_sched(app_host(arg)));
}

static size_t chat_stop(void *arg, const char *channel)
{
    return turn_engine_stop_channel(host_engine(app_host(arg)), channel);
}

static const char *chat_bot_name(void *arg)
{
    return config_str(config_section(host_config(app_host(arg)), "troupe", NULL), "name");
}

static const char *chat_member(void *arg)
{
    return config_str(config_section(host_config(app_host(arg)), "console", NULL), "member");
}

const struct ops_chat_host commands_chat_host = {
    .console = chat_console,
    .attach = chat_attach,
    .stop = chat_stop,
    .bot_name = chat_bot_name,
    .member = chat_member,
};
