/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that claim to be plugins. 'r': the bytes as they are. Anything else: a small correct file, in
 * which each three bytes of input overwrite one byte (place, place, value), so that the search
 * begins behind the first checks; 't' cuts it at the first place, too.
 */
#include "base/mem.h"
#include "plugin/note.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NONE, NOTE, DYNSYM, DYNSTR, DYNAMIC, NAMES, SECTIONS };

static const char symbol_names[] = "\0troupe_plugin_v1\0__cxa_thread_atexit_impl";
static const char section_names[] = "\0.note.troupe\0.dynsym\0.dynstr\0.dynamic\0.shstrtab";

struct image {
    Elf64_Ehdr head;
    Elf64_Phdr segments[2];
    troupe_note note;
    Elf64_Sym symbols[3];
    char strings[sizeof(symbol_names)];
    Elf64_Dyn dynamic[3];
    char names[sizeof(section_names)];
    Elf64_Shdr sections[SECTIONS];
};

static void set_section(struct image *image, unsigned index, unsigned name, unsigned type,
                        size_t offset, size_t size, unsigned link, size_t each)
{
    image->sections[index] = (Elf64_Shdr){.sh_name = name,
                                          .sh_type = type,
                                          .sh_offset = offset,
                                          .sh_size = size,
                                          .sh_link = link,
                                          .sh_addralign = 1,
                                          .sh_entsize = each};
}

static void make_image(struct image *image)
{
    const size_t whole = sizeof(*image);

    memset(image, 0, whole);
    memcpy(image->head.e_ident, ELFMAG, SELFMAG);
    image->head.e_ident[EI_CLASS] = ELFCLASS64;
    image->head.e_ident[EI_DATA] = ELFDATA2LSB;
    image->head.e_ident[EI_VERSION] = EV_CURRENT;
    image->head.e_type = ET_DYN;
#if defined(__aarch64__)
    image->head.e_machine = EM_AARCH64;
#else
    image->head.e_machine = EM_X86_64;
#endif
    image->head.e_version = EV_CURRENT;
    image->head.e_phoff = offsetof(struct image, segments);
    image->head.e_shoff = offsetof(struct image, sections);
    image->head.e_ehsize = sizeof(Elf64_Ehdr);
    image->head.e_phentsize = sizeof(Elf64_Phdr);
    image->head.e_phnum = 2;
    image->head.e_shentsize = sizeof(Elf64_Shdr);
    image->head.e_shnum = SECTIONS;
    image->head.e_shstrndx = NAMES;
    image->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = whole, .p_memsz = whole};
    image->segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                      .p_offset = offsetof(struct image, dynamic),
                                      .p_filesz = sizeof(image->dynamic)};
    image->note = (troupe_note){.name_size = sizeof(TROUPE_NOTE_NAME),
                                .desc_size = sizeof(troupe_note) - offsetof(troupe_note, abi_major),
                                .type = TROUPE_NOTE_TYPE,
                                .name = TROUPE_NOTE_NAME,
                                .abi_major = TROUPE_ABI_MAJOR,
                                .id = "org.example.fuzz",
                                .version = "1.0.0"};
    image->symbols[1] =
        (Elf64_Sym){.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = NOTE};
    image->symbols[2] =
        (Elf64_Sym){.st_name = 18, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE)};
    memcpy(image->strings, symbol_names, sizeof(symbol_names));
    image->dynamic[0] = (Elf64_Dyn){.d_tag = DT_FLAGS, .d_un.d_val = DF_BIND_NOW};
    image->dynamic[1] = (Elf64_Dyn){.d_tag = DT_FLAGS_1, .d_un.d_val = DF_1_NOW};
    memcpy(image->names, section_names, sizeof(section_names));
    set_section(image, NOTE, 1, SHT_NOTE, offsetof(struct image, note), sizeof(troupe_note), 0, 0);
    set_section(image, DYNSYM, 14, SHT_DYNSYM, offsetof(struct image, symbols),
                sizeof(image->symbols), DYNSTR, sizeof(Elf64_Sym));
    set_section(image, DYNSTR, 22, SHT_STRTAB, offsetof(struct image, strings),
                sizeof(image->strings), 0, 0);
    set_section(image, DYNAMIC, 30, SHT_DYNAMIC, offsetof(struct image, dynamic),
                sizeof(image->dynamic), DYNSTR, sizeof(Elf64_Dyn));
    set_section(image, NAMES, 39, SHT_STRTAB, offsetof(struct image, names), sizeof(image->names),
                0, 0);
}

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
    struct image image;
    size_t cut = sizeof(image);

    if (size && data[0] == 'r') {
        check(data + 1, size - 1, false);
        return 0;
    }
    make_image(&image);
    for (size_t i = 1; i + 2 < size; i += 3) {
        size_t place = (size_t)(data[i] | data[i + 1] << 8) % sizeof(image);

        ((uint8_t *)&image)[place] = data[i + 2];
        if (i == 1 && data[0] == 't')
            cut = place;
    }
    check((const uint8_t *)&image, cut, size < 4);
    return 0;
}
