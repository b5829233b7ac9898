/* SPDX-License-Identifier: Apache-2.0
 *
 * A small correct file of a plugin, to be damaged: three bytes of input overwrite one byte of it (place,
 * place, value), so that a search begins behind the first checks.
 */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <troupe/abi.h>

enum { NONE, NOTE, DYNSYM, DYNSTR, DYNAMIC, NAMES, CONSTANTS, CALLS, SECTIONS };

static const char symbol_names[] = "\0troupe_plugin_v1\0__cxa_thread_atexit_impl";
static const char section_names[] = "\0.note.troupe\0.dynsym\0.dynstr\0.dynamic\0.shstrtab"
                                    "\0.rodata\0.troupe.calls";

static const char constant_texts[] = "\0llm.chat\0troupe.kv/1 troupe.sql/1";
static const char called_names[] = "weather.today\0\0look";

struct fuzz_image {
    Elf64_Ehdr head;
    Elf64_Phdr segments[2];
    troupe_note note;
    Elf64_Sym symbols[3];
    char strings[sizeof(symbol_names)];
    Elf64_Dyn dynamic[3];
    char names[sizeof(section_names)];
    Elf64_Shdr sections[SECTIONS];
    char constants[sizeof(constant_texts)];
    char calls[sizeof(called_names)];
};

static inline void fuzz_image_section(struct fuzz_image *image, unsigned index, unsigned name,
                                      unsigned type, size_t offset, size_t size, unsigned link,
                                      size_t each)
{
    image->sections[index] = (Elf64_Shdr){.sh_name = name,
                                          .sh_type = type,
                                          .sh_offset = offset,
                                          .sh_size = size,
                                          .sh_link = link,
                                          .sh_addralign = 1,
                                          .sh_entsize = each};
}

static inline void fuzz_image_make(struct fuzz_image *image)
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
    image->head.e_phoff = offsetof(struct fuzz_image, segments);
    image->head.e_shoff = offsetof(struct fuzz_image, sections);
    image->head.e_ehsize = sizeof(Elf64_Ehdr);
    image->head.e_phentsize = sizeof(Elf64_Phdr);
    image->head.e_phnum = 2;
    image->head.e_shentsize = sizeof(Elf64_Shdr);
    image->head.e_shnum = SECTIONS;
    image->head.e_shstrndx = NAMES;
    image->segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = whole, .p_memsz = whole};
    image->segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                      .p_offset = offsetof(struct fuzz_image, dynamic),
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
    fuzz_image_section(image, NOTE, 1, SHT_NOTE, offsetof(struct fuzz_image, note),
                       sizeof(troupe_note), 0, 0);
    fuzz_image_section(image, DYNSYM, 14, SHT_DYNSYM, offsetof(struct fuzz_image, symbols),
                       sizeof(image->symbols), DYNSTR, sizeof(Elf64_Sym));
    fuzz_image_section(image, DYNSTR, 22, SHT_STRTAB, offsetof(struct fuzz_image, strings),
                       sizeof(image->strings), 0, 0);
    fuzz_image_section(image, DYNAMIC, 30, SHT_DYNAMIC, offsetof(struct fuzz_image, dynamic),
                       sizeof(image->dynamic), DYNSTR, sizeof(Elf64_Dyn));
    fuzz_image_section(image, NAMES, 39, SHT_STRTAB, offsetof(struct fuzz_image, names),
                       sizeof(image->names), 0, 0);
    memcpy(image->constants, constant_texts, sizeof(constant_texts));
    memcpy(image->calls, called_names, sizeof(called_names));
    fuzz_image_section(image, CONSTANTS, 49, SHT_PROGBITS, offsetof(struct fuzz_image, constants),
                       sizeof(image->constants), 0, 0);
    fuzz_image_section(image, CALLS, 57, SHT_PROGBITS, offsetof(struct fuzz_image, calls),
                       sizeof(image->calls), 0, 0);
    image->sections[CONSTANTS].sh_flags = image->sections[CALLS].sh_flags = SHF_ALLOC;
}

/* From the second byte of the input on; gives the size, cut at the first place where it begins with 't'. */
static inline size_t fuzz_image_damage(struct fuzz_image *image, const uint8_t *data, size_t size)
{
    size_t cut = sizeof(*image);

    for (size_t i = 1; i + 2 < size; i += 3) {
        size_t place = (size_t)(data[i] | data[i + 1] << 8) % sizeof(*image);

        ((uint8_t *)image)[place] = data[i + 2];
        if (i == 1 && data[0] == 't')
            cut = place;
    }
    return cut;
}

#endif
