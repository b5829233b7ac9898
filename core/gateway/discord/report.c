/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bot's owner is told without having asked: [discord] report_channel.
 */
#include "gateway/discord/internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define DETAIL_MAX  3000 /* bytes; the log has the rest */
#define REPORTS_MAX 20   /* in … */
#define WINDOW_MS   3600000

/* Who reloads in a loop shall not fill a channel. */
static bool is_allowed(struct discord_reports *reports, uint64_t now)
{
    if (!reports->count || now - reports->began >= WINDOW_MS)
        *reports = (struct discord_reports){.began = now};
    return reports->count++ < REPORTS_MAX;
}

/* A block that nothing in it ends. */
static void put_detail(struct buf *out, const char *detail)
{
    size_t len = text_utf8_cut(detail, strlen(detail), DETAIL_MAX);

    if (!len)
        return;
    buf_puts(out, "\n```\n");
    for (size_t i = 0; i < len; i++)
        buf_putc(out, detail[i] == '`' ? '\'' : detail[i]);
    buf_puts(out, detail[len] ? "\n… the rest is in the log\n```" : "\n```");
}

void discord_report(struct discord *discord, const char *text, const char *detail)
{
    const struct event to = {
        .gateway = &discord->gateway,
        .source = discord->gateway.name,
        .source_id = "0",
        .kind = "job",
        .channel = discord->report_channel,
        .content = "",
        .flags = EVENT_UNASKED,
    };
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct event *event;

    if (!discord->report_channel || !discord->rest ||
        !is_allowed(&discord->reports, loop_now(discord->loop)))
        return;
    buf_puts(&out, text);
    if (detail)
        put_detail(&out, detail);
    if (discord->reports.count == REPORTS_MAX)
        buf_printf(&out, "\nFurther reports of this hour are in the log only.");
    event = event_new(&to);
    discord_say(discord, event, buf_text(&out), 0);
    event_unref(event);
}
