/* SPDX-License-Identifier: Apache-2.0
 *
 * A stored event: whatever the column holds, it is refused or read, and what was read is printed to
 * a text that reads the same.
 */
#include "base/mem.h"
#include "gateway/event.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event *event = NULL, *again = NULL;
    struct error err;
    char *text, *second;

    if (event_parse((const char *)data, size, &event, &err) < 0)
        return 0;
    text = event_print(event);
    if (!text || event_parse(text, strlen(text), &again, &err) < 0)
        abort();
    second = event_print(again);
    if (!second || strcmp(text, second))
        abort();
    mem_free(text);
    mem_free(second);
    event_unref(event);
    event_unref(again);
    return 0;
}
