/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt: one paid request with its own reservation, from the first byte out to the money's
 * settlement. It never retries.
 */
#ifndef LLM_ROUND_H
#define LLM_ROUND_H

#include "allowance.h"
#include "cost.h"
#include "errors.h"
#include "health.h"
#include "hold.h"
#include "limits.h"
#include "request.h"
#include "stream.h"

/* Longest event of a stream, longest answer of a server that does not stream. */
#define LLM_EVENT_MAX ((size_t)128 * 1024)

struct llm_round {
    const struct llm_settings *settings;
    struct llm_request *request;
    const struct llm_tariff *tariff;
    uint32_t key;           /* of the provider's, which is used */
    struct llm_taken taken; /* of its limits; at_ms 0: nothing yet */
    int64_t now_ms;         /* when it begins */
    char *event_buffer;     /* LLM_EVENT_MAX bytes */
    char *text_buffer;      /* LLM_TEXT_MAX bytes  */
    size_t used;            /* of the answer's bound, by rounds before this */
    uint8_t holds_all;      /* nothing is handed out: it is checked first  */
    /* Called at the first token, before anything is handed out; below 0 the round ends as `lost`. NULL: nobody
     * cares. */
    troupe_status (*first)(troupe_turn *turn, struct llm_round *round);
    void *arg; /* of it */

    /* Set by the run. */
    struct llm_request sent; /* what of the request went out, while it runs */
    uint64_t guessed;        /* tokens that it was taken for; 0: nothing went out */
    struct llm_stream stream;
    struct llm_reservation reservation;
    uint64_t cost_micros;
    uint8_t estimated;          /* usage and cost are guessed */
    uint8_t shown;              /* text was handed out        */
    size_t handed;              /* bytes that were, or never are */
    int64_t left_at_start;      /* of the turn */
    int64_t first_ms, total_ms; /* to the first token and to the end */
    uint8_t cut;                /* given up: it was still coming, or cannot be read */
    uint8_t told;               /* `first` was called */
    uint8_t lost;               /* stopped: another one was first (race.h) */
    uint8_t silent;             /* the turn's time ended while it was waited for in vain */
    uint8_t asked;              /* the provider may have heard of it */
    uint8_t replayed; /* an earlier run of the stage had it, and has noted what it came to */
    struct llm_allowed allowed; /* what it told of the key's limits  */

    /* After a failure. */
    const struct llm_kind *kind; /* NULL: the turn has ended, or money was refused */
    uint32_t http_status;        /* 0 without an answer */
    uint8_t adapted;             /* the provider refused a parameter, which is now left out */
    uint8_t retryable;
    int64_t retry_after_ms; /* -1: not said */
};

/* A turn whose time is over counts against a model that has said nothing for so long by then, or for half of
 * first_token_timeout where that is less. */
#define LLM_SILENT_MS 5000

/* Whether the turn's own time has ended while the round's model kept silent, be it that the round runs or was just
 * ended by that. */
int llm_round_is_silent(troupe_turn *turn, const struct llm_round *round);

/* A round may be run several times; its stream stays until the next run or llm_stream_clear.
 *
 * Hands out text by troupe_write as it comes. TROUPE_OK after a whole answer. Otherwise the status
 * of `kind`, or where that is NULL the status to return as it is. [turn, waits] */
troupe_status llm_round_run(troupe_turn *turn, struct llm_round *round);

/* Counts with its key's limits what it came to, and keeps what its provider told of them; once, however often the
 * stage runs. */
void llm_round_count(struct llm_round *round, struct llm_health *health, struct llm_link *link);

/* Headers of every request to the provider; `ret` has room for LLM_HEADERS_MAX, `key` for
 * LLM_KEY_VALUE_MAX and is borrowed by them. `number` is the key's that is used. */
#define LLM_HEADERS_MAX   4
#define LLM_KEY_VALUE_MAX 64
uint32_t llm_headers(const struct llm_settings *settings, uint32_t number, int has_body, char *key,
                     troupe_header *ret);

#endif
