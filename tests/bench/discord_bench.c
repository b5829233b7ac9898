/* SPDX-License-Identifier: Apache-2.0
 *
 * How many rows of the outbox a second are delivered: request written, scheduled, sent over kept
 * connections of loopback, the answer's id read and the row marked in the store (synchronous=NORMAL),
 * with 1,000 rows owed at a time in 200 channels. The server answers without rate limits. CPU is that
 * of the process without the server's thread.
 */
#include "bench_server.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/discord/outbox.h"
#include "gateway/discord/rest.h"
#include "loop/scope.h"
#include "net/http.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 60000, OWED = 1000, CHANNELS = 200 };

#define CPU_MAX_US 100.0 /* 15,000 rows a second leave two processors 133 us each */

static void die(const char *what)
{
    fprintf(stderr, "discord_bench: %s\n", what);
    exit(EXIT_FAILURE);
}

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 134\r\n\r\n"
    "{\"type\":0,\"content\":\"an answer of ordinary length, as people get it\","
    "\"author\":{\"id\":\"1200000000000000001\"},\"id\":\"1200000000004198386\"}";

/* ---- delivery -------------------------------------------------------------------------------- */

struct bench {
    struct bench_server server;
    struct loop *loop;
    struct store *store;
    struct outbox *rows;
    struct discord_rest *rest;
    struct discord_outbox *outbox;
    int made, shown;
    double seconds, cpu;
};

static void on_shown(void *arg, troupe_status status)
{
    struct bench *bench = arg;

    if (status != TROUPE_OK)
        die("a row was not delivered");
    bench->shown++;
}

static struct outbox_row *row_new(struct bench *bench)
{
    struct outbox_row *row = outbox_row_new();

    row->id = outbox_next_id(bench->rows);
    row->turn = ++bench->made;
    memcpy(row->kind, "reply", 6);
    row->gateway = mem_strdup("discord:0");
    row->channel = mem_printf("12000000000000%05d", bench->made % CHANNELS);
    row->reply_to = mem_strdup("1200000000000000777");
    row->body = mem_strdup("an answer of ordinary length, as people get it");
    row->state = OUTBOX_READY;
    row->created_ms = clock_wall_ms();
    return row;
}

/* Rows in portions, as the turns' own commits bring them; each portion when half of it is out. */
static troupe_status deliver(void *arg)
{
    struct bench *bench = arg;
    struct error err;
    double cpu;
    uint64_t start;

    if (outbox_open(bench->loop, bench->store, &bench->rows, &err) != TROUPE_OK)
        die(err.text);
    bench->outbox = discord_outbox_new(&(struct discord_outbox_options){.loop = bench->loop,
                                                                        .store = bench->store,
                                                                        .rows = bench->rows,
                                                                        .rest = bench->rest,
                                                                        .gateway = "discord:0",
                                                                        .self = 1});
    cpu = bench_server_cpu_us(&bench->server);
    start = clock_ns();
    while (bench->shown < ROWS) {
        struct outbox_row *rows[OWED / 2];

        if (bench->made < ROWS && bench->made - bench->shown <= OWED / 2) {
            struct store_batch *batch = store_batch_new();

            for (int i = 0; i < OWED / 2; i++)
                outbox_insert(batch, rows[i] = row_new(bench));
            if (store_commit(bench->store, batch, 0, &err) != TROUPE_OK)
                die(err.text);
            store_batch_free(batch);
            for (int i = 0; i < OWED / 2; i++)
                discord_outbox_show(bench->outbox, rows[i], true, on_shown, bench);
        }
        co_sleep(1);
    }
    bench->seconds = (double)(clock_ns() - start) / 1e9;
    bench->cpu = (bench_server_cpu_us(&bench->server) - cpu) / ROWS;
    discord_outbox_free(bench->outbox);
    outbox_close(bench->rows);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

int main(void)
{
    static const struct co_owner owner = {"bench", 0};
    struct bench bench = {0};
    struct http_client *http;
    struct scope root;
    struct error err;
    char dir[] = "/tmp/troupe-bench-XXXXXX", path[64], base[64], command[96];
    double rate;

    bench_server_start(&bench.server, answer);
    if (!mkdtemp(dir))
        die("no directory");
    snprintf(path, sizeof(path), "%s/data.db", dir);
    snprintf(base, sizeof(base), "http://127.0.0.1:%d/api/v10", bench.server.port);
    if (http_global_init(&err) != TROUPE_OK || loop_new(NULL, &bench.loop, &err) != TROUPE_OK ||
        store_open(bench.loop, &(struct store_options){.path = path, .synchronous = STORE_NORMAL},
                   &bench.store, &err) != TROUPE_OK ||
        http_client_new(bench.loop, NULL, &http, &err) != TROUPE_OK)
        die(err.text);
    bench.rest = discord_rest_new(
        bench.loop, &(struct discord_rest_options){
                        .http = http, .base = base, .token = "bench", .global_limit = UINT32_MAX});
    scope_open_root(bench.loop, &root, 0, ended);
    if (co_spawn(&root, &owner, deliver, &bench) != TROUPE_OK)
        die("no coroutine");
    loop_run(bench.loop);
    scope_close(&root);
    discord_rest_free(bench.rest);
    http_client_free(http);
    store_close(bench.store);
    for (int i = 0; i < 3; i++)
        loop_step(bench.loop, 0);
    loop_free(bench.loop);
    http_global_cleanup();
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0)
        die("cannot clean up");
    rate = ROWS / bench.seconds;
    printf("bench discord_rows %.0f rows/s\n", rate);
    printf("bench discord_row_cpu %.1f us\n", bench.cpu);
    if (bench.cpu <= CPU_MAX_US)
        return EXIT_SUCCESS;
    fprintf(stderr, "discord_bench: a row costs %.1f us, allowed are %.0f\n", bench.cpu,
            CPU_MAX_US);
    return EXIT_FAILURE;
}
