/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/limits.h"

#include "base/mem.h"

#include <string.h>

struct limits_window {
    struct list_link link; /* in limits->order, the one used last at the end */
    char *key;
    uint64_t slot; /* number of the newest one that is counted */
    uint32_t counts[TURN_LIMITS_SLOTS];
};

void turn_limits_init(struct turn_limits *limits)
{
    list_init(&limits->order);
}

static void drop(struct turn_limits *limits, struct limits_window *window)
{
    map_remove(&limits->windows, window->key);
    list_remove(&window->link);
    mem_free(window->key);
    mem_free(window);
}

void turn_limits_clear(struct turn_limits *limits)
{
    while (!list_empty(&limits->order))
        drop(limits, container_of(limits->order.next, struct limits_window, link));
    map_clear(&limits->windows);
}

static uint64_t slot_ms(uint64_t window_ms)
{
    uint64_t length = window_ms / (TURN_LIMITS_SLOTS - 1);

    return length ? length : 1;
}

uint64_t turn_limits_wait(const struct turn_limits *limits, const char *key, int64_t limit,
                          uint64_t window_ms, uint64_t now_ms)
{
    const struct limits_window *window = limit > 0 ? map_get(&limits->windows, key) : NULL;
    uint64_t length = slot_ms(window_ms), now = now_ms / length, sum = 0;

    if (!window || window->slot + TURN_LIMITS_SLOTS <= now)
        return 0;
    /* From the newest back: the slot in which the sum meets the limit has to go first. */
    for (uint64_t back = 0; back < TURN_LIMITS_SLOTS && back <= window->slot; back++) {
        uint64_t slot = window->slot - back;

        if (slot + TURN_LIMITS_SLOTS <= now)
            break;
        sum += window->counts[slot % TURN_LIMITS_SLOTS];
        if (sum >= (uint64_t)limit)
            return (slot + TURN_LIMITS_SLOTS) * length - now_ms;
    }
    return 0;
}

void turn_limits_take(struct turn_limits *limits, const char *key, uint64_t window_ms,
                      uint64_t now_ms)
{
    struct limits_window *window = map_get(&limits->windows, key);
    uint64_t now = now_ms / slot_ms(window_ms);

    if (!window) {
        if (limits->windows.count >= TURN_LIMITS_KEYS)
            drop(limits, container_of(limits->order.next, struct limits_window, link));
        window = mem_zero(1, sizeof(*window));
        window->key = mem_strdup(key);
        window->slot = now;
        list_append(&limits->order, &window->link);
        map_set(&limits->windows, window->key, window);
    }
    if (now >= window->slot + TURN_LIMITS_SLOTS)
        memset(window->counts, 0, sizeof(window->counts));
    else
        for (uint64_t slot = window->slot + 1; slot <= now; slot++)
            window->counts[slot % TURN_LIMITS_SLOTS] = 0;
    window->slot = now;
    if (window->counts[now % TURN_LIMITS_SLOTS] < UINT32_MAX)
        window->counts[now % TURN_LIMITS_SLOTS]++;
    list_remove(&window->link);
    list_append(&limits->order, &window->link);
}

void turn_limits_raise(struct turn_limits *limits, const char *key, int64_t count,
                       uint64_t window_ms, uint64_t now_ms)
{
    struct limits_window *window = map_get(&limits->windows, key);
    uint64_t now = now_ms / slot_ms(window_ms);
    int64_t sum = 0;

    if (!window || window->slot + TURN_LIMITS_SLOTS <= now)
        return;
    for (uint64_t back = 0; back < TURN_LIMITS_SLOTS && back <= window->slot; back++)
        if (window->slot - back + TURN_LIMITS_SLOTS > now)
            sum += window->counts[(window->slot - back) % TURN_LIMITS_SLOTS];
    if (count > sum && count - sum < UINT32_MAX / 2)
        window->counts[window->slot % TURN_LIMITS_SLOTS] += (uint32_t)(count - sum);
}
