/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member reads when something does not work: one sentence or two in plain words, never a
 * provider's text, an error code or a path.
 */
#ifndef CONVERSATION_APOLOGY_H
#define CONVERSATION_APOLOGY_H

#include <stddef.h>
#include <troupe/abi.h>

#define APOLOGY_MAX 512

/* `status`, `code` and `sentence` as a failed call left them. Writes what to say into `ret` and
 * returns the reason code for the trace: a constant. */
const char *apology_write(troupe_status status, troupe_str code, troupe_str sentence, char *ret,
                          size_t size);

#endif
