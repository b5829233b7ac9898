/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks llm.chat what the message says, without the mark by which a test knows its question again, and
 * answers with both. "about me …" tells the model whom it answers, and shares nothing; everything else may
 * be answered to whoever asks the same.
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
    int personal;

    if (!message || !(message->flags & TROUPE_MESSAGE_ADDRESSED))
        return TROUPE_NEXT;
    split(message->content, words, mark);
    personal = strncmp(words, "about me", 8) == 0;
    if (personal)
        snprintf(about, sizeof(about), "Answer member %llu.", (unsigned long long)message->author);
    snprintf(args, sizeof(args),
             "{\"messages\":[{\"role\":\"system\",\"content\":\"%s\"},"
             "{\"role\":\"user\",\"content\":\"%s\"}],\"cache\":\"%s\"}",
             about, words, personal ? "none" : "guild");
    status = troupe_call(turn, TROUPE_SERVICE_LLM_CHAT, (troupe_str){args, strlen(args)}, &result);
    if (status < 0)
        return status;
    status = troupe_reply(turn, "%s %.*s", mark, (int)result.len, result.ptr);
    return status < 0 ? status : TROUPE_DONE;
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.example.asker", "1.0.0", "Asks a language model", .stage = stage,
              .capabilities = "call:llm.chat");
