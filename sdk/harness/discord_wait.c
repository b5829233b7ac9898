/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for a state: the request is answered when it is reached.
 */
#include "discord_control.h"

#include <stdio.h>
#include <stdlib.h>

struct discord_waiter {
    struct discord_waiter *next;
    struct discord_conn *conn;
    char name[48];
    uint64_t min;
    int64_t begun_us, timeout_us, quiet_us;
};

bool discord_wait_value(struct discord *discord, const char *name, uint64_t *ret)
{
    uint64_t sessions = 0;

#define X(counter)                                                                                 \
    if (strcmp(name, #counter) == 0)                                                               \
        return *ret = discord->counters.counter, true;
    DISCORD_COUNTERS(X)
#undef X
    for (struct discord_client *client = discord->gateway.clients; client; client = client->next)
        sessions += client->session != NULL && !client->closing;
    if (strcmp(name, "connected") == 0)
        *ret = sessions;
    else if (strcmp(name, "asked") == 0)
        *ret = discord->ledger.count;
    else if (strcmp(name, "answers") == 0)
        *ret = discord->ledger.answered;
    else if (strcmp(name, "open") == 0)
        *ret = discord->ledger.owed - discord->ledger.answered;
    else
        return false;
    return true;
}

static bool reached(struct discord *discord, const struct discord_waiter *waiter, int64_t now,
                    uint64_t *ret_value)
{
    const struct discord_flood *flood = &discord->load.flood;
    bool answered = discord->ledger.answered >= discord->ledger.owed;
    bool idle = !discord_load_busy(discord);

    *ret_value = discord->ledger.answered;
    if (now - discord->ledger.changed_us < waiter->quiet_us)
        return false;
    if (strcmp(waiter->name, "answered") == 0)
        return idle && answered;
    if (strcmp(waiter->name, "pressed") == 0)
        return idle && answered && discord->load.presser.waiting == 0;
    if (strcmp(waiter->name, "quiet") == 0)
        return idle;
    if (strcmp(waiter->name, "burst") == 0)
        return idle;
    if (strcmp(waiter->name, "flood") == 0)
        return flood->consumed_us != 0;
    if (strcmp(waiter->name, "flood_answered") == 0)
        return flood->consumed_us != 0 && flood->answered_us != 0;
    return discord_wait_value(discord, waiter->name, ret_value) && *ret_value >= waiter->min;
}

static void answer(struct discord_waiter *waiter, bool ok, int64_t now, uint64_t value)
{
    char body[200];
    int n = snprintf(body, sizeof(body), "{\"ok\":%s,\"value\":%llu,\"waited_ms\":%lld}\n",
                     ok ? "true" : "false", (unsigned long long)value,
                     (long long)(now - waiter->begun_us) / 1000);

    discord_http_write(&waiter->conn->out, ok ? 200 : 408, "application/json", NULL, body,
                       (size_t)n);
    discord_conn_dirty(waiter->conn);
}

void discord_wait_check(struct discord *discord)
{
    int64_t now;

    if (!discord->waiters)
        return;
    now = discord_now_us();
    for (struct discord_waiter **at = &discord->waiters; *at;) {
        struct discord_waiter *waiter = *at;
        uint64_t value = 0;
        bool ok = reached(discord, waiter, now, &value);

        if (ok || now - waiter->begun_us > waiter->timeout_us) {
            answer(waiter, ok, now, value);
            *at = waiter->next;
            free(waiter);
        } else {
            at = &waiter->next;
        }
    }
}

void discord_wait_gone(struct discord *discord, struct discord_conn *conn)
{
    for (struct discord_waiter **at = &discord->waiters; *at;) {
        struct discord_waiter *waiter = *at;

        if (waiter->conn == conn) {
            *at = waiter->next;
            free(waiter);
        } else {
            at = &waiter->next;
        }
    }
}

void discord_wait_add(struct discord *discord, struct discord_conn *conn,
                      struct discord_slice query)
{
    struct discord_waiter *waiter = fake_alloc(sizeof(*waiter));
    struct discord_slice timeout = discord_http_query(query, "timeout_ms");
    struct discord_slice min = discord_http_query(query, "min");

    discord_http_unescape(discord_http_query(query, "until"), waiter->name, sizeof(waiter->name));
    waiter->conn = conn;
    waiter->min = min.ptr ? discord_digits(min) : 1;
    waiter->timeout_us = timeout.ptr ? (int64_t)discord_digits(timeout) * 1000 : 30000000;
    waiter->quiet_us = (int64_t)discord_digits(discord_http_query(query, "quiet_ms")) * 1000;
    waiter->begun_us = discord_now_us();
    waiter->next = discord->waiters;
    discord->waiters = waiter;
}
