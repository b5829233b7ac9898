/* SPDX-License-Identifier: Apache-2.0 */
#include "converse.h"

#include "actions.h"
#include "race.h"
#include "retry.h"
#include "shape.h"
#include "spare.h"
#include "structured.h"
#include "tools.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_WAITS_MAX 2 /* a limit on questions is waited for so often */

#define ASK_MAX         320 /* bytes of the arguments of llm-route, whose names of routes are short */

#define BESIDE_TEXT     320 /* bytes of a result beside its text, as a rule */

#define ADAPTATIONS_MAX 4 /* parameters that a provider may refuse, one after the other */

/* Where a talk stands. */
struct talk {
    struct llm_agent *agent;
    struct llm_round *round;
    struct llm_tariff tariff;
    enum llm_route route;
    int64_t tokens, complexity, now_ms;
    int64_t left_ms; /* of the turn, at now_ms */
    int64_t candidate, attempt, adaptations, steps;
    uint8_t hurries; /* waits for no limit any more where another model would answer */
    uint8_t counts;  /* with limits of keys: choices say when they were made         */
    uint32_t tried;
    /* What rounds with calls gave before this one. */
    char *before; /* LLM_TEXT_MAX bytes; NULL without tools */
    size_t before_len;
    struct llm_usage usage;
    uint64_t guessed; /* what we took their questions for, in tokens */
    uint64_t cost_micros;
    uint8_t estimated;
    uint32_t prefer;  /* bits of the models that the member would rather have */
    json_t *json;     /* the answer, where it is one by a schema */
    uint8_t repaired; /* it was sent back once */
};

/* The provider's own words go to the log only, and not where they may repeat a key. */
static void log_failure(const struct llm_round *round, int64_t attempt)
{
    const struct llm_provider_error *error = &round->stream.error;
    const int hide = round->http_status && llm_kind_may_name_key(round->kind, round->http_status);
    const int several = round->settings->key_count > 1;

    troupe_log(
        round->settings->host, TROUPE_LOG_WARN,
        "attempt %lld of %lld failed: %s %s (%s), model \"%s\", %s%sHTTP %u, type \"%s\", code "
        "\"%s\"%s%s",
        (long long)attempt, (long long)round->settings->attempts, round->kind->code,
        round->kind->name, llm_category_name(round->kind->category), round->settings->model,
        several ? round->settings->keys[round->key] : "", several ? ", " : "", round->http_status,
        error->type, error->code, error->message[0] && !hide ? ": " : "",
        hide ? "" : error->message);
}

/* The whole text where it is no round's alone: an answer in JSON, or what rounds before this one said, and
 * this one. Of the caller's to free; NULL without memory. */
static char *text_of(const struct talk *talk, size_t *ret_len)
{
    const struct llm_stream *stream = &talk->round->stream;
    char *whole;

    if (talk->json) {
        whole = llm_json_print(talk->json, 0);
        *ret_len = whole ? strlen(whole) : 0;
        return whole;
    }
    whole = malloc(talk->before_len + stream->len + 1);
    if (!whole)
        return NULL;
    memcpy(whole, talk->before, talk->before_len);
    memcpy(whole + talk->before_len, stream->text, stream->len);
    *ret_len = talk->before_len + stream->len;
    return whole;
}

static int64_t sum(uint64_t before, uint64_t now)
{
    return (int64_t)before + (int64_t)now;
}

static void put(struct llm_json_writer *out, const char *text)
{
    llm_json_put(out, text, strlen(text));
}

static void put_text(struct llm_json_writer *out, const char *before, const char *text)
{
    put(out, before);
    llm_json_put_string(out, text, strlen(text));
}

static void put_number(struct llm_json_writer *out, const char *before, int64_t number)
{
    put(out, before);
    llm_json_put_int(out, number);
}

static void put_figures(struct llm_json_writer *out, const struct talk *talk)
{
    const struct llm_round *round = talk->round;
    const struct llm_usage *before = &talk->usage, *now = &round->stream.usage;

    put_number(out, ",\"usage\":{\"input\":", sum(before->input, now->input));
    put_number(out, ",\"output\":", sum(before->output, now->output));
    put_number(out, ",\"cached\":", sum(before->cached, now->cached));
    put_number(out, ",\"guessed\":", sum(talk->guessed, round->guessed));
    put(out, round->estimated || talk->estimated ? ",\"estimated\":true" : ",\"estimated\":false");
    put_number(out, "},\"cost_micros\":", sum(talk->cost_micros, round->cost_micros));
}

/* Every answer passes here, so no tree is made of it. */
static troupe_status give_result(troupe_turn *turn, const struct talk *talk, const char *finish)
{
    const struct llm_round *round = talk->round;
    const struct llm_stream *stream = &round->stream;
    LLM_CLEANUP_TEXT char *whole = NULL;
    size_t len = stream->len;
    struct llm_json_writer out;
    troupe_status status;

    if (talk->json || talk->before_len > 0) {
        whole = text_of(talk, &len);
        if (!whole)
            return TROUPE_NOMEM;
    }
    llm_json_begin(&out, len + BESIDE_TEXT, 0);
    put(&out, "{\"text\":");
    llm_json_put_string(&out, whole ? whole : stream->text, len);
    put_text(&out, ",\"model\":", stream->model[0] ? stream->model : round->settings->model);
    put_text(&out, ",\"finish\":", finish);
    put_figures(&out, talk);
    if (talk->json) {
        put(&out, ",\"json\":");
        llm_json_put(&out, whole, len);
    }
    put(&out, "}");
    status = out.text ? troupe_result(turn, out.text, out.len) : TROUPE_NOMEM;
    free(out.text);
    return status;
}

static troupe_status fail(troupe_turn *turn, const struct talk *talk)
{
    const struct llm_round *round = talk->round;
    const struct llm_kind *kind = round->kind;
    troupe_status status;

    if (round->shown || talk->before_len > 0) {
        status = give_result(turn, talk, "interrupted");
        if (status < 0)
            return status;
        kind = &llm_kind_interrupted;
    }
    return llm_fail_of(turn, kind, round->settings->model_key, round->retry_after_ms);
}

/* ---- which model --------------------------------------------------------------------------------*/

void llm_choice_write(const struct llm_candidate *candidates, const struct llm_choice *choice,
                      char *ret)
{
    const int len = snprintf(ret, LLM_CHOICE_MAX, "{\"candidate\":%lld,\"key\":%lld,\"blind\":%s",
                             (long long)choice->candidate, (long long)choice->key,
                             choice->blind ? "true" : "false");

    if (choice->candidate < 0 && choice->next >= 0)
        snprintf(ret + len, LLM_CHOICE_MAX - (size_t)len,
                 ",\"wait\":%lld,\"limit\":%s,\"kind\":\"%s\"}", (long long)choice->wait_ms,
                 choice->limit ? "true" : "false", choice->kind ? choice->kind->name : "");
    else
        snprintf(ret + len, LLM_CHOICE_MAX - (size_t)len, ",\"at\":%lld,\"shape\":%" PRIu32 "}",
                 (long long)choice->at_ms,
                 choice->candidate < 0 ? 0 : llm_shape_bits(&candidates[choice->candidate].shape));
}

troupe_status llm_cannot_see(troupe_turn *turn)
{
    return troupe_fail(
        turn, TROUPE_UNSUPPORTED, "llm.cannot_see",
        "No language model here can see pictures. Please say in words what is on it; "
        "the admin can name a model that sees in route_vision of [agent %s].",
        troupe_agent(troupe_turn_host(turn)));
}

/* The arguments of llm-route. Every question passes here, so no tree is made of them; they are part of what is
 * recorded, so they stay as they are. */
static void write_ask(const struct talk *talk, int64_t last, int again, char ret[ASK_MAX])
{
    snprintf(ret, ASK_MAX,
             "{\"route\":\"%s\",\"tokens\":%" PRId64 ",\"max_tokens\":%" PRId64
             ",\"complexity\":%" PRId64 ",\"tried\":%" PRIu32 ",\"prefer\":%" PRIu32
             ",\"last\":%" PRId64 ",\"again\":%s,\"pictures\":%s%s}",
             llm_route_name(talk->route), talk->tokens, (int64_t)talk->round->request->max_tokens,
             talk->complexity, talk->tried, talk->prefer, last, again ? "true" : "false",
             talk->round->request->pictures ? "true" : "false",
             talk->hurries ? ",\"hurry\":true" : "");
}

/* What a function of the agent's own said; `ret` stays as it is where that cannot be used. */
static void read_choice(const struct talk *talk, troupe_str result, struct llm_choice *ret)
{
    LLM_CLEANUP_JSON json_t *choice = llm_json_load(result.ptr, result.len);
    const json_t *candidate = json_object_get(choice, "candidate"), *wait, *shape;

    if (!json_is_integer(candidate) ||
        json_integer_value(candidate) >= (json_int_t)talk->agent->router.count)
        return;
    ret->candidate = json_integer_value(candidate);
    ret->key = json_integer_value(json_object_get(choice, "key"));
    ret->at_ms = json_integer_value(json_object_get(choice, "at"));
    ret->blind = json_is_true(json_object_get(choice, "blind"));
    wait = json_object_get(choice, "wait");
    if (json_is_integer(wait))
        ret->wait_ms = json_integer_value(wait);
    shape = json_object_get(choice, "shape");
    if (json_is_integer(shape))
        ret->shape = (uint32_t)json_integer_value(shape);
    ret->limit = json_is_true(json_object_get(choice, "limit"));
    ret->kind = llm_kind_named(json_string_value(json_object_get(choice, "kind")));
}

/* Calls such a function, so that the host records what it says. */
static troupe_status ask_own(troupe_turn *turn, const struct talk *talk, const char *name,
                             const char *args, struct llm_choice *ret)
{
    troupe_str result = {NULL, 0};

    if (troupe_call(turn, name, (troupe_str){args, strlen(args)}, &result) < 0)
        return troupe_turn_status(turn);
    read_choice(talk, result, ret);
    return TROUPE_OK;
}

/* Without an answer that can be used, `fallback` is the choice. */
static troupe_status choose(troupe_turn *turn, const struct talk *talk, int64_t last, int again,
                            int64_t fallback, struct llm_choice *ret)
{
    char args[ASK_MAX];

    memset(ret, 0, sizeof(*ret));
    ret->candidate = fallback;
    ret->next = ret->wait_ms = -1;
    ret->shape = LLM_SHAPE_UNKNOWN;
    write_ask(talk, last, again, args);
    return ask_own(turn, talk, LLM_ROUTE_FUNCTION, args, ret);
}

/* Nobody may be asked now: what keeps them away, and when they are asked again. */
static troupe_status fail_unasked(troupe_turn *turn, const struct talk *talk,
                                  const struct llm_choice *choice)
{
    const int several = talk->agent->router.count > 1;
    const struct llm_kind *kind = choice->kind;
    const long long seconds = (choice->wait_ms + 999) / 1000;
    const char *plural = seconds == 1 ? "" : "s";

    if (choice->candidate < 0 && choice->blind)
        return llm_cannot_see(turn);
    if (choice->wait_ms < 0)
        return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.unreachable",
                           "None of the language models can be asked at the moment. Please try "
                           "again in a minute.");
    if (kind == &llm_kind_at_limit && !troupe_replayed(turn))
        troupe_metric(turn, "limits", 1, "refused", NULL);
    if (kind == &llm_kind_at_limit || (!several && kind && kind->category == LLM_RATE))
        return llm_fail(turn, kind, choice->wait_ms);
    if (!several && kind && (kind->category == LLM_CONFIG || kind->category == LLM_ACCOUNT))
        return troupe_fail(turn, kind->status, kind->code, "%s It is asked again in %lld second%s.",
                           kind->sentence, seconds, plural);
    return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.unreachable",
                       "%s Please try again in %lld second%s.",
                       several ? "None of the language models can be asked at the moment."
                               : "The language model did not answer lately, and is not asked now.",
                       seconds, plural);
}

/* Waits where no more than a limit on questions is in the way, and that not for long: 1, or 0 where it is no
 * use. Never longer than for a first token. */
static troupe_status wait_for_limit(troupe_turn *turn, const struct talk *talk,
                                    const struct llm_choice *choice)
{
    const int64_t first_token = talk->agent->settings.first_token_ms;
    const int own = choice->kind == &llm_kind_at_limit;
    int64_t wait = choice->wait_ms;
    troupe_status status;

    if (choice->candidate >= 0 || !choice->limit || wait > LLM_LIMIT_WAIT_MS || wait > first_token)
        return 0;
    wait += troupe_random(turn, LLM_LIMIT_SPREAD_MS);
    status = llm_spare(turn, wait + LLM_RETRY_MARGIN_MS);
    if (status <= 0)
        return status;
    troupe_reason(turn, "llm.waited", "%s; again in %lld ms",
                  own ? "all keys are at their limits" : "the provider takes no more questions",
                  (long long)wait);
    if (own && !troupe_replayed(turn))
        troupe_metric(turn, "limits", 1, "waited", NULL);
    status = troupe_sleep(turn, (uint64_t)wait);
    return status < 0 ? status : 1;
}

/* The first choice. Where no more than a limit on questions is in the way, that is waited for. */
static troupe_status choose_first(troupe_turn *turn, struct talk *talk, struct llm_choice *ret)
{
    const int64_t fallback = talk->round->request->pictures ? -1 : 0;
    troupe_status status;

    for (int n = 0;; n++) {
        talk->hurries = n >= LIMIT_WAITS_MAX;
        status = choose(turn, talk, -1, 0, fallback, ret);
        if (status < 0 || ret->candidate >= 0 || talk->hurries)
            break;
        status = wait_for_limit(turn, talk, ret);
        if (status < 0 || (status == 0 && !(ret->limit && ret->wait_ms <= LLM_SOON_MS)))
            break;
        if (status == 0)
            n = LIMIT_WAITS_MAX - 1; /* there was no time for a better one; another may be free */
    }
    talk->hurries = 0;
    return status;
}

/* The round's key, and what it took of its limits. */
static void take_key(struct talk *talk, const struct llm_choice *choice)
{
    struct llm_round *round = talk->round;

    round->key = choice->key > 0 && choice->key < LLM_KEYS_MAX ? (uint32_t)choice->key : 0;
    round->taken.at_ms = choice->at_ms;
    talk->counts |= choice->at_ms != 0;
    round->taken.need = (struct llm_need){talk->tokens, round->request->max_tokens, 0};
}

/* The next round goes to this one. */
static void turn_to(struct talk *talk, const struct llm_choice *choice)
{
    const struct llm_candidate *candidate = &talk->agent->candidates[choice->candidate];
    struct llm_round *round = talk->round;

    talk->candidate = choice->candidate;
    round->settings = &candidate->settings;
    take_key(talk, choice);
    llm_request_turn_to(round->request, round->settings);
    llm_shape_begin(round->request, choice->shape == LLM_SHAPE_UNKNOWN
                                        ? llm_shape_bits(&candidate->shape)
                                        : choice->shape);
    talk->tariff = llm_tariff_find(round->settings, talk->now_ms);
    round->tariff = &talk->tariff;
    talk->adaptations = 0;
}

/* Without a look at the clock that the host would have to record. */
static int64_t now_of(troupe_turn *turn, const struct talk *talk)
{
    return talk->now_ms + talk->left_ms - troupe_time_left(turn);
}

/* What the round that has ended says of its key's limits. */
static void count(struct talk *talk)
{
    struct llm_candidate *candidate = &talk->agent->candidates[talk->candidate];

    llm_round_count(talk->round, &candidate->health,
                    &talk->agent->router.links[candidate->provider]);
}

/* Once, however often the stage runs. */
static void note(troupe_turn *turn, const struct talk *talk)
{
    const struct llm_round *round = talk->round;

    if (round->replayed)
        return;
    llm_router_note(&talk->agent->router, (uint32_t)talk->candidate, round->key, round->kind,
                    round->retry_after_ms, round->first_ms, round->total_ms);
    if (!round->adapted)
        llm_alert_watch(turn, &talk->agent->candidates[talk->candidate].alert, round->settings,
                        round->kind, now_of(turn, talk));
}

static void note_failure(troupe_turn *turn, const struct talk *talk)
{
    if (talk->round->replayed)
        return;
    log_failure(talk->round, talk->attempt);
    troupe_metric(turn, "errors", 1, talk->round->kind->name, NULL);
    note(turn, talk);
}

/* The turn's time ended while the model kept silent: what it would have been told at its own deadline. */
static void note_silence(troupe_turn *turn, const struct talk *talk)
{
    struct llm_round *round = talk->round;

    round->kind = &llm_kind_slow;
    note_failure(turn, talk);
    round->kind = NULL;
}

/* Of two that were asked together the one failed by itself whose answer is not taken. */
static void note_lost(troupe_turn *turn, struct talk *talk, const struct llm_race_ask *ask,
                      int64_t candidate, uint32_t key)
{
    struct llm_candidate *lost = &talk->agent->candidates[candidate];
    const struct llm_kind *kind = ask->lost_kind;

    talk->tried |= 1u << candidate;
    if (ask->lost_replayed)
        return;
    troupe_log(lost->settings.host, TROUPE_LOG_WARN,
               "a question beside another model failed: %s %s (%s), model \"%s\"", kind->code,
               kind->name, llm_category_name(kind->category), lost->settings.model);
    troupe_metric(turn, "errors", 1, kind->name, NULL);
    llm_router_note(&talk->agent->router, (uint32_t)candidate, key, kind, ask->lost_retry_ms, 0, 0);
    if (!ask->lost_adapted)
        llm_alert_watch(turn, &lost->alert, &lost->settings, kind, now_of(turn, talk));
}

/* ---- what next ----------------------------------------------------------------------------------*/

/* How often it is asked in all: each other model once more, and each other key where one is to blame. */
static int64_t attempts_of(const struct talk *talk)
{
    const struct llm_settings *settings = talk->round->settings;
    const int keys = llm_kind_blames_key(talk->round->kind) ? settings->key_count : 0;

    return settings->attempts + (int64_t)talk->agent->router.count - 1 + (keys > 1 ? keys - 1 : 0);
}

/* After a failure: TROUPE_OK when another round is to be run, else how the talk ends. */
static troupe_status go_on(troupe_turn *turn, struct talk *talk)
{
    struct llm_round *round = talk->round;
    const int64_t last = talk->candidate;
    int64_t wait = -1;
    struct llm_choice choice;
    troupe_status status;

    note_failure(turn, talk);
    if (llm_kind_cannot_see(round->kind))
        talk->agent->candidates[last].blind = 1;
    if (round->adapted && talk->adaptations++ < ADAPTATIONS_MAX) {
        troupe_reason(turn, "llm.adapted", "the provider refused a parameter; asking without");
        return TROUPE_OK;
    }
    if (round->shown || round->kind->retry == LLM_STOP || talk->attempt >= attempts_of(talk))
        return fail(turn, talk);
    if (round->retryable) {
        status = llm_retry_plan(turn, talk->attempt, round->settings->attempts,
                                round->retry_after_ms, &wait);
        if (status < 0)
            return status;
    }
    if (wait < 0 && !llm_router_chooses(&talk->agent->router))
        return fail(turn, talk);
    if (!llm_kind_blames_key(round->kind))
        talk->tried |= 1u << last;
    status = choose(turn, talk, last, wait >= 0, wait >= 0 ? last : -1, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0)
        return fail(turn, talk);
    if (choice.candidate == last && (uint32_t)choice.key == round->key) {
        if (wait < 0)
            return fail(turn, talk);
        troupe_reason(turn, "llm.retry", "%s in attempt %lld; again in %lld ms", round->kind->code,
                      (long long)talk->attempt, (long long)wait);
        take_key(talk, &choice);
        status = troupe_sleep(turn, (uint64_t)wait);
        if (status < 0)
            return status;
    } else {
        troupe_reason(turn, "llm.fallback", "%s failed (%s); asking %s%s", round->settings->model,
                      round->kind->name, talk->agent->candidates[choice.candidate].settings.model,
                      choice.candidate == last ? " with another key" : "");
        turn_to(talk, &choice);
    }
    talk->attempt++;
    return TROUPE_OK;
}

/* The price of a model is beyond what is left of the budget; a cheaper one may not be. */
static troupe_status go_cheaper(troupe_turn *turn, struct talk *talk, troupe_status refusal)
{
    const char *model = talk->round->settings->model;
    struct llm_choice choice;
    troupe_status status;

    talk->tried |= 1u << talk->candidate;
    status = choose(turn, talk, talk->candidate, 0, -1, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0 || choice.candidate == talk->candidate)
        return refusal;
    troupe_reason(turn, "llm.cheaper", "no money for %s; asking %s", model,
                  talk->agent->candidates[choice.candidate].settings.model);
    turn_to(talk, &choice);
    return TROUPE_OK;
}

/* ---- a model of one's own ------------------------------------------------------------------------*/

static struct llm_pool *pool_of(const struct talk *talk)
{
    struct llm_pool *pool = &talk->agent->pools[talk->agent->candidates[talk->candidate].provider];
    const struct llm_price *price = &talk->tariff.price;

    return pool->size > 0 && talk->round->settings->is_local && price->input == 0 &&
                   price->output == 0
               ? pool
               : NULL;
}

/* No place in time, or no key: another model may be asked. TROUPE_OK when one is. */
static troupe_status go_elsewhere(troupe_turn *turn, struct talk *talk, const struct llm_kind *kind,
                                  int64_t retry_after_ms)
{
    struct llm_round *round = talk->round;
    struct llm_choice choice = {.candidate = -1};
    troupe_status status = TROUPE_OK;

    round->kind = kind;
    round->shown = round->asked = 0;
    round->retry_after_ms = retry_after_ms;
    round->replayed = (uint8_t)troupe_replayed(turn); /* what refused it */
    count(talk);
    talk->tried |= 1u << talk->candidate;
    if (!round->replayed)
        troupe_metric(turn, "errors", 1, round->kind->name, NULL);
    if (llm_router_chooses(&talk->agent->router))
        status = choose(turn, talk, talk->candidate, 0, -1, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0 || choice.candidate == talk->candidate)
        return fail(turn, talk);
    troupe_reason(turn, "llm.fallback", "%s is %s; asking %s", round->settings->model,
                  kind == &llm_kind_full ? "full" : "at its limit",
                  talk->agent->candidates[choice.candidate].settings.model);
    turn_to(talk, &choice);
    return TROUPE_OK;
}

/* Waits for a place by the agent's own function, so that the host records what came of it: 1 with a place, 0
 * where another model is asked. */
static troupe_status take_place(troupe_turn *turn, struct talk *talk)
{
    char args[48];
    troupe_str result = {NULL, 0};
    troupe_status status;

    snprintf(args, sizeof(args), "{\"provider\":%u}",
             talk->agent->candidates[talk->candidate].provider);
    status = troupe_call(turn, LLM_PLACE_FUNCTION, (troupe_str){args, strlen(args)}, &result);
    if (status < 0 && troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0 || memmem(result.ptr, (size_t)result.len, "true", 4))
        return 1; /* what cannot be asked keeps nobody from asking */
    return go_elsewhere(turn, talk, &llm_kind_full, -1);
}

/* ---- rounds that go on with their model --------------------------------------------------------*/

/* A round of which no choice was made counts, too, and with another key where that of before is at its limit. 1 with
 * a key, 0 where another model is asked. */
static troupe_status stay(troupe_turn *turn, struct talk *talk)
{
    struct llm_round *round = talk->round;
    struct llm_choice choice;
    char args[ASK_MAX];
    troupe_status status;

    talk->tokens = (int64_t)llm_estimate_request(round->request);
    for (int n = 0;; n++) {
        memset(&choice, 0, sizeof(choice));
        choice.candidate = talk->candidate;
        choice.key = round->key;
        choice.wait_ms = -1;
        snprintf(args, sizeof(args),
                 "{\"candidate\":%" PRId64 ",\"key\":%" PRIu32 ",\"tokens\":%" PRId64
                 ",\"max_tokens\":%" PRId64 "}",
                 talk->candidate, round->key, talk->tokens, (int64_t)round->request->max_tokens);
        status = ask_own(turn, talk, LLM_KEY_FUNCTION, args, &choice);
        if (status < 0)
            return status;
        if (choice.candidate >= 0) {
            take_key(talk, &choice);
            return 1;
        }
        status = n < LIMIT_WAITS_MAX ? wait_for_limit(turn, talk, &choice) : 0;
        if (status < 0)
            return status;
        if (status == 0)
            return go_elsewhere(turn, talk, choice.kind ? choice.kind : &llm_kind_at_limit,
                                choice.wait_ms);
    }
}

/* ---- tools --------------------------------------------------------------------------------------*/

/* Adds up what a round took that another one follows. */
static void add_up(struct talk *talk)
{
    const struct llm_round *round = talk->round;
    const struct llm_stream *stream = &round->stream;

    talk->usage.input += stream->usage.input;
    talk->usage.output += stream->usage.output;
    talk->usage.cached += stream->usage.cached;
    talk->guessed += round->guessed;
    talk->cost_micros += round->cost_micros;
    talk->estimated |= round->estimated;
}

/* The same of a round with calls, and sets the text that follows apart from it. */
static troupe_status keep_round(troupe_turn *turn, struct talk *talk)
{
    struct llm_round *round = talk->round;
    const struct llm_stream *stream = &round->stream;
    troupe_status status = TROUPE_OK;

    add_up(talk);
    if (round->holds_all)
        return TROUPE_OK;
    if (stream->len > 0 && talk->before_len + stream->len + 2 <= LLM_TEXT_MAX) {
        memcpy(talk->before + talk->before_len, stream->text, stream->len);
        talk->before_len += stream->len;
        memcpy(talk->before + talk->before_len, "\n\n", 2);
        talk->before_len += 2;
        status = troupe_write(turn, "\n\n", 2);
    }
    round->used = talk->before_len;
    return status;
}

/* The answer asks for tools: calls them, and readies the next round. */
static troupe_status use_tools(troupe_turn *turn, struct talk *talk)
{
    const struct llm_settings *settings = &talk->agent->settings;
    struct llm_request *request = talk->round->request;
    troupe_status status = keep_round(turn, talk);

    if (status < 0)
        return status;
    status = llm_tools_run(turn, request, &talk->round->stream);
    if (status < 0)
        return status;
    talk->steps++;
    if (talk->steps >= settings->tool_steps || talk->cost_micros > settings->tool_cost ||
        talk->before_len > LLM_TEXT_MAX / 2) {
        request->no_calls = 1;
        troupe_reason(turn, "llm.tools_end", "after %lld rounds of calls it has to answer",
                      (long long)talk->steps);
    }
    talk->attempt = 1;
    talk->tried = 0;
    return TROUPE_OK;
}

/* ---- answers in JSON ----------------------------------------------------------------------------*/

/* Checks an answer by a schema: 1 when it holds and was handed out, 0 when it is asked for once more. */
static troupe_status take_json(troupe_turn *turn, struct talk *talk)
{
    struct llm_round *round = talk->round;
    LLM_CLEANUP_TEXT char *text = NULL;
    char problem[LLM_SCHEMA_PROBLEM];
    troupe_status status;

    talk->json = llm_structured_read(round->request, &round->stream, problem);
    if (talk->json) {
        text = llm_json_print(talk->json, 0);
        status = text ? troupe_write(turn, text, strlen(text)) : TROUPE_NOMEM;
        return status < 0 ? status : 1;
    }
    /* What it says of keys and values is the caller's schema, not what a member wrote. */
    troupe_reason(turn, "llm.schema", "%s%s", problem, talk->repaired ? "" : "; asking once more");
    if (talk->repaired)
        return troupe_fail(turn, TROUPE_DATA, "llm.bad_json",
                           "The language model did not answer in the form that was asked for.");
    add_up(talk);
    talk->repaired = 1;
    talk->attempt = 1;
    talk->tried = 0;
    round->request->no_calls = 1;
    return llm_structured_repair(round->request, &round->stream, problem);
}

static int asks_for_tools(const struct talk *talk)
{
    return talk->before && talk->round->stream.call_count > 0 && !talk->round->request->no_calls &&
           !talk->round->stream.full;
}

/* One round, with a second model beside it where the first one keeps silent. */
static troupe_status ask_one(troupe_turn *turn, struct talk *talk)
{
    struct llm_router *router = &talk->agent->router;
    const uint32_t key = talk->round->key;
    struct llm_race_ask *ask;
    troupe_status status;

    if (!talk->round->settings->hedge_ms)
        return llm_round_run(turn, talk->round);
    ask = troupe_turn_alloc(turn, sizeof(*ask));
    if (!ask)
        return TROUPE_NOMEM;
    ask->ask = (struct llm_ask){.route = talk->route,
                                .tokens = talk->tokens,
                                .max_tokens = talk->round->request->max_tokens,
                                .complexity = talk->complexity,
                                .tried = talk->tried,
                                .prefer = talk->prefer,
                                .last = talk->candidate,
                                .pictures = talk->round->request->pictures != NULL};
    ask->now_ms = talk->now_ms;
    status = llm_race_run(turn, talk->agent, talk->round, ask, &talk->tariff);
    talk->cost_micros += ask->lost_micros;
    if (ask->other_won) {
        if (ask->lost_kind)
            note_lost(turn, talk, ask, talk->candidate, key);
        else if (!ask->lost_replayed)
            llm_health_slow(&router->candidates[talk->candidate].health, ask->lost_ms);
        talk->candidate = ask->other;
        talk->adaptations = 0;
    } else if (ask->other >= 0 && ask->lost_kind) {
        note_lost(turn, talk, ask, ask->other, ask->key);
    }
    return status;
}

static troupe_status run(troupe_turn *turn, struct talk *talk)
{
    struct llm_round *round = talk->round;
    troupe_status status;

    for (;;) {
        struct llm_pool *pool = pool_of(talk);

        if (round->taken.at_ms == 0 && talk->counts) {
            status = stay(turn, talk);
            if (status < 0)
                return status;
            if (status == 0)
                continue;
        }
        if (pool) {
            status = take_place(turn, talk);
            if (status < 0)
                return status;
            if (status == 0)
                continue;
        }
        round->now_ms = now_of(turn, talk);
        status = ask_one(turn, talk);
        if (pool)
            llm_pool_leave(pool, troupe_turn_id(turn));
        count(talk);
        if (status >= 0) {
            note(turn, talk);
            if (!round->replayed)
                llm_shape_learn(&talk->agent->candidates[talk->candidate].shape, round->request);
            if (llm_actions_used(round->request) && !round->request->no_calls) {
                status = llm_actions_take(&round->stream);
                if (status < 0)
                    return status;
            }
            if (!asks_for_tools(talk) && round->request->schema) {
                status = take_json(turn, talk);
                if (status < 0)
                    return status;
                if (status == 0)
                    continue;
            }
            if (!asks_for_tools(talk))
                return give_result(turn, talk,
                                   round->stream.full        ? "length"
                                   : round->stream.finish[0] ? round->stream.finish
                                                             : "stop");
            status = use_tools(turn, talk);
            if (status < 0)
                return status;
            continue;
        }
        if (round->silent)
            note_silence(turn, talk);
        if (round->kind)
            status = go_on(turn, talk);
        else if (status == TROUPE_BUDGET && llm_router_chooses(&talk->agent->router))
            status = go_cheaper(turn, talk, status);
        if (status < 0)
            return status;
    }
}

troupe_status llm_converse(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                           uint32_t prefer, struct llm_round *round)
{
    const int64_t now_ms = troupe_now(turn);
    struct talk talk = {.agent = agent,
                        .round = round,
                        .route = route,
                        .prefer = prefer,
                        .tokens = (int64_t)llm_estimate_request(round->request),
                        .complexity = llm_complexity(round->request->messages),
                        .now_ms = now_ms,
                        .left_ms = troupe_time_left(turn),
                        .attempt = 1};
    struct llm_choice choice;
    troupe_status status;

    if (!troupe_replayed(turn))
        llm_router_earn(&agent->router);
    if (round->request->tools) {
        talk.before = troupe_turn_alloc(turn, LLM_TEXT_MAX);
        if (!talk.before)
            return TROUPE_NOMEM;
    }
    status = choose_first(turn, &talk, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0)
        return fail_unasked(turn, &talk, &choice);
    turn_to(&talk, &choice);
    round->holds_all = round->request->schema != NULL;
    status = run(turn, &talk);
    json_decref(talk.json);
    return status;
}
