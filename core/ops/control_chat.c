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

static void submit(void *arg, struct event *event)
{
    struct control_client *client = arg;
    const struct ops_control_options *options = &client->control->options;

    options->chat->submit(options->arg, event);
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

void control_chat_begin(struct control_client *client, const json_t *request)
{
    const struct ops_control_options *options = &client->control->options;
    struct console_options session = {
        .output = output,
        .submit = submit,
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
    session.member = options->chat->member;
    if (options->chat->bot_name)
        session.bot_name = options->chat->bot_name(options->arg);
    client->console = console_new(&session);
    control_client_send(client, json_pack("{s:b, s:{s:s}}", "ok", 1, "result", "member",
                                          console_member(client->console)));
    if (options->chat->attach)
        options->chat->attach(options->arg, console_gateway(client->console));
}

void control_chat_request(struct control_client *client, const json_t *request)
{
    const struct ops_control_options *options = &client->control->options;
    const json_t *line = json_object_get(request, "line");

    if (json_is_string(line)) {
        console_line(client->console, json_string_value(line), json_string_length(line));
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
    const struct ops_control_options *options = &client->control->options;

    if (!client->console)
        return;
    options->chat->detach(options->arg, console_gateway(client->console));
    console_free(client->console);
    client->console = NULL;
}
