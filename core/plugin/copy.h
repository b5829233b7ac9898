/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's file as the host takes it: a private sealed copy that nobody else can reach or change,
 * the hash of its bytes and its note. No code of it has run. Nothing here knows the loop: reading
 * and hashing 64 MB takes a while and a slow disk longer, so a worker does it. Any thread; blocks.
 */
#ifndef PLUGIN_COPY_H
#define PLUGIN_COPY_H

#include "plugin/note.h"

#define PLUGIN_BUILD_ID_LEN 32 /* hexadecimal digits */

struct plugin_copy {
    int fd; /* the sealed copy; -1: none */
    size_t size;
    char build_id[PLUGIN_BUILD_ID_LEN + 1]; /* hash of the bytes: the same build anywhere */
    struct plugin_note note;
};

/*
 * Copies the file at `path`, checks file and note. Refused: no regular file, writable by everybody,
 * larger than PLUGIN_MAX_FILE, changed while it was copied, what plugin_note_read refuses.
 * plugin_copy_clear gives it back.
 */
troupe_status plugin_copy_read(const char *path, struct plugin_copy *ret, struct error *err);
/* The bytes alone, whatever they are: a sealed copy, which nobody else can reach or change. */
troupe_status plugin_copy_file(const char *path, int *ret_fd, size_t *ret_size, struct error *err);
void plugin_copy_clear(struct plugin_copy *copy);
/* Whether two files hold the same `size` bytes; false, too, where that cannot be found out. */
bool plugin_copy_equal(int fd, int other, size_t size);
/* FNV-1a with 128 bits: tells builds apart in traces and rows. Nothing is trusted by it. */
void plugin_digest(const void *data, size_t size, char ret[PLUGIN_BUILD_ID_LEN + 1]);

#endif
