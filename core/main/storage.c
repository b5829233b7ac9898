/* SPDX-License-Identifier: Apache-2.0 */
#include "main/storage.h"

#include "store/seal.h"

enum { BACKEND_SQLITE, BACKEND_POSTGRESQL };
enum { BACKEND_MEMORY, BACKEND_REDIS };

troupe_status storage_options(const struct config *config, struct store_options *ret,
                              struct error *err)
{
    const struct config_section *section = config_section(config, "store", NULL);
    struct store_options options = {
        .path = config_str(section, "path"),
        .encrypt_key = config_str(section, "encrypt_key"),
        .encrypt_old_keys = config_str(section, "encrypt_old_keys"),
        .index_bytes = (size_t)config_bytes(section, "index_memory"),
        .synchronous = config_choice(section, "synchronous") == 1 ? STORE_NORMAL : STORE_FULL,
    };

    struct seal_keys keys;

    if (seal_keys_parse(options.encrypt_key, options.encrypt_old_keys, &keys, err) < 0) {
        error_prefix(err, "[store]");
        return TROUPE_CONFIG;
    }
    seal_keys_clear(&keys);
    if (config_choice(section, "backend") == BACKEND_POSTGRESQL) {
        options.url = config_str(section, "url");
        options.password = config_str(section, "password");
        options.away_ms = (uint32_t)config_ms(section, "away");
        options.lease_ms = (uint32_t)config_ms(section, "lease");
        if (!options.url)
            return error_set(err, TROUPE_CONFIG,
                             "key \"url\" in [store] is missing: backend = postgresql needs it, as "
                             "postgresql://USER@HOST/DATABASE");
        if (store_url_check(options.url, err) < 0) {
            error_prefix(err, "key \"url\" in [store]");
            return TROUPE_CONFIG;
        }
    }
    *ret = options;
    return TROUPE_OK;
}

void storage_spool(const struct config *config, struct store_spool_options *ret)
{
    const struct config_section *section = config_section(config, "store", NULL);

    *ret = (struct store_spool_options){
        .path = config_str(section, "spool"),
        .max_bytes = (uint64_t)config_bytes(section, "spool_max"),
        .encrypt_key = config_str(section, "encrypt_key"),
        .encrypt_old_keys = config_str(section, "encrypt_old_keys"),
    };
}

troupe_status storage_cache(const struct config *config, struct loop *loop, const char *mark,
                            struct cache **ret, struct error *err)
{
    const struct config_section *section = config_section(config, "cache", NULL);
    struct cache_options options = {.max_bytes = (size_t)config_bytes(section, "memory"),
                                    .prefix = config_str(section, "prefix"),
                                    .answer_ms = (uint32_t)config_ms(section, "answer"),
                                    .mark = mark};

    if (config_choice(section, "backend") == BACKEND_REDIS) {
        options.url = config_str(section, "url");
        options.password = config_str(section, "password");
        if (!options.url)
            return error_set(err, TROUPE_CONFIG,
                             "key \"url\" in [cache] is missing: backend = redis needs it, as "
                             "redis://HOST:PORT/DATABASE or unix:/PATH");
    }
    if (cache_new(loop, &options, ret, err) >= 0)
        return TROUPE_OK;
    error_prefix(err, "[cache]");
    return err->status = TROUPE_CONFIG;
}

/* A cache is made and given back: nothing is connected to. */
static troupe_status check_cache(const struct config *config, struct config_problems *problems)
{
    struct cache *cache = NULL;
    struct error err;
    unsigned line = 0;
    const char *file;
    troupe_status status = storage_cache(config, NULL, NULL, &cache, &err);

    cache_free(cache);
    if (status >= 0)
        return TROUPE_OK;
    file = config_section_origin(config_section(config, "cache", NULL), &line);
    return config_problem(problems, line ? file : NULL, line, "%s", err.text);
}

troupe_status storage_check(const struct config *config, struct config_problems *problems)
{
    struct store_options options;
    struct error err;
    unsigned line = 0;
    const char *file;

    if (storage_options(config, &options, &err) == TROUPE_OK)
        return check_cache(config, problems);
    file = config_section_origin(config_section(config, "store", NULL), &line);
    return config_problem(problems, line ? file : NULL, line, "%s", err.text);
}
