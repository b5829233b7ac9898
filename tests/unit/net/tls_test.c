/* SPDX-License-Identifier: Apache-2.0
 *
 * The client against a real TLS server (openssl s_server) with a certificate of a CA that nobody
 * knows. Skipped where the openssl program is not installed.
 */
#include "../loop/loop_fixture.h"

#include "base/mem.h"
#include "net/http.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char dir[] = "/tmp/troupe-tls-XXXXXX";
static char url[64], other_name_url[64], ca_file[128];
static pid_t server;

static int run(const char *command)
{
    int status = system(command);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Whether somebody accepts there now. */
static bool listening(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return up;
}

static int start(void **state)
{
    char command[512], key[128], accept[32];
    int port = free_port();
    posix_spawn_file_actions_t actions;

    (void)state;
    http_global_init(NULL);
    if (run("openssl version >/dev/null 2>&1") != 0)
        return 0;
    assert_non_null(mkdtemp(dir));
    snprintf(ca_file, sizeof(ca_file), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    snprintf(accept, sizeof(accept), "127.0.0.1:%d", port);
    snprintf(url, sizeof(url), "https://localhost:%d/", port);
    snprintf(other_name_url, sizeof(other_name_url), "https://127.0.0.1:%d/", port);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
             "-addext subjectAltName=DNS:localhost -keyout %s -out %s >/dev/null 2>&1",
             key, ca_file);
    assert_int_equal(run(command), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const char *argv[] = {"openssl", "s_server", "-accept", accept,   "-cert", ca_file,
                          "-key",    key,        "-www",    "-quiet", NULL};
    assert_int_equal(posix_spawnp(&server, "openssl", &actions, NULL, (char **)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 1000 && !listening(port); i++)
        usleep(10000);
    return 0;
}

static int stop(void **state)
{
    char command[256];

    (void)state;
    if (server > 0) {
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
        snprintf(command, sizeof(command), "rm -rf %s", dir);
        run(command);
    }
    http_global_cleanup();
    return 0;
}

struct attempt {
    struct http_client *client;
    const char *url;
    struct error err;
    int http_status;
};

static troupe_status fetch(void *arg)
{
    struct attempt *attempt = arg;
    struct http_request request = {.url = attempt->url, .trust = HTTP_TRUST_CONFIGURED};
    struct http_response response = {0};
    troupe_status status = http_fetch(attempt->client, &request, &response, &attempt->err);

    attempt->http_status = response.status;
    http_response_clear(&response);
    return status;
}

static void expect(const char *ca, const char *target, troupe_status want)
{
    const struct http_client_options options = {.ca_file = ca};
    struct loop *loop = fixture_new(NULL);
    struct attempt attempt = {.url = target};

    assert_status(http_client_new(loop, &options, &attempt.client, NULL), TROUPE_OK);
    assert_status(fixture_run(loop, fetch, &attempt), want);
    http_client_free(attempt.client);
    fixture_free(loop);
    if (want == TROUPE_OK)
        assert_int_equal(attempt.http_status, 200);
    else
        assert_non_null(strstr(attempt.err.text, "certificate"));
}

static void an_unknown_certificate_is_refused(void **state)
{
    (void)state;
    if (!server)
        skip();
    expect(NULL, url, TROUPE_FAILED);
}

static void a_configured_ca_is_trusted_for_its_names_only(void **state)
{
    (void)state;
    if (!server)
        skip();
    expect(ca_file, url, TROUPE_OK);
    expect(ca_file, other_name_url, TROUPE_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_certificate_is_refused),
        cmocka_unit_test(a_configured_ca_is_trusted_for_its_names_only),
    };

    return cmocka_run_group_tests_name("net/tls", tests, start, stop);
}
