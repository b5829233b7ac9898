/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: `troupe [OPTION…] SUBCOMMAND [OPTION…] [ARGUMENT…]`. Options may stand anywhere;
 * what comes after "--" is arguments. A subcommand says which options mean something to it; others
 * are refused, so that nobody believes in one that does nothing.
 */
#ifndef MAIN_OPTIONS_H
#define MAIN_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Which options were given, and which a subcommand takes. */
#define OPTION_CONFIG      0x001u
#define OPTION_SET         0x002u
#define OPTION_DATA        0x004u
#define OPTION_JSON        0x008u
#define OPTION_USE_ENV_KEY 0x010u
#define OPTION_QUIET       0x020u
#define OPTION_VERBOSE     0x040u
#define OPTION_SOCKET      0x080u
#define OPTION_EFFECTIVE   0x100u
#define OPTION_HELP        0x200u
#define OPTION_VERSION     0x400u
#define OPTION_SUPERVISE   0x800u
#define OPTION_TOKEN_FILE  0x1000u
#define OPTION_KEY_FILE    0x2000u
#define OPTION_BASE_URL    0x4000u
#define OPTION_MODEL       0x8000u
#define OPTION_DAILY       0x10000u
#define OPTION_FROM_ENV    0x20000u
#define OPTION_NO_QUESTION 0x40000u
#define OPTION_FORCE       0x80000u
#define OPTION_LANG        0x100000u
#define OPTION_SANITIZE    0x200000u
#define OPTION_FROM        0x400000u
#define OPTION_TO          0x800000u
#define OPTION_YES         0x1000000u
#define OPTIONS_FILES      (OPTION_CONFIG | OPTION_SET | OPTION_DATA)
#define OPTIONS_CLIENT     (OPTIONS_FILES | OPTION_SOCKET | OPTION_JSON)
#define OPTIONS_INIT                                                                               \
    (OPTIONS_FILES | OPTION_TOKEN_FILE | OPTION_KEY_FILE | OPTION_BASE_URL | OPTION_MODEL |        \
     OPTION_DAILY | OPTION_FROM_ENV | OPTION_NO_QUESTION | OPTION_FORCE | OPTION_QUIET)

#define OPTIONS_SETS_MAX 64

struct options {
    const struct subcommand *subcommand; /* NULL: none was given */
    unsigned given;
    const char *config_path;
    const char *socket_path;
    bool json, use_env_key, quiet, effective;
    const char *supervise; /* the word of argv that said so; NULL: none did */
    unsigned verbose;
    const char *lang;      /* of plugin new; borrowed */
    bool sanitize;         /* of plugin test */
    const char *from, *to; /* of migrate; borrowed */
    bool yes;              /* of schema back */
    /* Of init; borrowed. */
    const char *token_file, *key_file, *base_url, *model, *daily;
    /* "SECTION.KEY=VALUE", owned: of --set and --data, and what the program adds. */
    char *sets[OPTIONS_SETS_MAX];
    size_t set_count;
    char **arguments; /* after the subcommand; borrowed from argv */
    size_t argument_count;
    char **words; /* argv itself, whole where there are no arguments */
};

struct subcommand {
    const char *name;
    const char *arguments; /* "NAME [KEY=VALUE…]", for usage; "" when there are none */
    const char *doc;
    unsigned options;
    size_t min_arguments, max_arguments;
    int (*run)(struct options *options); /* gives the exit status */
};

/* TROUPE_ARGUMENT, with one sentence, on a bad command line. `argv` is reordered. */
troupe_status options_parse(struct options *options, int argc, char **argv,
                            const struct subcommand *subcommands, size_t count, struct error *err);
/* Adds "SECTION.KEY=VALUE"; TROUPE_LIMIT when there are too many. */
troupe_status options_add_set(struct options *options, const char *set, struct error *err);
void options_clear(struct options *options);

/* The subcommand of that name. TROUPE_ARGUMENT with a sentence that names the nearest where there is none. */
troupe_status options_find(const struct subcommand *subcommands, size_t count, const char *name,
                           const struct subcommand **ret, struct error *err);

#endif
