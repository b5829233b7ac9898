/* SPDX-License-Identifier: Apache-2.0
 *
 * What plugins/llm adds to a call of a model: prompts of 4 kB, 20 deltas an answer, 1,000 calls a second of
 * which 500 are on their way at a time, each with its reservation durable before the request leaves. The
 * host is in this process, the provider in another one. Beside it, in the same run: no layer at all on the
 * same workload, and npm's @portkey-ai/gateway, which books nothing, at a tenth of the rate, where we are
 * measured as well; what becomes of it at the whole rate is told.
 *
 * "CPU of a call" is that of this process, all its threads (loop, HTTP, store), for a turn with a call
 * less that for a turn with a function that does nothing, at the same rate: the turn's own event and end
 * are in both, and so is whoever starts the calls here. The provider is another process and not counted. The
 * time is what the kernel says, so neighbours on the processor make it longer; who compares changes counts
 * instructions (valgrind --tool=callgrind --separate-threads=yes, with few calls). Its baseline is what a plain
 * client takes for the same workload (llm_client.c): twenty pieces from a socket cost that much by
 * themselves.
 *
 * What the libraries take by themselves is measured in the same way (llm_floor.h), and told with the same baseline:
 * "llm_floor_curl" is libcurl where pieces of an answer are taken together, as core/net does it,
 * "llm_floor_curl_each" where each is taken when it comes, "llm_floor_store" SQLite with what reserves and books, less
 * what a turn without a call has it do. The "floor of libraries" is the sum of the first and the third;
 * "llm_cpu_above_floor" is what a call takes more than that, which is our own part.
 *
 * TROUPE_BENCH_CALLS and TROUPE_BENCH_RATE make it shorter or slower.
 */
#include "llm_client.h"
#include "llm_floor.h"
#include "llm_server.h"

#include "base/log.h"
#include "base/mem.h"
#include "loop/co.h"
#include "loop/scope.h"
#include "main/heap.h"
#include "main/host.h"
#include "net/http.h"
#include "turn/engine.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DELTAS = 20, GAP_MS = 25, SYNCS = 500, SLOWER = 10, FILES = 8192 };

#define CPU_US   100.0
#define FIRST_US 1000.0
#define MORE_US  1000.0 /* beyond fdatasync's p99 */

struct bench {
    struct llm_server server;
    struct loop *loop;
    struct host_boot *boot;
    struct host *host;
    struct scope scope;               /* of the calls */
    struct llm_figures figures, slow; /* `slow`: at the peer's rate */
    const char *function;
    size_t calls, open;
    unsigned rate, now_rate;
    double sync_us, cpu_us, client_us; /* client_us: of the plain client */
    struct llm_floor curl, curl_each, store;
    int failed;
};

enum { THREADS = 5 };

static const char *const thread_names[THREADS] = {"bench-host", "troupe-http", "store-write",
                                                  "store-read", "others"};

struct thread_cpu {
    uint64_t ns[THREADS];
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void bound(struct bench *bench, const char *what, double value, double most)
{
    if (value <= most)
        return;
    fprintf(stderr, "llm_bench: %s is %.1f us, at most %.1f is allowed\n", what, value, most);
    bench->failed = 1;
}

/* ---- the disk -------------------------------------------------------------------------------- */

/* The p99 of making 4 kB at the end of a file durable, in us. */
static double sync_p99(const char *folder)
{
    _cleanup_mem_ char *path = mem_printf("%s/sync", folder);
    static uint64_t took[SYNCS];
    static char page[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    for (size_t i = 0; i < SYNCS; i++) {
        uint64_t begun = now_ns(CLOCK_MONOTONIC);

        if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fdatasync(fd) < 0)
            abort();
        took[i] = now_ns(CLOCK_MONOTONIC) - begun;
    }
    close(fd);
    unlink(path);
    return llm_figures_part(took, SYNCS, 0.99);
}

/* ---- the host -------------------------------------------------------------------------------- */

static troupe_status call_once(void *arg)
{
    struct bench *bench = arg;
    _cleanup_mem_ char *text = NULL, *json = NULL;
    int64_t before, first, after;
    struct error err = {0};
    troupe_status status;

    if (++bench->open > bench->figures.most)
        bench->figures.most = bench->open;
    status =
        turn_engine_call(host_engine(bench->host), bench->function, "{}", 0, &text, &json, &err);
    bench->open--;
    if (status >= 0 && text &&
        sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &before, &first, &after) == 3)
        llm_figures_note(&bench->figures, (uint64_t)before, (uint64_t)first, (uint64_t)after);
    else if (bench->figures.failed++ == 0)
        fprintf(stderr, "llm_bench: a call failed: %s %s\n", err.text, text ? text : "");
    return TROUPE_OK;
}

/* The first line of a file, without its end. */
static int read_line(const char *path, char *ret, size_t size)
{
    FILE *file = fopen(path, "re");
    int there = file && fgets(ret, (int)size, file);

    if (file)
        fclose(file);
    if (there)
        ret[strcspn(ret, "\n")] = '\0';
    return there;
}

/* CPU of each kind of thread so far, in ns, by the kernel's own count. */
static void read_threads(struct thread_cpu *ret)
{
    DIR *folder = opendir("/proc/self/task");
    const struct dirent *entry;

    memset(ret, 0, sizeof(*ret));
    while (folder && (entry = readdir(folder))) {
        char name[32], path[300];
        size_t kind = 0;

        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        if (entry->d_name[0] == '.' || !read_line(path, name, sizeof(name)))
            continue;
        while (kind + 1 < THREADS && strcmp(name, thread_names[kind]) != 0)
            kind++;
        ret->ns[kind] += now_ns((clockid_t)(~(unsigned)atoi(entry->d_name) << 3 | 6));
    }
    if (folder)
        closedir(folder);
}

/* CPU of this process for each call, in us; by thread into `ret`. */
static double load(struct bench *bench, const char *function, unsigned rate, size_t calls,
                   struct thread_cpu *ret)
{
    struct thread_cpu before;
    uint64_t begun = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);

    read_threads(&before);

    bench->function = function;
    bench->now_rate = rate;
    bench->figures.count = bench->figures.failed = bench->figures.most = 0;
    scope_open(&bench->scope, 0);
    for (size_t sent = 0; sent < calls;) {
        size_t due = (size_t)((now_ns(CLOCK_MONOTONIC) - begun) * bench->now_rate / 1000000000u);

        for (; sent < due && sent < calls; sent++)
            if (co_spawn_wait(&bench->scope, NULL, call_once, bench, 0) < 0)
                abort();
        co_sleep(1);
    }
    scope_close(&bench->scope);
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    read_threads(ret);
    for (size_t i = 0; i < THREADS; i++)
        ret->ns[i] = (ret->ns[i] - before.ns[i]) / (calls ? calls : 1);
    return (double)cpu / 1e3 / (double)calls;
}

static void tell_threads(const char *what, const struct thread_cpu *used)
{
    printf("# CPU of %s by thread, us:", what);
    for (size_t i = 0; i < THREADS; i++)
        printf(" %s %.1f", thread_names[i], (double)used->ns[i] / 1e3);
    printf("\n");
}

static troupe_status run(void *arg)
{
    struct bench *bench = arg;
    struct config_problems problems = {0};
    struct error err = {0};
    struct thread_cpu used;
    double idle;
    int code;

    if (host_start(bench->loop, bench->boot, &bench->host, &problems, &err, &code) < 0) {
        fprintf(stderr, "llm_bench: the host cannot be started: %s %s\n", err.text,
                problems.count ? problems.items[0].text : "");
        exit(EXIT_FAILURE);
    }
    llm_figures_init(&bench->figures, bench->calls);
    load(bench, "ask", bench->rate, bench->calls / 10, &used); /* connections, statements */
    load(bench, "ask", bench->rate / SLOWER, bench->calls / SLOWER, &used);
    bench->slow = bench->figures;
    llm_figures_init(&bench->figures, bench->calls);
    idle = load(bench, "idle", bench->rate, bench->calls / 2, &used);
    tell_threads("a turn without the layer", &used);
    bench->cpu_us = load(bench, "ask", bench->rate, bench->calls, &used) - idle;
    tell_threads("a turn with it", &used);
    printf("# a turn without the layer takes %.1f us of CPU\n", idle);
    host_stop(bench->host, 1000);
    return TROUPE_OK;
}

static char *write_config(const struct bench *bench, const char *folder)
{
    char *path = mem_printf("%s/troupe.ini", folder);
    const char *build = getenv("TROUPE_BUILDDIR");
    FILE *file = fopen(path, "we");

    if (!file)
        abort();
    fprintf(file,
            "[troupe]\ndata = %s/data\n[http]\nmax_requests = 4096\n[limits]\nmessages = 0\n"
            "guild_messages = 0\n[admission]\nconcurrent = 1000\nqueue = 10000\n"
            "queue_per_member = 1000\n[budget]\ndaily = 100000\n"
            "[agent llm]\nbase_url = http://127.0.0.1:%d/v1\nmodel = bench\nprice_input = 1\n"
            "price_output = 1\nlocal = no\n[agent bench]\n"
            "plugin = %s/tests/bench/plugins/.libs/asker.so\nisolation = inprocess\n",
            folder, bench->server.port, build ? build : ".");
    fclose(file);
    return path;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

static void run_host(struct bench *bench, const char *folder)
{
    _cleanup_mem_ char *config = write_config(bench, folder);
    const char *build = getenv("TROUPE_BUILDDIR");
    _cleanup_mem_ char *package = mem_printf("%s/plugins", build ? build : ".");
    _cleanup_mem_ char *runner = mem_printf("%s/troupe-runner", build ? build : ".");
    const struct host_options options = {
        .config_path = config, .package_dir = package, .runner = runner, .console_only = true};
    const struct loop_options loop = {.max_coroutines = 10000};
    struct config_problems problems = {0};
    static const struct co_owner owner = {"bench", 0};
    struct scope scope;
    struct error err;

    heap_keep_small(); /* as the program itself does */
    if (http_global_init(&err) < 0 || host_boot(&options, &bench->boot, &problems) < 0 ||
        loop_new(&loop, &bench->loop, &err) < 0) {
        fprintf(stderr, "llm_bench: %s\n", problems.count ? problems.items[0].text : err.text);
        exit(EXIT_FAILURE);
    }
    prctl(PR_SET_NAME, "bench-host");
    scope_open_root(bench->loop, &scope, 0, ended);
    if (co_spawn(&scope, &owner, run, bench) < 0)
        abort();
    loop_run(bench->loop);
    scope_close(&scope);
    host_free(bench->host);
    loop_free(bench->loop);
}

/* ---- the peers ------------------------------------------------------------------------------- */

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        abort();
    close(fd);
    return ntohs(address.sin_port);
}

static int listens(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int there = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return there;
}

/* 0 where it cannot be had. */
static pid_t start_portkey(int port)
{
    const char *source = getenv("TROUPE_SRCDIR");
    _cleanup_mem_ char *script =
        mem_printf("%s/tests/bench/peers/portkey.sh", source ? source : ".");
    _cleanup_mem_ char *number = mem_printf("%d", port);
    char bash[] = "bash", *const argv[] = {bash, script, number, NULL};
    extern char **environ;
    pid_t pid;

    if (posix_spawnp(&pid, "bash", NULL, NULL, argv, environ) != 0)
        return 0;
    for (int i = 0; i < 1500; i++) {
        if (listens(port))
            return pid;
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return 0;
        usleep(100000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return 0;
}

/* ---- what comes of it ------------------------------------------------------------------------ */

static void tell(const char *who, struct llm_figures *figures)
{
    printf("# %s: %zu calls, %zu failed, %zu at once; to the provider p50 %.0f p99 %.0f us, first "
           "token p50 %.0f p99 %.0f us, added in all p50 %.0f p99 %.0f us\n",
           who, figures->count, figures->failed, figures->most,
           llm_figures_part(figures->before, figures->count, 0.5),
           llm_figures_part(figures->before, figures->count, 0.99),
           llm_figures_part(figures->first, figures->count, 0.5),
           llm_figures_part(figures->first, figures->count, 0.99),
           llm_figures_part(figures->added, figures->count, 0.5),
           llm_figures_part(figures->added, figures->count, 0.99));
}

/* The same workload without us; CPU of this process for each call, in us. */
static double run_peer(const char *who, int port, const char *headers, unsigned rate, size_t calls,
                       struct llm_figures *figures)
{
    uint64_t cpu;

    llm_figures_init(figures, calls);
    llm_client_run(port, headers, rate, calls / 10, figures);
    figures->count = figures->failed = figures->most = 0;
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    llm_client_run(port, headers, rate, calls, figures);
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    tell(who, figures);
    return (double)cpu / 1e3 / (double)calls;
}

static void line(const char *name, double value, const char *unit, double baseline)
{
    printf("bench %s %.1f %s", name, value, unit);
    if (baseline > 0)
        printf(" baseline %.1f ratio %.3f", baseline, value / baseline);
    printf("\n");
}

/* What the libraries take for the same calls. */
static void run_floors(struct bench *bench, const char *folder)
{
    const int port = bench->server.port;

    llm_floor_curl(port, LLM_FLOOR_TOGETHER, bench->rate, bench->calls, &bench->curl);
    llm_floor_curl(port, LLM_FLOOR_EACH, bench->rate, bench->calls, &bench->curl_each);
    llm_floor_store(folder, (DELTAS - 1) * GAP_MS, bench->rate, bench->calls, &bench->store);
}

static void report_floors(struct bench *bench)
{
    const double floor_us = bench->curl.cpu_us + bench->store.cpu_us;
    const size_t failed = bench->curl.failed + bench->curl_each.failed;

    printf("# floor of libraries: %.1f us; the layer above it: %.1f us\n", floor_us,
           bench->cpu_us - floor_us);
    line("llm_floor_curl", bench->curl.cpu_us, "us", bench->client_us);
    line("llm_floor_curl_each", bench->curl_each.cpu_us, "us", bench->client_us);
    line("llm_floor_store", bench->store.cpu_us, "us", bench->client_us);
    line("llm_cpu_above_floor", bench->cpu_us - floor_us, "us", floor_us);
    if (failed > 0) {
        fprintf(stderr, "llm_bench: %zu calls of libcurl alone failed\n", failed);
        bench->failed = 1;
    }
}

static void report(struct bench *bench, struct llm_figures *peer)
{
    struct llm_figures *own = &bench->figures, *slow = &bench->slow;
    double added = llm_figures_part(own->added, own->count, 0.99);
    double first = llm_figures_part(own->first, own->count, 0.99);

    tell("troupe", own);
    tell("troupe, slower", slow);
    line("llm_cpu_a_call", bench->cpu_us, "us", bench->client_us);
    report_floors(bench);
    line("llm_added_p50", llm_figures_part(own->added, own->count, 0.5), "us", 0);
    line("llm_added_p99", added, "us", 0);
    line("llm_first_token_p99", first, "us", 0);
    line("llm_slower_added_p50", llm_figures_part(slow->added, slow->count, 0.5), "us",
         llm_figures_part(peer->added, peer->count, 0.5));
    line("llm_slower_added_p99", llm_figures_part(slow->added, slow->count, 0.99), "us",
         llm_figures_part(peer->added, peer->count, 0.99));
    line("llm_slower_first_token_p99", llm_figures_part(slow->first, slow->count, 0.99), "us",
         llm_figures_part(peer->first, peer->count, 0.99));
    line("llm_streams_at_once", (double)own->most, "streams", 0);
    line("llm_fdatasync_p99", bench->sync_us, "us", 0);
    bound(bench, "the CPU of a call", bench->cpu_us, CPU_US);
    bound(bench, "the p99 of what is added", added, bench->sync_us + MORE_US);
    bound(bench, "the p99 of the first token", first, FIRST_US);
    if (own->failed > 0) {
        fprintf(stderr, "llm_bench: %zu calls failed\n", own->failed);
        bench->failed = 1;
    }
}

static void forget(char *folder)
{
    char rm[] = "rm", all[] = "-rf", *const argv[] = {rm, all, folder, NULL};
    extern char **environ;
    pid_t pid;

    if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) == 0)
        waitpid(pid, NULL, 0);
}

static size_t number_of(const char *name, size_t otherwise)
{
    const char *text = getenv(name);

    return text && atol(text) > 0 ? (size_t)atol(text) : otherwise;
}

int main(void)
{
    struct bench bench = {.calls = number_of("TROUPE_BENCH_CALLS", 10000),
                          .rate = (unsigned)number_of("TROUPE_BENCH_RATE", 1000)};
    struct rlimit files;
    struct llm_figures direct, peer = {0}, swamped = {0};
    char folder[] = "./llm-bench-XXXXXX", headers[256];
    int port = free_port();
    pid_t portkey;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return EXIT_FAILURE;
    files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0 || !mkdtemp(folder))
        return EXIT_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_ERROR);
    llm_server_start(&bench.server, DELTAS, GAP_MS);
    bench.client_us = run_peer("no layer", bench.server.port, "", bench.rate, bench.calls, &direct);
    run_floors(&bench, folder);
    portkey = start_portkey(port);
    if (portkey > 0) {
        snprintf(headers, sizeof(headers),
                 "Authorization: Bearer none\r\nx-portkey-provider: openai\r\n"
                 "x-portkey-custom-host: http://127.0.0.1:%d/v1\r\n",
                 bench.server.port);
        run_peer("portkey, slower", port, headers, bench.rate / SLOWER, bench.calls / SLOWER,
                 &peer);
        run_peer("portkey", port, headers, bench.rate, bench.calls / SLOWER, &swamped);
        kill(portkey, SIGKILL);
        waitpid(portkey, NULL, 0);
    }
    bench.sync_us = sync_p99(folder);
    run_host(&bench, folder);
    report(&bench, &peer);
    llm_figures_clear(&direct);
    llm_figures_clear(&peer);
    llm_figures_clear(&swamped);
    llm_figures_clear(&bench.slow);
    llm_figures_clear(&bench.figures);
    llm_server_stop(&bench.server);
    forget(folder);
    return bench.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
