/* SPDX-License-Identifier: Apache-2.0 */
#include "main/preflight.h"

#include "gateway/discord/intents.h"
#include "gateway/discord/invite.h"
#include "main/solo.h"
#include "net/http.h"

#include <string.h>

static void ask(struct loop *loop, void *arg)
{
    struct preflight *preflight = arg;
    const struct config_section *http = config_section(preflight->config, "http", NULL);
    const char *api = config_str(config_section(preflight->config, "discord", NULL), "api");
    const struct http_client_options options = {.ca_file = config_str(http, "ca_file"),
                                                .proxy = config_str(http, "proxy"),
                                                .local_only = config_bool(http, "local_only")};
    struct http_client *client = NULL;

    preflight->account = http_client_new(loop, &options, &client, &preflight->account_error);
    if (preflight->account < 0)
        return;
    preflight->account = discord_preflight_account(client, api, preflight->token, &preflight->found,
                                                   &preflight->account_error);
    if (preflight->gateway && preflight->account >= 0)
        preflight->door = discord_preflight_gateway(client, api, preflight->token,
                                                    &preflight->found, &preflight->door_error);
    http_client_free(client);
}

void preflight_run(struct preflight *preflight)
{
    const struct solo task = {.run = ask,
                              .arg = preflight,
                              .signaled = preflight->signaled,
                              .signal_arg = preflight->signal_arg};
    troupe_status status;

    preflight->found = (struct discord_preflight){0};
    preflight->account = preflight->door = TROUPE_OK;
    status = solo_run(&task, &preflight->account_error);
    if (status < 0)
        preflight->account = status;
}

void preflight_intents(const struct config *config, const struct discord_preflight *found,
                       struct buf *out)
{
    const struct config_section *discord = config_section(config, "discord", NULL);
    const char *content = config_str(discord, "content");
    char portal[DISCORD_INVITE_MAX];

    if (!strcmp(content, "no") ||
        !discord_intents_denied(DISCORD_INTENT_MESSAGE_CONTENT, found->flags))
        return;
    discord_portal_url(found->application, portal);
    buf_printf(out,
               "the Message Content Intent is off: direct messages, mentions and replies that "
               "mention the bot are answered, but it cannot read what others write around them; "
               "switch it on at %s\n",
               portal);
}
