/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes to the owner's channel besides the log: what nobody may be looking at the log for.
 */
#include "main/host_private.h"

#include "base/mem.h"
#include "gateway/discord/discord.h"

void host_report_reload(struct host *host, const char *report)
{
    if (host->discord)
        discord_report(host->discord, DISCORD_REPORT_PLAIN,
                       "A reload was refused; the configuration before it serves on.", report);
}

void host_report(void *arg, enum turn_report kind, const char *text)
{
    static const enum discord_report_kind kinds[] = {[TURN_REPORT_PLAIN] = DISCORD_REPORT_PLAIN,
                                                     [TURN_REPORT_HOUR] = DISCORD_REPORT_HOUR,
                                                     [TURN_REPORT_CAP] = DISCORD_REPORT_CAP};
    struct host *host = arg;

    if (host->discord)
        discord_report(host->discord, kinds[kind], text, NULL);
}

void host_report_agent(void *arg, const struct plugin_agent *agent)
{
    struct host *host = arg;
    _cleanup_mem_ char *text = mem_printf(
        "The agent `%s` is switched off until the next reload, since it %s. `troupe reload` "
        "switches it on again.",
        agent->name, agent->why_disabled);

    if (host->discord)
        discord_report(host->discord, DISCORD_REPORT_PLAIN, text, NULL);
}
