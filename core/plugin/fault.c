/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fault.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

/* Takes `what`. */
static void add(struct plugin_faults *faults, const char *rule, const char *subject, char *what,
                const char *remedy)
{
    struct plugin_fault *fault;

    for (size_t i = 0; i < faults->count; i++)
        if (!strcmp(faults->items[i].rule, rule) && !strcmp(faults->items[i].subject, subject)) {
            mem_free(what);
            return;
        }
    if (faults->count == PLUGIN_MAX_FAULTS) {
        faults->more++;
        mem_free(what);
        return;
    }
    faults->items = mem_resize(faults->items, faults->count + 1, sizeof(*faults->items));
    fault = &faults->items[faults->count++];
    fault->rule = rule;
    fault->subject = mem_strdup(subject);
    fault->what = what;
    fault->remedy = mem_strdup(remedy);
}

void plugin_fault_add(struct plugin_faults *faults, const char *rule, const char *subject,
                      const char *remedy, const char *format, ...)
{
    _cleanup_buf_ struct buf what = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vprintf(&what, format, args);
    va_end(args);
    add(faults, rule, subject, mem_strdup(buf_text(&what)), remedy);
}

/* The sentence without the beginning that names the subject once more. */
static const char *behind_subject(const char *sentence, const char *subject)
{
    static const char *const beginnings[] = {"plugin file \"", "plugin \"", "\""};
    size_t len = strlen(subject);

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        const char *at = sentence + strlen(beginnings[i]);

        if (!text_starts(sentence, beginnings[i]) || strncmp(at, subject, len) != 0 ||
            at[len] != '"')
            continue;
        at += len + 1;
        at += *at == ':';
        return at + strspn(at, " ");
    }
    return sentence;
}

void plugin_fault_sentence(struct plugin_faults *faults, const char *rule, const char *subject,
                           const char *remedy, const char *sentence)
{
    const char *cut = NULL;

    sentence = behind_subject(sentence, subject);
    /* The remedy is the last part; where one is given, the host's own advice begins with the first. */
    for (const char *p = sentence; (p = strstr(p, "; ")) && !(remedy && cut); p += 2)
        cut = p;
    add(faults, rule, subject,
        cut ? mem_strndup(sentence, (size_t)(cut - sentence)) : mem_strdup(sentence),
        remedy ? remedy
        : cut  ? cut + 2
               : "correct it and build it again");
}

size_t plugin_faults_of(const struct plugin_faults *faults, const char *rule)
{
    size_t count = 0;

    for (size_t i = 0; i < faults->count; i++)
        count += !rule || !strcmp(faults->items[i].rule, rule);
    return count;
}

void plugin_faults_clear(struct plugin_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        mem_free(faults->items[i].subject);
        mem_free(faults->items[i].what);
        mem_free(faults->items[i].remedy);
    }
    mem_free(faults->items);
    *faults = (struct plugin_faults){0};
}
