/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks llm.chat what the message says, without the mark by which a test knows its question again, and
 * answers with both. "about me …" tells the model whom it answers, and shares nothing; "anywhere …" may be
 * answered to whoever asks the same of the bot, "meant …" to whoever means the same ("meant" is all that is
 * looked at), everything else to whoever asks the same in the server.
 */
#include <troupe/services.h>
#include <troupe/troupe.h>

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512
#define MARK     "tok-"

/* Splits "words tok-7-" and keeps what needs no escape in JSON. */
static void split(troupe_str content, char words[TEXT_MAX], char mark[TEXT_MAX])
{
    size_t len = 0;
    const char *at;

    for (uint64_t i = 0; i < content.len && len + 1 < TEXT_MAX; i++)
        if ((unsigned char)content.ptr[i] >= ' ' && !strchr("\"\\", content.ptr[i]))
            words[len++] = content.ptr[i];
    words[len] = '\0';
    at = strstr(words, MARK);
    snprintf(mark, TEXT_MAX, "%s", at ? at : "");
    len = at ? (size_t)(at - words) : len;
    while (len > 0 && words[len - 1] == ' ')
        len--;
    words[len] = '\0';
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    char words[TEXT_MAX], mark[TEXT_MAX], about[64] = "Answer.", args[3 * TEXT_MAX];
    troupe_str result;
    troupe_status status;
    const char *cache = "guild", *meant = "";

    if (!message || !(message->flags & TROUPE_MESSAGE_ADDRESSED))
        return TROUPE_NEXT;
    split(message->content, words, mark);
    if (strncmp(words, "anywhere", 8) == 0)
        cache = "account";
    if (strncmp(words, "meant", 5) == 0)
        meant = "meant";
    if (strncmp(words, "about me", 8) == 0) {
        cache = "none";
        snprintf(about, sizeof(about), "Answer member %llu.", (unsigned long long)message->author);
    }
    snprintf(args, sizeof(args),
             "{\"messages\":[{\"role\":\"system\",\"content\":\"%s\"},"
             "{\"role\":\"user\",\"content\":\"%s\"}],\"cache\":\"%s\",\"question\":\"%s\"}",
             about, words, cache, meant);
    status = troupe_call(turn, TROUPE_SERVICE_LLM_CHAT, (troupe_str){args, strlen(args)}, &result);
    if (status < 0)
        return status;
    status = troupe_reply(turn, "%s %.*s", mark, (int)result.len, result.ptr);
    return status < 0 ? status : TROUPE_DONE;
}

/* For the model: two of it at once meet, one after the other never do. */
TROUPE_FUNCTION(meet, "Waits for another one", TROUPE_TOOL | TROUPE_IDEMPOTENT)
static troupe_status meet(troupe_turn *turn)
{
    int *here = troupe_state(turn);
    int tries = 0;

    ++*here;
    while (*here < 2 && tries++ < 100)
        if (troupe_sleep(turn, 20) < 0)
            return troupe_turn_status(turn);
    return troupe_reply(turn, *here < 2 ? "alone" : "met");
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    *ret_state = troupe_alloc(host, sizeof(int));
    return *ret_state ? TROUPE_OK : TROUPE_NOMEM;
}

static void destroy(troupe_host *host, void *state)
{
    troupe_free(host, state);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.example.asker", "1.0.0", "Asks a language model", .stage = stage,
              .functions = TROUPE_LIST(meet), .create = create, .destroy = destroy,
              .capabilities = "call:llm.chat");
