/* SPDX-License-Identifier: Apache-2.0
 *
 * The tags are renamed rather than their values set to 0: the linker looks for tags before it
 * relocates, and a relocation of the plugin's could write to a value.
 *
 * The linker goes by addresses, not by offsets in the file, so the dynamic section is looked up the
 * same way. What makes the two differ (segments that share a page of memory, two dynamic sections) is
 * refused: no linker writes it.
 */
#include "plugin/held.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#if defined(__x86_64__)
#define INDIRECT R_X86_64_IRELATIVE
#else
#define INDIRECT R_AARCH64_IRELATIVE
#endif

struct file {
    unsigned char *data;
    uint64_t size;
    const char *id;
    Elf64_Ehdr head;
    Elf64_Phdr dynamic;
    uint64_t relocations[2], relocation_bytes[2]; /* DT_RELA, DT_JMPREL */
    uint64_t symbols;
};

static troupe_status strange(const struct file *file, const char *what, struct error *err)
{
    return error_set(err, TROUPE_DATA,
                     "plugin \"%s\" cannot be tried: %s; build it with an ordinary linker",
                     file->id, what);
}

static Elf64_Phdr segment(const struct file *file, unsigned i)
{
    Elf64_Phdr ret;

    memcpy(&ret, file->data + file->head.e_phoff + i * sizeof(ret), sizeof(ret));
    return ret;
}

/* `bytes` of the file that will be at `address`; NULL when they are not in one segment of it. */
static unsigned char *at(const struct file *file, uint64_t address, uint64_t bytes)
{
    for (unsigned i = 0; i < file->head.e_phnum; i++) {
        const Elf64_Phdr part = segment(file, i);

        if (part.p_type == PT_LOAD && address >= part.p_vaddr &&
            address - part.p_vaddr <= part.p_filesz &&
            bytes <= part.p_filesz - (address - part.p_vaddr))
            return file->data + part.p_offset + (address - part.p_vaddr);
    }
    return NULL;
}

static bool inside(const struct file *file, uint64_t offset, uint64_t bytes)
{
    return offset <= file->size && bytes <= file->size - offset;
}

/* Segments in order, each on pages of its own, and one dynamic section. */
static troupe_status read_segments(struct file *file, struct error *err)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t end = 0;
    unsigned dynamics = 0;

    if (file->size < sizeof(file->head))
        return strange(file, "it is too short", err);
    memcpy(&file->head, file->data, sizeof(file->head));
    if (file->head.e_phentsize != sizeof(Elf64_Phdr) ||
        !inside(file, file->head.e_phoff, file->head.e_phnum * sizeof(Elf64_Phdr)))
        return strange(file, "its headers are not inside it", err);
    for (unsigned i = 0; i < file->head.e_phnum; i++) {
        const Elf64_Phdr part = segment(file, i);

        if (part.p_type == PT_DYNAMIC) {
            file->dynamic = part;
            dynamics++;
        }
        if (part.p_type != PT_LOAD)
            continue;
        if (!inside(file, part.p_offset, part.p_filesz) || part.p_vaddr >> 47 ||
            part.p_memsz >> 47 || part.p_memsz < part.p_filesz)
            return strange(file, "a segment is not inside it", err);
        if (part.p_vaddr / page * page < end)
            return strange(file, "two segments share a page", err);
        end = (part.p_vaddr + part.p_memsz + page - 1) / page * page;
    }
    if (dynamics != 1)
        return strange(file, "it has not one dynamic section", err);
    return TROUPE_OK;
}

static troupe_status hide_constructors(struct file *file, struct plugin_held *ret,
                                       struct error *err)
{
    const size_t count = file->dynamic.p_memsz / sizeof(Elf64_Dyn);
    unsigned char *entries = at(file, file->dynamic.p_vaddr, count * sizeof(Elf64_Dyn));

    if (!entries)
        return strange(file, "its dynamic section is not inside it", err);
    for (size_t i = 0; i < count; i++) {
        unsigned char *place = entries + i * sizeof(Elf64_Dyn);
        Elf64_Dyn entry;
        bool hide = false;

        memcpy(&entry, place, sizeof(entry));
        switch (entry.d_tag) {
        case DT_NULL: return TROUPE_OK;
        case DT_INIT:
            ret->init = entry.d_un.d_ptr;
            hide = true;
            break;
        case DT_INIT_ARRAY:
            ret->array = entry.d_un.d_ptr;
            hide = true;
            break;
        case DT_INIT_ARRAYSZ:
            ret->array_count = entry.d_un.d_val / sizeof(void *);
            hide = true;
            break;
        case DT_RELA: file->relocations[0] = entry.d_un.d_ptr; break;
        case DT_RELASZ: file->relocation_bytes[0] = entry.d_un.d_val; break;
        case DT_JMPREL: file->relocations[1] = entry.d_un.d_ptr; break;
        case DT_PLTRELSZ: file->relocation_bytes[1] = entry.d_un.d_val; break;
        case DT_SYMTAB: file->symbols = entry.d_un.d_ptr; break;
        case DT_REL: return strange(file, "it has relocations without addends", err);
        default: break;
        }
        /* In a library nobody looks at this one. */
        entry.d_tag = DT_DEBUG;
        if (hide)
            memcpy(place, &entry, sizeof(entry));
    }
    return strange(file, "its dynamic section has no end", err);
}

/* The linker calls an indirect function to learn what to write into a relocation. */
static troupe_status refuse_indirect(const struct file *file, struct error *err)
{
    for (int table = 0; table < 2; table++) {
        const uint64_t bytes = file->relocation_bytes[table];
        const unsigned char *first = bytes ? at(file, file->relocations[table], bytes) : NULL;

        if (bytes && !first)
            return strange(file, "its relocations are not inside it", err);
        for (uint64_t i = 0; i < bytes / sizeof(Elf64_Rela); i++) {
            const unsigned char *place;
            Elf64_Rela relocation;
            Elf64_Sym symbol = {0};
            uint64_t number;

            memcpy(&relocation, first + i * sizeof(relocation), sizeof(relocation));
            number = ELF64_R_SYM(relocation.r_info);
            place =
                number ? at(file, file->symbols + number * sizeof(symbol), sizeof(symbol)) : NULL;
            if (number && !place)
                return strange(file, "a symbol is not inside it", err);
            if (place)
                memcpy(&symbol, place, sizeof(symbol));
            if (ELF64_R_TYPE(relocation.r_info) == INDIRECT ||
                (symbol.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC))
                return error_set(err, TROUPE_DATA,
                                 "plugin \"%s\" has an indirect function, which runs before it can "
                                 "be watched; build it without ifunc and target_clones",
                                 file->id);
        }
    }
    return TROUPE_OK;
}

static troupe_status make_copy(const struct file *file, int *ret_fd, struct error *err)
{
    int fd = memfd_create("troupe-held", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    uint64_t done = 0;

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("troupe-held", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    while (fd >= 0 && done < file->size) {
        ssize_t n = write(fd, file->data + done, file->size - done);

        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (uint64_t)n : 0;
    }
    if (fd >= 0 && done == file->size &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        *ret_fd = fd;
        return TROUPE_OK;
    }
    error_set(err, TROUPE_IO, "plugin \"%s\" cannot be copied for its trial: %s", file->id,
              strerror(errno));
    if (fd >= 0)
        close(fd);
    return TROUPE_IO;
}

troupe_status plugin_held_copy(int fd, const char *id, struct plugin_held *ret, int *ret_fd,
                               struct error *err)
{
    struct plugin_held held = {0};
    struct file file = {.id = id};
    struct stat info;
    troupe_status status;
    void *data = MAP_FAILED;

    if (fstat(fd, &info) == 0 && info.st_size > 0) {
        file.size = (uint64_t)info.st_size;
        data = mmap(NULL, file.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    }
    if (data == MAP_FAILED)
        return error_set(err, TROUPE_IO, "plugin \"%s\" cannot be mapped for its trial: %s", id,
                         strerror(errno));
    file.data = data;
    if ((status = read_segments(&file, err)) == TROUPE_OK &&
        (status = hide_constructors(&file, &held, err)) == TROUPE_OK &&
        (status = refuse_indirect(&file, err)) == TROUPE_OK &&
        (status = make_copy(&file, ret_fd, err)) == TROUPE_OK)
        *ret = held;
    munmap(data, file.size);
    return status;
}

void plugin_held_run(const struct plugin_held *held, void *handle)
{
    typedef void constructor(int argc, char **argv, char **envp);
    static char *none[] = {NULL};
    struct link_map *map = NULL;

    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || !map)
        return;
    if (held->init)
        ((constructor *)(uintptr_t)(map->l_addr + held->init))(0, none, none);
    for (uint64_t i = 0; i < held->array_count; i++)
        ((constructor **)(uintptr_t)(map->l_addr + held->array))[i](0, none, none);
}
