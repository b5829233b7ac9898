/* SPDX-License-Identifier: Apache-2.0
 *
 * What `troupe init` is going to write: keys for the INI file, and secrets for files of their own
 * beside it. Pure; a zeroed struct is an empty plan.
 */
#ifndef MAIN_INIT_PLAN_H
#define MAIN_INIT_PLAN_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define INIT_TOKEN_FILE "discord.token" /* beside the INI file, like the other */
#define INIT_KEY_FILE   "llm.key"

struct init_entry {
    char *section, *key, *value; /* the value as it stands in the file */
};

struct init_plan {
    struct init_entry *entries;
    size_t count, cap;
    char *token;    /* NULL: Discord stays off           */
    char *base_url; /* NULL: no language model           */
    char *model;
    char *api_key; /* NULL: none                         */
};

void init_plan_clear(struct init_plan *plan); /* secrets are wiped */
/* Puts `text`, a copy, in place of a text of the plan; NULL empties it. What was there is wiped. */
void init_plan_set(char **place, const char *text);
/* A key with this text; a later one wins. TROUPE_ARGUMENT, with the remedy, for what the format
 * cannot hold: line breaks and other control characters, " ;", a ";" at its start. White space at
 * the ends is cut off. */
troupe_status init_plan_put(struct init_plan *plan, const char *section, const char *key,
                            const char *value, struct error *err);
/* "SECTION.KEY=VALUE" of --set; references in it stay references. TROUPE_ARGUMENT, too, for a key
 * that keeps a secret, unless the value is a reference: command lines can be read by everybody. */
troupe_status init_plan_take_set(struct init_plan *plan, const char *set, struct error *err);
/* The value that was put, or NULL. */
const char *init_plan_get(const struct init_plan *plan, const char *section, const char *key);
/* The whole file. `today` is "2026-11-26". */
void init_plan_print(const struct init_plan *plan, const char *today, struct buf *out);

#endif
