/* SPDX-License-Identifier: Apache-2.0
 *
 * Modals and selects: what a message or a callback may ask for, under the documented limits, and what
 * a member's client makes of it.
 */
#ifndef DISCORD_FORMS_H
#define DISCORD_FORMS_H

#include "discord_text.h"

#include <jansson.h>
#include <stdbool.h>

struct discord;
struct discord_interaction;
struct discord_message;

/* What is wrong with the components of a message, or with the data of a modal; NULL: nothing. */
const char *discord_components_defect(struct discord_slice components);
const char *discord_modal_defect(const json_t *modal);

/* The data of a press on that component: a select gives the values at the places of `choice`, or where it
 * is NULL as many as it may, or else must, from the first. */
json_t *discord_press_data(const json_t *component, const json_t *choice, bool most_of_it);

/* The member submits the modal that the press `it` opened, with a text for each field; NULL: made up.
 * Returns the new interaction; NULL: no modal is open there. */
struct discord_interaction *discord_submit(struct discord *discord, struct discord_interaction *it,
                                           const json_t *values);

#endif
