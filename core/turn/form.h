/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions that are answered by a form or a select: what may be answered, as the column `form` of a
 * wait has it, and what was. A form is opened by a button below the question, so that it can be opened
 * again, also by the next process: all that it takes is in the row. Pure but for turn_form_show.
 */
#ifndef TURN_FORM_H
#define TURN_FORM_H

#include "base/error.h"
#include "gateway/form.h"

#include <inttypes.h>

struct event;

/* Ids below a question, of its turn and wait: of the button that opens the form, of the form, of the
 * select. Those of plain buttons end in their number. */
#define TURN_FORM_ID_OPEN "t:%" PRId64 ":%" PRId64 ":open"
#define TURN_FORM_ID_SEND "t:%" PRId64 ":%" PRId64 ":form"
#define TURN_FORM_ID_PICK "t:%" PRId64 ":%" PRId64 ":pick"

enum turn_form { TURN_FORM_NONE, TURN_FORM_OPEN, TURN_FORM_SEND, TURN_FORM_PICK };

/* What a press is of; TURN_FORM_NONE: of nothing here. */
enum turn_form turn_form_parse(const char *press_id, int64_t *ret_wait);

/* The column. mem_free. */
char *turn_form_print_form(const struct gateway_form *form);
char *turn_form_print_select(const struct gateway_select *select);

/* Whether an answer of that kind holds what the column says: the list as it is kept (texts, one for each
 * field; or places as numbers that rise), mem_free; NULL with a sentence for its member. */
char *turn_form_take(const char *column, enum turn_form kind, const char *content, size_t len,
                     const char **ret_problem);
/* Has the gateway show the form to who pressed. TROUPE_UNSUPPORTED: it is none, or it has none.
 * [waits] */
troupe_status turn_form_show(const struct event *press, const char *column, int64_t turn,
                             int64_t wait);

#endif
