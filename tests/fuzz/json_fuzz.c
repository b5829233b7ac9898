/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON behind the core's limits: nothing deeper than JSON_DEPTH_MAX becomes a tree, and what became
 * one can be printed and read again. A string's inside says the same without a tree.
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

/* The input as what stands between quotes: stays within it, and agrees with the full parser. */
static void unescape(const uint8_t *data, size_t size)
{
    char *quoted = mem_alloc(size + 2), *text = mem_alloc(size + 1);
    size_t len = json_unescape((const char *)data, size, text);
    json_t *value;

    quoted[0] = quoted[size + 1] = '"';
    if (size)
        memcpy(quoted + 1, data, size);
    value = json_loadb(quoted, size + 2, JSON_DECODE_ANY, NULL);
    if (len > size || (json_is_string(value) && (json_string_length(value) != len ||
                                                 memcmp(json_string_value(value), text, len) != 0)))
        abort();
    json_decref(value);
    mem_free(quoted);
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = NULL, *again = NULL;
    struct error err;
    char *text;

    unescape(data, size);
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
