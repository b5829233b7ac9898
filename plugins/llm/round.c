/* SPDX-License-Identifier: Apache-2.0 */
#include "round.h"

#include "actions.h"
#include "fit.h"
#include "provider.h"
#include "retry.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_BODY_MAX 8192
/* A token in a chunk of its own takes some 200 bytes on the way; nothing of it is kept. */
#define STREAM_MAX ((uint64_t)64 * 1024 * 1024)
/* After the first token: far less than between two edits of a message, and still fluent in a console. */
#define GATHER_MS 100
/* A silence is looked for so long behind the time for a first token. */
#define LATE_MS 1000

static troupe_str str(const char *text)
{
    troupe_str s = {text, strlen(text)};

    return s;
}

uint32_t llm_headers(const struct llm_settings *settings, uint32_t number, int has_body, char *key,
                     troupe_header *ret)
{
    const struct llm_provider *provider = llm_provider_of(settings);
    uint32_t n = 0;

    ret[n++] =
        (troupe_header){str("Accept"), str(has_body ? provider->accept : "application/json")};
    if (has_body)
        ret[n++] = (troupe_header){str("Content-Type"), str("application/json")};
    if (provider->extra_header)
        ret[n++] = (troupe_header){str(provider->extra_header), str(provider->extra)};
    if (settings->has_key) { /* the host puts the key in on the way out */
        snprintf(key, LLM_KEY_VALUE_MAX, "%s{secret:%s}", provider->key_prefix,
                 settings->keys[number < settings->key_count ? number : 0]);
        ret[n++] = (troupe_header){str(provider->key_header), str(key)};
    }
    return n;
}

/* Whether the turn's own time ended while the model kept silent: who stops a turn does not say that it was
 * slow, and who was only just asked had no time. */
int llm_round_is_silent(troupe_turn *turn, const struct llm_round *round)
{
    const int64_t half = round->settings->first_token_ms / 2;

    return troupe_turn_status(turn) == TROUPE_DEADLINE && !round->stream.begun && !round->lost &&
           round->left_at_start - troupe_time_left(turn) >=
               (half < LLM_SILENT_MS ? half : LLM_SILENT_MS);
}

/* A failure of the provider's; where the turn has ended meanwhile, that counts and not this. */
static troupe_status fail(troupe_turn *turn, struct llm_round *round, const struct llm_kind *kind)
{
    troupe_status ended = troupe_turn_status(turn);

    if (ended < 0) {
        round->silent = (uint8_t)llm_round_is_silent(turn, round);
        return ended;
    }
    round->kind = kind;
    round->retryable = kind->retryable && !round->shown;
    return kind->status;
}

/* The pictures go from where the host has them: in the body they would be copied twice. */
static troupe_status open_in_parts(troupe_turn *turn, const struct llm_round *round,
                                   troupe_http_request *request, troupe_http **ret)
{
    troupe_http_part parts[2 * LLM_CUTS_MAX + 1];
    troupe_array list = {parts, 0, sizeof(parts[0])};
    struct llm_body body;
    troupe_status status;
    size_t at = 0;

    llm_provider_cut(&round->sent, &body);
    if (!body.text)
        return TROUPE_NOMEM;
    for (uint32_t i = 0; i < body.count; i++) {
        const struct llm_cut *cut = &body.cuts[i];

        parts[list.count++] = (troupe_http_part){.bytes = {body.text + at, cut->at - at}};
        parts[list.count++] =
            (troupe_http_part){.bytes = cut->picture->bytes, .as = TROUPE_HTTP_BASE64};
        at = cut->at;
    }
    parts[list.count++] = (troupe_http_part){.bytes = {body.text + at, body.len - at}};
    status = troupe_http_api(turn)->open_parts(turn, request, list, ret);
    free(body.text);
    return status;
}

static troupe_status open_whole(troupe_turn *turn, const struct llm_round *round,
                                troupe_http_request *request, troupe_http **ret)
{
    char *body = llm_request_body(&round->sent);
    troupe_status status;

    if (!body)
        return TROUPE_NOMEM;
    request->body = str(body);
    status = troupe_http_api(turn)->open(turn, request, ret);
    free(body);
    return status;
}

static troupe_status open_request(troupe_turn *turn, struct llm_round *round, troupe_http **ret)
{
    const struct llm_settings *settings = round->settings;
    troupe_header headers[LLM_HEADERS_MAX];
    char url[LLM_URL_MAX + 32], key[LLM_KEY_VALUE_MAX];
    troupe_http_request request = {.size = sizeof(request), .method = "POST"};

    snprintf(url, sizeof(url), "%s%s", settings->base_url, llm_provider_of(settings)->chat);
    request.url = str(url);
    request.headers.ptr = headers;
    request.headers.count = llm_headers(settings, round->key, 1, key, headers);
    request.headers.stride = sizeof(headers[0]);
    request.connect_ms = settings->connect_ms;
    request.first_byte_ms = settings->first_token_ms;
    /* The host's own limit is the longer of the two; read_stream tells them apart. */
    request.idle_ms =
        settings->idle_ms > settings->first_token_ms ? settings->idle_ms : settings->first_token_ms;
    request.total_ms = settings->total_ms;
    request.max_body = STREAM_MAX;
    request.reservation = round->reservation.id;
    return round->sent.pictures && TROUPE_HAS(troupe_http_api(turn), open_parts)
               ? open_in_parts(turn, round, &request, ret)
               : open_whole(turn, round, &request, ret);
}

/* As much of a body as fits. */
static size_t read_body(troupe_turn *turn, troupe_http *http, char *ret, size_t size,
                        troupe_status *ret_status)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    size_t len = 0;
    troupe_str bytes;

    while ((*ret_status = api->read(turn, http, &bytes)) == TROUPE_OK) {
        size_t n = bytes.len < size - len ? bytes.len : size - len;

        memcpy(ret + len, bytes.ptr, n);
        len += n;
        if (n < bytes.len) {
            *ret_status = TROUPE_LIMIT;
            break;
        }
    }
    return len;
}

/* What the provider says about trying again: its own wish first, then its delay. */
static void read_retry_headers(troupe_turn *turn, struct llm_round *round, const troupe_http *http)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    troupe_str value;

    if (api->header(http, "x-should-retry", &value) == TROUPE_OK)
        round->retryable = value.len == 4 && memcmp(value.ptr, "true", 4) == 0;
    round->retry_after_ms = llm_retry_told(turn, http);
}

/* The answer is an error: read it, and learn from it which parameter to leave out. */
static troupe_status refused(troupe_turn *turn, struct llm_round *round, troupe_http *http)
{
    struct llm_provider_error *error = &round->stream.error;
    troupe_status status;
    size_t len = read_body(turn, http, round->event_buffer, ERROR_BODY_MAX, &status);

    llm_provider_error_read(round->event_buffer, len, error);
    if (round->http_status == 400 || round->http_status == 404 || round->http_status == 422)
        round->adapted = (uint8_t)llm_request_adapt(
            round->request, error->param[0] ? error->param : NULL, error->message);
    status = fail(turn, round, llm_classify(round->http_status, error));
    if (round->kind)
        read_retry_headers(turn, round, http);
    return status;
}

/* Hands out what may be shown now. */
static troupe_status hand_out(troupe_turn *turn, struct llm_round *round, int ended)
{
    const struct llm_stream *stream = &round->stream;
    const enum llm_hold hold = round->holds_all ? LLM_HOLD_ALL
                               : llm_actions_used(round->request) && !round->request->no_calls
                                   ? LLM_HOLD_ACTIONS
                                   : LLM_HOLD_NOTHING;
    size_t n, skip;

    do {
        n = llm_hold_next(hold, stream->text, stream->len, round->handed, ended, &skip);
        if (n > 0) {
            troupe_status status;

            round->shown = 1;
            status = troupe_write(turn, stream->text + round->handed, n);
            if (status < 0)
                return status;
        }
        round->handed += n + skip;
    } while (n + skip > 0);
    return TROUPE_OK;
}

/* Another one was first; the provider may be at work all the same. */
static troupe_status lose(troupe_turn *turn, struct llm_round *round)
{
    round->lost = round->cut = 1;
    return fail(turn, round, llm_classify_transport(TROUPE_CANCELED));
}

static troupe_status tell_first(troupe_turn *turn, struct llm_round *round)
{
    if (!round->first || round->told || !round->stream.begun)
        return TROUPE_OK;
    round->told = 1;
    return round->first(turn, round) < 0 ? lose(turn, round) : TROUPE_OK;
}

/* What was or will be done may be billed, and nobody says how much: the provider may still be at work when we
 * stop listening, or sent what cannot be read. */
static troupe_status give_up(troupe_turn *turn, struct llm_round *round,
                             const struct llm_kind *kind)
{
    round->cut = 1;
    return fail(turn, round, kind);
}

/* One event of the stream; TROUPE_END after the last. Text before an error was there before it and is shown. */
static troupe_status take(troupe_turn *turn, struct llm_round *round, const char *data, size_t len)
{
    const char *text;
    size_t text_len;
    troupe_status status = llm_provider_chunk(llm_provider_of(round->settings), &round->stream,
                                              data, len, &text, &text_len);

    if (status == TROUPE_UNAVAILABLE || status == TROUPE_DATA || status == TROUPE_LIMIT) {
        troupe_status shown = hand_out(turn, round, 0);

        if (shown < 0)
            return shown;
        return status == TROUPE_UNAVAILABLE
                   ? fail(turn, round, llm_classify(round->http_status, &round->stream.error))
                   : give_up(turn, round, &llm_kind_garbage);
    }
    if (status >= 0)
        status = tell_first(turn, round);
    if (status < 0)
        return status;
    return round->stream.full ? TROUPE_END : TROUPE_OK;
}

/* Takes what came in one read, and hands it out as one piece: each is a turn for all who pass it on. */
static troupe_status take_bytes(troupe_turn *turn, struct llm_round *round,
                                struct llm_frames *frames, troupe_str bytes)
{
    const char *data = bytes.ptr;
    size_t len = bytes.len;
    struct llm_sse_event event;
    troupe_status status, shown;

    while ((status = llm_frames_next(frames, &data, &len, &event)) == TROUPE_OK) {
        troupe_status taken = event.len > 0 ? take(turn, round, event.data, event.len) : TROUPE_OK;

        if (taken < 0)
            return taken;
    }
    shown = hand_out(turn, round, 0);
    if (shown < 0)
        return shown;
    return status == TROUPE_LIMIT ? give_up(turn, round, &llm_kind_garbage) : TROUPE_OK;
}

static troupe_status give_up_reading(troupe_turn *turn, struct llm_round *round,
                                     troupe_status status)
{
    if (status == TROUPE_CANCELED)
        return lose(turn, round);
    llm_take_cause(turn, &round->stream.error);
    return give_up(turn, round, llm_classify_transport(status));
}

/* How long the next bytes may take. Before the first token it is what is left of that time:
 * comments that keep the connection alive are no token. Once it has passed, a moment, so that it is the host that
 * says so, and says it again where the stage runs again. 0: they come faster than that. */
static uint32_t patience(troupe_turn *turn, const struct llm_round *round)
{
    const struct llm_settings *settings = round->settings;
    const int64_t waited = round->left_at_start - troupe_time_left(turn);

    if (round->stream.begun)
        return settings->idle_ms;
    if (waited < settings->first_token_ms)
        return settings->first_token_ms - (uint32_t)waited;
    return waited < settings->first_token_ms + LATE_MS ? 1 : 0;
}

static troupe_status read_stream(troupe_turn *turn, struct llm_round *round, troupe_http *http)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    struct llm_frames frames;
    troupe_str bytes;
    troupe_status status;

    llm_frames_init(&frames, llm_provider_of(round->settings)->framing, round->event_buffer,
                    LLM_EVENT_MAX);
    for (;;) {
        uint32_t ms = patience(turn, round);

        if (ms == 0)
            return give_up(turn, round, &llm_kind_slow);
        status = api->read_within(turn, http, ms, &bytes);
        if (status == TROUPE_END)
            return TROUPE_OK;
        if (status < 0)
            return give_up_reading(turn, round, status);
        status = take_bytes(turn, round, &frames, bytes);
        if (round->stream.begun && round->first_ms < 0) {
            round->first_ms = round->left_at_start - troupe_time_left(turn);
            (void)troupe_http_gather(turn, http, GATHER_MS);
        }
        if (status < 0)
            return status == TROUPE_END ? TROUPE_OK : status;
    }
}

/* A server that does not stream sends one object. */
static troupe_status read_whole(troupe_turn *turn, struct llm_round *round, troupe_http *http)
{
    troupe_status status;
    size_t len = read_body(turn, http, round->event_buffer, LLM_EVENT_MAX, &status);

    if (status != TROUPE_END)
        return give_up_reading(turn, round, status);
    status = take(turn, round, round->event_buffer, len);
    return status == TROUPE_END ? TROUPE_OK : status;
}

/* The stream has ended without an error. Was it a whole answer? */
static troupe_status check_end(troupe_turn *turn, struct llm_round *round)
{
    const struct llm_stream *stream = &round->stream;

    const struct llm_request *request = round->request;
    int may_call = request->tools && !request->no_calls;

    if (stream->len == 0 && (stream->call_count == 0 || !may_call)) {
        if (strcmp(stream->finish, "content_filter") == 0)
            return fail(turn, round, &llm_kind_filtered);
        if (strcmp(stream->finish, "length") == 0)
            return fail(turn, round, &llm_kind_no_room);
        return stream->chunks > 0 ? fail(turn, round, &llm_kind_empty)
                                  : give_up(turn, round, &llm_kind_garbage);
    }
    /* Some servers forget [DONE] and some the reason, but a cut stream has neither. */
    if (!stream->finish[0] && !stream->done && !stream->full)
        return fail(turn, round, llm_classify_transport(TROUPE_IO));
    return TROUPE_OK;
}

static int is_json(troupe_turn *turn, const troupe_http *http)
{
    troupe_str type;

    return troupe_http_api(turn)->header(http, "content-type", &type) == TROUPE_OK &&
           type.len >= 16 && memcmp(type.ptr, "application/json", 16) == 0;
}

/* Settles what was used; `status` is how the answer ended. A provider bills nothing for a request
 * that it refused. One that had begun to answer and was cut off, or whose answer cannot be read, may bill up to
 * its worst case: only its own figures say less, and without them the reservation stays open for the host to
 * book. */
static troupe_status settle(troupe_turn *turn, struct llm_round *round, troupe_status status)
{
    struct llm_stream *stream = &round->stream;
    int measured = llm_usage_reported(&stream->usage) || stream->usage.has_cost;

    if (stream->chunks > 0 || measured) {
        round->estimated = (uint8_t)llm_usage_complete(&stream->usage, &round->sent, stream);
        round->cost_micros = llm_cost_actual(round->tariff, &stream->usage);
    }
    llm_used(turn, &round->reservation, &stream->usage);
    if ((status < 0 || stream->full) && !measured && (round->cut || stream->chunks > 0) &&
        round->cost_micros < round->reservation.worst) {
        round->cost_micros = round->reservation.worst;
        return TROUPE_OK;
    }
    return llm_settle(turn, &round->reservation, round->cost_micros);
}

/* What goes out now: the model, the tools and the results may be others than those before. */
static troupe_status fit(troupe_turn *turn, struct llm_round *round)
{
    const struct llm_settings *settings = round->request->settings;
    struct llm_trim trim;
    troupe_status status = llm_fit(round->request, &round->sent, &trim);

    if (status == TROUPE_LIMIT)
        return fail(turn, round, &llm_kind_no_context);
    if (status < 0)
        return status;
    round->guessed = trim.tokens;
    if (llm_trimmed(&trim))
        troupe_reason(turn, "llm.trimmed",
                      "%u old messages, %u results and %u functions did not fit into the %lld "
                      "tokens of %s",
                      trim.messages, trim.results, trim.tools, (long long)settings->context_tokens,
                      settings->model);
    return TROUPE_OK;
}

static troupe_status run_sent(troupe_turn *turn, struct llm_round *round)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    troupe_http *http = NULL;
    troupe_status status = llm_reserve(turn, round->tariff, &round->sent, &round->reservation);
    troupe_status settled;

    if (status < 0)
        return status;
    status = open_request(turn, round, &http);
    round->replayed = (uint8_t)troupe_replayed(turn);
    if (status == TROUPE_BUDGET)
        return llm_refused(turn, round->tariff, round->request);
    if (status < 0) {
        const int unstored = status != TROUPE_CANCELED && llm_is_unstored(turn);

        llm_take_cause(turn, &round->stream.error);
        llm_give_back(turn, &round->reservation, status);
        if (unstored)
            return status;
        round->asked = round->reservation.open;
        if (status == TROUPE_CANCELED) {
            round->lost = 1;
            round->total_ms = round->left_at_start - troupe_time_left(turn);
            round->cost_micros = round->reservation.open ? round->reservation.worst : 0;
        }
        return fail(turn, round, llm_classify_transport(status));
    }
    round->asked = 1;
    round->http_status = api->status(http);
    llm_allowed_read(api, http, round->settings->format,
                     round->now_ms + round->left_at_start - troupe_time_left(turn),
                     &round->allowed);
    if (round->http_status < 200 || round->http_status >= 300) {
        status = refused(turn, round, http);
    } else {
        status =
            is_json(turn, http) ? read_whole(turn, round, http) : read_stream(turn, round, http);
        if (status >= 0)
            status = check_end(turn, round);
        if (status >= 0)
            status = hand_out(turn, round, 1);
    }
    api->close(turn, http);
    round->total_ms = round->left_at_start - troupe_time_left(turn);
    if (round->first_ms < 0)
        round->first_ms = round->total_ms;
    settled = settle(turn, round, status);
    /* An answer that was given stays given where its cost could not be written down: the host then
     * books the worst case. A turn that has ended must not go on, though. */
    if (settled < 0 && troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    return status;
}

void llm_round_count(struct llm_round *round, struct llm_health *health, struct llm_link *link)
{
    const struct llm_usage *usage = &round->stream.usage;
    const int refused = round->http_status >= 300;
    const int known = round->estimated || llm_usage_reported(usage);

    if (round->replayed) {
        round->taken.at_ms = 0;
        return;
    }
    llm_health_settle(health, link, round->key, &round->taken,
                      !round->asked ? LLM_SPENT_NOTHING
                      : refused     ? LLM_SPENT_REQUEST
                      : known       ? LLM_SPENT_TOKENS
                                    : LLM_SPENT_UNKNOWN,
                      usage->input + usage->output);
    if (round->asked)
        llm_allowance_note(&health->allowances[round->key], &round->allowed,
                           round->http_status == 200 && !round->kind, round->retry_after_ms);
}

troupe_status llm_round_run(troupe_turn *turn, struct llm_round *round)
{
    troupe_status status;

    llm_stream_clear(&round->stream);
    llm_stream_init(&round->stream, round->text_buffer);
    round->stream.most -= round->used < LLM_TEXT_MAX ? round->used : LLM_TEXT_MAX;
    round->kind = NULL;
    round->adapted = round->shown = round->cut = round->estimated = 0;
    round->told = round->lost = round->silent = 0;
    round->left_at_start = troupe_time_left(turn);
    round->http_status = 0;
    round->handed = 0;
    round->retry_after_ms = -1;
    round->cost_micros = 0;
    round->first_ms = -1;
    round->total_ms = 0;
    round->guessed = 0;
    round->asked = 0;
    round->replayed = (uint8_t)troupe_replayed(turn); /* the choice, until there is a request */
    memset(&round->allowed, 0, sizeof(round->allowed));

    status = fit(turn, round);
    if (status < 0)
        return status;
    status = run_sent(turn, round);
    llm_request_clear(&round->sent);
    return status;
}
