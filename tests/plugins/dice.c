/* SPDX-License-Identifier: Apache-2.0
 *
 * A well-behaved plugin with functions, config and a counter in its static data. Built several times
 * with another VERSION, so that tests can replace one build by another.
 */
#include <troupe/troupe.h>

#include <string.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif

/* Declared mutable data: tells whether two builds share an image. */
static int64_t rolls;

TROUPE_FUNCTION(roll, "Roll dice", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_INT(sides, "Sides of a die", .min = 2, .max = 1000, .def = 6),
                TROUPE_INT(count, "How many dice", .min = 1, .max = 100, .def = 1))
static troupe_status roll(troupe_turn *turn, int64_t sides, int64_t count)
{
    rolls++;
    return troupe_reply(turn, VERSION " %s %lld %lld #%lld", troupe_agent(troupe_turn_host(turn)),
                        (long long)sides, (long long)count, (long long)rolls);
}

TROUPE_FUNCTION(version, "The build that answers", TROUPE_SLASH)
static troupe_status version(troupe_turn *turn)
{
    return troupe_reply(turn, VERSION);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    if (troupe_config_int(host, "luck", 0) == 13) {
        troupe_log(host, TROUPE_LOG_INFO, "looking at the luck");
        troupe_log(host, TROUPE_LOG_ERROR, "a luck of 13 cannot be; choose another number");
        troupe_log(host, TROUPE_LOG_INFO, "giving up");
        return TROUPE_CONFIG;
    }
    *ret_state = troupe_alloc(host, 64);
    return *ret_state ? TROUPE_OK : TROUPE_NOMEM;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

TROUPE_PLUGIN(
    "org.example.dice", VERSION, "Dice for tests", .functions = TROUPE_LIST(roll, version),
    .config = TROUPE_KEYS(
        {"luck", "What fortune brings", .def = "7", .type = TROUPE_TYPE_INT, .min = 0, .max = 100},
        {"color", "Of the dice", .def = "red", .choices = "red|green|blue",
         .type = TROUPE_TYPE_STRING},
        {"rest", "Pause between two rolls", .def = "2s", .choices = "never|always",
         .type = TROUPE_TYPE_DURATION},
        {"names", "Who may roll", .type = TROUPE_TYPE_LIST},
        {"table", "Where results are sent", .type = TROUPE_TYPE_URL, .flags = TROUPE_KEY_ENDPOINT},
        {"share", "Part of the pot", .def = "0.5", .type = TROUPE_TYPE_FLOAT, .min = 0, .max = 1},
        {"key", "Of the table", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET}),
    .create = create, .destroy = destroy);
