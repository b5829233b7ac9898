/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes and folders of a play, and its requests to the fake servers.
 */
#include "play.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (16 << 20)

/* In the child: never returns. */
static void become(const char *const argv[], const char *log, int in)
{
    int out = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(in, 0);
    if (out >= 0) {
        (void)dup2(out, 1);
        (void)dup2(out, 2);
    }
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

bool play_start(struct play_child *child, const char *const argv[], const char *log)
{
    int ends[2];

    *child = (struct play_child){.pid = -1, .in = -1};
    if (pipe2(ends, O_CLOEXEC) < 0) {
        perror("pipe");
        return false;
    }
    child->pid = fork();
    if (child->pid == 0)
        become(argv, log, ends[0]);
    (void)close(ends[0]);
    child->in = ends[1];
    if (child->pid > 0)
        return true;
    perror("fork");
    (void)close(child->in);
    child->in = -1;
    return false;
}

int play_wait(struct play_child *child)
{
    int status = 0;

    if (child->in >= 0)
        (void)close(child->in);
    child->in = -1;
    if (child->pid <= 0)
        return 127;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* It stays for play_wait. */
static bool has_ended(const struct play_child *child)
{
    siginfo_t gone = {0};

    return waitid(P_PID, (id_t)child->pid, &gone, WEXITED | WNOHANG | WNOWAIT) != 0 || gone.si_pid;
}

void play_kill(struct play_child *child, int sig)
{
    const long long over = play_now_ms() + PLAY_STOP_MS;

    if (child->pid <= 0)
        return;
    (void)kill(child->pid, sig);
    while (!has_ended(child) && play_now_ms() < over)
        play_pause(5);
    if (!has_ended(child)) {
        (void)fprintf(stderr, "process %ld did not end within %d s and was killed\n",
                      (long)child->pid, PLAY_STOP_MS / 1000);
        (void)kill(child->pid, SIGKILL);
    }
    (void)play_wait(child);
}

int play_run(const char *const argv[], const char *log)
{
    struct play_child child;

    return play_start(&child, argv, log) ? play_wait(&child) : 127;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

void play_remove(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void play_pause(int ms)
{
    struct timespec rest = {ms / 1000, ms % 1000 * 1000000L};

    (void)nanosleep(&rest, NULL);
}

long long play_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- requests -------------------------------------------------------------------------------- */

struct answer {
    char *text;
    size_t len;
};

static size_t gather(char *data, size_t size, size_t n, void *arg)
{
    struct answer *answer = arg;
    size_t len = size * n;
    char *more =
        len <= ANSWER_MAX - answer->len ? realloc(answer->text, answer->len + len + 1) : NULL;

    if (!more)
        return 0;
    memcpy(more + answer->len, data, len);
    answer->text = more;
    answer->len += len;
    return len;
}

static long request(const char *url, const char *body, struct answer *answer)
{
    CURL *curl = curl_easy_init();
    long code = 0;

    if (!curl)
        return 0;
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 2L * PLAY_WAIT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, gather);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (body)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (curl_easy_perform(curl) == CURLE_OK)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_cleanup(curl);
    return code;
}

json_t *play_ask(const char *url, const json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct answer answer = {NULL, 0};
    long code = request(url, text, &answer);
    json_t *json = answer.len ? json_loadb(answer.text, answer.len, JSON_DECODE_ANY, NULL) : NULL;

    free(text);
    free(answer.text);
    if (code == 200)
        return json;
    if (json)
        (void)fprintf(stderr, "fake Discord: %s\n",
                      json_string_value(json_object_get(json, "error"))
                          ? json_string_value(json_object_get(json, "error"))
                          : "refused");
    json_decref(json);
    return NULL;
}

bool play_ask_ok(const char *url)
{
    struct answer answer = {NULL, 0};
    long code = request(url, NULL, &answer);

    free(answer.text);
    return code == 200;
}
