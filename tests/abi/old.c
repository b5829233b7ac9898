/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin as an author of an earlier draft wrote it, built against that draft's headers: it uses what
 * they have, and tells of the rest that it does not know it.
 */
#include <troupe/troupe.h>

#include <string.h>

#define STRING__(x) #x
#define STRING_(x)  STRING__(x)
#define DRAFT       STRING_(DRAFT_)

TROUPE_FUNCTION(greet, "Greets somebody", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_STRING(name, "Whom", .max = 20, .min = 1),
                TROUPE_OPT_INT(times, "How often", .def = 1, .min = 1, .max = 3))
static troupe_status greet(troupe_turn *turn, troupe_str name, int64_t times)
{
    const troupe_str word = troupe_config_str(troupe_turn_host(turn), "word");

    return troupe_reply(turn, "%.*s %.*s x%lld", (int)word.len, word.ptr, (int)name.len, name.ptr,
                        (long long)times);
}

#if TROUPE_ABI_MINOR >= 1
static troupe_status child(troupe_turn *turn, void *arg)
{
    (void)turn;
    *(int32_t *)arg = 1;
    return TROUPE_OK;
}
#endif

static const char *word_of(troupe_status status)
{
    return status == TROUPE_UNSUPPORTED ? "absent" : status < 0 ? "failed" : "works";
}

TROUPE_FUNCTION(calls, "Tells which calls its host has", TROUPE_SLASH)
static troupe_status calls(troupe_turn *turn)
{
    const char *children = "unknown", *batches = "unknown", *schedule = "unknown", *ask = "unknown";

    (void)word_of;
#if TROUPE_ABI_MINOR >= 1
    {
        troupe_task *task = NULL;
        int32_t ran = 0, choice = -1;
        troupe_status status = troupe_spawn(turn, child, &ran, &task);

        if (status >= 0 && (status = troupe_join(turn, task)) >= 0 && !ran)
            status = TROUPE_FAILED;
        children = word_of(status);
        status = troupe_batch_begin(turn);
        batches = word_of(status < 0 ? status : troupe_batch_commit(turn));
        ask = TROUPE_HAS(turn->api, ask) ? "there" : "absent";
        if (!TROUPE_HAS(turn->api, ask) &&
            troupe_ask(turn, "Really?", TROUPE_BUTTONS("Yes", "No"), &choice) != TROUPE_UNSUPPORTED)
            ask = "failed";
    }
#endif
#if TROUPE_ABI_MINOR >= 3
    {
        /* A host of a later draft must not write beyond what these headers call a troupe_when. */
        struct {
            troupe_when when;
            uint64_t behind;
        } room = {.behind = 0x5a5a5a5a5a5a5a5aull};
        const char *text = "in 20 minutes";
        troupe_status status = troupe_schedule_look(turn, (troupe_str){text, strlen(text)},
                                                    (troupe_str){"UTC", 3}, 0, &room.when);

        schedule = room.behind != 0x5a5a5a5a5a5a5a5aull ? "overrun" : word_of(status);
    }
#endif
    return troupe_reply(
        turn, "children %s, batches %s, schedule %s, ask %s, ask_text unknown, ask_select unknown",
        children, batches, schedule, ask);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    *ret_state = troupe_alloc(host, 16);
    troupe_log(host, TROUPE_LOG_INFO, "agent %s", troupe_agent(host));
    return *ret_state ? TROUPE_OK : TROUPE_NOMEM;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    const char *quote = "unknown";

    if (!message)
        return TROUPE_NEXT;
#if TROUPE_ABI_MINOR >= 1
    quote = TROUPE_HAS(message, quote_author) ? "there" : "absent";
#endif
    troupe_reply(turn, "heard \"%.*s\", quote %s, quotes unknown", (int)message->content.len,
                 message->content.ptr, quote);
    return TROUPE_DONE;
}

#if TROUPE_ABI_MINOR >= 3
static troupe_status job(troupe_turn *turn, troupe_str payload)
{
    return troupe_reply_text(turn, payload.ptr, payload.len);
}
#endif

TROUPE_PLUGIN("org.example.old", "1.0." DRAFT, "Speaks an earlier draft", .create = create,
              .destroy = destroy, .stage = stage, .functions = TROUPE_LIST(greet, calls),
#if TROUPE_ABI_MINOR >= 3
              .job = job, .capabilities = "schedule",
#endif
              .config = TROUPE_KEYS({"word", "How", .def = "hello", .type = TROUPE_TYPE_STRING}));
