/* SPDX-License-Identifier: Apache-2.0
 *
 * Plugin files whose constructors are held back, which is done outside the sandbox. 'r': the bytes as
 * they are. Anything else: a small correct file, in which each three bytes of input overwrite one
 * byte (place, place, value). A copy that is made mentions no constructor.
 */
#include "plugin/held.h"

#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
    Elf64_Ehdr head;
    Elf64_Phdr segments[2];
    Elf64_Sym symbols[2];
    Elf64_Rela relocations[2];
    Elf64_Dyn dynamic[8];
};

static void make_image(struct image *image)
{
    const size_t whole = sizeof(*image);

    memset(image, 0, whole);
    image->head.e_phoff = offsetof(struct image, segments);
    image->head.e_phentsize = sizeof(Elf64_Phdr);
    image->head.e_phnum = 2;
    image->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = whole, .p_memsz = whole};
    image->segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                      .p_offset = offsetof(struct image, dynamic),
                                      .p_vaddr = offsetof(struct image, dynamic),
                                      .p_filesz = sizeof(image->dynamic),
                                      .p_memsz = sizeof(image->dynamic)};
    image->symbols[1] = (Elf64_Sym){.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1};
    image->relocations[1].r_info = ELF64_R_INFO(1, 1);
    image->dynamic[0] = (Elf64_Dyn){.d_tag = DT_INIT, .d_un.d_ptr = 64};
    image->dynamic[1] = (Elf64_Dyn){.d_tag = DT_INIT_ARRAY, .d_un.d_ptr = 64};
    image->dynamic[2] = (Elf64_Dyn){.d_tag = DT_INIT_ARRAYSZ, .d_un.d_val = 16};
    image->dynamic[3] =
        (Elf64_Dyn){.d_tag = DT_SYMTAB, .d_un.d_ptr = offsetof(struct image, symbols)};
    image->dynamic[4] =
        (Elf64_Dyn){.d_tag = DT_RELA, .d_un.d_ptr = offsetof(struct image, relocations)};
    image->dynamic[5] = (Elf64_Dyn){.d_tag = DT_RELASZ, .d_un.d_val = sizeof(image->relocations)};
}

/* Where the linker would look for it, by the first header that has it: the copy was accepted. */
static void look(const uint8_t *copy, size_t size)
{
    Elf64_Ehdr head;
    Elf64_Phdr dynamic = {0}, part;
    uint64_t offset = 0;

    memcpy(&head, copy, sizeof(head));
    for (unsigned i = 0; i < head.e_phnum; i++) {
        memcpy(&part, copy + head.e_phoff + i * sizeof(part), sizeof(part));
        if (part.p_type == PT_DYNAMIC)
            dynamic = part;
    }
    for (unsigned i = 0; i < head.e_phnum; i++) {
        memcpy(&part, copy + head.e_phoff + i * sizeof(part), sizeof(part));
        if (part.p_type == PT_LOAD && dynamic.p_vaddr >= part.p_vaddr &&
            dynamic.p_vaddr - part.p_vaddr < part.p_filesz)
            offset = part.p_offset + (dynamic.p_vaddr - part.p_vaddr);
    }
    for (uint64_t at = offset; at + sizeof(Elf64_Dyn) <= size; at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;

        memcpy(&entry, copy + at, sizeof(entry));
        if (entry.d_tag == DT_NULL)
            return;
        if (entry.d_tag == DT_INIT || entry.d_tag == DT_INIT_ARRAY)
            abort();
    }
    abort();
}

static void check(const uint8_t *data, size_t size, bool intact)
{
    struct plugin_held held = {0};
    struct error err = {0};
    int from = memfd_create("fuzz", 0), to = -1;
    troupe_status status;
    uint8_t *copy;

    if (from < 0 || write(from, data, size) != (ssize_t)size)
        abort();
    status = plugin_held_copy(from, "org.example.fuzz", &held, &to, &err);
    if (status < 0 ? !*err.text || to >= 0 : to < 0)
        abort();
    if (intact && (status < 0 || held.init != 64 || held.array != 64 || held.array_count != 2))
        abort();
    if (status == TROUPE_OK) {
        copy = mmap(NULL, size, PROT_READ, MAP_PRIVATE, to, 0);
        if (copy == MAP_FAILED)
            abort();
        look(copy, size);
        munmap(copy, size);
        close(to);
    }
    close(from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image;

    if (size && data[0] == 'r') {
        check(data + 1, size - 1, false);
        return 0;
    }
    make_image(&image);
    for (size_t i = 1; i + 2 < size; i += 3) {
        size_t place = (size_t)(data[i] | data[i + 1] << 8) % sizeof(image);

        ((uint8_t *)&image)[place] = data[i + 2];
    }
    check((const uint8_t *)&image, sizeof(image), size < 4);
    return 0;
}
