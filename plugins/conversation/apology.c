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
#define TOO_LONG "That is more than I can take in at once. Could you say it in fewer words?"
#define NO_MONEY "My budget is used up for now, so I can't chat. Commands still work."
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
    enum apology apology;
    enum manner manner;
    const char *sentence;
    const char *reason;
} rows[] = {
    {NULL, TROUPE_INTERRUPTED, APOLOGY_TROUBLE, OWN,
     "My answer broke off in the middle. Ask me to go on, and I'll try.", "llm.interrupted"},
    {"llm.not_configured", 0, APOLOGY_TROUBLE, OWN, NOT_CONFIGURED, "llm.not_configured"},
    {"llm.unreachable", 0, APOLOGY_TROUBLE, OWN,
     "I can't reach my language model at the moment. Commands still work; please try again in a "
     "minute.",
     "llm.unreachable"},
    {"llm.too_slow", 0, APOLOGY_TOO_SLOW, OWN, TOO_SLOW, "llm.too_slow"},
    {"llm.rate_limited", 0, APOLOGY_TOO_FAST, SECONDS,
     "I'm getting more questions than I may pass on.", "llm.rate_limited"},
    {"llm.refused", 0, APOLOGY_NOT_ALLOWED, PASS_ON,
     "I'm not allowed to answer that. Please ask for something else.", "llm.refused"},
    {"llm.account", 0, APOLOGY_TROUBLE, PASS_ON,
     "My language model does not let me in. The admin has to check its key and account.",
     "llm.account"},
    {"llm.bad_model", 0, APOLOGY_TROUBLE, PASS_ON,
     "My language model is not set up right. The admin has to check the config.", "llm.bad_model"},
    {"llm.cannot_see", 0, APOLOGY_TROUBLE, PASS_ON,
     "No language model here can see pictures. Please say in words what is on it.",
     "llm.cannot_see"},
    {"llm.picture_refused", 0, APOLOGY_TROUBLE, PASS_ON,
     "My language model cannot see pictures. The admin has to check the config.",
     "llm.picture_refused"},
    {"llm.bad_picture", 0, APOLOGY_NOT_UNDERSTOOD, PASS_ON,
     "I can't look at that picture. Please try a smaller one, as PNG or JPEG.", "llm.bad_picture"},
    {"llm.bad_answer", 0, APOLOGY_TROUBLE, PASS_ON,
     "I got an answer that makes no sense. Please try again in a moment.", "llm.bad_answer"},
    {"llm.bad_json", 0, APOLOGY_TROUBLE, OWN,
     "I got an answer that makes no sense. Please try again in a moment.", "llm.bad_answer"},
    {"llm.provider_error", 0, APOLOGY_TROUBLE, OWN, TROUBLE, "llm.provider_error"},
    {"llm.too_long", 0, APOLOGY_NOT_UNDERSTOOD, OWN, TOO_LONG, "llm.too_long"},
    {"budget.price_unknown", 0, APOLOGY_TROUBLE, PASS_ON,
     "I don't know what my language model costs, so I don't ask it. The admin can set its price.",
     "budget.price_unknown"},
    {"budget.storage", 0, APOLOGY_TROUBLE, OWN,
     "I can't answer now: the storage does not work. Please try again later.", "budget.storage"},
    {"budget.", 0, APOLOGY_NOT_ALLOWED, PASS_ON, NO_MONEY, "budget.cap"},
    {"rate.", 0, APOLOGY_TOO_FAST, SECONDS, TOO_FAST, "conversation.too_fast"},
    {"limit.", 0, APOLOGY_TOO_FAST, SECONDS, TOO_FAST, "conversation.too_fast"},
    {NULL, TROUPE_NOT_FOUND, APOLOGY_TROUBLE, OWN, NOT_CONFIGURED, "llm.not_configured"},
    {NULL, TROUPE_BUDGET, APOLOGY_NOT_ALLOWED, OWN, NO_MONEY, "budget.cap"},
    {NULL, TROUPE_DENIED, APOLOGY_NOT_ALLOWED, OWN,
     "I'm not allowed to do that here. Someone with more rights can change it.",
     "conversation.not_allowed"},
    {NULL, TROUPE_BUSY, APOLOGY_TOO_FAST, SECONDS, TOO_FAST, "conversation.too_fast"},
    {NULL, TROUPE_DEADLINE, APOLOGY_TOO_SLOW, OWN, TOO_SLOW, "conversation.too_slow"},
    {NULL, TROUPE_UNAVAILABLE, APOLOGY_TROUBLE, OWN, TROUBLE, "conversation.trouble"},
    {NULL, TROUPE_LIMIT, APOLOGY_NOT_UNDERSTOOD, OWN, TOO_LONG, "conversation.too_long"},
};

static const struct row unknown = {
    NULL,
    0,
    APOLOGY_UNKNOWN,
    OWN,
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

static const struct row *find(troupe_status status, troupe_str code)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (fits(&rows[i], status, code))
            return &rows[i];
    return &unknown;
}

enum apology apology_of(troupe_status status, troupe_str code)
{
    return find(status, code)->apology;
}

const char *apology_name(enum apology apology)
{
    static const char *const names[APOLOGIES] = {
        [APOLOGY_TROUBLE] = "trouble",
        [APOLOGY_TOO_SLOW] = "too slow",
        [APOLOGY_NOT_UNDERSTOOD] = "not understood",
        [APOLOGY_NOT_ALLOWED] = "not allowed",
        [APOLOGY_TOO_FAST] = "too fast",
        [APOLOGY_UNKNOWN] = "unknown",
    };

    return names[apology];
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
    const struct row *row = find(status, code);

    if (row->manner == PASS_ON && sentence.len > 0) {
        snprintf(ret, size, "%.*s", (int)(sentence.len < size ? sentence.len : size - 1),
                 sentence.ptr);
    } else if (row->manner == SECONDS) {
        const unsigned long long wait = seconds(sentence);

        snprintf(ret, size, "%s Please try again in %llu second%s.", row->sentence, wait,
                 wait == 1 ? "" : "s");
    } else {
        snprintf(ret, size, "%s", row->sentence);
    }
    return row->reason;
}
