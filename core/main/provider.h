/* SPDX-License-Identifier: Apache-2.0
 *
 * One cheap question to the language model that a configuration names, asked the way a member's would
 * be: by its plugins, against its caps, through the host's network. The host that asks has a data
 * directory for this call alone and stays off Discord; so a price that is not known, a cap of nothing
 * and a plugin that does not load show here, too.
 */
#ifndef MAIN_PROVIDER_H
#define MAIN_PROVIDER_H

#include "base/error.h"
#include "main/setup.h"

struct provider_test {
    const struct setup *setup; /* for paths; its options' sets hold, but for where data is kept */
    const char *config_path;
    const char *scratch;                            /* an empty directory, the caller's to remove */
    void (*signaled)(void *arg, int signal_number); /* as in solo.h */
    void *signal_arg;
    /* Filled in. */
    troupe_status status; /* TROUPE_CONFIG: the configuration does not hold; TROUPE_NOT_FOUND: no
                           * agent offers llm.chat                                               */
    struct error error;
    char model[200];
    int64_t cost_micros, ms;
    bool estimated; /* the provider did not say what it counted */
};

void provider_test_run(struct provider_test *test);
/* The same to a host that runs, by its control socket: {"function": …, "arguments": …} of "call". */
json_t *provider_question(void);
/* Reads the result of llm.chat. */
void provider_read(const json_t *result, struct provider_test *test);
/* "MODEL answers after 312 ms; that cost 0.000004 USD". */
void provider_print(const struct provider_test *test, char *ret, size_t size);

#endif
