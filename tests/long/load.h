/* SPDX-License-Identifier: Apache-2.0
 *
 * A steady load of chat messages on a host's control socket, from a thread of its own. Each message
 * carries a number that its answer repeats: the ledger of what was lost, doubled and how long each
 * took from the moment it was due, so a host that holds up the sender is not spared.
 */
#ifndef TESTS_LONG_LOAD_H
#define TESTS_LONG_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_PHASES 4

struct load;

struct load_figures {
    uint64_t messages, lost, doubled;
    uint64_t p50_us, p99_us, max_us;
};

/* Connects `connections` chats of `members` members each, which take turns. Exits on failure. */
struct load *load_start(const char *socket, unsigned connections, unsigned members, unsigned rate);
/* Messages that are due from now on count for this phase. */
void load_phase(struct load *load, unsigned phase);
/* Answers so far. */
uint64_t load_answered(const struct load *load);
/* Sends no more, waits at most `wait_ms` for what is open, ends the thread. */
void load_stop(struct load *load, uint64_t wait_ms);
/* After load_stop. */
void load_figures(const struct load *load, unsigned phase, struct load_figures *ret);
/* Connections that the host closed. */
unsigned load_broken(const struct load *load);
void load_free(struct load *load);

#endif
