/* SPDX-License-Identifier: Apache-2.0
 *
 * Subcommands that ask a running host over its control socket.
 */
#include "base/base64.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "main/cmd.h"
#include "main/print.h"
#include "main/setup.h"
#include "ops/client.h"
#include "ops/control.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sysexits.h>
#include <unistd.h>

#define ASK_MS    15000
#define RELOAD_MS (3 * 60 * 1000)
#define CALL_MS   (11 * 60 * 1000)
#define TAIL_MS   60000
#define DRAIN_MS  (7 * 60 * 1000)
#define STOP_MS   (2 * 60 * 1000)
#define USER_MS   (3 * 60 * 1000)
#define FILE_MAX  (700 * 1024) /* bytes of all files of a call, which is one line */
#define LAST_MS   10000        /* from the last word to the end of the process */

static troupe_status connect_host(struct options *options, struct ops_client *ret,
                                  struct error *err)
{
    struct setup setup;
    troupe_status status;

    setup_init(&setup, options);
    _cleanup_mem_ char *path = setup_socket(&setup);
    status = ops_client_open(ret, path, err);
    setup_clear(&setup);
    return status;
}

/* Asks one thing; errors are printed. The result is the caller's; NULL where none came. */
static int ask(struct options *options, json_t *request, uint32_t timeout_ms, json_t **ret)
{
    struct ops_client client;
    struct error err;
    int code = EX_OK;
    troupe_status status = connect_host(options, &client, &err);

    *ret = NULL;
    if (status < 0) {
        json_decref(request);
        print_failure(err.text);
        return ops_exit_code(status);
    }
    status = ops_client_call(&client, request, timeout_ms, ret, &code, &err);
    ops_client_close(&client);
    if (status < 0)
        print_failure(err.text);
    return code;
}

/* Asks for something that is shown as it is. */
static int show(struct options *options, const char *command, const char *const *columns,
                const char *none)
{
    _cleanup_json_ json_t *result = NULL;
    int code = ask(options, json_pack("{s:s}", "cmd", command), ASK_MS, &result);

    if (code)
        return code;
    if (options->json)
        print_json(stdout, result);
    else if (json_is_array(result) && !json_array_size(result))
        print_text(stdout, none);
    else
        print_value(stdout, result, columns);
    return EX_OK;
}

int cmd_status(struct options *options)
{
    return show(options, "status", NULL, "");
}

int cmd_plugins(struct options *options)
{
    static const char *const columns[] = {"agent",  "version",  "isolation", "state",  "pid",
                                          "calls",  "failures", "crashes",   "memory", "pss",
                                          "cpu_ms", "path",     NULL};

    return show(options, "plugins", columns, "no agents run");
}

int cmd_functions(struct options *options)
{
    static const char *const columns[] = {"function", "slash",       "tool", "menu",
                                          "usage",    "description", NULL};

    return show(options, "functions", columns, "no agent declares functions");
}

int cmd_audit(struct options *options)
{
    static const char *const columns[] = {"time",    "guild",  "member", "action",
                                          "subject", "before", "after",  NULL};

    return show(options, "audit", columns, "nothing was changed or refused yet");
}

int cmd_reload(struct options *options)
{
    _cleanup_json_ json_t *result = NULL;
    int code = ask(options, json_pack("{s:s}", "cmd", "reload"), RELOAD_MS, &result);

    if (options->json && result)
        print_json(stdout, result);
    else if (result)
        print_text(code ? stderr : stdout, json_get_str(result, "report", ""));
    if (!code && !options->json && !options->quiet)
        print_text(stdout, "reloaded");
    return code;
}

/* Objects and lists are JSON; everything else is text, which the host reads by the declaration of
 * the parameter: "5" may be a number or somebody's name. */
static json_t *infer(const char *text)
{
    json_t *value = NULL;

    if ((*text == '{' || *text == '[') && json_parse(text, strlen(text), &value, NULL) == TROUPE_OK)
        return value;
    return json_string(text);
}

static json_t *take_arguments(const struct options *options, struct error *err)
{
    json_t *object = json_object();

    for (size_t i = 1; i < options->argument_count; i++) {
        const char *word = options->arguments[i], *equals = strchr(word, '=');
        _cleanup_mem_ char *key = mem_strndup(word, equals ? (size_t)(equals - word) : 0);
        json_t *value = equals && *key ? infer(equals + 1) : NULL;

        if (!value || json_object_set_new(object, key, value) < 0) {
            (void)error_set(err, TROUPE_ARGUMENT, "argument \"%s\": write KEY=VALUE, in UTF-8",
                            word);
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* The names of the parameters of a function that are files; NULL: none is. The caller's. */
static json_t *file_params(struct options *options, int *ret_code)
{
    _cleanup_json_ json_t *functions = NULL;
    const char *wanted = options->arguments[0];
    const json_t *function;
    size_t i;

    *ret_code = ask(options, json_pack("{s:s}", "cmd", "functions"), ASK_MS, &functions);
    json_array_foreach (functions, i, function) {
        const char *name = json_get_str(function, "function", ""), *dot = strchr(name, '.');
        const json_t *files = json_object_get(function, "files");

        if (json_array_size(files) && (!strcmp(name, wanted) || (dot && !strcmp(dot + 1, wanted))))
            return json_incref((json_t *)(uintptr_t)files);
    }
    return NULL;
}

static json_t *read_file(const char *path, struct error *err)
{
    _cleanup_buf_ struct buf data = BUF_INIT, text = BUF_INIT;
    const char *slash = strrchr(path, '/');
    FILE *file = fopen(path, "rbe");
    char block[4096];
    size_t len;
    json_t *item;

    while (file && data.len <= FILE_MAX && (len = fread(block, 1, sizeof(block), file)) > 0)
        buf_append(&data, block, len);
    if (!file || ferror(file)) {
        (void)error_set(err, TROUPE_IO, "file \"%s\" cannot be read: %s", path, strerror(errno));
        if (file)
            (void)fclose(file);
        return NULL;
    }
    (void)fclose(file);
    if (data.len > FILE_MAX) {
        (void)error_set(err, TROUPE_LIMIT,
                        "file \"%s\" is larger than %d bytes, which is what a "
                        "call takes",
                        path, FILE_MAX);
        return NULL;
    }
    base64_put(&text, buf_text(&data), data.len);
    item = json_pack("{s:s, s:s}", "name", slash ? slash + 1 : path, "data", buf_text(&text));
    if (!item)
        (void)error_set(err, TROUPE_ARGUMENT, "the name of the file is no UTF-8 text");
    return item;
}

/* What is a path becomes a file of the call, and its number the argument. */
static json_t *take_files(struct options *options, json_t *arguments, int *ret_code,
                          struct error *err)
{
    _cleanup_json_ json_t *params = NULL;
    json_t *files = json_array();
    const json_t *param;
    size_t i, size = 0;

    if (json_object_size(arguments))
        params = file_params(options, ret_code);
    json_array_foreach (params, i, param) {
        const char *name = json_string_value(param), *path = json_get_str(arguments, name, NULL);
        json_t *item = path ? read_file(path, err) : NULL;

        if (path && item) {
            size += json_string_length(json_object_get(item, "data"));
            json_array_append_new(files, item);
            json_object_set_new(arguments, name, json_integer((json_int_t)json_array_size(files)));
        }
        if (size > 4 * (FILE_MAX / 3 + 1))
            (void)error_set(err, TROUPE_LIMIT, "all files of a call have at most %d bytes",
                            FILE_MAX);
        if ((path && !item) || size > 4 * (FILE_MAX / 3 + 1)) {
            *ret_code = EX_NOINPUT;
            print_failure(err->text);
            break;
        }
    }
    return files;
}

/* Takes over the request, and prints what the function gave. */
static int call_function(struct options *options, json_t *request)
{
    _cleanup_json_ json_t *result = NULL;
    int code = ask(options, request, CALL_MS, &result);

    if (code)
        return code;
    if (options->json) {
        print_json(stdout, result);
    } else if (json_is_string(json_object_get(result, "text"))) {
        print_text(stdout, json_get_str(result, "text", ""));
    } else if (!json_is_null(json_object_get(result, "json"))) {
        print_json(stdout, json_object_get(result, "json"));
    }
    return EX_OK;
}

int cmd_usage(struct options *options)
{
    json_t *request =
        options->argument_count
            ? json_pack("{s:s, s:s, s:{s:s}}", "cmd", "call", "function", "usage", "arguments",
                        "confirm", options->arguments[0])
            : json_pack("{s:s, s:s, s:{}}", "cmd", "call", "function", "usage", "arguments");

    if (!request) {
        print_failure("what is confirmed is no UTF-8 text");
        return EX_USAGE;
    }
    return call_function(options, request);
}

int cmd_budget(struct options *options)
{
    return call_function(options, json_pack("{s:s, s:s}", "cmd", "call", "function", "budget"));
}

int cmd_call(struct options *options)
{
    struct error err;
    json_t *arguments = take_arguments(options, &err);
    json_t *request = NULL, *files = NULL;
    int code = EX_OK;

    if (arguments) {
        files = take_files(options, arguments, &code, &err);
        request = json_pack("{s:s, s:s, s:o, s:o}", "cmd", "call", "function",
                            options->arguments[0], "arguments", arguments, "files", files);
        if (code) {
            json_decref(request);
            return code;
        }
    }
    if (!request) {
        print_failure(arguments ? "the function's name is no UTF-8 text" : err.text);
        return EX_USAGE;
    }
    return call_function(options, request);
}

int cmd_why(struct options *options)
{
    _cleanup_json_ json_t *result = NULL;
    const char *id = options->argument_count ? options->arguments[0] : "last";
    json_t *request = json_pack("{s:s, s:s}", "cmd", "why", "id", id);
    int code;

    if (!request) {
        print_failure("the id is no UTF-8 text");
        return EX_USAGE;
    }
    code = ask(options, request, ASK_MS, &result);
    if (code)
        return code;
    if (options->json)
        print_json(stdout, json_object_get(result, "trace"));
    else
        print_text(stdout, json_get_str(result, "text", ""));
    return EX_OK;
}

static void print_open(const json_t *parts, const char *indent)
{
    const json_t *part;
    size_t i;

    json_array_foreach (parts, i, part) {
        _cleanup_mem_ char *line = mem_printf("%s%s: %s", indent, json_get_str(part, "part", "?"),
                                              json_get_str(part, "why", ""));

        print_text(stdout, line);
    }
}

/* An export is JSON for the member; the rest is for people, or with --json for programs. */
static void print_user(const struct options *options, const json_t *result)
{
    const json_t *open = json_object_get(result, "open"), *members, *member;
    size_t i;

    if (options->json || json_object_get(result, "export")) {
        print_json(stdout, options->json ? result : json_object_get(result, "export"));
        return;
    }
    if (open) {
        print_text(stdout, json_array_size(open) ? "deleted, but for:" : "deleted");
        print_open(open, "  ");
    }
    members = json_object_get(result, "members");
    if (members && !json_array_size(members))
        print_text(stdout, "no deletion is open");
    json_array_foreach (members, i, member) {
        _cleanup_mem_ char *line =
            mem_printf("%s, asked for by %s at %s", json_get_str(member, "member", "?"),
                       json_get_str(member, "by", "?"), json_get_str(member, "asked", "?"));

        print_text(stdout, line);
        print_open(json_object_get(member, "open"), "  ");
    }
}

int cmd_user(struct options *options)
{
    _cleanup_json_ json_t *result = NULL;
    const char *action = options->arguments[0];
    const char *member = options->argument_count > 1 ? options->arguments[1] : "";
    json_t *request;
    int code;

    if (strcmp(action, "export") != 0 && strcmp(action, "delete") != 0 &&
        strcmp(action, "list") != 0) {
        print_failure("troupe user export ID, delete ID or list");
        return EX_USAGE;
    }
    if (!strcmp(action, "list") == !!*member) {
        print_failure("export and delete take the member's id, list takes nothing");
        return EX_USAGE;
    }
    request = json_pack("{s:s, s:s, s:s}", "cmd", "user", "action", action, "member", member);
    if (!request) {
        print_failure("the id is no UTF-8 text");
        return EX_USAGE;
    }
    code = ask(options, request, USER_MS, &result);
    if (!code)
        print_user(options, result);
    return code;
}

static void print_turn(const json_t *turn)
{
    char stamp[CLOCK_ISO_SIZE], line[512];

    clock_iso(json_get_int(turn, "finished_ms", 0), stamp);
    (void)snprintf(line, sizeof(line),
                   "%s turn %" PRIi64 " %s channel %s member %s: %s, %s, %" PRIi64 " ms, %.6f USD",
                   stamp, json_get_int(turn, "turn", 0), json_get_str(turn, "source", "?"),
                   json_get_str(turn, "channel", "-"), json_get_str(turn, "member", "-"),
                   json_get_str(turn, "state", "?"), json_get_str(turn, "reason", "?"),
                   json_get_int(turn, "ms", 0), (double)json_get_int(turn, "cost_micros", 0) / 1e6);
    print_text(stdout, line);
}

/* Asks again and again from where the last answer ended, so nothing is missed between. */
int cmd_tail(struct options *options)
{
    int64_t finished_ms = 0, id = 0;

    for (;;) {
        _cleanup_json_ json_t *result = NULL;
        json_t *request = json_pack("{s:s, s:I, s:I}", "cmd", "tail", "finished_ms",
                                    (json_int_t)finished_ms, "turn", (json_int_t)id);
        int code = ask(options, request, TAIL_MS, &result);
        const json_t *turns = json_object_get(result, "turns"), *turn;
        size_t i;

        if (code)
            return code;
        json_array_foreach (turns, i, turn) {
            if (options->json)
                print_json(stdout, turn);
            else
                print_turn(turn);
        }
        if (fflush(stdout) != 0)
            return EX_OK; /* nobody reads any more */
        finished_ms = json_get_int(result, "finished_ms", 0);
        id = json_get_int(result, "turn", 0);
    }
}

int cmd_drain(struct options *options)
{
    _cleanup_json_ json_t *result = NULL;
    bool off = options->argument_count == 1 && !strcmp(options->arguments[0], "off");
    int code;

    if (options->argument_count && !off) {
        print_failure("drain takes nothing, or \"off\"");
        return EX_USAGE;
    }
    code = ask(options, json_pack("{s:s, s:b}", "cmd", "drain", "off", off), DRAIN_MS, &result);
    if (code)
        return code;
    if (options->json)
        print_json(stdout, result);
    else if (!options->quiet)
        print_text(stdout, off ? "takes messages again"
                               : "drained: nothing runs, new messages are "
                                 "refused until \"troupe drain off\"");
    return EX_OK;
}

int cmd_log_level(struct options *options)
{
    _cleanup_json_ json_t *result = NULL;
    json_t *request = json_pack("{s:s, s:s}", "cmd", "log-level", "level", options->arguments[0]);

    if (!request) {
        print_failure("the level is no UTF-8 text");
        return EX_USAGE;
    }
    return ask(options, request, ASK_MS, &result);
}

/* Waits for the end of a process that may be in its last steps. */
static troupe_status wait_gone(int pidfd, uint32_t timeout_ms)
{
    struct pollfd wanted = {.fd = pidfd, .events = POLLIN};

    return pidfd < 0 || poll(&wanted, 1, (int)timeout_ms) > 0 ? TROUPE_OK : TROUPE_DEADLINE;
}

/* Ends when the host is gone, not when it has promised to go. */
int cmd_stop(struct options *options)
{
    _cleanup_json_ json_t *result = NULL;
    struct ops_client client;
    struct error err;
    int code = EX_OK, pidfd;
    troupe_status status = connect_host(options, &client, &err);

    if (status < 0) {
        print_failure(err.text);
        return ops_exit_code(status);
    }
    status =
        ops_client_call(&client, json_pack("{s:s}", "cmd", "stop"), ASK_MS, &result, &code, &err);
    pidfd = status < 0 ? -1 : pidfd_open((pid_t)json_get_int(result, "pid", 0), 0);
    if (status >= 0 &&
        (ops_client_wait_end(&client, STOP_MS) < 0 || wait_gone(pidfd, LAST_MS) < 0)) {
        status = error_set(&err, TROUPE_DEADLINE,
                           "the host (process %" PRIi64 ") has not ended yet; see its log",
                           json_get_int(result, "pid", 0));
        code = EX_TEMPFAIL;
    }
    if (pidfd >= 0)
        close(pidfd);
    ops_client_close(&client);
    if (status < 0)
        print_failure(err.text);
    else if (options->json)
        print_json(stdout, result);
    else if (!options->quiet)
        print_text(stdout, "stopped");
    return code;
}
