/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe-fake-discord: Discord's gateway and REST API without Discord, for tests, benches and authors
 * of plugins. It keeps a ledger of who was asked what and what came of it, and fails in every way the
 * real one does. It shares no code with the core, so both cannot be wrong in the same way.
 */
#include "discord_control.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: troupe-fake-discord [OPTION]...\n"
    "  --token TOKEN          the bot's (default: fake-token)\n"
    "  --script FILE          JSON: \"world\", \"options\", \"faults\"\n"
    "  --guilds N, --channels N (each guild), --members N   instead of the script's world\n"
    "  --limits documented|off      REST rate limits (default: off)\n"
    "  --nonce-window SECONDS       of enforce_nonce; 0: it has no effect (default: 300)\n"
    "  --heartbeat-ms N             interval told in HELLO (default: 41250)\n"
    "  --session-ttl SECONDS        a dropped session can be resumed so long (default: 300)\n"
    "  --replay N                   events kept for that (default: 10000)\n"
    "  --history N                  messages kept a channel (default: 2000)\n"
    "  --max-concurrency N          identifies in 5 s (default: 16)\n"
    "  --session-limit N            identifies in /gateway/bot (default: 1000)\n"
    "  --unprivileged               the app has no privileged intent\n"
    "  --no-echo                    the bot's own messages are no events\n"
    "  --tls CERT KEY               PEM files; TLS and plain on the same ports\n"
    "  --host NAME                  in the URLs that are told (default: 127.0.0.1)\n"
    "  --resume-url URL             told as resume_gateway_url (default: a second port)\n"
    "  --port N, --port-file FILE, --parent   as troupe-fake-llm\n"
    "Prints \"listening 127.0.0.1:PORT\" when ready.\n";

/* ---- connections --------------------------------------------------------------------------- */

static bool begins(struct discord_slice text, const char *with)
{
    size_t n = strlen(with);

    return text.len >= n && memcmp(text.ptr, with, n) == 0;
}

static void http_gone(struct discord_conn *conn)
{
    struct fake_text *held = conn->arg;

    discord_wait_gone(conn->net->arg, conn);
    if (held)
        fake_text_clear(held);
    free(held);
}

static void route(struct discord *discord, struct discord_conn *conn,
                  const struct discord_http *http)
{
    if (begins(http->path, "/_fake/"))
        discord_control_take(discord, conn, http);
    else if (http->upgrade.ptr)
        discord_gateway_upgrade(discord, conn, http);
    else if (begins(http->path, "/api/"))
        discord_rest_take(discord, conn, http);
    else
        discord_http_write(&conn->out, 404, "text/plain", NULL, "nothing here\n", 13);
    if (!conn->closing)
        discord_conn_dirty(conn);
}

static void http_take(struct discord_conn *conn)
{
    struct discord *discord = conn->net->arg;
    struct discord_http http;
    size_t used;

    while (!conn->closing && !conn->paused && conn->take == http_take &&
           conn->in_at < conn->in.len) {
        int r = discord_http_parse(conn->in.data + conn->in_at, conn->in.len - conn->in_at, &http,
                                   &used);

        if (r == 0)
            return;
        if (r != 1) {
            discord_http_write(&conn->out, r, "text/plain", "Connection: close\r\n", "", 0);
            discord_conn_close(conn);
            conn->in_at = conn->in.len;
            return;
        }
        conn->in_at += used;
        route(discord, conn, &http);
    }
}

static void on_accept(struct discord_conn *conn)
{
    struct discord *discord = conn->net->arg;

    discord->counters.connections++;
    conn->take = http_take;
    conn->gone = http_gone;
}

static void on_turn(void *arg)
{
    struct discord *discord = arg;

    discord_load_tick(discord);
    discord_wait_check(discord);
}

/* ---- time and ends ------------------------------------------------------------------------- */

static void on_second(uv_timer_t *timer)
{
    static const unsigned once_in = 100; /* the timer's ticks of 10 ms, for waits, in a second */
    struct discord *discord = timer->data;
    static unsigned ticks;

    if (++ticks % once_in == 0)
        discord_gateway_second(discord);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct discord *discord = handle->data;

    (void)suggested;
    *buf = uv_buf_init(discord->drain, sizeof(discord->drain));
}

static void on_parent(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n < 0)
        uv_stop(stream->loop);
}

/* ---- options ------------------------------------------------------------------------------- */

bool discord_options_set(struct discord *discord, const json_t *source, char *err, size_t err_size)
{
    struct discord_options *options = &discord->options;
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)source, key, value) {
        json_int_t n = json_integer_value(value);
        const char *text = json_string_value(value);

        if (strcmp(key, "limits") == 0 && text)
            options->limits = strcmp(text, "documented") == 0;
        else if (strcmp(key, "nonce_window_ms") == 0)
            options->nonce_window_ms = (uint64_t)n;
        else if (strcmp(key, "heartbeat_ms") == 0)
            options->heartbeat_ms = (uint32_t)n;
        else if (strcmp(key, "session_ttl_ms") == 0)
            options->session_ttl_ms = (uint64_t)n;
        else if (strcmp(key, "max_concurrency") == 0)
            options->max_concurrency = (unsigned)n;
        else if (strcmp(key, "session_limit") == 0)
            options->session_limit = (unsigned)n;
        else if (strcmp(key, "shards") == 0)
            options->shards = (unsigned)n;
        else if (strcmp(key, "echo") == 0)
            options->echo = json_is_true(value);
        else if (strcmp(key, "stop_expected") == 0)
            options->stop_expected = json_is_true(value);
        else if (strcmp(key, "privileged") == 0)
            options->privileged = discord->world.content_of_others = json_is_true(value);
        else if (strcmp(key, "interrupted_mark") == 0 && text)
            snprintf(discord->ledger.interrupted_mark, sizeof(discord->ledger.interrupted_mark),
                     "%s", text);
        else {
            snprintf(err, err_size, "no option \"%s\" of that type", key);
            return false;
        }
    }
    return true;
}

static bool read_script(const char *path, json_t **ret)
{
    json_error_t where;

    *ret = json_load_file(path, 0, &where);
    if (!*ret)
        fprintf(stderr, "troupe-fake-discord: \"%s\" line %d: %s\n", path, where.line, where.text);
    return *ret != NULL;
}

enum choice {
    OPTION_TOKEN = 256,
    OPTION_SCRIPT,
    OPTION_GUILDS,
    OPTION_CHANNELS,
    OPTION_MEMBERS,
    OPTION_LIMITS,
    OPTION_NONCE,
    OPTION_HEARTBEAT,
    OPTION_TTL,
    OPTION_REPLAY,
    OPTION_HISTORY,
    OPTION_CONCURRENCY,
    OPTION_SESSIONS,
    OPTION_UNPRIVILEGED,
    OPTION_NO_ECHO,
    OPTION_TLS,
    OPTION_HOST,
    OPTION_RESUME_URL,
    OPTION_PORT,
    OPTION_PORT_FILE,
    OPTION_PARENT,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"script", required_argument, NULL, OPTION_SCRIPT},
    {"guilds", required_argument, NULL, OPTION_GUILDS},
    {"channels", required_argument, NULL, OPTION_CHANNELS},
    {"members", required_argument, NULL, OPTION_MEMBERS},
    {"limits", required_argument, NULL, OPTION_LIMITS},
    {"nonce-window", required_argument, NULL, OPTION_NONCE},
    {"heartbeat-ms", required_argument, NULL, OPTION_HEARTBEAT},
    {"session-ttl", required_argument, NULL, OPTION_TTL},
    {"replay", required_argument, NULL, OPTION_REPLAY},
    {"history", required_argument, NULL, OPTION_HISTORY},
    {"max-concurrency", required_argument, NULL, OPTION_CONCURRENCY},
    {"session-limit", required_argument, NULL, OPTION_SESSIONS},
    {"unprivileged", no_argument, NULL, OPTION_UNPRIVILEGED},
    {"no-echo", no_argument, NULL, OPTION_NO_ECHO},
    {"tls", required_argument, NULL, OPTION_TLS},
    {"host", required_argument, NULL, OPTION_HOST},
    {"resume-url", required_argument, NULL, OPTION_RESUME_URL},
    {"port", required_argument, NULL, OPTION_PORT},
    {"port-file", required_argument, NULL, OPTION_PORT_FILE},
    {"parent", no_argument, NULL, OPTION_PARENT},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* False: the command line does not hold. */
static bool read_options(struct discord *discord, json_t *world, int argc, char **argv)
{
    struct discord_options *options = &discord->options;
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        unsigned long n = optarg ? strtoul(optarg, NULL, 10) : 0;

        switch ((enum choice)option) {
        case OPTION_TOKEN: options->token = optarg; break;
        case OPTION_SCRIPT: options->script = optarg; break;
        case OPTION_GUILDS:
            json_object_set_new(world, "guilds", json_integer((json_int_t)n));
            break;
        case OPTION_CHANNELS:
            json_object_set_new(world, "channels", json_integer((json_int_t)n));
            break;
        case OPTION_MEMBERS:
            json_object_set_new(world, "members", json_integer((json_int_t)n));
            break;
        case OPTION_LIMITS: options->limits = strcmp(optarg, "documented") == 0; break;
        case OPTION_NONCE: options->nonce_window_ms = n * 1000; break;
        case OPTION_HEARTBEAT: options->heartbeat_ms = (uint32_t)n; break;
        case OPTION_TTL: options->session_ttl_ms = n * 1000; break;
        case OPTION_REPLAY: options->replay_max = n ? n : 1; break;
        case OPTION_HISTORY: discord->world.history = n ? n : 1; break;
        case OPTION_CONCURRENCY: options->max_concurrency = (unsigned)n; break;
        case OPTION_SESSIONS: options->session_limit = (unsigned)n; break;
        case OPTION_UNPRIVILEGED:
            options->privileged = discord->world.content_of_others = false;
            break;
        case OPTION_NO_ECHO: options->echo = false; break;
        case OPTION_TLS:
            options->cert = optarg;
            if (optind >= argc)
                return false;
            options->key = argv[optind++];
            break;
        case OPTION_HOST: options->host = optarg; break;
        case OPTION_RESUME_URL: options->resume_url = optarg; break;
        case OPTION_PORT: options->port = (int)n; break;
        case OPTION_PORT_FILE: options->port_file = optarg; break;
        case OPTION_PARENT: options->watch_parent = true; break;
        case OPTION_HELP: fputs(usage, stdout); exit(EX_OK);
        default: return false;
        }
    }
    return optind == argc;
}

/* The script's parts; what the command line says of the world counts more. */
static bool build_world(struct discord *discord, json_t *world)
{
    json_t *script = NULL, *faults;
    char err[300];
    bool ok = true;

    if (discord->options.script && !read_script(discord->options.script, &script))
        return false;
    json_object_update_missing(world, json_object_get(script, "world"));
    discord_world_load(&discord->world, world);
    faults = json_object_get(script, "faults");
    ok = discord_options_set(discord, json_object_get(script, "options"), err, sizeof(err)) &&
         (!faults || discord_faults_add(discord, faults, err, sizeof(err)));
    if (!ok)
        fprintf(stderr, "troupe-fake-discord: \"%s\": %s\n", discord->options.script, err);
    json_decref(script);
    return ok;
}

/* Written aside and renamed, so that who waits for the file never reads half a number. */
static bool write_port(const char *path, int port)
{
    char aside[4096];
    FILE *file;

    if (snprintf(aside, sizeof(aside), "%s.new", path) >= (int)sizeof(aside))
        return false;
    file = fopen(aside, "we");
    if (!file)
        return false;
    fprintf(file, "%d\n", port);
    return fclose(file) == 0 && rename(aside, path) == 0;
}

static void watch(struct discord *discord)
{
    uv_timer_init(&discord->loop, &discord->second);
    discord->second.data = discord;
    uv_timer_start(&discord->second, on_second, 10, 10);
    uv_signal_init(&discord->loop, &discord->sigterm);
    uv_signal_start(&discord->sigterm, on_signal, SIGTERM);
    uv_signal_init(&discord->loop, &discord->sigint);
    uv_signal_start(&discord->sigint, on_signal, SIGINT);
    if (discord->options.watch_parent) {
        uv_pipe_init(&discord->loop, &discord->parent, 0);
        discord->parent.data = discord;
        if (uv_pipe_open(&discord->parent, STDIN_FILENO) == 0)
            uv_read_start((uv_stream_t *)&discord->parent, on_alloc, on_parent);
    }
}

static bool listen_on_both(struct discord *discord)
{
    char err[300];
    int r;

    discord->net.accept = on_accept;
    discord->net.tick = on_turn;
    discord->net.arg = discord;
    if (!discord_net_init(&discord->net, &discord->loop, discord->options.cert,
                          discord->options.key, err, sizeof(err))) {
        fprintf(stderr, "troupe-fake-discord: %s\n", err);
        return false;
    }
    r = discord_net_listen(&discord->net, &discord->base, discord->options.port);
    if (r == 0)
        r = discord_net_listen(&discord->net, &discord->resume, 0);
    if (r != 0)
        fprintf(stderr, "troupe-fake-discord: cannot listen: %s\n", uv_strerror(r));
    return r == 0;
}

int main(int argc, char **argv)
{
    static struct discord storage; /* what is open at the end stays reachable */
    struct discord *discord = &storage;
    json_t *world = json_object();
    bool ok;

    signal(SIGPIPE, SIG_IGN);
    discord->options = (struct discord_options){
        .token = "fake-token",
        .host = "127.0.0.1",
        .heartbeat_ms = 41250,
        .session_ttl_ms = 300000,
        .nonce_window_ms = 300000,
        .replay_max = 10000,
        .max_concurrency = 16,
        .session_limit = 1000,
        .shards = 1,
        .privileged = true,
        .echo = true,
    };
    discord_world_init(&discord->world);
    discord_ledger_init(discord);
    if (!read_options(discord, world, argc, argv)) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    ok = build_world(discord, world);
    json_decref(world);
    if (!ok)
        return EX_DATAERR;
    uv_loop_init(&discord->loop);
    discord_load_init(discord);
    if (!listen_on_both(discord))
        return EX_UNAVAILABLE;
    watch(discord);
    if (discord->options.port_file && !write_port(discord->options.port_file, discord->base.port)) {
        fprintf(stderr, "troupe-fake-discord: cannot write \"%s\"\n", discord->options.port_file);
        return EX_CANTCREAT;
    }
    printf("listening 127.0.0.1:%d\n", discord->base.port);
    fflush(stdout);
    uv_run(&discord->loop, UV_RUN_DEFAULT);
    /* Open connections go with the process: a test that ends it wants exactly that. */
    discord_gateway_clear(discord);
    discord_faults_clear(discord);
    discord_limits_clear(discord);
    discord_ledger_clear(discord);
    discord_rest_clear(discord);
    discord_world_clear(&discord->world);
    return EX_OK;
}
