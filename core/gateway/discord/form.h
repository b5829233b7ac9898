/* SPDX-License-Identifier: Apache-2.0
 *
 * Selects and forms as Discord has them (components/reference.mdx): a string select is a row of its
 * own below a message, a form is a modal of labelled text inputs, which only a first response opens.
 * Pure.
 */
#ifndef GATEWAY_DISCORD_FORM_H
#define GATEWAY_DISCORD_FORM_H

#include "base/buf.h"
#include "base/json.h"
#include "gateway/form.h"

/* The row of a select, from gateway_components_print's JSON of it. */
void discord_select_write(const json_t *select, struct buf *out);
/* The callback that opens the form. mem_free. */
char *discord_form_callback(const struct gateway_form *form);
/* What a pressed component says beyond its id: the content of the press, a JSON list of the places that
 * were chosen; NULL for buttons. mem_free. */
char *discord_select_values(const json_t *data);
/* The texts of a submitted modal, in the order of its fields. mem_free. */
char *discord_form_values(const json_t *data);

#endif
