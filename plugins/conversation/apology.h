/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member reads when something does not work: one sentence or two in plain words with what can be done
 * about it, never a provider's text, an error code or a path.
 */
#ifndef CONVERSATION_APOLOGY_H
#define CONVERSATION_APOLOGY_H

#include <stddef.h>
#include <troupe/abi.h>

#define APOLOGY_MAX 512

/* What it is, of a few. */
enum apology {
    APOLOGY_TROUBLE,        /* a service does not work, or is not set up      */
    APOLOGY_TOO_SLOW,       /* it did not answer in time                      */
    APOLOGY_NOT_UNDERSTOOD, /* what was asked cannot be taken in as it is     */
    APOLOGY_NOT_ALLOWED,    /* by a right, a rule of the provider or a budget */
    APOLOGY_TOO_FAST,       /* the sentence has the seconds to wait           */
    APOLOGY_UNKNOWN,
    APOLOGIES
};

enum apology apology_of(troupe_status status, troupe_str code);
/* "trouble", "too slow" … */
const char *apology_name(enum apology apology);

/* `status`, `code` and `sentence` as a failed call left them. Writes what to say into `ret` and
 * returns the reason code for the trace: a constant. */
const char *apology_write(troupe_status status, troupe_str code, troupe_str sentence, char *ret,
                          size_t size);

#endif
