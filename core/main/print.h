/* SPDX-License-Identifier: Apache-2.0
 *
 * What commands print for people and, with --json, for programs. Text that came from elsewhere is
 * made safe for a terminal.
 */
#ifndef MAIN_PRINT_H
#define MAIN_PRINT_H

#include "base/error.h"
#include "config/config.h"

#include <jansson.h>
#include <stdio.h>

/* Indented lines "key: value"; a list of objects as a table of the members in `columns` (NULL at
 * the end; NULL: all simple members of the first). */
void print_value(FILE *out, const json_t *value, const char *const *columns);
void print_json(FILE *out, const json_t *value);
void print_text(FILE *out, const char *text); /* with a newline at its end */
/* "troupe: SENTENCE" on stderr. */
void print_failure(const char *text);
/* One line for each on stderr. */
void print_problems(const struct config_problems *problems);

#endif
