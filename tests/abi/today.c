/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin of today that uses what each minor brought and says for each whether its host has it. Built
 * against today's headers, called by today's host and by hosts of earlier drafts.
 */
#include <troupe/troupe.h>

#include <string.h>

TROUPE_FUNCTION(greet, "Greets somebody", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_STRING(name, "Whom", .max = 20, .min = 1),
                TROUPE_OPT_INT(times, "How often", .def = 1, .min = 1, .max = 3))
static troupe_status greet(troupe_turn *turn, troupe_str name, int64_t times)
{
    const troupe_str word = troupe_config_str(troupe_turn_host(turn), "word");

    return troupe_reply(turn, "%.*s %.*s x%lld", (int)word.len, word.ptr, (int)name.len, name.ptr,
                        (long long)times);
}

static troupe_status child(troupe_turn *turn, void *arg)
{
    (void)turn;
    *(int32_t *)arg = 1;
    return TROUPE_OK;
}

/* What a status says of a call: the old host has no such call, or it does what it does. */
static const char *word_of(troupe_status status)
{
    return status == TROUPE_UNSUPPORTED ? "absent" : status < 0 ? "failed" : "works";
}

/* TROUPE_OK for a call that the host lacks and that says so. */
static troupe_status is_absent(troupe_status said)
{
    return said != TROUPE_UNSUPPORTED ? TROUPE_FAILED : TROUPE_OK;
}

/* Calls what waits for a member only where the host lacks it: there it must return at once. */
static troupe_status ask_in_vain(troupe_turn *turn)
{
    troupe_task *task = NULL;
    troupe_str said[1];
    int32_t choice = -1, places[1];
    uint32_t which = 0, count = 0;
    troupe_status status = TROUPE_OK;

    if (!TROUPE_HAS(turn->api, join_any))
        status = is_absent(troupe_join_any(turn, &task, 1, &which));
    if (status == TROUPE_OK && !TROUPE_HAS(turn->api, ask))
        status = is_absent(troupe_ask(turn, "Really?", TROUPE_BUTTONS("Yes", "No"), &choice));
    if (status == TROUPE_OK && !TROUPE_HAS(turn->api, ask_text))
        status = is_absent(troupe_ask_text(turn, "What?", "Form",
                                           TROUPE_FIELDS(TROUPE_FIELD("To", .max = 80)), said));
    if (status == TROUPE_OK && !TROUPE_HAS(turn->api, ask_select))
        status = is_absent(
            troupe_ask_select(turn, "How?",
                              TROUPE_OPTIONS(TROUPE_OPTION("Mail", .flags = TROUPE_OPTION_CHOSEN),
                                             TROUPE_OPTION("Pigeon", .doc = "slow")),
                              1, 1, places, &count));
    return status;
}

static const char *there(int present)
{
    return present ? "there" : "absent";
}

TROUPE_FUNCTION(calls, "Tells which calls its host has", TROUPE_SLASH)
static troupe_status calls(troupe_turn *turn)
{
    troupe_task *task = NULL;
    troupe_when when = {.size = sizeof(when)};
    int32_t ran = 0;
    const char *text = "in 20 minutes";
    troupe_status children = troupe_spawn(turn, child, &ran, &task), batches, looked;

    if (children >= 0 && (children = troupe_join(turn, task)) >= 0 && !ran)
        children = TROUPE_FAILED;
    if ((batches = troupe_batch_begin(turn)) >= 0)
        batches = troupe_batch_commit(turn);
    looked = troupe_schedule_look(turn, (troupe_str){text, strlen(text)}, (troupe_str){"UTC", 3}, 0,
                                  &when);
    if (ask_in_vain(turn) < 0)
        return troupe_fail(turn, TROUPE_FAILED, "test.absent", "what is absent did something");
    return troupe_reply(
        turn, "children %s, batches %s, schedule %s, ask %s, ask_text %s, ask_select %s",
        word_of(children), word_of(batches), word_of(looked), there(TROUPE_HAS(turn->api, ask)),
        there(TROUPE_HAS(turn->api, ask_text)), there(TROUPE_HAS(turn->api, ask_select)));
}

TROUPE_MENU(keep, "Keep this", "Keeps a message", TROUPE_MENU_MESSAGE,
            TROUPE_STRING(text, "What it says"), TROUPE_OPT_STRING(message, "Its id"),
            TROUPE_OPT_MEMBER(author, "Who wrote it"))
static troupe_status keep(troupe_turn *turn, troupe_str text, troupe_str message, uint64_t author)
{
    return troupe_reply(turn, "%llu in %.*s: %.*s", (unsigned long long)author, (int)message.len,
                        message.ptr, (int)text.len, text.ptr);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    *ret_state = NULL;
    troupe_log(host, TROUPE_LOG_INFO, "agent %s", troupe_agent(host));
    return TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);

    if (!message)
        return TROUPE_NEXT;
    troupe_reply(turn, "heard \"%.*s\", quote %s, quotes %s", (int)message->content.len,
                 message->content.ptr, TROUPE_HAS(message, quote_author) ? "there" : "absent",
                 TROUPE_HAS(message, quotes) ? "there" : "absent");
    return TROUPE_DONE;
}

static troupe_status job(troupe_turn *turn, troupe_str payload)
{
    return troupe_reply_text(turn, payload.ptr, payload.len);
}

TROUPE_PLUGIN("org.example.today", "1.0.0", "Speaks today's minor", .create = create,
              .stage = stage, .job = job, .capabilities = "schedule",
              .functions = TROUPE_LIST(greet, calls, keep),
              .config = TROUPE_KEYS(TROUPE_KEY("word", "How", .def = "hello",
                                               .type = TROUPE_TYPE_STRING,
                                               .flags = TROUPE_KEY_SETTABLE)));
