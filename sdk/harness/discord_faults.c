/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[WHAT_COUNT] = {
    "status",  "user",  "global",  "shared",     "sublimit",  "cloudflare", "hang",
    "cut",     "reset", "lost",    "lost_reset", "lost_hang", "slow",       "hash",
    "garbage", "close", "invalid", "reconnect",  "ignore",    "torn",
};

static json_int_t int_of(const json_t *rule, const char *key, json_int_t fallback)
{
    const json_t *value = json_object_get(rule, key);

    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static const char *str_of(const json_t *rule, const char *key, const char *fallback)
{
    const char *value = json_string_value(json_object_get(rule, key));

    return value ? value : fallback;
}

static bool known_place(const char *on)
{
    static const char *const places[] = {"rest",   "connect",   "hello",     "identify",
                                         "resume", "heartbeat", "attachment"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (strcmp(on, places[i]) == 0)
            return true;
    }
    for (int route = 0; route <= ROUTE_OTHER; route++) {
        if (strcmp(on, discord_route_name((enum discord_route)route)) == 0)
            return true;
    }
    return false;
}

static struct discord_fault *read_rule(struct discord *discord, const json_t *rule, char *err,
                                       size_t err_size)
{
    const char *what = str_of(rule, "do", ""), *on = str_of(rule, "on", "");
    const char *channel = json_string_value(json_object_get(rule, "channel"));
    struct discord_channel *place =
        channel ? discord_world_channel(&discord->world, channel) : NULL;
    struct discord_fault *fault;
    int which = 0;

    while (which < WHAT_COUNT && strcmp(names[which], what) != 0)
        which++;
    if (which == WHAT_COUNT || !known_place(on) || (channel && !place)) {
        snprintf(err, err_size, "no fault \"%s\" on \"%s\" in channel \"%s\"", what, on,
                 channel ? channel : "any");
        return NULL;
    }
    fault = fake_alloc(sizeof(*fault));
    fault->what = (enum discord_what)which;
    snprintf(fault->on, sizeof(fault->on), "%s", on);
    snprintf(fault->host, sizeof(fault->host), "%s", str_of(rule, "host", ""));
    snprintf(fault->message, sizeof(fault->message), "%s", str_of(rule, "message", "fault"));
    fault->channel = place ? place->id : 0;
    fault->skip = (uint64_t)int_of(rule, "skip", 0);
    fault->times = (uint64_t)int_of(rule, "times", 1);
    fault->every = (uint64_t)int_of(rule, "every", 1);
    fault->ms = (uint64_t)int_of(rule, "ms", 1000);
    fault->status = (int)int_of(rule, "status", 500);
    fault->code = (int)int_of(rule, "code", which == WHAT_CLOSE ? 4000 : 0);
    fault->resumable = json_is_true(json_object_get(rule, "resumable"));
    fault->retry_after = json_number_value(json_object_get(rule, "retry_after"));
    if (fault->retry_after <= 0)
        fault->retry_after = which == WHAT_SUBLIMIT ? 60 : 1;
    return fault;
}

bool discord_faults_add(struct discord *discord, const json_t *rules, char *err, size_t err_size)
{
    struct discord_fault *first = NULL, **end = &first;
    size_t count = json_is_array(rules) ? json_array_size(rules) : 1;

    for (size_t i = 0; i < count; i++) {
        const json_t *rule = json_is_array(rules) ? json_array_get(rules, i) : rules;

        *end = read_rule(discord, rule, err, err_size);
        if (!*end) {
            while (first) {
                struct discord_fault *next = first->next;

                free(first);
                first = next;
            }
            return false;
        }
        end = &(*end)->next;
    }
    for (end = &discord->faults.first; *end; end = &(*end)->next)
        ;
    *end = first;
    return true;
}

void discord_faults_clear(struct discord *discord)
{
    while (discord->faults.first) {
        struct discord_fault *next = discord->faults.first->next;

        free(discord->faults.first);
        discord->faults.first = next;
    }
}

const struct discord_fault *discord_faults_take(struct discord *discord, const char *on, bool rest,
                                                uint64_t channel, const char *host)
{
    for (struct discord_fault *fault = discord->faults.first; fault; fault = fault->next) {
        if (strcmp(fault->on, on) != 0 && !(rest && strcmp(fault->on, "rest") == 0))
            continue;
        if ((fault->channel && fault->channel != channel) ||
            (fault->host[0] && host && strcmp(fault->host, host) != 0) ||
            (fault->times && fault->used >= fault->times))
            continue;
        fault->seen++;
        if (fault->seen <= fault->skip ||
            (fault->every > 1 && (fault->seen - fault->skip) % fault->every != 0))
            continue;
        fault->used++;
        discord->counters.faults++;
        return fault;
    }
    return NULL;
}
