/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes on doing harm: a message that kills its agent each time, an agent that dies again and again, a
 * plugin that asks on and on though it was told to return. The host has tests/plugins_turn/harm.c isolated
 * as the one stage of its messages.
 */
#ifndef TESTS_LONG_HOSTILE_LOOP_H
#define TESTS_LONG_HOSTILE_LOOP_H

#include "host.h"

/* What the host is started with. */
void hostile_loop_ini(const struct long_host *host);
/*
 * Each round is a message that kills the process twice (a dead letter, and the agent serves on) and three
 * kills more: by the fifth crash, and none before, the agent is switched off; a reload starts it. Before
 * them one of each loop around TROUPE_PARKED, at a time. What does not hold is a violation. The number
 * of things tried.
 */
unsigned long hostile_loop_run(struct long_host *host, unsigned long rounds);

#endif
