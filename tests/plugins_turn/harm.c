/* SPDX-License-Identifier: Apache-2.0
 *
 * Does in its stage whatever harm the message names, or nothing: "echo TEXT", "throw" (three numbers
 * around a question), "once PID TEXT" (dies where it is that process, after an effect), "stubborn HOW"
 * (goes on after it was put aside), and the rest below.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <troupe/troupe.h>
#include <unistd.h>

#define SOCKET 5 /* what the runner was given: a guess that a hostile plugin would make, too */

__attribute__((noinline)) static size_t exhaust(size_t depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    return depth ? exhaust(depth + 1) + (size_t)frame[0] : 0;
}

static void *idle(void *arg)
{
    return arg;
}

static void leak(void)
{
    void *block;

    while ((block = malloc(1 << 20)))
        memset(block, 1, 1 << 20);
    abort();
}

/* Whatever grew is told by living on. */
static void storm(int threads)
{
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;

        if (threads ? pthread_create(&thread, NULL, idle, NULL) == 0 : fork() >= 0)
            return;
    }
    abort();
}

/* A frame as the host and its runner speak; a copy, as a stranger would have it. */
struct head {
    uint16_t kind, flags;
    uint32_t id, sequence, arg, length;
    int32_t status;
    uint64_t total;
};

static void send_frame(struct head head, const void *payload, size_t len)
{
    struct iovec parts[2] = {{&head, sizeof(head)}, {(void *)(uintptr_t)payload, len}};

    (void)!writev(SOCKET, parts, 2);
}

/* Then waits for what the host makes of it. */
static void forge(const char *what)
{
    static char much[100000];

    if (!strcmp(what, "id"))
        send_frame((struct head){.kind = 17, .id = 0x7fffffff, .sequence = 1, .arg = 6}, NULL, 0);
    else if (!strcmp(what, "kind"))
        send_frame((struct head){.kind = 99, .id = 1}, NULL, 0);
    else if (!strcmp(what, "ready"))
        send_frame((struct head){.kind = 16}, NULL, 0);
    else if (!strcmp(what, "order"))
        for (uint32_t id = 1; id < 100; id++)
            send_frame((struct head){.kind = 17, .id = id, .sequence = 77, .arg = 6}, NULL, 0);
    else if (!strcmp(what, "payload"))
        for (uint32_t id = 1; id < 100; id++)
            send_frame(
                (struct head){
                    .kind = 17, .id = id, .sequence = 1, .arg = 9, .length = 3, .total = 3},
                "abc", 3);
    else if (!strcmp(what, "size"))
        send_frame((struct head){.kind = 17, .id = 1, .length = 10, .total = UINT64_MAX},
                   "abcdefghij", 10);
    else if (!strcmp(what, "long"))
        send_frame((struct head){.kind = 20, .length = sizeof(much), .total = sizeof(much)}, much,
                   sizeof(much));
    else if (!strcmp(what, "short"))
        (void)!write(SOCKET, "abc", 3);
    else if (!strcmp(what, "flood"))
        for (int i = 0; i < 100000; i++)
            send_frame((struct head){.kind = 20, .length = 1, .total = 1}, "x", 1);
    else if (!strcmp(what, "shut"))
        close(SOCKET);
    for (;;)
        pause();
}

static void misbehave(const char *kind)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int *volatile nowhere = (int *)(uintptr_t)8;

    if (!strcmp(kind, "segv"))
        *nowhere = 1;
    else if (!strncmp(kind, "abort", 5)) /* and whatever words are behind it */
        abort();
    else if (!strcmp(kind, "exit"))
        exit(3);
    else if (!strcmp(kind, "overflow"))
        (void)exhaust(1);
    else if (!strcmp(kind, "leak"))
        leak();
    else if (!strcmp(kind, "fork"))
        storm(0);
    else if (!strcmp(kind, "threads"))
        storm(1);
    else if (!strcmp(kind, "exec"))
        execl("/bin/true", "true", (char *)NULL);
    else if (!strcmp(kind, "deadlock")) {
        pthread_mutex_lock(&lock);
        pthread_mutex_lock(&lock);
    } else if (!strcmp(kind, "spin")) {
        for (;;)
            __asm__ volatile("" ::: "memory");
    } else if (!strncmp(kind, "forge ", 6)) {
        forge(kind + 6);
    }
}

static troupe_status throw_dice(troupe_turn *turn)
{
    long long first = troupe_random(turn, 1000000), second, third;
    troupe_str seen = {"", 0};
    int32_t choice = 0;
    char text[32];
    int n = snprintf(text, sizeof(text), "%lld", first);
    troupe_status status =
        troupe_kv_put(turn, TROUPE_SCOPE_MEMBER, "first", (troupe_str){text, (uint64_t)n}, 0);

    second = troupe_random(turn, 1000000);
    if (status == TROUPE_OK)
        status = troupe_ask(turn, "Throw again?", TROUPE_BUTTONS("Yes", "No"), &choice);
    if (status < 0)
        return status;
    third = troupe_random(turn, 1000000);
    /* What was stored is what is said: the numbers of the first run. */
    status = troupe_kv_get(turn, TROUPE_SCOPE_MEMBER, "first", &seen);
    if (status < 0)
        return status;
    return troupe_reply(turn, "%s %lld %d %d",
                        (uint64_t)n == seen.len && !memcmp(text, seen.ptr, seen.len) ? "same"
                                                                                     : "other",
                        second < 0 ? second : 0, choice, third >= 0);
}

/* Asks, and goes on asking though it is told to return: by the question, by a value, by looking. */
static troupe_status stubborn(troupe_turn *turn, const char *how)
{
    troupe_str value;
    int32_t choice = 0;
    troupe_status status;

    do {
        status = troupe_ask(turn, "Sure?", TROUPE_BUTTONS("No", "Yes"), &choice);
        while (status == TROUPE_PARKED && !strcmp(how, "value"))
            status = troupe_kv_get(turn, TROUPE_SCOPE_AGENT, "none", &value);
        while (status == TROUPE_PARKED && !strcmp(how, "look"))
            status = troupe_turn_status(turn);
    } while (status == TROUPE_PARKED);
    return status < 0 ? status : troupe_reply(turn, "chose %d", choice);
}

/* Dies in the process of that number, after an effect that must not be repeated. */
static troupe_status once(troupe_turn *turn, const char *rest)
{
    troupe_str value = {"", 0};
    char *end;
    long pid = strtol(rest, &end, 10);
    int64_t number = troupe_random(turn, 1000000), count = 0;
    char text[24];
    int n;

    if (troupe_kv_get(turn, TROUPE_SCOPE_AGENT, "count", &value) == TROUPE_OK && value.len < 20) {
        memcpy(text, value.ptr, value.len);
        text[value.len] = '\0';
        count = strtoll(text, NULL, 10);
    }
    n = snprintf(text, sizeof(text), "%lld", (long long)count + 1);
    (void)troupe_kv_put(turn, TROUPE_SCOPE_AGENT, "count", (troupe_str){text, (uint64_t)n}, 0);
    if (getpid() == (pid_t)pid)
        misbehave(*end == ' ' ? end + 1 : "segv");
    return troupe_reply(turn, "counted %s, %s", text, number >= 0 ? "alive" : "");
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    char text[200];

    if (!message || message->content.len >= sizeof(text))
        return TROUPE_FAILED;
    memcpy(text, message->content.ptr, message->content.len);
    text[message->content.len] = '\0';
    if (!strncmp(text, "echo ", 5))
        return troupe_reply(turn, "%s", text + 5);
    if (!strncmp(text, "sleep ", 6)) {
        troupe_status status = troupe_sleep(turn, (uint64_t)strtoll(text + 6, NULL, 10));

        return status < 0 ? status : troupe_reply(turn, "slept");
    }
    if (!strcmp(text, "throw"))
        return throw_dice(turn);
    if (!strncmp(text, "once ", 5))
        return once(turn, text + 5);
    if (!strncmp(text, "stubborn ", 9))
        return stubborn(turn, text + 9);
    misbehave(text);
    return troupe_reply(turn, "survived %s", text);
}

/* The same by call. */
TROUPE_FUNCTION(harm, "Does harm", TROUPE_SLASH, TROUPE_STRING(what, "Which", .max = 100))
static troupe_status harm(troupe_turn *turn, troupe_str what)
{
    char text[101];

    memcpy(text, what.ptr, what.len);
    text[what.len] = '\0';
    misbehave(text);
    return troupe_reply(turn, "survived %s", text);
}

TROUPE_PLUGIN("org.example.harm", "1.0.0", "Does harm", .stage = stage, .capabilities = "kv",
              .functions = TROUPE_LIST(harm));
