/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of the Discord gateway. The query is the same for each connection, resumed or not
 * (gateway.mdx, "Connecting" and "Resuming"). Any thread.
 */
#ifndef GATEWAY_DISCORD_URL_H
#define GATEWAY_DISCORD_URL_H

#include "base/error.h"
#include "gateway/discord/inflate.h"

#include <stdbool.h>

#define DISCORD_URL_MAX 384

/* Whether the token may be sent there: wss to any host, or ws to this machine (for tests). It has no
 * user, query or fragment, and at most 255 bytes. */
bool discord_url_valid(const char *url);
/* ws:// to this machine: nothing is gained by compressing. */
bool discord_url_local(const char *url);
/* `base` with version, encoding and the name of the compression. TROUPE_ARGUMENT: no such URL. */
troupe_status discord_url_build(const char *base, enum discord_compress compress,
                                char ret[DISCORD_URL_MAX], struct error *err);

#endif
