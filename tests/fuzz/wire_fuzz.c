/* SPDX-License-Identifier: Apache-2.0
 *
 * What the process of an isolated agent sends. 'd': a declaration. Anything else: a row of frames, each
 * behind its length in two bytes. A message that comes out is as long as it says, and taking it apart
 * as numbers, texts and values ends inside it.
 */
#include "plugin/declare.h"
#include "plugin/wire.h"

#include "base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_apart(const struct buf *payload)
{
    struct wire_in in = {buf_text(payload), payload->len, false};
    const char *end = in.at + in.left;
    uint64_t len;

    for (unsigned i = 0; !in.bad && in.left; i++) {
        const char *text;
        troupe_value value;

        switch (i % 4) {
        case 0: (void)wire_take_int(&in); break;
        case 1:
            text = wire_take_bytes(&in, &len);
            if (text && (text + len >= end || text[len]))
                abort();
            break;
        case 2:
            value = wire_take_value(&in);
            if (value.type == TROUPE_TYPE_STRING && value.u.s.ptr &&
                value.u.s.ptr + value.u.s.len >= end)
                abort();
            break;
        default: (void)wire_take_count(&in, 1000);
        }
    }
}

static void declare(const uint8_t *data, size_t size)
{
    static const struct plugin_registry none;
    struct plugin_note note = {.id = "org.example.fuzz", .version = "1.0.0"};
    struct plugin_declared *declared = NULL;
    struct buf bytes = BUF_INIT;
    struct error err = {0};
    troupe_status status;

    buf_append(&bytes, data, size);
    status = plugin_declare_read(&bytes, &note, &none, &declared, &err);
    if (status < 0 ? declared || !err.text[0] : !declared)
        abort();
    plugin_declared_free(declared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader reader = {0};
    struct error err = {0};

    if (size && data[0] == 'd') {
        declare(data + 1, size - 1);
        return 0;
    }
    while (size >= 2) {
        size_t len = (size_t)(data[0] | data[1] << 8);
        troupe_status status;

        data += 2;
        size -= 2;
        len = len < size ? len : size;
        status = wire_read(&reader, data, len, &err);
        data += len;
        size -= len;
        if (status == TROUPE_END)
            continue;
        if (status < 0)
            break;
        if (reader.payload.len != reader.head.total)
            abort();
        take_apart(&reader.payload);
    }
    wire_reader_clear(&reader);
    return 0;
}
