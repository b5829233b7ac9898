/* SPDX-License-Identifier: Apache-2.0
 *
 * The schedule behind a clock and the HTTP client. What is queued in one pass of the loop is looked
 * at in the next, so that the order of calls does not beat the order of priorities.
 */
#include "config.h"

#include "gateway/discord/rest.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/schedule.h"
#include "loop/latch.h"
#include "loop/op.h"
#include "net/http.h"

#include <stdio.h>
#include <string.h>

#define CONNECTIONS 16 /* requests in flight; Discord allows 50 a second, loopback takes more */
#define DEADLINE_MS 900000u /* the life of an interaction's token */
#define TYPING_MS   5000u   /* later than that it would say something untrue */
#define EXCHANGE_MS 30000u  /* one request with its answer                   */
#define CONNECT_MS  10000u
#define BODY_MAX    ((size_t)8 << 20) /* 100 messages with everything in them stay far below */
#define USER_AGENT  "DiscordBot (" PACKAGE_URL ", " PACKAGE_VERSION ")"

/* One request; its texts are behind it. */
struct rest_job {
    struct discord_job job;
    struct list_link link; /* in flight */
    struct discord_rest *rest;
    struct http_call *http;
    discord_rest_done done;
    void *arg;
    char *path, *body, *type;
    size_t body_len;
    struct latch *after; /* a reference; NULL: none */
    bool left;           /* ever */
    bool owned;
    char texts[];
};

struct discord_rest {
    struct loop *loop;
    struct http_client *http;
    char *base, *authorization;
    bool (*holds)(void *arg);
    void *holds_arg;
    struct discord_schedule schedule;
    struct list_link flying;
    struct loop_timer timer;
    struct loop_task task;
    bool posted, closed, timer_closed, told;
    uint64_t answers[6], limited_by[4]; /* see discord_rest_stats */
};

/* ---- ends ---------------------------------------------------------------------------------- */

static void explain(const struct discord_rest *rest, const struct rest_job *job,
                    const struct discord_limits *limits, struct error *err)
{
    troupe_status status = job->job.status;
    const char *method = job->job.method, *route = job->job.route;

    if (limits && limits->status >= 300)
        error_set(err, status, "Discord answered \"%s %s\" with %d: %s (code %d)", method, route,
                  limits->status, limits->message[0] ? limits->message : "no reason", limits->code);
    else if (status == TROUPE_CANCELED)
        error_set(err, status, "a newer request took the place of \"%s %s\"", method, route);
    else if (status == TROUPE_DEADLINE)
        error_set(err, status, "\"%s %s\" was not sent in time, others went first", method, route);
    else if (status == TROUPE_NOT_FOUND)
        error_set(err, status, "the webhook of \"%s %s\" is no more", method, route);
    else if (status == TROUPE_MAYBE_DONE)
        error_set(err, status, "no answer tells what became of \"%s %s\"", method, route);
    else
        error_set(err, status, "\"%s %s\" could not be sent: %s", method, route,
                  rest->schedule.gate.why[0] ? rest->schedule.gate.why
                                             : "Discord cannot be reached");
}

static void job_free(struct rest_job *job)
{
    latch_unref(job->after);
    mem_free(job);
}

/* `answered` is the job that `limits` and `response` belong to, if it has ended. */
static void deliver(struct discord_rest *rest, const struct discord_job *answered,
                    const struct discord_limits *limits, const struct http_response *response,
                    const struct error *failure)
{
    struct discord_job *ended;

    while ((ended = discord_schedule_ended(&rest->schedule)) != NULL) {
        struct rest_job *job = container_of(ended, struct rest_job, job);
        bool own = ended == answered;
        struct discord_response out = {.left = job->left};
        struct error err = {0};

        if (own && response) {
            out.status = limits->status;
            out.code = limits->code;
            out.body = response->body.data;
            out.len = response->body.len;
        }
        if (ended->status != TROUPE_OK) {
            if (own && failure)
                error_set(&err, ended->status, "%s", failure->text);
            else
                explain(rest, job, own ? limits : NULL, &err);
        }
        job->done(job->arg, ended->status, &out, &err);
        job_free(job);
    }
}

/* ---- sending ------------------------------------------------------------------------------- */

static void pump(struct discord_rest *rest);

static void tell_stop(struct discord_rest *rest)
{
    bool stopped = discord_gate_stopped(&rest->schedule.gate) > loop_now(rest->loop);

    if (stopped && !rest->told)
        log_error("discord", "%s", rest->schedule.gate.why);
    rest->told = stopped;
}

static void count(struct discord_rest *rest, const struct discord_limits *limits)
{
    int hundreds = limits->status / 100;

    rest->answers[hundreds >= 1 && hundreds <= 5 ? hundreds : 0]++;
    if (limits->status == 429)
        rest->limited_by[limits->scope]++;
}

static bool called_off(const struct rest_job *job)
{
    return job->after && latch_look(job->after) == LATCH_BROKEN;
}

static void on_answer(void *arg, troupe_status status, const struct http_response *response,
                      bool left, const struct error *err)
{
    struct rest_job *job = arg;
    struct discord_rest *rest = job->rest;
    uint64_t now = loop_now(rest->loop);
    struct discord_limits limits = {0};

    job->http = NULL;
    job->left = job->left || left;
    list_remove(&job->link);
    if (response) {
        discord_limits_read(response->status, response->headers, response->header_count,
                            response->body.data, response->body.len, &limits);
        discord_schedule_answer(&rest->schedule, &job->job, now, &limits);
    } else if (!left && (status == TROUPE_ARGUMENT || called_off(job))) {
        discord_schedule_fail(&rest->schedule, &job->job, now,
                              called_off(job) ? TROUPE_CANCELED : status);
    } else {
        log_debug("discord", "%s", err->text);
        discord_schedule_lost(&rest->schedule, &job->job, now, left);
    }
    deliver(rest, &job->job, &limits, response, response ? NULL : err);
    count(rest, &limits);
    pump(rest);
}

static void start(struct discord_rest *rest, struct rest_job *job, uint64_t now)
{
    struct http_header headers[3] = {{"User-Agent", USER_AGENT}};
    _cleanup_mem_ char *url = mem_printf("%s%s", rest->base, job->path);
    uint64_t deadline = now + EXCHANGE_MS;
    struct http_request request = {.method = job->job.method,
                                   .url = url,
                                   .headers = headers,
                                   .header_count = 1,
                                   .body = job->body,
                                   .body_len = job->body_len,
                                   .trust = HTTP_TRUST_CONFIGURED,
                                   .connect_timeout_ms = CONNECT_MS,
                                   .max_body = BODY_MAX,
                                   .once = !job->job.repeatable,
                                   .after = job->after};
    struct error err = {0};
    troupe_status status;

    if (job->owned && rest->holds && !rest->holds(rest->holds_arg)) {
        error_set(&err, TROUPE_UNAVAILABLE,
                  "this host could not renew its lease, and another one may do this in its place");
        discord_schedule_fail(&rest->schedule, &job->job, now, TROUPE_UNAVAILABLE);
        deliver(rest, &job->job, NULL, NULL, &err);
        return;
    }
    request.deadline = deadline < job->job.deadline ? deadline : job->job.deadline;
    if (!job->job.no_auth)
        headers[request.header_count++] =
            (struct http_header){"Authorization", rest->authorization};
    if (job->body)
        headers[request.header_count++] =
            (struct http_header){"Content-Type", job->type ? job->type : "application/json"};
    status = http_submit(rest->http, &request, on_answer, job, &job->http, &err);
    explicit_bzero(url, strlen(url)); /* the token of an interaction stands in it */
    if (status == TROUPE_OK) {
        list_append(&rest->flying, &job->link);
        return;
    }
    if (status == TROUPE_BUSY)
        discord_schedule_lost(&rest->schedule, &job->job, now, false);
    else
        discord_schedule_fail(&rest->schedule, &job->job, now, status);
    deliver(rest, &job->job, NULL, NULL, &err);
}

/* Sends what may leave and sets the alarm for the rest. */
static void pump(struct discord_rest *rest)
{
    struct discord_job *job;
    uint64_t now, wake;

    if (rest->closed)
        return;
    now = loop_now(rest->loop);
    while ((job = discord_schedule_next(&rest->schedule, now)) != NULL) {
        start(rest, container_of(job, struct rest_job, job), now);
        if (rest->closed)
            return;
    }
    deliver(rest, NULL, NULL, NULL, NULL);
    if (rest->closed)
        return;
    tell_stop(rest);
    wake = discord_schedule_wake(&rest->schedule, now);
    if (wake == UINT64_MAX)
        loop_timer_stop(&rest->timer);
    else
        loop_timer_start(&rest->timer, wake > now ? wake - now : 0, 0);
}

static void free_now(struct discord_rest *rest)
{
    if (!rest->closed || rest->posted || !rest->timer_closed)
        return;
    explicit_bzero(rest->authorization, strlen(rest->authorization));
    mem_free(rest->authorization);
    mem_free(rest->base);
    mem_free(rest);
}

static void on_task(struct loop_task *task)
{
    struct discord_rest *rest = container_of(task, struct discord_rest, task);

    rest->posted = false;
    if (rest->closed)
        free_now(rest);
    else
        pump(rest);
}

static void on_timer(struct loop_timer *timer)
{
    pump(container_of(timer, struct discord_rest, timer));
}

/* ---- requests ------------------------------------------------------------------------------ */

static char *add_text(char **place, const char *text, size_t len)
{
    char *copy = *place;

    if (!text)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *place += len + 1;
    return copy;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static struct rest_job *job_new(struct discord_rest *rest, const struct discord_request *request)
{
    size_t size = size_of(request->method) + size_of(request->route) + size_of(request->path) +
                  size_of(request->major) + size_of(request->coalesce) + size_of(request->type) +
                  request->body_len + 1;
    struct rest_job *job = mem_alloc(sizeof(*job) + size);
    uint64_t late_ms = request->priority == DISCORD_TYPING ? TYPING_MS : DEADLINE_MS;
    char *place = job->texts;

    *job = (struct rest_job){.rest = rest};
    list_init(&job->link);
#define COPY(member)                                                                               \
    add_text(&place, request->member, request->member ? strlen(request->member) : 0)
    job->job.method = COPY(method);
    job->job.route = COPY(route);
    job->job.major = COPY(major);
    job->job.coalesce = COPY(coalesce);
    job->path = COPY(path);
    job->type = COPY(type);
#undef COPY
    job->body = add_text(&place, request->body, request->body ? request->body_len : 0);
    job->body_len = request->body ? request->body_len : 0;
    job->job.priority = request->priority;
    job->job.repeatable = request->repeatable;
    job->job.no_auth = request->no_auth;
    job->owned = request->owned;
    job->after = request->after ? latch_ref(request->after) : NULL;
    job->job.deadline = request->deadline ? request->deadline : loop_now(rest->loop) + late_ms;
    return job;
}

troupe_status discord_rest_send(struct discord_rest *rest, const struct discord_request *request,
                                discord_rest_done done, void *arg, struct error *err)
{
    struct rest_job *job;
    troupe_status status;

    if (rest->closed)
        return error_set(err, TROUPE_CANCELED, "the connection to Discord is being closed");
    job = job_new(rest, request);
    job->done = done;
    job->arg = arg;
    status = discord_schedule_add(&rest->schedule, &job->job, loop_now(rest->loop), err);
    if (status != TROUPE_OK) {
        job_free(job);
        return status;
    }
    if (!rest->posted) {
        rest->posted = true;
        loop_before_poll(rest->loop, &rest->task);
    }
    return TROUPE_OK;
}

bool discord_rest_take_back(struct discord_rest *rest, const char *key)
{
    if (rest->closed || !discord_schedule_take_back(&rest->schedule, key, loop_now(rest->loop)))
        return false;
    deliver(rest, NULL, NULL, NULL, NULL);
    return true;
}

/* ---- waiting for one ------------------------------------------------------------------------ */

struct outcome {
    struct error err;
    json_t *body;
};

static void free_outcome(void *arg)
{
    struct outcome *outcome = arg;

    json_decref(outcome->body);
    mem_free(outcome);
}

static void on_outcome(void *arg, troupe_status status, const struct discord_response *response,
                       const struct error *err)
{
    struct outcome *outcome = mem_zero(1, sizeof(*outcome));

    outcome->err = *err;
    if (response->len > 0) /* what is no JSON is none */
        (void)json_parse(response->body, response->len, &outcome->body, NULL);
    op_complete(arg, status, outcome);
}

troupe_status discord_rest_call(struct discord_rest *rest, const struct discord_request *request,
                                json_t **ret_body, struct error *err)
{
    _cleanup_op_ struct op *op = NULL;
    struct outcome *outcome = NULL;
    void *result = NULL;
    troupe_status status;

    op = op_new(rest->loop, free_outcome);
    status = discord_rest_send(rest, request, on_outcome, op, err);
    if (status != TROUPE_OK) {
        op_complete(op, status, NULL);
        return status;
    }
    status = op_wait(op, 0, &result);
    outcome = result;
    if (!outcome)
        return error_set(err, status, "the wait for \"%s %s\" was ended", request->method,
                         request->route);
    if (status != TROUPE_OK)
        error_set(err, status, "%s", outcome->err.text);
    if (status == TROUPE_OK && ret_body) {
        *ret_body = outcome->body;
        outcome->body = NULL;
    }
    free_outcome(outcome);
    return status;
}

/* ---- life ---------------------------------------------------------------------------------- */

struct discord_rest *discord_rest_new(struct loop *loop, const struct discord_rest_options *options)
{
    struct discord_rest *rest = mem_zero(1, sizeof(*rest));

    rest->loop = loop;
    rest->http = options->http;
    rest->base = mem_strdup(options->base);
    rest->authorization = mem_printf("Bot %s", options->token);
    rest->holds = options->holds;
    rest->holds_arg = options->holds_arg;
    rest->task.run = on_task;
    list_init(&rest->flying);
    loop_timer_init(loop, &rest->timer, on_timer);
    discord_schedule_init(
        &rest->schedule, options->connections ? options->connections : CONNECTIONS,
        options->global_limit ? options->global_limit : DISCORD_GLOBAL_LIMIT, clock_ns());
    return rest;
}

static void on_timer_closed(struct loop_timer *timer)
{
    struct discord_rest *rest = container_of(timer, struct discord_rest, timer);

    rest->timer_closed = true;
    free_now(rest);
}

void discord_rest_free(struct discord_rest *rest)
{
    uint64_t now;

    if (!rest)
        return;
    now = loop_now(rest->loop);
    rest->closed = true;
    discord_schedule_end_all(&rest->schedule, TROUPE_CANCELED);
    while (!list_empty(&rest->flying)) {
        struct rest_job *job = container_of(rest->flying.next, struct rest_job, link);

        list_remove(&job->link);
        http_call_drop(job->http);
        job->left = true; /* nobody will tell any more */
        discord_schedule_fail(&rest->schedule, &job->job, now, TROUPE_MAYBE_DONE);
    }
    deliver(rest, NULL, NULL, NULL, NULL);
    discord_schedule_clear(&rest->schedule);
    loop_timer_close(&rest->timer, on_timer_closed);
}

void discord_rest_stats(const struct discord_rest *rest, struct discord_rest_stats *ret)
{
    const struct discord_schedule *schedule = &rest->schedule;

    *ret = (struct discord_rest_stats){
        .waiting = schedule->waiting,
        .in_flight = schedule->flying,
        .buckets = schedule->buckets.buckets.count,
        .sent = schedule->left,
        .retried = schedule->retried,
        .limited = schedule->limited,
        .invalid = schedule->invalid,
        .coalesced = schedule->coalesced,
        .stopped = discord_gate_stopped(&schedule->gate) > loop_now(rest->loop),
    };
    memcpy(ret->answers, rest->answers, sizeof(ret->answers));
    memcpy(ret->limited_by, rest->limited_by, sizeof(ret->limited_by));
    if (ret->stopped)
        snprintf(ret->why, sizeof(ret->why), "%s", schedule->gate.why);
}
