/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake LLM as a child of a test program: started with a script, found by its base URL, and
 * gone when the test is, whatever becomes of the test (it watches its standard input).
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

#endif
