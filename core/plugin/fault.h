/* SPDX-License-Identifier: Apache-2.0
 *
 * What a check of a plugin's file found: which rule, on what, how it is broken and how to mend it.
 */
#ifndef PLUGIN_FAULT_H
#define PLUGIN_FAULT_H

#include "base/error.h"

#include <stddef.h>

#define PLUGIN_MAX_FAULTS 200

struct plugin_fault {
    const char *rule;    /* a constant: "export", "thread", … (docs/abi.md lists them) */
    char *subject;       /* the symbol, library or section; text of the file's          */
    char *what, *remedy; /* two halves of one sentence                                  */
};

/* A zeroed struct is empty. */
struct plugin_faults {
    struct plugin_fault *items;
    size_t count;
    size_t more; /* that were found beyond PLUGIN_MAX_FAULTS */
};

/* The same rule on the same subject counts once. */
void plugin_fault_add(struct plugin_faults *faults, const char *rule, const char *subject,
                      const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* From a sentence of error.h's form, "what; remedy"; `remedy` stands in for its own, NULL: none does. */
void plugin_fault_sentence(struct plugin_faults *faults, const char *rule, const char *subject,
                           const char *remedy, const char *sentence);
/* How many faults there are against the rule; NULL: all of them. */
size_t plugin_faults_of(const struct plugin_faults *faults, const char *rule);
void plugin_faults_clear(struct plugin_faults *faults);

#endif
