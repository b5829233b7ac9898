/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin whose state is handed over on reload. WRITES is the version of its state, READS the oldest
 * that it takes; BROKEN_LOAD makes load fail.
 */
#include <troupe/troupe.h>

#include <string.h>

#ifndef WRITES
#define WRITES 1
#define READS  1
#endif

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

struct counter {
    int64_t value;
    int64_t written_by; /* version of the state that was loaded, 0: none */
};

TROUPE_FUNCTION(count, "Count one up", TROUPE_SLASH)
static troupe_status count(troupe_turn *turn)
{
    struct counter *counter = (struct counter *)troupe_state(turn);

    counter->value++;
    return troupe_reply(turn, "%lld from %lld", (long long)counter->value,
                        (long long)counter->written_by);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    *ret_state = troupe_alloc(host, sizeof(struct counter));
    return *ret_state ? TROUPE_OK : TROUPE_NOMEM;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

static troupe_status save(void *state, void *stream,
                          troupe_status (*io)(void *stream, const void *data, uint64_t len))
{
    const struct counter *counter = (const struct counter *)state;

    return io(stream, &counter->value, sizeof(counter->value));
}

static troupe_status load(void *state, uint32_t written_version, void *stream,
                          troupe_status (*io)(void *stream, void *data, uint64_t len))
{
    struct counter *counter = (struct counter *)state;
    troupe_status status;
    char more;

#ifdef BROKEN_LOAD
    return TROUPE_DATA;
#endif
    if ((status = io(stream, &counter->value, sizeof(counter->value))) < 0)
        return status;
    if (io(stream, &more, 1) != TROUPE_END)
        return TROUPE_DATA;
    counter->written_by = written_version;
    return TROUPE_OK;
}

static const void *get_extension(const char *id)
{
    static const troupe_state_v1 state = {sizeof(state), 0, save, load};

    return strcmp(id, "troupe.state/1") == 0 ? &state : NULL;
}

TROUPE_PLUGIN("org.example.counter", "1." TEXT(WRITES), "Counts", .functions = TROUPE_LIST(count),
              .state_version = WRITES, .state_oldest = READS, .create = create, .destroy = destroy,
              .get_extension = get_extension);
