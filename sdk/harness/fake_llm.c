/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe-fake-llm: an OpenAI-compatible server without a model, for tests, benches and authors of
 * plugins. It echoes, or answers by a script, and fails in every way a real one does. It shares no
 * code with the core, so both cannot be wrong in the same way.
 */
#include "fake_api.h"
#include "fake_program.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct program {
    uv_loop_t loop;
    struct fake_server server;
    struct fake_api api;
    struct fake_program process;
    const char *port_file;
    int port;
    bool watch_parent;
};

static const char usage[] =
    "usage: troupe-fake-llm [--model NAME]... [--script FILE] [--port N] [--port-file FILE]\n"
    "                       [--parent]\n"
    "  --model NAME      a model it knows (default: fake-1); any other is 404 as with OpenAI\n"
    "  --script FILE     JSON rules: what to answer, when to fail\n"
    "  --port N          on 127.0.0.1; default: the kernel chooses\n"
    "  --port-file FILE  gets the port's number once it listens\n"
    "  --parent          exit when standard input is closed, so that no test leaves one behind\n"
    "Prints \"listening 127.0.0.1:PORT\" when ready.\n";

static bool load_script(struct fake_api *api, const char *path)
{
    json_error_t where;
    json_t *source = json_load_file(path, 0, &where);
    char err[300];

    if (!source) {
        fprintf(stderr, "troupe-fake-llm: \"%s\" line %d: %s\n", path, where.line, where.text);
        return false;
    }
    api->script = fake_script_new(source, err, sizeof(err));
    json_decref(source);
    if (!api->script)
        fprintf(stderr, "troupe-fake-llm: \"%s\": %s\n", path, err);
    return api->script != NULL;
}

static bool read_options(struct program *program, int argc, char **argv)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'},
        {"script", required_argument, NULL, 's'},
        {"port", required_argument, NULL, 'p'},
        {"port-file", required_argument, NULL, 'f'},
        {"parent", no_argument, NULL, 'P'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct fake_api *api = &program->api;
    int option;

    while ((option = getopt_long(argc, argv, "m:s:p:f:Ph", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            if (api->model_count < FAKE_MODELS_MAX)
                api->models[api->model_count++] = optarg;
            break;
        case 's':
            if (!load_script(api, optarg))
                exit(EX_DATAERR);
            break;
        case 'p': program->port = atoi(optarg); break;
        case 'f': program->port_file = optarg; break;
        case 'P': program->watch_parent = true; break;
        case 'h': fputs(usage, stdout); exit(EX_OK);
        default: return false;
        }
    }
    if (api->model_count == 0)
        api->models[api->model_count++] = "fake-1";
    return optind == argc;
}

int main(int argc, char **argv)
{
    static struct program storage; /* what is open at the end stays reachable */
    struct program *program = &storage;
    int r;

    signal(SIGPIPE, SIG_IGN);
    fake_api_init(&program->api);
    if (!read_options(program, argc, argv)) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    uv_loop_init(&program->loop);
    program->server.answer = fake_api_answer;
    program->server.arg = &program->api;
    program->server.rounds = fake_rounds_new();
    r = fake_server_listen(&program->server, &program->loop, program->port);
    if (r != 0) {
        fprintf(stderr, "troupe-fake-llm: cannot listen: %s\n", uv_strerror(r));
        return EX_UNAVAILABLE;
    }
    fake_program_watch(&program->process, &program->loop, program->watch_parent);
    if (!fake_program_listens("troupe-fake-llm", program->port_file, program->server.port))
        return EX_CANTCREAT;
    uv_run(&program->loop, UV_RUN_DEFAULT);
    /* Open connections go with the process: a test that ends it wants exactly that. */
    fake_api_clear(&program->api);
    fake_rounds_free(program->server.rounds);
    return EX_OK;
}
