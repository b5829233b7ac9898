/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin's file says about itself before any of its code runs: the ELF note `.note.troupe`
 * and the facts of the file that decide whether it may be loaded and whether it can be unloaded.
 * Everything is read from bounded memory; truncated and hostile files end in a sentence.
 *
 * Call it on the private copy (image.h), never on a file that somebody may still write to: mapped
 * pages of a file that is truncated meanwhile are a SIGBUS. Any thread.
 */
#ifndef PLUGIN_NOTE_H
#define PLUGIN_NOTE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/abi.h>

#define PLUGIN_MAX_FILE ((size_t)64 << 20) /* bytes of a plugin's file */

struct plugin_note {
    uint32_t abi_major, abi_minor;
    char id[TROUPE_NOTE_ID];           /* reverse domain, NUL-terminated, checked */
    char version[TROUPE_NOTE_VERSION]; /* NUL-terminated, checked                 */
    /* dlclose would leave it mapped, or unmapping it is not safe: it is parked instead. `why` is a
     * constant for people: "it is marked NODELETE", "" when it can be unloaded. */
    bool pins_itself;
    const char *why_pinned;
};

/*
 * Reads the note of the ELF file of `size` bytes at `data`; `path` stands for it in sentences.
 * Checks machine and class, that headers and segments lie inside the file, that the entry symbol is
 * there, and the ABI's major. TROUPE_VERSION: built for another machine or ABI; TROUPE_DATA: no
 * plugin, damaged; both with the remedy.
 */
troupe_status plugin_note_read(const void *data, size_t size, const char *path,
                               struct plugin_note *ret, struct error *err);
/* The first half of it: machine, class, and that everything lies inside the file. What holds may be
 * given to libelf. */
troupe_status plugin_note_sound(const void *data, size_t size, const char *path, struct error *err);

#endif
