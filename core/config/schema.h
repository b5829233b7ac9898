/* SPDX-License-Identifier: Apache-2.0
 *
 * What a configuration may hold: tables of keys for a kind of section or for one section. The core
 * declares its tables in core_keys.c, each plugin brings one for its own `[agent NAME]`. A section
 * header is a kind, or a kind and a name: `[budget]`, `[agent llm]`, `[pipeline message]`.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
    CONFIG_STRING,
    CONFIG_INT,      /* int64                                                                     */
    CONFIG_FLOAT,    /* double                                                                    */
    CONFIG_BOOL,     /* yes no true false on off 1 0                                              */
    CONFIG_DURATION, /* "500ms" "30s" "5m" "2h" "1d", a bare number is seconds; int64 ms          */
    CONFIG_SIZE,     /* "4096" "64k" "10M" "1G"; int64 bytes                                      */
    CONFIG_PATH,     /* made absolute: "~/" is the home, else relative to the file that holds it  */
    CONFIG_URL,    /* SCHEME://HOST…, http and https unless `choices` names other schemes       */
    CONFIG_MONEY,  /* decimal US dollars, at most 6 decimals, exact; int64 micro-dollars        */
    CONFIG_ID,     /* of a member, channel, guild …: a decimal number above 0, kept as text     */
    CONFIG_CHOICE, /* one of `choices`; a string, its index by config_choice()                  */
};

/* Flags of a key. */
#define CONFIG_REQUIRED                                                                            \
    0x1u                   /* must have a value; not asked of a section with `enabled = no`      */
#define CONFIG_SECRET 0x2u /* never printed, masked in the log, refused on the command line      */
#define CONFIG_LIVE   0x4u /* a reload applies it; other core keys wait for a restart            */
#define CONFIG_LIST   0x8u /* several values, split at commas and white space; STRING, PATH,     */
                           /* URL, ID and CHOICE only                                            */
#define CONFIG_SETTABLE 0x10u /* people may set it while the host runs: config_setting_find      */

/*
 * One key. `def` is the text of its default, read like a value of a file, without expansion; in
 * the core's tables "${section}" at its start stands for the section's name and "${data}" for
 * [troupe] data. NULL: no default, the key is unset where nobody sets it. `min` and `max` bound
 * INT, FLOAT, DURATION (ms), SIZE (bytes), MONEY (micro-dollars) and are not looked at while they
 * are equal; CONFIG_NO_MAX leaves the upper end open. `choices` ends with NULL; those of a DURATION are words that
 * are taken in place of a time, whatever the bounds: the first is -1, the second -2 and so on.
 */
struct config_key {
    const char *name; /* lower case letters, digits, "_" */
    enum config_type type;
    unsigned flags;
    const char *def;
    double min, max;
    const char *const *choices;
    const char
        *doc; /* one sentence for `troupe check`, the manual page, an error on a missing key */
};
#define CONFIG_NO_MAX HUGE_VAL

/* Flags of a table. */
#define CONFIG_NAMED 0x1u /* sections of this kind carry a name: [KIND NAME]                     */
#define CONFIG_ALWAYS                                                                              \
    0x2u                 /* the section exists with its defaults when nobody wrote it            */
#define CONFIG_OPEN 0x4u /* plugins add keys: see CONFIG_CHECK_OPEN                              */

/*
 * A table. `name` NULL: for every section of the kind; else for the one section of that name. The
 * tables that fit a section are united; the first declaration of a key counts.
 */
struct config_schema {
    const char *kind;
    const char *name;
    const struct config_key *keys;
    size_t count;
    unsigned flags;
};

/* The core's tables: [troupe], [store] … [feature NAME]. Static. */
const struct config_schema *config_core_schemas(size_t *ret_count);

#endif
