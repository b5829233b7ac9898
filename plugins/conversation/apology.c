/* SPDX-License-Identifier: Apache-2.0 */
#include "apology.h"

#include <stdio.h>
#include <string.h>

#define NOT_CONFIGURED                                                                             \
    "I can't chat yet: no language model is set up. Commands work: /help shows them. The admin "   \
    "can "                                                                                         \
    "set base_url and model in [agent llm]."
#define TOO_FAST "That was a bit fast for me."
#define TOO_SLOW "That took too long, so I stopped waiting. Please try again in a moment."
#define TROUBLE  "My language model has trouble right now. Please try again in a moment."

enum manner {
    OWN,     /* our words */
    PASS_ON, /* the service's sentence says more: it was written for members too */
    SECONDS, /* our words, and how long to wait as the service's sentence says it */
};

/* The first row that fits. What broke off did so whatever the code says; else it goes by code, and
 * where the code says nothing by status. A code that ends with a dot stands for all below it. */
static const struct row {
    const char *code;
    troupe_status status; /* 0: any */
    enum manner manner;
    const char *sentence;
    const char *reason;
} rows[] = {
    {NULL, TROUPE_INTERRUPTED, OWN,
     "My answer broke off in the middle. Ask me to go on, and I'll try.", "llm.interrupted"},
    {"llm.not_configured", 0, OWN, NOT_CONFIGURED, "llm.not_configured"},
    {"llm.unreachable", 0, OWN,
     "I can't reach my language model at the moment. Commands still work; please try again in a "
     "minute.",
     "llm.unreachable"},
    {"llm.too_slow", 0, OWN, TOO_SLOW, "llm.too_slow"},
    {"llm.rate_limited", 0, SECONDS, "I'm getting more questions than I may pass on.",
     "llm.rate_limited"},
    {"llm.refused", 0, PASS_ON, "I'm not allowed to answer that.", "llm.refused"},
    {"llm.bad_model", 0, PASS_ON,
     "My language model is not set up right. The admin has to check the config.", "llm.bad_model"},
    {"llm.bad_answer", 0, PASS_ON,
     "I got an answer that makes no sense. Please try again in a moment.", "llm.bad_answer"},
    {"llm.provider_error", 0, OWN, TROUBLE, "llm.provider_error"},
    {"llm.too_long", 0, OWN,
     "That is more than I can take in at once. Could you say it in fewer words?", "llm.too_long"},
    {"budget.price_unknown", 0, PASS_ON,
     "I don't know what my language model costs, so I don't ask it. The admin can set its price.",
     "budget.price_unknown"},
    {"budget.storage", 0, OWN,
     "I can't answer now: the storage does not work. Please try again later.", "budget.storage"},
    {"budget.", 0, PASS_ON, "My budget is used up for now, so I can't chat. Commands still work.",
     "budget.cap"},
    {"rate.", 0, SECONDS, TOO_FAST, "conversation.too_fast"},
    {NULL, TROUPE_NOT_FOUND, OWN, NOT_CONFIGURED, "llm.not_configured"},
    {NULL, TROUPE_BUDGET, OWN,
     "My budget is used up for now, so I can't chat. Commands still work.", "budget.cap"},
    {NULL, TROUPE_DENIED, OWN,
     "I'm not allowed to do that here. Someone with more rights can change it.",
     "conversation.not_allowed"},
    {NULL, TROUPE_BUSY, SECONDS, TOO_FAST, "conversation.too_fast"},
    {NULL, TROUPE_DEADLINE, OWN, TOO_SLOW, "conversation.too_slow"},
    {NULL, TROUPE_UNAVAILABLE, OWN, TROUBLE, "conversation.trouble"},
    {NULL, TROUPE_LIMIT, OWN,
     "That is more than I can take in at once. Could you say it in fewer words?",
     "conversation.too_long"},
};

static const struct row unknown = {
    NULL, 0, OWN,
    "Something went wrong on my side, and I don't know what. Please try again; if it stays, tell "
    "the admin.",
    "conversation.unknown"};

static int fits(const struct row *row, troupe_status status, troupe_str code)
{
    size_t len;

    if (!row->code)
        return row->status == status;
    len = strlen(row->code);
    if (row->code[len - 1] == '.')
        return code.len > len && memcmp(code.ptr, row->code, len) == 0;
    return code.len == len && memcmp(code.ptr, row->code, len) == 0;
}

/* The number before " second", which is how services say a wait; 30 without one. */
static unsigned long long seconds(troupe_str sentence)
{
    static const char word[] = " second";
    unsigned long long number = 0;
    uint64_t digits = 0;

    for (uint64_t i = 0; i < sentence.len; i++) {
        char c = sentence.ptr[i];

        if (c >= '0' && c <= '9' && digits < 9) {
            number = number * 10 + (unsigned)(c - '0');
            digits++;
        } else if (digits > 0 && sentence.len - i >= sizeof(word) - 1 &&
                   memcmp(sentence.ptr + i, word, sizeof(word) - 1) == 0) {
            return number;
        } else {
            number = digits = 0;
        }
    }
    return 30;
}

const char *apology_write(troupe_status status, troupe_str code, troupe_str sentence, char *ret,
                          size_t size)
{
    const struct row *row = &unknown;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (fits(&rows[i], status, code)) {
            row = &rows[i];
            break;
        }
    }
    if (row->manner == PASS_ON && sentence.len > 0) {
        snprintf(ret, size, "%.*s", (int)(sentence.len < size ? sentence.len : size - 1),
                 sentence.ptr);
    } else if (row->manner == SECONDS) {
        snprintf(ret, size, "%s Please try again in %llu seconds.", row->sentence,
                 seconds(sentence));
    } else {
        snprintf(ret, size, "%s", row->sentence);
    }
    return row->reason;
}
