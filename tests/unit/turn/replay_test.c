/* SPDX-License-Identifier: Apache-2.0
 *
 * A stage that reads, branches, writes, waits, asks, streams and pays is killed before and after each
 * commit of its turn, once in each run of it, and started again: what happened in the end has to be
 * what one unkilled run does.
 *
 * The process that is killed is this program with REPLAY_DIR set; the servers live in the one that
 * is not.
 */
#include "turn_fixture.h"

#include "turn/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define KILLED 99

#ifdef __SANITIZE_THREAD__ /* looks for something else, and takes its time */
#define STEP 9
#else
#define STEP 1
#endif

/* ---- the process that is killed -------------------------------------------------------------- */

static _Atomic int commits_left; /* 0: it lives */

/* A place where the process may die. */
static void count_commit(void)
{
    if (commits_left && --commits_left == 0)
        _exit(KILLED);
}

static char *answer_file(int64_t turn, unsigned ordinal)
{
    return mem_printf("%s/answer-%lld-%u", getenv("REPLAY_DIR"), (long long)turn, ordinal);
}

/* What members have seen survives the process, as it does in a channel. */
static troupe_status lasting_begin(struct gateway *gateway, const struct event *event, int64_t turn,
                                   unsigned ordinal, enum gateway_kind kind, void **ret,
                                   struct error *err)
{
    troupe_status status = fake_begin(gateway, event, turn, ordinal, kind, ret, err);
    _cleanup_mem_ char *path = answer_file(turn, ordinal);
    struct fake_answer *answer = *ret;
    char seen[4096];
    FILE *file = status == TROUPE_OK && !answer->written.len ? fopen(path, "re") : NULL;

    if (file) {
        buf_append(&answer->written, seen, fread(seen, 1, sizeof(seen), file));
        fclose(file);
    }
    return status;
}

static troupe_status lasting_write(struct gateway *gateway, void *handle, const char *text,
                                   size_t len)
{
    struct fake_answer *answer = handle;
    _cleanup_mem_ char *path = answer_file(answer->turn, answer->ordinal);
    size_t before = answer->written.len;
    troupe_status status = fake_write(gateway, handle, text, len);
    FILE *file;

    count_commit();
    file = fopen(path, "ae");
    if (!file)
        abort();
    fwrite(answer->written.data + before, 1, answer->written.len - before, file);
    fclose(file);
    count_commit();
    return status;
}

/* The member presses "Yes" whenever a question stands. [waits] */
static void press_open(struct stage_test *t)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement open = {.sql = "SELECT id, turn_id FROM wait WHERE state = 'open'",
                                         .expect = STORE_ANY};
    struct error err;
    char id[64];
    struct event press = {.gateway = &t->gateway,
                          .source = "fake",
                          .source_id = "900",
                          .kind = "press",
                          .account = "1",
                          .channel = "100",
                          .member = "7",
                          .content = "",
                          .press_id = id,
                          .flags = EVENT_ADDRESSED};

    if (store_query(t->base.store, &open, 0, &rows, &err) < 0 || !rows->count)
        return;
    snprintf(id, sizeof(id), "t:%lld:%lld:1", (long long)store_cell_int(rows, 0, 1, 0),
             (long long)store_cell_int(rows, 0, 0, 0));
    turn_engine_submit(t->engine, event_new(&press));
}

static int64_t open_events(struct stage_test *t)
{
    return ask_int(&t->base, "SELECT count(*) FROM event WHERE finished_ms IS NULL");
}

static troupe_status child_main(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_STATUS(outbox_open(f->loop, f->store, &t->outbox, &f->err), TROUPE_OK);
    CHECK_STATUS(turn_budget_close(f->store, -1, 0, NULL, &f->err), TROUPE_OK);
    CHECK_STATUS(engine_start(t, t->ini), TROUPE_OK);
    commits_left = atoi(getenv("REPLAY_KILL"));
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    ask_as(t, (struct asking){.source_id = "5"}, "go"); /* the source delivers it again */
    co_sleep(1);
    while (!list_empty(&t->engine->incoming) || open_events(t)) {
        press_open(t);
        co_sleep(3);
    }
    WAIT_FOR(list_empty(&t->engine->turns));
    engine_end(t, 0);
    return TROUPE_OK;
}

static int child(const char *dir)
{
    _cleanup_mem_ char *runner = expand("%/troupe-runner");
    _cleanup_mem_ char *ini = mem_printf("[budget]\ndaily = 1\n[pipeline message]\nstages = r\n"
                                         "[agent r]\nplugin = %s/replay.so\nurl = %s\n"
                                         "[agent a]\nplugin = %s/actor.so\n",
                                         LIBS, getenv("REPLAY_URL"), LIBS);
    const struct plugin_manager_options manager = {
        .runner = runner, .any_location = true, .isolated = is_isolated()};
    const struct store_options store = {.synchronous = STORE_NORMAL, .on_commit = count_commit};
    struct gateway_ops ops = fake_ops;
    struct stage_test *t = mem_zero(1, sizeof(*t));
    troupe_status status;

    ops.answer_begin = lasting_begin;
    ops.answer_write = lasting_write;
    list_init(&t->answers);
    t->gateway = (struct gateway){.ops = &ops, .name = "fake"};
    t->ini = ini;
    snprintf(t->base.place.dir, sizeof(t->base.place.dir), "%s", dir);
    snprintf(t->base.place.path, sizeof(t->base.place.path), "%s/data.db", dir);
    t->base.loop = fixture_new(NULL);
    fixture_open(&t->base, &store);
    assert_status(http_client_new(t->base.loop, NULL, &t->http, &t->base.err), TROUPE_OK);
    t->manager = plugin_manager_new(t->base.loop, &manager);
    host_register(&t->manager->registry);
    status = fixture_run(t->base.loop, child_main, t);
    _exit(status == TROUPE_OK ? 0 : 1);
}

/* ---- the process that watches --------------------------------------------------------------- */

struct server {
    int fd;
    pthread_t thread;
    char url[64];
    _Atomic int posts, paid;
    int cut; /* answers that a death cut */
};

static void *serve(void *arg)
{
    struct server *server = arg;

    for (;;) {
        char in[2048] = "", out[512];
        const char *body;
        int fd = accept(server->fd, NULL, NULL);
        size_t len = 0;
        ssize_t n;

        if (fd < 0)
            return NULL;
        while (!strstr(in, "\r\n\r\n") && len < sizeof(in) - 1 &&
               (n = read(fd, in + len, sizeof(in) - 1 - len)) > 0)
            len += (size_t)n;
        body = strstr(in, " /get ")     ? "page"
               : strstr(in, " /post ")  ? "posted"
               : strstr(in, " /paid1 ") ? "one"
                                        : " two";
        server->posts += strstr(in, " /post ") != NULL;
        server->paid += strstr(in, " /paid") != NULL;
        n = snprintf(out, sizeof(out),
                     "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\nconnection: close\r\n\r\n%s",
                     strlen(body), body);
        if (write(fd, out, (size_t)n) != n)
            fprintf(stderr, "# short write\n");
        close(fd);
    }
}

static void server_start(struct server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);

    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&at, &len), 0);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

/* One life of the process: its exit status. */
static int live(const char *dir, const char *url, int kill_at)
{
    char number[16];
    int status;
    pid_t pid;

    snprintf(number, sizeof(number), "%d", kill_at);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("REPLAY_DIR", dir, 1);
        setenv("REPLAY_URL", url, 1);
        setenv("REPLAY_KILL", number, 1);
        execl("/proc/self/exe", "replay_test", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t value;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    return value;
}

/* The number behind "name=" in the answer. */
static int64_t told(const char *answer, const char *name)
{
    _cleanup_mem_ char *mark = mem_printf("%s=", name);
    const char *at = strstr(answer, mark);

    return at ? strtoll(at + strlen(mark), NULL, 10) : -1;
}

struct seen {
    sqlite3 *db;
    char answer[2048];
    int kill_at, kills;
    unsigned bad;
};

static void expect(struct seen *seen, const char *what, int64_t got, int64_t want)
{
    if (got == want)
        return;
    fprintf(stderr, "# killed at %d: %s is %lld and not %lld in \"%s\"\n", seen->kill_at, what,
            (long long)got, (long long)want, seen->answer);
    seen->bad++;
}

/* What is stored under a name, once, is what the answer tells. */
static void expect_fact(struct seen *seen, const char *name)
{
    char sql[160];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM r__fact WHERE what = '%s'", name);
    expect(seen, name, number_of(seen->db, sql), 1);
    snprintf(sql, sizeof(sql), "SELECT value FROM r__fact WHERE what = '%s'", name);
    expect(seen, name, number_of(seen->db, sql), told(seen->answer, name));
}

static int64_t kv_of(struct seen *seen, const char *key)
{
    char sql[160];

    snprintf(sql, sizeof(sql),
             "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM kv WHERE ns = 'r' AND key = '%s'",
             key);
    return number_of(seen->db, sql);
}

static void read_answer(struct seen *seen, const char *dir)
{
    _cleanup_mem_ char *path = mem_printf("%s/answer-1-0", dir);
    FILE *file = fopen(path, "re");

    seen->answer[0] = '\0';
    if (!file)
        return;
    seen->answer[fread(seen->answer, 1, sizeof(seen->answer) - 1, file)] = '\0';
    fclose(file);
}

static unsigned judge(const char *dir, struct server *server, int kill_at, int kills)
{
    static const char *const facts[] = {"seen", "child0", "child1", "choice"};
    _cleanup_mem_ char *path = mem_printf("%s/data.db", dir);
    struct seen seen = {.kill_at = kill_at, .kills = kills};
    int64_t value, cut, rows;

    assert_int_equal(sqlite3_open(path, &seen.db), SQLITE_OK);
    read_answer(&seen, dir);
    cut = told(seen.answer, "cut");
    server->cut += cut == 1;
    expect(&seen, "events", number_of(seen.db, "SELECT count(*) FROM event"), 1);
    expect(&seen, "done", number_of(seen.db, "SELECT count(*) FROM event WHERE state = 'done'"), 1);
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        expect_fact(&seen, facts[i]);
    value = told(seen.answer, "seen");
    expect(&seen, "runs", kv_of(&seen, "runs"), 1);
    expect(&seen, "before", told(seen.answer, "before"), 0);
    expect(&seen, "first", kv_of(&seen, "first"), told(seen.answer, "first"));
    expect(&seen, "choice", told(seen.answer, "choice"), 1);
    expect(&seen, "batch in kv", kv_of(&seen, "batch"), value);
    expect(&seen, "batch in sql",
           number_of(seen.db, "SELECT sum(value) FROM r__fact WHERE what = 'batch'"), value);
    if (value % 2)
        expect(&seen, "odd",
               number_of(seen.db, "SELECT sum(value) FROM r__fact WHERE what = 'odd'"),
               told(seen.answer, "at"));
    else
        expect(&seen, "even", kv_of(&seen, "even"), told(seen.answer, "at"));
    rows = number_of(seen.db, "SELECT count(*) FROM r__fact");
    expect(&seen, "facts", rows, (value % 2) + 5 + 2 * (cut == 0) + (cut && rows > 5 + value % 2));
    if (!cut) {
        expect_fact(&seen, "tool1");
        expect_fact(&seen, "tool2");
    }
    /* What is outside happened once, or it is not known whether it did. */
    if (!strstr(seen.answer, "posted=maybe"))
        expect(&seen, "posts", server->posts, 1);
    else
        expect(&seen, "more posts than one", server->posts > 1, 0);
    expect(&seen, "too many rounds", server->paid > 2 + kills, 0);
    expect(&seen, "open reservations",
           number_of(seen.db, "SELECT count(*) FROM budget_ledger WHERE state IN ('reserved', "
                              "'dispatched')"),
           0);
    expect(&seen, "rounds without money",
           number_of(seen.db, "SELECT count(*) FROM budget_ledger WHERE state IN ('settled', "
                              "'unknown')") < server->paid,
           0);
    expect(&seen, "questions", number_of(seen.db, "SELECT count(*) FROM outbox WHERE kind = 'ask'"),
           1);
    expect(&seen, "answers", number_of(seen.db, "SELECT count(*) FROM outbox WHERE kind = 'reply'"),
           1);
    sqlite3_close(seen.db);
    return seen.bad;
}

/* A life that ends at the n-th place, one that ends at `again` (0: none does), and one that does
 * not. True while the first one died. */
static bool killed_at(struct server *server, int kill_at, int again, unsigned *bad)
{
    const int kills[] = {kill_at, again, 0};
    struct place place;
    int died = 0, code = KILLED, first = 0;

    place_make(&place);
    server->posts = server->paid = 0;
    for (int i = 0; i < 3 && code == KILLED; i++) {
        if (i == 1 && !again)
            continue;
        code = live(place.dir, server->url, kills[i]);
        died += code == KILLED;
        first = i ? first : code;
    }
    if (code != 0) {
        fprintf(stderr, "# killed at %d and %d: exit %d\n", kill_at, again, code);
        ++*bad;
    } else {
        *bad += judge(place.dir, server, kill_at, died);
    }
    place_remove(&place);
    return first == KILLED;
}

static void kill_everywhere(int again, int step)
{
    static struct server server;
    unsigned bad = 0;
    int kill_at = 1;

    server_start(&server);
    server.cut = 0;
    while (killed_at(&server, kill_at, again ? 1 + kill_at % again : 0, &bad))
        kill_at += step;
    server_stop(&server);
    printf("# %d places, %d answers cut\n", (kill_at - 1) / step, server.cut);
    assert_true(kill_at > 20);
    assert_int_equal(bad, 0);
}

static void a_turn_killed_anywhere_ends_as_if_it_had_not_been(void **state)
{
    (void)state;
    kill_everywhere(0, STEP);
}

static void so_does_one_killed_again_on_its_way_back(void **state)
{
    (void)state;
    kill_everywhere(13, 3 * STEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_killed_anywhere_ends_as_if_it_had_not_been),
        cmocka_unit_test(so_does_one_killed_again_on_its_way_back),
    };

    if (getenv("REPLAY_DIR"))
        return child(getenv("REPLAY_DIR"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
