/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int fake_text_has(const struct fake_text *text, const char *part)
{
    return text->ptr && strstr(text->ptr, part) != NULL;
}

/* ---- host -------------------------------------------------------------------------------------*/

static struct fake_host *host_self(troupe_host *host)
{
    return (struct fake_host *)(void *)host;
}

static const char *host_agent(troupe_host *host)
{
    return host_self(host)->agent;
}

static void host_log(troupe_host *host, uint32_t level, const char *text, uint64_t len)
{
    (void)level;
    append(&host_self(host)->log, text, len);
    append(&host_self(host)->log, "\n", 1);
}

static void *host_alloc(troupe_host *host, uint64_t size)
{
    host_self(host)->allocated++;
    return calloc(1, size);
}

static void host_free(troupe_host *host, void *block)
{
    if (block)
        host_self(host)->allocated--;
    free(block);
}

static const troupe_plugin *plugin_of(struct fake_host *host)
{
    return ((struct fake_turn *)(void *)((char *)host - offsetof(struct fake_turn, host)))->plugin;
}

/* Which of the key's choices it is, -1: none. */
static int choice_of(const troupe_key *key, const char *text)
{
    const size_t len = strlen(text);
    int i = 0;

    for (const char *at = key->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL, i++)
        if (strcspn(at, "|") == len && memcmp(at, text, len) == 0)
            return i;
    return -1;
}

static troupe_status convert(const troupe_key *key, const char *text, troupe_value *ret)
{
    char *end;

    ret->type = key->type;
    if (key->flags & TROUPE_KEY_SECRET)
        return TROUPE_DENIED;
    switch (key->type) {
    case TROUPE_TYPE_INT: ret->u.i = strtoll(text, NULL, 10); break;
    case TROUPE_TYPE_BOOL: ret->u.i = strcmp(text, "yes") == 0; break;
    case TROUPE_TYPE_FLOAT: ret->u.f = strtod(text, NULL); break;
    case TROUPE_TYPE_MONEY: ret->u.i = (int64_t)(strtod(text, NULL) * 1e6 + 0.5); break;
    case TROUPE_TYPE_DURATION:
        if (choice_of(key, text) >= 0) {
            ret->u.i = TROUPE_WORD(choice_of(key, text));
            break;
        }
        ret->u.i = strtoll(text, &end, 10);
        if (strcmp(end, "ms") != 0)
            ret->u.i *= *end == 'm' ? 60000 : 1000;
        break;
    case TROUPE_TYPE_SIZE:
        ret->u.i = strtoll(text, &end, 10);
        ret->u.i *= *end == 'k' ? 1024 : 1;
        break;
    default: ret->u.s = (troupe_str){text, strlen(text)};
    }
    return TROUPE_OK;
}

static troupe_status host_config(troupe_host *host, const char *name, troupe_value *ret)
{
    struct fake_host *fake = host_self(host);
    const troupe_array *keys = &plugin_of(fake)->config;

    for (uint32_t i = 0; i < keys->count; i++) {
        const troupe_key *key = TROUPE_AT(*keys, troupe_key, i);

        if (strcmp(key->name, name) != 0)
            continue;
        for (int c = 0; c < FAKE_MAX && fake->config[c].key; c++)
            if (strcmp(fake->config[c].key, name) == 0)
                return convert(key, fake->config[c].value, ret);
        return key->def ? convert(key, key->def, ret) : TROUPE_NOT_FOUND;
    }
    return TROUPE_ARGUMENT;
}

static const troupe_host_table host_table = {.size = sizeof(host_table),
                                             .agent = host_agent,
                                             .log = host_log,
                                             .alloc = host_alloc,
                                             .free = host_free,
                                             .config = host_config};

/* ---- the outside ------------------------------------------------------------------------------*/

static void forget_request(struct fake_request *request)
{
    free(request->url);
    free(request->body);
    forget(&request->got);
    request->url = request->body = NULL;
    request->headers[0] = 0;
    request->end = TROUPE_OK;
}

struct troupe_http {
    struct fake_turn *fake;
    const struct fake_response *response;
    struct fake_request *seen;
    unsigned chunk;
    int replayed;
};

static troupe_status http_of(struct fake_turn *fake, unsigned i, int replayed, troupe_http **ret)
{
    const struct fake_response *response = &fake->responses[i];
    troupe_http *http;

    fake->replayed = (uint8_t)replayed;
    if (!response->status)
        return error(fake, response->open_status ? response->open_status : TROUPE_UNAVAILABLE,
                     response->code ? response->code : "http.failed",
                     "connection refused by 10.9.8.7");
    http = keep(fake, sizeof(*http));
    *http = (troupe_http){fake, response, &fake->requests[i], 0, replayed};
    fake->open_http++;
    *ret = http;
    return TROUPE_OK;
}

static troupe_status http_open(troupe_turn *turn, const troupe_http_request *request,
                               troupe_http **ret)
{
    struct fake_turn *fake = self(turn);
    struct fake_request *seen = &fake->requests[fake->request_count];
    const struct fake_response *response = &fake->responses[fake->request_count];

    if (fake->ended < 0)
        return fake->ended;
    if (fake->request_count < fake->replayed_requests)
        return http_of(fake, fake->request_count++, 1, ret);
    if (fake->request_count == FAKE_MAX - 1)
        abort(); /* the last script is missing */
    fake->request_count++;
    forget_request(seen); /* of the run before */
    seen->url = strndup(request->url.ptr, request->url.len);
    seen->body = strndup(request->body.ptr ? request->body.ptr : "", request->body.len);
    for (uint32_t i = 0; i < request->headers.count; i++) {
        const troupe_header *header = TROUPE_AT(request->headers, troupe_header, i);
        size_t len = strlen(seen->headers);

        snprintf(seen->headers + len, sizeof(seen->headers) - len, "%.*s: %.*s\n",
                 (int)header->name.len, header->name.ptr, (int)header->value.len,
                 header->value.ptr);
    }
    seen->reservation = request->reservation;
    seen->idle_ms = request->idle_ms;
    seen->first_byte_ms = request->first_byte_ms;
    if (request->reservation && (response->status || response->dispatched))
        fake->reservations[request->reservation - 1].state = FAKE_DISPATCHED;
    return http_of(fake, fake->request_count - 1, 0, ret);
}

/* As the host sends it. */
static char *join_parts(troupe_array parts)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    for (uint32_t i = 0; i < parts.count; i++) {
        const troupe_http_part *part = TROUPE_AT(parts, troupe_http_part, i);
        const unsigned char *in = (const unsigned char *)part->bytes.ptr;

        if (part->as == TROUPE_HTTP_PLAIN)
            fwrite(part->bytes.ptr, 1, part->bytes.len, out);
        for (uint64_t at = 0; part->as == TROUPE_HTTP_BASE64 && at < part->bytes.len; at += 3) {
            const uint64_t n = part->bytes.len - at < 3 ? part->bytes.len - at : 3;
            const unsigned bits = (unsigned)in[at] << 16 | (n > 1 ? (unsigned)in[at + 1] << 8 : 0) |
                                  (n > 2 ? in[at + 2] : 0);

            fprintf(out, "%c%c%c%c", digits[bits >> 18], digits[bits >> 12 & 63],
                    n > 1 ? digits[bits >> 6 & 63] : '=', n > 2 ? digits[bits & 63] : '=');
        }
    }
    fclose(out);
    return text;
}

static troupe_status http_open_parts(troupe_turn *turn, const troupe_http_request *request,
                                     troupe_array parts, troupe_http **ret)
{
    troupe_http_request whole = *request;
    char *body = join_parts(parts);
    troupe_status status;

    whole.body = (troupe_str){body, strlen(body)};
    self(turn)->requests[self(turn)->request_count].parts = parts.count;
    status = http_open(turn, &whole, ret);
    free(body);
    return status;
}

static uint32_t http_status(const troupe_http *http)
{
    return http->response->status;
}

static troupe_status http_header(const troupe_http *http, const char *name, troupe_str *ret)
{
    for (int i = 0; i < 12 && http->response->headers[i]; i += 2) {
        if (strcasecmp(http->response->headers[i], name) == 0) {
            const char *value = http->response->headers[i + 1];

            *ret = (troupe_str){value, strlen(value)};
            return TROUPE_OK;
        }
    }
    return TROUPE_NOT_FOUND;
}

/* All that was read, in one chunk, and then how it ended. */
static troupe_status read_again(troupe_http *http, troupe_str *ret)
{
    const struct fake_request *seen = http->seen;

    if (seen->got.len > 0 && http->chunk++ == 0) {
        *ret = keep_text(http->fake, seen->got.ptr, seen->got.len);
        return TROUPE_OK;
    }
    return seen->end < 0 ? seen->end : TROUPE_END;
}

static troupe_status http_read(troupe_turn *turn, troupe_http *http, troupe_str *ret)
{
    struct fake_turn *fake = self(turn);
    const char *chunk = http->response->chunks[http->chunk];

    if (fake->ended < 0)
        return fake->ended;
    if (http->replayed)
        return read_again(http, ret);
    fake->left_ms -= http->response->chunk_ms;
    fake->now_ms += http->response->chunk_ms;
    if (chunk) {
        http->chunk++;
        append(&http->seen->got, chunk, strlen(chunk));
        http->seen->end = TROUPE_OK;
        /* A copy, so that a sanitizer sees a reader that passes the end. */
        *ret = keep_text(fake, chunk, strlen(chunk));
        return TROUPE_OK;
    }
    if (http->response->ends_turn)
        return fake->ended = TROUPE_CANCELED;
    if (http->response->times_out)
        return fake->ended = TROUPE_DEADLINE;
    return http->seen->end = http->response->end ? http->response->end : TROUPE_END;
}

/* A silence is over after `ms`, if the script's own does not end it before. */
static troupe_status http_read_within(troupe_turn *turn, troupe_http *http, uint32_t ms,
                                      troupe_str *ret)
{
    struct fake_turn *fake = self(turn);

    if (ms && http->response->chunk_ms > ms && !http->replayed) {
        fake->left_ms -= ms;
        fake->now_ms += ms;
        return fake->ended < 0 ? fake->ended : (http->seen->end = TROUPE_DEADLINE);
    }
    return http_read(turn, http, ret);
}

static troupe_status http_gather(troupe_turn *turn, troupe_http *http, uint32_t ms)
{
    (void)turn;
    (void)http;
    (void)ms;
    return TROUPE_OK;
}

static void http_close(troupe_turn *turn, troupe_http *http)
{
    (void)http;
    self(turn)->open_http--;
}

static const troupe_http_v1 http_table = {.size = sizeof(http_table),
                                          .open = http_open,
                                          .status = http_status,
                                          .header = http_header,
                                          .read = http_read,
                                          .close = http_close,
                                          .read_within = http_read_within,
                                          .gather = http_gather,
                                          .open_parts = http_open_parts};

/* Of a host from before `open_parts`. */
static const troupe_http_v1 http_table_before = {.size = offsetof(troupe_http_v1, open_parts),
                                                 .open = http_open,
                                                 .status = http_status,
                                                 .header = http_header,
                                                 .read = http_read,
                                                 .close = http_close,
                                                 .read_within = http_read_within,
                                                 .gather = http_gather};

/* ---- money ------------------------------------------------------------------------------------*/

static troupe_status money_reserve(troupe_turn *turn, uint64_t worst, const char *what,
                                   uint64_t *ret)
{
    struct fake_turn *fake = self(turn);
    uint64_t sum = 0;

    (void)what;
    if (fake->ended < 0)
        return fake->ended;
    if (fake->request_count < fake->replayed_requests) {
        *ret = fake->requests[fake->request_count].reservation;
        return TROUPE_OK;
    }
    for (unsigned i = 0; i < fake->reservation_count; i++) {
        const struct fake_reservation *r = &fake->reservations[i];

        sum += r->state == FAKE_SETTLED ? r->settled : r->state == FAKE_RELEASED ? 0 : r->worst;
    }
    if (worst == TROUPE_PRICE_UNKNOWN)
        return error(fake, TROUPE_BUDGET, "budget.price_unknown", "no price");
    if (worst > fake->cap - sum)
        return error(fake, TROUPE_BUDGET, "budget.daily",
                     "the budget of today is used up; raise the cap in [budget]");
    if (fake->reservation_count == FAKE_MAX)
        abort();
    fake->reservations[fake->reservation_count++] =
        (struct fake_reservation){FAKE_RESERVED, worst, 0};
    *ret = fake->reservation_count;
    return TROUPE_OK;
}

static troupe_status money_settle(troupe_turn *turn, uint64_t id, uint64_t micros)
{
    struct fake_turn *fake = self(turn);
    struct fake_reservation *reservation = &fake->reservations[id - 1];

    if (fake->ended < 0)
        return fake->ended;
    if (fake->replayed)
        return TROUPE_OK;
    if (reservation->state != FAKE_DISPATCHED)
        return TROUPE_ARGUMENT;
    reservation->state = FAKE_SETTLED;
    reservation->settled = micros;
    return TROUPE_OK;
}

static troupe_status money_release(troupe_turn *turn, uint64_t id)
{
    struct fake_turn *fake = self(turn);
    struct fake_reservation *reservation = &fake->reservations[id - 1];

    if (fake->ended < 0)
        return fake->ended;
    if (reservation->state != FAKE_RESERVED)
        return TROUPE_ARGUMENT;
    reservation->state = FAKE_RELEASED;
    return TROUPE_OK;
}

static troupe_status money_level(troupe_turn *turn, uint32_t *ret_percent)
{
    *ret_percent = self(turn)->level;
    return TROUPE_OK;
}

static const troupe_budget_v1 budget_table = {.size = sizeof(budget_table),
                                              .reserve = money_reserve,
                                              .settle = money_settle,
                                              .release = money_release,
                                              .level = money_level};

/* ---- the turn ---------------------------------------------------------------------------------*/

static troupe_status schedule_add(troupe_turn *turn, const troupe_job *job, troupe_planned *ret)
{
    struct fake_turn *fake = self(turn);

    (void)ret;
    if (fake->ended < 0)
        return fake->ended;
    snprintf(fake->planned, sizeof(fake->planned), "%.*s", (int)job->payload.len, job->payload.ptr);
    snprintf(fake->planned_key, sizeof(fake->planned_key), "%.*s", (int)job->key.len, job->key.ptr);
    fake->planned_count++;
    return TROUPE_OK;
}

static const troupe_schedule_v1 schedule_table = {.size = sizeof(schedule_table),
                                                  .add = schedule_add};

static troupe_status owner_tell(troupe_turn *turn, const char *sentence)
{
    append(&self(turn)->told, sentence, strlen(sentence));
    append(&self(turn)->told, "\n", 1);
    return TROUPE_OK;
}

static troupe_status metric_note(troupe_turn *turn, const char *name, double value,
                                 const char *label, const char *label2)
{
    (void)value;
    (void)label2;
    append(&self(turn)->counted, name, strlen(name));
    append(&self(turn)->counted, " ", 1);
    append(&self(turn)->counted, label ? label : "", label ? strlen(label) : 0);
    append(&self(turn)->counted, "\n", 1);
    return TROUPE_OK;
}

static const troupe_metrics_v1 metrics_table = {.size = sizeof(metrics_table), .note = metric_note};

static const troupe_owner_v1 owner_table = {.size = sizeof(owner_table), .tell = owner_tell};

static troupe_status file_info(troupe_turn *turn, uint32_t index, troupe_file *ret)
{
    const struct fake_turn *fake = self(turn);

    if (index >= 12 || !fake->files[index].name)
        return TROUPE_NOT_FOUND;
    ret->kind = fake->files[index].kind;
    ret->bytes = fake->files[index].len;
    ret->shown = 0;
    ret->name = (troupe_str){fake->files[index].name, strlen(fake->files[index].name)};
    ret->type = (troupe_str){"", 0};
    return TROUPE_OK;
}

static troupe_status file_read(troupe_turn *turn, uint32_t index, troupe_str *ret)
{
    struct fake_turn *fake = self(turn);

    fake->file_reads++;
    *ret = (troupe_str){fake->files[index].data, fake->files[index].len};
    return fake->files[index].data ? TROUPE_OK : TROUPE_UNSUPPORTED;
}

static const troupe_files_v1 files_table = {
    .size = sizeof(files_table), .info = file_info, .read = file_read};

static troupe_status tools_list(troupe_turn *turn, troupe_str *ret)
{
    const char *tools = self(turn)->tools;

    *ret = (troupe_str){tools, strlen(tools)};
    return TROUPE_OK;
}

/* Without `call`: a host that has no way to ask. */
static const troupe_tools_v1 tools_table = {.size = offsetof(troupe_tools_v1, call),
                                            .list = tools_list};

static const void *turn_extension(troupe_turn *turn, const char *id)
{
    if (strcmp(id, TROUPE_HTTP) == 0)
        return self(turn)->no_parts ? &http_table_before : &http_table;
    if (strcmp(id, TROUPE_BUDGET_EXTENSION) == 0)
        return self(turn)->no_budget ? NULL : &budget_table;
    if (strcmp(id, TROUPE_FILES) == 0)
        return &files_table;
    if (strcmp(id, TROUPE_TOOLS) == 0)
        return self(turn)->tools ? &tools_table : NULL;
    if (strcmp(id, TROUPE_KV) == 0)
        return &fake_kv_table;
    if (!strcmp(id, TROUPE_CACHE))
        return &fake_cache_table;
    if (strcmp(id, TROUPE_OWNER_EXTENSION) == 0)
        return &owner_table;
    if (strcmp(id, TROUPE_TOOLS) == 0)
        return self(turn)->tools ? &tools_table : NULL;
    if (strcmp(id, TROUPE_METRICS_EXTENSION) == 0)
        return &metrics_table;
    if (strcmp(id, TROUPE_SCHEDULE) == 0)
        return self(turn)->has_schedule ? &schedule_table : NULL;
    return strcmp(id, TROUPE_SQL) == 0 ? &fake_sql_table : NULL;
}

static troupe_host *turn_host(troupe_turn *turn)
{
    return &self(turn)->host.host;
}

static void *turn_state(troupe_turn *turn)
{
    return self(turn)->state;
}

static uint64_t turn_id(troupe_turn *turn)
{
    return self(turn)->id;
}

static const troupe_message *turn_message(troupe_turn *turn)
{
    return self(turn)->has_message ? &self(turn)->message : NULL;
}

static int64_t turn_time_left(troupe_turn *turn)
{
    return self(turn)->left_ms > 0 ? self(turn)->left_ms : 0;
}

static troupe_status turn_status(troupe_turn *turn)
{
    return self(turn)->ended;
}

static int32_t turn_replayed(troupe_turn *turn)
{
    return self(turn)->replayed;
}

/* Whether anything of an earlier run is still to come. */
static uint8_t is_behind(const struct fake_turn *fake)
{
    return fake->call_count < fake->replayed_calls ||
           fake->request_count < fake->replayed_requests ||
           fake->sleep_count < fake->replayed_sleeps;
}

static int64_t turn_now(troupe_turn *turn)
{
    self(turn)->replayed = is_behind(self(turn));
    return self(turn)->now_ms;
}

static uint64_t turn_random(troupe_turn *turn)
{
    self(turn)->replayed = is_behind(self(turn));
    return self(turn)->random;
}

static troupe_status turn_sleep(troupe_turn *turn, uint64_t ms)
{
    struct fake_turn *fake = self(turn);

    if (fake->ended < 0)
        return fake->ended;
    fake->replayed = fake->sleep_count < fake->replayed_sleeps;
    fake->sleep_count++;
    if (fake->replayed)
        return TROUPE_OK;
    fake->now_ms += (int64_t)ms;
    fake->left_ms -= (int64_t)ms;
    fake->slept_ms += (int64_t)ms;
    return TROUPE_OK;
}

static void *turn_alloc(troupe_turn *turn, uint64_t size)
{
    return keep(self(turn), size);
}

static troupe_status turn_reply(troupe_turn *turn, const char *text, uint64_t len)
{
    struct fake_turn *fake = self(turn);

    if (fake->ended < 0)
        return fake->ended;
    forget(&fake->reply);
    append(&fake->reply, text, len);
    fake->reply_count++;
    return TROUPE_OK;
}

static troupe_status turn_write(troupe_turn *turn, const char *text, uint64_t len)
{
    struct fake_turn *fake = self(turn);

    if (fake->ended < 0)
        return fake->ended;
    if (fake->written.len + len > 64 * 1024)
        return TROUPE_LIMIT;
    append(&fake->written, text, len);
    fake->write_count++;
    return TROUPE_OK;
}

static troupe_status turn_result(troupe_turn *turn, const char *json, uint64_t len)
{
    forget(&self(turn)->result);
    append(&self(turn)->result, json, len);
    return TROUPE_OK;
}

static troupe_status turn_fail(troupe_turn *turn, troupe_status status, const char *code,
                               const char *sentence, uint64_t len)
{
    struct fake_turn *fake = self(turn);

    fake->failed = status;
    snprintf(fake->code, sizeof(fake->code), "%s", code);
    snprintf(fake->sentence, sizeof(fake->sentence), "%.*s", (int)len, sentence);
    return status;
}

static void turn_reason(troupe_turn *turn, const char *code, const char *detail, uint64_t len)
{
    struct fake_text *reasons = &self(turn)->reasons;

    append(reasons, code, strlen(code));
    append(reasons, ": ", 2);
    append(reasons, detail, len);
    append(reasons, "\n", 1);
}

static troupe_status turn_annotation(troupe_turn *turn, const char *key, troupe_str *ret)
{
    const char *const *notes = self(turn)->annotations;

    for (; notes[0]; notes += 2) {
        if (strcmp(notes[0], key) == 0) {
            *ret = (troupe_str){notes[1], strlen(notes[1])};
            return TROUPE_OK;
        }
    }
    return TROUPE_NOT_FOUND;
}

struct troupe_stream {
    const struct fake_service *service;
    unsigned chunk;
};

static troupe_status turn_call(troupe_turn *turn, const char *name, troupe_str args,
                               troupe_str *ret)
{
    struct fake_turn *fake = self(turn);
    const unsigned at = fake->call_count;
    const char *result;

    if (fake->ended < 0)
        return fake->ended;
    if (at == sizeof(fake->calls) / sizeof(fake->calls[0]))
        abort();
    if (at < fake->replayed_calls) {
        if (strcmp(fake->calls[at].name, name) != 0) {
            fprintf(stderr, "diverged: %s is called, and was %s\n", name, fake->calls[at].name);
            abort();
        }
    } else {
        result = fake->on_call ? fake->on_call(fake, name, args) : NULL;
        if (!result)
            return error(fake, TROUPE_NOT_FOUND, "call.not_found", "");
        snprintf(fake->calls[at].name, sizeof(fake->calls[at].name), "%s", name);
        append(&fake->calls[at].result, result, strlen(result));
    }
    fake->call_count++;
    fake->replayed = at < fake->replayed_calls;
    *ret = keep_text(fake, fake->calls[at].result.ptr, fake->calls[at].result.len);
    return TROUPE_OK;
}

static troupe_status turn_open(troupe_turn *turn, const char *name, troupe_str args,
                               troupe_stream **ret)
{
    struct fake_turn *fake = self(turn);
    const struct fake_service *service = &fake->services[fake->service_count];
    troupe_stream *stream;

    if (fake->ended < 0)
        return fake->ended;
    if (fake->service_count == FAKE_MAX)
        abort();
    snprintf(fake->service_name, sizeof(fake->service_name), "%s", name);
    fake->service_args[fake->service_count++] = strndup(args.ptr, args.len);
    if (service->open_status < 0)
        return error(fake, service->open_status, service->code ? service->code : "", "");
    stream = keep(fake, sizeof(*stream));
    stream->service = service;
    fake->open_streams++;
    *ret = stream;
    return TROUPE_OK;
}

static troupe_status turn_read(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    struct fake_turn *fake = self(turn);
    const char *chunk = stream->service->chunks[stream->chunk];

    if (fake->ended < 0)
        return fake->ended;
    if (!chunk)
        return stream->service->status < 0 ? stream->service->status : TROUPE_END;
    stream->chunk++;
    *ret = keep_text(fake, chunk, strlen(chunk));
    return TROUPE_OK;
}

static troupe_status turn_close(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    struct fake_turn *fake = self(turn);
    const struct fake_service *service = stream->service;

    fake->open_streams--;
    if (fake->ended < 0)
        return fake->ended;
    if (ret && service->result)
        *ret = keep_text(fake, service->result, strlen(service->result));
    if (service->status < 0)
        error(fake, service->status, service->code ? service->code : "",
              service->sentence ? service->sentence : "");
    return service->status;
}

static void turn_error(troupe_turn *turn, troupe_str *ret_code, troupe_str *ret_sentence)
{
    struct fake_turn *fake = self(turn);

    if (ret_code)
        *ret_code = (troupe_str){fake->last_code, strlen(fake->last_code)};
    if (ret_sentence)
        *ret_sentence = (troupe_str){fake->last_sentence, strlen(fake->last_sentence)};
}

static const troupe_turn_table turn_table = {.size = sizeof(turn_table),
                                             .get_extension = turn_extension,
                                             .host = turn_host,
                                             .state = turn_state,
                                             .id = turn_id,
                                             .message = turn_message,
                                             .time_left = turn_time_left,
                                             .status = turn_status,
                                             .now = turn_now,
                                             .random = turn_random,
                                             .sleep = turn_sleep,
                                             .alloc = turn_alloc,
                                             .reply = turn_reply,
                                             .write = turn_write,
                                             .result = turn_result,
                                             .fail = turn_fail,
                                             .reason = turn_reason,
                                             .annotation = turn_annotation,
                                             .call = turn_call,
                                             .open = turn_open,
                                             .read = turn_read,
                                             .close = turn_close,
                                             .error = turn_error,
                                             .replayed = turn_replayed};

struct fake_turn *fake_turn_new(const troupe_plugin *plugin, const char *agent)
{
    static const char name[] = "Ada";
    struct fake_turn *fake = calloc(1, sizeof(*fake));

    if (!fake || sqlite3_open(":memory:", &fake->db) != SQLITE_OK)
        abort();
    sqlite3_set_authorizer(fake->db, sqlite_guard_authorize, &fake->guard);
    fake->turn.api = &turn_table;
    fake->host.host.api = &host_table;
    fake->host.agent = agent;
    fake->plugin = plugin;
    fake->cap = 1000000;
    fake->now_ms = INT64_C(1795176000000);
    fake->left_ms = 300000;
    fake->has_message = 1;
    fake->message = (troupe_message){.size = sizeof(fake->message),
                                     .flags = TROUPE_MESSAGE_ADDRESSED,
                                     .id = 1000,
                                     .account = 1,
                                     .guild = 3,
                                     .channel = 7,
                                     .author = 42,
                                     .author_name = {name, 3},
                                     .content = {"", 0},
                                     .time_ms = fake->now_ms};
    return fake;
}

static void forget_run(struct fake_turn *fake)
{
    struct fake_block *block;

    forget(&fake->reply);
    forget(&fake->written);
    forget(&fake->result);
    forget(&fake->reasons);
    while ((block = fake->blocks) != NULL) {
        fake->blocks = block->next;
        free(block);
    }
    fake->write_count = fake->reply_count = 0;
    fake->failed = fake->ended = TROUPE_OK;
    fake->code[0] = fake->sentence[0] = fake->last_code[0] = fake->last_sentence[0] = 0;
}

static void forget_turn(struct fake_turn *fake)
{
    forget_run(fake);
    for (unsigned i = 0; i < FAKE_MAX; i++)
        forget_request(&fake->requests[i]);
    for (unsigned i = 0; i < sizeof(fake->calls) / sizeof(fake->calls[0]); i++)
        forget(&fake->calls[i].result);
    for (unsigned i = 0; i < fake->service_count; i++)
        free(fake->service_args[i]);
}

void fake_next(struct fake_turn *fake)
{
    forget_turn(fake);
    memset(fake->requests, 0, sizeof(fake->requests));
    memset(fake->responses, 0, sizeof(fake->responses));
    memset(fake->services, 0, sizeof(fake->services));
    fake->request_count = fake->service_count = fake->call_count = fake->sleep_count = 0;
    fake->replayed_calls = fake->replayed_requests = fake->replayed_sleeps = fake->replayed = 0;
    fake->left_ms = 300000;
    fake->slept_ms = 0;
    fake->id++;
}

void fake_again(struct fake_turn *fake)
{
    forget_run(fake);
    fake->replayed_calls = fake->call_count;
    fake->replayed_requests = fake->request_count;
    fake->replayed_sleeps = fake->sleep_count;
    fake->call_count = fake->request_count = fake->sleep_count = fake->replayed = 0;
}

void fake_turn_free(struct fake_turn *fake)
{
    if (fake->state && fake->plugin->destroy)
        fake->plugin->destroy(&fake->host.host, fake->state);
    forget_turn(fake);
    forget(&fake->host.log);
    forget(&fake->told);
    forget(&fake->counted);
    for (int i = 0; i < FAKE_MAX; i++)
        forget(&fake->kv[i].value);
    sqlite3_close(fake->db);
    free(fake);
}

void fake_config(struct fake_turn *fake, const char *key, const char *value)
{
    int i = 0;

    while (i < FAKE_MAX - 1 && fake->host.config[i].key && strcmp(fake->host.config[i].key, key))
        i++;
    fake->host.config[i].key = key;
    fake->host.config[i].value = value;
}

troupe_status fake_create(struct fake_turn *fake)
{
    const troupe_array *steps = &fake->plugin->migrations;

    for (uint32_t i = 0; i < steps->count; i++) {
        fake_migrate(fake, TROUPE_AT(*steps, troupe_migration, i)->sql);
    }
    return fake->plugin->create ? fake->plugin->create(&fake->host.host, &fake->state) : TROUPE_OK;
}

troupe_status fake_job(struct fake_turn *fake)
{
    troupe_status status;

    fake->has_message = 0;
    fake->in_job = 1;
    status = fake->plugin->job(&fake->turn, (troupe_str){fake->planned, strlen(fake->planned)});
    fake->has_message = 1;
    fake->in_job = 0;
    return status;
}

troupe_status fake_say(struct fake_turn *fake, const char *text)
{
    fake->message.content = (troupe_str){text, strlen(text)};
    fake->message.time_ms = fake->now_ms;
    fake->message.id++;
    return fake->plugin->stage(&fake->turn);
}

troupe_fn fake_function(const struct fake_turn *fake, const char *name)
{
    typedef const troupe_function *reference;

    for (uint32_t i = 0; i < fake->plugin->functions.count; i++) {
        const troupe_function *function = *TROUPE_AT(fake->plugin->functions, reference, i);

        if (strcmp(function->name, name) == 0)
            return function->fn;
    }
    return NULL;
}
