/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe init`: from a token to a configuration that was tried. init_dialog.h says what comes after
 * what, init_steps.c does it.
 */
#include "main/init.h"

#include "base/mem.h"
#include "gateway/discord/invite.h"
#include "main/cmd.h"
#include "main/print.h"
#include "ops/signals.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

void init_say(const struct init *init, const char *format, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (!init->options->quiet)
        print_text(stdout, buf_text(&text));
}

void init_fail(struct init *init, int code, const char *text)
{
    print_failure(text);
    init->code = code;
}

void init_interrupted(void *arg, int signal_number)
{
    struct init *init = arg;

    init_files_drop(&init->files);
    ops_signals_die(signal_number);
}

/* ---- the talk ------------------------------------------------------------------------------ */

/* One question and its answer. False: it cannot go on. */
static bool ask(struct init *init, const struct init_question *question)
{
    char line[INIT_LINE_MAX] = "";
    const bool silent = init->options->given & OPTION_NO_QUESTION;
    struct error err;
    troupe_status status =
        silent ? TROUPE_END
               : init_terminal_ask(&init->terminal, question->text, question->secret, line, &err);
    bool ended = status == TROUPE_END;

    if (status == TROUPE_CANCELED)
        init_interrupted(init, init->terminal.signaled);
    if (status == TROUPE_OK || ended)
        status = init_dialog_answer(&init->dialog, ended ? NULL : line, &err);
    explicit_bzero(line, sizeof(line));
    if (status < 0)
        init_fail(init, EX_CONFIG, err.text);
    return status >= 0 || (!ended && init->dialog.patient);
}

static void talk(struct init *init)
{
    struct init_dialog *dialog = &init->dialog;
    struct init_question question;

    init_dialog_start(dialog);
    if (dialog->step == INIT_STOPPED) {
        _cleanup_mem_ char *text = mem_printf(
            "\"%s\" is there already: use --force, which keeps it as .bak, or name another file "
            "with -c",
            init->path);

        init_fail(init, EX_CANTCREAT, text);
    }
    while (dialog->step != INIT_DONE && dialog->step != INIT_STOPPED) {
        if (!init_dialog_question(dialog, &question))
            init_dialog_done(dialog, init_step(init));
        else if (!ask(init, &question))
            return;
    }
    if (dialog->step == INIT_DONE)
        init->code = EX_OK;
    else if (!init->code)
        init->code = EX_CANTCREAT; /* "No" to replacing what is there */
}

/* ---- what it comes to ---------------------------------------------------------------------- */

static void report(const struct init *init)
{
    const struct init_plan *plan = &init->plan;
    uint64_t permissions = discord_permissions_for(init->config);
    char link[DISCORD_INVITE_MAX], names[256], cap[32];
    const int64_t daily = config_micros(config_section(init->config, "budget", NULL), "daily");
    const char *chosen;
    char *found = NULL;
    int64_t micros;
    bool named;

    config_format_money(daily, cap);
    chosen = init_plan_get(plan, "budget", "daily");
    init_say(init, "Budget: at most %s USD a day%s", cap,
             chosen && config_parse_money(chosen, &micros) == TROUPE_OK && micros != daily
                 ? ", as a file in " INIT_DROP_INS " says"
                 : "");
    if (!plan->base_url)
        init_say(
            init,
            "No language model is set up: commands work, talk does not; set base_url and model "
            "in [agent llm], or run troupe init --force with --base-url");
    init_say(init, "Wrote %s%s%s%s", init->path, plan->token ? ", " INIT_TOKEN_FILE : "",
             plan->api_key ? ", " INIT_KEY_FILE : "",
             init->files.replaced ? "; what was there is kept as .bak" : "");
    if (*init->bot.application) {
        discord_invite_url(init->bot.application, permissions, link);
        discord_permissions_print(permissions, names, sizeof(names));
        init_say(init, "\nInvite the bot to your server, with the least that it needs (%s):\n  %s",
                 names, link);
    }
    named = config_default_path(&found, NULL) != TROUPE_OK || strcmp(found, init->path) != 0;
    init_say(init, "\nNext: troupe %s%s%s", plan->token ? "run" : "chat", named ? " -c " : "",
             named ? init->path : "");
    mem_free(found);
}

static bool any_exists(const struct init *init)
{
    const char *const names[] = {init->files.name, INIT_TOKEN_FILE, INIT_KEY_FILE};
    bool any = false;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        _cleanup_mem_ char *path = init_files_path(&init->files, names[i]);

        any = any || access(path, F_OK) == 0;
    }
    return any;
}

static int run(struct init *init)
{
    struct options *options = init->options;
    struct init_dialog *dialog = &init->dialog;
    const size_t set_count = options->set_count;
    const char *token = getenv("DISCORD_TOKEN");
    struct error err;

    init->path = options->config_path ? mem_strdup(options->config_path) : config_new_path();
    /* The file to be made is not there yet, or is to be replaced. */
    options->config_path = NULL;
    setup_init(&init->setup, options);
    init->core = config_look(NULL, init->setup.host.sets, set_count);
    init_files_init(&init->files, init->path);
    dialog->plan = &init->plan;
    dialog->path = init->path;
    dialog->patient = init->terminal.terminal && !(options->given & OPTION_NO_QUESTION);
    dialog->exists = any_exists(init);
    dialog->force = options->given & OPTION_FORCE;
    if (dialog->patient && token && *token) {
        dialog->found.token = token;
        dialog->found.token_from = "DISCORD_TOKEN";
    }
    if (init_take_given(init, set_count, &err) < 0) {
        print_failure(err.text);
        return err.status == TROUPE_IO ? EX_NOINPUT : EX_USAGE;
    }
    init->code = 0;
    talk(init);
    if (dialog->step == INIT_DONE)
        report(init);
    return init->code;
}

int cmd_init(struct options *options)
{
    struct init init = {.options = options};
    struct error err;
    int code = EX_OSERR;

    ops_signals_block();
    if (init_terminal_open(&init.terminal, STDIN_FILENO, STDERR_FILENO, &err) < 0)
        print_failure(err.text);
    else
        code = run(&init);
    init_terminal_close(&init.terminal);
    init_files_clear(&init.files);
    init_plan_clear(&init.plan);
    config_unref(init.config);
    config_unref(init.core);
    setup_clear(&init.setup);
    mem_free(init.model);
    mem_free(init.path);
    return code;
}
