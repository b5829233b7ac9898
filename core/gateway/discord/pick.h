/* SPDX-License-Identifier: Apache-2.0
 *
 * What an event is made of, without the rest: a tree costs by the byte, and most of a message from
 * Discord is pictures' names, flags and embeds that nobody here reads. Loop thread or any other.
 */
#ifndef GATEWAY_DISCORD_PICK_H
#define GATEWAY_DISCORD_PICK_H

#include "base/json.h"

/* The tree of a message or interaction (an object) without the members that pick.c lists; the
 * caller's. TROUPE_DATA with the place where it is no JSON. */
troupe_status discord_pick(const char *json, size_t len, json_t **ret, struct error *err);

#endif
