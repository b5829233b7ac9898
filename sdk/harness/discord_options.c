/* SPDX-License-Identifier: Apache-2.0
 *
 * Options: of the command line, of the script, and those that change while it runs.
 */
#include "discord_control.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

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
        else if (strcmp(key, "callback_ms") == 0)
            options->callback_ms = (uint64_t)n;
        else if (strcmp(key, "press_ms") == 0)
            options->press_ms = (uint64_t)n;
        else if (strcmp(key, "press_text") == 0 && text)
            snprintf(options->press_text, sizeof(options->press_text), "%s", text);
        else if (strcmp(key, "token_ms") == 0)
            options->token_ms = (uint64_t)n;
        else if (strcmp(key, "record") == 0)
            options->record = json_is_true(value);
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

static bool read_line(struct discord *discord, json_t *world, int argc, char **argv)
{
    struct discord_options *options = &discord->options;
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        const char *text = optarg ? optarg : "";
        unsigned long n = strtoul(text, NULL, 10);

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
        case OPTION_LIMITS:
            options->limits = text[0] == 'd';
            if (strcmp(text, "documented") != 0 && strcmp(text, "off") != 0)
                return false;
            break;
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

int discord_options_read(struct discord *discord, int argc, char **argv)
{
    json_t *world = json_object();
    int status = EX_OK;

    discord->options = (struct discord_options){
        .token = "fake-token",
        .host = "127.0.0.1",
        .heartbeat_ms = 41250,
        .session_ttl_ms = 300000,
        .nonce_window_ms = 300000,
        .callback_ms = 3000,
        .token_ms = 15 * 60 * 1000,
        .replay_max = 10000,
        .max_concurrency = 16,
        .session_limit = 1000,
        .shards = 1,
        .privileged = true,
        .echo = true,
    };
    if (!read_line(discord, world, argc, argv)) {
        fputs(usage, stderr);
        status = EX_USAGE;
    } else if (!build_world(discord, world)) {
        status = EX_DATAERR;
    }
    json_decref(world);
    return status;
}
