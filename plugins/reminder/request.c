/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <string.h>
#include <strings.h>

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static troupe_str trim(troupe_str text)
{
    while (text.len && (is_space(*text.ptr) || strchr(",:;-", *text.ptr))) {
        text.ptr++;
        text.len--;
    }
    while (text.len && (is_space(text.ptr[text.len - 1]) || strchr(",;", text.ptr[text.len - 1])))
        text.len--;
    return text;
}

/* Whether the text begins with these words; then they are taken off. */
static int take(troupe_str *text, const char *words)
{
    const char *p = text->ptr, *end = text->ptr + text->len;

    while (*words) {
        size_t len = strcspn(words, " ");

        while (p < end && (is_space(*p) || *p == ','))
            p++;
        if ((size_t)(end - p) < len || strncasecmp(p, words, len) != 0)
            return 0;
        p += len;
        /* The word ends there: "tomorrow" is not "to". */
        if (p < end && !is_space(*p) && !strchr(",:;-?.!", *p))
            return 0;
        words += len;
        words += *words == ' ';
    }
    text->ptr = p;
    text->len = (uint64_t)(end - p);
    return 1;
}

static int take_any(troupe_str *text, const char *const *phrases)
{
    for (; *phrases; phrases++)
        if (take(text, *phrases))
            return 1;
    return 0;
}

int request_read(troupe_str text, troupe_str *ret_rest)
{
    static const char *const polite[] = {
        "please",    "hey",   "hi",        "ok",          "can you",    "could you", "will you",
        "would you", "bitte", "kannst du", "könntest du", "würdest du", NULL};
    static const char *const asks[] = {"remind me",    "set a reminder", "erinnere mich",
                                       "erinner mich", "mich erinnern",  NULL};

    if (!text.len || memchr(text.ptr, '\0', text.len))
        return 0;
    while (take_any(&text, polite))
        continue;
    if (!take_any(&text, asks))
        return 0;
    *ret_rest = trim(text);
    while (ret_rest->len && strchr("?!.", ret_rest->ptr[ret_rest->len - 1]))
        ret_rest->len--;
    return 1;
}

troupe_str request_subject(troupe_str rest, uint64_t start, uint64_t end)
{
    static const char *const joints[] = {"to",     "that",       "about", "of",   "for",
                                         "please", "daran dass", "daran", "dass", "an",
                                         "zu",     "bitte",      NULL};
    troupe_str subject =
        start ? (troupe_str){rest.ptr, start} : (troupe_str){rest.ptr + end, rest.len - end};

    subject = trim(subject);
    while (take_any(&subject, joints))
        subject = trim(subject);
    return subject;
}
