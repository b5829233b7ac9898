/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/url.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define URL_LONGEST 255

/* A name and an optional port; what else a URL may hold has no place before a token is sent. */
static bool host_is_plain(const char *host)
{
    size_t len = strcspn(host, "/");

    if (!len)
        return false;
    for (size_t i = 0; host[i]; i++)
        if ((unsigned char)host[i] <= ' ' || (unsigned char)host[i] >= 0x7f ||
            strchr("@?#\\\"<>", host[i]))
            return false;
    return true;
}

/* Only what is surely this machine: "127.0.0.1.example.org" is not. */
bool discord_url_local(const char *url)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    const char *host = url + strlen("ws://");

    if (!text_starts(url, "ws://"))
        return false;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        size_t len = strlen(hosts[i]);

        if (strncmp(host, hosts[i], len) == 0 && (!host[len] || strchr(":/", host[len])))
            return true;
    }
    return false;
}

bool discord_url_valid(const char *url)
{
    if (strlen(url) > URL_LONGEST)
        return false;
    if (text_starts(url, "wss://"))
        return host_is_plain(url + strlen("wss://"));
    return discord_url_local(url) && host_is_plain(url + strlen("ws://"));
}

troupe_status discord_url_build(const char *base, enum discord_compress compress,
                                char ret[DISCORD_URL_MAX], struct error *err)
{
    const char *name = discord_compress_name(compress);
    const char *host;
    char url[DISCORD_URL_MAX];
    int len;

    if (!discord_url_valid(base))
        return error_set(err, TROUPE_ARGUMENT,
                         "\"%.80s\" is no address of a gateway; it begins with wss:// and has no "
                         "query",
                         base);
    host = strstr(base, "://") + strlen("://");
    len = snprintf(url, sizeof(url), "%s%s?v=10&encoding=json%s%s", base,
                   strchr(host, '/') ? "" : "/", name ? "&compress=" : "", name ? name : "");
    if (len < 0 || (size_t)len >= sizeof(url))
        return error_set(err, TROUPE_ARGUMENT, "\"%.80s\" is too long for a gateway", base);
    memcpy(ret, url, (size_t)len + 1);
    return TROUPE_OK;
}
