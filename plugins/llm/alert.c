/* SPDX-License-Identifier: Apache-2.0 */
#include "alert.h"

#include "health.h"

#include <string.h>

#define SHARE_OVER 0.5 /* of the bound that was passed, under which it is over */
/* Longer than a refused key or a model that is down is left alone: that nobody tried it is no sign of health. */
#define STUCK_QUIET_MS (2 * LLM_BREAKER_MOST_MS)

/* ---- counting ---------------------------------------------------------------------------------*/

/* Parts of the window that have passed are empty again. A turn that is behind others, or runs again with the
 * times of its first run, is within the window and empties nothing; a clock that was set back does. */
static void move_on(struct llm_tally *tally, int64_t part)
{
    if (part - tally->part >= LLM_ALERT_PARTS || tally->part - part >= LLM_ALERT_PARTS) {
        memset(tally->counts, 0, sizeof(tally->counts));
        tally->part = part;
    }
    while (tally->part < part)
        tally->counts[++tally->part % LLM_ALERT_PARTS] = 0;
}

static void add(struct llm_tally *tally, int64_t part)
{
    move_on(tally, part);
    tally->counts[part % LLM_ALERT_PARTS]++;
}

static uint32_t sum(struct llm_tally *tally, int64_t part)
{
    uint32_t sum = 0;

    move_on(tally, part);
    for (int i = 0; i < LLM_ALERT_PARTS; i++)
        sum += tally->counts[i];
    return sum;
}

/* The place of a kind; of more kinds than there are places for, those that were seldom seen are forgotten. */
static int place_of(struct llm_alert *alert, const struct llm_kind *kind, int64_t part)
{
    uint32_t least = UINT32_MAX;
    int found = 0;

    for (int i = 0; i < LLM_ALERT_KINDS; i++) {
        uint32_t count = sum(&alert->kinds[i].times, part);

        if (alert->kinds[i].kind == kind)
            return i;
        if (!alert->kinds[i].kind)
            count = 0;
        else if (alert->kinds[i].told)
            count = UINT32_MAX - 1;
        if (count < least) {
            least = count;
            found = i;
        }
    }
    memset(&alert->kinds[found], 0, sizeof(alert->kinds[found]));
    alert->kinds[found].kind = kind;
    return found;
}

/* ---- what is to be told -----------------------------------------------------------------------*/

static int is_told(const struct llm_alert *alert)
{
    int told = alert->told_share;

    for (int i = 0; i < LLM_ALERT_KINDS; i++)
        told |= alert->kinds[i].told;
    return told;
}

/* No answer for a whole window: with few questions the other rules never hold. Nothing beside what was told of
 * the same outage. */
static void note_row(struct llm_alert *alert, const struct llm_alert_rule *rule, int place,
                     int64_t now_ms, struct llm_alert_news *news)
{
    if (alert->row == 0 || now_ms < alert->since_ms) /* or the clock was set back */
        alert->since_ms = now_ms;
    if (alert->row < UINT32_MAX)
        alert->row++;
    news->for_ms = now_ms - alert->since_ms;
    if ((rule->count == 0 && rule->share <= 0) || alert->row < LLM_ALERT_ROW ||
        news->for_ms < rule->window_ms || is_told(alert))
        return;
    news->event = LLM_ALERT_DOWN;
    news->count = alert->row;
    alert->kinds[place].told = alert->told_share = 1;
}

static struct llm_alert_news note_failure(struct llm_alert *alert,
                                          const struct llm_alert_rule *rule,
                                          const struct llm_kind *kind, int64_t part, int64_t now_ms)
{
    const int place = place_of(alert, kind, part);
    struct llm_alert_news news = {.kind = kind, .asked = sum(&alert->asked, part)};
    uint32_t failed, times;

    add(&alert->failed, part);
    add(&alert->kinds[place].times, part);
    failed = sum(&alert->failed, part);
    times = sum(&alert->kinds[place].times, part);
    alert->kinds[place].last_ms = now_ms;
    if (rule->count > 0 && !alert->kinds[place].told &&
        (llm_kind_needs_admin(kind) || times >= rule->count)) {
        news.event = llm_kind_needs_admin(kind) ? LLM_ALERT_STUCK : LLM_ALERT_BEGINS;
        news.count = times;
        alert->kinds[place].told = alert->told_share = 1; /* which is what most will fail by */
    } else if (rule->share > 0 && news.asked >= LLM_ALERT_LEAST &&
               failed >= rule->share * (double)news.asked && !alert->told_share) {
        news.event = LLM_ALERT_SHARE;
        news.count = failed;
        alert->told_share = 1;
    }
    note_row(alert, rule, place, now_ms, &news);
    return news;
}

static struct llm_alert_news note_answer(struct llm_alert *alert, const struct llm_alert_rule *rule,
                                         int64_t part, int64_t now_ms)
{
    struct llm_alert_news news = {.asked = sum(&alert->asked, part)};
    const uint32_t failed = sum(&alert->failed, part);
    int told = 0, left = 0;

    for (int i = 0; i < LLM_ALERT_KINDS; i++) {
        const int was_told = alert->kinds[i].told;

        told |= was_told;
        if (was_told && sum(&alert->kinds[i].times, part) == 0 &&
            (!llm_kind_needs_admin(alert->kinds[i].kind) ||
             now_ms - alert->kinds[i].last_ms > STUCK_QUIET_MS))
            alert->kinds[i].told = 0;
        left |= alert->kinds[i].told;
    }
    told |= alert->told_share;
    if (failed == 0 ||
        (!left && (rule->share <= 0 || failed < SHARE_OVER * rule->share * (double)news.asked)))
        alert->told_share = 0;
    left |= alert->told_share;
    if (told && !left)
        news.event = LLM_ALERT_OVER;
    return news;
}

struct llm_alert_news llm_alert_note(struct llm_alert *alert, const struct llm_alert_rule *rule,
                                     const struct llm_kind *kind, int64_t now_ms)
{
    const int64_t part = now_ms / (rule->window_ms / LLM_ALERT_PARTS);

    if (kind && !llm_kind_blames_model(kind)) {
        if (kind != &llm_kind_no_context &&
            (kind->category == LLM_CONTENT || kind->category == LLM_REQUEST))
            alert->row = 0; /* it is there, and says so */
        return (struct llm_alert_news){0};
    }
    add(&alert->asked, part);
    if (kind)
        return note_failure(alert, rule, kind, part, now_ms);
    alert->row = 0;
    return note_answer(alert, rule, part, now_ms);
}

/* ---- telling it -------------------------------------------------------------------------------*/

static void tell(troupe_turn *turn, const struct llm_settings *settings, const char *text)
{
    if (troupe_tell_owner(turn, "%s", text) < 0) /* a host without that */
        troupe_log(settings->host, TROUPE_LOG_WARN, "%s", text);
    troupe_reason(turn, "llm.alert", "%s", text);
}

void llm_alert_watch(troupe_turn *turn, struct llm_alert *alert,
                     const struct llm_settings *settings, const struct llm_kind *kind,
                     int64_t now_ms)
{
    const struct llm_alert_rule *rule = &settings->alert;
    const struct llm_alert_news news = llm_alert_note(alert, rule, kind, now_ms);
    const long long minutes = rule->window_ms / 60000;
    char text[TROUPE_OWNER_MAX], sentence[LLM_SENTENCE_MAX] = "";

    if (!kind && news.event != LLM_ALERT_OVER) /* an answer begins nothing */
        return;
    if (kind)
        llm_kind_sentence(kind, settings->model_key, sentence);
    switch (news.event) {
    case LLM_ALERT_NOTHING: return;
    case LLM_ALERT_STUCK: /* the other keys may serve it */
        snprintf(text, sizeof(text), "the model \"%s\" at %s gives no answers%s (%s). %s%s",
                 settings->model, settings->host_name,
                 settings->key_count > 1 && llm_kind_blames_key(kind)
                     ? " for one of its keys, which the log names"
                     : "",
                 kind->name, sentence, llm_kind_advice(kind));
        break;
    case LLM_ALERT_BEGINS:
        snprintf(
            text, sizeof(text),
            "the model \"%s\" at %s failed %u times within %lld minutes in the same way (%s). %s%s",
            settings->model, settings->host_name, news.count, minutes, kind->name, sentence,
            llm_kind_advice(kind));
        break;
    case LLM_ALERT_SHARE:
        snprintf(
            text, sizeof(text),
            "the model \"%s\" at %s failed %u of %u times within %lld minutes, the last time by "
            "\"%s\". %s%s",
            settings->model, settings->host_name, news.count, news.asked, minutes, kind->name,
            sentence, llm_kind_advice(kind));
        break;
    case LLM_ALERT_DOWN:
        snprintf(
            text, sizeof(text),
            "the model \"%s\" at %s has answered none of %u questions within %lld minutes, the "
            "last time by \"%s\". %s%s",
            settings->model, settings->host_name, news.count, (long long)news.for_ms / 60000,
            kind->name, sentence, llm_kind_advice(kind));
        break;
    case LLM_ALERT_OVER:
        snprintf(text, sizeof(text), "the model \"%s\" at %s answers again", settings->model,
                 settings->host_name);
        break;
    }
    tell(turn, settings, text);
    troupe_metric(turn, "alerts", 1, kind ? kind->name : "over", NULL);
}

void llm_alert_unpriced(troupe_turn *turn, struct llm_alert *alert,
                        const struct llm_settings *settings, const char *key)
{
    char text[TROUPE_OWNER_MAX], where[160] = "";

    if (alert->told_price || settings->alert.count == 0)
        return;
    alert->told_price = 1;
    if (key)
        snprintf(where, sizeof(where), "Name it in %s of [agent %s], or add", key,
                 troupe_agent(settings->host));
    snprintf(text, sizeof(text),
             "the model \"%s\" at %s is not asked, as its price is not known. %s it to a copy of "
             "the price table, and reload.",
             settings->model, settings->host_name, key ? where : "Add");
    tell(turn, settings, text);
    troupe_metric(turn, "alerts", 1, "price", NULL);
}
