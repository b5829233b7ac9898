/* SPDX-License-Identifier: Apache-2.0
 *
 * What a message may have below its text beside plain buttons, and what a member fills in: choices of
 * which some are taken, and forms. Each gateway shows them in its own way; an answer comes back as an
 * event of kind "press" with the id of that, whose content is a JSON list: the places that were chosen,
 * as texts ("0" is the first), or the text of each field.
 */
#ifndef GATEWAY_FORM_H
#define GATEWAY_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gateway_button;

#define GATEWAY_OPTIONS_MAX     25    /* of a select                                     */
#define GATEWAY_OPTION_TEXT     100   /* characters of an option's label and description */
#define GATEWAY_FIELDS_MAX      5     /* of a form                                       */
#define GATEWAY_TITLE_TEXT      45    /* characters of a form's title and of a label     */
#define GATEWAY_FIELD_HINT      100   /* of what an empty field shows                    */
#define GATEWAY_FIELD_TEXT      4000  /* of what a field holds                           */
#define GATEWAY_FORM_ANSWER_MAX 61440 /* bytes of the list that comes back               */

struct gateway_option {
    const char *label, *description; /* description: NULL: none */
    bool chosen;                     /* until the member says otherwise */
};

/* One choice, or several of them: `min` to `max`. */
struct gateway_select {
    const char *id;
    const struct gateway_option *options;
    size_t count;
    unsigned min, max;
};

struct gateway_field {
    const char *label;
    const char *hint;  /* NULL: none                     */
    const char *value; /* what stands in it; NULL: empty */
    unsigned min, max; /* characters                     */
    bool paragraph;    /* of several lines               */
    bool required;
};

struct gateway_form {
    const char *id, *title;
    const struct gateway_field *fields;
    size_t count;
};

/* The column `buttons` of a row of the outbox: buttons, or where it is not NULL the select:
 * [{"id", "min", "max", "options": [{"label", "description", "chosen"}]}]. NULL where there is
 * nothing. mem_free. */
char *gateway_components_print(const struct gateway_select *select,
                               const struct gateway_button *buttons, size_t count);

#endif
