/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake LLM and the fake Discord as children of a test program: found by their base URL, and gone
 * when the test is, whatever becomes of the test (they watch their standard input).
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include <sys/types.h>

struct fake_llm {
    pid_t pid;
    int stdin_fd;
    int port;
    char url[64]; /* "http://127.0.0.1:PORT" */
};

/* Starts $TROUPE_BUILDDIR/troupe-fake-llm (the working directory's without the variable) with the
 * model "fake-1" and the JSON script (NULL: the echo), and waits until it listens. Fails the
 * running test when it cannot. */
void fake_llm_start(struct fake_llm *fake, const char *script);
void fake_llm_stop(struct fake_llm *fake);

/* $TROUPE_BUILDDIR/troupe-fake-discord with these options (up to a NULL), the same way; its REST API
 * is below "/api/v10", what drives it below "/_fake". */
void fake_discord_start(struct fake_llm *fake, const char *const *options);

#endif
