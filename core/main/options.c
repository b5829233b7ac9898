/* SPDX-License-Identifier: Apache-2.0 */
#include "main/options.h"

#include "base/mem.h"
#include "base/text.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Long options without a letter. */
enum {
    LONG_SET = 256,
    LONG_DATA,
    LONG_JSON,
    LONG_USE_ENV_KEY,
    LONG_SOCKET,
    LONG_EFFECTIVE,
    LONG_SUPERVISE,
    LONG_LANG,
    LONG_SANITIZE,
    LONG_FROM,
    LONG_TO,
    LONG_YES,
    LONG_TOKEN_FILE,
    LONG_KEY_FILE,
    LONG_BASE_URL,
    LONG_MODEL,
    LONG_DAILY,
    LONG_FROM_ENV,
    LONG_NO_QUESTION,
    LONG_FORCE,
    LONG_SECRET
};

static const char short_options[] = "+:c:qvhV";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, LONG_SET},
    {"data", required_argument, NULL, LONG_DATA},
    {"json", no_argument, NULL, LONG_JSON},
    {"use-env-key", no_argument, NULL, LONG_USE_ENV_KEY},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"socket", required_argument, NULL, LONG_SOCKET},
    {"effective", no_argument, NULL, LONG_EFFECTIVE},
    {"supervise", no_argument, NULL, LONG_SUPERVISE},
    {"lang", required_argument, NULL, LONG_LANG},
    {"sanitize", no_argument, NULL, LONG_SANITIZE},
    {"from", required_argument, NULL, LONG_FROM},
    {"to", required_argument, NULL, LONG_TO},
    {"yes", no_argument, NULL, LONG_YES},
    {"token-file", required_argument, NULL, LONG_TOKEN_FILE},
    {"key-file", required_argument, NULL, LONG_KEY_FILE},
    {"base-url", required_argument, NULL, LONG_BASE_URL},
    {"model", required_argument, NULL, LONG_MODEL},
    {"daily", required_argument, NULL, LONG_DAILY},
    {"from-env", no_argument, NULL, LONG_FROM_ENV},
    {"non-interactive", no_argument, NULL, LONG_NO_QUESTION},
    {"force", no_argument, NULL, LONG_FORCE},
    {"token", required_argument, NULL, LONG_SECRET}, /* refused, with the reason */
    {"key", required_argument, NULL, LONG_SECRET},
    {"api-key", required_argument, NULL, LONG_SECRET},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

#define NAMES_MAX (sizeof(long_options) / sizeof(long_options[0]))

/* Names of the options, in the order of their bits. */
static const char *const option_names[] = {
    "-c",
    "--set",
    "--data",
    "--json",
    "--use-env-key",
    "--quiet",
    "-v",
    "--socket",
    "--effective",
    "--help",
    "--version",
    "--supervise",
    "--token-file",
    "--key-file",
    "--base-url",
    "--model",
    "--daily",
    "--from-env",
    "--non-interactive",
    "--force",
    "--lang",
    "--sanitize",
    "--from",
    "--to",
    "--yes",
};

troupe_status options_add_set(struct options *options, const char *set, struct error *err)
{
    if (options->set_count == OPTIONS_SETS_MAX)
        return error_set(err, TROUPE_LIMIT,
                         "--set may be given %d times; write the rest into a file and use -c",
                         OPTIONS_SETS_MAX);
    options->sets[options->set_count++] = mem_strdup(set);
    return TROUPE_OK;
}

/* The directory need not be there yet, but a relative name must not change its meaning. */
static troupe_status add_data(struct options *options, const char *dir, struct error *err)
{
    _cleanup_mem_ char *set = NULL;
    char here[PATH_MAX];

    if (!*dir)
        return error_set(err, TROUPE_ARGUMENT, "--data needs a directory");
    if (*dir == '/')
        set = mem_printf("troupe.data=%s", dir);
    else if (getcwd(here, sizeof(here)))
        set = mem_printf("troupe.data=%s/%s", here, dir);
    else
        return error_set(err, TROUPE_ARGUMENT, "--data \"%s\": write the whole path", dir);
    return options_add_set(options, set, err);
}

/* Of init. */
static troupe_status take_init(struct options *options, int code, struct error *err)
{
    switch (code) {
    case LONG_TOKEN_FILE:
        options->given |= OPTION_TOKEN_FILE;
        options->token_file = optarg;
        return TROUPE_OK;
    case LONG_KEY_FILE:
        options->given |= OPTION_KEY_FILE;
        options->key_file = optarg;
        return TROUPE_OK;
    case LONG_BASE_URL:
        options->given |= OPTION_BASE_URL;
        options->base_url = optarg;
        return TROUPE_OK;
    case LONG_MODEL:
        options->given |= OPTION_MODEL;
        options->model = optarg;
        return TROUPE_OK;
    case LONG_DAILY:
        options->given |= OPTION_DAILY;
        options->daily = optarg;
        return TROUPE_OK;
    case LONG_FROM_ENV: options->given |= OPTION_FROM_ENV; return TROUPE_OK;
    case LONG_NO_QUESTION: options->given |= OPTION_NO_QUESTION; return TROUPE_OK;
    case LONG_FORCE: options->given |= OPTION_FORCE; return TROUPE_OK;
    default:
        return error_set(err, TROUPE_ARGUMENT,
                         "a secret does not belong on a command line, which every user of this "
                         "machine can read: pipe it in, type it when it is asked for, or use "
                         "--token-file, --key-file or --from-env; the one that was given should be "
                         "replaced");
    }
}

static troupe_status take(struct options *options, int code, const char *word, struct error *err)
{
    if (code >= LONG_TOKEN_FILE)
        return take_init(options, code, err);
    switch (code) {
    case 'c':
        options->given |= OPTION_CONFIG;
        options->config_path = optarg;
        return TROUPE_OK;
    case 'q':
        options->given |= OPTION_QUIET;
        options->quiet = true;
        return TROUPE_OK;
    case 'v':
        options->given |= OPTION_VERBOSE;
        options->verbose++;
        return TROUPE_OK;
    case 'h': options->given |= OPTION_HELP; return TROUPE_OK;
    case 'V': options->given |= OPTION_VERSION; return TROUPE_OK;
    case LONG_SET: options->given |= OPTION_SET; return options_add_set(options, optarg, err);
    case LONG_DATA: options->given |= OPTION_DATA; return add_data(options, optarg, err);
    case LONG_JSON:
        options->given |= OPTION_JSON;
        options->json = true;
        return TROUPE_OK;
    case LONG_USE_ENV_KEY:
        options->given |= OPTION_USE_ENV_KEY;
        options->use_env_key = true;
        return TROUPE_OK;
    case LONG_SOCKET:
        options->given |= OPTION_SOCKET;
        options->socket_path = optarg;
        return TROUPE_OK;
    case LONG_SUPERVISE:
        options->given |= OPTION_SUPERVISE;
        options->supervise = word;
        return TROUPE_OK;
    case LONG_FROM:
        options->given |= OPTION_FROM;
        options->from = optarg;
        return TROUPE_OK;
    case LONG_TO:
        options->given |= OPTION_TO;
        options->to = optarg;
        return TROUPE_OK;
    case LONG_YES:
        options->given |= OPTION_YES;
        options->yes = true;
        return TROUPE_OK;
    case LONG_LANG:
        options->given |= OPTION_LANG;
        options->lang = optarg;
        return TROUPE_OK;
    case LONG_SANITIZE:
        options->given |= OPTION_SANITIZE;
        options->sanitize = true;
        return TROUPE_OK;
    default:
        options->given |= OPTION_EFFECTIVE;
        options->effective = true;
        return TROUPE_OK;
    }
}

static troupe_status unknown_option(const char *word, struct error *err)
{
    const char *names[NAMES_MAX], *nearest = NULL;
    size_t count = 0;

    for (size_t i = 0; long_options[i].name; i++)
        names[count++] = long_options[i].name;
    if (text_starts(word, "--"))
        nearest = text_nearest(word + 2, names, count);
    return error_set(err, TROUPE_ARGUMENT, "option \"%s\" is not known%s%s%s; see troupe help",
                     word, nearest ? ", did you mean \"--" : "", nearest ? nearest : "",
                     nearest ? "\"" : "");
}

/* Options up to the first word that is none. */
static troupe_status take_options(struct options *options, int argc, char **argv, struct error *err)
{
    int code;

    for (;;) {
        int at = optind ? optind : 1;
        troupe_status status;

        code = getopt_long(argc, argv, short_options, long_options, NULL);
        if (code < 0)
            return TROUPE_OK;
        if (code == ':')
            return error_set(err, TROUPE_ARGUMENT, "option \"%s\" needs a value", argv[at]);
        if (code == '?')
            return unknown_option(argv[at], err);
        status = take(options, code, argv[at], err);
        if (status < 0)
            return status;
    }
}

troupe_status options_find(const struct subcommand *subcommands, size_t count, const char *name,
                           const struct subcommand **ret, struct error *err)
{
    const char *names[64], *nearest;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (!strcmp(subcommands[i].name, name)) {
            *ret = &subcommands[i];
            return TROUPE_OK;
        }
        if (n < sizeof(names) / sizeof(names[0]))
            names[n++] = subcommands[i].name;
    }
    nearest = text_nearest(name, names, n);
    return error_set(err, TROUPE_ARGUMENT, "subcommand \"%s\" is not known%s%s%s; see troupe help",
                     name, nearest ? ", did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"" : "");
}

static troupe_status check_fit(const struct options *options, struct error *err)
{
    const struct subcommand *subcommand = options->subcommand;
    unsigned stray = options->given & ~(subcommand->options | OPTION_HELP | OPTION_VERSION);

    if (options->given & (OPTION_HELP | OPTION_VERSION))
        return TROUPE_OK;
    if (stray)
        return error_set(err, TROUPE_ARGUMENT, "option \"%s\" means nothing to troupe %s",
                         option_names[__builtin_ctz(stray)], subcommand->name);
    if (options->argument_count < subcommand->min_arguments)
        return error_set(err, TROUPE_ARGUMENT, "an argument is missing: troupe %s %s",
                         subcommand->name, subcommand->arguments);
    if (options->argument_count > subcommand->max_arguments)
        return error_set(err, TROUPE_ARGUMENT, "\"%s\" is too much: troupe %s%s%s",
                         options->arguments[subcommand->max_arguments], subcommand->name,
                         *subcommand->arguments ? " " : "", subcommand->arguments);
    return TROUPE_OK;
}

troupe_status options_parse(struct options *options, int argc, char **argv,
                            const struct subcommand *subcommands, size_t count, struct error *err)
{
    bool only_arguments = false;
    troupe_status status;

    *options = (struct options){.arguments = argv, .words = argv};
    opterr = 0;
    optind = 0; /* glibc: start over */
    /* Words that are no options move to the front; those at the front are done with. */
    for (int next = 1;;) {
        if (only_arguments) {
            optind = next;
        } else {
            optind = next > 1 ? next : 0;
            status = take_options(options, argc, argv, err);
            if (status < 0)
                return status;
            only_arguments = optind > next && !strcmp(argv[optind - 1], "--");
        }
        if (optind >= argc)
            break;
        if (!options->subcommand) {
            status = options_find(subcommands, count, argv[optind], &options->subcommand, err);
            if (status < 0)
                return status;
        } else {
            options->arguments[options->argument_count++] = argv[optind];
        }
        next = optind + 1;
    }
    return options->subcommand ? check_fit(options, err) : TROUPE_OK;
}

void options_clear(struct options *options)
{
    for (size_t i = 0; i < options->set_count; i++)
        mem_free(options->sets[i]);
    options->set_count = 0;
}
