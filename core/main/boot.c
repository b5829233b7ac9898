/* SPDX-License-Identifier: Apache-2.0 */
#include "main/boot.h"

#include "base/mem.h"
#include "main/host_private.h"

#include <unistd.h>

char *host_config_path(const struct host_options *options)
{
    char *path = NULL;

    if (options->config_path)
        return mem_strdup(options->config_path);
    if (config_default_path(&path, NULL) == TROUPE_OK)
        return path;
    return options->fallback_config ? mem_strdup(options->fallback_config) : NULL;
}

troupe_status host_parse(const struct host_options *options, const char *path,
                         struct config_raw **ret, struct config_problems *problems)
{
    return config_parse(path, options->sets, options->set_count, ret, problems);
}

troupe_status host_boot(const struct host_options *options, struct host_boot **ret,
                        struct config_problems *problems)
{
    struct host_boot *boot = mem_zero(1, sizeof(*boot));
    troupe_status status;

    boot->options = *options;
    boot->path = host_config_path(options);
    status = host_parse(options, boot->path, &boot->raw, problems);
    if (status == TROUPE_OK)
        status = config_check(boot->raw, NULL, 0, CONFIG_CHECK_OPEN, &boot->config, problems);
    if (status < 0) {
        host_boot_free(boot);
        return status;
    }
    *ret = boot;
    return TROUPE_OK;
}

const struct config *host_boot_config(const struct host_boot *boot)
{
    return boot->config;
}

const struct config_raw *host_boot_raw(const struct host_boot *boot)
{
    return boot->raw;
}

void host_boot_free(struct host_boot *boot)
{
    if (!boot)
        return;
    config_unref(boot->config);
    config_raw_free(boot->raw);
    mem_free(boot->path);
    mem_free(boot);
}
