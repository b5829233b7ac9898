/* SPDX-License-Identifier: Apache-2.0
 *
 * What was painted for a member, kept for a while so that it can be shown again without being paid again: the bytes as
 * a blob, what is known of it as a row. Both are of the member in this server, or in direct messages.
 */
#ifndef IMAGINE_GALLERY_H
#define IMAGINE_GALLERY_H

#include "picture.h"

#define GALLERY_DAYS 30  /* a picture stays at most */
#define GALLERY_MOST 100 /* of a member in a place  */

/* Keeps it, and lets the oldest go above `most`. A picture that cannot be kept is logged and nothing else: it has been
 * shown. [turn, waits] */
void gallery_keep(troupe_turn *turn, const struct picture *picture, int64_t most);
/* The number-th of the newest ones. TROUPE_NOT_FOUND: there is none (any more). [turn, waits] */
troupe_status gallery_get(troupe_turn *turn, int64_t number, struct picture *ret);
/* Answers with a list of the newest ones. [turn, waits] */
troupe_status gallery_list(troupe_turn *turn);

#endif
