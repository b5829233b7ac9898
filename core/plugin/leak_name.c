/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of functions, read from the symbols of a plugin's file. A file of its own: the runner tells
 * places without names, and is spared a library.
 */
#include "plugin/leak.h"

#include "plugin/image.h"

#include <gelf.h>
#include <libelf.h>

static void print_function(Elf *elf, uint64_t address, struct buf *out)
{
    Elf_Scn *section = NULL;
    GElf_Shdr head;

    while ((section = elf_nextscn(elf, section))) {
        Elf_Data *data = NULL;
        GElf_Sym symbol;

        if (gelf_getshdr(section, &head) && head.sh_type == SHT_SYMTAB && head.sh_entsize)
            data = elf_getdata(section, NULL);
        for (size_t i = 0; data && i < head.sh_size / head.sh_entsize; i++) {
            const char *name;

            if (!gelf_getsym(data, (int)i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
                address < symbol.st_value || address - symbol.st_value >= symbol.st_size)
                continue;
            name = elf_strptr(elf, head.sh_link, symbol.st_name);
            if (name)
                buf_printf(out, "%s+0x%llx, ", name,
                           (unsigned long long)(address - symbol.st_value));
            return;
        }
    }
}

void plugin_leak_name(const struct plugin_image *image, uint64_t address, struct buf *out)
{
    Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_begin(image->fd, ELF_C_READ, NULL);

    if (elf)
        print_function(elf, address, out);
    elf_end(elf);
}
