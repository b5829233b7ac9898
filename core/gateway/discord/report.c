/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bot's owner is told without having asked: [discord] report_channel.
 */
#include "gateway/discord/internal.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define DETAIL_MAX 3000 /* bytes; the log has the rest */
#define WINDOW_MS  3600000

static const struct {
    unsigned most; /* in WINDOW_MS */
    const char *further;
} kinds[DISCORD_REPORT_KINDS] = {
    [DISCORD_REPORT_PLAIN] = {20, "Further reports of this hour are in the log only."},
    [DISCORD_REPORT_HOUR] = {10,
                             "What caps of an hour say further is in the log only, for an hour."},
    [DISCORD_REPORT_CAP] =
        {20, "What caps of a day or a month say further is in the log only, for an hour."},
};

bool discord_report_allowed(struct discord_reports *reports, enum discord_report_kind kind,
                            uint64_t now)
{
    struct discord_reports_of *of = &reports->of[kind];

    if (!of->count || now - of->began >= WINDOW_MS)
        *of = (struct discord_reports_of){.began = now};
    return of->count++ < kinds[kind].most;
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

struct saying {
    struct discord *discord;
    struct event *event;
    char *text;
};

static void saying_free(struct saying *saying)
{
    event_unref(saying->event);
    mem_free(saying->text);
    mem_free(saying);
}

static troupe_status say_main(void *arg)
{
    struct saying *saying = arg;

    (void)discord_notice(&saying->discord->gateway, saying->event, saying->text, false);
    saying_free(saying);
    return TROUPE_OK;
}

static void say(struct discord *discord, const struct event *to, const char *text)
{
    static const struct co_owner owner = {"core:discord", 0};
    struct saying *saying = mem_zero(1, sizeof(*saying));

    saying->discord = discord;
    saying->event = event_new(to);
    saying->text = mem_strdup(text);
    if (co_spawn(&discord->scope, &owner, say_main, saying) == TROUPE_OK)
        return;
    log_warn("discord", "a sentence in channel %s could not be said: no coroutine is free",
             to->channel);
    saying_free(saying);
}

void discord_report(struct discord *discord, enum discord_report_kind kind, const char *text,
                    const char *detail)
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

    if (!discord->report_channel || !discord->rest ||
        !discord_report_allowed(&discord->reports, kind, loop_now(discord->loop)))
        return;
    buf_puts(&out, text);
    if (detail)
        put_detail(&out, detail);
    if (discord->reports.of[kind].count == kinds[kind].most)
        buf_printf(&out, "\n%s", kinds[kind].further);
    say(discord, &to, buf_text(&out));
}
