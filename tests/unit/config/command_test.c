/* SPDX-License-Identifier: Apache-2.0
 *
 * ${cmd:COMMAND}: what a command may do, what a failing one is reported as, that it runs once, and
 * that what it writes shows up nowhere but in the value.
 */
#include "config/command.h"
#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const struct config_key keys[] = {
    {.name = "api_key", .type = CONFIG_STRING, .flags = CONFIG_SECRET},
    {.name = "text", .type = CONFIG_STRING},
    {.name = "count", .type = CONFIG_INT},
};
static const struct config_schema tables[] = {{"agent", "llm", keys, 3, CONFIG_NAMED}};

/* Loads "t.ini" with `lines` in [agent llm]; "@" stands for the fixture's directory. */
static troupe_status load_lines(struct fixture *fixture, const char *lines)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct config_raw *raw = NULL;
    troupe_status status;

    buf_puts(&text, "[agent llm]\n");
    for (const char *p = lines; *p; p++)
        if (*p == '@')
            buf_puts(&text, fixture->dir);
        else
            buf_putc(&text, *p);
    buf_putc(&text, '\n');
    status = config_parse(fixture_write(fixture, "t.ini", buf_text(&text)), NULL, 0, &raw,
                          &fixture->problems);
    return status < 0 ? status : fixture_check(fixture, raw, tables, 1, 0);
}

/* Bytes of a file in the fixture's directory; -1: there is none. */
static long size_of(const struct fixture *fixture, const char *name)
{
    struct stat info;

    return stat(fixture_path(fixture, name), &info) < 0 ? -1 : (long)info.st_size;
}

/* Expects one sentence behind the place of the key "text". */
static void refuse(struct fixture *fixture, const char *lines, const char *sentence)
{
    char want[512];

    snprintf(want, sizeof(want), "DIR/t.ini:2: key \"text\" in [agent llm]: %s\n", sentence);
    assert_status(load_lines(fixture, lines), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture), want);
}

static void commands_are_replaced(void **state)
{
    static const struct {
        const char *line, *value;
    } cases[] = {
        {"text = ${cmd:echo alpha}", "alpha"},
        {"text = <${cmd:printf a}-${cmd: printf b }>", "<a-b>"},
        {"text = ${cmd:printf 'x\\n\\n'}", "x\n"},
        {"text = ${cmd:printf 'x\\r\\n'}", "x"},
        {"text = x${cmd:true}", "x"},
        {"text = ${cmd:cat}", "(unset)"}, /* there is nothing to read */
        {"text = ${cmd:echo kept; echo dropped >&2}", "kept"},
        {"text = ${cmd:echo $TROUPE_TEST_A}", "alpha"},
        {"text = ${cmd:printf '$\\173env:TROUPE_TEST_A\\175'}", "${env:TROUPE_TEST_A}"},
        {"text = $${cmd:touch @/ran}", "${cmd:touch DIR/ran}"},
        {"text = ${cmd:(sleep 0.05; echo late) & echo soon}", "soon\nlate"},
    };
    struct fixture *fixture = *state;

    setenv("TROUPE_TEST_A", "alpha", 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got;

        if (load_lines(fixture, cases[i].line) < 0)
            fail_msg("%s: %s", cases[i].line, fixture_problems(fixture));
        got = fixture_value(fixture, "agent", "llm", "text");
        if (strstr(cases[i].value, "DIR")) {
            assert_non_null(strstr(got, fixture->dir));
            continue;
        }
        assert_string_equal(got, cases[i].value);
    }
    assert_int_equal(size_of(fixture, "ran"), -1);
}

static void a_failing_command_is_named_and_not_quoted(void **state)
{
    struct fixture *fixture = *state;

    refuse(
        fixture, "text = ${cmd:echo sk-very-secret; exit 3}",
        "command \"echo sk-very-secret; exit 3\" ended with status 3; run it by hand to see why");
    fixture_write(fixture, "key", "sk-very-secret\n");
    assert_status(load_lines(fixture, "text = ${cmd:cat @/key; cat @/key >&2; exit 3}"),
                  TROUPE_CONFIG);
    assert_null(strstr(fixture_problems(fixture), "sk-very"));
    refuse(fixture, "text = ${cmd:kill -KILL $$}",
           "command \"kill -KILL $$\" was ended by signal KILL; run it by hand to see why");
    refuse(fixture, "text = ${cmd:/no/such/program}",
           "command \"/no/such/program\" ended with status 127; run it by hand to see why");
    refuse(fixture, "text = ${cmd: }", "${cmd:} needs a command");
    refuse(fixture, "text = ${cmd:printf 'a\\000b'}",
           "command \"printf 'a\\000b'\" writes no text: it has a NUL byte");
    refuse(fixture, "text = ${cmd:printf 'caf\\351'}", "the value is not UTF-8 text");
    refuse(fixture, "text = ${cmd:head -c 65537 /dev/zero | tr '\\0' x}",
           "command \"head -c 65537 /dev/zero | tr '\\0' x\" writes more than 65536 bytes");
    refuse(fixture, "text = ${cmd:yes}", "command \"yes\" writes more than 65536 bytes");
    refuse(fixture, "text = y${cmd:head -c 65536 /dev/zero | tr '\\0' x}",
           "the value is longer than 65536 bytes");
    refuse(fixture,
           "text = ${cmd:false 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890}",
           "command \"false 1234567890 1234567890 1234567890 1234567890 1234567890…\" ended with "
           "status 1; run it by hand to see why");
    assert_status(load_lines(fixture, "text = ${cmd:head -c 65536 /dev/zero | tr '\\0' x}"),
                  TROUPE_OK);
    assert_int_equal(strlen(fixture_value(fixture, "agent", "llm", "text")), 65536);
}

static void a_hanging_command_is_killed_with_its_group(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_mem_ char *command =
        mem_printf("echo $$ > '%s/pid'; sleep 100 & sleep 100 & exec sleep 100", fixture->dir);
    struct error err = {0};
    char *text = NULL;
    FILE *file;
    int pid, status, members = 0;

    /*
     * What the shell leaves behind becomes ours, to be asked how it ended. It becomes a sleep itself:
     * a shell that waits may still reap a member between that one's end and its own.
     */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    /* Long enough for the shell to write its number on a busy machine. */
    assert_status(config_command_run(command, 1000, &text, &err), TROUPE_CONFIG);
    assert_null(text);
    assert_non_null(strstr(err.text, "\" did not end within 1 s; see that it works without a "
                                     "terminal and asks for nothing"));
    file = fopen(fixture_path(fixture, "pid"), "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    for (; waitpid(-pid, &status, 0) > 0; members++)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(members, 2);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

/* One that closed its output still has to end in time. */
static void a_deadline_holds_for_silent_commands(void **state)
{
    struct error err = {0};
    char *text = NULL;

    (void)state;
    assert_status(config_command_run("exec >&-; sleep 100", 50, &text, &err), TROUPE_CONFIG);
    assert_string_equal(err.text, "command \"exec >&-; sleep 100\" did not end within 0.05 s; see "
                                  "that it works without a terminal and asks for nothing");
    assert_null(text);
}

static void a_command_has_clean_signals_and_no_files(void **state)
{
    struct error err = {0};
    sigset_t all, before;
    char *text = NULL;
    int fd = dup(1); /* without close-on-exec */

    (void)state;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    assert_status(config_command_run("grep SigBlk /proc/self/status; ls /proc/self/fd | wc -l",
                                     60000, &text, &err),
                  TROUPE_OK);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(fd);
    /* 0, 1, 2 and the directory that ls reads. */
    assert_string_equal(text, "SigBlk:\t0000000000000000\n4");
    mem_free(text);
}

static void each_runs_once_however_often_it_is_checked(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_mem_ char *text =
        mem_printf("[agent llm]\napi_key = ${cmd:printf x >> %s/ran; echo sk-from-store}\n"
                   "text = ${cmd:printf x >> %s/ran; echo sk-from-store}\n",
                   fixture->dir, fixture->dir);
    const char *path = fixture_write(fixture, "t.ini", text);
    struct config_raw *raw = NULL;

    assert_status(config_parse(path, NULL, 0, &raw, &fixture->problems), TROUPE_OK);
    assert_int_equal(size_of(fixture, "ran"), 1);
    for (int i = 0; i < 3; i++) {
        config_unref(fixture->config);
        fixture->config = NULL;
        assert_status(config_check(raw, tables, 1, 0, &fixture->config, &fixture->problems),
                      TROUPE_OK);
        assert_string_equal(fixture_value(fixture, "agent", "llm", "api_key"), "sk-from-store");
    }
    assert_int_equal(size_of(fixture, "ran"), 1);
    config_raw_free(raw);
    assert_status(config_parse(path, NULL, 0, &raw, &fixture->problems), TROUPE_OK);
    assert_int_equal(size_of(fixture, "ran"), 2);
    config_raw_free(raw);
}

static void only_values_that_hold_run(void **state)
{
    static const char *const set = "agent llm.text=${cmd:echo from the line}";
    struct fixture *fixture = *state;
    _cleanup_mem_ char *text =
        mem_printf("[agent llm]\ntext = ${cmd:touch %s/ran}\n", fixture->dir);
    const char *path = fixture_write(fixture, "t.ini", text);
    struct config_raw *raw = NULL;

    assert_status(config_parse(path, &set, 1, &raw, &fixture->problems), TROUPE_OK);
    assert_status(fixture_check(fixture, raw, tables, 1, 0), TROUPE_OK);
    assert_string_equal(fixture_value(fixture, "agent", "llm", "text"), "from the line");
    assert_int_equal(size_of(fixture, "ran"), -1);
    /* Nothing runs for a configuration that is refused anyway. */
    assert_status(load_lines(fixture, "text = ${cmd:touch @/ran}\nno entry"), TROUPE_CONFIG);
    assert_int_equal(size_of(fixture, "ran"), -1);
    config_problems_clear(&fixture->problems);
    /* Nor for a text without a place. */
    assert_status(fixture_text(fixture, text, tables, 1), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture), "t.ini:2: key \"text\" in [agent llm]: a text "
                                                   "without a place cannot run commands\n");
    assert_int_equal(size_of(fixture, "ran"), -1);
}

static void a_file_that_others_can_write_runs_nothing(void **state)
{
    static const mode_t modes[] = {0620, 0602};
    struct fixture *fixture = *state;
    _cleanup_mem_ char *text =
        mem_printf("[agent llm]\ntext = ${cmd:touch %s/ran}\n", fixture->dir);
    const char *path = fixture_write(fixture, "t.ini", text);
    struct config_raw *raw = NULL;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_status(config_parse(path, NULL, 0, &raw, &fixture->problems), TROUPE_CONFIG);
        assert_string_equal(fixture_problems(fixture),
                            "DIR/t.ini:2: key \"text\" in [agent llm]: others can write this file "
                            "and so choose what command the host runs; run chmod go-w on it\n");
        assert_int_equal(size_of(fixture, "ran"), -1);
    }
    /* The mode matters for commands only. */
    path = fixture_write(fixture, "t.ini", "[agent llm]\ntext = plain\n");
    assert_int_equal(chmod(path, 0622), 0);
    assert_status(config_parse(path, NULL, 0, &raw, &fixture->problems), TROUPE_OK);
    config_raw_free(raw);
}

static void their_number_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct config_raw *raw = NULL;

    buf_puts(&text, "[agent llm]\n");
    for (int i = 0; i <= CONFIG_MAX_COMMANDS; i++)
        buf_printf(&text, "k%d = ${cmd:: %d}\n", i, i);
    assert_status(config_parse(fixture_write(fixture, "t.ini", buf_text(&text)), NULL, 0, &raw,
                               &fixture->problems),
                  TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture), "DIR/t.ini:66: key \"k64\" in [agent llm]: more "
                                                   "than 64 different commands\n");
}

static void what_it_writes_shows_up_nowhere(void **state)
{
    struct fixture *fixture = *state;
    char line[] = "request with Bearer sk-from-store failed";
    _cleanup_buf_ struct buf out = BUF_INIT;

    fixture_write(fixture, "key", "sk-from-store\n");
    assert_status(load_lines(fixture, "api_key = Bearer ${cmd:cat @/key}"), TROUPE_OK);
    log_mask_apply(line);
    assert_null(strstr(line, "sk-from-store"));
    config_print(fixture->config, &out);
    assert_null(strstr(buf_text(&out), "sk-from-store"));
    assert_non_null(strstr(buf_text(&out), "api_key = *** ; "));
    /* In a key of another type the message shows the reference. */
    assert_status(load_lines(fixture, "count = ${cmd:cat @/key}"), TROUPE_CONFIG);
    assert_null(strstr(fixture_problems(fixture), "sk-from-store"));
}

struct other_thread {
    const char *path;
    struct config_raw *raw;
    struct config_problems problems;
    troupe_status status;
};

static void *parse_there(void *arg)
{
    struct other_thread *other = arg;

    other->status = config_parse(other->path, NULL, 0, &other->raw, &other->problems);
    return NULL;
}

/* As a reload does it: read on a worker, checked on the loop's thread. */
static void another_thread_may_parse(void **state)
{
    struct fixture *fixture = *state;
    struct other_thread other[2] = {{0}};
    pthread_t threads[2];

    fixture_write(fixture, "t.ini", "[agent llm]\napi_key = ${cmd:echo sk-from-store}\n");
    for (int i = 0; i < 2; i++) {
        other[i].path = fixture_path(fixture, "t.ini");
        assert_int_equal(pthread_create(&threads[i], NULL, parse_there, &other[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_status(other[i].status, TROUPE_OK);
        assert_status(fixture_check(fixture, other[i].raw, tables, 1, 0), TROUPE_OK);
        assert_string_equal(fixture_value(fixture, "agent", "llm", "api_key"), "sk-from-store");
        config_problems_clear(&other[i].problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(commands_are_replaced),
        FIXTURE_TEST(a_failing_command_is_named_and_not_quoted),
        FIXTURE_TEST(a_hanging_command_is_killed_with_its_group),
        FIXTURE_TEST(a_deadline_holds_for_silent_commands),
        FIXTURE_TEST(a_command_has_clean_signals_and_no_files),
        FIXTURE_TEST(each_runs_once_however_often_it_is_checked),
        FIXTURE_TEST(only_values_that_hold_run),
        FIXTURE_TEST(a_file_that_others_can_write_runs_nothing),
        FIXTURE_TEST(their_number_is_bounded),
        FIXTURE_TEST(what_it_writes_shows_up_nowhere),
        FIXTURE_TEST(another_thread_may_parse),
    };

    return cmocka_run_group_tests_name("config/command", tests, NULL, NULL);
}
