/* SPDX-License-Identifier: Apache-2.0
 *
 * What the symbol tables tell: which names the plugin adds to the process, which it takes from it,
 * and what of its memory can be written.
 */
#include "base/text.h"
#include "loop/sanitize.h"
#include "plugin/check_private.h"

#include <dlfcn.h>
#include <string.h>

#define RULE_STATE "mutable"
#define REMEDY_STATE                                                                               \
    "make it const, put it into what create returns, or, if all agents of a process shall share "  \
    "it "                                                                                          \
    "and every access is atomic, mark it TROUPE_SHARED"
/* What a linker's own start files leave in .data and .bss, with padding. */
#define OWN_BYTES 64

struct symbols {
    Elf_Data *data;
    GElf_Shdr head;
    size_t count;
};

static struct symbols symbols_of(Elf_Scn *section)
{
    struct symbols symbols = {0};

    if (!section || !gelf_getshdr(section, &symbols.head) || !symbols.head.sh_entsize)
        return symbols;
    symbols.data = elf_getdata(section, NULL);
    symbols.count = symbols.data ? symbols.data->d_size / symbols.head.sh_entsize : 0;
    if (symbols.count > INT32_MAX)
        symbols.count = INT32_MAX;
    return symbols;
}

/* The i-th one's name; NULL where it has none. */
static const char *symbol_at(const struct check_file *file, const struct symbols *symbols, size_t i,
                             GElf_Sym *ret)
{
    const char *name;

    if (!gelf_getsym(symbols->data, (int)i, ret))
        return NULL;
    name = elf_strptr(file->elf, symbols->head.sh_link, ret->st_name);
    return name && *name ? name : NULL;
}

static bool starts_with_one(const char *name, const char *const *beginnings)
{
    for (; *beginnings; beginnings++)
        if (text_starts(name, *beginnings))
            return true;
    return false;
}

/* ---- exports ------------------------------------------------------------------------------- */

/* Names of the linker's, of start files and of sanitizers. */
static bool is_tools_own(const char *name)
{
    static const char *const beginnings[] = {"__odr_asan", "__asan_",     "__start_",
                                             "__stop_",    "__bss_start", NULL};
    static const char *const names[] = {"_init", "_fini", "_edata", "_end", "_DYNAMIC"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(name, names[i]))
            return true;
    return starts_with_one(name, beginnings);
}

static void check_export(struct check_file *file, const GElf_Sym *symbol, const char *name,
                         bool *entry)
{
    unsigned bind = GELF_ST_BIND(symbol->st_info), seen = GELF_ST_VISIBILITY(symbol->st_other);

    if (bind == STB_GNU_UNIQUE) {
        plugin_fault_add(file->faults, "unique", name, "build with -fno-gnu-unique",
                         "is a unique symbol, which keeps the plugin in memory for ever");
        return;
    }
    if ((bind != STB_GLOBAL && bind != STB_WEAK) || seen == STV_HIDDEN || seen == STV_INTERNAL)
        return;
    if (!strcmp(name, TROUPE_ENTRY_SYMBOL) && GELF_ST_TYPE(symbol->st_info) == STT_FUNC)
        *entry = true;
    else if (!is_tools_own(name))
        plugin_fault_add(file->faults, "export", name,
                         "make it static, or build with -fvisibility=hidden",
                         "is exported beside %s", TROUPE_ENTRY_SYMBOL);
}

/* ---- imports ------------------------------------------------------------------------------- */

/* Whether the i-th symbol was bound to a version of a library when the plugin was linked. */
static bool has_version(const struct check_file *file, size_t i)
{
    Elf_Data *data = file->versions ? elf_getdata(file->versions, NULL) : NULL;
    GElf_Versym version;

    return data && gelf_getversym(data, (int)i, &version) && (version & 0x7fff) > 1;
}

static bool is_provided(const struct check_file *file, const char *name)
{
#ifdef LOOP_SANITIZED
    static const char *const runtime[] = {"__asan_", "__ubsan_",     "__tsan_",
                                          "__lsan_", "__sanitizer_", NULL};

    /* Where the runtime is linked into the host. */
    if (starts_with_one(name, runtime))
        return true;
#endif
    for (size_t i = 0; i < file->library_count; i++)
        if (dlsym(file->libraries[i], name))
            return true;
    return false;
}

static void check_undefined(struct check_file *file, const GElf_Sym *symbol, size_t i,
                            const char *name)
{
    size_t before = file->faults->count;

    if (GELF_ST_BIND(symbol->st_info) == STB_WEAK)
        return;
    check_import(file->faults, name);
    if (file->faults->count > before || file->foreign || has_version(file, i) ||
        is_provided(file, name))
        return;
    plugin_fault_add(file->faults, "undefined", name,
                     "link what defines it, and link with -Wl,-z,defs to hear of it then",
                     "is defined neither by the plugin nor by a library that it may use");
}

static void check_dynamic_symbols(struct check_file *file)
{
    struct symbols symbols = symbols_of(file->dynsym);
    bool entry = false;

    for (size_t i = 1; i < symbols.count; i++) {
        GElf_Sym symbol;
        const char *name = symbol_at(file, &symbols, i, &symbol);

        if (!name)
            continue;
        if (symbol.st_shndx == SHN_UNDEF)
            check_undefined(file, &symbol, i, name);
        else
            check_export(file, &symbol, name, &entry);
    }
    if (!entry)
        plugin_fault_add(file->faults, "entry", TROUPE_ENTRY_SYMBOL,
                         "build it with TROUPE_PLUGIN() of troupe/troupe.h and keep that symbol "
                         "visible",
                         "is not exported");
}

/* ---- memory that can be written ------------------------------------------------------------ */

/* Sections that are written by the dynamic linker only, or declared by the author. */
static bool is_no_state(const char *section)
{
    static const char *const beginnings[] = {".data.rel.ro", ".init_array", ".fini_array",
                                             ".dynamic",     ".got",        ".tm_clone_table",
                                             "asan_globals", NULL};

    return starts_with_one(section, beginnings) || !strcmp(section, TROUPE_SHARED_SECTION);
}

static bool is_writable(const struct check_file *file, size_t index, const char **ret_section)
{
    Elf_Scn *section = index < SHN_LORESERVE ? elf_getscn(file->elf, index) : NULL;
    GElf_Shdr head;

    if (!section || !gelf_getshdr(section, &head))
        return false;
    *ret_section = check_section_name(file, &head);
    return (head.sh_flags & SHF_WRITE) && (head.sh_flags & SHF_ALLOC) && !is_no_state(*ret_section);
}

static void check_named_state(struct check_file *file)
{
    static const char *const own[] = {"completed.", "__dso_handle", "DW.ref.", "__asan",
                                      "__odr_asan", "__TMC_END__",  "__gcov",  NULL};
    struct symbols symbols = symbols_of(file->symtab);

    for (size_t i = 1; i < symbols.count; i++) {
        const char *section, *name;
        GElf_Sym symbol;
        unsigned type;

        name = symbol_at(file, &symbols, i, &symbol);
        type = GELF_ST_TYPE(symbol.st_info);
        if (!name || !symbol.st_size || (type != STT_OBJECT && type != STT_TLS) ||
            starts_with_one(name, own) || !is_writable(file, symbol.st_shndx, &section))
            continue;
        plugin_fault_add(file->faults, RULE_STATE, name, REMEDY_STATE,
                         type == STT_TLS ? "is thread-local state of %llu bytes (%s)"
                                         : "is a variable of %llu bytes that outlives a call (%s)",
                         (unsigned long long)symbol.st_size, section);
    }
}

/* Of a stripped file only sizes can be seen; a sanitizer keeps books of its own there. */
static void check_nameless_state(struct check_file *file)
{
#ifndef LOOP_SANITIZED
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(file->elf, section))) {
        const uint64_t both = SHF_WRITE | SHF_ALLOC;
        const char *name;
        GElf_Shdr head;

        if (!gelf_getshdr(section, &head) || (head.sh_flags & both) != both)
            continue;
        name = check_section_name(file, &head);
        if (is_no_state(name) || head.sh_size <= ((head.sh_flags & SHF_TLS) ? 0 : OWN_BYTES))
            continue;
        plugin_fault_add(file->faults, RULE_STATE, name, REMEDY_STATE,
                         "holds %llu bytes that can be written; the names are stripped, check the "
                         "file before that",
                         (unsigned long long)head.sh_size);
    }
#else
    (void)file;
#endif
}

void check_symbols(struct check_file *file)
{
    check_dynamic_symbols(file);
    if (file->symtab)
        check_named_state(file);
    else
        check_nameless_state(file);
}
