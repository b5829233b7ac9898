/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "net/http_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void free_part(char **part)
{
    curl_free(*part);
}
#define _cleanup_part_ __attribute__((cleanup(free_part)))

void http_url_clear(struct http_url *url)
{
    if (url->text)
        explicit_bzero(url->text, strlen(url->text));
    mem_free(url->text);
    *url = (struct http_url){0};
}

const char *http_url_label(const struct http_url *url)
{
    const char *colon = strstr(url->origin, "://");

    return colon ? colon + 3 : url->origin;
}

/* The parts of a parsed URL into `ret`. */
static troupe_status fill(CURLU *parsed, struct http_url *ret, struct error *err)
{
    _cleanup_part_ char *user = NULL;
    _cleanup_part_ char *password = NULL;
    _cleanup_part_ char *scheme = NULL;
    _cleanup_part_ char *host = NULL;
    _cleanup_part_ char *port = NULL;
    char *text = NULL;
    int n;

    if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
        return error_set(err, TROUPE_ARGUMENT,
                         "the URL carries a user name or password; send a header instead");
    if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK || !*host ||
        curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return error_set(err, TROUPE_ARGUMENT, "the URL names no host; write https://host/path");
    if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0)
        return error_set(err, TROUPE_ARGUMENT,
                         "URL scheme \"%.20s\" is not supported; use http or https", scheme);
    n = snprintf(ret->origin, sizeof(ret->origin), "%s://%s:%s", scheme, host, port);
    if (n < 0 || (size_t)n >= sizeof(ret->origin))
        return error_set(err, TROUPE_ARGUMENT, "the URL's host is longer than 255 bytes");
    for (char *p = ret->origin; *p; p++) {
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    (void)curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
    if (curl_url_get(parsed, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return error_set(err, TROUPE_ARGUMENT, "the URL cannot be written out");
    ret->text = mem_strdup(text);
    explicit_bzero(text, strlen(text));
    curl_free(text);
    return TROUPE_OK;
}

troupe_status http_url_parse(const char *text, const struct http_url *base, struct http_url *ret,
                             struct error *err)
{
    struct http_url url = {0};
    troupe_status status = TROUPE_OK;
    CURLU *parsed;

    if (!text || !*text || strnlen(text, HTTP_URL_MAX + 1) > HTTP_URL_MAX)
        return error_set(err, TROUPE_ARGUMENT, "the URL is empty or longer than %zu bytes",
                         HTTP_URL_MAX);
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p <= ' ' || *p == 127)
            return error_set(err, TROUPE_ARGUMENT, "the URL has a space or control character");
    }
    parsed = curl_url();
    if (!parsed)
        return error_set(err, TROUPE_NOMEM, "no memory for a URL");
    if ((base && curl_url_set(parsed, CURLUPART_URL, base->text, 0) != CURLUE_OK) ||
        curl_url_set(parsed, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        status = error_set(err, TROUPE_ARGUMENT, "the URL is malformed; write https://host/path");
    if (status == TROUPE_OK)
        status = fill(parsed, &url, err);
    curl_url_cleanup(parsed);
    if (status == TROUPE_OK)
        *ret = url;
    return status;
}

/* Whether libcurl would leave it as it is, behind an origin and its slash. What may stand for a
 * character or a folder is not looked into. */
static bool is_plain(const char *path)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "-_~/?=&:@,";

    for (size_t len; *(path += len = strspn(path, plain)); path++)
        if (*path != '.' || len == 0 || path[-1] == '/')
            return false;
    return true;
}

/* Of a URL that libcurl left as it was. */
static void learn(struct http_url_known *known, const char *text, const struct http_url *url)
{
    const char *host = strstr(text, "://"), *slash = host ? strchr(host + 3, '/') : NULL;
    size_t len = slash ? (size_t)(slash + 1 - text) : sizeof(known->prefix);

    if (len >= sizeof(known->prefix) || strcmp(text, url->text) != 0)
        return;
    memcpy(known->prefix, text, len);
    known->len = len;
    memcpy(known->origin, url->origin, sizeof(known->origin));
}

troupe_status http_url_read(const char *text, struct http_url_known *known, struct http_url *ret,
                            struct error *err)
{
    troupe_status status;
    size_t len = text ? strnlen(text, HTTP_URL_MAX + 1) : 0;

    if (known->len && len <= HTTP_URL_MAX && len >= known->len &&
        memcmp(text, known->prefix, known->len) == 0 && is_plain(text + known->len)) {
        ret->text = mem_strndup(text, len);
        memcpy(ret->origin, known->origin, sizeof(ret->origin));
        ret->path = known->len - 1;
        return TROUPE_OK;
    }
    status = http_url_parse(text, NULL, ret, err);
    if (status == TROUPE_OK)
        learn(known, text, ret);
    return status;
}

static bool set_path(CURLU *url, const char *path)
{
    const char *query = strchr(path, '?');
    size_t len = query ? (size_t)(query - path) : strlen(path);
    char part[512];
    bool ok;

    if (len >= sizeof(part))
        return false;
    memcpy(part, path, len);
    part[len] = '\0';
    ok = curl_url_set(url, CURLUPART_PATH, part, 0) == CURLUE_OK &&
         curl_url_set(url, CURLUPART_QUERY, query ? query + 1 : NULL, 0) == CURLUE_OK;
    explicit_bzero(part, sizeof(part));
    return ok;
}

CURLU *http_url_take_apart(struct http_url_parts *parts, const struct http_url *url)
{
    bool same =
        parts->len && parts->len == url->path && memcmp(parts->prefix, url->text, parts->len) == 0;

    if (!url->path || url->path >= sizeof(parts->prefix))
        return NULL;
    if (!parts->url)
        parts->url = curl_url();
    if (!parts->url)
        return NULL;
    parts->len = 0;
    if (same ? !set_path(parts->url, url->text + url->path)
             : curl_url_set(parts->url, CURLUPART_URL, url->text, 0) != CURLUE_OK)
        return NULL;
    parts->len = url->path;
    memcpy(parts->prefix, url->text, parts->len);
    return parts->url;
}

void http_url_forget_path(struct http_url_parts *parts)
{
    if (parts->url && curl_url_set(parts->url, CURLUPART_PATH, NULL, 0) == CURLUE_OK)
        (void)curl_url_set(parts->url, CURLUPART_QUERY, NULL, 0);
}

void http_url_parts_clear(struct http_url_parts *parts)
{
    curl_url_cleanup(parts->url);
    *parts = (struct http_url_parts){0};
}
