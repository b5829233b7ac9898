/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks around while it is created and logs what it finds; MISDEED makes it do worse, early or late.
 */
#include <troupe/troupe.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef ID
#define ID "org.example.probe"
#endif

extern char **environ;

static int64_t open_files(void)
{
    int64_t count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#if defined(SPIN_EARLY) || defined(CRASH_EARLY) || defined(EXIT_EARLY)
__attribute__((constructor)) static void before_anything(void)
{
#if defined(SPIN_EARLY)
    for (;;)
        __asm__ volatile("" ::: "memory");
#elif defined(CRASH_EARLY)
    raise(SIGSEGV);
#else
    _exit(3);
#endif
}
#endif

static troupe_status create(troupe_host *host, void **ret_state)
{
    int64_t variables = 0;
    troupe_value secret;
    struct rlimit core;

#ifdef CRASH_LATE
    abort();
#endif
#ifdef SPIN_LATE
    for (;;)
        pause();
#endif
    while (environ && environ[variables])
        variables++;
    troupe_log(host, TROUPE_LOG_INFO, "agent %s", troupe_agent(host));
    troupe_log(host, TROUPE_LOG_INFO, "files %lld", (long long)open_files());
    troupe_log(host, TROUPE_LOG_INFO, "variables %lld", (long long)variables);
    troupe_log(host, TROUPE_LOG_INFO, "secret %d", (int)troupe_config(host, "key", &secret));
    troupe_log(host, TROUPE_LOG_INFO, "motto %.*s", (int)troupe_config_str(host, "motto").len,
               troupe_config_str(host, "motto").ptr);
    troupe_log(host, TROUPE_LOG_INFO, "core %d",
               getrlimit(RLIMIT_CORE, &core) == 0 ? (int)core.rlim_cur : -1);
    troupe_log(host, TROUPE_LOG_INFO, "kv %d",
               host->api->get_extension(host, "troupe.kv/1") != NULL);
    *ret_state = NULL;
    return TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

TROUPE_PLUGIN(ID, "1.0.0", "Looks around", .create = create, .stage = stage,
              .config = TROUPE_KEYS(
                  {"key", "A secret", .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SECRET},
                  {"motto", "A text", .def = "none", .type = TROUPE_TYPE_STRING}));
