/* SPDX-License-Identifier: Apache-2.0
 *
 * Outbox, schedule and HTTP client against the fake Discord with its limits on, which loses answers
 * after it has created the message, fails and limits - and does not honour nonces, so that only the
 * looking up keeps a message from being there twice.
 */
#include "../store/store_fixture.h"

#include "base/json.h"
#include "gateway/discord/outbox.h"
#include "gateway/discord/rest.h"
#include "net/http.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define CHANNELS    6
#define ANSWERS     4 /* in each channel */
#define BOT         UINT64_C(100000000000000001)
#define PATIENCE_MS 120000

extern char **environ;

struct rig {
    struct fixture base; /* first */
    struct http_client *http;
    struct discord_rest *rest;
    struct outbox *rows;
    struct discord_outbox *outbox;
    pid_t pid;
    int stdin_fd, port;
    char channels[CHANNELS][32];
};

static void fake_start(struct rig *rig)
{
    const char *build = getenv("TROUPE_BUILDDIR");
    char program[1024], *argv[] = {program,
                                   (char[]){"--parent"},
                                   (char[]){"--limits"},
                                   (char[]){"documented"},
                                   (char[]){"--nonce-window"},
                                   (char[]){"0"},
                                   (char[]){"--channels"},
                                   (char[]){"6"},
                                   NULL};
    posix_spawn_file_actions_t actions;
    int to_child[2], from_child[2];
    FILE *out;

    snprintf(program, sizeof(program), "%s/troupe-fake-discord", build ? build : ".");
    assert_int_equal(pipe2(to_child, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from_child, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to_child[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from_child[1], STDOUT_FILENO);
    if (posix_spawn(&rig->pid, program, &actions, NULL, argv, environ) != 0)
        fail_msg("cannot start %s", program);
    posix_spawn_file_actions_destroy(&actions);
    close(to_child[0]);
    close(from_child[1]);
    rig->stdin_fd = to_child[1];
    out = fdopen(from_child[0], "r");
    if (!out || fscanf(out, "listening 127.0.0.1:%d", &rig->port) != 1)
        fail_msg("the fake Discord did not come up");
    fclose(out);
}

static void fake_stop(struct rig *rig)
{
    close(rig->stdin_fd);
    waitpid(rig->pid, NULL, 0);
}

/* A call of the fake's own; NULL when it failed. */
static json_t *fake_call(struct rig *rig, const char *path, const char *body)
{
    _cleanup_mem_ char *url = mem_printf("http://127.0.0.1:%d/_fake/%s", rig->port, path);
    struct http_request request = {.url = url,
                                   .body = body,
                                   .body_len = body ? strlen(body) : 0,
                                   .trust = HTTP_TRUST_CONFIGURED};
    struct http_response response = {0};
    json_t *value = NULL;

    if (http_fetch(rig->http, &request, &response, &rig->base.err) != TROUPE_OK)
        return NULL;
    if (response.status != 200 ||
        json_parse(response.body.data, response.body.len, &value, &rig->base.err) != TROUPE_OK)
        fprintf(stderr, "# %s: %d %s\n", path, response.status, buf_text(&response.body));
    http_response_clear(&response);
    return value;
}

static struct outbox_row *ask(struct rig *rig, int channel, int answer)
{
    _cleanup_mem_ char *say = mem_printf(
        "{\"channel\":\"#%d\",\"kind\":\"mention\",\"text\":\"{mention} {token}\"}", channel);
    _cleanup_json_ json_t *told = fake_call(rig, "say", say);
    struct outbox_row *row;

    if (!told)
        return NULL;
    row = outbox_row_new();
    row->id = outbox_next_id(rig->rows);
    row->turn = channel * ANSWERS + answer + 1;
    memcpy(row->kind, "reply", 6);
    row->gateway = mem_strdup("discord:0");
    row->channel = mem_strdup(json_get_str(told, "channel", ""));
    row->reply_to = mem_strdup(json_get_str(told, "message", ""));
    row->body = mem_printf("%s answer %d \n", json_get_str(told, "token", ""), answer);
    row->state = OUTBOX_READY;
    row->created_ms = 1700000000000;
    snprintf(rig->channels[channel], sizeof(rig->channels[0]), "%s", row->channel);
    return row;
}

/* Messages of the bot in the channel that hold the text of that answer. */
static int count_answers(const json_t *messages, int answer)
{
    char text[32];
    const json_t *message;
    size_t i;
    int count = 0;

    snprintf(text, sizeof(text), "answer %d", answer);
    json_array_foreach (messages, i, message) {
        const char *content = json_get_str(message, "content", "");

        count += json_is_true(json_object_get(message, "bot")) && strstr(content, text);
    }
    return count;
}

static troupe_status deliver(void *arg)
{
    static const char faults[] =
        "[{\"on\":\"create\",\"do\":\"lost\",\"every\":3,\"times\":0},"
        "{\"on\":\"create\",\"do\":\"status\",\"status\":500,\"skip\":2,\"times\":3},"
        "{\"on\":\"create\",\"do\":\"reset\",\"skip\":5,\"times\":2},"
        "{\"on\":\"rest\",\"do\":\"user\",\"retry_after\":0.2,\"every\":9,\"times\":0},"
        "{\"on\":\"history\",\"do\":\"shared\",\"retry_after\":0.2,\"times\":1}]";
    struct fixture *f = arg;
    struct rig *rig = arg;
    struct discord_outbox_stats stats;
    struct discord_rest_stats sent;
    uint64_t until;
    _cleanup_json_ json_t *set = NULL;
    char base[64];

    snprintf(base, sizeof(base), "http://127.0.0.1:%d/api/v10", rig->port);
    rig->rest = discord_rest_new(
        f->loop,
        &(struct discord_rest_options){.http = rig->http, .base = base, .token = "fake-token"});
    CHECK_STATUS(outbox_open(f->loop, f->store, &rig->rows, &f->err), TROUPE_OK);
    rig->outbox = discord_outbox_new(&(struct discord_outbox_options){.loop = f->loop,
                                                                      .store = f->store,
                                                                      .rows = rig->rows,
                                                                      .rest = rig->rest,
                                                                      .gateway = "discord:0",
                                                                      .self = BOT,
                                                                      .reconcile_after_ms = 20});
    set = fake_call(rig, "fault", faults);
    CHECK(set);
    for (int channel = 0; channel < CHANNELS; channel++) {
        for (int answer = 0; answer < ANSWERS; answer++) {
            struct outbox_row *row = ask(rig, channel, answer);
            _cleanup_batch_ struct store_batch *batch = store_batch_new();

            CHECK(row);
            outbox_insert(batch, row);
            CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
            discord_outbox_show(rig->outbox, row, true, NULL, NULL);
        }
    }
    until = co_after(PATIENCE_MS);
    do {
        co_sleep(5);
        discord_outbox_stats(rig->outbox, &stats);
    } while (stats.waiting > 0 && co_after(0) < until);
    CHECK(stats.waiting == 0 && stats.failed == 0 && stats.unknown == 0);
    CHECK(stats.reconciled_found > 0 && stats.reconciled_repeated > 0);
    for (int channel = 0; channel < CHANNELS; channel++) {
        _cleanup_mem_ char *path = mem_printf("messages?channel=%s", rig->channels[channel]);
        _cleanup_json_ json_t *messages = fake_call(rig, path, NULL);

        CHECK(messages);
        for (int answer = 0; answer < ANSWERS; answer++)
            CHECK(count_answers(json_is_array(messages) ? messages
                                                        : json_object_get(messages, "messages"),
                                answer) == 1);
    }
    discord_rest_stats(rig->rest, &sent);
    CHECK(sent.limited > 0 && sent.waiting == 0 && sent.in_flight == 0);
    return TROUPE_OK;
}

static void nothing_is_lost_or_doubled_though_answers_are_lost_and_nonces_do_not_help(void **state)
{
    struct rig rig = {0};
    troupe_status status;

    (void)state;
    fake_start(&rig);
    place_make(&rig.base.place);
    rig.base.loop = fixture_new(NULL);
    fixture_open(&rig.base, NULL);
    if (http_client_new(rig.base.loop, NULL, &rig.http, &rig.base.err) != TROUPE_OK)
        fail_msg("http_client_new: %s", rig.base.err.text);
    status = fixture_run(rig.base.loop, deliver, &rig);
    discord_outbox_free(rig.outbox);
    discord_rest_free(rig.rest);
    outbox_close(rig.rows);
    for (int i = 0; i < 3; i++)
        loop_step(rig.base.loop, 0);
    http_client_free(rig.http);
    store_settle(&rig.base);
    fixture_free(rig.base.loop);
    place_remove(&rig.base.place);
    fake_stop(&rig);
    assert_status(status, TROUPE_OK);
}

static int init(void **state)
{
    struct error err;

    (void)state;
    return http_global_init(&err) == TROUPE_OK ? 0 : -1;
}

static int cleanup(void **state)
{
    (void)state;
    http_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_doubled_though_answers_are_lost_and_nonces_do_not_help),
    };

    return cmocka_run_group_tests_name("gateway/discord_delivery", tests, init, cleanup);
}
