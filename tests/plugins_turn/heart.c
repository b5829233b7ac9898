/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent that has a member's word in its memory alone, and hands it over at a reload: for the tests of what is
 * written to a disk.
 */
#include <troupe/troupe.h>

#include <string.h>

struct heart {
    char word[100];
};

TROUPE_FUNCTION(take, "Takes a word to heart", TROUPE_SLASH,
                TROUPE_STRING(word, "Which one", .min = 1, .max = 99))
static troupe_status take(troupe_turn *turn, troupe_str word)
{
    struct heart *heart = (struct heart *)troupe_state(turn);

    snprintf(heart->word, sizeof(heart->word), "%.*s", (int)word.len, word.ptr);
    return troupe_reply(turn, "taken");
}

TROUPE_FUNCTION(tell, "Tells how long the word is", TROUPE_SLASH)
static troupe_status tell(troupe_turn *turn)
{
    const struct heart *heart = (const struct heart *)troupe_state(turn);

    return troupe_reply(turn, "it has %zu letters", strlen(heart->word));
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    *ret_state = troupe_alloc(host, sizeof(struct heart));
    return *ret_state ? TROUPE_OK : TROUPE_NOMEM;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

static troupe_status save(void *state, void *stream,
                          troupe_status (*io)(void *stream, const void *data, uint64_t len))
{
    return io(stream, state, sizeof(struct heart));
}

static troupe_status load(void *state, uint32_t written_version, void *stream,
                          troupe_status (*io)(void *stream, void *data, uint64_t len))
{
    (void)written_version;
    return io(stream, state, sizeof(struct heart));
}

static const void *get_extension(const char *id)
{
    static const troupe_state_v1 state = {.size = sizeof(state), .save = save, .load = load};

    return strcmp(id, "troupe.state/1") == 0 ? &state : NULL;
}

TROUPE_PLUGIN("org.example.heart", "1.0.0", "Has a word in memory",
              .functions = TROUPE_LIST(take, tell),
              .config = TROUPE_KEYS({"note", "Whatever; another one makes a new agent",
                                     .type = TROUPE_TYPE_STRING, .def = ""}),
              .create = create, .destroy = destroy, .get_extension = get_extension,
              .state_version = 1, .state_oldest = 1);
