/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/invite.h"

#include "config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    uint64_t bit;
    const char *name;
} names[] = {
    {DISCORD_MAY_VIEW, "View Channels"},
    {DISCORD_MAY_SEND, "Send Messages"},
    {DISCORD_MAY_SEND_IN_THREADS, "Send Messages in Threads"},
    {DISCORD_MAY_OPEN_THREADS, "Create Public Threads"},
    {DISCORD_MAY_READ_HISTORY, "Read Message History"},
    {DISCORD_MAY_REACT, "Add Reactions"},
    {DISCORD_MAY_ATTACH, "Attach Files"},
    {DISCORD_MAY_EMBED, "Embed Links"},
};

uint64_t discord_permissions_for(const struct config *config)
{
    const struct config_section *discord = config_section(config, "discord", NULL);
    /* History: an answer whose creation was not confirmed is looked up before it is repeated, and a
     * reply needs it. Files: what is too long for messages. */
    uint64_t permissions = DISCORD_MAY_VIEW | DISCORD_MAY_SEND | DISCORD_MAY_SEND_IN_THREADS |
                           DISCORD_MAY_READ_HISTORY | DISCORD_MAY_ATTACH;

    if (config_bool(discord, "auto_thread"))
        permissions |= DISCORD_MAY_OPEN_THREADS;
    return config_bool(discord, "acknowledge") ? permissions | DISCORD_MAY_REACT : permissions;
}

void discord_permissions_print(uint64_t permissions, char *ret, size_t size)
{
    size_t len = 0;

    *ret = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t need = strlen(names[i].name) + (len ? 2 : 0);

        if (!(permissions & names[i].bit) || need >= size - len)
            continue;
        snprintf(ret + len, size - len, "%s%s", len ? ", " : "", names[i].name);
        len += need;
    }
}

void discord_invite_url(const char *application, uint64_t permissions, char ret[DISCORD_INVITE_MAX])
{
    snprintf(ret, DISCORD_INVITE_MAX,
             "https://discord.com/oauth2/authorize?client_id=%.24s&scope=bot%%20applications."
             "commands&permissions=%" PRIu64,
             application, permissions);
}

void discord_portal_url(const char *application, char ret[DISCORD_INVITE_MAX])
{
    snprintf(ret, DISCORD_INVITE_MAX, "https://discord.com/developers/applications/%.24s/bot",
             application);
}
