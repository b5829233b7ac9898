/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe chat`: joins the host that runs for this data directory, or else starts one in this
 * process for as long as the chat lasts.
 */
#include "base/mem.h"
#include "main/app.h"
#include "main/cmd.h"
#include "main/discover.h"
#include "main/print.h"
#include "ops/chat.h"
#include "ops/client.h"
#include "ops/control.h"
#include "ops/signals.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define PING_MS 5000

/* Whether the host behind the connection works on our data. */
static bool is_same_host(struct ops_client *client, const char *data, int64_t *ret_pid)
{
    _cleanup_json_ json_t *result = NULL;
    int code;

    if (ops_client_call(client, json_pack("{s:s}", "cmd", "ping"), PING_MS, &result, &code, NULL) <
        0)
        return false;
    *ret_pid = json_get_int(result, "pid", 0);
    return !strcmp(json_get_str(result, "data", ""), data);
}

/* A connection to the running host, or -1. */
static int find_host(const struct setup *setup, const struct config *config, int64_t *ret_pid)
{
    const struct config_section *troupe = config_section(config, "troupe", NULL);
    const char *path = setup->options->socket_path ? setup->options->socket_path
                                                   : config_str(troupe, "control_socket");
    struct ops_client client;

    if (ops_client_open(&client, path, NULL) < 0)
        return -1;
    if (!is_same_host(&client, config_str(troupe, "data"), ret_pid)) {
        ops_client_close(&client);
        return -1;
    }
    buf_clear(&client.in);
    return client.fd;
}

static int join(int fd, const struct config *config, bool terminal)
{
    _cleanup_mem_ char *history = mem_printf(
        "%s/console_history", config_str(config_section(config, "troupe", NULL), "data"));
    struct ops_chat_options options = {
        .in = STDIN_FILENO,
        .out = STDOUT_FILENO,
        .terminal = terminal,
        .ends_by_signal = true,
        .history_path = terminal ? history : NULL,
    };
    struct error err;
    troupe_status status = ops_chat_run(fd, &options, &err);

    if (status < 0)
        print_failure(err.text);
    return ops_exit_code(status);
}

static int chat(struct setup *setup, bool terminal)
{
    const struct app_chat own = {.terminal = terminal};
    struct host_boot *boot = NULL;
    int64_t pid = 0;
    int code = setup_boot(setup, &boot), fd;

    if (code)
        return code;
    fd = find_host(setup, host_boot_config(boot), &pid);
    if (fd >= 0) {
        if (terminal)
            (void)fprintf(stderr, "troupe: joining the running host, process %" PRIi64 "\n", pid);
        if (setup->options->given & (OPTION_SET | OPTION_USE_ENV_KEY))
            print_failure("a host runs already, so --set and --use-env-key change nothing");
        ops_signals_block();
        code = join(fd, host_boot_config(boot), terminal);
        host_boot_free(boot);
        return code;
    }
    host_boot_free(boot);
    if (setup_wants_model(setup)) {
        discover_model(setup->options, terminal);
        setup->host.set_count = setup->options->set_count;
    }
    if (terminal)
        (void)fputs("troupe: type a message; /help lists commands, Ctrl-D leaves\n", stderr);
    setup->host.console_only = true;
    /* Not before the question above, which Ctrl-C ends. */
    ops_signals_block();
    return app_run(setup, &own);
}

int cmd_chat(struct options *options)
{
    const bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    struct setup setup;
    int code;

    /* Lines are UTF-8 in every locale; the terminal's editor reads characters by the locale. */
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    setup_init(&setup, options);
    code = chat(&setup, terminal);
    setup_clear(&setup);
    return code;
}
