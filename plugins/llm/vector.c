/* SPDX-License-Identifier: Apache-2.0 */
#include "vector.h"

#include <stddef.h>
#include <string.h>

const char *llm_vector_read(const json_t *json, struct llm_vector *ret)
{
    const json_t *values = json_object_get(json, "values"), *fewer = json_object_get(json, "fewer");

    if (!json_is_integer(values) || json_integer_value(values) < 1 ||
        json_integer_value(values) > UINT32_MAX || (fewer && !json_is_boolean(fewer)))
        return "\"vector\" has \"values\", a number from 1, and \"fewer\", true where the model "
               "makes fewer when it is asked to";
    ret->own = (uint32_t)json_integer_value(values);
    ret->fewer = json_is_true(fewer);
    ret->fixed = !ret->fewer;
    return NULL;
}

int llm_vector_may(const struct llm_vector *vector, uint32_t asked, uint32_t most)
{
    if (asked == 0)
        return vector->own <= most;
    return asked <= most && (!vector->fixed || asked == vector->own) &&
           (!vector->fewer || asked <= vector->own);
}

int llm_vector_is_told(const struct llm_vector *vector, uint32_t asked)
{
    return asked > 0 && asked != vector->own;
}

int llm_vector_is_refused(const char *message)
{
    return strstr(message, "not support") && strstr(message, "dimensions");
}

void llm_vector_fix(struct llm_vector *vector)
{
    vector->fixed = 1;
    vector->fewer = 0;
}

void llm_vector_learn(struct llm_vector *vector, uint32_t asked, uint32_t made)
{
    if (asked == 0) {
        vector->own = made;
    } else if (made != asked) {
        vector->own = made;
        llm_vector_fix(vector);
    }
}
