/* SPDX-License-Identifier: Apache-2.0
 *
 * Discord as a gateway: the messages and presses of its members become events, the engine's answers
 * become messages. One bot account, one shard: the gateway "discord:0". Below it lie the session
 * (session.h), the outbound scheduler (rest.h) and the delivery of outbox rows (outbox.h).
 *
 *     discord_new  ->  discord_start [waits]  ->  discord_stop [waits]  ->  discord_free
 *
 * Whatever is wrong with Discord, the network or the token never ends the host: the gateway tries
 * again with growing pauses, or, where that cannot help, says once in the log and in the status
 * what the owner has to do. Loop thread.
 */
#ifndef GATEWAY_DISCORD_DISCORD_H
#define GATEWAY_DISCORD_DISCORD_H

#include "base/error.h"
#include "config/config.h"
#include "gateway/event.h"
#include "gateway/seen.h"
#include "loop/loop.h"

#include <jansson.h>

#define DISCORD_SOURCE "discord:0"

struct discord;
struct gateway;
struct gateway_commands;
struct http_client;
struct outbox;
struct spool_record;
struct store;
struct store_batch;
struct store_spool;

struct discord_options {
    struct loop *loop;
    struct store *store;
    struct outbox *rows; /* makes ids of outbox rows; NULL in a host without one: not supported */
    struct http_client *http;
    const struct config_section *section; /* [discord]; read in discord_new only                 */
    const char *ca_file, *proxy;          /* of [http]                                           */
    /* An addressed message, or a press (kind "press"); takes over the reference. */
    void (*submit)(void *arg, struct event *event);
    /* A member's message that addresses nobody here. True: it is to be submitted as an event with
     * EVENT_OBSERVED. May be NULL. */
    bool (*seen)(void *arg, const struct gateway_seen *message);
    /* The message of such an event was edited (takes over the reference) or deleted, perhaps one that
     * was never submitted. May be NULL. */
    void (*revise)(void *arg, struct event *event);
    void (*retract)(void *arg, const char *source, const char *source_id);
    /* What people have set of [discord] for where the event stands, and for its member; `otherwise`:
     * what the file says. May be NULL. */
    bool (*setting)(void *arg, const struct event *event, const char *key, bool otherwise);
    /* What was asked by a message that no turn stands behind could not be answered, and why. May be
     * NULL. */
    void (*unsaid)(void *arg, const struct event *event, const char *why);
    struct store_spool *spool; /* for while the store is away; NULL: there is none */
    void *arg;
};

/* Whether [discord] has a token. */
bool discord_wanted(const struct config_section *section);
/* Texts are copied. Nothing is opened yet. */
struct discord *discord_new(const struct discord_options *options);
/* Takes up what an earlier process left, and begins to connect. The engine must be able to take
 * events. [waits] for the store only. */
troupe_status discord_start(struct discord *discord, struct error *err);
/* Rows of the outbox have become ours that were another host's: they are delivered. [waits] */
troupe_status discord_adopt(struct discord *discord, struct error *err);
/* The live keys of [discord], after a reload. */
void discord_configure(struct discord *discord, const struct config_section *section);
/* The commands that members are offered from now on; takes them over. They are registered as [discord]
 * says, as soon as that is possible. */
void discord_set_commands(struct discord *discord, struct gateway_commands *commands);
/* What a report is of. Each has a bound of its own, so that none keeps another from being told: those that
 * come every hour are the fewest. */
enum discord_report_kind {
    DISCORD_REPORT_PLAIN, /* at most 20 an hour                                         */
    DISCORD_REPORT_HOUR,  /* a cap of an hour, its mark or refusal: at most 10 an hour  */
    DISCORD_REPORT_CAP,   /* the same of a day or a month: at most 20 an hour           */
    DISCORD_REPORT_KINDS
};

/* A sentence and, where there is one, its detail for the bot's owner, in the channel that [discord]
 * report_channel names. Kept nowhere: the caller logs it, too. */
void discord_report(struct discord *discord, enum discord_report_kind kind, const char *text,
                    const char *detail);
/* No event is taken in any more; the connection stays, and what is owed goes on being delivered. */
void discord_quiet(struct discord *discord);
/* Waits until what is owed is delivered, at most until `deadline`, then drops the connection so
 * that a later process goes on with the session. What is still owed then is delivered by that one.
 * [waits] */
void discord_stop(struct discord *discord, uint64_t deadline);
/* The engine has let go of the gateway. Outside coroutines; turns the loop until everything is
 * closed. NULL is fine. */
void discord_free(struct discord *discord);

/* Adds what a record of the spool that this gateway wrote asks for; `starting`: of an earlier process, before
 * discord_start. */
void discord_spool_add(struct store_batch *batch, const struct spool_record *record, bool starting);

struct gateway *discord_gateway(struct discord *discord);
/* For `troupe status`; the caller's. */
json_t *discord_status(const struct discord *discord);

#endif
