/* SPDX-License-Identifier: Apache-2.0
 *
 * What Discord's REST API answers: a status in the first byte, header lines up to an empty one, then
 * the body. Waits stay within a day, and an id that is found without a tree is the tree's.
 */
#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/limits.h"
#include "gateway/discord/outbox_json.h"
#include "net/http.h"

#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 32
#define DAY_MS      86400000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts the lines "name: value" off the front of `text`. */
static size_t cut_headers(char **text, struct http_header *headers)
{
    size_t count = 0;
    char *line;

    while (count < HEADERS_MAX && (line = *text) != NULL) {
        char *end = strchr(line, '\n'), *colon;

        if (!end)
            break;
        *end = '\0';
        *text = end + 1;
        colon = strstr(line, ": ");
        if (!colon)
            break;
        *colon = '\0';
        headers[count++] = (struct http_header){line, colon + 2};
    }
    return count;
}

static void check_id(const char *body, size_t len)
{
    uint64_t id = discord_outbox_id(body, len);
    json_t *tree = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

    if (id && tree && discord_outbox_number(json_string_value(json_object_get(tree, "id"))) != id)
        abort();
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 202, 204, 400, 401, 403, 404, 429, 500, 503};
    struct http_header headers[HEADERS_MAX];
    struct discord_limits limits;
    char *text, *body;
    size_t count, len;

    if (size == 0)
        return 0;
    text = body = mem_strndup((const char *)data + 1, size - 1);
    count = cut_headers(&body, headers);
    len = size - 1 - (size_t)(body - text);
    discord_limits_read(statuses[data[0] % 10], headers, count, body, len, &limits);
    if (limits.retry_ms > DAY_MS || limits.reset_ms > DAY_MS || limits.code < 0 ||
        (limits.cloudflare && limits.status != 429))
        abort();
    check_id(body, len);
    mem_free(text);
    return 0;
}
