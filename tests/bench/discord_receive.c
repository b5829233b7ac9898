/* SPDX-License-Identifier: Apache-2.0
 *
 * What it costs to receive events that concern nobody: CPU time of the whole process for 100,000
 * MESSAGE_CREATE of 1.2 kB at full speed through WebSocket, unpacking and scanner. The events come
 * from a forked process, framed beforehand; with TLS each is a record of its own, as from Discord.
 * Beside it, in the same run, a bare loop of recv() for the same plain bytes, and the scanner alone
 * beside jansson.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/inflate.h"
#include "gateway/discord/scan.h"
#include "loop/scope.h"
#include "net/http.h"
#include "net/ws.h"
#include "ws_server.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

enum { ROUNDS = 5, EVENTS = 100000, KINDS = 1000, BLOCK = 128 * 1024 };

/* Of the whole program 0.12 and 0.45 are allowed; this part leaves room. The bounds were set where
 * jansson took JANSSON_US for such an event; a slower machine is given more. */
#define PLAIN_MAX   0.09
#define ZSTD_MAX    0.40
#define JANSSON_US  12.7
#define SCAN_MAX_US 0.5
#define SELF        UINT64_C(1100000000000000000)

static char certificate[] = "/tmp/troupe-bench-XXXXXX";
static int missed;

static void die(const char *what)
{
    fprintf(stderr, "discord_receive: %s\n", what);
    exit(EXIT_FAILURE);
}

static double cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(values[0]), compare);
    return values[ROUNDS / 2];
}

static void print(const char *name, double value, const char *unit, double baseline, double max,
                  double jansson_us)
{
    if (jansson_us > JANSSON_US)
        max *= jansson_us / JANSSON_US;
    printf("bench %s %.3f %s baseline %.3f ratio %.2f\n", name, value, unit, baseline,
           value / baseline);
    if (value <= max)
        return;
    fprintf(stderr, "discord_receive: %s is %.3f %s, allowed are %.3f\n", name, value, unit, max);
    missed = 1;
}

/* ---- events -------------------------------------------------------------------------------- */

/* Packs about as well as people's talk: the wire has some 300 bytes of an event. */
static void make_talk(struct buf *out, size_t until, uint64_t seed)
{
    static const char syllables[] = "theraninonatortisesedourewanalitomecascohoneumi";

    while (out->len < until) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        if (seed >> 60 == 0)
            buf_puts(out, " some usual words of talk ");
        else
            buf_append(out, syllables + (seed >> 40) % 22 * 2, 2);
    }
    buf_puts(out, "\xc3\xbc");
}

/* One event of about 1.2 kB, in the order of Discord's keys. */
static void make_event(struct buf *out, unsigned n)
{
    uint64_t id = UINT64_C(1200000000000000000) + n * UINT64_C(4194304123);

    buf_reset(out);
    buf_printf(out,
               "{\"t\":\"MESSAGE_CREATE\",\"s\":%u,\"op\":0,\"d\":{\"type\":0,\"tts\":false,"
               "\"timestamp\":\"2026-11-20T10:%02u:%02u.%03u000+00:00\",\"pinned\":false,"
               "\"nonce\":\"%" PRIu64 "\",\"mentions\":[],\"mention_roles\":[],"
               "\"mention_everyone\":false,\"member\":{\"roles\":[\"%" PRIu64 "\",\"%" PRIu64
               "\",\"%" PRIu64 "\"],\"premium_since\":null,\"pending\":false,\"nick\":\"nick %u\","
               "\"mute\":false,\"joined_at\":\"2024-03-0%uT12:00:00.000000+00:00\",\"flags\":0,"
               "\"deaf\":false,\"communication_disabled_until\":null,\"banner\":null,"
               "\"avatar\":null},\"id\":\"%" PRIu64 "\",\"flags\":0,\"embeds\":[],"
               "\"edited_timestamp\":null,\"content\":\"",
               n + 1, n / 60 % 60, n % 60, n % 1000, id + 1, id - 7, id - 8, id - 9, n % 97,
               1 + n % 9, id);
    make_talk(out, 835, n + id);
    buf_printf(out,
               "\",\"components\":[],\"channel_type\":0,\"channel_id\":\"%" PRIu64
               "\",\"author\":{\"username\":\"user%u\",\"public_flags\":0,"
               "\"primary_guild\":null,\"id\":\"%" PRIu64 "\",\"global_name\":\"User %u\","
               "\"discriminator\":\"0\",\"avatar_decoration_data\":null,"
               "\"avatar\":\"%016" PRIx64 "%016" PRIx64 "\"},\"attachments\":[],"
               "\"guild_id\":\"%" PRIu64 "\"}}",
               id - 1000 - n % 10, n % 251, id - 5000 - n % 251, n % 251, id * UINT64_C(2654435761),
               id * UINT64_C(40503), id - 9999);
}

static void frame(struct buf *out, unsigned first, const char *data, size_t len)
{
    const unsigned char head[] = {(unsigned char)first, len < 126 ? (unsigned char)len : 126,
                                  (unsigned char)(len >> 8), (unsigned char)len};

    if (len > UINT16_MAX)
        die("an event has an unexpected size");
    buf_append(out, head, len < 126 ? 2 : 4);
    buf_append(out, data, len);
}

/* All that a feeder sends, with the end of each frame. */
struct feed {
    struct buf bytes;
    size_t ends[EVENTS];
};
static struct feed feed;

static void make_plain(void)
{
    _cleanup_buf_ struct buf event = BUF_INIT;

    for (unsigned n = 0; n < EVENTS; n++) {
        make_event(&event, n % KINDS);
        frame(&feed.bytes, 0x81, event.data, event.len);
        feed.ends[n] = feed.bytes.len;
    }
}

static void make_zstd(void)
{
    _cleanup_buf_ struct buf event = BUF_INIT;
    ZSTD_CStream *zstd = ZSTD_createCStream();
    char packed[4096];

    for (unsigned n = 0; n < EVENTS; n++) {
        ZSTD_outBuffer out = {packed, sizeof(packed), 0};
        ZSTD_inBuffer in = {0};

        make_event(&event, n);
        in = (ZSTD_inBuffer){event.data, event.len, 0};
        if (ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_flush) != 0)
            die("an event cannot be packed");
        frame(&feed.bytes, 0x82, packed, out.pos);
        feed.ends[n] = feed.bytes.len;
    }
    ZSTD_freeCStream(zstd);
}

static void send_all(struct ws_server *server)
{
    char text[256];

    ws_server_write(server, feed.bytes.data, feed.bytes.len);
    ws_server_frame(server, 0x88, "", 0);
    (void)ws_server_expect(server, text, sizeof(text), NULL);
}

static void send_records(struct ws_server *server)
{
    char text[256];

    for (size_t n = 0, at = 0; n < EVENTS; at = feed.ends[n++])
        if (!ws_server_write(server, feed.bytes.data + at, feed.ends[n] - at))
            return;
    ws_server_frame(server, 0x88, "", 0);
    (void)ws_server_expect(server, text, sizeof(text), NULL);
}

/* The feeder's process; it takes its own time to pack, which is not measured. */
static pid_t feed_from(struct ws_server *server, void (*make)(void))
{
    pid_t child;

    ws_server_listen(server, certificate);
    child = fork();
    if (child < 0)
        die("no second process");
    if (child == 0) {
        make();
        ws_server_serve(server);
        _exit(0);
    }
    return child;
}

static void end_feeder(struct ws_server *server, pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) < 0 || status != 0)
        die("the feeder failed");
    close(server->listener);
    SSL_CTX_free(server->context);
}

/* ---- the receiver -------------------------------------------------------------------------- */

struct receiver {
    struct loop *loop;
    const char *url;
    struct discord_inflate *inflate;
    unsigned events, addressed;
    double begun, taken;
    bool closed;
};

static void on_message(void *arg, bool binary, char *data, size_t len)
{
    struct receiver *receiver = arg;
    struct discord_scan scan;
    char *text = NULL;

    if (receiver->events == 0)
        receiver->begun = cpu_s();
    if (discord_inflate_take(receiver->inflate, binary, data, len, &text, &len, NULL) !=
            TROUPE_OK ||
        !text || discord_scan(text, len, SELF, &scan) != DISCORD_SCAN_OK)
        die("an event was not understood");
    receiver->addressed += scan.mentions_self || scan.guild_id == 0;
    if (++receiver->events == EVENTS)
        receiver->taken = cpu_s() - receiver->begun;
}

static void on_closed(void *arg, int code, const char *reason)
{
    struct receiver *receiver = arg;

    (void)code;
    (void)reason;
    receiver->closed = true;
}

static troupe_status receive(void *arg)
{
    static const struct ws_handler handler = {on_message, NULL, on_closed};
    struct receiver *receiver = arg;
    const struct ws_options options = {
        .url = receiver->url, .ca_file = certificate, .deadline = co_after(60000)};
    struct error err = {0};
    struct ws *ws;

    if (ws_connect(receiver->loop, &options, &handler, receiver, &ws, &err) != TROUPE_OK)
        die(err.text);
    while (!receiver->closed)
        co_sleep(20);
    ws_free(ws);
    return TROUPE_OK;
}

static void ended(struct scope *scope)
{
    loop_stop(scope->loop);
}

static double run_receiver(bool packed)
{
    const struct co_owner owner = {"bench", 0};
    struct ws_server server = {.tls = packed, .script = packed ? send_records : send_all};
    struct receiver receiver = {
        .url = server.url, .inflate = discord_inflate_new(packed ? DISCORD_ZSTD : DISCORD_PLAIN)};
    pid_t feeder = feed_from(&server, packed ? make_zstd : make_plain);
    struct scope root;

    if (loop_new(NULL, &receiver.loop, NULL) != TROUPE_OK)
        die("no loop");
    scope_open_root(receiver.loop, &root, 0, ended);
    if (co_spawn(&root, &owner, receive, &receiver) != TROUPE_OK)
        die("no coroutine");
    loop_run(receiver.loop);
    scope_close(&root);
    loop_free(receiver.loop);
    discord_inflate_free(receiver.inflate);
    end_feeder(&server, feeder);
    if (receiver.events != EVENTS || receiver.addressed != 0)
        die("events are missing or addressed");
    return receiver.taken;
}

/* ---- baselines ----------------------------------------------------------------------------- */

static void send_bare(struct ws_server *server)
{
    ws_server_write(server, feed.bytes.data, feed.bytes.len);
}

static double run_bare(void)
{
    static char block[BLOCK];
    struct ws_server server = {.script = send_bare};
    pid_t feeder = feed_from(&server, make_plain);
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    static const char request[] = "GET / HTTP/1.1\r\nSec-WebSocket-Key: "
                                  "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    double begun;

    getsockname(server.listener, (struct sockaddr *)&address, &len);
    if (connect(fd, (struct sockaddr *)&address, len) != 0 ||
        send(fd, request, sizeof(request) - 1, 0) < 0 || recv(fd, block, 16, MSG_WAITALL) != 16)
        die("no connection");
    begun = cpu_s();
    while (recv(fd, block, sizeof(block), 0) > 0)
        ;
    begun = cpu_s() - begun;
    close(fd);
    end_feeder(&server, feeder);
    return begun;
}

static double bench_scan(double *ret_jansson)
{
    static char *texts[KINDS];
    static size_t lens[KINDS];
    double ours[ROUNDS], janssons[ROUNDS];
    _cleanup_buf_ struct buf event = BUF_INIT;
    struct discord_scan scan;

    for (unsigned n = 0; n < KINDS; n++) {
        make_event(&event, n);
        lens[n] = event.len;
        texts[n] = mem_copy(event.data, event.len);
    }
    for (int round = 0; round < ROUNDS; round++) {
        double begun = cpu_s();

        for (unsigned n = 0; n < EVENTS; n++)
            if (discord_scan(texts[n % KINDS], lens[n % KINDS], SELF, &scan) != DISCORD_SCAN_OK)
                die("an event was not understood");
        ours[round] = (cpu_s() - begun) * 1e6 / EVENTS;
        begun = cpu_s();
        for (unsigned n = 0; n < EVENTS / 10; n++)
            if (discord_scan_full(texts[n % KINDS], lens[n % KINDS], SELF, &scan) !=
                DISCORD_SCAN_OK)
                die("an event was not understood");
        janssons[round] = (cpu_s() - begun) * 1e6 / EVENTS * 10;
    }
    for (unsigned n = 0; n < KINDS; n++)
        mem_free(texts[n]);
    *ret_jansson = median(janssons);
    return median(ours);
}

int main(void)
{
    double plain[ROUNDS], packed[ROUNDS], bare[ROUNDS], scan, jansson;

    close(mkstemp(certificate));
    ws_server_make_certificate(certificate);
    if (http_global_init(NULL) != TROUPE_OK)
        die("no libcurl");
    scan = bench_scan(&jansson);
    for (int round = 0; round < ROUNDS; round++) {
        bare[round] = run_bare();
        plain[round] = run_receiver(false);
        packed[round] = run_receiver(true);
    }
    unlink(certificate);
    print("discord.receive_plain", median(plain), "s/100k", median(bare), PLAIN_MAX, jansson);
    print("discord.receive_tls_zstd", median(packed), "s/100k", median(bare), ZSTD_MAX, jansson);
    print("discord.scan", scan, "us", jansson, SCAN_MAX_US, jansson);
    http_global_cleanup();
    return missed;
}
