/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe doctor`: one check a line, each with what to do where it does not hold. It changes nothing;
 * the one thing that it spends is a cheap question to the language model.
 */
#ifndef MAIN_DOCTOR_H
#define MAIN_DOCTOR_H

#include "main/setup.h"

#include <jansson.h>

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
    struct options *options;
    struct setup setup;
    char *path;            /* of the configuration; NULL: there is none          */
    struct config *config; /* what can be read of it; never NULL while it checks */
    bool holds;            /* the configuration does, as a whole                  */
    json_t *host;          /* `status` of the host that runs; NULL: none          */
    json_t *lines;         /* what was found                                      */
    unsigned warned, failed;
};

/* Adds a finding; it is printed at once, unless as JSON. `remedy` may be NULL. */
void doctor_say(struct doctor *doctor, enum doctor_level level, const char *check,
                const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Each adds the lines of its part. */
void doctor_files(struct doctor *doctor);    /* modes, directories, room          */
void doctor_host(struct doctor *doctor);     /* a host that runs, or its database */
void doctor_discord(struct doctor *doctor);  /* token, intents, gateway, clock    */
void doctor_provider(struct doctor *doctor); /* language model and budget         */
void doctor_system(struct doctor *doctor);   /* limits of the machine             */

#endif
