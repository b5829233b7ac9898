/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include "base/list.h"
#include "base/mem.h"
#include "gateway/console/console.h"
#include "gateway/outbox.h"
#include "loop/op.h"
#include "loop/scope.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asked {
    struct list_link link;
    struct server *server;
    struct event *event;
    bool stopped;
    int64_t number;
};

/* ---- commands -------------------------------------------------------------------------------- */

static troupe_status run_echo(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    (void)arg;
    (void)err;
    *ret_result = json_incref(json_object_get(request, "value"));
    return TROUPE_OK;
}

static troupe_status run_fail(void *arg, const json_t *request, json_t **ret_result,
                              struct error *err)
{
    (void)arg;
    (void)request;
    (void)ret_result;
    return error_set(err, TROUPE_CONFIG, "troupe.ini:3: it does not hold");
}

static troupe_status run_sleep(void *arg, const json_t *request, json_t **ret_result,
                               struct error *err)
{
    struct server *server = arg;
    troupe_status status = co_sleep((uint64_t)json_get_int(request, "ms", 60000));

    (void)ret_result;
    (void)err;
    server->cancelled += status == TROUPE_CANCELED;
    server->finished += status == TROUPE_OK;
    return status;
}

static const struct ops_command commands[] = {
    {.name = "echo", .run = run_echo},
    {.name = "fail", .run = run_fail},
    {.name = "sleep", .run = run_sleep},
    {.name = "short", .run = run_sleep, .deadline_ms = 20},
    {.name = "firm", .run = run_sleep, .goes_on = true},
    {.name = "hold", .run = run_echo, .holds = true},
};

/* ---- the engine ------------------------------------------------------------------------------ */

/* The end as the engine has it: prepared, stored, handed over. */
static void end_answer(struct asked *asked, void *handle)
{
    struct gateway *gateway = asked->event->gateway;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const struct gateway_final final = {
        .outcome = asked->stopped ? GATEWAY_INTERRUPTED : GATEWAY_COMPLETE,
    };
    struct error err;

    if (gateway->ops->answer_prepare(gateway, handle, &final, batch, &err) < 0)
        abort();
    if (store_commit(asked->server->store, batch, 0, &err) < 0)
        gateway->ops->answer_drop(gateway, handle);
    else
        gateway->ops->answer_commit(gateway, handle);
}

static void answer(struct asked *asked)
{
    const struct event *event = asked->event;
    struct gateway *gateway = event->gateway;
    void *handle;
    struct error err;

    gateway->ops->answer_begin(gateway, event, asked->number, 0, GATEWAY_REPLY, &handle, &err);
    gateway->ops->answer_write(gateway, handle, "echo: ", 6);
    (void)co_sleep(2);
    gateway->ops->answer_write(gateway, handle, event->content, event->content_len);
    end_answer(asked, handle);
}

static troupe_status turn(void *arg)
{
    struct asked *asked = arg;
    struct event *event = asked->event;

    (void)co_sleep(3);
    while (!strcmp(event->content, "wait") && !asked->stopped && co_status() == TROUPE_OK)
        (void)co_sleep(1);
    if (!strcmp(event->content, "quiet"))
        event->gateway->ops->notice(event->gateway, event, "not now", false);
    else
        answer(asked);
    list_remove(&asked->link);
    event_unref(event);
    mem_free(asked);
    return TROUPE_OK;
}

static void submit(void *arg, struct event *event)
{
    struct server *server = arg;
    struct asked *asked = mem_zero(1, sizeof(*asked));

    asked->server = server;
    asked->event = event;
    asked->number = ++server->turn_number;
    list_append(server->asked, &asked->link);
    if (co_spawn(server->turns, NULL, turn, asked) < 0)
        abort();
}

static void attach(void *arg, struct gateway *gateway)
{
    ((struct server *)arg)->attached++;
    (void)co_sleep(1);
    (void)gateway->name[0]; /* still there */
}

static struct console *console(void *arg)
{
    return ((struct server *)arg)->console;
}

static size_t stop(void *arg, const char *channel)
{
    struct server *server = arg;
    size_t count = 0;

    list_for_each (link, server->asked) {
        struct asked *asked = container_of(link, struct asked, link);

        if (!strcmp(asked->event->channel, channel)) {
            asked->stopped = true;
            count++;
        }
    }
    return count;
}

static const char *bot_name(void *arg)
{
    (void)arg;
    return "Bot";
}

static const struct ops_chat_host chat_host = {
    .console = console,
    .attach = attach,
    .stop = stop,
    .bot_name = bot_name,
};

/* ---- the thread ------------------------------------------------------------------------------ */

struct start {
    struct server *server;
    bool chat;
};

static troupe_status serve(void *arg)
{
    const struct start *start = arg;
    struct server *server = start->server;
    struct ops_control_options options = {
        .path = server->path,
        .group = (gid_t)-1,
        .commands = commands,
        .command_count = sizeof(commands) / sizeof(commands[0]),
        .chat = start->chat ? &chat_host : NULL,
        .arg = server,
    };
    struct list_link asked;
    SCOPE(turns, 0);

    if (server->store) {
        if (outbox_open(server->loop, server->store, &server->outbox, &server->error) < 0)
            abort();
        server->console = console_new(&(struct console_options){server->outbox, submit, server});
    }
    list_init(&asked);
    server->asked = &asked;
    server->turns = &turns;
    server->status = ops_control_start(server->loop, &options, &server->control, &server->error);
    server->end = op_new(server->loop, NULL);
    sem_post(&server->started);
    (void)op_wait(server->end, 0, NULL);
    op_drop(server->end);
    if (server->status == TROUPE_OK)
        ops_control_stop(server->control);
    server->sessions = server->console ? console_sessions(server->console) : 0;
    scope_cancel(&turns, TROUPE_CANCELED);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

static void open_store(struct server *server)
{
    _cleanup_mem_ char *path = mem_printf("%s/data.db", server->directory);
    const struct store_options options = {.path = path, .synchronous = STORE_NORMAL};

    if (store_open(server->loop, &options, &server->store, &server->error) < 0)
        abort();
}

static void *run(void *arg)
{
    struct start *start = arg;
    struct server *server = start->server;
    struct scope scope;

    if (loop_new(NULL, &server->loop, NULL) < 0)
        abort();
    if (start->chat)
        open_store(server);
    scope_open_root(server->loop, &scope, 0, ended);
    if (co_spawn(&scope, NULL, serve, start) < 0)
        abort();
    loop_run(server->loop);
    (void)scope_close(&scope);
    console_free(server->console);
    outbox_close(server->outbox);
    store_close(server->store);
    loop_step(server->loop, 0);
    loop_free(server->loop);
    mem_free(start);
    return NULL;
}

void server_start(struct server *server, const char *directory, bool chat)
{
    struct start *start = mem_zero(1, sizeof(*start));

    *server = (struct server){.status = TROUPE_FAILED};
    if (directory) {
        snprintf(server->directory, sizeof(server->directory), "%s", directory);
    } else {
        snprintf(server->directory, sizeof(server->directory), "/tmp/troupe-ops-XXXXXX");
        if (!mkdtemp(server->directory))
            abort();
    }
    snprintf(server->path, sizeof(server->path), "%s/run/control.sock", server->directory);
    sem_init(&server->started, 0, 0);
    start->server = server;
    start->chat = chat;
    if (pthread_create(&server->thread, NULL, run, start) != 0)
        abort();
    sem_wait(&server->started);
}

void server_stop(struct server *server)
{
    op_complete(server->end, TROUPE_OK, NULL);
    pthread_join(server->thread, NULL);
    sem_destroy(&server->started);
}

void server_clean(struct server *server)
{
    static const char *const files[] = {"data.db", "data.db-wal", "data.db-shm"};
    char run_directory[96];

    snprintf(run_directory, sizeof(run_directory), "%s/run", server->directory);
    (void)unlink(server->path);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        _cleanup_mem_ char *path = mem_printf("%s/%s", server->directory, files[i]);

        (void)unlink(path);
    }
    (void)rmdir(run_directory);
    (void)rmdir(server->directory);
}
