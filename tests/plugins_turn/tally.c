/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that counts in memory and hands its count over exclusively. Each message counts one,
 * after a moment inside: "slow KEY" (until somebody has put a value under the key), "nest KEY" (the same, then
 * it calls itself), "read" (counts none).
 * BROKEN_LOAD: it cannot take a count over; WITHOUT_ADD: it lacks the function.
 */
#include <troupe/troupe.h>

#include <string.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif

#ifndef FLAGS
#define FLAGS TROUPE_STATE_EXCLUSIVE
#endif

#ifndef WITHOUT_ADD
#define FUNCTION add
TROUPE_FUNCTION(add, "Counts one", TROUPE_SLASH)
static troupe_status add(troupe_turn *turn)
{
    int64_t *count = (int64_t *)troupe_state(turn);

    ++*count;
    return troupe_reply(turn, VERSION " %lld", (long long)*count);
}
#else
#define FUNCTION other
TROUPE_FUNCTION(other, "Is another one", TROUPE_SLASH)
static troupe_status other(troupe_turn *turn)
{
    return troupe_reply(turn, "other");
}
#endif

/* What follows the word; false: the text begins with another one. */
static int key_of(troupe_str text, const char *word, char key[40])
{
    size_t len = strlen(word);

    if (text.len <= len || text.len - len >= 40 || memcmp(text.ptr, word, len) != 0)
        return 0;
    memcpy(key, text.ptr + len, text.len - len);
    key[text.len - len] = '\0';
    return 1;
}

static troupe_status stay(troupe_turn *turn, const char *key)
{
    troupe_str ret;
    troupe_status status;

    while ((status = troupe_kv_get(turn, TROUPE_SCOPE_AGENT, key, &ret)) == TROUPE_NOT_FOUND)
        if (troupe_sleep(turn, 20) < 0)
            return TROUPE_FAILED;
    return status;
}

static troupe_status stage(troupe_turn *turn)
{
    troupe_str text = troupe_turn_message(turn)->content;
    int64_t *count = (int64_t *)troupe_state(turn), seen;
    char key[40];
    int nest = key_of(text, "nest ", key), slow = nest || key_of(text, "slow ", key);

    if (text.len == 4 && !memcmp(text.ptr, "read", 4))
        return troupe_reply(turn, VERSION " %lld", (long long)*count);
    if ((slow ? stay(turn, key) : troupe_sleep(turn, 1)) < 0)
        return TROUPE_FAILED;
    ++*count;
    if (nest) {
        troupe_str none = {"{}", 2};

        if (troupe_call(turn, "tally.add", none, NULL) < 0)
            return TROUPE_FAILED;
    }
    seen = *count;
    return troupe_reply(turn, VERSION " %lld", (long long)seen);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    *ret_state = troupe_alloc(host, sizeof(int64_t));
    return *ret_state ? TROUPE_OK : TROUPE_NOMEM;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

static troupe_status save(void *state, void *stream,
                          troupe_status (*io)(void *stream, const void *data, uint64_t len))
{
    return io(stream, state, sizeof(int64_t));
}

static troupe_status load(void *state, uint32_t written_version, void *stream,
                          troupe_status (*io)(void *stream, void *data, uint64_t len))
{
    (void)written_version;
#ifdef BROKEN_LOAD
    (void)state;
    (void)stream;
    (void)io;
    return TROUPE_DATA;
#else
    return io(stream, state, sizeof(int64_t));
#endif
}

static const void *get_extension(const char *id)
{
    static const troupe_state_v1 state = {.size = sizeof(state), .save = save, .load = load};

    return strcmp(id, "troupe.state/1") == 0 ? &state : NULL;
}

TROUPE_PLUGIN("org.example.tally", VERSION, "Counts in memory", .stage = stage, .create = create,
              .destroy = destroy, .get_extension = get_extension, .state_version = 1,
              .state_oldest = 1, .state_flags = FLAGS, .functions = TROUPE_LIST(FUNCTION),
              .capabilities = "kv");
