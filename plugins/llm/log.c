/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

void llm_log_failure(const struct llm_settings *settings, const char *what,
                     const struct llm_kind *kind, uint32_t http_status,
                     const struct llm_provider_error *error, int64_t key)
{
    /* Not where they may repeat a key. */
    const int hide = http_status && llm_kind_may_name_key(kind, http_status);
    const int several = key >= 0 && settings->key_count > 1;

    troupe_log(settings->host, TROUPE_LOG_WARN,
               "%s failed: %s %s (%s), model \"%s\", %s%sHTTP %u, type \"%s\", code \"%s\"%s%s",
               what, kind->code, kind->name, llm_category_name(kind->category), settings->model,
               several ? settings->keys[key] : "", several ? ", " : "", http_status, error->type,
               error->code, error->message[0] && !hide ? ": " : "", hide ? "" : error->message);
}
