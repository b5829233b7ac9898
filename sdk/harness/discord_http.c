/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_http.h"

#include "fake_chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char *reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

static bool is_name(struct discord_slice name, const char *known)
{
    return name.len == strlen(known) && strncasecmp(name.ptr, known, name.len) == 0;
}

static struct discord_slice *wanted_header(struct discord_http *http, struct discord_slice name)
{
    if (name.len < 7)
        return NULL;
    switch (name.ptr[0] | 0x20) {
    case 'a': return is_name(name, "authorization") ? &http->authorization : NULL;
    case 'c': return is_name(name, "content-type") ? &http->content_type : NULL;
    case 's': return is_name(name, "sec-websocket-key") ? &http->ws_key : NULL;
    case 'u':
        return is_name(name, "user-agent") ? &http->agent
               : is_name(name, "upgrade")  ? &http->upgrade
                                           : NULL;
    default: return NULL;
    }
}

static bool parse_line(struct discord_http *http, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len), *version, *mark;

    if (!space || line[0] < 'A' || line[0] > 'Z')
        return false;
    http->method = (struct discord_slice){line, (size_t)(space - line)};
    space++;
    version = memchr(space, ' ', len - (size_t)(space - line));
    if (!version || len - (size_t)(version - line) < 8 || memcmp(version, " HTTP/1.", 8) != 0)
        return false;
    http->path = (struct discord_slice){space, (size_t)(version - space)};
    http->query = (struct discord_slice){version, 0};
    mark = memchr(space, '?', http->path.len);
    if (mark) {
        http->query = (struct discord_slice){mark + 1, (size_t)(version - mark) - 1};
        http->path.len = (size_t)(mark - space);
    }
    return true;
}

int discord_http_parse(char *data, size_t len, struct discord_http *ret, size_t *ret_used)
{
    struct discord_http http = {0};
    char *end, *line = data;
    size_t head, body_len = 0, used;
    bool chunked = false;

    if (len > 0 && (data[0] < 'A' || data[0] > 'Z'))
        return 400;
    end = memmem(data, len, "\r\n\r\n", 4);
    if (!end)
        return len > DISCORD_HEAD_MAX ? 413 : 0;
    head = (size_t)(end - data) + 4;
    for (bool first = true; line < end + 2; first = false) {
        char *eol = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        char *colon = memchr(line, ':', (size_t)(eol - line));

        if (first) {
            if (!parse_line(&http, line, (size_t)(eol - line)))
                return 400;
        } else if (colon) {
            struct discord_slice name = {line, (size_t)(colon - line)}, value, *wanted;

            for (colon++; colon < eol && *colon == ' ';)
                colon++;
            value = (struct discord_slice){colon, (size_t)(eol - colon)};
            wanted = wanted_header(&http, name);
            if (wanted)
                *wanted = value;
            else if (is_name(name, "content-length"))
                body_len = strtoul(colon, NULL, 10);
            else if (is_name(name, "transfer-encoding"))
                chunked = true;
            else if (is_name(name, "connection"))
                http.close = is_name(value, "close");
        }
        line = eol + 2;
    }
    if (body_len > DISCORD_BODY_MAX)
        return 413;
    used = body_len;
    if (chunked) {
        int whole = fake_unchunk(data + head, len - head, DISCORD_BODY_MAX, &used, &body_len);

        if (whole <= 0)
            return whole < 0 ? 413 : 0;
    } else if (len - head < body_len) {
        return 0;
    }
    http.body = (struct discord_slice){data + head, body_len};
    *ret = http;
    *ret_used = head + used;
    return 1;
}

void discord_http_write(struct fake_text *out, int status, const char *type, const char *headers,
                        const void *body, size_t len)
{
    fake_text_put(out, "HTTP/1.1 ", 9);
    discord_put_u64(out, (uint64_t)status);
    fake_text_put(out, " ", 1);
    fake_text_puts(out, reason(status));
    if (status != 204 && status != 101) {
        fake_text_puts(out, "\r\nContent-Type: ");
        fake_text_puts(out, type);
        fake_text_puts(out, "\r\nContent-Length: ");
        discord_put_u64(out, len);
    }
    fake_text_put(out, "\r\n", 2);
    if (headers)
        fake_text_puts(out, headers);
    fake_text_put(out, "\r\n", 2);
    fake_text_put(out, body, len);
}

struct discord_slice discord_http_query(struct discord_slice query, const char *key)
{
    size_t key_len = strlen(key), at = 0;

    while (at < query.len) {
        const char *part = query.ptr + at;
        const char *end = memchr(part, '&', query.len - at);
        size_t len = end ? (size_t)(end - part) : query.len - at;

        if (len > key_len && part[key_len] == '=' && memcmp(part, key, key_len) == 0)
            return (struct discord_slice){part + key_len + 1, len - key_len - 1};
        at += len + 1;
    }
    return (struct discord_slice){0};
}

void discord_http_unescape(struct discord_slice text, char *ret, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && n + 1 < size; i++) {
        char hex[3] = {0};

        if (text.ptr[i] == '%' && i + 2 < text.len) {
            memcpy(hex, text.ptr + i + 1, 2);
            ret[n++] = (char)strtol(hex, NULL, 16);
            i += 2;
        } else {
            ret[n++] = text.ptr[i];
        }
    }
    ret[n] = '\0';
}
