/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that members attach, fetched from Discord's CDN: their addresses are signed and expire
 * (reference.mdx, "Signed attachment CDN URLs"), so it is done at the start of the turn. Nothing but
 * https to Discord's own hosts is opened, whatever a message says, and no redirect is followed; a
 * configured address for tests comes beside them.
 */
#ifndef GATEWAY_DISCORD_FETCH_H
#define GATEWAY_DISCORD_FETCH_H

#include "gateway/gateway.h"

/* [discord] attachment… */
struct discord_fetch_rules {
    size_t count;       /* files of a message                             */
    size_t text_max;    /* bytes of a text file                           */
    size_t inline_max;  /* bytes of all texts that go into the content    */
    size_t picture_max; /* bytes of a picture                             */
    uint64_t timeout_ms;
    const char *cdn; /* configured, beside Discord's own; NULL: none      */
};

/* An attachment as Discord has it, as gateway/files.h has it; the caller's. Pure. */
json_t *discord_fetch_file(const json_t *attachment);
/* Whether the address may be opened. Pure. */
bool discord_fetch_allowed(const struct discord_fetch_rules *rules, const char *url);
/* What can be said without opening it: GATEWAY_FILE_TEXT and _KEPT are worth a look. Pure. */
enum gateway_file_state discord_fetch_judge(const struct discord_fetch_rules *rules,
                                            const struct gateway_file *file,
                                            const struct gateway_fetch *want);
/* Settles what the bytes are: state, `shown`, and the data that is kept. Pure. */
void discord_fetch_settle(const struct discord_fetch_rules *rules, const struct gateway_fetch *want,
                          struct gateway_fetched *fetched);

/* gateway_ops.fetch. [waits] */
troupe_status discord_fetch(struct gateway *gateway, const struct gateway_file *file,
                            const struct gateway_fetch *want, struct gateway_fetched *ret);

#endif
