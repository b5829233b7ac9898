/* SPDX-License-Identifier: Apache-2.0 */
#include "host/http_private.h"

#include "base/mem.h"
#include "turn/engine_private.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX 16384 /* bytes of a header's name or value */

/* What stands before the path. */
struct origin {
    char scheme[8], host[256], port[8];
};

static void copy_part(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size)
{
    char *text = NULL;

    out[0] = '\0';
    if (curl_url_get(url, part, &text, flags) == CURLUE_OK && strlen(text) < size)
        snprintf(out, size, "%s", text);
    curl_free(text);
}

static bool origin_of(const char *text, struct origin *ret)
{
    CURLU *url = curl_url();
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;

    if (good) {
        copy_part(url, CURLUPART_SCHEME, 0, ret->scheme, sizeof(ret->scheme));
        copy_part(url, CURLUPART_HOST, 0, ret->host, sizeof(ret->host));
        copy_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, ret->port, sizeof(ret->port));
        good = ret->scheme[0] && ret->host[0] && ret->port[0];
    }
    curl_url_cleanup(url);
    return good;
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
    return !strcasecmp(a->scheme, b->scheme) && !strcasecmp(a->host, b->host) &&
           !strcmp(a->port, b->port);
}

static bool is_endpoint(const struct plugin_agent *agent, const struct origin *origin)
{
    const char *url;
    struct origin own;

    for (size_t i = 0; (url = plugin_agent_endpoint(agent, i)); i++)
        if (origin_of(url, &own) && same_origin(&own, origin))
            return true;
    return false;
}

#define AUTHORITY "abcdefghijklmnopqrstuvwxyz0123456789.-:"
#define PLAIN     AUTHORITY "ABCDEFGHIJKLMNOPQRSTUVWXYZ/_~?=&%+,"

/* Whether the text is an endpoint's up to the path, and behind that nothing stands that could mean something
 * else: then it need not be taken apart, as hardly any needs to be. */
static bool goes_on_from(const char *text, const char *endpoint)
{
    const char *host = strstr(endpoint, "://");
    size_t len, authority;

    if (!host)
        return false;
    host += 3;
    authority = strspn(host, AUTHORITY);
    len = (size_t)(host - endpoint) + authority;
    return authority > 0 && (endpoint[len] == '/' || endpoint[len] == '\0') &&
           strncmp(text, endpoint, len) == 0 && text[len] == '/' &&
           text[len + strspn(text + len, PLAIN)] == '\0';
}

static bool names_endpoint(const struct plugin_agent *agent, const char *text)
{
    const char *url;

    for (size_t i = 0; (url = plugin_agent_endpoint(agent, i)); i++)
        if (goes_on_from(text, url))
            return true;
    return false;
}

/* [http] allow_private: HOST or HOST:PORT that the operator opened for every agent. */
static bool allowed_private(const struct turn *turn, const struct origin *origin)
{
    const struct config_list *list =
        config_list(config_section(turn->set->config, "http", NULL), "allow_private");
    char with_port[300];

    snprintf(with_port, sizeof(with_port), "%s:%s", origin->host, origin->port);
    for (size_t i = 0; i < list->count; i++)
        if (!strcasecmp(list->items[i], origin->host) || !strcasecmp(list->items[i], with_port))
            return true;
    return false;
}

troupe_status host_http_reach(struct turn_frame *frame, const char *url, enum http_trust *ret_trust,
                              bool *ret_endpoint)
{
    char capability[300];
    struct origin origin;

    *ret_endpoint = names_endpoint(frame->agent, url);
    *ret_trust = HTTP_TRUST_CONFIGURED;
    if (*ret_endpoint)
        return TROUPE_OK;
    if (!origin_of(url, &origin))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "http.url", "this is no URL");
    *ret_endpoint = is_endpoint(frame->agent, &origin);
    if (*ret_endpoint)
        return TROUPE_OK;
    snprintf(capability, sizeof(capability), "http:%s", origin.host);
    if (!plugin_agent_can(frame->agent, capability))
        return turn_frame_error(frame, TROUPE_DENIED, "http.host",
                                "plugin \"%s\" may not reach \"%s\": it is neither an endpoint of "
                                "its config nor a declared capability \"http:%s\"",
                                frame->agent->manifest->id, origin.host, origin.host);
    if (!allowed_private(frame->turn, &origin))
        *ret_trust = HTTP_TRUST_UNTRUSTED;
    return TROUPE_OK;
}

/* Writes a header's value with its secrets filled in. */
static troupe_status fill_in(struct turn_frame *frame, troupe_str value, bool endpoint,
                             struct buf *out)
{
    static const char mark[] = "{secret:";
    const char *p = value.ptr, *end = value.len ? value.ptr + value.len : value.ptr;

    while (p < end) {
        const char *hit = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1), *stop, *secret;
        char key[64];

        if (!hit) {
            buf_append(out, p, (size_t)(end - p));
            break;
        }
        stop = memchr(hit, '}', (size_t)(end - hit));
        hit += sizeof(mark) - 1;
        if (!stop || (size_t)(stop - hit) >= sizeof(key))
            return turn_frame_error(frame, TROUPE_ARGUMENT, "http.secret",
                                    "a header holds an unfinished {secret:KEY}");
        buf_append(out, p, (size_t)(hit - (sizeof(mark) - 1) - p));
        snprintf(key, sizeof(key), "%.*s", (int)(stop - hit), hit);
        secret = plugin_agent_secret(frame->agent, key);
        if (!secret)
            return turn_frame_error(frame, TROUPE_NOT_FOUND, "http.secret",
                                    "the secret \"%s\" is not set in [agent %s]", key,
                                    frame->agent->name);
        if (!endpoint)
            return turn_frame_error(frame, TROUPE_DENIED, "http.secret",
                                    "the secret \"%s\" goes to endpoints of [agent %s] only", key,
                                    frame->agent->name);
        buf_puts(out, secret);
        p = stop + 1;
    }
    return TROUPE_OK;
}

void host_http_headers_clear(struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *value = (char *)headers[i].value;

        explicit_bzero(value, strlen(value));
        mem_free(value);
        mem_free((char *)headers[i].name);
    }
}

troupe_status host_http_headers(struct turn_frame *frame, troupe_array list, bool endpoint,
                                struct http_header *out, size_t *ret_count)
{
    *ret_count = 0;
    if (list.count > HOST_HTTP_HEADERS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a request takes at most %d headers", HOST_HTTP_HEADERS_MAX);
    if (list.count && !list.ptr)
        return host_bytes(frame, NULL, 1, 1, "the list of headers");
    for (uint32_t i = 0; i < list.count; i++) {
        const troupe_header *header = TROUPE_AT(list, troupe_header, i);
        struct buf value = BUF_INIT;
        troupe_status status =
            host_bytes(frame, header->name.ptr, header->name.len, HEADER_MAX, "a header's name");

        if (status == TROUPE_OK)
            status = host_bytes(frame, header->value.ptr, header->value.len, HEADER_MAX,
                                "a header's value");
        if (status == TROUPE_OK)
            status = fill_in(frame, header->value, endpoint, &value);
        if (status < 0) {
            if (value.data)
                explicit_bzero(value.data, value.cap);
            buf_clear(&value);
            return status;
        }
        out[*ret_count] = (struct http_header){
            mem_strndup(header->name.ptr, (size_t)header->name.len), buf_take(&value)};
        ++*ret_count;
    }
    return TROUPE_OK;
}
