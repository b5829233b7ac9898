/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "gateway/event.h"
#include "ops/chat.h"
#include "ops/client.h"
#include "ops/signals.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
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
    assert_int_equal(server->sessions, 0);
    server_clean(server);
    return 0;
}

/* ---- pipes ----------------------------------------------------------------------------------- */

/* Chats with `input` as the whole pipe; what came out goes to `out`. */
static troupe_status chat_with(const struct server *server, const char *input, size_t len,
                               struct buf *out)
{
    FILE *in = tmpfile(), *result = tmpfile();
    struct ops_chat_options options = {.in = fileno(in), .out = fileno(result)};
    struct ops_client client;
    struct error err = {0};
    troupe_status status;
    char chunk[4096];
    size_t n;

    assert_int_equal(fwrite(input, 1, len, in), len);
    rewind(in);
    assert_status(ops_client_open(&client, server->path, &err), TROUPE_OK);
    status = ops_chat_run(client.fd, &options, &err);
    rewind(result);
    while ((n = fread(chunk, 1, sizeof(chunk), result)) > 0)
        buf_append(out, chunk, n);
    fclose(in);
    fclose(result);
    return status;
}

static void test_pipe_is_answered_line_by_line(void **state)
{
    static const char input[] = "one\n\ntwo\r\n/as ann\nquiet\nthree";
    _cleanup_buf_ struct buf out = BUF_INIT;

    assert_status(chat_with(*state, input, sizeof(input) - 1, &out), TROUPE_OK);
    assert_string_equal(buf_text(&out), "echo: one\necho: two\nnot now\nBot> echo: three\n");
}

static void test_empty_pipe(void **state)
{
    _cleanup_buf_ struct buf out = BUF_INIT;

    assert_status(chat_with(*state, "", 0, &out), TROUPE_OK);
    assert_string_equal(buf_text(&out), "");
}

static void test_quit_ends_the_pipe(void **state)
{
    static const char input[] = "one\n/quit\ntwo\n";
    _cleanup_buf_ struct buf out = BUF_INIT;

    assert_status(chat_with(*state, input, sizeof(input) - 1, &out), TROUPE_OK);
    assert_string_equal(buf_text(&out), "echo: one\n");
}

static void test_bad_lines_do_not_end_the_pipe(void **state)
{
    _cleanup_buf_ struct buf in = BUF_INIT, out = BUF_INIT;

    buf_puts(&in, "caf\xe9\n");
    for (size_t i = 0; i < 100000; i++)
        buf_puts(&in, "\xc3\xa9");
    buf_puts(&in, "\nafter\n");
    assert_status(chat_with(*state, in.data, in.len, &out), TROUPE_OK);
    assert_non_null(strstr(buf_text(&out), "no UTF-8"));
    assert_non_null(strstr(buf_text(&out), "too long"));
    assert_non_null(strstr(buf_text(&out), "echo: after\n"));
}

static void test_host_that_goes_away(void **state)
{
    struct server server;
    struct ops_chat_options options = {.out = STDERR_FILENO};
    struct ops_client client;
    struct error err;
    int input[2];

    (void)state;
    assert_int_equal(pipe(input), 0);
    options.in = input[0];
    server_start(&server, NULL, true);
    assert_status(ops_client_open(&client, server.path, &err), TROUPE_OK);
    server_stop(&server);
    assert_status(ops_chat_run(client.fd, &options, &err), TROUPE_UNAVAILABLE);
    close(input[0]);
    close(input[1]);
    server_clean(&server);
}

static void test_chat_is_refused_without_an_engine(void **state)
{
    struct server server;
    struct ops_chat_options options = {.in = STDIN_FILENO, .out = STDERR_FILENO};
    struct ops_client client;
    struct error err;

    (void)state;
    server_start(&server, NULL, false);
    assert_status(ops_client_open(&client, server.path, &err), TROUPE_OK);
    assert_status(ops_chat_run(client.fd, &options, &err), TROUPE_UNSUPPORTED);
    server_stop(&server);
    server_clean(&server);
}

/* ---- a terminal ------------------------------------------------------------------------------ */

struct person {
    pid_t pid;
    int terminal;
    struct buf seen;
};

/* The chat on the terminal that is this process's input and output. */
static int chat_as_person(const char *socket, const char *history)
{
    struct ops_chat_options options = {.in = STDIN_FILENO,
                                       .out = STDOUT_FILENO,
                                       .terminal = true,
                                       .ends_by_signal = true,
                                       .history_path = *history ? history : NULL};
    struct ops_client client;
    struct error err;

    setenv("TERM", "xterm", 1);
    ops_signals_block();
    if (ops_client_open(&client, socket, &err) != TROUPE_OK)
        return 1;
    return ops_chat_run(client.fd, &options, &err) == TROUPE_OK ? 0 : 1;
}

/* The chat in a process of its own with a new terminal. It is this program once more: the server's
 * thread may hold any lock of the allocator at the fork, so the child only gets ready for exec. */
static struct person sit_down(const struct server *server, const char *history)
{
    struct person person = {.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    struct winsize size = {.ws_row = 24, .ws_col = 40};
    const char *name;

    assert_true(person.terminal >= 0);
    assert_int_equal(grantpt(person.terminal), 0);
    assert_int_equal(unlockpt(person.terminal), 0);
    assert_int_equal(ioctl(person.terminal, TIOCSWINSZ, &size), 0);
    name = ptsname(person.terminal);
    person.pid = fork();
    assert_true(person.pid >= 0);
    if (person.pid == 0) {
        int slave;

        setsid();
        slave = open(name, O_RDWR); /* becomes the controlling terminal */
        dup2(slave, STDIN_FILENO);
        dup2(slave, STDOUT_FILENO);
        execl("/proc/self/exe", "chat_test", "person", server->path, history ? history : "",
              (char *)NULL);
        _exit(127);
    }
    return person;
}

static void type(const struct person *person, const char *keys)
{
    assert_int_equal(write(person->terminal, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* Reads on until `text` was seen; what was seen up to there is forgotten. False: the chat ended. */
static bool comes(struct person *person, const char *text)
{
    uint64_t deadline = clock_ms() + WAIT_MS;

    for (;;) {
        struct pollfd wanted = {.fd = person->terminal, .events = POLLIN};
        char chunk[512];
        const char *hit = strstr(buf_text(&person->seen), text);
        ssize_t n;

        if (hit) {
            buf_shift(&person->seen, (size_t)(hit - person->seen.data) + strlen(text));
            return true;
        }
        if (poll(&wanted, 1, 100) > 0) {
            n = read(person->terminal, chunk, sizeof(chunk));
            if (n > 0) {
                for (ssize_t i = 0; i < n; i++) {
                    if (chunk[i]) /* padding */
                        buf_putc(&person->seen, chunk[i]);
                }
                continue;
            }
            return false;
        }
        if (clock_ms() > deadline)
            fail_msg("\"%s\" did not come; seen: %s", text, buf_text(&person->seen));
    }
}

static void expect(struct person *person, const char *text)
{
    if (!comes(person, text))
        fail_msg("the chat ended before \"%s\"; seen: %s", text, buf_text(&person->seen));
}

static int leave(struct person *person)
{
    int status = -1;

    assert_int_equal(waitpid(person->pid, &status, 0), person->pid);
    close(person->terminal);
    buf_clear(&person->seen);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_terminal(void **state)
{
    const struct server *server = *state;
    char history[96], text[256] = "";
    struct person person;
    struct stat info;
    FILE *file;

    snprintf(history, sizeof(history), "%s/history", server->directory);
    person = sit_down(server, history);
    expect(&person, "you> ");
    type(&person, "hellp\177o\r");
    expect(&person, "echo: hello");
    expect(&person, "you> ");
    type(&person, "/as ann\r");
    expect(&person, "ann> ");
    type(&person, "h\xc3\xa9\r");
    expect(&person, "Bot> echo: h\xc3\xa9");
    expect(&person, "ann> ");
    type(&person, "\004");
    assert_int_equal(leave(&person), 0);

    assert_int_equal(stat(history, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    file = fopen(history, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    fclose(file);
    assert_non_null(strstr(text, "hello"));

    /* The next time the arrow brings it back. */
    person = sit_down(server, history);
    expect(&person, "you> ");
    type(&person, "\020\020\020\r"); /* Ctrl-P */
    expect(&person, "echo: hello");
    type(&person, "/quit\r");
    assert_int_equal(leave(&person), 0);
    unlink(history);
}

static void test_terminal_keeps_what_is_typed(void **state)
{
    struct person person = sit_down(*state, NULL);

    expect(&person, "you> ");
    type(&person, "first\rsecond");
    expect(&person, "echo: first\r\n");
    expect(&person, "you> second");
    type(&person, "\r");
    expect(&person, "echo: second\r\n");
    type(&person, "\004");
    assert_int_equal(leave(&person), 0);
}

/* In the terminal's own mode the kernel would take Ctrl-D and backspace for itself. */
static void test_terminal_is_never_given_back_between_prompts(void **state)
{
    struct person person = sit_down(*state, NULL);
    unsigned seen = 0;

    expect(&person, "you> ");
    for (int line = 0; line < 50; line++) {
        uint64_t deadline = clock_ms() + WAIT_MS;
        int arrived = 0;

        type(&person, "line\r");
        while (!arrived && clock_ms() < deadline) {
            struct termios modes;

            for (int sample = 0; sample < 50; sample++) {
                assert_int_equal(tcgetattr(person.terminal, &modes), 0);
                seen |= modes.c_lflag & (tcflag_t)(ICANON | ECHO);
            }
            assert_int_equal(ioctl(person.terminal, FIONREAD, &arrived), 0);
        }
        expect(&person, "echo: line\r\n");
        expect(&person, "you> ");
    }
    assert_int_equal(seen, 0);
    type(&person, "\004");
    assert_int_equal(leave(&person), 0);
}

static void test_terminal_interrupts(void **state)
{
    struct person person = sit_down(*state, NULL);

    expect(&person, "you> ");
    type(&person, "wait\r");
    expect(&person, "you> ");
    type(&person, "\003");
    expect(&person, "(interrupted)");
    expect(&person, "you> ");
    /* While the host has not said that all is settled, the second one leaves at once. */
    type(&person, "\003");
    if (comes(&person, "to leave"))
        type(&person, "\003");
    assert_int_equal(leave(&person), 0);
}

static void test_terminal_that_hangs_up(void **state)
{
    struct person person = sit_down(*state, NULL);
    int status = 0;

    expect(&person, "you> ");
    close(person.terminal);
    assert_int_equal(waitpid(person.pid, &status, 0), person.pid);
    assert_true(WIFEXITED(status));
    buf_clear(&person.seen);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(test_pipe_is_answered_line_by_line),
        CASE(test_empty_pipe),
        CASE(test_quit_ends_the_pipe),
        CASE(test_bad_lines_do_not_end_the_pipe),
        cmocka_unit_test(test_host_that_goes_away),
        cmocka_unit_test(test_chat_is_refused_without_an_engine),
        CASE(test_terminal),
        CASE(test_terminal_keeps_what_is_typed),
        CASE(test_terminal_is_never_given_back_between_prompts),
        CASE(test_terminal_interrupts),
        CASE(test_terminal_that_hangs_up),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does, see ops/signals.c */
    if (argc == 4 && !strcmp(argv[1], "person"))
        return chat_as_person(argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
