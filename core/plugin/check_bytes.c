/* SPDX-License-Identifier: Apache-2.0
 *
 * The file as a whole: segments, the dynamic section, the note. Unlike note.c, which stops at the
 * first thing that is wrong, this goes on and gathers.
 */
#include "base/text.h"
#include "loop/sanitize.h"
#include "plugin/check_private.h"

#include <ctype.h>
#include <dlfcn.h>
#include <string.h>

const char *check_section_name(const struct check_file *file, const GElf_Shdr *head)
{
    size_t names;
    const char *name = NULL;

    if (elf_getshdrstrndx(file->elf, &names) == 0)
        name = elf_strptr(file->elf, names, head->sh_name);
    return name ? name : "";
}

static void find_sections(struct check_file *file)
{
    Elf_Scn *section = NULL;
    GElf_Shdr head;

    while ((section = elf_nextscn(file->elf, section))) {
        if (!gelf_getshdr(section, &head))
            continue;
        switch (head.sh_type) {
        case SHT_DYNAMIC: file->dynamic = section; break;
        case SHT_DYNSYM: file->dynsym = section; break;
        case SHT_SYMTAB: file->symtab = section; break;
        case SHT_GNU_versym: file->versions = section; break;
        case SHT_NOTE:
        case SHT_PROGBITS:
            if (!strcmp(check_section_name(file, &head), ".note.troupe"))
                file->note = section;
            break;
        default: break;
        }
    }
}

/* ---- segments ------------------------------------------------------------------------------ */

static void check_segments(struct check_file *file)
{
    bool stack = false;
    size_t count;

    if (elf_getphdrnum(file->elf, &count) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;

        if (!gelf_getphdr(file->elf, (int)i, &segment))
            continue;
        if (segment.p_type == PT_GNU_STACK && !(segment.p_flags & PF_X))
            stack = true;
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) && (segment.p_flags & PF_W))
            plugin_fault_add(file->faults, "write-execute", "segment",
                             "link without -N and without a linker script that merges them",
                             "is both writable and executable");
    }
    if (!stack)
        plugin_fault_add(file->faults, "exec-stack", "GNU_STACK",
                         "take the address of no nested function, give assembly a "
                         ".note.GNU-stack section, and link with -Wl,-z,noexecstack",
                         "makes every stack of the host executable");
}

/* ---- the dynamic section ------------------------------------------------------------------- */

static bool may_need(const char *library)
{
    static const char *const stems[] = {
        "libc.so.",    "libm.so.",     "libgcc_s.so.", "libstdc++.so.",  "libpthread.so.",
        "libdl.so.",   "librt.so.",    "ld-linux",     "libjansson.so.",
#ifdef LOOP_SANITIZED
        "libasan.so.", "libubsan.so.", "libtsan.so.",
#endif
    };

    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++)
        if (text_starts(library, stems[i]) && !strchr(library, '/'))
            return true;
    return false;
}

static void check_library(struct check_file *file, const char *library)
{
    void *handle;

    if (!may_need(library)) {
        file->foreign = true;
        plugin_fault_add(
            file->faults, "library", library,
            "use the host's services (troupe/http.h, troupe/sql.h …), or link what you "
            "need statically with hidden symbols",
            "is needed, and would be shared with the host and every other plugin");
        return;
    }
    /* A library of the system, which runs no code of the plugin's. */
    handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    if (handle && file->library_count < CHECK_MAX_LIBRARIES)
        file->libraries[file->library_count++] = handle;
    else if (handle)
        dlclose(handle);
    else
        plugin_fault_add(file->faults, "library", library,
                         "install it, or build the plugin on this system",
                         "is needed and not installed here");
}

static void check_entry(struct check_file *file, const GElf_Dyn *entry, const char *text)
{
    uint64_t value = entry->d_un.d_val;
    bool text_relocation = entry->d_tag == DT_TEXTREL;

    if (entry->d_tag == DT_NEEDED && text)
        check_library(file, text);
    if (entry->d_tag == DT_FLAGS && (value & DF_TEXTREL))
        text_relocation = true;
    if (text_relocation)
        plugin_fault_add(file->faults, "text-relocation", "TEXTREL",
                         "build every object with -fPIC and link with -Wl,-z,text",
                         "has the dynamic linker write into the code");
    if (entry->d_tag == DT_FLAGS && (value & DF_STATIC_TLS))
        plugin_fault_add(file->faults, "static-tls", "STATIC_TLS",
                         "keep no thread-local variables, and build without -ftls-model",
                         "takes thread-local storage that the host cannot give back");
    if (entry->d_tag == DT_FLAGS_1 && (value & DF_1_NODELETE))
        plugin_fault_add(file->faults, "nodelete", "NODELETE", "link without -Wl,-z,nodelete",
                         "keeps the plugin in memory after it was replaced");
}

static void check_dynamic(struct check_file *file)
{
    GElf_Shdr head;
    Elf_Data *data = file->dynamic && gelf_getshdr(file->dynamic, &head)
                         ? elf_getdata(file->dynamic, NULL)
                         : NULL;
    size_t count = data && head.sh_entsize ? data->d_size / head.sh_entsize : 0;

    for (size_t i = 0; i < count; i++) {
        const char *text = NULL;
        GElf_Dyn entry;

        if (!gelf_getdyn(data, (int)i, &entry) || entry.d_tag == DT_NULL)
            return;
        if (entry.d_tag == DT_NEEDED)
            text = elf_strptr(file->elf, head.sh_link, entry.d_un.d_val);
        check_entry(file, &entry, text);
    }
}

/* ---- the note ------------------------------------------------------------------------------ */

static bool is_word(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._+~-", text[i]))
            return false;
    return len > 0 && len < size;
}

static void check_note(struct check_file *file)
{
    static const char remedy[] = "build it with TROUPE_PLUGIN() of troupe/troupe.h";
    struct plugin_note *ret = &file->checked->note;
    troupe_note note;
    GElf_Shdr head;

    if (!file->note || !gelf_getshdr(file->note, &head)) {
        plugin_fault_add(file->faults, "note", ".note.troupe", remedy, "is missing");
        return;
    }
    if (head.sh_size < sizeof(note)) {
        plugin_fault_add(file->faults, "note", ".note.troupe", remedy, "is too short");
        return;
    }
    memcpy(&note, file->data + head.sh_offset, sizeof(note));
    if (note.name_size != sizeof(TROUPE_NOTE_NAME) || note.type != TROUPE_NOTE_TYPE ||
        memcmp(note.name, TROUPE_NOTE_NAME, sizeof(TROUPE_NOTE_NAME)) != 0 ||
        note.desc_size < sizeof(note) - offsetof(troupe_note, abi_major)) {
        plugin_fault_add(file->faults, "note", ".note.troupe", remedy, "is not TROUPE's");
        return;
    }
    if (note.abi_major != TROUPE_ABI_MAJOR)
        plugin_fault_add(file->faults, "major", ".note.troupe",
                         "build it with the headers of an SDK for this host's ABI",
                         "says plugin ABI %u, this host has %u", note.abi_major, TROUPE_ABI_MAJOR);
    if (!is_word(note.id, sizeof(note.id)) || !is_word(note.version, sizeof(note.version))) {
        plugin_fault_add(file->faults, "note", ".note.troupe", "correct TROUPE_PLUGIN()",
                         "has an id or version that is no word of letters, digits and . _ + ~ -");
        return;
    }
    ret->abi_major = note.abi_major;
    ret->abi_minor = note.abi_minor;
    memcpy(ret->id, note.id, sizeof(ret->id));
    memcpy(ret->version, note.version, sizeof(ret->version));
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* What the dynamic linker or the runner would stumble over was told already. */
static bool is_loadable(const struct check_file *file)
{
    static const char *const obstacles[] = {"note",       "major",        "entry",
                                            "library",    "undefined",    "text-relocation",
                                            "exec-stack", "write-execute"};

    for (size_t i = 0; i < sizeof(obstacles) / sizeof(obstacles[0]); i++)
        if (plugin_faults_of(file->faults, obstacles[i]))
            return false;
    return true;
}

void plugin_check_bytes(const void *data, size_t size, const char *path,
                        struct plugin_faults *faults, struct plugin_checked *ret)
{
    struct check_file file = {.data = data, .size = size, .faults = faults, .checked = ret};
    struct error err;

    *ret = (struct plugin_checked){.note = {.why_pinned = ""}};
    if (plugin_note_sound(data, size, path, &err) < 0) {
        plugin_fault_sentence(faults, "file", path, NULL, err.text);
        return;
    }
    /* libelf takes char * and does not write: the descriptor is opened for reading. */
    if (elf_version(EV_CURRENT) == EV_NONE ||
        !(file.elf = elf_memory((char *)(uintptr_t)data, size))) {
        plugin_fault_add(faults, "file", path, "copy it again", "cannot be read by libelf");
        return;
    }
    find_sections(&file);
    check_segments(&file);
    check_dynamic(&file);
    check_symbols(&file);
    check_note(&file);
    ret->uses = check_uses(&file);
    check_calls(&file);
    ret->loadable = is_loadable(&file);
    for (size_t i = 0; i < file.library_count; i++)
        dlclose(file.libraries[i]);
    elf_end(file.elf);
}
