/* SPDX-License-Identifier: Apache-2.0
 *
 * Models that keep failing, for the bot's owner: the same kind of failure so often within a window, at the first
 * time where only an admin can mend it, too large a share of all questions, or no answer at all for a whole
 * window. It is told once, with what can be done, and once more when it is over. What was asked is no fault of
 * the model's and does not count (llm_kind_blames_model). A question that goes round a model that is down counts
 * as one that it failed.
 *
 * All of it is memory of this process, of a fixed size for each model.
 */
#ifndef LLM_ALERT_H
#define LLM_ALERT_H

#include "errors.h"
#include "settings.h"

#define LLM_ALERT_PARTS 6 /* of a window, which moves on by one at a time   */
#define LLM_ALERT_ROW   3 /* failures in a row without which a silence says nothing */
#define LLM_ALERT_KINDS 8 /* of failures of a model that are counted at once */

/* How often something was within the window. */
struct llm_tally {
    int64_t part; /* the newest, counted from 1970 */
    uint32_t counts[LLM_ALERT_PARTS];
};

struct llm_alert {
    struct {
        const struct llm_kind *kind; /* NULL: free */
        struct llm_tally times;
        int64_t last_ms;
        uint8_t told;
    } kinds[LLM_ALERT_KINDS];
    struct llm_tally asked, failed;
    uint8_t told_share, told_price;
    uint32_t row;     /* failures since its last answer    */
    int64_t since_ms; /* when the first of them was        */
};

enum llm_alert_event {
    LLM_ALERT_NOTHING,
    LLM_ALERT_STUCK,  /* a failure that stays until somebody does something about it */
    LLM_ALERT_BEGINS, /* with the kind that there were so many of          */
    LLM_ALERT_SHARE,  /* so many of so many failed, of whatever kinds      */
    LLM_ALERT_DOWN, /* `count` in a row failed within `for_ms`, a window or more, where bots are seldom asked */
    LLM_ALERT_OVER, /* nothing of that is true any more, and it answered */
};

struct llm_alert_news {
    enum llm_alert_event event;
    const struct llm_kind *kind; /* the last failure; NULL when it is over */
    uint32_t count, asked;
    int64_t for_ms;
};

/* What came of a question at `now_ms`: `kind` NULL after an answer. What the owner is to be told of it. */
struct llm_alert_news llm_alert_note(struct llm_alert *alert, const struct llm_alert_rule *rule,
                                     const struct llm_kind *kind, int64_t now_ms);

/* The same, and tells it: to the owner, on the metric "alerts" and in the turn's trace. [turn] */
void llm_alert_watch(troupe_turn *turn, struct llm_alert *alert,
                     const struct llm_settings *settings, const struct llm_kind *kind,
                     int64_t now_ms);
/* The model is passed over as nobody knows its price: told once. `key` of the agent's section would say it; NULL:
 * only the price table can. [turn] */
void llm_alert_unpriced(troupe_turn *turn, struct llm_alert *alert,
                        const struct llm_settings *settings, const char *key);

#endif
