/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON behind the core's limits: nothing deeper than JSON_DEPTH_MAX becomes a tree, and what became
 * one can be printed and read again.
 */
#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bounded by the promise that is tested; one level more ends the run. */
static unsigned depth_of(const json_t *value, unsigned above)
{
    unsigned deepest = above;
    const char *key;
    json_t *member;
    size_t i;

    if (above > JSON_DEPTH_MAX)
        abort();
    if (json_is_array(value))
        json_array_foreach (value, i, member) {
            unsigned depth = depth_of(member, above + 1);

            deepest = depth > deepest ? depth : deepest;
        }
    else if (json_is_object(value))
        json_object_foreach ((json_t *)value, key, member) {
            unsigned depth = depth_of(member, above + 1);

            deepest = depth > deepest ? depth : deepest;
        }
    return deepest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = NULL, *again = NULL;
    struct error err;
    char *text;

    if (json_parse((const char *)data, size, &value, &err) < 0)
        return 0;
    (void)depth_of(value, 0);
    text = json_print(value);
    if (!text || json_parse(text, strlen(text), &again, &err) < 0)
        abort();
    mem_free(text);
    json_decref(value);
    json_decref(again);
    return 0;
}
