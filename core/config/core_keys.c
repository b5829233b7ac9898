/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's own keys. troupe.ini(5) and etc/troupe.ini tell the same story; a test holds them
 * together.
 */
#include "config/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND       1000.0
#define MINUTE       (60 * SECOND)
#define HOUR         (60 * MINUTE)
#define KILO         1024.0
#define MEGA         (1024 * KILO)
#define DOLLARS      1000000.0

static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const log_formats[] = {"auto", "text", "json", "systemd", NULL};
static const char *const backends[] = {"sqlite", "postgresql", NULL};
static const char *const caches[] = {"memory", "redis", NULL};
static const char *const database_schemes[] = {"postgresql", "postgres", NULL};
static const char *const synchronous[] = {"full", "normal", NULL};
static const char *const balances[] = {"first", "round_robin", "random", "least_busy", NULL};
static const char *const compressions[] = {"auto", "zstd", "zlib", "none", NULL};
static const char *const buttons[] = {"regenerate", "rate", "stop", NULL};
static const char *const triggers[] = {"mention", "dm", "reply", "thread", "prefix", NULL};
static const char *const contents[] = {"auto", "yes", "no", NULL};
static const char *const command_places[] = {"global", "guild", "off", NULL};
static const char *const streams[] = {"edits", "partial", "off", NULL};
static const char *const isolations[] = {"process", "inprocess", NULL};

static const struct config_key troupe_keys[] = {
    {"name", CONFIG_STRING, CONFIG_LIVE, "Troupe", .doc = "the bot's name, as members see it"},
    {"data", CONFIG_PATH, 0, "~/.local/share/troupe",
     .doc = "directory for everything that is kept"},
    {"log_level", CONFIG_CHOICE, CONFIG_LIVE, "info", .choices = log_levels,
     .doc = "the least serious lines that are logged"},
    {"log_format", CONFIG_CHOICE, CONFIG_LIVE, "auto", .choices = log_formats,
     .doc = "form of a line; auto is systemd under systemd, else text"},
    {"control_socket", CONFIG_PATH, 0, "${data}/control.sock",
     .doc = "socket that troupe status, reload and the like talk to"},
};

static const struct config_key store_keys[] = {
    {"backend", CONFIG_CHOICE, 0, "sqlite", .choices = backends, .doc = "the durable store"},
    {"path", CONFIG_PATH, 0, "${data}/troupe.db", .doc = "the database file of sqlite"},
    {"url", CONFIG_URL, 0, NULL, .choices = database_schemes,
     .doc = "the database of postgresql, as postgresql://USER@HOST/DATABASE?sslmode=verify-full"},
    {"password", CONFIG_STRING, CONFIG_SECRET, NULL,
     .doc = "the password of postgresql, best as ${file:PATH}; it may not stand in url"},
    {"away", CONFIG_DURATION, 0, "10s", 100, 10 * MINUTE,
     .doc = "how long what is written or asked waits for a postgresql server that is away"},
    {"spool", CONFIG_PATH, 0, "${data}/spool",
     .doc = "the file that members' messages wait in while a postgresql server is away"},
    {"spool_max", CONFIG_SIZE, 0, "64M", 0, 64 * 1024 * MEGA,
     .doc = "how large it may grow; 0: messages are refused with a sentence instead"},
    {"lease", CONFIG_DURATION, 0, "15s", 1000, 5 * MINUTE,
     .doc = "of several hosts on one postgresql database: who is silent for so long is taken for "
            "dead"},
    {"encrypt_key", CONFIG_STRING, CONFIG_SECRET, NULL,
     .doc = "encrypts what members and models write; 64 hexadecimal digits, best as ${file:PATH}"},
    {"encrypt_old_keys", CONFIG_STRING, CONFIG_SECRET, NULL,
     .doc = "keys that encrypted before, between blanks; troupe reseal makes them needless"},
    {"synchronous", CONFIG_CHOICE, 0, "full", .choices = synchronous,
     .doc = "full survives power loss; normal is faster and may lose the last commits then"},
    {"index_memory", CONFIG_SIZE, 0, "256M", MEGA, 64 * 1024 * MEGA,
     .doc = "what searches by words and vectors may take of memory; what was searched longest ago "
            "goes"},
    {"keep_traces", CONFIG_DURATION, CONFIG_LIVE, "7d", HOUR, 400 * 24 * HOUR,
     .doc = "how long troupe why can tell about a turn; texts of messages go after a day"},
    {"keep_files", CONFIG_SIZE, CONFIG_LIVE, "256M", 64 * KILO, 1024 * 1024 * MEGA,
     .doc = "what members' files may take in the database; the oldest go first, all after a day"},
    {"scope_blobs", CONFIG_SIZE, CONFIG_LIVE, "256M", MEGA, 1024 * 1024 * MEGA,
     .doc = "what the large values of an agent may take in one scope, as those of one member"},
    {"agent_blobs", CONFIG_SIZE, CONFIG_LIVE, "1G", MEGA, 1024 * 1024 * MEGA,
     .doc = "what all large values of one agent may take in the database"},
    {"keep_audit", CONFIG_DURATION, CONFIG_LIVE, "90d", 24 * HOUR, 3650 * 24 * HOUR,
     .doc = "how long it is kept who changed settings and who was refused"},
};

static const struct config_key cache_keys[] = {
    {"backend", CONFIG_CHOICE, 0, "memory", .choices = caches,
     .doc = "where agents' caches are: in the host's memory, or in a Redis"},
    {"memory", CONFIG_SIZE, 0, "16M", 64 * KILO, 1024 * MEGA,
     .doc = "what the memory may take, also while redis is away; what was used longest ago goes "
            "first"},
    {"url", CONFIG_STRING, 0, NULL,
     .doc = "the server of redis, as redis://HOST:PORT/DATABASE or unix:/PATH"},
    {"password", CONFIG_STRING, CONFIG_SECRET, NULL,
     .doc = "the password of redis, best as ${file:PATH}; it may not stand in url"},
    {"prefix", CONFIG_STRING, 0, "troupe", .doc = "what every key on the server begins with"},
    {"answer", CONFIG_DURATION, 0, "50ms", 10, 10 * SECOND,
     .doc = "how long the server is waited for; later the memory stands in"},
};

static const struct config_key budget_keys[] = {
    {"daily", CONFIG_MONEY, CONFIG_LIVE, "1.00", 0, 1000000 * DOLLARS,
     .doc = "cap a day for the whole bot, in US dollars"},
    {"per_guild_daily", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap a day for each guild"},
    {"per_member_daily", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap a day for each member"},
    {"per_plugin_daily", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap a day for each plugin"},
    {"hourly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap an hour for the whole bot"},
    {"per_guild_hourly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap an hour for each guild"},
    {"per_member_hourly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap an hour for each member"},
    {"per_plugin_hourly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap an hour for each plugin"},
    {"monthly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap a month for the whole bot"},
    {"per_guild_monthly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap a month for each guild"},
    {"per_member_monthly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap a month for each member"},
    {"per_plugin_monthly", CONFIG_MONEY, CONFIG_LIVE, NULL, 0, 1000000 * DOLLARS,
     .doc = "cap a month for each plugin"},
};

static const struct config_key admission_keys[] = {
    {"concurrent", CONFIG_INT, CONFIG_LIVE, "10", 1, 1000, .doc = "turns that run at a time"},
    {"queue", CONFIG_INT, CONFIG_LIVE, "100", 0, 10000, .doc = "turns that wait for a place"},
    {"queue_per_member", CONFIG_INT, CONFIG_LIVE, "5", 1, 1000,
     .doc = "turns of one member that wait"},
    {"merge", CONFIG_BOOL, CONFIG_LIVE | CONFIG_SETTABLE, "no",
     .doc =
         "messages that a member writes while an earlier one is answered have one answer together"},
    {"first_text", CONFIG_DURATION, CONFIG_LIVE, "2m", SECOND, HOUR,
     .doc = "time until the first visible text; longer than a model that hangs is waited for"},
    {"total", CONFIG_DURATION, CONFIG_LIVE, "5m", SECOND, 24 * HOUR,
     .doc = "time for a whole turn"},
};

/* 0 is no limit. Those of a member may be set for a server, a channel or a role; what a server and all
 * together may have is the owner's money. */
static const struct config_key limits_keys[] = {
    {"messages", CONFIG_INT, CONFIG_LIVE | CONFIG_SETTABLE, "30", 0, 100000,
     .doc = "messages of one member a minute; 0: no limit"},
    {"images", CONFIG_INT, CONFIG_LIVE | CONFIG_SETTABLE, "5", 0, 100000,
     .doc = "images for one member an hour; 0: no limit"},
    {"features", CONFIG_INT, CONFIG_LIVE | CONFIG_SETTABLE, "10", 0, 100000,
     .doc = "uses of dear functions by one member an hour; 0: no limit"},
    {"guild_messages", CONFIG_INT, CONFIG_LIVE, "300", 0, 1000000,
     .doc = "messages of one server a minute; 0: no limit"},
    {"guild_images", CONFIG_INT, CONFIG_LIVE, "50", 0, 1000000,
     .doc = "images for one server an hour; 0: no limit"},
    {"guild_features", CONFIG_INT, CONFIG_LIVE, "100", 0, 1000000,
     .doc = "uses of dear functions in one server an hour; 0: no limit"},
    {"total_messages", CONFIG_INT, CONFIG_LIVE, "0", 0, 1000000,
     .doc = "messages of all together a minute; 0: no limit"},
    {"total_images", CONFIG_INT, CONFIG_LIVE, "0", 0, 1000000,
     .doc = "images for all together an hour; 0: no limit"},
    {"total_features", CONFIG_INT, CONFIG_LIVE, "0", 0, 1000000,
     .doc = "uses of dear functions by all together an hour; 0: no limit"},
    {"bot_turns", CONFIG_INT, CONFIG_LIVE, "5", 0, 1000,
     .doc = "answers to bots in a channel before a person has to say something there"},
};

static const struct config_key loop_keys[] = {
    {"stack_size", CONFIG_SIZE, 0, NULL, 64 * KILO, 16 * MEGA,
     .doc = "stack of a coroutine; unset: 256k, 1M in sanitizer builds"},
    {"max_coroutines", CONFIG_INT, 0, "10000", 16, 1000000,
     .doc = "coroutines at a time; the kernel's limit on mappings may lower it"},
    {"watchdog_warn", CONFIG_DURATION, 0, "5ms", 1, MINUTE,
     .doc = "a callback that takes longer is logged"},
    {"watchdog_abort", CONFIG_DURATION, 0, "2s", 100, HOUR,
     .doc = "a callback that takes longer ends the process, to be started again"},
};

static const struct config_key http_keys[] = {
    {"connect_timeout", CONFIG_DURATION, CONFIG_LIVE, "10s", 100, 10 * MINUTE,
     .doc = "time to reach a server"},
    {"max_body", CONFIG_SIZE, CONFIG_LIVE, "16M", KILO, 1024 * MEGA,
     .doc = "largest answer that is read whole"},
    {"max_requests", CONFIG_INT, 0, "256", 16, 4096,
     .doc = "requests under way at once; one more is refused"},
    {"ca_file", CONFIG_PATH, 0, NULL,
     .doc = "certificates to trust instead of the system's: a bundle or a directory"},
    {"proxy", CONFIG_URL, 0, NULL,
     .doc = "proxy for every request; none is taken from the environment"},
    {"local_only", CONFIG_BOOL, 0, "no",
     .doc = "refuse every server that is not on this machine or in its private networks"},
    {"allow_private", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "HOST or HOST:PORT in private networks that agents may reach"},
};

static const struct config_key plugins_keys[] = {
    {"path", CONFIG_PATH, CONFIG_LIVE | CONFIG_LIST, TROUPE_PLUGIN_DIR,
     .doc = "directories that are searched for plugins, in this order"},
    {"require_landlock", CONFIG_BOOL, CONFIG_LIVE, "no",
     .doc = "refuse to load plugins on a kernel without Landlock"},
};

static const struct config_key console_keys[] = {
    {"prefix", CONFIG_STRING, CONFIG_LIVE, "/", .doc = "what a command begins with"},
    {"member", CONFIG_STRING, 0, "you", .doc = "the member who types"},
};

static const struct config_key ops_keys[] = {
    {"listen", CONFIG_STRING, 0, NULL,
     .doc = "address and port of /metrics, /health and /ready; unset: off"},
    {"allow_remote", CONFIG_BOOL, 0, "no", .doc = "listen may be reached from other machines"},
};

static const struct config_key discord_keys[] = {
    {"token", CONFIG_STRING, CONFIG_SECRET, NULL,
     .doc = "the bot's token, best as ${file:PATH} or ${env:NAME}; unset: Discord is off"},
    {"api", CONFIG_URL, 0, "https://discord.com/api/v10", .doc = "where Discord's API is"},
    {"compress", CONFIG_CHOICE, 0, "auto", .choices = compressions,
     .doc = "compression of what Discord sends; auto is the best that this build has"},
    {"triggers", CONFIG_CHOICE, CONFIG_LIVE | CONFIG_LIST, "mention, dm, reply, thread",
     .choices = triggers,
     .doc = "what addresses the bot: a mention, a direct message, a reply to one of its messages, "
            "a message in a thread that it opened or was asked in, or the prefix and a word behind "
            "it"},
    {"content", CONFIG_CHOICE, 0, "auto", .choices = contents,
     .doc = "the MESSAGE_CONTENT intent; auto asks for it where the application may have it"},
    {"prefix", CONFIG_STRING, CONFIG_LIVE, "/", .doc = "what a command in a message begins with"},
    {"stream", CONFIG_CHOICE, CONFIG_LIVE, "edits", .choices = streams,
     .doc =
         "edits shows an answer as it grows, partial its whole messages only, off all at the end"},
    {"first_text", CONFIG_DURATION, CONFIG_LIVE, "400ms", 0, MINUTE,
     .doc = "how long the first text is gathered before it is shown"},
    {"edit_interval", CONFIG_DURATION, CONFIG_LIVE, "1s", SECOND, MINUTE,
     .doc = "least time between two edits of an answer"},
    {"acknowledge", CONFIG_BOOL, CONFIG_LIVE, "yes",
     .doc = "an eyes reaction on a message while its answer takes longer"},
    {"auto_thread", CONFIG_BOOL, CONFIG_LIVE | CONFIG_SETTABLE, "no",
     .doc = "answers go into a thread that is opened from the question"},
    {"auto_thread_in", CONFIG_ID, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "channels or guilds, by id, where auto_thread holds; unset: everywhere"},
    {"buttons", CONFIG_CHOICE, CONFIG_LIVE | CONFIG_LIST, NULL, .choices = buttons,
     .doc =
         "below answers: regenerate asks once more, rate is a thumb up and one down, stop is there "
         "while an answer grows; unset: none"},
    {"code_file", CONFIG_INT, CONFIG_LIVE, "1900", 0, 60000,
     .doc = "a block of code with more characters goes out as a file; 0: none does"},
    {"attachments", CONFIG_INT, CONFIG_LIVE, "4", 0, 10,
     .doc = "files of a message that are looked at; 0: none"},
    {"attachment_text", CONFIG_SIZE, CONFIG_LIVE, "256k", KILO, MEGA,
     .doc = "a text file that is larger is left out, which its member is told"},
    {"attachment_inline", CONFIG_SIZE, CONFIG_LIVE, "12k", 0, 64 * KILO,
     .doc = "bytes of all text files of a message that go into its content; the rest is cut"},
    {"attachment_image", CONFIG_SIZE, CONFIG_LIVE, "4M", KILO, 7 * MEGA,
     .doc = "a picture that is larger is left out; kept only where a plugin looks at pictures"},
    {"attachment_timeout", CONFIG_DURATION, CONFIG_LIVE, "15s", SECOND, MINUTE,
     .doc = "time to fetch one file"},
    {"cdn", CONFIG_URL, 0, NULL,
     .doc = "another place that files may be fetched from beside Discord's own; for tests"},
    {"global_limit", CONFIG_INT, 0, "50", 0, 10000,
     .doc = "requests a second that Discord lets the bot make; 0: no such limit, for tests"},
    {"commands", CONFIG_CHOICE, CONFIG_LIVE, "global", .choices = command_places,
     .doc = "where slash commands are registered: for everybody, for the one server that "
            "commands_guild names, or not at all"},
    {"commands_guild", CONFIG_STRING, CONFIG_LIVE, NULL,
     .doc = "id of the server that commands = guild registers for"},
    {"answer_bots", CONFIG_BOOL, CONFIG_LIVE, "no",
     .doc = "answer other bots that mention this one, up to [limits] bot_turns in a row"},
    {"owners", CONFIG_ID, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "members who own the bot, by id; unset: the application's owner or its team"},
    {"report_channel", CONFIG_ID, CONFIG_LIVE, NULL,
     .doc = "the owner's channel, by id: refused reloads, agents that were switched off, caps that "
            "are "
            "half, 80 % or all spent and what agents tell are told there; unset: in the log only"},
};

static const struct config_key pipeline_keys[] = {
    {"stages", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST | CONFIG_REQUIRED, NULL,
     .doc = "stages in the order in which they run"},
    {"observers", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "agents that see every event beside the stages"},
    {"timeout", CONFIG_DURATION, CONFIG_LIVE, NULL, SECOND, 24 * HOUR,
     .doc = "time for all stages; unset: [admission] total"},
};

static const struct config_key stage_keys[] = {
    {"agent", CONFIG_STRING, CONFIG_LIVE, NULL,
     .doc = "the agent that works here; unset: the one with the stage's name"},
    {"agents", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "several equal agents instead, chosen among by balance"},
    {"balance", CONFIG_CHOICE, CONFIG_LIVE, "first", .choices = balances,
     .doc = "how one of several agents is chosen"},
    {"fallback", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "agents that are tried in turn when the chosen one fails"},
    {"guilds", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "only in these guilds, by id"},
    {"channels", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "only in these channels, by id"},
    {"roles", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "only for members with one of these roles, by id"},
    {"accounts", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "only for these accounts, by id"},
    {"percent", CONFIG_FLOAT, CONFIG_LIVE, "100", 0, 100,
     .doc = "share of the members for whom the stage runs"},
    {"timeout", CONFIG_DURATION, CONFIG_LIVE, NULL, 100, 24 * HOUR,
     .doc = "time for this stage; unset: the agent's"},
};

static const struct config_key agent_keys[] = {
    {"plugin", CONFIG_STRING, CONFIG_LIVE, "${section}",
     .doc = "the plugin, by name or path of its .so; unset: the agent's name"},
    {"enabled", CONFIG_BOOL, CONFIG_LIVE, "yes", .doc = "no keeps the section without the agent"},
    {"isolation", CONFIG_CHOICE, CONFIG_LIVE, NULL, .choices = isolations,
     .doc = "where its code runs; unset: inprocess for the host's own plugins, else process"},
    {"priority", CONFIG_INT, CONFIG_LIVE, "0", -1000, 1000,
     .doc =
         "the higher one goes first among agents that offer the same service, and among functions "
         "that a model calls at once"},
    {"specialty", CONFIG_STRING, CONFIG_LIVE, NULL, .doc = "what it is good at, for routing"},
    {"timeout", CONFIG_DURATION, CONFIG_LIVE, NULL, 100, 24 * HOUR,
     .doc = "time for each of its calls; unset: what is left of the turn's"},
    {"keep", CONFIG_DURATION, CONFIG_LIVE, NULL, HOUR, 3650 * 24 * HOUR,
     .doc = "what it keeps about members goes after so long; unset: as the agent declares"},
};

static const struct config_key feature_keys[] = {
    {"percent", CONFIG_FLOAT, CONFIG_LIVE, "100", 0, 100,
     .doc = "share of the members for whom the feature is on"},
    {"guilds", CONFIG_STRING, CONFIG_LIVE | CONFIG_LIST, NULL,
     .doc = "only in these guilds, by id"},
};

const struct config_schema *config_core_schemas(size_t *ret_count)
{
    static const struct config_schema schemas[] = {
        {"troupe", NULL, troupe_keys, COUNT(troupe_keys), CONFIG_ALWAYS},
        {"store", NULL, store_keys, COUNT(store_keys), CONFIG_ALWAYS},
        {"cache", NULL, cache_keys, COUNT(cache_keys), CONFIG_ALWAYS},
        {"budget", NULL, budget_keys, COUNT(budget_keys), CONFIG_ALWAYS},
        {"admission", NULL, admission_keys, COUNT(admission_keys), CONFIG_ALWAYS},
        {"limits", NULL, limits_keys, COUNT(limits_keys), CONFIG_ALWAYS},
        {"loop", NULL, loop_keys, COUNT(loop_keys), CONFIG_ALWAYS},
        {"http", NULL, http_keys, COUNT(http_keys), CONFIG_ALWAYS},
        {"plugins", NULL, plugins_keys, COUNT(plugins_keys), CONFIG_ALWAYS},
        {"console", NULL, console_keys, COUNT(console_keys), CONFIG_ALWAYS},
        {"ops", NULL, ops_keys, COUNT(ops_keys), CONFIG_ALWAYS},
        {"discord", NULL, discord_keys, COUNT(discord_keys), CONFIG_ALWAYS},
        {"pipeline", NULL, pipeline_keys, COUNT(pipeline_keys), CONFIG_NAMED},
        {"stage", NULL, stage_keys, COUNT(stage_keys), CONFIG_NAMED},
        {"agent", NULL, agent_keys, COUNT(agent_keys), CONFIG_NAMED | CONFIG_OPEN},
        {"feature", NULL, feature_keys, COUNT(feature_keys), CONFIG_NAMED},
    };

    *ret_count = COUNT(schemas);
    return schemas;
}
