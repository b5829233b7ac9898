/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/discord.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/inflate.h"
#include "gateway/discord/internal.h"
#include "gateway/discord/store.h"
#include "loop/op.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SEQ_EVERY_MS   1000  /* a number that nothing waits for is stored so often */
#define APPLICATION_MS 15000 /* of the 20 s that an identify may take              */
#define SETTLE_MS      4000  /* Discord needs about 0.2 s; the rest is for limits  */
#define DELIVERED_MS   20    /* between two looks at what is still to be delivered */

static const struct co_owner core_owner = {"core:discord", 0};

/* ---- waiting for what the start asks --------------------------------------------------------- */

void discord_wake(struct discord *discord)
{
    struct op *op = discord->waiter;

    discord->waiter = NULL;
    if (op)
        op_complete(op, TROUPE_OK, NULL);
}

/* Until discord_wake, or `ms` are over. [waits] */
static void wait_awake(struct discord *discord, uint64_t ms)
{
    struct op *op = op_new(discord->loop, NULL);

    discord->waiter = op; /* there is one who waits: for the account, then for the application */
    (void)op_wait(op, co_after(ms), NULL);
    if (discord->waiter == op)
        discord_wake(discord);
    op_drop(op);
}

/* ---- the end of it ---------------------------------------------------------------------------- */

static troupe_status give_up(void *arg)
{
    struct discord *discord = arg;

    discord_session_stop(discord->session, false);
    return TROUPE_OK;
}

void discord_refuse(struct discord *discord, const char *sentence)
{
    if (discord->refused)
        return;
    discord->refused = true;
    snprintf(discord->why, sizeof(discord->why), "%s", sentence);
    log_error("discord", "%s; the host goes on without Discord", sentence);
    discord_wake(discord);
    if (discord->session && !discord->quiet)
        (void)co_spawn(&discord->scope, &core_owner, give_up, discord);
}

/* ---- the session's calls --------------------------------------------------------------------- */

static troupe_status identify(void *arg, uint64_t *ret_wait_ms, struct error *err)
{
    struct discord *discord = arg;
    uint64_t end = co_after(APPLICATION_MS);
    troupe_status status = TROUPE_UNAVAILABLE;

    /* Asking for an intent that the application may not have ends the session for good (4014). */
    while (!discord->application_known && !discord->refused && co_status() == TROUPE_OK &&
           loop_now(discord->loop) < end)
        wait_awake(discord, end - loop_now(discord->loop));
    if (discord->refused)
        return error_set(err, TROUPE_DENIED, "%s", discord->why);
    if (!discord->application_known)
        return error_set(err, TROUPE_UNAVAILABLE, "the application is not known yet: %s",
                         discord->why);
    discord_session_intents(discord->session, discord_intents(discord));
    if (!discord_spool_needed(discord))
        status = discord_store_identify(discord->store, discord->application, ret_wait_ms, err);
    if (status == TROUPE_UNAVAILABLE && discord_spool_needed(discord))
        status = discord_spool_identify(discord, ret_wait_ms, err);
    return status;
}

static void phase(void *arg, enum discord_phase phase, const char *why)
{
    struct discord *discord = arg;

    switch (phase) {
    case DISCORD_READY:
        *discord->why = '\0';
        log_info("discord", "ready as %s (%s)", discord->name ? discord->name : "?", discord->self);
        break;
    case DISCORD_WAITING: log_warn("discord", "not connected: %s", why); break;
    case DISCORD_CONNECTING: log_debug("discord", "connecting"); break;
    case DISCORD_ENDED: break;
    }
}

static void fatal(void *arg, int code, const char *sentence)
{
    (void)code;
    discord_refuse(arg, sentence);
}

static const struct discord_session_handler session_handler = {
    .dispatch = discord_dispatch,
    .changed = discord_session_changed,
    .identify = identify,
    .base_url = discord_base_url,
    .phase = phase,
    .fatal = fatal,
};

static void tick(struct loop_timer *timer)
{
    struct discord *discord = container_of(timer, struct discord, timer);

    discord_store_newest(discord);
    discord_spool_tick(discord);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void working(struct gateway *gateway, const struct event *event, bool on)
{
    discord_typing_set((struct discord *)gateway, event, on);
}

static const struct gateway_ops discord_ops = {
    .answer_begin = discord_answer_begin,
    .answer_shown = discord_answer_shown,
    .answer_write = discord_answer_write,
    .answer_prepare = discord_answer_prepare,
    .answer_commit = discord_answer_commit,
    .answer_drop = discord_answer_drop,
    .answer_failed = discord_answer_failed,
    .notice = discord_notice,
    .patience = discord_patience,
    .fetch = discord_fetch,
    .chain = discord_chain,
    .working = working,
    .waits = discord_waits,
    .form = discord_press_form,
    .retire = discord_retire,
    .expire = discord_expire,
    .leave = discord_press_leave,
    .taken = discord_taken,
    .stored = discord_stored,
    .rights = discord_member_rights,
};

bool discord_wanted(const struct config_section *section)
{
    const char *token = config_str(section, "token");

    return token && *token;
}

static bool lists(const struct config_section *section, const char *key, const char *word)
{
    const struct config_list *list = config_list(section, key);

    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], word))
            return true;
    return false;
}

void discord_configure(struct discord *discord, const struct config_section *section)
{
    const struct config_list *owners = config_list(section, "owners");

    discord->rules.mention = lists(section, "triggers", "mention");
    discord->rules.dm = lists(section, "triggers", "dm");
    discord->rules.reply = lists(section, "triggers", "reply");
    discord->rules.bots = config_bool(section, "answer_bots");
    mem_free(discord->prefix);
    discord->prefix = mem_strdup(config_str(section, "prefix"));
    mem_free(discord->report_channel);
    discord->report_channel = config_str(section, "report_channel")
                                  ? mem_strdup(config_str(section, "report_channel"))
                                  : NULL;
    discord->rules.prefix = lists(section, "triggers", "prefix") ? discord->prefix : NULL;
    discord->stream = (enum discord_stream)config_choice(section, "stream");
    discord->first_text_ms = (uint64_t)config_ms(section, "first_text");
    discord->edit_ms = (uint64_t)config_ms(section, "edit_interval");
    discord->acknowledge = config_bool(section, "acknowledge");
    discord->rules.threads = lists(section, "triggers", "thread") ? &discord->threads : NULL;
    discord_threads_configure(discord, section);
    discord->offers.again = lists(section, "buttons", "regenerate");
    discord->offers.rate = lists(section, "buttons", "rate");
    discord->offers.stop = lists(section, "buttons", "stop");
    discord_commands_configure(discord, section);
    discord->code_file = (size_t)config_int(section, "code_file");
    discord->fetch.count = (size_t)config_int(section, "attachments");
    discord->fetch.text_max = (size_t)config_bytes(section, "attachment_text");
    discord->fetch.inline_max = (size_t)config_bytes(section, "attachment_inline");
    discord->fetch.picture_max = (size_t)config_bytes(section, "attachment_image");
    discord->fetch.timeout_ms = (uint64_t)config_ms(section, "attachment_timeout");
    discord->own_owners = owners->count > 0;
    if (!owners->count)
        return;
    mem_free(discord->owners);
    discord->owners = mem_zero(owners->count, sizeof(*discord->owners));
    for (size_t i = 0; i < owners->count; i++)
        discord->owners[i] = event_id_number(owners->items[i]);
    discord->rules.owners = discord->owners;
    discord->rules.owner_count = owners->count;
}

static int compress_of(const struct config_section *section)
{
    static const int choices[] = {DISCORD_ZSTD, DISCORD_ZSTD, DISCORD_ZLIB, DISCORD_PLAIN};

    return choices[config_choice(section, "compress")];
}

static void scope_ended(struct scope *scope)
{
    struct discord *discord = container_of(scope, struct discord, scope);
    struct op *closed = discord->closed;

    discord->closed = NULL;
    if (closed)
        op_complete(closed, TROUPE_OK, NULL);
}

struct discord *discord_new(const struct discord_options *options)
{
    const struct config_section *section = options->section;
    struct discord *discord = mem_zero(1, sizeof(*discord));

    discord->gateway.ops = &discord_ops;
    discord->gateway.name = DISCORD_SOURCE;
    discord->options = *options;
    discord->options.section = NULL;
    discord->loop = options->loop;
    discord->store = options->store;
    discord->token = mem_strdup(config_str(section, "token"));
    discord->api = mem_strdup(config_str(section, "api"));
    discord->cdn = config_str(section, "cdn") ? mem_strdup(config_str(section, "cdn")) : NULL;
    discord->fetch.cdn = discord->cdn;
    discord->ca_file = options->ca_file ? mem_strdup(options->ca_file) : NULL;
    discord->proxy = options->proxy ? mem_strdup(options->proxy) : NULL;
    discord->compress = compress_of(section);
    discord->global_limit = config_int(section, "global_limit")
                                ? (unsigned)config_int(section, "global_limit")
                                : UINT_MAX;
    discord->content = (enum discord_content)config_choice(section, "content");
    discord->rules.gateway = &discord->gateway;
    discord->rules.content = discord->content != DISCORD_CONTENT_NO;
    discord->settle_ms = SETTLE_MS;
    discord->resume.seq = -1;
    discord_rights_init(&discord->rights);
    list_init(&discord->answers);
    list_init(&discord->works);
    list_init(&discord->presses);
    list_init(&discord->openings);
    list_init(&discord->waits);
    discord_configure(discord, section);
    scope_open_root(discord->loop, &discord->scope, 0, scope_ended);
    loop_timer_init(discord->loop, &discord->timer, tick);
    return discord;
}

/* Connects; a stored session goes on once it is known which messages are the bot's own. */
static troupe_status connect_main(void *arg)
{
    struct discord *discord = arg;
    struct discord_session_options options = {
        .token = discord->token,
        .intents = discord_intents(discord),
        .shard_count = 1,
        .ca_file = discord->ca_file,
        .proxy = discord->proxy,
        .compress = discord->compress,
        .resume = discord->resume,
    };

    while (*discord->resume.session_id && !discord->rules.self && !discord->refused) {
        if (co_status() < 0)
            return TROUPE_OK;
        wait_awake(discord, APPLICATION_MS);
    }
    if (discord->refused || discord->quiet)
        return TROUPE_OK;
    options.self = discord->rules.self;
    discord->session = discord_session_new(discord->loop, &options, &session_handler, discord);
    return TROUPE_OK;
}

static bool holds(void *arg)
{
    return store_holds(((struct discord *)arg)->store);
}

troupe_status discord_adopt(struct discord *discord, struct error *err)
{
    discord_originals_load(discord);
    return discord_outbox_recover(discord->outbox, err);
}

troupe_status discord_start(struct discord *discord, struct error *err)
{
    const struct discord_rest_options rest_options = {
        .http = discord->options.http,
        .base = discord->api,
        .token = discord->token,
        .global_limit = discord->global_limit,
        .holds = holds,
        .holds_arg = discord,
    };
    struct discord_outbox_options outbox_options;
    struct error own;
    troupe_status status;

    if (discord_store_load(discord->store, discord->gateway.name, &discord->resume, &own) < 0) {
        log_warn("discord", "the stored session could not be read, a new one begins: %s", own.text);
        discord->resume = (struct discord_resume){.seq = -1};
    }
    discord_seq_session(&discord->seq, discord->resume.seq);
    discord_threads_load(discord);
    discord->rest = discord_rest_new(discord->loop, &rest_options);
    outbox_options = (struct discord_outbox_options){
        .loop = discord->loop,
        .store = discord->store,
        .rows = discord->options.rows,
        .rest = discord->rest,
        .gateway = discord->gateway.name,
        .opening = discord_command_opening,
        .opening_arg = discord,
        .unsaid = discord->options.unsaid,
        .unsaid_arg = discord->options.arg,
    };
    discord->outbox = discord_outbox_new(&outbox_options);
    discord_originals_load(discord);
    discord_ask(discord);
    if (co_spawn(&discord->scope, &core_owner, connect_main, discord) < 0)
        return error_set(err, TROUPE_LIMIT, "Discord cannot be started: no coroutine is free");
    loop_timer_start(&discord->timer, SEQ_EVERY_MS, SEQ_EVERY_MS);
    status = discord_outbox_recover(discord->outbox, err);
    return status;
}

void discord_quiet(struct discord *discord)
{
    discord->quiet = true;
}

void discord_stop(struct discord *discord, uint64_t deadline)
{
    struct discord_outbox_stats stats;
    struct op *closed;

    discord->quiet = true;
    do
        discord_outbox_stats(discord->outbox, &stats);
    while (!discord->refused && stats.waiting && loop_now(discord->loop) < deadline &&
           co_sleep(DELIVERED_MS) == TROUPE_OK);
    discord_store_newest(discord);
    if (discord->session && !discord->refused)
        discord_session_stop(discord->session, true);
    loop_timer_stop(&discord->timer);
    closed = op_new(discord->loop, NULL);
    discord->closed = closed;
    scope_cancel(&discord->scope, TROUPE_CANCELED);
    if (!discord->scope.live)
        scope_ended(&discord->scope);
    (void)op_wait(closed, 0, NULL);
    op_drop(closed);
    while (discord->writes && co_sleep(1) == TROUPE_OK)
        continue;
}

static void timer_closed(struct loop_timer *timer)
{
    struct discord *discord = container_of(timer, struct discord, timer);

    discord_seq_clear(&discord->seq);
    discord_commands_clear(discord);
    discord_rights_clear(&discord->rights);
    mem_free(discord->token);
    mem_free(discord->report_channel);
    mem_free(discord->prefix);
    mem_free(discord->api);
    mem_free(discord->cdn);
    mem_free(discord->ca_file);
    mem_free(discord->proxy);
    mem_free(discord->name);
    mem_free(discord->owners);
    mem_free(discord);
}

void discord_free(struct discord *discord)
{
    struct discord_rest *rest;

    if (!discord)
        return;
    rest = discord->rest;
    discord->rest = NULL;
    discord_session_free(discord->session);
    discord_outbox_free(discord->outbox);
    discord_rest_free(rest); /* what waits is told so */
    discord_waits_clear(discord);
    discord_typing_clear(discord);
    discord_press_clear(discord);
    discord_answer_clear(discord);
    discord_ahead_clear(discord);
    discord_threads_clear(discord);
    discord_chain_clear(discord);
    loop_timer_close(&discord->timer, timer_closed);
}

struct gateway *discord_gateway(struct discord *discord)
{
    return &discord->gateway;
}
