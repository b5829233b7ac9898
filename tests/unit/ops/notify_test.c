/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "ops/notify.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *name, struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, strlen(name));
    if (*name == '@')
        address->sun_path[0] = 0;
    assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void assert_received(int fd, const char *expected)
{
    char text[256];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    assert_true(n >= 0);
    text[n] = 0;
    assert_string_equal(text, expected);
}

static void test_without_a_socket(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_status(ops_notify_ready("up"), TROUPE_OK);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_status(ops_notify_ready("up"), TROUPE_OK);
}

static void test_states(void **state)
{
    char directory[] = "/tmp/troupe-notify-XXXXXX", path[64], text[256];
    struct sockaddr_un address;
    unsigned long long usec = 0;
    ssize_t n;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/notify", directory);
    fd = listen_at(path, &address);
    assert_status(ops_notify_ready("2 agents"), TROUPE_OK);
    assert_received(fd, "READY=1\nSTATUS=2 agents");
    assert_status(ops_notify_ready(NULL), TROUPE_OK);
    assert_received(fd, "READY=1");
    assert_status(ops_notify_stopping("forged\nREADY=1"), TROUPE_OK);
    assert_received(fd, "STOPPING=1\nSTATUS=forged READY=1");
    assert_status(ops_notify_status("a\nb"), TROUPE_OK);
    assert_received(fd, "STATUS=a b");
    assert_status(ops_notify_reloading(), TROUPE_OK);
    n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    assert_true(n > 0);
    text[n] = 0;
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
    assert_true(usec > 0);
    close(fd);
    unlink(path);
    assert_status(ops_notify_ready(NULL), TROUPE_IO);
    rmdir(directory);
}

static void test_abstract_socket(void **state)
{
    struct sockaddr_un address;
    char name[64];
    int fd;

    (void)state;
    snprintf(name, sizeof(name), "@troupe-notify-%d", (int)getpid());
    fd = listen_at(name, &address);
    assert_status(ops_notify_ready(NULL), TROUPE_OK);
    assert_received(fd, "READY=1");
    close(fd);
}

static void test_bad_address(void **state)
{
    char path[300];

    (void)state;
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_status(ops_notify_ready(NULL), TROUPE_ARGUMENT);
    memset(path, '/', sizeof(path) - 1);
    path[sizeof(path) - 1] = 0;
    setenv("NOTIFY_SOCKET", path, 1);
    assert_status(ops_notify_ready(NULL), TROUPE_ARGUMENT);
}

static void test_watchdog(void **state)
{
    char pid[16];

    (void)state;
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    assert_int_equal(ops_notify_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "60000000", 1);
    assert_int_equal(ops_notify_watchdog_ms(), 20000);
    setenv("WATCHDOG_PID", "1", 1); /* it means somebody else, unless that is our parent */
    assert_int_equal(ops_notify_watchdog_ms(), getppid() == 1 ? 20000 : 0);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(ops_notify_watchdog_ms(), 20000);
    setenv("WATCHDOG_USEC", "1", 1);
    assert_int_equal(ops_notify_watchdog_ms(), 1);
    setenv("WATCHDOG_USEC", "nonsense", 1);
    assert_int_equal(ops_notify_watchdog_ms(), 0);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_socket), cmocka_unit_test(test_states),
        cmocka_unit_test(test_watchdog),         cmocka_unit_test(test_abstract_socket),
        cmocka_unit_test(test_bad_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
