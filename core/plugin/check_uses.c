/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the host's extensions a plugin asks for, and whether it declared what they need. The ids
 * are constants of the image ("troupe.kv/1"), also where the headers' inline functions ask, so they
 * can be read without running a turn. One that is put together at run time is not seen; the host
 * refuses its calls then.
 */
#include "base/text.h"
#include "plugin/check_private.h"

#include <ctype.h>
#include <string.h>
#include <troupe/attach.h>
#include <troupe/blobs.h>
#include <troupe/budget.h>
#include <troupe/cache.h>
#include <troupe/files.h>
#include <troupe/http.h>
#include <troupe/kv.h>
#include <troupe/owner.h>
#include <troupe/schedule.h>
#include <troupe/sql.h>
#include <troupe/texts.h>
#include <troupe/tools.h>
#include <troupe/vectors.h>

/* Bit i of plugin_checked.uses is row i. */
static const struct {
    const char *extension, *capability; /* with ":" at its end: and a name */
} guarded[] = {
    {TROUPE_KV, "kv"},
    {TROUPE_SQL, "sql"},
    {TROUPE_HTTP, "http:"},
    {TROUPE_BUDGET_EXTENSION, "budget"},
    {TROUPE_TOOLS, "tools"},
    {TROUPE_FILES, "files"},
    {TROUPE_SCHEDULE, "schedule"},
    {TROUPE_VECTORS, "vectors"},
    {TROUPE_CACHE, "cache"},
    {TROUPE_TEXTS, "texts"},
    {TROUPE_ATTACH, "attach"},
    {TROUPE_OWNER_EXTENSION, "owner"},
    {TROUPE_BLOBS, "blobs"},
};

#define GUARDED (sizeof(guarded) / sizeof(guarded[0]))

/* Whether the byte may stand beside an id: those of `needs` have blanks between them. */
static bool is_edge(unsigned char byte)
{
    return byte == '\0' || byte == ' ';
}

static uint32_t scan(const unsigned char *data, size_t size)
{
    uint32_t uses = 0;

    for (size_t i = 0; i < GUARDED; i++) {
        const char *id = guarded[i].extension;
        size_t len = strlen(id);
        const unsigned char *at = data, *end = data + size;

        while ((at = memmem(at, (size_t)(end - at), id, len))) {
            if ((at == data || is_edge(at[-1])) && (at + len == end || is_edge(at[len]))) {
                uses |= 1u << i;
                break;
            }
            at += len;
        }
    }
    return uses;
}

uint32_t check_uses(const struct check_file *file)
{
    Elf_Scn *section = NULL;
    uint32_t uses = 0;

    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr head;

        if (gelf_getshdr(section, &head) && head.sh_type == SHT_PROGBITS &&
            (head.sh_flags & SHF_ALLOC) && !(head.sh_flags & SHF_EXECINSTR))
            uses |= scan(file->data + head.sh_offset, head.sh_size);
    }
    return uses;
}

static bool is_declared(const json_t *words, const char *capability)
{
    bool named = capability[strlen(capability) - 1] == ':';
    const json_t *word;
    size_t i;

    json_array_foreach (words, i, word) {
        const char *text = json_string_value(word);

        if (text && (named ? text_starts(text, capability) : !strcmp(text, capability)))
            return true;
    }
    return false;
}

void check_user_data(struct plugin_faults *faults, uint32_t minor, const json_t *answer)
{
    if (minor < 6 || json_integer_value(json_object_get(answer, "migrations")) == 0 ||
        json_integer_value(json_object_get(answer, "user_data")) > 0)
        return;
    plugin_fault_add(faults, "user-data", "migrations",
                     "add .user_data = TROUPE_USER_DATA(…) to TROUPE_PLUGIN(), with "
                     "TROUPE_USER_NOTHING where the tables hold nothing about members",
                     "makes tables, and nothing says what they keep about members");
}

void check_declared(struct plugin_faults *faults, uint32_t uses, const json_t *answer)
{
    const json_t *words = json_object_get(answer, "capabilities");
    bool endpoints = json_integer_value(json_object_get(answer, "endpoints")) > 0;

    for (size_t i = 0; i < GUARDED; i++) {
        const char *capability = guarded[i].capability;

        if (!(uses & (1u << i)) || is_declared(words, capability))
            continue;
        if (strcmp(capability, "http:") != 0)
            plugin_fault_add(
                faults, "capability", guarded[i].extension,
                "add the word to .capabilities of TROUPE_PLUGIN(), or leave the use out",
                "is asked for, and the capability \"%s\" is not declared", capability);
        else if (!endpoints)
            plugin_fault_add(faults, "capability", guarded[i].extension,
                             "add http:HOST to .capabilities of TROUPE_PLUGIN(), or declare a URL "
                             "key with TROUPE_KEY_ENDPOINT",
                             "is asked for, and no host is declared that it may reach");
    }
}
