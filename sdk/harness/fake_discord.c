/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe-fake-discord: Discord's gateway and REST API without Discord, for tests, benches and authors
 * of plugins. It keeps a ledger of who was asked what and what came of it, and fails in every way the
 * real one does. It shares no code with the core, so both cannot be wrong in the same way.
 */
#include "discord_control.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

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
    else if (begins(http->path, "/attachments/"))
        discord_files_take(discord, conn, http);
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

/* Often enough for who waits for a quiet time; the rest is done once a second. */
static void on_clock(uv_timer_t *timer)
{
    struct discord *discord = timer->data;

    if (++discord->ticks % 100 == 0)
        discord_gateway_second(discord);
}

static void watch(struct discord *discord)
{
    uv_timer_init(&discord->loop, &discord->clock);
    discord->clock.data = discord;
    uv_timer_start(&discord->clock, on_clock, 10, 10);
    fake_program_watch(&discord->program, &discord->loop, discord->options.watch_parent);
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
    int status;

    signal(SIGPIPE, SIG_IGN);
    discord_world_init(&discord->world);
    discord_ledger_init(discord);
    status = discord_options_read(discord, argc, argv);
    if (status != EX_OK)
        return status;
    uv_loop_init(&discord->loop);
    discord_load_init(discord);
    if (!listen_on_both(discord))
        return EX_UNAVAILABLE;
    watch(discord);
    if (!fake_program_listens("troupe-fake-discord", discord->options.port_file,
                              discord->base.port))
        return EX_CANTCREAT;
    uv_run(&discord->loop, UV_RUN_DEFAULT);
    /* Open connections go with the process: a test that ends it wants exactly that. */
    discord_gateway_clear(discord);
    discord_faults_clear(discord);
    discord_limits_clear(discord);
    discord_ledger_clear(discord);
    discord_rest_clear(discord);
    discord_files_clear(discord);
    discord_world_clear(&discord->world);
    return EX_OK;
}
