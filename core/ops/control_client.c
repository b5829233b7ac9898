/* SPDX-License-Identifier: Apache-2.0
 *
 * One client of the control socket. Reading and parsing happen in libuv's callbacks; a command runs
 * in a coroutine of the client's own scope. The client is freed when both its handles are closed
 * and no command runs.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "ops/control_internal.h"
#include "ops/socket.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MS 10000
#define FLUSH_MS   1000
#define NAMES_MAX  64

static void process(struct control_client *client);

/* ---- out ------------------------------------------------------------------------------------- */

struct control_write {
    uv_write_t request;
    char *line;
};

static void written(uv_write_t *request, int status)
{
    struct control_write *out = container_of(request, struct control_write, request);

    (void)status; /* a broken connection is seen by the reading side, too */
    mem_free(out->line);
    mem_free(out);
}

void control_client_send(struct control_client *client, json_t *object)
{
    uv_stream_t *stream = (uv_stream_t *)&client->pipe;
    struct control_write *out;
    char *text;
    uv_buf_t part;

    text = client->closing || client->shut ? NULL : json_print(object);
    json_decref(object);
    if (!text)
        return;
    out = mem_zero(1, sizeof(*out));
    out->line = mem_printf("%s\n", text);
    mem_free(text);
    part = uv_buf_init(out->line, (unsigned)strlen(out->line));
    if (uv_write(&out->request, stream, &part, 1, written) < 0) {
        mem_free(out->line);
        mem_free(out);
        control_client_close(client);
    } else if (uv_stream_get_write_queue_size(stream) > OPS_CONTROL_BACKLOG) {
        log_warn("control", "a client that does not read its answers is disconnected");
        control_client_close(client);
    }
}

static json_t *make_error(troupe_status status, const char *text)
{
    json_t *error = json_string(text);

    return json_pack("{s:b, s:s, s:o, s:i}", "ok", 0, "status", status_name(status), "error",
                     error ? error : json_string("(not utf-8)"), "exit", ops_exit_code(status));
}

void control_client_send_error(struct control_client *client, troupe_status status,
                               const char *text)
{
    control_client_send(client, make_error(status, text));
}

static void flushed(uv_shutdown_t *request, int status)
{
    struct control_client *client = request->data;

    (void)status;
    control_client_close(client);
}

/* Closes once everything is written. */
static void shut(struct control_client *client)
{
    if (client->closing || client->shut)
        return;
    client->shut = true;
    client->shutdown.data = client;
    if (uv_shutdown(&client->shutdown, (uv_stream_t *)&client->pipe, flushed) < 0)
        control_client_close(client);
}

/* ---- commands -------------------------------------------------------------------------------- */

static troupe_status run_ping(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    (void)arg;
    (void)request;
    (void)err;
    *ret_result = json_pack("{s:I}", "pid", (json_int_t)getpid());
    return TROUPE_OK;
}

static troupe_status run_log_level(void *arg, const json_t *request, json_t **ret_result,
                                   struct error *err)
{
    const char *name = json_get_str(request, "level", "");
    int level = log_level_parse(name);

    (void)arg;
    if (level < 0)
        return error_set(err, TROUPE_ARGUMENT, "log level \"%s\": use error, warn, info or debug",
                         name);
    log_set_level((enum log_level)level);
    *ret_result = json_pack("{s:s}", "level", name);
    return TROUPE_OK;
}

static const struct ops_command own_commands[] = {
    {.name = "ping", .run = run_ping},
    {.name = "log-level", .run = run_log_level},
};

/* The host's commands come first, so that it may say more than ours. */
static const struct ops_command *find_command(const struct ops_control *control, const char *name)
{
    for (size_t i = 0; i < control->options.command_count; i++) {
        if (!strcmp(control->options.commands[i].name, name))
            return &control->options.commands[i];
    }
    for (size_t i = 0; i < sizeof(own_commands) / sizeof(own_commands[0]); i++) {
        if (!strcmp(own_commands[i].name, name))
            return &own_commands[i];
    }
    return NULL;
}

static void refuse_unknown(struct control_client *client, const char *name)
{
    const struct ops_control_options *options = &client->control->options;
    const char *names[NAMES_MAX] = {"ping", "log-level", "chat"}, *nearest;
    size_t count = 3;
    struct error err;

    for (size_t i = 0; i < options->command_count && count < NAMES_MAX; i++)
        names[count++] = options->commands[i].name;
    nearest = text_nearest(name, names, count);
    (void)error_set(&err, TROUPE_ARGUMENT, "command \"%.64s\" is not known here%s%s%s", name,
                    nearest ? ", did you mean \"" : "", nearest ? nearest : "",
                    nearest ? "\"" : "");
    control_client_send_error(client, err.status, err.text);
}

static troupe_status run_command(void *arg)
{
    struct control_client *client = arg;

    client->status = client->command->run(client->control->options.arg, client->request,
                                          &client->result, &client->error);
    return TROUPE_OK;
}

void control_client_release(struct control_client *client)
{
    struct ops_control *control = client->control;

    if (--client->holds)
        return;
    buf_clear(&client->in);
    mem_free(client);
    control->client_count--;
    control_client_left(control);
}

static json_t *make_answer(struct control_client *client)
{
    json_t *answer;

    if (client->status >= 0)
        return json_pack("{s:b, s:o}", "ok", 1, "result",
                         client->result ? client->result : json_object());
    if (!*client->error.text)
        (void)error_set(&client->error, client->status, "\"%s\" did not end well: %s",
                        client->command->name, status_name(client->status));
    answer = make_error(client->status, client->error.text);
    if (client->result)
        json_object_set_new(answer, "result", client->result);
    return answer;
}

static void command_ended(struct scope *scope)
{
    struct control_client *client = container_of(scope, struct control_client, scope);

    (void)scope_close(scope);
    client->holding = client->command->holds && client->status >= 0;
    control_client_send(client, make_answer(client));
    json_decref(client->request);
    client->result = client->request = NULL;
    client->command = NULL;
    if (client->ending)
        shut(client);
    else if (!client->closing)
        process(client);
    control_client_release(client);
}

static void start_command(struct control_client *client, const struct ops_command *command,
                          const json_t *request)
{
    static const struct co_owner owner = {.name = "core:control"};
    struct loop *loop = client->control->loop;
    uint32_t ms = command->deadline_ms ? command->deadline_ms : COMMAND_MS;

    loop_timer_stop(&client->timer);
    client->error = (struct error){0};
    client->status = TROUPE_CRASHED; /* until it has returned */
    client->command = command;
    client->request = json_incref((json_t *)request);
    scope_open_root(loop, &client->scope, loop_now(loop) + ms, command_ended);
    if (co_spawn(&client->scope, &owner, run_command, client) < 0) {
        (void)scope_close(&client->scope);
        json_decref(client->request);
        client->request = NULL;
        client->command = NULL;
        control_client_send_error(client, TROUPE_BUSY, "the host is too busy; try again");
        return;
    }
    client->holds++;
}

/* ---- in -------------------------------------------------------------------------------------- */

static void handle_line(struct control_client *client, const char *line, size_t len)
{
    _cleanup_json_ json_t *request = NULL;
    const struct ops_command *command;
    struct error err;
    const char *name;

    if (json_parse(line, len, &request, &err) < 0) {
        control_client_send_error(client, err.status, err.text);
        return;
    }
    if (client->console) {
        control_chat_request(client, request);
        return;
    }
    name = json_get_str(request, "cmd", NULL);
    if (!name) {
        control_client_send_error(client, TROUPE_DATA,
                                  "a request is an object with \"cmd\", like {\"cmd\":\"status\"}");
        return;
    }
    command = find_command(client->control, name);
    if (command)
        start_command(client, command, request);
    else if (!strcmp(name, "chat"))
        control_chat_begin(client, request);
    else
        refuse_unknown(client, name);
}

static void alloc_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct control_client *client = handle->data;

    (void)suggested;
    *ret = uv_buf_init(client->control->chunk, CONTROL_CHUNK);
}

static void has_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
    struct control_client *client = stream->data;

    if (n < 0) {
        control_client_close(client);
        return;
    }
    if (client->ending)
        return;
    buf_append(&client->in, chunk->base, (size_t)n);
    process(client);
}

/* Takes the whole lines that are there, one command at a time; reads on while there is room. */
static void process(struct control_client *client)
{
    size_t done = 0;
    bool room;

    while (!client->command && !client->closing && !client->ending && done < client->in.len) {
        const char *line = client->in.data + done;
        size_t left = client->in.len - done;
        const char *end = memchr(line, '\n', left);

        if (!end && left <= OPS_CONTROL_LINE)
            break;
        if (!end || (size_t)(end - line) > OPS_CONTROL_LINE) {
            control_client_send_error(client, TROUPE_LIMIT, "a line has at most 1 MB");
            control_client_end(client);
            break;
        }
        done += (size_t)(end - line) + 1;
        if (end > line)
            handle_line(client, line, (size_t)(end - line));
    }
    buf_shift(&client->in, done);
    if (client->closing || client->ending)
        return;
    room = client->in.len <= OPS_CONTROL_LINE;
    if (room && !client->reading)
        client->reading = uv_read_start((uv_stream_t *)&client->pipe, alloc_chunk, has_read) == 0;
    else if (!room && client->reading)
        client->reading = uv_read_stop((uv_stream_t *)&client->pipe) != 0;
    if (!client->command && !client->console && !client->holding)
        loop_timer_start(&client->timer, OPS_CONTROL_IDLE_MS, 0);
    else
        loop_timer_stop(&client->timer);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void pipe_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;

    client->gone = true;
    control_chat_end(client);
    control_client_release(client);
}

static void timer_closed(struct loop_timer *timer)
{
    control_client_release(container_of(timer, struct control_client, timer));
}

void control_client_close(struct control_client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    list_remove(&client->link);
    if (client->command && (client->control->stopping || !client->command->goes_on))
        scope_cancel(&client->scope, TROUPE_CANCELED);
    uv_close((uv_handle_t *)&client->pipe, pipe_closed);
    loop_timer_close(&client->timer, timer_closed);
}

void control_client_end(struct control_client *client)
{
    if (client->ending || client->closing)
        return;
    client->ending = true;
    loop_timer_start(&client->timer, FLUSH_MS, 0);
    if (client->command && client->control->stopping)
        scope_cancel(&client->scope, TROUPE_CANCELED);
    if (!client->command)
        shut(client);
}

static void timed_out(struct loop_timer *timer)
{
    control_client_close(container_of(timer, struct control_client, timer));
}

static bool check_peer(const struct control_client *client)
{
    pid_t pid = 0;
    uid_t uid = (uid_t)-1;
    uv_os_fd_t fd = -1;

    if (uv_fileno((const uv_handle_t *)&client->pipe, &fd) < 0 ||
        !ops_socket_peer_allowed(fd, client->control->options.group, &pid, &uid)) {
        log_warn("control", "connection of user %" PRIu64 " (process %" PRIi64 ") is refused",
                 (uint64_t)uid, (int64_t)pid);
        return false;
    }
    log_debug("control", "user %" PRIu64 " (process %" PRIi64 ") is connected", (uint64_t)uid,
              (int64_t)pid);
    return true;
}

troupe_status control_client_new(struct ops_control *control, int fd, struct error *err)
{
    struct control_client *client = mem_zero(1, sizeof(*client));
    uv_stream_t *listener = (uv_stream_t *)&control->listener;
    int rc;

    client->control = control;
    list_append(&control->clients, &client->link);
    control->client_count++;
    rc = uv_pipe_init(loop_uv(control->loop), &client->pipe, 0);
    client->pipe.data = client;
    loop_timer_init(control->loop, &client->timer, timed_out);
    client->holds = 2;
    if (rc == 0)
        rc = fd < 0 ? uv_accept(listener, (uv_stream_t *)&client->pipe)
                    : uv_pipe_open(&client->pipe, fd);
    if (rc < 0) {
        if (fd >= 0)
            close(fd);
        control_client_close(client);
        return error_set(err, TROUPE_IO, "a connection could not be taken: %s", uv_strerror(rc));
    }
    if (!check_peer(client)) {
        control_client_close(client);
        return error_set(err, TROUPE_DENIED, "the control socket is not for this user");
    }
    if (control->stopping || control->client_count > OPS_CONTROL_CLIENTS) {
        control_client_send_error(client, TROUPE_BUSY,
                                  control->stopping ? "the host is stopping"
                                                    : "too many connections; close one");
        control_client_end(client);
        return TROUPE_OK;
    }
    process(client);
    return TROUPE_OK;
}
