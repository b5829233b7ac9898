/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include "limit_wait.h"
#include "shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ASK_MAX 320 /* bytes of the arguments of llm-route, whose names of routes are short */

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

/* ---- asking the functions of the agent --------------------------------------------------------*/

/* The arguments of llm-route. Every question passes here, so no tree is made of them; they are part of what is
 * recorded, so they stay as they are. */
static void write_ask(const struct llm_talk *talk, int64_t last, int again, char ret[ASK_MAX])
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
static void read_choice(const struct llm_talk *talk, troupe_str result, struct llm_choice *ret)
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

troupe_status llm_talk_ask_own(troupe_turn *turn, const struct llm_talk *talk, const char *name,
                               const char *args, struct llm_choice *ret)
{
    troupe_str result = {NULL, 0};

    if (troupe_call(turn, name, (troupe_str){args, strlen(args)}, &result) < 0)
        return troupe_turn_status(turn);
    read_choice(talk, result, ret);
    return TROUPE_OK;
}

troupe_status llm_talk_choose(troupe_turn *turn, const struct llm_talk *talk, int64_t last,
                              int again, int64_t fallback, struct llm_choice *ret)
{
    char args[ASK_MAX];

    memset(ret, 0, sizeof(*ret));
    ret->candidate = fallback;
    ret->next = ret->wait_ms = -1;
    ret->shape = LLM_SHAPE_UNKNOWN;
    write_ask(talk, last, again, args);
    return llm_talk_ask_own(turn, talk, LLM_ROUTE_FUNCTION, args, ret);
}

/* ---- the first choice -------------------------------------------------------------------------*/

troupe_status llm_talk_fail_unasked(troupe_turn *turn, const struct llm_talk *talk,
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
    if (kind == &llm_kind_at_limit)
        return llm_limit_refuse(turn, choice->wait_ms);
    if (!several && kind && kind->category == LLM_RATE)
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

troupe_status llm_talk_wait(troupe_turn *turn, const struct llm_talk *talk,
                            const struct llm_choice *choice)
{
    const int own = choice->kind == &llm_kind_at_limit;

    if (choice->candidate >= 0 || !choice->limit)
        return 0;
    return llm_limit_wait(turn, choice->wait_ms, talk->agent->settings.first_token_ms, own,
                          own ? "all keys are at their limits"
                              : "the provider takes no more questions");
}

troupe_status llm_talk_begin(troupe_turn *turn, struct llm_talk *talk, struct llm_choice *ret)
{
    const int64_t fallback = talk->round->request->pictures ? -1 : 0;
    troupe_status status;

    for (int n = 0;; n++) {
        talk->hurries = n >= LLM_LIMIT_WAITS_MAX;
        status = llm_talk_choose(turn, talk, -1, 0, fallback, ret);
        if (status < 0 || ret->candidate >= 0 || talk->hurries)
            break;
        status = llm_talk_wait(turn, talk, ret);
        if (status < 0 || (status == 0 && !(ret->limit && ret->wait_ms <= LLM_SOON_MS)))
            break;
        if (status == 0)
            n = LLM_LIMIT_WAITS_MAX -
                1; /* there was no time for a better one; another may be free */
    }
    talk->hurries = 0;
    return status;
}

void llm_talk_take_key(struct llm_talk *talk, const struct llm_choice *choice)
{
    struct llm_round *round = talk->round;

    round->key = choice->key > 0 && choice->key < LLM_KEYS_MAX ? (uint32_t)choice->key : 0;
    round->taken.at_ms = choice->at_ms;
    talk->counts |= choice->at_ms != 0;
    round->taken.need = (struct llm_need){talk->tokens, round->request->max_tokens, 0};
}

void llm_talk_turn_to(struct llm_talk *talk, const struct llm_choice *choice)
{
    const struct llm_candidate *candidate = &talk->agent->candidates[choice->candidate];
    struct llm_round *round = talk->round;

    talk->candidate = choice->candidate;
    round->settings = &candidate->settings;
    llm_talk_take_key(talk, choice);
    llm_request_turn_to(round->request, round->settings);
    llm_shape_begin(round->request, choice->shape == LLM_SHAPE_UNKNOWN
                                        ? llm_shape_bits(&candidate->shape)
                                        : choice->shape);
    talk->tariff = llm_tariff_find(round->settings, talk->clock.now_ms);
    round->tariff = &talk->tariff;
    talk->adaptations = 0;
}
