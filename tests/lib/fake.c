/* SPDX-License-Identifier: Apache-2.0 */
#include "fake.h"

#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 30000

extern char **environ;

static void write_script(char *path, size_t size, const char *script)
{
    const char *dir = getenv("TMPDIR");
    size_t len = strlen(script);
    int fd;

    snprintf(path, size, "%s/troupe-script-XXXXXX", dir ? dir : "/tmp");
    fd = mkstemp(path);
    if (fd < 0 || write(fd, script, len) != (ssize_t)len)
        fail_msg("cannot write the script %s", path);
    close(fd);
}

/* Starts $TROUPE_BUILDDIR/NAME with argv[1] and what follows, and waits until it listens. */
static void start(struct fake_llm *fake, const char *name, char **argv)
{
    char program[1024];
    const char *build = getenv("TROUPE_BUILDDIR");
    posix_spawn_file_actions_t actions;
    int to_child[2] = {-1, -1}, from_child[2] = {-1, -1};
    FILE *out;

    snprintf(program, sizeof(program), "%s/%s", build ? build : ".", name);
    argv[0] = program;
    if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0)
        fail_msg("no pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to_child[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from_child[1], STDOUT_FILENO);
    if (posix_spawn(&fake->pid, program, &actions, NULL, argv, environ) != 0)
        fail_msg("cannot start %s", program);
    posix_spawn_file_actions_destroy(&actions);
    close(to_child[0]);
    close(from_child[1]);
    fake->stdin_fd = to_child[1];
    out = fdopen(from_child[0], "r");
    if (!out || fscanf(out, "listening 127.0.0.1:%d", &fake->port) != 1)
        fail_msg("%s did not come up", name);
    fclose(out);
    snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%d", fake->port);
}

void fake_llm_start(struct fake_llm *fake, const char *script)
{
    char script_path[1024] = "", parent[] = "--parent", option[] = "--script";
    char *argv[] = {NULL, parent, script ? option : NULL, script_path, NULL};

    if (script)
        write_script(script_path, sizeof(script_path), script);
    start(fake, "troupe-fake-llm", argv);
    if (script)
        unlink(script_path);
}

void fake_discord_start(struct fake_llm *fake, const char *const *options)
{
    char parent[] = "--parent";
    char *argv[20] = {NULL, parent};

    for (size_t i = 0; options[i] && i < 17; i++)
        argv[i + 2] = (char *)options[i];
    start(fake, "troupe-fake-discord", argv);
}

/* A sanitizer that looks for leaks at the exit has been seen to spin there for ever: then the server is
 * killed, and the test goes on. */
static void await_end(pid_t pid)
{
    int left_ms = STOP_MS;

    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (left_ms <= 0) {
            printf(
                "# a fake server, process %ld, did not end within %d s of SIGTERM and was killed\n",
                (long)pid, STOP_MS / 1000);
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            return;
        }
        (void)poll(NULL, 0, 5);
        left_ms -= 5;
    }
}

void fake_llm_stop(struct fake_llm *fake)
{
    if (fake->pid <= 0)
        return;
    close(fake->stdin_fd);
    kill(fake->pid, SIGTERM);
    await_end(fake->pid);
    fake->pid = 0;
}
