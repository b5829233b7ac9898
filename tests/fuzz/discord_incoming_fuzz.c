/* SPDX-License-Identifier: Apache-2.0
 *
 * What routing reads of a message in one pass, beside jansson: what both take says the same.
 */
#include "base/json.h"
#include "gateway/discord/incoming.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *got, const json_t *object, const char *name)
{
    const char *want = json_get_str(object, name, NULL);

    if (!got != !want || (got && strcmp(got, want) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_json_ json_t *tree = NULL;
    struct discord_incoming in;
    bool good = discord_incoming_init(&in, (const char *)data, size, NULL) == TROUPE_OK;

    /* A name that stands there twice is refused by jansson, and no message. */
    if (json_parse((const char *)data, size, &tree, NULL) == TROUPE_OK && good) {
        const json_t *member = json_object_get(tree, "member");

        same(in.id, tree, "id");
        same(in.content, tree, "content");
        same(in.nick, member, "nick");
        same(in.author.id, json_object_get(tree, "author"), "id");
        same(in.referenced_content, json_object_get(tree, "referenced_message"), "content");
        if (in.role_count > json_array_size(json_object_get(member, "roles")))
            abort();
    }
    discord_incoming_clear(&in);
    return 0;
}
