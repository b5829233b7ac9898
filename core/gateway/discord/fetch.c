/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/fetch.h"

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "gateway/discord/internal.h"
#include "net/http.h"

#include <string.h>

#define TRIES_MAX  2
#define AGAIN_MS   500
#define CONNECT_MS 5000
#define URL_MAX    2048

json_t *discord_fetch_file(const json_t *attachment)
{
    const char *url = json_get_str(attachment, "url", "");

    return json_pack("{s:s, s:s, s:s, s:I, s:s}", "id", json_get_str(attachment, "id", ""), "name",
                     json_get_str(attachment, "filename", "file"), "type",
                     json_get_str(attachment, "content_type", ""), "size",
                     (json_int_t)json_get_int(attachment, "size", 0), "url",
                     strlen(url) <= URL_MAX ? url : "");
}

bool discord_fetch_allowed(const struct discord_fetch_rules *rules, const char *url)
{
    size_t len = rules->cdn ? strlen(rules->cdn) : 0;

    /* With the slash: a name that only begins like one of these, and a user before an @, differ. */
    if (text_starts(url, "https://cdn.discordapp.com/") ||
        text_starts(url, "https://media.discordapp.net/"))
        return true;
    while (len && rules->cdn[len - 1] == '/')
        len--;
    return len && !strncmp(url, rules->cdn, len) && url[len] == '/';
}

enum gateway_file_state discord_fetch_judge(const struct discord_fetch_rules *rules,
                                            const struct gateway_file *file,
                                            const struct gateway_fetch *want)
{
    size_t size = file->size > 0 ? (size_t)file->size : 0;

    if (want->index >= rules->count)
        return GATEWAY_FILE_MANY;
    if (gateway_file_is_text(file))
        return size > rules->text_max ? GATEWAY_FILE_LARGE : GATEWAY_FILE_TEXT;
    if (!gateway_file_is_picture(file))
        return GATEWAY_FILE_TYPE;
    return size > rules->picture_max ? GATEWAY_FILE_LARGE : GATEWAY_FILE_KEPT;
}

static void drop(struct gateway_fetched *fetched, enum gateway_file_state state)
{
    fetched->state = state;
    fetched->shown = 0;
    buf_clear(&fetched->data);
}

void discord_fetch_settle(const struct discord_fetch_rules *rules, const struct gateway_fetch *want,
                          struct gateway_fetched *fetched)
{
    struct buf *data = &fetched->data;
    size_t room = rules->inline_max > want->used ? rules->inline_max - want->used : 0;

    if (fetched->state == GATEWAY_FILE_KEPT) {
        if (!gateway_file_shows_picture(buf_text(data), data->len))
            drop(fetched, GATEWAY_FILE_TYPE);
        return;
    }
    if (data->len >= 3 && !memcmp(data->data, "\xef\xbb\xbf", 3))
        buf_shift(data, 3);
    if (memchr(buf_text(data), '\0', data->len) || !text_is_utf8(buf_text(data), data->len)) {
        drop(fetched, GATEWAY_FILE_TYPE); /* whatever its name says */
        return;
    }
    fetched->shown = text_utf8_cut(buf_text(data), data->len, room);
    if (fetched->shown < data->len)
        fetched->state = GATEWAY_FILE_CUT;
}

/* One try; true where it is decided, for better or worse. */
static bool get(struct discord *discord, const char *url, size_t max, uint64_t deadline,
                struct gateway_fetched *ret)
{
    struct http_request request = {
        .url = url,
        .trust = HTTP_TRUST_CONFIGURED, /* the hosts are known */
        .connect_timeout_ms = CONNECT_MS,
        .deadline = deadline,
        .max_body = max,
    };
    struct http_response response = {0};
    struct error err;
    troupe_status status = http_fetch(discord->options.http, &request, &response, &err);
    bool decided = true;

    if (status == TROUPE_OK && response.status == 200) {
        ret->data = response.body;
        response.body = (struct buf)BUF_INIT;
    } else if (status == TROUPE_LIMIT) {
        ret->state = GATEWAY_FILE_LARGE; /* than Discord had said */
    } else {
        decided = status == TROUPE_OK && response.status < 500 && response.status != 429;
        ret->state = GATEWAY_FILE_FAILED;
        if (status < 0)
            log_info("discord", "a file could not be fetched: %s", err.text);
        else
            log_info("discord", "a file could not be fetched: the CDN answered %d",
                     response.status);
    }
    http_response_clear(&response);
    return decided;
}

troupe_status discord_fetch(struct gateway *gateway, const struct gateway_file *file,
                            const struct gateway_fetch *want, struct gateway_fetched *ret)
{
    struct discord *discord = (struct discord *)gateway;
    const struct discord_fetch_rules rules = discord->fetch; /* a reload may change them */
    enum gateway_file_state judged = discord_fetch_judge(&rules, file, want);
    uint64_t deadline = co_after(rules.timeout_ms);
    bool text = judged == GATEWAY_FILE_TEXT;

    ret->state = judged;
    if (!text && (judged != GATEWAY_FILE_KEPT || !want->pictures))
        return TROUPE_OK; /* a picture that nobody looks at is said to be none */
    if (!discord_fetch_allowed(&rules, file->url)) {
        log_warn("discord", "a file of a message is not at Discord's CDN, so it is not fetched");
        ret->state = GATEWAY_FILE_FAILED;
        return TROUPE_OK;
    }
    for (int i = 0; i < TRIES_MAX; i++) {
        ret->state = judged;
        if (get(discord, file->url, text ? rules.text_max : rules.picture_max, deadline, ret))
            break;
        if (co_status() < 0)
            return co_status();
        if (i + 1 < TRIES_MAX && co_sleep(AGAIN_MS) < 0)
            return co_status();
    }
    if (ret->state == judged)
        discord_fetch_settle(&rules, want, ret);
    return TROUPE_OK;
}
