/* SPDX-License-Identifier: Apache-2.0 */
#include "play_stage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_LINES 12 /* of the host's log that a failure shows */

void play_stage_path(const struct play_stage *stage, const char *name, char ret[PLAY_PATH])
{
    (void)snprintf(ret, PLAY_PATH, "%s/%s", stage->dir, name);
}

json_t *play_stage_ask(const struct play_stage *stage, const char *call, const json_t *body)
{
    char url[256];

    (void)snprintf(url, sizeof(url), "%s/_fake/%s", stage->discord_url, call);
    return play_ask(url, body);
}

/* ---- the servers ----------------------------------------------------------------------------- */

static bool write_json(const char *path, json_t *json)
{
    bool good = json && json_dump_file(json, path, JSON_INDENT(1)) == 0;

    json_decref(json);
    if (!good)
        (void)fprintf(stderr, "cannot write \"%s\"\n", path);
    return good;
}

static bool read_port(const char *path, int *ret)
{
    FILE *file = fopen(path, "re");
    char text[16] = "";
    long port = 0;

    if (!file)
        return false;
    if (fgets(text, sizeof(text), file))
        port = strtol(text, NULL, 10);
    (void)fclose(file);
    *ret = (int)port;
    return port > 0 && port < 65536;
}

static bool start_server(struct play_stage *stage, const char *name, const char *script,
                         const char *extra, struct play_child *child, char url[64])
{
    char program[PLAY_PATH], port_file[PLAY_PATH], log[PLAY_PATH], file[64];
    const char *argv[] = {program, "--parent", "--port-file",         port_file, "--script",
                          script,  extra,      extra ? "fake" : NULL, NULL};
    long long over = play_now_ms() + PLAY_WAIT_MS;
    int port = 0;

    (void)snprintf(program, sizeof(program), "%s/%s", stage->play->libexec, name);
    (void)snprintf(file, sizeof(file), "%s.port", name);
    play_stage_path(stage, file, port_file);
    (void)snprintf(file, sizeof(file), "%s.log", name);
    play_stage_path(stage, file, log);
    if (access(program, X_OK) < 0) {
        (void)fprintf(stderr, "\"%s\" is not there: install the whole package\n", program);
        return false;
    }
    if (!play_start(child, argv, log))
        return false;
    while (!read_port(port_file, &port)) {
        if (play_now_ms() > over) {
            (void)fprintf(stderr, "\"%s\" did not start; its log is \"%s\"\n", program, log);
            return false;
        }
        play_pause(10);
    }
    (void)snprintf(url, 64, "http://127.0.0.1:%d", port);
    return true;
}

static json_t *world_of(const struct play_script *script)
{
    json_t *members = json_array();

    for (size_t i = 0; i < script->member_count; i++)
        (void)json_array_append_new(members, json_string(script->members[i]));
    return json_pack("{s:{s:[s],s:o}}", "world", "channels", "general", "members", members);
}

/* ---- the host -------------------------------------------------------------------------------- */

static bool write_config(const struct play_stage *stage, const struct play_script *script)
{
    const struct play *play = stage->play;
    char path[PLAY_PATH];
    FILE *file;

    play_stage_path(stage, "troupe.ini", path);
    file = fopen(path, "wxe");
    if (!file) {
        (void)fprintf(stderr, "cannot write \"%s\": %s\n", path, strerror(errno));
        return false;
    }
    (void)fprintf(file,
                  "[troupe]\ndata = %s/data\n[limits]\nmessages = 0\nguild_messages = 0\n"
                  "[pipeline message]\nstages = %s\n",
                  stage->dir, script->stages ? script->stages : "conversation");
    if (script->observers)
        (void)fprintf(file, "observers = %s\n", script->observers);
    (void)fprintf(file,
                  "[agent llm]\nbase_url = %s/v1\nmodel = fake\n[agent conversation]\n"
                  "[discord]\ntoken = fake-token\napi = %s/api/v10\ncdn = %s\n"
                  "[agent %s]\nplugin = %s\nisolation = inprocess\n%s\n",
                  stage->model_url, stage->discord_url, stage->discord_url, play->agent,
                  play->plugin, script->settings ? script->settings : "");
    return fchmod(fileno(file), 0600) == 0 && fclose(file) == 0;
}

/* Tells its end without taking it. */
static bool has_ended(const struct play_stage *stage, siginfo_t *ret)
{
    *ret = (siginfo_t){0};
    return stage->host.pid > 0 &&
           waitid(P_PID, (id_t)stage->host.pid, ret, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ret->si_pid;
}

bool play_stage_died(const struct play_stage *stage)
{
    siginfo_t gone;

    return has_ended(stage, &gone);
}

void play_stage_show_death(const struct play_stage *stage, const char *where)
{
    siginfo_t gone;

    if (!has_ended(stage, &gone))
        return;
    if (gone.si_code == CLD_EXITED)
        (void)fprintf(stderr, "%s: the host ended with status %d\n", where, gone.si_status);
    else
        (void)fprintf(stderr, "%s: the host was ended by SIG%s\n", where,
                      sigabbrev_np(gone.si_status) ? sigabbrev_np(gone.si_status) : "?");
    play_stage_show_log(stage);
}

static bool log_holds(const struct play_stage *stage, const char *text)
{
    char *line = NULL, path[PLAY_PATH];
    size_t size = 0;
    bool found = false;
    FILE *file;

    play_stage_path(stage, "host.log", path);
    file = fopen(path, "re");
    while (file && !found && getline(&line, &size, file) >= 0)
        found = strstr(line, text) != NULL;
    free(line);
    if (file)
        (void)fclose(file);
    return found;
}

static bool start_host(struct play_stage *stage)
{
    char ini[PLAY_PATH], log[PLAY_PATH], url[128];
    const char *argv[] = {stage->play->troupe, "run", "-c", ini, NULL};
    long long over = play_now_ms() + PLAY_WAIT_MS;
    bool started;

    play_stage_path(stage, "troupe.ini", ini);
    play_stage_path(stage, "host.log", log);
    started = play_start(&stage->host, argv, log);
    (void)snprintf(url, sizeof(url), "%s/_fake/wait?until=connected&min=1&timeout_ms=100",
                   stage->discord_url);
    while (started && !play_ask_ok(url)) {
        if (play_stage_died(stage)) {
            (void)fprintf(stderr, "the host did not start with this plugin:\n");
            started = false;
        } else if (play_now_ms() > over) {
            (void)fprintf(stderr, "the host did not reach the fake Discord:\n");
            started = false;
        }
    }
    if (!started) {
        play_stage_show_log(stage);
        if (log_holds(stage, " key \""))
            (void)fprintf(stderr, "  a key is set by a line \"set: KEY = VALUE\" of the script\n");
    }
    return started;
}

bool play_stage_restart(struct play_stage *stage)
{
    play_kill(&stage->host, SIGKILL);
    return start_host(stage);
}

bool play_stage_reload(struct play_stage *stage)
{
    char ini[PLAY_PATH];
    const char *argv[] = {stage->play->troupe, "reload", "-q", "-c", ini, NULL};

    play_stage_path(stage, "troupe.ini", ini);
    return play_run(argv, NULL) == 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Nothing of who runs it is seen by the host, and nothing of theirs is written. */
static bool set_environment(const struct play_stage *stage)
{
    static const char *const places[] = {"HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
                                         "XDG_CONFIG_HOME"};
    static const char *const keys[] = {"OPENAI_API_KEY", "OPENROUTER_API_KEY", "ANTHROPIC_API_KEY",
                                       "DISCORD_TOKEN", "NOTIFY_SOCKET"};
    char home[PLAY_PATH];

    play_stage_path(stage, "home", home);
    if (mkdir(home, 0700) < 0)
        return false;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        (void)setenv(places[i], home, 1);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        (void)unsetenv(keys[i]);
    if (stage->play->sanitized) {
        (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        (void)setenv("UBSAN_OPTIONS", "print_stacktrace=1", 1);
    }
    return true;
}

bool play_stage_open(struct play_stage *stage, const struct play *play,
                     const struct play_script *script)
{
    const char *tmp = getenv("TMPDIR");
    char world[PLAY_PATH], rules[PLAY_PATH];

    *stage = (struct play_stage){.play = play};
    stage->discord.pid = stage->model.pid = stage->host.pid = -1;
    stage->discord.in = stage->model.in = stage->host.in = -1;
    /* The control socket's path must stay short. */
    (void)snprintf(stage->dir, sizeof(stage->dir), "%s/troupe-play-XXXXXX",
                   tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    if (!mkdtemp(stage->dir)) {
        (void)fprintf(stderr, "cannot make \"%s\": %s; set TMPDIR to a folder that has room\n",
                      stage->dir, strerror(errno));
        stage->dir[0] = '\0';
        return false;
    }
    play_stage_path(stage, "world.json", world);
    play_stage_path(stage, "rules.json", rules);
    return set_environment(stage) && write_json(world, world_of(script)) &&
           write_json(rules, json_pack("{s:O}", "rules", script->rules)) &&
           start_server(stage, "troupe-fake-discord", world, NULL, &stage->discord,
                        stage->discord_url) &&
           start_server(stage, "troupe-fake-llm", rules, "--model", &stage->model,
                        stage->model_url) &&
           write_config(stage, script) && start_host(stage);
}

/* Lines of the host's log that `wanted` takes, or without it its last ones; how many there are. */
static int show_lines(const struct play_stage *stage, bool (*wanted)(const char *line))
{
    char *last[LOG_LINES] = {NULL}, *line = NULL, path[PLAY_PATH];
    size_t size = 0;
    FILE *file;
    int count = 0;

    play_stage_path(stage, "host.log", path);
    file = fopen(path, "re");
    while (file && getline(&line, &size, file) >= 0) {
        if (wanted && !wanted(line))
            continue;
        free(last[count % LOG_LINES]);
        last[count++ % LOG_LINES] = strdup(line);
    }
    for (int i = count > LOG_LINES ? count - LOG_LINES : 0; i < count; i++)
        (void)fprintf(stderr, "  | %s", last[i % LOG_LINES] ? last[i % LOG_LINES] : "\n");
    for (int i = 0; i < LOG_LINES; i++)
        free(last[i]);
    free(line);
    if (file)
        (void)fclose(file);
    return count;
}

void play_stage_show_log(const struct play_stage *stage)
{
    (void)show_lines(stage, NULL);
}

static bool of_sanitizer(const char *line)
{
    return strstr(line, "Sanitizer") || strstr(line, "runtime error:") || strstr(line, "    #");
}

bool play_stage_close(struct play_stage *stage)
{
    bool clean = true;

    play_kill(&stage->host, SIGTERM);
    play_kill(&stage->model, SIGTERM);
    play_kill(&stage->discord, SIGTERM);
    if (!stage->dir[0])
        return true;
    if (stage->play->sanitized && show_lines(stage, of_sanitizer) > 0) {
        (void)fprintf(stderr, "a sanitizer found this in the plugin\n");
        clean = false;
    }
    if (stage->play->keep)
        (void)fprintf(stderr, "kept: %s\n", stage->dir);
    else
        play_remove(stage->dir);
    return clean;
}
