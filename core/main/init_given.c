/* SPDX-License-Identifier: Apache-2.0
 *
 * What troupe init need not ask for.
 */
#include "main/init.h"

#include "base/mem.h"
#include "base/text.h"
#include "config/raw.h"
#include "main/init_env.h"

#include <string.h>

extern char **environ;

/* A secret out of a file; "-" is standard input. */
static troupe_status read_secret(struct init *init, const char *path, char **place,
                                 struct error *err)
{
    char line[INIT_LINE_MAX] = "";
    _cleanup_buf_ struct buf text = BUF_INIT;
    troupe_status status;
    char *secret;

    if (!strcmp(path, "-")) {
        status = init_terminal_ask(&init->terminal, "", true, line, err);
    } else {
        status = config_read_file(path, sizeof(line) - 1, &text, NULL, err);
        if (status == TROUPE_OK)
            snprintf(line, sizeof(line), "%s", buf_text(&text));
        if (text.data)
            explicit_bzero(text.data, text.cap);
    }
    if (status == TROUPE_CANCELED)
        init_interrupted(init, init->terminal.signaled);
    secret = text_trim(line);
    if (status == TROUPE_OK && *secret)
        init_plan_set(place, secret);
    else if (status == TROUPE_OK || status == TROUPE_END)
        status = error_set(err, TROUPE_ARGUMENT, "\"%s\" is empty: write the secret into it", path);
    explicit_bzero(line, sizeof(line));
    return status;
}

static troupe_status clean_token(struct init_plan *plan, struct error *err)
{
    char *token = plan->token ? discord_token_clean(plan->token) : NULL;

    if (plan->token && !token)
        return error_set(err, TROUPE_ARGUMENT,
                         "the file of --token-file holds no bot token: copy it whole from the "
                         "Developer Portal under Bot, Reset Token");
    if (token)
        memmove(plan->token, token, strlen(token) + 1);
    return TROUPE_OK;
}

/* What the options say; the environment fills in the rest. */
troupe_status init_take_given(struct init *init, size_t set_count, struct error *err)
{
    struct options *options = init->options;
    struct init_plan *plan = &init->plan;
    _cleanup_buf_ struct buf told = BUF_INIT;
    troupe_status status = TROUPE_OK;
    int64_t micros;

    for (size_t i = 0; i < set_count && status == TROUPE_OK; i++)
        status = init_plan_take_set(plan, options->sets[i], err);
    if (init_plan_get(plan, "discord", "token")) /* a reference, which needs no file of ours */
        init->dialog.no_discord = true;
    if (init_plan_get(plan, "agent llm", "base_url"))
        init_plan_set(&plan->base_url, init_plan_get(plan, "agent llm", "base_url"));
    if (init_plan_get(plan, "agent llm", "model"))
        init_plan_set(&plan->model, init_plan_get(plan, "agent llm", "model"));
    init->dialog.key_asked = init_plan_get(plan, "agent llm", "api_key") != NULL;
    if (status == TROUPE_OK && options->token_file)
        status = read_secret(init, options->token_file, &plan->token, err);
    if (status == TROUPE_OK)
        status = clean_token(plan, err);
    if (status == TROUPE_OK && options->key_file)
        status = read_secret(init, options->key_file, &plan->api_key, err);
    if (options->base_url && !strcmp(options->base_url, "none"))
        init->dialog.no_model = true;
    else if (options->base_url)
        init_plan_set(&plan->base_url, options->base_url);
    if (options->model)
        init_plan_set(&plan->model, options->model);
    if (status == TROUPE_OK && options->daily) {
        status = config_parse_money(options->daily, &micros);
        status = status < 0 || micros < 0
                     ? error_set(err, TROUPE_ARGUMENT,
                                 "--daily \"%s\" is no amount: write US dollars, for example 2.50",
                                 options->daily)
                     : init_plan_put(plan, "budget", "daily", options->daily, err);
    }
    if (status == TROUPE_OK && (options->given & OPTION_FROM_ENV)) {
        status = init_env_import(plan, (const char *const *)environ, &told, err);
        if (told.len)
            init_say(init, "%s", buf_text(&told));
    }
    return status;
}
