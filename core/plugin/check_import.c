/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin may not import, by rule. Imports are what can be proven about a binary; that the
 * call is never made, cannot.
 */
#include "base/text.h"
#include "plugin/check_private.h"

#include <string.h>

struct rule {
    const char *name, *what, *remedy;
    const char *symbols; /* between blanks; one that ends in "*" is a beginning */
};

static const struct rule rules[] = {
    {"thread", "is imported, which starts a thread",
     "run what computes long by troupe_work() of troupe/work.h",
     " pthread_create thrd_create clone clone3 _ZNSt6thread* "},
    {"tls-destructor", "is imported, which runs code when a thread ends",
     "keep no thread-local objects with destructors; put state into what create returns",
     " __cxa_thread_atexit __cxa_thread_atexit_impl "},
    {"thread-key", "is imported, which leaves the plugin's code behind in threads of the host",
     "put state into what create returns", " pthread_key_create tss_create "},
    {"signal", "is imported, which changes signals or timers of the whole host",
     "leave signals to the host; wait by troupe_sleep()",
     " signal sigaction sigset bsd_signal sysv_signal __sysv_signal ssignal sigaltstack "
     "sigprocmask "
     "pthread_sigmask siginterrupt alarm setitimer timer_create signalfd "},
    {"exit-handler", "is imported, which registers code for the end of the process",
     "free what create made in destroy; keep no C++ objects of static lifetime",
     " atexit on_exit at_quick_exit __cxa_atexit __cxa_at_quick_exit pthread_atfork "
     "__register_atfork "},
    {"process", "is imported, which acts on the whole process of the host",
     "leave it out; the host's services are in troupe/*.h",
     " fork vfork _Fork daemon execl execlp execle execv execvp execve execvpe execveat fexecve "
     "posix_spawn posix_spawnp system popen exit _exit _Exit quick_exit kill dlopen dlmopen setenv "
     "putenv unsetenv clearenv setlocale chdir fchdir chroot umask setuid setgid setrlimit prlimit "
     "prctl mallopt tzset json_set_alloc_funcs json_set_alloc_funcs2 json_object_seed "},
    {"replay", "is imported, so a replay takes another way than the first run",
     "take the time from troupe_now() and chance from troupe_random()",
     " time gettimeofday clock_gettime timespec_get clock ftime rand rand_r srand random random_r "
     "srandom drand48 erand48 lrand48 nrand48 mrand48 jrand48 srand48 getrandom getentropy "
     "arc4random arc4random_buf arc4random_uniform _ZNSt6chrono* _ZNSt13random_device* "},
};

/* Whether the list holds the name. */
static bool holds(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = list + 1; *at; at += strcspn(at, " ") + 1) {
        size_t word = strcspn(at, " ");

        if (at[word - 1] == '*' ? !strncmp(at, name, word - 1)
                                : word == len && !memcmp(at, name, len))
            return true;
    }
    return false;
}

void check_import(struct plugin_faults *faults, const char *name)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (holds(rules[i].symbols, name)) {
            plugin_fault_add(faults, rules[i].name, name, rules[i].remedy, "%s", rules[i].what);
            return;
        }
}
