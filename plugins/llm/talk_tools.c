/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include "structured.h"
#include "tools.h"

#include <stdlib.h>
#include <string.h>

/* Adds up what a round took that another one follows. */
static void add_up(struct llm_talk *talk)
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
static troupe_status keep_round(troupe_turn *turn, struct llm_talk *talk)
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

troupe_status llm_talk_use_tools(troupe_turn *turn, struct llm_talk *talk)
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

/* ---- answers in JSON --------------------------------------------------------------------------*/

troupe_status llm_talk_take_json(troupe_turn *turn, struct llm_talk *talk)
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

int llm_talk_asks_for_tools(const struct llm_talk *talk)
{
    return talk->before && talk->round->stream.call_count > 0 && !talk->round->request->no_calls &&
           !talk->round->stream.full;
}
