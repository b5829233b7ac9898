/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading a plugin with its constructors held back. The dynamic linker opens files, maps code and at
 * once runs the plugin's first instructions; nothing can be forbidden between. So it is given a copy
 * of the file whose dynamic section does not mention constructors, and these are called later, under
 * a filter without files and new code. Constructors of the libraries that it needs run where they
 * always do. For the trial's process only, and only for files that plugin_note_read has let pass.
 */
#ifndef PLUGIN_HELD_H
#define PLUGIN_HELD_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct plugin_held {
    uint64_t init;        /* DT_INIT, 0: none               */
    uint64_t array;       /* DT_INIT_ARRAY                  */
    uint64_t array_count; /* functions in it                */
};

/*
 * A sealed copy of the file behind `fd` in `ret_fd`, the caller's. TROUPE_DATA where code of it would
 * run before its constructors (an indirect function), or where its headers are unlike any linker's.
 */
troupe_status plugin_held_copy(int fd, const char *id, struct plugin_held *ret, int *ret_fd,
                               struct error *err);
/* Runs them, in the linker's order. `handle` is dlopen's, of the copy. */
void plugin_held_run(const struct plugin_held *held, void *handle);

#endif
