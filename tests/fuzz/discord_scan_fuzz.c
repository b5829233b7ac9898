/* SPDX-License-Identifier: Apache-2.0
 *
 * The scanner of gateway messages against jansson: where it is sure, both must say the same, and its
 * portable build must say the same as the one with SSE2.
 */
#include "gateway/discord/scan.h"

#include <stdlib.h>
#include <string.h>

/* Only the function's name, not the struct's. */
#define DISCORD_SCAN_PORTABLE              1
#define discord_scan(json, len, self, ret) portable_scan(json, len, self, ret)
enum discord_scanned discord_scan(const char *json, size_t len, uint64_t self,
                                  struct discord_scan *ret);
#include "../../core/gateway/discord/scan.c"
#undef discord_scan

#define SELF 1111

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_text(struct discord_text a, struct discord_text b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

static bool same(const struct discord_scan *a, const struct discord_scan *b)
{
    return a->op == b->op && a->seq == b->seq && same_text(a->type, b->type) &&
           same_text(a->data, b->data) && same_text(a->content, b->content) && a->id == b->id &&
           a->channel_id == b->channel_id && a->guild_id == b->guild_id &&
           a->author_id == b->author_id && a->webhook_id == b->webhook_id &&
           a->application_id == b->application_id && a->author_bot == b->author_bot &&
           a->mentions_self == b->mentions_self && a->mention_everyone == b->mention_everyone &&
           a->has_referenced == b->has_referenced &&
           a->referenced_author_id == b->referenced_author_id && a->message_type == b->message_type;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct discord_scan fast, portable, full;
    enum discord_scanned verdict, truth;
    char *json = malloc(size ? size : 1); /* so that ASan sees a read behind it */

    if (!json)
        abort();
    memcpy(json, data, size);
    verdict = discord_scan(json, size, SELF, &fast);
    truth = discord_scan_full(json, size, SELF, &full);
    if (portable_scan(json, size, SELF, &portable) != verdict)
        abort();
    if (verdict != DISCORD_SCAN_UNSURE && verdict != truth)
        abort();
    if (verdict == DISCORD_SCAN_OK && (!same(&fast, &full) || !same(&portable, &full)))
        abort();
    free(json);
    return 0;
}
