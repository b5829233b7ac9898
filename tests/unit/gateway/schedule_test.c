/* SPDX-License-Identifier: Apache-2.0
 *
 * What may leave when, with a clock of the test's own: every row of Discord's rate-limit rules and
 * what goes wrong with them.
 */
#include "tap.h"

#include "base/mem.h"
#include "gateway/discord/schedule.h"
#include "net/http.h"

#include <stdio.h>
#include <string.h>

#define CREATE "/channels/{channel}/messages"
#define EDIT   "/channels/{channel}/messages/{message}"

struct sim {
    struct discord_schedule schedule;
    uint64_t now;
};

static void begin(struct sim *sim)
{
    sim->now = 1000000;
    discord_schedule_init(&sim->schedule, 8, UINT32_MAX, 42);
}

static void finish(struct sim *sim)
{
    discord_schedule_end_all(&sim->schedule, TROUPE_CANCELED);
    while (discord_schedule_ended(&sim->schedule))
        continue;
    assert_int_equal(sim->schedule.waiting, 0);
    assert_int_equal(sim->schedule.flying, 0);
    discord_schedule_clear(&sim->schedule);
}

static struct discord_job job_of(const char *method, const char *route, const char *major,
                                 enum discord_priority priority)
{
    return (struct discord_job){.method = method,
                                .route = route,
                                .major = major,
                                .priority = priority,
                                .repeatable = true,
                                .deadline = 1000000 + 900000};
}

static void add(struct sim *sim, struct discord_job *job)
{
    struct error err = {0};

    if (discord_schedule_add(&sim->schedule, job, sim->now, &err) != TROUPE_OK)
        fail_msg("%s", err.text);
}

static struct discord_job *next(struct sim *sim)
{
    return discord_schedule_next(&sim->schedule, sim->now);
}

static struct discord_job *ended(struct sim *sim)
{
    return discord_schedule_ended(&sim->schedule);
}

/* An answer from its lines "Name: value\n" and its body. */
static void answer(struct sim *sim, struct discord_job *job, int status, const char *lines,
                   const char *body)
{
    struct http_header headers[16];
    _cleanup_mem_ char *text = mem_strdup(lines);
    struct discord_limits limits;
    size_t count = 0;
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *colon = strstr(line, ": ");

        assert_non_null(colon);
        *colon = '\0';
        headers[count++] = (struct http_header){line, colon + 2};
    }
    discord_limits_read(status, headers, count, body, strlen(body), &limits);
    discord_schedule_answer(&sim->schedule, job, sim->now, &limits);
}

/* 200 of a bucket. */
static void told(struct sim *sim, struct discord_job *job, const char *hash, unsigned limit,
                 unsigned remaining, const char *reset_after)
{
    char lines[256];

    snprintf(lines, sizeof(lines),
             "X-RateLimit-Bucket: %s\nX-RateLimit-Limit: %u\nX-RateLimit-Remaining: %u\n"
             "X-RateLimit-Reset: 1\nX-RateLimit-Reset-After: %s\n",
             hash, limit, remaining, reset_after);
    answer(sim, job, 200, lines, "{}");
    assert_ptr_equal(ended(sim), job);
    assert_int_equal(job->status, TROUPE_OK);
}

/* Moves the clock to when something is due, which must be in `ms`. */
static void due_in(struct sim *sim, uint64_t ms)
{
    assert_int_equal(discord_schedule_wake(&sim->schedule, sim->now), sim->now + ms);
    sim->now += ms - 1;
    assert_null(next(sim));
    sim->now++;
}

/* Learns the bucket of a shape by one request. */
static void learn(struct sim *sim, const char *method, const char *route, const char *major,
                  const char *hash, unsigned limit, unsigned remaining, const char *reset_after)
{
    struct discord_job job = job_of(method, route, major, DISCORD_FINAL);

    add(sim, &job);
    assert_ptr_equal(next(sim), &job);
    told(sim, &job, hash, limit, remaining, reset_after);
}

/* ---- buckets ------------------------------------------------------------------------------- */

static void an_unknown_bucket_takes_one_request_at_a_time(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL), b = a,
                       other = job_of("POST", CREATE, "2", DISCORD_FINAL);

    (void)state;
    begin(&sim);
    add(&sim, &a);
    add(&sim, &b);
    add(&sim, &other);
    assert_ptr_equal(next(&sim), &a);
    assert_ptr_equal(next(&sim), &other); /* another channel is another bucket */
    assert_null(next(&sim));
    told(&sim, &a, "abc", 5, 4, "5.000");
    assert_ptr_equal(next(&sim), &b);
    told(&sim, &b, "abc", 5, 3, "5.000");
    told(&sim, &other, "abc", 5, 4, "5.000");
    finish(&sim);
}

static void an_empty_bucket_waits_for_reset_after_and_not_a_rounding_less(void **state)
{
    struct sim sim;
    struct discord_job jobs[4];

    (void)state;
    begin(&sim);
    learn(&sim, "POST", CREATE, "1", "abc", 3, 2, "1.500");
    for (int i = 0; i < 4; i++) {
        jobs[i] = job_of("POST", CREATE, "1", DISCORD_FINAL);
        add(&sim, &jobs[i]);
    }
    assert_ptr_equal(next(&sim), &jobs[0]);
    assert_ptr_equal(next(&sim), &jobs[1]);
    assert_null(next(&sim));
    /* The later answer overtakes: no slot is invented. */
    told(&sim, &jobs[1], "abc", 3, 0, "1.500");
    told(&sim, &jobs[0], "abc", 3, 1, "1.500");
    due_in(&sim, 1500 + DISCORD_ROUNDING_MS);
    assert_ptr_equal(next(&sim), &jobs[2]);
    assert_ptr_equal(next(&sim), &jobs[3]);
    told(&sim, &jobs[2], "abc", 3, 2, "1.500");
    told(&sim, &jobs[3], "abc", 3, 1, "1.500");
    finish(&sim);
}

static void two_routes_of_one_hash_share_their_bucket(void **state)
{
    struct sim sim;
    struct discord_job create = job_of("POST", CREATE, "1", DISCORD_FINAL),
                       typing = job_of("POST", "/channels/{channel}/typing", "1", DISCORD_TYPING);

    (void)state;
    begin(&sim);
    learn(&sim, "POST", CREATE, "1", "abc", 5, 4, "2.000");
    learn(&sim, "POST", "/channels/{channel}/typing", "1", "abc", 5, 0, "2.000");
    add(&sim, &create);
    add(&sim, &typing);
    assert_null(next(&sim));
    assert_int_equal(sim.schedule.buckets.buckets.count, 1);
    due_in(&sim, 2000 + DISCORD_ROUNDING_MS);
    assert_ptr_equal(next(&sim), &create);
    assert_ptr_equal(next(&sim), &typing);
    told(&sim, &create, "abc", 5, 4, "2.000");
    told(&sim, &typing, "abc", 5, 3, "2.000");
    finish(&sim);
}

static void a_hash_that_changes_takes_the_shape_to_its_new_bucket(void **state)
{
    struct sim sim;
    struct discord_job jobs[4];

    (void)state;
    begin(&sim);
    learn(&sim, "POST", CREATE, "1", "old", 5, 4, "9.000");
    for (int i = 0; i < 4; i++) {
        jobs[i] = job_of("POST", CREATE, "1", DISCORD_FINAL);
        add(&sim, &jobs[i]);
    }
    assert_ptr_equal(next(&sim), &jobs[0]);
    assert_ptr_equal(next(&sim), &jobs[1]);
    told(&sim, &jobs[0], "new", 2, 0, "3.000");
    told(&sim, &jobs[1], "new", 2, 0, "3.000");
    assert_null(next(&sim));
    due_in(&sim, 3000 + DISCORD_ROUNDING_MS);
    assert_ptr_equal(next(&sim), &jobs[2]);
    assert_ptr_equal(next(&sim), &jobs[3]);
    assert_int_equal(sim.schedule.buckets.buckets.count, 1);
    told(&sim, &jobs[2], "new", 2, 1, "3.000");
    told(&sim, &jobs[3], "new", 2, 0, "3.000");
    finish(&sim);
}

static void a_route_without_limits_is_not_held_back(void **state)
{
    struct sim sim;
    struct discord_job first = job_of("GET", "/gateway/bot", NULL, DISCORD_READING), b = first,
                       c = first;

    (void)state;
    begin(&sim);
    add(&sim, &first);
    assert_ptr_equal(next(&sim), &first);
    answer(&sim, &first, 200, "", "{}");
    assert_ptr_equal(ended(&sim), &first);
    add(&sim, &b);
    add(&sim, &c);
    assert_ptr_equal(next(&sim), &b);
    assert_ptr_equal(next(&sim), &c);
    answer(&sim, &b, 204, "", "");
    answer(&sim, &c, 204, "", "");
    finish(&sim);
}

/* ---- 429 ----------------------------------------------------------------------------------- */

static void a_429_of_the_bucket_blocks_the_bucket_and_the_request_goes_again(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL), b = a,
                       other = job_of("POST", CREATE, "2", DISCORD_FINAL);

    (void)state;
    begin(&sim);
    learn(&sim, "POST", CREATE, "1", "abc", 5, 4, "5.000");
    add(&sim, &a);
    assert_ptr_equal(next(&sim), &a);
    answer(&sim, &a, 429,
           "X-RateLimit-Bucket: abc\nX-RateLimit-Limit: 5\nX-RateLimit-Remaining: 0\n"
           "X-RateLimit-Reset-After: 0.300\nX-RateLimit-Scope: user\nRetry-After: 1\n",
           "{\"message\":\"You are being rate limited.\",\"retry_after\":0.3,\"global\":false}");
    assert_null(ended(&sim));
    add(&sim, &b);
    add(&sim, &other);
    assert_ptr_equal(next(&sim), &other);
    due_in(&sim, 1000); /* the larger of both */
    assert_ptr_equal(next(&sim), &a);
    assert_ptr_equal(next(&sim), &b);
    assert_int_equal(sim.schedule.limited, 1);
    assert_int_equal(sim.schedule.invalid, 1);
    told(&sim, &a, "abc", 5, 4, "5.000");
    told(&sim, &b, "abc", 5, 3, "5.000");
    told(&sim, &other, "abc", 5, 4, "5.000");
    finish(&sim);
}

static void a_429_without_a_body_honours_its_header(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL);

    (void)state;
    begin(&sim);
    add(&sim, &a);
    assert_ptr_equal(next(&sim), &a);
    answer(&sim, &a, 429, "X-RateLimit-Scope: user\nRetry-After: 7\n", "");
    assert_null(next(&sim));
    due_in(&sim, 7000);
    assert_ptr_equal(next(&sim), &a);
    told(&sim, &a, "abc", 5, 4, "5.000");
    finish(&sim);
}

static void a_sublimit_parks_its_shape_and_not_the_bucket(void **state)
{
    struct sim sim;
    struct discord_job edit = job_of("PATCH", EDIT, "1", DISCORD_EDIT),
                       create = job_of("POST", CREATE, "1", DISCORD_FINAL), again = edit;

    (void)state;
    begin(&sim);
    learn(&sim, "POST", CREATE, "1", "abc", 5, 4, "5.000");
    learn(&sim, "PATCH", EDIT, "1", "abc", 5, 3, "5.000");
    add(&sim, &edit);
    assert_ptr_equal(next(&sim), &edit);
    answer(&sim, &edit, 429,
           "X-RateLimit-Bucket: abc\nX-RateLimit-Limit: 5\nX-RateLimit-Remaining: 4\n"
           "X-RateLimit-Reset-After: 5.000\nRetry-After: 582\n",
           "{\"message\":\"slow\",\"retry_after\":582.0,\"global\":false}");
    add(&sim, &again);
    add(&sim, &create);
    assert_ptr_equal(next(&sim), &create);
    assert_null(next(&sim));
    told(&sim, &create, "abc", 5, 2, "5.000");
    due_in(&sim, 582000);
    assert_ptr_equal(next(&sim), &edit);
    assert_ptr_equal(next(&sim), &again);
    told(&sim, &edit, "abc", 5, 4, "5.000");
    told(&sim, &again, "abc", 5, 3, "5.000");
    finish(&sim);
}

static void a_shared_429_is_waited_for_and_not_held_against_us(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("PUT", "/reactions", "1", DISCORD_TYPING),
                       create = job_of("POST", CREATE, "1", DISCORD_FINAL);

    (void)state;
    begin(&sim);
    add(&sim, &a);
    assert_ptr_equal(next(&sim), &a);
    answer(&sim, &a, 429,
           "X-RateLimit-Bucket: abc\nX-RateLimit-Limit: 1\nX-RateLimit-Remaining: 1\n"
           "X-RateLimit-Reset-After: 0.250\nX-RateLimit-Scope: shared\nRetry-After: 30\n",
           "{\"retry_after\":30,\"global\":false}");
    assert_int_equal(sim.schedule.invalid, 0);
    add(&sim, &create);
    assert_ptr_equal(next(&sim), &create);
    due_in(&sim, 30000);
    assert_ptr_equal(next(&sim), &a);
    told(&sim, &a, "abc", 1, 0, "0.250");
    told(&sim, &create, "cde", 5, 4, "5.000");
    finish(&sim);
}

static void a_global_429_holds_everything_but_interactions_while_others_fly(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL),
                       flying = job_of("POST", CREATE, "2", DISCORD_FINAL),
                       other = job_of("POST", CREATE, "3", DISCORD_FINAL),
                       callback = job_of("POST", "/callback", "9", DISCORD_FIRST_RESPONSE);

    (void)state;
    callback.no_auth = true;
    begin(&sim);
    add(&sim, &a);
    add(&sim, &flying);
    assert_ptr_equal(next(&sim), &a);
    assert_ptr_equal(next(&sim), &flying);
    answer(&sim, &a, 429, "X-RateLimit-Global: true\nX-RateLimit-Scope: global\nRetry-After: 2\n",
           "{\"retry_after\":1.6,\"global\":true}");
    told(&sim, &flying, "abc", 5, 4, "5.000");
    add(&sim, &other);
    add(&sim, &callback);
    assert_ptr_equal(next(&sim), &callback);
    assert_null(next(&sim));
    due_in(&sim, 2000);
    assert_ptr_equal(next(&sim), &a);
    assert_ptr_equal(next(&sim), &other);
    told(&sim, &a, "abc", 5, 4, "5.000");
    told(&sim, &other, "abc", 5, 4, "5.000");
    told(&sim, &callback, "xyz", 5, 4, "5.000");
    finish(&sim);
}

static int by_time(const void *a, const void *b)
{
    const uint64_t *one = a, *other = b;

    return *one < *other ? -1 : *one > *other;
}

/* A request is at Discord some time after it left, and its answer some time later. */
#define REQUESTS 300

static void the_global_limit_is_never_passed_in_any_second_at_discords_end(void **state)
{
    struct sim sim;
    struct discord_job *jobs = mem_zero(REQUESTS, sizeof(*jobs));
    uint64_t *answers = mem_zero(REQUESTS, sizeof(*answers));
    uint64_t *arrivals = mem_zero(REQUESTS, sizeof(*arrivals)), seed = 1;
    char(*majors)[16] = mem_zero(REQUESTS, sizeof(*majors));
    size_t sent = 0, landed = 0;

    (void)state;
    begin(&sim);
    discord_schedule_clear(&sim.schedule);
    discord_schedule_init(&sim.schedule, 16, 50, 1);
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(majors[i], sizeof(majors[i]), "%d", i);
        jobs[i] = job_of("POST", CREATE, majors[i], DISCORD_FINAL);
        jobs[i].deadline = UINT64_MAX;
        add(&sim, &jobs[i]);
    }
    while (landed < REQUESTS) {
        uint64_t soonest = UINT64_MAX, wake;
        struct discord_job *job;

        while ((job = next(&sim)) != NULL) {
            size_t i = (size_t)(job - jobs);

            seed = seed * UINT64_C(6364136223846793005) + 1;
            arrivals[i] = sim.now + (seed >> 33) % 400;
            answers[i] = arrivals[i] + (seed >> 50) % 200;
            sent++;
        }
        for (size_t i = 0; i < REQUESTS; i++)
            if (jobs[i].state == DISCORD_JOB_FLYING && answers[i] < soonest)
                soonest = answers[i];
        wake = discord_schedule_wake(&sim.schedule, sim.now);
        sim.now = wake < soonest ? wake : soonest;
        for (size_t i = 0; i < REQUESTS; i++)
            if (jobs[i].state == DISCORD_JOB_FLYING && answers[i] <= sim.now) {
                told(&sim, &jobs[i], "abc", 5, 4, "1.000");
                landed++;
            }
    }
    assert_int_equal(sent, REQUESTS);
    qsort(arrivals, REQUESTS, sizeof(*arrivals), by_time);
    for (size_t i = 50; i < REQUESTS; i++)
        assert_true(arrivals[i] - arrivals[i - 50] >= 1000);
    finish(&sim);
    mem_free(majors);
    mem_free(arrivals);
    mem_free(answers);
    mem_free(jobs);
}

static void what_is_never_answered_counts_no_longer_than_it_may_fly(void **state)
{
    struct sim sim;
    struct discord_job first = job_of("POST", CREATE, "1", DISCORD_FINAL),
                       second = job_of("POST", CREATE, "2", DISCORD_FINAL);

    (void)state;
    begin(&sim);
    discord_schedule_clear(&sim.schedule);
    discord_schedule_init(&sim.schedule, 16, 1, 1);
    add(&sim, &first);
    add(&sim, &second);
    assert_ptr_equal(next(&sim), &first);
    assert_null(next(&sim));
    sim.now = discord_schedule_wake(&sim.schedule, sim.now);
    assert_ptr_equal(next(&sim), &second);
    told(&sim, &second, "abc", 5, 4, "1.000");
    told(&sim, &first, "abc", 5, 4, "1.000");
    finish(&sim);
}

/* ---- stops --------------------------------------------------------------------------------- */

static void cloudflares_block_stops_everything_for_its_time(void **state)
{
    static const struct {
        const char *headers, *body;
        uint64_t ms;
    } cases[] = {
        {"Retry-After: 95\n", "<html>error code: 1015</html>", 95000},
        {"", "<html>error code: 1015</html>", DISCORD_CLOUDFLARE_MS},
        {"",
         "{\"code\":0,\"message\":\"You are being blocked from accessing our API temporarily\"}",
         DISCORD_CLOUDFLARE_MS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sim sim;
        struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL),
                           other = job_of("POST", CREATE, "2", DISCORD_FINAL),
                           callback = job_of("POST", "/callback", "9", DISCORD_FIRST_RESPONSE);

        begin(&sim);
        callback.no_auth = true;
        callback.deadline = sim.now + 3000;
        add(&sim, &a);
        assert_ptr_equal(next(&sim), &a);
        answer(&sim, &a, 429, cases[i].headers, cases[i].body);
        assert_true(strstr(sim.schedule.gate.why, "Cloudflare") != NULL);
        add(&sim, &other);
        add(&sim, &callback);
        assert_null(next(&sim));
        assert_ptr_equal(ended(&sim), &callback); /* it cannot be in time: told at once */
        assert_int_equal(callback.status, TROUPE_UNAVAILABLE);
        due_in(&sim, cases[i].ms);
        assert_ptr_equal(next(&sim), &a);
        assert_ptr_equal(next(&sim), &other);
        told(&sim, &a, "abc", 5, 4, "5.000");
        told(&sim, &other, "abc", 5, 4, "5.000");
        finish(&sim);
    }
}

static void a_refused_token_stops_everything_for_good(void **state)
{
    struct sim sim;
    struct error err = {0};
    struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL),
                       waiting = job_of("POST", CREATE, "1", DISCORD_FINAL), late = a;

    (void)state;
    begin(&sim);
    add(&sim, &a);
    add(&sim, &waiting);
    assert_ptr_equal(next(&sim), &a);
    answer(&sim, &a, 401, "", "{\"message\":\"401: Unauthorized\",\"code\":0}");
    assert_ptr_equal(ended(&sim), &a);
    assert_int_equal(a.status, TROUPE_DENIED);
    assert_ptr_equal(ended(&sim), &waiting);
    assert_int_equal(waiting.status, TROUPE_UNAVAILABLE);
    assert_int_equal(discord_schedule_add(&sim.schedule, &late, sim.now, &err), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(err.text, "[discord]"));
    finish(&sim);
}

static void five_thousand_refusals_in_ten_minutes_stop_everything(void **state)
{
    struct sim sim;
    struct discord_job job, waiting = job_of("POST", CREATE, "1", DISCORD_FINAL);
    uint64_t first, stopped;

    (void)state;
    begin(&sim);
    first = sim.now;
    for (int i = 0; i < 5000; i++) {
        job = job_of("POST", CREATE, "1", DISCORD_FINAL);
        job.deadline = waiting.deadline = sim.now + 900000;
        assert_true(discord_gate_stopped(&sim.schedule.gate) <= sim.now);
        add(&sim, &job);
        assert_ptr_equal(next(&sim), &job);
        answer(&sim, &job, 403, "", "{\"message\":\"Missing Access\",\"code\":50001}");
        assert_ptr_equal(ended(&sim), &job);
        sim.now += 20;
    }
    add(&sim, &waiting);
    assert_null(next(&sim));
    stopped = discord_schedule_wake(&sim.schedule, sim.now);
    assert_true(stopped > first + 590000 && stopped <= first + 610000);
    sim.now = stopped;
    assert_ptr_equal(next(&sim), &waiting);
    told(&sim, &waiting, "abc", 5, 4, "5.000");
    finish(&sim);
}

static void refusals_spread_over_more_than_ten_minutes_stop_nothing(void **state)
{
    struct sim sim;

    (void)state;
    begin(&sim);
    for (int i = 0; i < 12000; i++) {
        struct discord_job job = job_of("POST", CREATE, "1", DISCORD_FINAL);

        job.deadline = sim.now + 900000;
        add(&sim, &job);
        assert_ptr_equal(next(&sim), &job);
        answer(&sim, &job, 403, "", "");
        assert_ptr_equal(ended(&sim), &job);
        sim.now += 150;
    }
    finish(&sim);
}

static void a_webhook_that_is_gone_is_used_no_more(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("POST", "/webhooks", "7/token", DISCORD_INTERACTION), b = a,
                       edited = job_of("PATCH", "/webhooks/m", "8/token", DISCORD_EDIT);

    (void)state;
    a.no_auth = b.no_auth = edited.no_auth = true;
    begin(&sim);
    add(&sim, &a);
    assert_ptr_equal(next(&sim), &a);
    answer(&sim, &a, 404, "", "{\"message\":\"Unknown Webhook\",\"code\":10015}");
    assert_ptr_equal(ended(&sim), &a);
    add(&sim, &b);
    assert_null(next(&sim));
    assert_ptr_equal(ended(&sim), &b);
    assert_int_equal(b.status, TROUPE_NOT_FOUND);
    /* A message of it that was deleted says nothing about the webhook. */
    for (int i = 0; i < 2; i++) {
        add(&sim, &edited);
        assert_ptr_equal(next(&sim), &edited);
        answer(&sim, &edited, 404, "", "{\"message\":\"Unknown Message\",\"code\":10008}");
        assert_ptr_equal(ended(&sim), &edited);
        edited.state = DISCORD_JOB_QUEUED;
    }
    finish(&sim);
}

/* ---- retries ------------------------------------------------------------------------------- */

static void what_may_be_repeated_is_repeated_with_growing_waits(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("PATCH", EDIT, "1", DISCORD_FINAL);
    uint64_t low = 250;

    (void)state;
    begin(&sim);
    add(&sim, &a);
    for (int i = 0; i < DISCORD_TRIES_MAX - 1; i++, low *= 2) {
        uint64_t wake;

        assert_ptr_equal(next(&sim), &a);
        if (i % 2)
            answer(&sim, &a, 502, "", "<html>bad gateway</html>");
        else
            discord_schedule_lost(&sim.schedule, &a, sim.now, true);
        assert_null(next(&sim));
        assert_null(ended(&sim));
        wake = discord_schedule_wake(&sim.schedule, sim.now);
        assert_true(wake - sim.now >= low && wake - sim.now <= 2 * low);
        sim.now = wake;
    }
    assert_ptr_equal(next(&sim), &a);
    answer(&sim, &a, 500, "", "");
    assert_ptr_equal(ended(&sim), &a);
    assert_int_equal(a.status, TROUPE_MAYBE_DONE);
    finish(&sim);
}

static void what_may_not_be_repeated_ends_as_maybe_done(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL), b = a;

    (void)state;
    a.repeatable = b.repeatable = false;
    begin(&sim);
    add(&sim, &a);
    assert_ptr_equal(next(&sim), &a);
    discord_schedule_lost(&sim.schedule, &a, sim.now, true);
    assert_ptr_equal(ended(&sim), &a);
    assert_int_equal(a.status, TROUPE_MAYBE_DONE);
    add(&sim, &b);
    assert_ptr_equal(next(&sim), &b);
    answer(&sim, &b, 503, "", "");
    assert_ptr_equal(ended(&sim), &b);
    assert_int_equal(b.status, TROUPE_MAYBE_DONE);
    finish(&sim);
}

static void what_never_left_goes_again_until_its_deadline(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("POST", CREATE, "1", DISCORD_FINAL),
                       other = job_of("POST", CREATE, "2", DISCORD_FINAL);
    unsigned tries = 0;

    (void)state;
    a.repeatable = other.repeatable = false;
    other.deadline = 1000000 + 60000;
    begin(&sim);
    add(&sim, &a);
    add(&sim, &other);
    while (a.state != DISCORD_JOB_ENDED) {
        struct discord_job *job = next(&sim);

        if (job) {
            tries++;
            discord_schedule_lost(&sim.schedule, job, sim.now, false);
        } else if (a.state != DISCORD_JOB_ENDED) {
            sim.now = discord_schedule_wake(&sim.schedule, sim.now);
        }
    }
    assert_int_equal(other.status, TROUPE_UNAVAILABLE);
    assert_int_equal(a.status, TROUPE_UNAVAILABLE);
    assert_int_equal(sim.now, a.deadline);
    assert_true(tries > 50 && tries < 200); /* a pause for all, not one for each */
    finish(&sim);
}

static void an_index_that_is_not_ready_is_asked_again(void **state)
{
    struct sim sim;
    struct discord_job a = job_of("GET", "/guilds/{guild}/messages/search", "1", DISCORD_READING);

    (void)state;
    begin(&sim);
    add(&sim, &a);
    assert_ptr_equal(next(&sim), &a);
    answer(&sim, &a, 202, "", "{\"code\":110000,\"retry_after\":4}");
    assert_null(ended(&sim));
    due_in(&sim, 4000);
    assert_ptr_equal(next(&sim), &a);
    told(&sim, &a, "abc", 5, 4, "5.000");
    finish(&sim);
}

/* ---- order --------------------------------------------------------------------------------- */

static void finals_go_before_edits_and_typing_is_dropped_when_late(void **state)
{
    struct sim sim;
    struct discord_job typing = job_of("POST", CREATE, "1", DISCORD_TYPING),
                       edit = job_of("POST", CREATE, "1", DISCORD_EDIT),
                       final = job_of("POST", CREATE, "1", DISCORD_FINAL);

    (void)state;
    begin(&sim);
    learn(&sim, "POST", CREATE, "1", "abc", 1, 0, "6.000");
    typing.deadline = sim.now + 5000;
    add(&sim, &typing);
    add(&sim, &edit);
    add(&sim, &final);
    due_in(&sim, 5000);
    assert_null(next(&sim));
    assert_ptr_equal(ended(&sim), &typing);
    assert_int_equal(typing.status, TROUPE_DEADLINE);
    due_in(&sim, 1000 + DISCORD_ROUNDING_MS);
    assert_ptr_equal(next(&sim), &final);
    assert_null(next(&sim));
    told(&sim, &final, "abc", 1, 0, "6.000");
    due_in(&sim, 6000 + DISCORD_ROUNDING_MS);
    assert_ptr_equal(next(&sim), &edit);
    told(&sim, &edit, "abc", 1, 0, "6.000");
    finish(&sim);
}

static void of_edits_of_one_message_only_the_newest_is_sent_and_never_two_at_once(void **state)
{
    struct sim sim;
    struct discord_job jobs[5];

    (void)state;
    begin(&sim);
    learn(&sim, "PATCH", EDIT, "1", "abc", 5, 4, "5.000");
    for (int i = 0; i < 5; i++) {
        jobs[i] = job_of("PATCH", EDIT, "1", i == 3 ? DISCORD_FINAL : DISCORD_EDIT);
        jobs[i].coalesce = "edit 5";
    }
    add(&sim, &jobs[0]);
    add(&sim, &jobs[1]);
    assert_ptr_equal(ended(&sim), &jobs[0]);
    assert_int_equal(jobs[0].status, TROUPE_CANCELED);
    assert_ptr_equal(next(&sim), &jobs[1]);
    add(&sim, &jobs[2]);
    add(&sim, &jobs[3]);
    assert_ptr_equal(ended(&sim), &jobs[2]);
    assert_null(next(&sim)); /* the older one is on its way: it must not arrive last */
    told(&sim, &jobs[1], "abc", 5, 3, "5.000");
    assert_ptr_equal(next(&sim), &jobs[3]);
    /* A lost one is not repeated when a newer one waits. */
    add(&sim, &jobs[4]);
    discord_schedule_lost(&sim.schedule, &jobs[3], sim.now, true);
    assert_ptr_equal(ended(&sim), &jobs[3]);
    assert_int_equal(jobs[3].status, TROUPE_CANCELED);
    assert_ptr_equal(next(&sim), &jobs[4]);
    told(&sim, &jobs[4], "abc", 5, 2, "5.000");
    assert_int_equal(sim.schedule.keys.count, 0);
    finish(&sim);
}

static void what_waits_can_be_taken_back_and_what_flies_cannot(void **state)
{
    struct sim sim;
    struct discord_job jobs[2];

    (void)state;
    begin(&sim);
    learn(&sim, "POST", CREATE, "1", "abc", 5, 1, "5.000");
    for (int i = 0; i < 2; i++) {
        jobs[i] = job_of("POST", CREATE, "1", DISCORD_CREATE);
        jobs[i].coalesce = i ? "create 2" : "create 1";
        add(&sim, &jobs[i]);
    }
    assert_ptr_equal(next(&sim), &jobs[0]);
    assert_null(next(&sim)); /* the bucket is empty */
    assert_false(discord_schedule_take_back(&sim.schedule, "create 1", sim.now));
    assert_false(discord_schedule_take_back(&sim.schedule, "create 3", sim.now));
    assert_true(discord_schedule_take_back(&sim.schedule, "create 2", sim.now));
    assert_ptr_equal(ended(&sim), &jobs[1]);
    assert_int_equal(jobs[1].status, TROUPE_CANCELED);
    assert_false(discord_schedule_take_back(&sim.schedule, "create 2", sim.now));
    told(&sim, &jobs[0], "abc", 5, 0, "5.000");
    assert_int_equal(sim.schedule.keys.count, 0);
    finish(&sim);
}

static void ten_thousand_wait_and_the_next_is_refused(void **state)
{
    struct sim sim;
    struct discord_job *jobs = mem_zero(DISCORD_WAITING_MAX + 1, sizeof(*jobs));
    struct error err = {0};
    char(*majors)[16] = mem_zero(DISCORD_WAITING_MAX + 1, 16);
    size_t sent = 0;

    (void)state;
    begin(&sim);
    for (size_t i = 0; i <= DISCORD_WAITING_MAX; i++) {
        snprintf(majors[i], 16, "%zu", i % 5000);
        jobs[i] = job_of("POST", CREATE, majors[i], (enum discord_priority)(i % 5 + 1));
        jobs[i].deadline = UINT64_MAX;
        if (i < DISCORD_WAITING_MAX)
            add(&sim, &jobs[i]);
    }
    assert_int_equal(discord_schedule_add(&sim.schedule, &jobs[DISCORD_WAITING_MAX], sim.now, &err),
                     TROUPE_BUSY);
    while (sent < DISCORD_WAITING_MAX) {
        struct discord_job *job = next(&sim);

        if (!job) {
            sim.now = discord_schedule_wake(&sim.schedule, sim.now);
            continue;
        }
        told(&sim, job, "abc", 5, 4, "1.000");
        sent++;
    }
    assert_true(sim.schedule.buckets.shapes.count <= 5000);
    finish(&sim);
    mem_free(majors);
    mem_free(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_bucket_takes_one_request_at_a_time),
        cmocka_unit_test(an_empty_bucket_waits_for_reset_after_and_not_a_rounding_less),
        cmocka_unit_test(two_routes_of_one_hash_share_their_bucket),
        cmocka_unit_test(a_hash_that_changes_takes_the_shape_to_its_new_bucket),
        cmocka_unit_test(a_route_without_limits_is_not_held_back),
        cmocka_unit_test(a_429_of_the_bucket_blocks_the_bucket_and_the_request_goes_again),
        cmocka_unit_test(a_429_without_a_body_honours_its_header),
        cmocka_unit_test(a_sublimit_parks_its_shape_and_not_the_bucket),
        cmocka_unit_test(a_shared_429_is_waited_for_and_not_held_against_us),
        cmocka_unit_test(a_global_429_holds_everything_but_interactions_while_others_fly),
        cmocka_unit_test(the_global_limit_is_never_passed_in_any_second_at_discords_end),
        cmocka_unit_test(what_is_never_answered_counts_no_longer_than_it_may_fly),
        cmocka_unit_test(cloudflares_block_stops_everything_for_its_time),
        cmocka_unit_test(a_refused_token_stops_everything_for_good),
        cmocka_unit_test(five_thousand_refusals_in_ten_minutes_stop_everything),
        cmocka_unit_test(refusals_spread_over_more_than_ten_minutes_stop_nothing),
        cmocka_unit_test(a_webhook_that_is_gone_is_used_no_more),
        cmocka_unit_test(what_may_be_repeated_is_repeated_with_growing_waits),
        cmocka_unit_test(what_may_not_be_repeated_ends_as_maybe_done),
        cmocka_unit_test(what_never_left_goes_again_until_its_deadline),
        cmocka_unit_test(an_index_that_is_not_ready_is_asked_again),
        cmocka_unit_test(finals_go_before_edits_and_typing_is_dropped_when_late),
        cmocka_unit_test(of_edits_of_one_message_only_the_newest_is_sent_and_never_two_at_once),
        cmocka_unit_test(what_waits_can_be_taken_back_and_what_flies_cannot),
        cmocka_unit_test(ten_thousand_wait_and_the_next_is_refused),
    };

    return cmocka_run_group_tests_name("gateway/schedule", tests, NULL, NULL);
}
