/* SPDX-License-Identifier: Apache-2.0
 *
 * What one POST with a small JSON answer costs over kept connections of loopback, 8 in flight:
 * http_submit beside libcurl's multi interface alone in the same run. CPU is that of the process
 * without the server's thread. Rounds of both sides take turns; the median of each is printed.
 */
#include "bench_server.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 7, POSTS = 20000, IN_FLIGHT = 8 };

#define OVERHEAD_MAX_US 25.0

static const char body[] = "{\"content\":\"an answer of ordinary length, as people get it\","
                           "\"nonce\":\"1200000000004198386\",\"enforce_nonce\":true}";

static void die(const char *what)
{
    fprintf(stderr, "http_bench: %s\n", what);
    exit(EXIT_FAILURE);
}

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: 28\r\n\r\n{\"id\":\"1200000000004198386\"}";

struct figure {
    double cpu, rate; /* us of CPU a POST, POSTs a second */
};

static int by_cpu(const void *a, const void *b)
{
    const struct figure *left = a, *right = b;

    return (left->cpu > right->cpu) - (left->cpu < right->cpu);
}

/* ---- libcurl alone --------------------------------------------------------------------------- */

static size_t swallow(char *data, size_t size, size_t count, void *arg)
{
    (void)data, (void)arg;
    return size * count;
}

static void bare(const char *url)
{
    CURLM *multi = curl_multi_init();
    CURL *easy[IN_FLIGHT];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    int begun = 0, done = 0, running;

    for (int i = 0; i < IN_FLIGHT; i++, begun++) {
        easy[i] = curl_easy_init();
        curl_easy_setopt(easy[i], CURLOPT_URL, url);
        curl_easy_setopt(easy[i], CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy[i], CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, swallow);
        curl_multi_add_handle(multi, easy[i]);
    }
    while (done < POSTS) {
        CURLMsg *message;
        int left;

        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            CURL *handle = message->easy_handle;

            if (message->data.result != CURLE_OK)
                die(curl_easy_strerror(message->data.result));
            done++;
            curl_multi_remove_handle(multi, handle);
            if (begun < POSTS) {
                begun++;
                curl_multi_add_handle(multi, handle);
            }
        }
        if (done < POSTS)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (int i = 0; i < IN_FLIGHT; i++)
        curl_easy_cleanup(easy[i]);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
}

/* ---- http_submit ----------------------------------------------------------------------------- */

struct run {
    struct loop *loop;
    struct http_client *client;
    const char *url;
    int begun, done;
};

static void ended(void *arg, troupe_status status, const struct http_response *response, bool left,
                  const struct error *err);

static void submit(struct run *run)
{
    static const struct http_header header = {"Content-Type", "application/json"};
    struct http_request request = {.method = "POST",
                                   .url = run->url,
                                   .headers = &header,
                                   .header_count = 1,
                                   .body = body,
                                   .body_len = sizeof(body) - 1,
                                   .trust = HTTP_TRUST_CONFIGURED,
                                   .once = true};
    struct error err;

    run->begun++;
    if (http_submit(run->client, &request, ended, run, NULL, &err) != TROUPE_OK)
        die(err.text);
}

static void ended(void *arg, troupe_status status, const struct http_response *response, bool left,
                  const struct error *err)
{
    struct run *run = arg;

    (void)left;
    if (status != TROUPE_OK || response->status != 200)
        die(err->text);
    run->done++;
    if (run->begun < POSTS)
        submit(run);
}

static void submitted(struct run *run)
{
    run->begun = run->done = 0;
    while (run->begun < IN_FLIGHT)
        submit(run);
    while (run->done < POSTS)
        loop_step(run->loop, 1000);
}

int main(void)
{
    struct bench_server server;
    struct run run = {0};
    struct figure own[ROUNDS], theirs[ROUNDS];
    struct error err;
    _cleanup_mem_ char *url = NULL;
    double overhead;

    bench_server_start(&server, answer);
    url = mem_printf("http://127.0.0.1:%d/api/v10/channels/1/messages", server.port);
    run.url = url;
    if (http_global_init(&err) != TROUPE_OK || loop_new(NULL, &run.loop, &err) != TROUPE_OK ||
        http_client_new(run.loop, NULL, &run.client, &err) != TROUPE_OK)
        die(err.text);
    for (int i = 0; i < ROUNDS * 2; i++) {
        struct figure *figure = i % 2 ? &own[i / 2] : &theirs[i / 2];
        double cpu = bench_server_cpu_us(&server);
        uint64_t start = clock_ns();

        if (i % 2)
            submitted(&run);
        else
            bare(url);
        figure->rate = POSTS * 1e9 / (double)(clock_ns() - start);
        figure->cpu = (bench_server_cpu_us(&server) - cpu) / POSTS;
    }
    qsort(own, ROUNDS, sizeof(own[0]), by_cpu);
    qsort(theirs, ROUNDS, sizeof(theirs[0]), by_cpu);
    overhead = own[ROUNDS / 2].cpu - theirs[ROUNDS / 2].cpu;
    printf("bench http_submit_cpu %.1f us baseline %.1f ratio %.2f\n", own[ROUNDS / 2].cpu,
           theirs[ROUNDS / 2].cpu, own[ROUNDS / 2].cpu / theirs[ROUNDS / 2].cpu);
    printf("bench http_submit_rate %.0f posts/s baseline %.0f ratio %.2f\n", own[ROUNDS / 2].rate,
           theirs[ROUNDS / 2].rate, own[ROUNDS / 2].rate / theirs[ROUNDS / 2].rate);
    http_client_free(run.client);
    loop_free(run.loop);
    http_global_cleanup();
    if (overhead <= OVERHEAD_MAX_US)
        return EXIT_SUCCESS;
    fprintf(stderr, "http_bench: a POST costs %.1f us more than libcurl alone, allowed are %.0f\n",
            overhead, OVERHEAD_MAX_US);
    return EXIT_FAILURE;
}
