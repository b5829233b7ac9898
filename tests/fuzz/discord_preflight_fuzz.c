/* SPDX-License-Identifier: Apache-2.0
 *
 * What Discord says about an application, a pasted token, and the date of an answer.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/invite.h"
#include "gateway/discord/preflight.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_account(const json_t *tree)
{
    struct discord_preflight found = {0};
    char url[DISCORD_INVITE_MAX];

    discord_preflight_read_account(tree, tree, &found);
    if (!text_is_utf8(found.name, strlen(found.name)) ||
        !text_is_utf8(found.owner, strlen(found.owner)))
        abort();
    discord_invite_url(found.application, UINT64_MAX, url);
    discord_portal_url(found.application, url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_mem_ char *text = mem_strndup((const char *)data, size);
    _cleanup_json_ json_t *tree = NULL;
    const char *token;

    if (json_parse_lenient((const char *)data, size, &tree, NULL) == TROUPE_OK)
        check_account(tree);
    (void)discord_preflight_date(text);
    token = discord_token_clean(text);
    if (token && (!*token || strpbrk(token, " \r\n\t") || strlen(token) > DISCORD_TOKEN_MAX))
        abort();
    return 0;
}
