/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include <stdio.h>

/* Whether a key names a model for something other than talks. */
static int names_another(troupe_host *host)
{
    static const char *const keys[] = {"embed_model", "moderation_model", "image_model"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (troupe_config_str(host, keys[i]).len > 0)
            return 1;
    return 0;
}

/* Each provider once; `number` counts from 0. */
static void look_for_key(const struct llm_settings *settings, uint32_t number, uint32_t *told)
{
    char tail[12] = "";

    if (settings->has_key || settings->is_local || *told & 1u << number)
        return;
    *told |= 1u << number;
    if (number > 0)
        snprintf(tail, sizeof(tail), "_%u", number + 1);
    troupe_log(settings->host, TROUPE_LOG_WARN,
               "key \"api_key%s\": not set, and \"%.80s\" is no server of this machine or its "
               "network; set "
               "it to the key that the provider gave, or local%s = yes for a server of your own",
               tail, settings->host_name, tail);
}

static void look_for_keys(const struct llm_models *models, uint32_t *told)
{
    for (uint32_t i = 0; i < models->count; i++)
        look_for_key(&models->to[i], models->providers[i], told);
}

troupe_status llm_complete(const struct llm_settings *settings, const struct llm_router *router,
                           const struct llm_others *others)
{
    uint32_t told = 0;

    if (settings->base_url[0] && router->count == 0 && !names_another(settings->host)) {
        const int judges = others->moderation.count > 0; /* who asks for that needs no more */

        troupe_log(
            settings->host, judges ? TROUPE_LOG_WARN : TROUPE_LOG_ERROR,
            "key \"model\": not set, so \"%.80s\" is asked nothing%s; set it to a model's name as "
            "it is called there, or route_chat",
            settings->host_name, judges ? " but to moderate" : "");
        if (!judges)
            return TROUPE_CONFIG;
    }
    for (uint32_t i = 0; i < router->count; i++)
        look_for_key(&router->candidates[i].settings, router->candidates[i].provider, &told);
    look_for_keys(&others->embed, &told);
    look_for_keys(&others->moderation, &told);
    look_for_keys(&others->image, &told);
    return TROUPE_OK;
}
