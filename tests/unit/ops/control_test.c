/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/log.h"
#include "base/mem.h"
#include "ops/client.h"
#include "server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 30000

static int setup(void **state)
{
    static struct server server;

    server_start(&server, NULL, true);
    assert_status(server.status, TROUPE_OK);
    *state = &server;
    return 0;
}

static int teardown(void **state)
{
    struct server *server = *state;

    server_stop(server);
    server_clean(server);
    return 0;
}

static struct ops_client connect_to(const struct server *server)
{
    struct ops_client client;
    struct error err;

    if (ops_client_open(&client, server->path, &err) < 0)
        fail_msg("%s", err.text);
    return client;
}

static void send_text(const struct ops_client *client, const char *text)
{
    assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void assert_error(struct ops_client *client, const char *status, const char *part,
                         int exit_code)
{
    _cleanup_json_ json_t *answer = NULL;
    struct error err;

    if (ops_client_receive(client, WAIT_MS, &answer, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(json_is_false(json_object_get(answer, "ok")));
    assert_string_equal(json_get_str(answer, "status", ""), status);
    assert_int_equal(json_get_int(answer, "exit", -1), exit_code);
    if (!strstr(json_get_str(answer, "error", ""), part))
        fail_msg("error \"%s\" has no \"%s\"", json_get_str(answer, "error", ""), part);
}

static void assert_echo(struct ops_client *client, const char *value)
{
    _cleanup_json_ json_t *result = NULL;
    struct error err;
    int code = -1;

    if (ops_client_call(client, json_pack("{s:s, s:s}", "cmd", "echo", "value", value), WAIT_MS,
                        &result, &code, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(json_string_value(result), value);
    assert_int_equal(code, 0);
}

/* ---- commands -------------------------------------------------------------------------------- */

static void test_commands(void **state)
{
    struct ops_client client = connect_to(*state);
    json_t *result = NULL;
    struct error err;
    int code = -1;

    assert_echo(&client, "one");
    assert_echo(&client, "two");
    assert_status(
        ops_client_call(&client, json_pack("{s:s}", "cmd", "fail"), WAIT_MS, &result, &code, &err),
        TROUPE_CONFIG);
    assert_int_equal(code, 78);
    assert_string_equal(err.text, "troupe.ini:3: it does not hold");
    assert_status(
        ops_client_call(&client, json_pack("{s:s}", "cmd", "ping"), WAIT_MS, &result, &code, &err),
        TROUPE_OK);
    assert_int_equal(json_get_int(result, "pid", 0), getpid());
    json_decref(result);
    assert_status(
        ops_client_call(&client, json_pack("{s:s}", "cmd", "short"), WAIT_MS, &result, &code, &err),
        TROUPE_DEADLINE);
    assert_int_equal(code, 75);
    ops_client_close(&client);
}

static void test_log_level(void **state)
{
    struct ops_client client = connect_to(*state);

    send_text(&client, "{\"cmd\":\"log-level\",\"level\":\"loud\"}\n");
    assert_error(&client, "argument", "use error, warn, info or debug", 64);
    assert_false(log_enabled(LOG_DEBUG));
    send_text(&client, "{\"cmd\":\"log-level\",\"level\":\"debug\"}\n");
    send_text(&client, "{\"cmd\":\"fail\"}\n");
    json_t *answer = NULL;
    assert_status(ops_client_receive(&client, WAIT_MS, &answer, NULL), TROUPE_OK);
    json_decref(answer);
    assert_true(log_enabled(LOG_DEBUG));
    log_set_level(LOG_INFO);
    assert_error(&client, "config", "does not hold", 78);
    ops_client_close(&client);
}

static void test_malformed(void **state)
{
    struct ops_client client = connect_to(*state);

    send_text(&client, "hello\n");
    assert_error(&client, "data", "", 65);
    send_text(&client, "[1,2]\n\n{\"cmd\":7}\n");
    assert_error(&client, "data", "\"cmd\"", 65);
    assert_error(&client, "data", "\"cmd\"", 65);
    send_text(&client, "{\"cmd\":\"pign\"}\n");
    assert_error(&client, "argument", "did you mean \"ping\"", 64);
    send_text(&client, "{\"cmd\":\"\xff\"}\n");
    assert_error(&client, "data", "", 65);
    assert_echo(&client, "still here");
    ops_client_close(&client);
}

static void test_line_in_pieces(void **state)
{
    static const char request[] = "{\"cmd\":\"fail\"}\n{\"cmd\":\"fail\"}\n";
    struct ops_client client = connect_to(*state);

    for (size_t i = 0; i < sizeof(request) - 1; i++)
        assert_int_equal(send(client.fd, request + i, 1, MSG_NOSIGNAL), 1);
    assert_error(&client, "config", "", 78);
    assert_error(&client, "config", "", 78);
    ops_client_close(&client);
}

static void test_oversize(void **state)
{
    struct ops_client client = connect_to(*state);
    char *big = mem_alloc(OPS_CONTROL_LINE + 4096);
    size_t sent = 0;

    memset(big, 'x', OPS_CONTROL_LINE + 4096);
    while (sent < OPS_CONTROL_LINE + 4096) {
        ssize_t n = send(client.fd, big + sent, OPS_CONTROL_LINE + 4096 - sent, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    mem_free(big);
    assert_error(&client, "limit", "1 MB", 75);
    assert_status(ops_client_wait_end(&client, WAIT_MS), TROUPE_OK);
    ops_client_close(&client);
    client = connect_to(*state);
    assert_echo(&client, "others go on");
    ops_client_close(&client);
}

static void test_large_line_is_taken(void **state)
{
    struct ops_client client = connect_to(*state);
    size_t len = OPS_CONTROL_LINE - 100;
    char *value = mem_alloc(len + 1);

    memset(value, 'y', len);
    value[len] = 0;
    assert_echo(&client, value);
    mem_free(value);
    ops_client_close(&client);
}

static void test_two_clients(void **state)
{
    struct ops_client first = connect_to(*state), second = connect_to(*state);
    json_t *answer = NULL;

    send_text(&first, "{\"cmd\":\"sleep\",\"ms\":50}\n{\"cmd\":\"fail\"}\n");
    assert_echo(&second, "not held up");
    assert_status(ops_client_receive(&first, WAIT_MS, &answer, NULL), TROUPE_OK);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    assert_error(&first, "config", "", 78);
    ops_client_close(&first);
    ops_client_close(&second);
}

static void test_too_many_clients(void **state)
{
    struct ops_client clients[OPS_CONTROL_CLIENTS + 1];

    for (int i = 0; i < OPS_CONTROL_CLIENTS; i++) {
        clients[i] = connect_to(*state);
        assert_echo(&clients[i], "x");
    }
    clients[OPS_CONTROL_CLIENTS] = connect_to(*state);
    assert_error(&clients[OPS_CONTROL_CLIENTS], "busy", "too many connections", 75);
    assert_status(ops_client_wait_end(&clients[OPS_CONTROL_CLIENTS], WAIT_MS), TROUPE_OK);
    for (int i = 0; i <= OPS_CONTROL_CLIENTS; i++)
        ops_client_close(&clients[i]);
}

/* ---- disconnects ----------------------------------------------------------------------------- */

static void test_client_that_leaves_cancels(void **state)
{
    struct server server;
    struct ops_client client;

    (void)state;
    server_start(&server, NULL, false);
    client = connect_to(&server);
    send_text(&client, "{\"cmd\":\"sleep\"}\n");
    ops_client_close(&client);
    client = connect_to(&server);
    send_text(&client, "{\"cmd\":\"firm\",\"ms\":30}\n{\"cmd\":");
    ops_client_close(&client);
    client = connect_to(&server);
    send_text(&client, "{\"cmd\":\"sleep\",\"ms\":60}\n");
    json_t *answer = NULL;
    assert_status(ops_client_receive(&client, WAIT_MS, &answer, NULL), TROUPE_OK);
    json_decref(answer);
    ops_client_close(&client);
    server_stop(&server);
    assert_int_equal(server.cancelled, 1);
    assert_int_equal(server.finished, 2);
    server_clean(&server);
}

static void test_stop_while_a_command_runs(void **state)
{
    struct server server;
    struct ops_client client, holder;
    json_t *result = NULL;
    int code;

    (void)state;
    server_start(&server, NULL, false);
    holder = connect_to(&server);
    assert_status(
        ops_client_call(&holder, json_pack("{s:s}", "cmd", "hold"), WAIT_MS, &result, &code, NULL),
        TROUPE_OK);
    json_decref(result);
    client = connect_to(&server);
    send_text(&client, "{\"cmd\":\"firm\",\"ms\":600000}\n");
    assert_echo(&holder, "a round trip");
    server_stop(&server);
    assert_error(&client, "canceled", "", 75);
    assert_status(ops_client_wait_end(&client, WAIT_MS), TROUPE_OK);
    assert_status(ops_client_wait_end(&holder, WAIT_MS), TROUPE_OK);
    assert_int_equal(access(server.path, F_OK), -1);
    ops_client_close(&client);
    ops_client_close(&holder);
    server_clean(&server);
}

/* ---- the socket ------------------------------------------------------------------------------ */

static void test_socket_is_private(void **state)
{
    const struct server *server = *state;
    char directory[96];
    struct stat info;

    assert_int_equal(stat(server->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    snprintf(directory, sizeof(directory), "%s/run", server->directory);
    assert_int_equal(stat(directory, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void test_second_host_is_refused(void **state)
{
    const struct server *server = *state;
    struct server other;
    struct ops_client client;

    server_start(&other, server->directory, false);
    assert_status(other.status, TROUPE_UNAVAILABLE);
    assert_non_null(strstr(other.error.text, "another host answers"));
    server_stop(&other);
    client = connect_to(server);
    assert_echo(&client, "the first one still does");
    ops_client_close(&client);
}

static void test_leftovers(void **state)
{
    struct server server, after;
    struct error err;
    struct ops_client client;
    int fd;

    (void)state;
    server_start(&server, NULL, false);
    server_stop(&server);
    assert_status(ops_client_open(&client, server.path, &err), TROUPE_UNAVAILABLE);
    assert_non_null(strstr(err.text, "no host is running on"));
    assert_non_null(strstr(err.text, "troupe run"));

    /* A socket that nobody listens on, as after a crash. */
    struct sockaddr_un_path {
        sa_family_t family;
        char path[108];
    } address = {.family = AF_UNIX};
    snprintf(address.path, sizeof(address.path), "%s", server.path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    server_start(&after, server.directory, false);
    assert_status(after.status, TROUPE_OK);
    client = connect_to(&after);
    assert_echo(&client, "replaced");
    ops_client_close(&client);
    server_stop(&after);

    /* A file that is none of ours stays. */
    fd = open(server.path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    server_start(&after, server.directory, false);
    assert_status(after.status, TROUPE_CONFLICT);
    assert_int_equal(access(server.path, F_OK), 0);
    server_stop(&after);
    server_clean(&server);
}

static void test_path_that_is_too_long(void **state)
{
    char path[200];
    struct ops_client client;
    struct error err;

    (void)state;
    memset(path, 'p', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = 0;
    assert_status(ops_client_open(&client, path, &err), TROUPE_ARGUMENT);
    assert_non_null(strstr(err.text, "control_socket"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_commands),
        CASE(test_log_level),
        CASE(test_malformed),
        CASE(test_line_in_pieces),
        CASE(test_oversize),
        CASE(test_large_line_is_taken),
        CASE(test_two_clients),
        CASE(test_too_many_clients),
        cmocka_unit_test(test_client_that_leaves_cancels),
        cmocka_unit_test(test_stop_while_a_command_runs),
        CASE(test_socket_is_private),
        CASE(test_second_host_is_refused),
        cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_path_that_is_too_long),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as the program does, see ops/signals.c */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
