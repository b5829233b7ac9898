/* SPDX-License-Identifier: Apache-2.0 */
#include "context_estimate.h"

#include <jansson.h>
#include <string.h>

/* Of fewer tokens what chat templates add is too large a part. */
#define GUESSED_MIN 100

void context_sample_read(troupe_str result, struct context_sample *ret)
{
    json_t *tree = json_loadb(result.ptr, result.len, 0, NULL);
    const json_t *usage = json_object_get(tree, "usage");
    const char *model = json_string_value(json_object_get(tree, "model"));
    const json_int_t input = json_integer_value(json_object_get(usage, "input"));
    const json_int_t guessed = json_integer_value(json_object_get(usage, "guessed"));

    memset(ret, 0, sizeof(*ret));
    if (model && input > 0 && input < INT32_MAX && guessed >= GUESSED_MIN &&
        !json_is_true(json_object_get(usage, "estimated")) &&
        !json_is_true(json_object_get(tree, "cached"))) {
        snprintf(ret->model, sizeof(ret->model), "%s", model);
        ret->per_mille = input * 1000 / guessed;
        if (ret->per_mille < CONTEXT_PER_MILLE_MIN)
            ret->per_mille = CONTEXT_PER_MILLE_MIN;
        if (ret->per_mille > CONTEXT_PER_MILLE_MAX)
            ret->per_mille = CONTEXT_PER_MILLE_MAX;
    }
    json_decref(tree);
}

troupe_statement context_sample_store(const struct context_sample *sample, int64_t now_ms,
                                      troupe_value *params)
{
    params[0] = troupe_sql_str((troupe_str){sample->model, strlen(sample->model)});
    params[1] = troupe_sql_int(sample->per_mille);
    params[2] = troupe_sql_int(now_ms);
    return (troupe_statement){
        "INSERT INTO {conversation_models} (account, model, per_mille, samples, "
        "updated_at) VALUES (COALESCE(:account, ''), ?1, ?2, 1, ?3) "
        "ON CONFLICT (account, model) DO UPDATE SET "
        "per_mille = ({conversation_models}.per_mille * 3 + excluded.per_mille) / 4, "
        "samples = {conversation_models}.samples + 1, updated_at = excluded.updated_at",
        {params, CONTEXT_SAMPLE_PARAMS, sizeof(*params)},
        TROUPE_ROWS_ANY};
}

troupe_statement context_sample_clear(const troupe_value *before)
{
    return (troupe_statement){"DELETE FROM {conversation_models} "
                              "WHERE account = COALESCE(:account, '') AND updated_at <= ?1",
                              {before, 1, sizeof(*before)},
                              TROUPE_ROWS_ANY};
}
