/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include <stdlib.h>
#include <string.h>

#define BESIDE_TEXT 320 /* bytes of a result beside its text, as a rule */

/* The whole text where it is no round's alone: an answer in JSON, or what rounds before this one said, and
 * this one. Of the caller's to free; NULL without memory. */
static char *text_of(const struct llm_talk *talk, size_t *ret_len)
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

static void put_figures(struct llm_json_writer *out, const struct llm_talk *talk)
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

troupe_status llm_talk_give(troupe_turn *turn, const struct llm_talk *talk, const char *finish)
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

troupe_status llm_talk_fail(troupe_turn *turn, const struct llm_talk *talk)
{
    const struct llm_round *round = talk->round;
    const struct llm_kind *kind = round->kind;
    troupe_status status;

    if (round->shown || talk->before_len > 0) {
        status = llm_talk_give(turn, talk, "interrupted");
        if (status < 0)
            return status;
        kind = &llm_kind_interrupted;
    }
    return llm_fail_of(turn, kind, round->settings->model_key, round->retry_after_ms);
}
