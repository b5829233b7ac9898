/* SPDX-License-Identifier: Apache-2.0
 *
 * What `troupe plugin check` reads of a stranger's file before any code of it runs. 'r': the bytes as they
 * are. Anything else: a small correct file that is damaged (image.h); 't' cuts it, too.
 */
#include "base/mem.h"
#include "image.h"
#include "plugin/check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, bool intact)
{
    /* In a block of exactly that size: one byte too many is seen. */
    uint8_t *exact = size ? mem_copy(data, size) : mem_alloc(1);
    struct plugin_faults faults = {0};
    struct plugin_checked checked;
    size_t names = 0;

    plugin_check_bytes(exact, size, "fuzz.so", &faults, &checked);
    /* A sentence needs all of its parts; what may be mapped has a note that names it. */
    for (size_t i = 0; i < faults.count; i++)
        if (!*faults.items[i].rule || !faults.items[i].subject || !*faults.items[i].what ||
            !*faults.items[i].remedy)
            abort();
    if (checked.loadable && (!*checked.note.id || !*checked.note.version))
        abort();
    for (const char *name = checked.calls; *name; name += strlen(name) + 1)
        names++;
    if (names > PLUGIN_CHECK_CALLS / 2)
        abort();
    if (intact && (names != 3 || !checked.uses || strcmp(checked.note.id, "org.example.fuzz") != 0))
        abort();
    plugin_faults_clear(&faults);
    mem_free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_image image;
    size_t cut;

    if (size && data[0] == 'r') {
        check(data + 1, size - 1, false);
        return 0;
    }
    fuzz_image_make(&image);
    cut = fuzz_image_damage(&image, data, size);
    check((const uint8_t *)&image, cut, size < 4);
    return 0;
}
