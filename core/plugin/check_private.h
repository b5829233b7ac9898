/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of a check share. Each part looks at one thing and adds its faults.
 */
#ifndef PLUGIN_CHECK_PRIVATE_H
#define PLUGIN_CHECK_PRIVATE_H

#include "plugin/check.h"

#include <gelf.h>
#include <libelf.h>

#define CHECK_MAX_LIBRARIES 32

/* A file that plugin_note_sound let through, while it is read. */
struct check_file {
    const unsigned char *data;
    size_t size;
    Elf *elf;
    Elf_Scn *dynamic, *dynsym, *symtab, *versions; /* NULL where there is none */
    Elf_Scn *note;
    /* Libraries that a plugin may use, opened to ask what they provide. */
    void *libraries[CHECK_MAX_LIBRARIES];
    size_t library_count;
    bool foreign; /* it needs other ones, so nobody can tell what they provide */
    struct plugin_faults *faults;
    struct plugin_checked *checked;
};

/* Symbols: what is exported, imported, undefined and writable. */
void check_symbols(struct check_file *file);
/* Whether a plugin may import the name; a fault where it may not. */
void check_import(struct plugin_faults *faults, const char *name);
/* Ids of the host's extensions in the file's constants, as bits of plugin_checked. */
uint32_t check_uses(const struct check_file *file);
/* Names that it calls, into plugin_checked. */
void check_calls(struct check_file *file);
/* Uses and calls against what was declared; `answer` is what the runner told. */
void check_declared(struct plugin_faults *faults, uint32_t uses, const json_t *answer);
void check_called(struct plugin_faults *faults, const char *calls, const json_t *answer);
/* Whether it says what its tables keep about members, which it can since minor 6. */
void check_user_data(struct plugin_faults *faults, uint32_t minor, const json_t *answer);

/* The section's name; "" where it has none. */
const char *check_section_name(const struct check_file *file, const GElf_Shdr *head);

#endif
