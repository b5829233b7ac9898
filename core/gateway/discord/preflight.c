/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/preflight.h"

#include "config.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/url.h"
#include "loop/co.h"
#include "net/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ASK_MS         15000
#define ANSWER_MAX     ((size_t)1 << 20)
#define OWNER_NAME_MAX 100 /* bytes */
#define OWNER_ID_MAX   24

/* ---- reading ------------------------------------------------------------------------------- */

char *discord_token_clean(char *text)
{
    char *token = text_trim(text);
    size_t len = strlen(token);

    if (len >= 2 && (*token == '"' || *token == '\'') && token[len - 1] == *token) {
        token[len - 1] = '\0';
        token = text_trim(token + 1);
    }
    if (text_starts(token, "Bot "))
        token = text_trim(token + 4);
    len = strlen(token);
    if (!len || len > DISCORD_TOKEN_MAX || !strcmp(token, "Bot"))
        return NULL;
    for (size_t i = 0; i < len; i++) {
        /* What is no letter of a token would end up in a header. */
        if (token[i] <= ' ' || token[i] > '~')
            return NULL;
    }
    return token;
}

static void take(char *ret, size_t size, const char *text)
{
    snprintf(ret, size, "%.*s", (int)text_utf8_cut(text, strlen(text), size - 1), text);
}

/* As a precision for printf: no character is cut. */
static int room(const char *text, size_t max)
{
    return (int)text_utf8_cut(text, strlen(text), max);
}

static void take_owner(const json_t *application, struct discord_preflight *ret)
{
    const json_t *team = json_object_get(application, "team");
    const json_t *owner = json_object_get(application, "owner");
    size_t members = json_array_size(json_object_get(team, "members"));
    const char *name, *id = json_get_str(owner, "id", "");
    char text[sizeof(ret->owner)];

    if (members) {
        name = json_get_str(team, "name", "without a name");
        snprintf(text, sizeof(text), "the team %.*s (%zu member%s)", room(name, OWNER_NAME_MAX),
                 name, members, members == 1 ? "" : "s");
        ret->owners = members;
    } else if (*id) {
        name = json_get_str(owner, "username", "?");
        snprintf(text, sizeof(text), "%.*s (%.*s)", room(name, OWNER_NAME_MAX), name,
                 room(id, OWNER_ID_MAX), id);
        ret->owners = 1;
    } else {
        return;
    }
    take(ret->owner, sizeof(ret->owner), text);
}

uint64_t discord_application_flags(const json_t *application)
{
    const char *text = json_get_str(application, "flags_new", NULL);

    return text ? strtoull(text, NULL, 10) : (uint64_t)json_get_int(application, "flags", 0);
}

void discord_preflight_read_account(const json_t *user, const json_t *application,
                                    struct discord_preflight *ret)
{
    take(ret->account, sizeof(ret->account), json_get_str(user, "id", ""));
    take(ret->name, sizeof(ret->name), json_get_str(user, "username", ""));
    take(ret->application, sizeof(ret->application), json_get_str(application, "id", ""));
    ret->flags = discord_application_flags(application);
    take_owner(application, ret);
}

int64_t discord_preflight_date(const char *text)
{
    struct tm parts = {0};
    const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S", &parts) : NULL;

    if (!end || strcmp(end, " GMT") != 0)
        return -1;
    return (int64_t)timegm(&parts) * 1000;
}

/* As with the gateway: over TLS to anybody whom the operator names, else to this machine only. */
static bool may_have_token(const char *api)
{
    _cleanup_mem_ char *url = text_starts(api, "http") ? mem_printf("ws%s", api + 4) : NULL;

    return url && discord_url_valid(url);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* What an answer other than 200 means for who sets the bot up. */
static troupe_status refuse(const char *path, int status, struct error *err)
{
    if (status == 401)
        return error_set(err, TROUPE_DENIED,
                         "Discord refuses the token: get a new one in the Developer Portal under "
                         "Bot, Reset Token, and copy it whole");
    if (status == 429)
        return error_set(err, TROUPE_BUSY,
                         "Discord limits the requests of this address: wait a few minutes");
    return error_set(err, status >= 500 ? TROUPE_UNAVAILABLE : TROUPE_FAILED,
                     "Discord answers %s with HTTP %d: see https://discordstatus.com", path,
                     status);
}

static troupe_status get(struct http_client *http, const char *api, const char *path,
                         const char *token, struct discord_preflight *ret, json_t **ret_json,
                         struct error *err)
{
    _cleanup_mem_ char *url = mem_printf("%s%s", api, path);
    char *authorization = mem_printf("Bot %s", token);
    const struct http_header headers[] = {
        {"User-Agent", "DiscordBot (" PACKAGE_URL ", " PACKAGE_VERSION ")"},
        {"Authorization", authorization},
    };
    const struct http_request request = {
        .url = url,
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
        .trust = HTTP_TRUST_CONFIGURED,
        .deadline = co_after(ASK_MS),
        .max_body = ANSWER_MAX,
        .gzip = true,
    };
    struct http_response response = {0};
    troupe_status status =
        may_have_token(api)
            ? http_fetch(http, &request, &response, err)
            : error_set(err, TROUPE_DENIED,
                        "the token is not sent to \"%s\": write an address with https:// as api in "
                        "[discord]",
                        api);

    explicit_bzero(authorization, strlen(authorization));
    mem_free(authorization);
    if (status < 0) {
        error_prefix(err, "Discord cannot be asked");
        return status == TROUPE_DENIED ? TROUPE_ARGUMENT : status; /* that is for refused tokens */
    }
    if (response.status != 200) {
        status = refuse(path, response.status, err);
    } else {
        int64_t theirs = discord_preflight_date(http_response_header(&response, "Date"));

        ret->clock_known = theirs >= 0;
        ret->clock_ahead_ms = theirs >= 0 ? clock_wall_ms() - theirs : 0;
        status = json_parse_lenient(buf_text(&response.body), response.body.len, ret_json, err);
        if (status < 0)
            error_prefix(err, "what answers at %s is not Discord", api);
    }
    http_response_clear(&response);
    return status;
}

troupe_status discord_preflight_account(struct http_client *http, const char *api,
                                        const char *token, struct discord_preflight *ret,
                                        struct error *err)
{
    _cleanup_json_ json_t *user = NULL, *application = NULL;
    troupe_status status = get(http, api, "/users/@me", token, ret, &user, err);

    if (status == TROUPE_OK)
        status = get(http, api, "/applications/@me", token, ret, &application, err);
    if (status == TROUPE_OK &&
        (!json_get_str(user, "id", NULL) || !json_get_str(application, "id", NULL)))
        status = error_set(err, TROUPE_DATA, "what answers at %s is not Discord", api);
    if (status == TROUPE_OK)
        discord_preflight_read_account(user, application, ret);
    return status;
}

/* Any answer will do: a WebSocket server refuses a plain GET, but it is there. */
static troupe_status knock(struct http_client *http, const char *gateway, struct error *err)
{
    _cleanup_mem_ char *url = mem_printf("http%s", gateway + strlen("ws"));
    const struct http_request request = {
        .url = url, .trust = HTTP_TRUST_CONFIGURED, .deadline = co_after(ASK_MS)};
    struct http_response response = {0};
    troupe_status status = http_fetch(http, &request, &response, err);

    http_response_clear(&response);
    if (status < 0)
        error_prefix(err, "Discord's gateway cannot be reached");
    return status;
}

troupe_status discord_preflight_gateway(struct http_client *http, const char *api,
                                        const char *token, struct discord_preflight *ret,
                                        struct error *err)
{
    _cleanup_json_ json_t *bot = NULL;
    const json_t *limit;
    const char *url;
    troupe_status status = get(http, api, "/gateway/bot", token, ret, &bot, err);

    if (status < 0)
        return status;
    url = json_get_str(bot, "url", "");
    if (!text_starts(url, "ws") || strlen(url) >= sizeof(ret->gateway))
        return error_set(err, TROUPE_DATA, "/gateway/bot names no address");
    take(ret->gateway, sizeof(ret->gateway), url);
    limit = json_object_get(bot, "session_start_limit");
    ret->identifies = json_get_int(limit, "total", 0);
    ret->left = json_get_int(limit, "remaining", 0);
    ret->reset_ms = json_get_int(limit, "reset_after", 0);
    ret->max_concurrency = json_get_int(limit, "max_concurrency", 1);
    return knock(http, ret->gateway, err);
}
