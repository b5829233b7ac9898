/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that claim to be plugins. 'r': the bytes as they are. Anything else: a small correct file that
 * is damaged (image.h); 't' cuts it, too.
 */
#include "base/mem.h"
#include "image.h"
#include "plugin/note.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, bool intact)
{
    /* In a block of exactly that size: one byte too many is seen. */
    uint8_t *exact = size ? mem_copy(data, size) : mem_alloc(1);
    struct plugin_note note = {0};
    struct error err = {0};
    troupe_status status = plugin_note_read(exact, size, "fuzz.so", &note, &err);

    if (status < 0 ? !*err.text : !*note.id || !*note.version || !note.why_pinned)
        abort();
    if (intact && (status < 0 || strcmp(note.id, "org.example.fuzz") != 0 || !note.pins_itself))
        abort();
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
