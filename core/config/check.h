/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/config only: the second step at work (check.c) and its sentences (report.c).
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/raw.h"

struct check {
    const struct config_raw *raw;
    const struct config_schema **schemas;
    size_t schema_count;
    unsigned flags;
    struct config *config;
    struct config_problems *problems;
};

/* The keys that one section may have. */
struct key_set {
    const struct config_key **keys;
    size_t count;
    struct map by_name;
    bool open;
};

/* `bad` is the part of the value that does not fit; `expanded`: it came from a reference. */
void check_report_misfit(const struct check *check, const struct config_section *section,
                         const struct config_key *key, const struct raw_entry *entry,
                         const char *bad, bool expanded);
void check_report_unknown(const struct check *check, const struct raw_section *raw,
                          const struct raw_entry *entry, const struct key_set *set);
/* Says nothing for a section that is switched off. */
void check_report_missing(const struct check *check, const struct config_section *section,
                          const struct config_key *key);
/* Whether tables know the section; when not, or not in this form, says so. */
bool check_section_known(const struct check *check, const struct raw_section *raw);

#endif
