/* SPDX-License-Identifier: Apache-2.0
 *
 * What a token is worth, before anything depends on it: whose it is, which intents its application
 * may have (application.mdx, "Application Flags"), who owns it, and whether the gateway lets it in
 * (gateway.mdx, "Session Start Limit Object"). Asked once, without the scheduler of rest.h: for set-up
 * and diagnosis, not for a host that runs.
 */
#ifndef GATEWAY_DISCORD_PREFLIGHT_H
#define GATEWAY_DISCORD_PREFLIGHT_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;

#define DISCORD_TOKEN_MAX 512

struct discord_preflight {
    char account[24], name[128]; /* the bot's user                                     */
    char application[24];        /* its application                                    */
    char owner[192];             /* "alice (1234)", or "the team NAME (3 members)"     */
    size_t owners;               /* members who own it; 0: Discord named none          */
    uint64_t flags;              /* of the application                                 */
    char gateway[256];           /* wss://…                                            */
    int64_t identifies, left;    /* identifies a day, and how many are left            */
    int64_t reset_ms;            /* until there are all of them again                  */
    int64_t max_concurrency;     /* identifies in 5 s                                  */
    bool clock_known;            /* the answer told the time …                         */
    int64_t clock_ahead_ms;      /* … and ours is so far ahead of it, ± a second       */
};

/* Cuts white space, quotes and a leading "Bot " away, in place, and gives the new start. NULL where
 * no token is left: empty, longer than DISCORD_TOKEN_MAX, or with something that is none inside. Pure. */
char *discord_token_clean(char *text);

/* GET /users/@me and /applications/@me. TROUPE_DENIED: the token is refused; other failures say
 * what Discord or the network did. `ret` is filled as far as it went. [waits] */
troupe_status discord_preflight_account(struct http_client *http, const char *api,
                                        const char *token, struct discord_preflight *ret,
                                        struct error *err);
/* GET /gateway/bot, then a knock at the gateway's own door, without a session. [waits] */
troupe_status discord_preflight_gateway(struct http_client *http, const char *api,
                                        const char *token, struct discord_preflight *ret,
                                        struct error *err);

/* The flags of an application: a number, and those above bit 30 as a text in `flags_new`
 * (application.mdx). Pure. */
uint64_t discord_application_flags(const json_t *application);
/* The parts of the above that read. Pure. */
void discord_preflight_read_account(const json_t *user, const json_t *application,
                                    struct discord_preflight *ret);
/* Milliseconds since 1970 of an HTTP date; -1 where it is none. */
int64_t discord_preflight_date(const char *text);

#endif
