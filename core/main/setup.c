/* SPDX-License-Identifier: Apache-2.0 */
#include "main/setup.h"

#include "base/journal.h"
#include "base/mem.h"
#include "main/print.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* What is looked at of [agent llm] before its plugin is there to declare it. */
static const struct config_key llm_keys[] = {
    {"base_url", CONFIG_STRING, 0, NULL, .doc = "where the model's API is"},
    {"price_table", CONFIG_STRING, 0, NULL, .doc = "file with prices"},
};
static const struct config_schema llm_schema = {"agent", "llm", llm_keys,
                                                sizeof(llm_keys) / sizeof(llm_keys[0]), 0};

/* The configuration with [agent llm] as far as the above; NULL where it does not hold. */
static struct config *peek(const struct setup *setup)
{
    struct config_problems problems = {0};
    struct host_boot *boot = NULL;
    struct config *config = NULL;

    if (host_boot(&setup->host, &boot, &problems) == TROUPE_OK &&
        config_check(host_boot_raw(boot), &llm_schema, 1, CONFIG_CHECK_OPEN, &config, &problems) <
            0)
        config = NULL;
    host_boot_free(boot);
    config_problems_clear(&problems);
    return config;
}

static bool llm_lacks(const struct setup *setup, const char *key)
{
    struct config *config = peek(setup);
    const struct config_section *llm = config ? config_section(config, "agent", "llm") : NULL;
    bool lacks = llm && !config_is_set(llm, key);

    config_unref(config);
    return lacks;
}

void setup_init(struct setup *setup, struct options *options)
{
    *setup = (struct setup){.options = options};
    paths_init(&setup->paths);
    setup->host = (struct host_options){
        .config_path = options->config_path,
        .fallback_config = access(setup->paths.sample, R_OK) == 0 ? setup->paths.sample : NULL,
        .sets = (const char *const *)options->sets,
        .set_count = options->set_count,
        .package_dir = setup->paths.package_dir,
        .runner = setup->paths.runner,
    };
    if (setup->paths.prices && llm_lacks(setup, "price_table")) {
        _cleanup_mem_ char *set = mem_printf("agent llm.price_table=%s", setup->paths.prices);

        (void)options_add_set(options, set, NULL);
        setup->host.set_count = options->set_count;
    }
}

void setup_clear(struct setup *setup)
{
    paths_clear(&setup->paths);
}

int setup_boot(const struct setup *setup, struct host_boot **ret)
{
    struct config_problems problems = {0};
    troupe_status status = host_boot(&setup->host, ret, &problems);

    print_problems(&problems);
    config_problems_clear(&problems);
    return status < 0 ? EX_CONFIG : EX_OK;
}

bool setup_wants_model(const struct setup *setup)
{
    return llm_lacks(setup, "base_url");
}

/* Whether the journal reads our stderr: then it wants priorities, and stamps the lines itself. */
static bool journal_listens(void)
{
    return getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
}

void setup_log(const struct options *options, const struct config *config, bool chat)
{
    const struct config_section *section = config_section(config, "troupe", NULL);
    int level = log_level_parse(config_str(section, "log_level"));
    const char *name = config_str(section, "log_format");
    enum log_format format = LOG_TEXT;

    if (options->verbose)
        level = options->verbose > 1 || !chat ? LOG_DEBUG : LOG_INFO;
    else if (options->quiet)
        level = LOG_ERROR;
    else if (chat)
        level = LOG_WARN;
    if (!strcmp(name, "json") && !chat)
        format = LOG_JSON;
    else if (!chat && (!strcmp(name, "systemd") || (!strcmp(name, "auto") && journal_listens())))
        format = LOG_SYSTEMD;
    log_setup((enum log_level)level, format, STDERR_FILENO);
    (void)log_journal(format == LOG_SYSTEMD ? JOURNAL_SOCKET : NULL);
}

char *setup_socket(const struct setup *setup)
{
    _cleanup_mem_ char *file = NULL;
    struct config *config;
    char *path;

    if (setup->options->socket_path)
        return mem_strdup(setup->options->socket_path);
    file = host_config_path(&setup->host);
    config = config_look(file, setup->host.sets, setup->host.set_count);
    path = mem_strdup(config_str(config_section(config, "troupe", NULL), "control_socket"));
    config_unref(config);
    return path;
}
