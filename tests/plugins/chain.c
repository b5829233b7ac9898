/* SPDX-License-Identifier: Apache-2.0
 *
 * Provides the service PROVIDES, declares CALLS, and writes down when it comes and goes. The journal
 * is named by the environment, which a trial's process does not have: so only agents of the test's
 * own process write.
 */
#include <troupe/troupe.h>

#include <stdio.h>
#include <stdlib.h>

TROUPE_SERVICE(link_of_chain, PROVIDES, "A link", 0)
static troupe_status link_of_chain(troupe_turn *turn)
{
    return troupe_reply(turn, "%s", troupe_agent(troupe_turn_host(turn)));
}

static void write_down(troupe_host *host, const char *what)
{
    const char *path = getenv("TROUPE_TEST_JOURNAL");
    FILE *journal = path ? fopen(path, "a") : NULL;

    if (!journal)
        return;
    fprintf(journal, "%s%s ", what, troupe_agent(host));
    fclose(journal);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    write_down(host, "+");
    *ret_state = NULL;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    (void)state;
    write_down(host, "-");
}

TROUPE_PLUGIN("org.example." PROVIDES, "1.0.0", "A link of a chain", .create = create,
              .destroy = destroy, .functions = TROUPE_LIST(link_of_chain), .capabilities = CALLS);
