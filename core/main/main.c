/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"
#include "main/cmd.h"
#include "main/heap.h"
#include "main/print.h"

#include <limits.h>
#include <sysexits.h>

static int cmd_help(struct options *options);
static int cmd_version(struct options *options);

static const struct subcommand subcommands[] = {
    {"init", "", "set the bot up: token, language model, budget, invite link", OPTIONS_INIT, 0, 0,
     cmd_init},
    {"doctor", "", "look at everything the bot depends on, and say what to do",
     OPTIONS_FILES | OPTION_SOCKET | OPTION_JSON | OPTION_QUIET, 0, 0, cmd_doctor},
    {"run", "", "run the bot until it is stopped",
     OPTIONS_FILES | OPTION_SOCKET | OPTION_QUIET | OPTION_VERBOSE | OPTION_SUPERVISE, 0, 0,
     cmd_run},
    {"chat", "", "talk to the bot here, without Discord",
     OPTIONS_FILES | OPTION_SOCKET | OPTION_USE_ENV_KEY | OPTION_QUIET | OPTION_VERBOSE, 0, 0,
     cmd_chat},
    {"check", "", "test the configuration and the plugins, start nothing",
     OPTIONS_FILES | OPTION_QUIET | OPTION_VERBOSE, 0, 0, cmd_check},
    {"config", "--effective", "show every key, its value and where it comes from",
     OPTIONS_FILES | OPTION_EFFECTIVE | OPTION_JSON, 0, 0, cmd_config},
    {"plugin", "new NAME | test [DIR|FILE] | check FILE | describe FILE [ini|man]",
     "for authors: begin a plugin; play a scripted talk against it, without Discord; prove that "
     "its file keeps the rules; what it declares, for a file or a page",
     OPTION_LANG | OPTION_SANITIZE | OPTION_JSON | OPTION_QUIET, 1, 3, cmd_plugin},
    {"dev", "[DIR]",
     "for authors: build the plugin in DIR on every save and swap it in a host of its own",
     OPTIONS_FILES, 0, 1, cmd_dev},
    {"status", "", "how the running host is doing", OPTIONS_CLIENT, 0, 0, cmd_status},
    {"reload", "", "read configuration and plugins anew; refused as a whole or taken as a whole",
     OPTIONS_CLIENT | OPTION_QUIET, 0, 0, cmd_reload},
    {"plugins", "", "the agents that run, and their plugins", OPTIONS_CLIENT, 0, 0, cmd_plugins},
    {"functions", "", "the functions that agents declare", OPTIONS_CLIENT, 0, 0, cmd_functions},
    {"call", "NAME [KEY=VALUE…]", "call a function", OPTIONS_CLIENT, 1, INT_MAX, cmd_call},
    {"why", "[ID|last]", "the path that a message took, stage by stage", OPTIONS_CLIENT, 0, 1,
     cmd_why},
    {"usage", "[WHAT]",
     "what was spent by hour, day and month; WHAT, which was stopped, is paid for again",
     OPTIONS_CLIENT, 0, 1, cmd_usage},
    {"budget", "", "every cap on money, and what is spent and reserved of it", OPTIONS_CLIENT, 0, 0,
     cmd_budget},
    {"audit", "", "who changed settings or was refused, the newest first", OPTIONS_CLIENT, 0, 0,
     cmd_audit},
    {"user", "export ID | delete ID | list",
     "what is kept about a member, its deletion, and what of deletions is open", OPTIONS_CLIENT, 1,
     2, cmd_user},
    {"tail", "", "the turns as they end, a line each, until interrupted", OPTIONS_CLIENT, 0, 0,
     cmd_tail},
    {"drain", "[off]", "refuse new messages and wait until nothing runs; off takes them again",
     OPTIONS_CLIENT | OPTION_QUIET, 0, 1, cmd_drain},
    {"log-level", "LEVEL", "log error, warn, info or debug from now on", OPTIONS_CLIENT, 1, 1,
     cmd_log_level},
    {"stop", "", "stop the running host; ends when it is gone", OPTIONS_CLIENT | OPTION_QUIET, 0, 0,
     cmd_stop},
    {"backup", "FILE",
     "configuration, list of plugins and database in one archive, also while the host runs",
     OPTIONS_FILES | OPTION_QUIET, 1, 1, cmd_backup},
    {"restore", "FILE",
     "lay out a backup where no database is; its configuration where -c names a file that is not",
     OPTIONS_FILES | OPTION_QUIET, 1, 1, cmd_restore},
    {"migrate", "--from DATABASE --to DATABASE",
     "everything into another database that is empty, a path or postgresql://…; no host may run",
     OPTIONS_FILES | OPTION_FROM | OPTION_TO | OPTION_QUIET, 0, 0, cmd_migrate},
    {"reseal", "", "encrypt the database anew with the key of today; no host may run",
     OPTIONS_FILES | OPTION_QUIET, 0, 0, cmd_reseal},
    {"schema", "[back NAMESPACE VERSION]",
     "versions of the tables in the database; back: to an older one, for an older build; no host "
     "may run",
     OPTIONS_FILES | OPTION_JSON | OPTION_QUIET | OPTION_YES, 0, 3, cmd_schema},
    {"help", "[SUBCOMMAND]", "this", 0, 0, 1, cmd_help},
    {"version", "", "the version", 0, 0, 0, cmd_version},
};

#define SUBCOMMAND_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

static const struct {
    unsigned option;
    const char *text;
} option_docs[] = {
    {OPTION_CONFIG, "-c, --config FILE         this configuration, and not the usual one"},
    {OPTION_SET, "--set SECTION.KEY=VALUE   a key that wins over the files"},
    {OPTION_DATA, "--data DIR                keep everything here: [troupe] data"},
    {OPTION_SOCKET, "--socket PATH             the control socket: [troupe] control_socket"},
    {OPTION_JSON, "--json                    print JSON"},
    {OPTION_USE_ENV_KEY,
     "--use-env-key             use a model that is found, or its key, without asking"},
    {OPTION_EFFECTIVE, "--effective               what holds after all files and defaults"},
    {OPTION_SUPERVISE, "--supervise               start the bot again when it dies"},
    {OPTION_TOKEN_FILE,
     "--token-file FILE         the bot's token is in there; - is standard input"},
    {OPTION_BASE_URL, "--base-url URL            the language model's API, or none"},
    {OPTION_MODEL, "--model NAME              the model to ask"},
    {OPTION_KEY_FILE, "--key-file FILE           the API's key is in there"},
    {OPTION_DAILY, "--daily USD               most that answers may cost a day"},
    {OPTION_FROM_ENV, "--from-env                take over what the environment sets up"},
    {OPTION_NO_QUESTION, "--non-interactive         ask nothing; what is missing is an error"},
    {OPTION_FORCE, "--force                   replace files that are there; they are kept as .bak"},
    {OPTION_LANG, "--lang LANGUAGE           new: what it is written in, c or c++"},
    {OPTION_SANITIZE,
     "--sanitize                test: build it anew, with address and UB sanitizers"},
    {OPTION_FROM,
     "--from DATABASE           what is there: a path or postgresql://USER@HOST/DATABASE"},
    {OPTION_TO, "--to DATABASE             where it is to be"},
    {OPTION_YES, "--yes                     back: lose what it says is lost"},
    {OPTION_QUIET, "-q, --quiet               only errors"},
    {OPTION_VERBOSE, "-v, --verbose             more; twice for all"},
};

static void print_usage(FILE *out, const struct subcommand *subcommand)
{
    (void)fprintf(out, "usage: troupe %s [OPTION…]%s%s\n\n  %s\n\n", subcommand->name,
                  *subcommand->arguments ? " " : "", subcommand->arguments, subcommand->doc);
    for (size_t i = 0; i < sizeof(option_docs) / sizeof(option_docs[0]); i++) {
        if (subcommand->options & option_docs[i].option)
            (void)fprintf(out, "  %s\n", option_docs[i].text);
    }
}

static void print_overview(FILE *out)
{
    (void)fputs("usage: troupe SUBCOMMAND [OPTION…] [ARGUMENT…]\n\n", out);
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        (void)fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].doc);
    (void)fputs("\ntroupe help SUBCOMMAND tells its options; the manual is troupe(1).\n", out);
}

static int cmd_help(struct options *options)
{
    const struct subcommand *subcommand;
    struct error err;

    if (!options->argument_count) {
        print_overview(stdout);
        return EX_OK;
    }
    if (options_find(subcommands, SUBCOMMAND_COUNT, options->arguments[0], &subcommand, &err) < 0) {
        print_failure(err.text);
        return EX_USAGE;
    }
    print_usage(stdout, subcommand);
    return EX_OK;
}

static int cmd_version(struct options *options)
{
    (void)options;
    (void)puts("troupe " PACKAGE_VERSION);
    return EX_OK;
}

static int run(struct options *options)
{
    if (options->given & OPTION_VERSION)
        return cmd_version(options);
    if (!options->subcommand) {
        print_overview(options->given & OPTION_HELP ? stdout : stderr);
        return options->given & OPTION_HELP ? EX_OK : EX_USAGE;
    }
    if (options->given & OPTION_HELP) {
        print_usage(stdout, options->subcommand);
        return EX_OK;
    }
    return options->subcommand->run(options);
}

int main(int argc, char **argv)
{
    struct options options;
    struct error err;
    int code = EX_USAGE;

    heap_keep_small();
    if (options_parse(&options, argc, argv, subcommands, SUBCOMMAND_COUNT, &err) < 0)
        print_failure(err.text);
    else
        code = run(&options);
    options_clear(&options);
    log_mask_clear();
    if (fflush(stdout) != 0 && !code)
        code = EX_IOERR;
    return code;
}
