/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of others that a plugin calls, and whether it declared them. Their names are constants: in C
 * the headers put those of troupe_call and troupe_open into a section of their own, and of the services
 * with a well-known name a constant is sought in any language. A name that is put together or chosen at
 * run time is not seen; the host refuses such a call then.
 */
#include "base/json.h"
#include "plugin/check_private.h"

#include <string.h>
#include <troupe/services.h>

#define SECTION       ".troupe.calls"
#define CALL_NAME_MAX 96

static const char *const services[] = {TROUPE_SERVICE_LLM_CHAT};

/* Whether it may be a function's name at all: the section of a damaged file holds anything. */
static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= '0' && text[i] <= '9') &&
            !strchr("._-", text[i]))
            return false;
    return len > 0 && len <= CALL_NAME_MAX;
}

/* Once each; the list ends with "". */
static void add(char calls[PLUGIN_CHECK_CALLS], const char *name, size_t len)
{
    char *at = calls;

    for (; *at; at += strlen(at) + 1)
        if (strlen(at) == len && memcmp(at, name, len) == 0)
            return;
    if (len + 2 > (size_t)(calls + PLUGIN_CHECK_CALLS - at))
        return;
    memcpy(at, name, len);
    at[len] = at[len + 1] = '\0';
}

static void add_marked(struct check_file *file, const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t len = strnlen(data + at, size - at);

        if (at + len < size && is_name(data + at, len))
            add(file->checked->calls, data + at, len);
        at += len + 1;
    }
}

static void add_services(struct check_file *file, const char *data, size_t size)
{
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        /* With its NUL. */
        size_t len = strlen(services[i]) + 1;
        const char *at = data, *end = data + size;

        while ((at = memmem(at, (size_t)(end - at), services[i], len))) {
            if (at == data || at[-1] == '\0')
                add(file->checked->calls, services[i], len - 1);
            at += len;
        }
    }
}

void check_calls(struct check_file *file)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(file->elf, section))) {
        const char *data;
        GElf_Shdr head;

        if (!gelf_getshdr(section, &head) || head.sh_type != SHT_PROGBITS ||
            !(head.sh_flags & SHF_ALLOC) || (head.sh_flags & SHF_EXECINSTR))
            continue;
        data = (const char *)file->data + head.sh_offset;
        if (!strcmp(check_section_name(file, &head), SECTION))
            add_marked(file, data, head.sh_size);
        else
            add_services(file, data, head.sh_size);
    }
}

/* ---- what was declared ---------------------------------------------------------------------- */

/* Of the plugin itself, "roll" or "dice.roll", whatever its agent will be called. */
static bool is_own(const json_t *functions, const char *name)
{
    const char *dot = strchr(name, '.');
    const json_t *function;
    size_t i;

    json_array_foreach (functions, i, function) {
        const char *known = json_get_str(function, "name", "");

        if (!strcmp(known, name) || (dot && !strcmp(known, dot + 1)))
            return true;
    }
    return false;
}

static bool is_declared(const json_t *words, const char *name)
{
    static const char call[] = "call:", attempt[] = "try:";
    const json_t *word;
    size_t i;

    json_array_foreach (words, i, word) {
        const char *text = json_string_value(word);

        if (text && !strncmp(text, call, sizeof(call) - 1) &&
            !strcmp(text + sizeof(call) - 1, name))
            return true;
        if (text && !strncmp(text, attempt, sizeof(attempt) - 1) &&
            !strcmp(text + sizeof(attempt) - 1, name))
            return true;
    }
    return false;
}

void check_called(struct plugin_faults *faults, const char *calls, const json_t *answer)
{
    const json_t *words = json_object_get(answer, "capabilities");
    const json_t *functions = json_object_get(answer, "functions");

    for (const char *name = calls; *name; name += strlen(name) + 1)
        if (!is_own(functions, name) && !is_declared(words, name))
            plugin_fault_add(faults, "capability", name,
                             "add the word to .capabilities of TROUPE_PLUGIN(), or leave the call "
                             "out",
                             "is called, and the capability \"call:%s\" is not declared", name);
}
