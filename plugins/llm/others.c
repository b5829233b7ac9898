/* SPDX-License-Identifier: Apache-2.0 */
#include "others.h"

#include <stdio.h>
#include <string.h>

#define OPENAI            "api.openai.com"
#define OPENAI_MODERATION "omni-moderation-latest"

static troupe_status bad(const struct llm_settings *main, const char *key, troupe_str value,
                         const char *problem)
{
    troupe_log(main->host, TROUPE_LOG_ERROR, "key \"%s\": \"%.*s\": %s", key, (int)value.len,
               value.ptr, problem);
    return TROUPE_CONFIG;
}

/* `key` is static. */
static troupe_status load_one(const struct llm_settings *main, const char *key, troupe_str value,
                              struct llm_settings *ret, uint8_t *ret_provider)
{
    troupe_str model = value;
    int provider = 1;
    troupe_status status = TROUPE_OK;

    *ret = *main;
    if (model.len > 2 && model.ptr[0] >= '1' && model.ptr[0] <= '9' && model.ptr[1] == ':') {
        provider = model.ptr[0] - '0';
        model.ptr += 2;
        model.len -= 2;
    }
    if (provider > LLM_PROVIDERS_MAX || model.len > LLM_MODEL_MAX)
        return bad(main, key, value,
                   "expected a model, before it the number of its provider (1 to 4) where it is "
                   "not the first: \"2:text-embedding-3-small\"");
    if (provider > 1)
        status = llm_settings_provider(ret, provider);
    if (status < 0)
        return status;
    if (!ret->base_url[0])
        return bad(main, key, value, "there is no such provider; set its base_url");
    ret->has_price = 0; /* that of the section is for talks */
    snprintf(ret->model, sizeof(ret->model), "%.*s", (int)model.len, model.ptr);
    ret->model_key = key;
    *ret_provider = (uint8_t)(provider - 1);
    return TROUPE_OK;
}

static troupe_status load_models(const struct llm_settings *main, const char *key,
                                 struct llm_models *ret)
{
    troupe_str rest = troupe_config_str(main->host, key);
    troupe_status status = TROUPE_OK;

    ret->count = 0;
    while (rest.len > 0 && status >= 0) {
        const char *comma = memchr(rest.ptr, ',', (size_t)rest.len);
        troupe_str one = {rest.ptr, comma ? (uint64_t)(comma - rest.ptr) : rest.len};

        rest.ptr += one.len + (comma != NULL);
        rest.len -= one.len + (comma != NULL);
        while (one.len > 0 && one.ptr[0] == ' ') {
            one.ptr++;
            one.len--;
        }
        while (one.len > 0 && one.ptr[one.len - 1] == ' ')
            one.len--;
        if (one.len == 0)
            continue;
        if (ret->count == LLM_MODELS_MAX)
            return bad(main, key, one, "there are four models before it, which is the most");
        llm_health_init(&ret->health[ret->count]);
        status = load_one(main, key, one, &ret->to[ret->count], &ret->providers[ret->count]);
        if (status < 0)
            break;
        ret->vectors[ret->count] = llm_price_vector(
            ret->to[ret->count].prices, ret->to[ret->count].host_name, ret->to[ret->count].model);
        ret->count++;
    }
    return status;
}

troupe_status llm_others_load(const struct llm_settings *main, struct llm_others *ret)
{
    troupe_value value;
    troupe_status status;

    memset(ret, 0, sizeof(*ret));
    status = load_models(main, "embed_model", &ret->embed);
    if (status >= 0)
        status = load_models(main, "moderation_model", &ret->moderation);
    if (status >= 0)
        status = load_models(main, "image_model", &ret->image);
    if (status < 0)
        return status;
    /* OpenAI's is free and there for everyone who has a key. */
    if (ret->moderation.count == 0 && strcmp(main->host_name, OPENAI) == 0) {
        struct llm_settings *own = &ret->moderation.to[0];

        ret->moderation.count = 1;
        llm_health_init(&ret->moderation.health[0]);
        *own = *main;
        own->has_price = 0;
        snprintf(own->model, sizeof(own->model), OPENAI_MODERATION);
        own->model_key = "moderation_model";
    }
    if (troupe_config(main->host, "embed_price", &value) == TROUPE_OK) {
        ret->has_embed_price = 1;
        ret->embed_price = (uint64_t)value.u.i;
    }
    if (troupe_config(main->host, "image_price", &value) == TROUPE_OK) {
        ret->has_image_price = 1;
        ret->image_price = (uint64_t)value.u.i;
    }
    return TROUPE_OK;
}
