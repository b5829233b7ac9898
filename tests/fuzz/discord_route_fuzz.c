/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages and interactions as events, whatever they hold: what comes out is text, and is read back
 * from the store as it was.
 */
#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/route.h"
#include "gateway/gateway.h"

#include <stdlib.h>
#include <string.h>

#define SELF 1111

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct event *event)
{
    char *json = event_print(event);
    struct event *back = NULL;

    if (!text_is_utf8(event->content, event->content_len) ||
        strlen(event->content) != event->content_len)
        abort();
    if (event_parse(json, strlen(json), &back, NULL) < 0)
        abort();
    if (strcmp(back->content, event->content) != 0 || back->role_count != event->role_count ||
        !back->quote != !event->quote)
        abort();
    event_unref(back);
    event_unref(event);
    mem_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gateway gateway = {.name = "discord:0"};
    const struct discord_route_rules rules = {.gateway = &gateway,
                                              .self = SELF,
                                              .mention = true,
                                              .dm = true,
                                              .reply = true,
                                              .content = true};
    struct discord_scan scan;
    struct event *event = NULL;
    int type = 0;

    if (discord_scan_full((const char *)data, size, SELF, &scan) == DISCORD_SCAN_OK)
        (void)discord_route_message(&rules, &scan);
    if (discord_route_event(&rules, (const char *)data, size, 1, &event, NULL) == TROUPE_OK)
        check(event);
    if (discord_route_press(&rules, (const char *)data, size, 1, &event, &type, NULL) == TROUPE_OK)
        check(event);
    return 0;
}
