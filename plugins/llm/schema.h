/* SPDX-License-Identifier: Apache-2.0
 *
 * A small checker of JSON against a JSON schema. It knows "type" (one or several), "properties",
 * "required", "additionalProperties" (true, false or a schema), "items" (one schema), "minItems",
 * "maxItems", "enum", "const", "minimum", "maximum", "minLength" and "maxLength"; "title", "description",
 * "default", "examples" and "$schema" say nothing. A schema with anything else is refused, because an
 * answer must not pass for checked where it was not.
 */
#ifndef LLM_SCHEMA_H
#define LLM_SCHEMA_H

#include "json.h"

#include <troupe/status.h>

#define LLM_SCHEMA_MAX     ((size_t)16 * 1024) /* bytes of a schema */
#define LLM_SCHEMA_DEPTH   16
#define LLM_SCHEMA_PROBLEM 200

/* Whether it can be checked against; else `problem`, of LLM_SCHEMA_PROBLEM bytes, says what it has that
 * is not known. TROUPE_ARGUMENT. */
troupe_status llm_schema_valid(const json_t *schema, char *problem);

/* Whether a value holds a valid schema; else `problem` says where it does not, and what was expected, in
 * words for the model that wrote it. TROUPE_DATA. */
troupe_status llm_schema_check(const json_t *schema, const json_t *value, char *problem);

#endif
