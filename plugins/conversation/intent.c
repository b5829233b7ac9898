/* SPDX-License-Identifier: Apache-2.0 */
#include "intent.h"

#include <string.h>

struct phrase {
    enum intent intent;
    const char *words; /* as intent_words gives them */
};

/* Whole messages. A phrase that could ask for something of the member's own does not belong here. */
static const struct phrase phrases[] = {
    {INTENT_HELP, "help"},
    {INTENT_HELP, "help me"},
    {INTENT_HELP, "i need help"},
    {INTENT_HELP, "can you help me"},
    {INTENT_HELP, "what can you do"},
    {INTENT_HELP, "what can you do for me"},
    {INTENT_HELP, "what do you do"},
    {INTENT_HELP, "how do you work"},
    {INTENT_HELP, "how do i use you"},
    {INTENT_HELP, "how can i use you"},
    {INTENT_HELP, "what are your commands"},
    {INTENT_HELP, "what commands do you have"},
    {INTENT_HELP, "commands"},
    {INTENT_HELP, "hilfe"},
    {INTENT_HELP, "was kannst du"},
    {INTENT_HELP, "aide"},
    {INTENT_HELP, "ayuda"},
    {INTENT_STATUS, "status"},
    {INTENT_STATUS, "what is your status"},
    {INTENT_STATUS, "what's your status"},
    {INTENT_STATUS, "ping"},
    {INTENT_STATUS, "are you there"},
    {INTENT_STATUS, "are you up"},
    {INTENT_STATUS, "are you online"},
    {INTENT_STATUS, "are you alive"},
    {INTENT_STATUS, "are you awake"},
    {INTENT_STATUS, "are you working"},
    {INTENT_STATUS, "do you work"},
    {INTENT_STATUS, "bist du da"},
    {INTENT_GENERAL, "how are you"},
    {INTENT_GENERAL, "how are you doing"},
    {INTENT_GENERAL, "how is it going"},
    {INTENT_GENERAL, "how's it going"},
    {INTENT_GENERAL, "what's up"},
    {INTENT_GENERAL, "who are you"},
    {INTENT_GENERAL, "what are you"},
    {INTENT_GENERAL, "what is your name"},
    {INTENT_GENERAL, "what's your name"},
    {INTENT_GENERAL, "are you a bot"},
    {INTENT_GENERAL, "are you human"},
    {INTENT_GENERAL, "good bot"},
    {INTENT_GENERAL, "good morning"},
    {INTENT_GENERAL, "good evening"},
    {INTENT_GENERAL, "good night"},
    {INTENT_GENERAL, "bye"},
    {INTENT_GENERAL, "goodbye"},
    {INTENT_GENERAL, "thanks"},
    {INTENT_GENERAL, "thank you"},
    {INTENT_GENERAL, "nice to meet you"},
    {INTENT_GENERAL, "wie geht's"},
    {INTENT_GENERAL, "wie geht es dir"},
    {INTENT_GENERAL, "wer bist du"},
    {INTENT_GENERAL, "danke"},
};

/* Before and behind a phrase they change nothing. */
static const char *const greetings[] = {"hi", "hello", "hey", "hallo", "hola", "yo"};
static const char *const manners[] = {"please", "there", "bot", "friend", "all", "bitte"};

const char *intent_name(enum intent intent)
{
    static const char *const names[] = {"", "help", "get_status", "general_conversation"};

    return names[intent];
}

static int is_word(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '\'';
}

size_t intent_words(troupe_str text, char ret[INTENT_WORDS_MAX])
{
    size_t len = 0;
    int gap = 0;

    for (uint64_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        if (!is_word(c)) {
            gap = len > 0;
            continue;
        }
        if (len + 2 >= INTENT_WORDS_MAX) {
            len = 0;
            break;
        }
        if (gap)
            ret[len++] = ' ';
        gap = 0;
        ret[len++] = (char)c;
    }
    ret[len] = '\0';
    return len;
}

/* Whether the first word of `words` is one of the list, and how long it is. */
static size_t leads_with(const char *words, size_t len, const char *const list[], size_t count)
{
    const char *space = memchr(words, ' ', len);
    size_t first = space ? (size_t)(space - words) : len;

    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == first && memcmp(words, list[i], first) == 0)
            return first;
    return 0;
}

/* The length without such a word at its end. */
static size_t without_manners(const char *words, size_t len)
{
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
        size_t tail = strlen(manners[i]);

        if (len == tail && memcmp(words, manners[i], tail) == 0)
            return 0;
        if (len > tail && words[len - tail - 1] == ' ' &&
            memcmp(words + len - tail, manners[i], tail) == 0)
            return len - tail - 1;
    }
    return len;
}

static enum intent look_up(const char *words, size_t len)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (strlen(phrases[i].words) == len && memcmp(phrases[i].words, words, len) == 0)
            return phrases[i].intent;
    return INTENT_OTHER;
}

enum intent intent_of(const char *words)
{
    size_t len = strlen(words), greeting, shorter;
    enum intent found = look_up(words, len);

    if (found != INTENT_OTHER || len == 0)
        return found;
    greeting = leads_with(words, len, greetings, sizeof(greetings) / sizeof(greetings[0]));
    if (greeting > 0) {
        words += greeting + (words[greeting] == ' ');
        len = strlen(words);
    }
    found = look_up(words, len);
    shorter = without_manners(words, len);
    if (found == INTENT_OTHER && shorter > 0)
        found = look_up(words, shorter);
    /* A greeting, and nothing that it would be asked for. */
    if (found == INTENT_OTHER && greeting > 0 && shorter == 0)
        found = INTENT_GENERAL;
    return found;
}
