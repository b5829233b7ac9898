/* SPDX-License-Identifier: Apache-2.0
 *
 * Two passes. The first looks at the headers by hand and makes sure that every segment and section
 * lies inside the file, which libelf and the dynamic linker both take for granted in places. The
 * second reads note, dynamic section and symbols with libelf from the same memory.
 */
#include "plugin/note.h"

#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

#if defined(__x86_64__)
#define OUR_MACHINE      EM_X86_64
#define OUR_MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define OUR_MACHINE      EM_AARCH64
#define OUR_MACHINE_NAME "aarch64"
#else
#error "name this machine's ELF number here"
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_DATA ELFDATA2LSB
#else
#define OUR_DATA ELFDATA2MSB
#endif

#define MAX_SECTIONS 1024
#define MAX_SEGMENTS 64
#define MAX_SYMBOLS  (1u << 20)

struct reader {
    const unsigned char *data;
    size_t size;
    const char *path;
    struct error *err;
};

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "aarch64";
    case EM_386: return "i386";
    case EM_ARM: return "arm";
    case EM_RISCV: return "risc-v";
    case EM_PPC64: return "ppc64";
    default: return "another kind of machine";
    }
}

static troupe_status damaged(const struct reader *reader, const char *what)
{
    return error_set(
        reader->err, TROUPE_DATA,
        "plugin file \"%s\" is damaged or was not copied completely: %s; copy it again",
        reader->path, what);
}

/* Whether `count` elements of `each` bytes at `offset` are inside the file. */
static bool inside(const struct reader *reader, uint64_t offset, uint64_t count, uint64_t each)
{
    uint64_t bytes;

    return !__builtin_mul_overflow(count, each, &bytes) && offset <= reader->size &&
           bytes <= reader->size - offset;
}

static troupe_status check_header(const struct reader *reader, Elf64_Ehdr *ret)
{
    const unsigned char *ident = reader->data;

    if (reader->size < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return error_set(reader->err, TROUPE_DATA,
                         "\"%s\" is no shared object; give the .so that the plugin's build made",
                         reader->path);
    if (ident[EI_CLASS] == ELFCLASS32 || ident[EI_DATA] != OUR_DATA)
        return error_set(reader->err, TROUPE_VERSION,
                         "plugin file \"%s\" was built for %s, this host is 64-bit %s; install a "
                         "build for this machine",
                         reader->path,
                         ident[EI_CLASS] == ELFCLASS32 ? "a 32-bit machine"
                                                       : "the other byte order",
                         OUR_MACHINE_NAME);
    if (reader->size < sizeof(*ret))
        return damaged(reader, "it ends inside its header");
    memcpy(ret, reader->data, sizeof(*ret));
    if (ret->e_machine != OUR_MACHINE)
        return error_set(
            reader->err, TROUPE_VERSION,
            "plugin file \"%s\" was built for %s, this host is %s; install a build for "
            "this machine",
            reader->path, machine_name(ret->e_machine), OUR_MACHINE_NAME);
    if (ret->e_type != ET_DYN)
        return error_set(reader->err, TROUPE_DATA,
                         "\"%s\" is no shared object; build the plugin with -shared -fPIC",
                         reader->path);
    return TROUPE_OK;
}

/* The dynamic linker maps what the headers say and touches it: beyond the end is a SIGBUS. */
static troupe_status check_extent(const struct reader *reader, const Elf64_Ehdr *head)
{
    if (head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phnum == 0 ||
        head->e_phnum > MAX_SEGMENTS ||
        !inside(reader, head->e_phoff, head->e_phnum, sizeof(Elf64_Phdr)))
        return damaged(reader, "its segment headers are not inside it");
    for (unsigned i = 0; i < head->e_phnum; i++) {
        Elf64_Phdr segment;

        memcpy(&segment, reader->data + head->e_phoff + i * sizeof(segment), sizeof(segment));
        if (!inside(reader, segment.p_offset, segment.p_filesz, 1))
            return damaged(reader, "a segment reaches beyond its end");
        if (segment.p_type == PT_LOAD && segment.p_memsz > PLUGIN_MAX_FILE * 4)
            return damaged(reader, "a segment is larger than 256 MB");
    }
    /* The section headers stand at the end of what a linker writes: cut anywhere, they are gone. */
    if (head->e_shentsize != sizeof(Elf64_Shdr) || head->e_shnum == 0 ||
        head->e_shnum > MAX_SECTIONS ||
        !inside(reader, head->e_shoff, head->e_shnum, sizeof(Elf64_Shdr)))
        return damaged(reader, "its section headers are not inside it");
    for (unsigned i = 0; i < head->e_shnum; i++) {
        Elf64_Shdr section;

        memcpy(&section, reader->data + head->e_shoff + i * sizeof(section), sizeof(section));
        if (section.sh_type != SHT_NOBITS && !inside(reader, section.sh_offset, section.sh_size, 1))
            return damaged(reader, "a section reaches beyond its end");
    }
    return TROUPE_OK;
}

/* ---- the note ------------------------------------------------------------------------------ */

/* Whether `text` of `size` bytes is a NUL-terminated word of the note's alphabet. */
static bool is_word(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    if (len == 0 || len == size)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._+~-", text[i]))
            return false;
    return true;
}

static troupe_status take_note(const struct reader *reader, const void *bytes, size_t size,
                               struct plugin_note *ret)
{
    troupe_note note;

    if (size < sizeof(note))
        return damaged(reader, "its note is too short");
    memcpy(&note, bytes, sizeof(note));
    if (note.name_size != sizeof(TROUPE_NOTE_NAME) || note.type != TROUPE_NOTE_TYPE ||
        memcmp(note.name, TROUPE_NOTE_NAME, sizeof(TROUPE_NOTE_NAME)) != 0)
        return damaged(reader, "its note is not TROUPE's");
    /* Later minors may append to it. */
    if (note.desc_size < sizeof(note) - offsetof(troupe_note, abi_major))
        return damaged(reader, "its note is too short");
    if (!is_word(note.id, sizeof(note.id)) || !is_word(note.version, sizeof(note.version)))
        return error_set(
            reader->err, TROUPE_DATA,
            "plugin file \"%s\" has an id or version in its note that is no word of "
            "letters, digits and . _ + ~ -; correct TROUPE_PLUGIN() and build it again",
            reader->path);
    if (note.abi_major != TROUPE_ABI_MAJOR)
        return error_set(reader->err, TROUPE_VERSION,
                         "plugin \"%s\" was built for plugin ABI %u, this host has %u; install a "
                         "build for ABI %u",
                         note.id, note.abi_major, TROUPE_ABI_MAJOR, TROUPE_ABI_MAJOR);
    ret->abi_major = note.abi_major;
    ret->abi_minor = note.abi_minor;
    memcpy(ret->id, note.id, sizeof(ret->id));
    memcpy(ret->version, note.version, sizeof(ret->version));
    return TROUPE_OK;
}

/* The section called `name`, or of type `type` where `name` is NULL. */
static Elf_Scn *find_section(Elf *elf, const char *name, unsigned type, GElf_Shdr *ret)
{
    size_t names;
    Elf_Scn *section = NULL;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(elf, section))) {
        const char *found;

        if (!gelf_getshdr(section, ret))
            continue;
        if (!name) {
            if (ret->sh_type == type)
                return section;
            continue;
        }
        found = elf_strptr(elf, names, ret->sh_name);
        if (found && !strcmp(found, name))
            return section;
    }
    return NULL;
}

static troupe_status read_note(const struct reader *reader, Elf *elf, struct plugin_note *ret)
{
    GElf_Shdr head;
    Elf_Scn *section = find_section(elf, ".note.troupe", 0, &head);

    if (!section || head.sh_type == SHT_NOBITS)
        return error_set(reader->err, TROUPE_DATA,
                         "\"%s\" is no plugin: it has no section .note.troupe; build it with "
                         "TROUPE_PLUGIN() of troupe/troupe.h",
                         reader->path);
    return take_note(reader, reader->data + head.sh_offset, head.sh_size, ret);
}

/* ---- what pins it -------------------------------------------------------------------------- */

static void read_dynamic(Elf *elf, struct plugin_note *ret)
{
    GElf_Shdr head;
    Elf_Scn *section = find_section(elf, NULL, SHT_DYNAMIC, &head);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    size_t count = data && head.sh_entsize ? data->d_size / head.sh_entsize : 0;

    for (size_t i = 0; i < count; i++) {
        GElf_Dyn entry;

        if (!gelf_getdyn(data, (int)i, &entry) || entry.d_tag == DT_NULL)
            return;
        if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_NODELETE))
            ret->why_pinned = "it is marked NODELETE";
        if (entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_STATIC_TLS))
            ret->why_pinned = "it takes static thread-local storage";
    }
}

/* Looks for the entry symbol and for symbols that keep the image in memory. */
static troupe_status read_symbols(const struct reader *reader, Elf *elf, struct plugin_note *ret)
{
    GElf_Shdr head;
    Elf_Scn *section = find_section(elf, NULL, SHT_DYNSYM, &head);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    size_t count = data && head.sh_entsize ? data->d_size / head.sh_entsize : 0;
    bool entry_found = false;

    if (count > MAX_SYMBOLS)
        return damaged(reader, "it has more than a million symbols");
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        const char *name;

        if (!gelf_getsym(data, (int)i, &symbol))
            break;
        name = elf_strptr(elf, head.sh_link, symbol.st_name);
        if (!name)
            continue;
        if (symbol.st_shndx == SHN_UNDEF) {
            /* A thread-local destructor holds its image until the thread ends. */
            if (text_starts(name, "__cxa_thread_atexit"))
                ret->why_pinned = "it has thread-local destructors";
            continue;
        }
        if (GELF_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE)
            ret->why_pinned = "it has unique symbols (build C++ with -fno-gnu-unique)";
        if (!strcmp(name, TROUPE_ENTRY_SYMBOL) && GELF_ST_TYPE(symbol.st_info) == STT_FUNC)
            entry_found = true;
    }
    if (!entry_found)
        return error_set(reader->err, TROUPE_DATA,
                         "plugin file \"%s\" does not export %s; build it with TROUPE_PLUGIN() of "
                         "troupe/troupe.h and keep that symbol visible",
                         reader->path, TROUPE_ENTRY_SYMBOL);
    return TROUPE_OK;
}

troupe_status plugin_note_sound(const void *data, size_t size, const char *path, struct error *err)
{
    const struct reader reader = {.data = data, .size = size, .path = path, .err = err};
    Elf64_Ehdr head;
    troupe_status status = check_header(&reader, &head);

    return status < 0 ? status : check_extent(&reader, &head);
}

troupe_status plugin_note_read(const void *data, size_t size, const char *path,
                               struct plugin_note *ret, struct error *err)
{
    struct reader reader = {.data = data, .size = size, .path = path, .err = err};
    struct plugin_note note = {.why_pinned = ""};
    Elf64_Ehdr head;
    troupe_status status;
    Elf *elf;

    if ((status = check_header(&reader, &head)) < 0 || (status = check_extent(&reader, &head)) < 0)
        return status;
    if (elf_version(EV_CURRENT) == EV_NONE)
        return error_set(err, TROUPE_UNSUPPORTED, "libelf is older than its header");
    /* libelf takes char * and does not write: the descriptor is opened for reading. */
    elf = elf_memory((char *)(uintptr_t)data, size);
    if (!elf)
        return damaged(&reader, "libelf cannot read it");
    status = read_note(&reader, elf, &note);
    if (status == TROUPE_OK) {
        read_dynamic(elf, &note);
        status = read_symbols(&reader, elf, &note);
    }
    elf_end(elf);
    if (status < 0)
        return status;
    note.pins_itself = *note.why_pinned != '\0';
    *ret = note;
    return TROUPE_OK;
}
