/* SPDX-License-Identifier: Apache-2.0
 *
 * A control client that became a console session. The session ends in the closing callback of the
 * client's connection, never inside one of its own callbacks.
 */
#include "base/log.h"
#include "base/text.h"
#include "ops/control_internal.h"

#include <string.h>

static void output(void *arg, const char *text, size_t len)
{
    control_client_send(arg, json_pack("{s:s%}", "text", text, len));
}

static void member_changed(void *arg, const char *name)
{
    control_client_send(arg, json_pack("{s:s, s:s}", "event", "member", "name", name));
}

static void settled(void *arg)
{
    control_client_send(arg, json_pack("{s:s}", "event", "settled"));
}

static void quit(void *arg)
{
    control_client_send(arg, json_pack("{s:s}", "event", "quit"));
    control_client_end(arg);
}

static troupe_status attach(void *arg)
{
    struct control_client *client = arg;
    const struct ops_control_options *options = &client->control->options;

    struct error err;

    if (console_session_attach(client->console, &err) < 0 && co_status() == TROUPE_OK)
        log_warn("control", "what waits for a chat is not shown now: %s", err.text);
    if (options->chat->attach && co_status() == TROUPE_OK)
        options->chat->attach(options->arg, console_gateway(options->chat->console(options->arg)));
    return TROUPE_OK;
}

static void attached(struct scope *scope)
{
    struct control_client *client = container_of(scope, struct control_client, scope);

    (void)scope_close(scope);
    client->attaching = false;
    if (client->gone)
        control_chat_end(client);
    control_client_release(client);
}

static void start_attaching(struct control_client *client)
{
    static const struct co_owner owner = {.name = "core:control"};

    scope_open_root(client->control->loop, &client->scope, 0, attached);
    if (co_spawn(&client->scope, &owner, attach, client) < 0) {
        (void)scope_close(&client->scope);
        log_warn("control", "what a restart cut waits for the next chat: too much is going on");
        return;
    }
    client->attaching = true;
    client->holds++;
}

void control_chat_begin(struct control_client *client, const json_t *request)
{
    const struct ops_control_options *options = &client->control->options;
    struct console_session_options session = {
        .output = output,
        .member_changed = member_changed,
        .settled = settled,
        .quit = quit,
        .arg = client,
    };

    (void)request;
    if (!options->chat) {
        control_client_send_error(client, TROUPE_UNSUPPORTED, "this host does not chat here");
        return;
    }
    if (options->chat->member)
        session.member = options->chat->member(options->arg);
    if (options->chat->bot_name)
        session.bot_name = options->chat->bot_name(options->arg);
    client->console = console_session_new(options->chat->console(options->arg), &session);
    control_client_send(client, json_pack("{s:b, s:{s:s}}", "ok", 1, "result", "member",
                                          console_session_member(client->console)));
    start_attaching(client);
}

void control_chat_request(struct control_client *client, const json_t *request)
{
    const struct ops_control_options *options = &client->control->options;
    const json_t *line = json_object_get(request, "line");

    if (json_is_string(line)) {
        console_session_line(client->console, json_string_value(line), json_string_length(line));
    } else if (json_is_true(json_object_get(request, "stop"))) {
        size_t count = options->chat->stop(options->arg, console_channel());

        control_client_send(
            client, json_pack("{s:s, s:I}", "event", "stopped", "count", (json_int_t)count));
    } else {
        control_client_send_error(client, TROUPE_DATA,
                                  "in a chat a request has \"line\" or \"stop\"");
    }
}

void control_chat_end(struct control_client *client)
{
    if (!client->console)
        return;
    if (client->attaching) {
        scope_cancel(&client->scope, TROUPE_CANCELED);
        return;
    }
    console_session_free(client->console);
    client->console = NULL;
}
