/* SPDX-License-Identifier: Apache-2.0 */
#include "flight.h"

#include <stdio.h>
#include <string.h>

#define FIRST_STEP_MS 20
#define MOST_STEP_MS  250

static int is_lost(const struct llm_flight *flight, int64_t now_ms)
{
    return now_ms - flight->since > LLM_FLIGHT_LOST_MS ||
           flight->since - now_ms > LLM_FLIGHT_LOST_MS; /* the clock was set back */
}

int llm_flight_is_up(const struct llm_flights *flights, const char *key, uint64_t turn,
                     int64_t now_ms)
{
    for (size_t i = 0; i < LLM_FLIGHTS_MAX; i++) {
        const struct llm_flight *flight = &flights->all[i];

        if (flight->turn && flight->turn != turn && !is_lost(flight, now_ms) &&
            strcmp(flight->key, key) == 0)
            return 1;
    }
    return 0;
}

int llm_flight_begin(struct llm_flights *flights, const char *key, uint64_t turn, int64_t now_ms)
{
    struct llm_flight *free_one = NULL;

    for (size_t i = 0; i < LLM_FLIGHTS_MAX; i++) {
        struct llm_flight *flight = &flights->all[i];

        if (!flight->turn || is_lost(flight, now_ms))
            free_one = flight;
        else if (flight->turn == turn && strcmp(flight->key, key) == 0)
            return 0;
    }
    if (!free_one)
        return 0;
    snprintf(free_one->key, sizeof(free_one->key), "%s", key);
    free_one->turn = turn;
    free_one->since = now_ms;
    return 1;
}

void llm_flight_end(struct llm_flights *flights, const char *key, uint64_t turn)
{
    for (size_t i = 0; i < LLM_FLIGHTS_MAX; i++) {
        struct llm_flight *flight = &flights->all[i];

        if (flight->turn == turn && strcmp(flight->key, key) == 0)
            flight->turn = 0;
    }
}

troupe_status llm_flight_join(troupe_turn *turn, struct llm_flights *flights, troupe_str key)
{
    char name[LLM_DIGEST_TEXT], result[64];
    const uint64_t own = troupe_turn_id(turn);
    int64_t now_ms = troupe_now(turn), waited = 0, step = FIRST_STEP_MS;
    int leads = 0;

    snprintf(name, sizeof(name), "%.*s", (int)(key.len < sizeof(name) ? key.len : 0), key.ptr);
    /* Who has waited looks into the cache first: were it made the next to ask, those behind it would
     * wait for it in turn. */
    while (waited < LLM_FLIGHT_WAIT_MS && llm_flight_is_up(flights, name, own, now_ms + waited)) {
        troupe_status status = troupe_sleep(turn, (uint64_t)step);

        if (status < 0)
            return status;
        waited += step;
        step = step * 3 / 2 < MOST_STEP_MS ? step * 3 / 2 : MOST_STEP_MS;
    }
    if (waited == 0)
        leads = llm_flight_begin(flights, name, own, now_ms);
    snprintf(result, sizeof(result), "{\"leads\":%s,\"waited\":%s}", leads ? "true" : "false",
             waited > 0 ? "true" : "false");
    return troupe_result(turn, result, strlen(result));
}
