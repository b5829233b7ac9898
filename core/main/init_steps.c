/* SPDX-License-Identifier: Apache-2.0
 *
 * What troupe init does between its questions.
 */
#include "main/init.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "main/check.h"
#include "main/discover.h"
#include "main/print.h"
#include "main/provider.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static troupe_status check_token(struct init *init)
{
    struct preflight preflight = {.config = init->core,
                                  .token = init->plan.token,
                                  .signaled = init_interrupted,
                                  .signal_arg = init};
    _cleanup_buf_ struct buf intents = BUF_INIT;

    preflight_run(&preflight);
    if (preflight.account < 0) {
        init_fail(init, preflight.account == TROUPE_DENIED ? EX_CONFIG : EX_UNAVAILABLE,
                  preflight.account_error.text);
        return preflight.account;
    }
    init->bot = preflight.found;
    init_say(init, "Discord: the token is that of %s (%s)%s%s", init->bot.name, init->bot.account,
             init->bot.owners ? "; owner: " : "", init->bot.owner);
    preflight_intents(init->core, &init->bot, &intents);
    if (intents.len)
        init_say(init, "Note: %s", buf_text(&intents));
    return TROUPE_OK;
}

static const struct discover_key *known_provider(const char *base_url)
{
    size_t count;
    const struct discover_key *keys = discover_keys(&count);

    for (size_t i = 0; i < count; i++) {
        if (base_url && !strcmp(keys[i].base_url, base_url))
            return &keys[i];
    }
    return NULL;
}

/* What is on this machine serves as a default only where somebody sees it. */
static troupe_status look(struct init *init)
{
    struct init_dialog *dialog = &init->dialog;
    size_t count;
    const struct discover_key *keys = discover_keys(&count);

    init->model = discover_ollama(DISCOVER_OLLAMA);
    if (init->model)
        init_say(init, "Found an Ollama at " DISCOVER_OLLAMA " with the model %s%s", init->model,
                 dialog->patient ? "" : "; it is used with --base-url " DISCOVER_OLLAMA "/v1 only");
    if (!dialog->patient)
        return TROUPE_OK;
    if (init->model) {
        dialog->found.base_url = DISCOVER_OLLAMA "/v1";
        return TROUPE_OK;
    }
    for (size_t i = 0; i < count && !dialog->found.base_url; i++) {
        const char *value = getenv(keys[i].variable);

        if (value && *value)
            dialog->found.base_url = keys[i].base_url;
    }
    return TROUPE_OK;
}

static troupe_status look_model(struct init *init)
{
    struct init_dialog *dialog = &init->dialog;
    const struct discover_key *known = known_provider(init->plan.base_url);
    const char *value = known && dialog->patient ? getenv(known->variable) : NULL;

    dialog->found.key = value && *value ? value : NULL;
    dialog->found.key_from = known ? known->variable : NULL;
    dialog->found.model = known ? known->model : NULL;
    if (!known && !init->plan.model) {
        mem_free(init->model);
        init->model = discover_first_model(init->plan.base_url);
        dialog->found.model = init->model;
    }
    return TROUPE_OK;
}

/* By --set, maybe with references that must stay what they are. */
static bool is_set_to(const struct init_plan *plan, const char *key, const char *value)
{
    const char *set = init_plan_get(plan, "agent llm", key);

    return set && value && !strcmp(set, value);
}

/* The last keys, which follow from the others. */
static troupe_status complete(struct init *init, struct error *err)
{
    struct init_plan *plan = &init->plan;
    troupe_status status = TROUPE_OK;

    if (plan->base_url && !is_set_to(plan, "base_url", plan->base_url))
        status = init_plan_put(plan, "agent llm", "base_url", plan->base_url, err);
    if (status == TROUPE_OK && plan->base_url && !is_set_to(plan, "model", plan->model))
        status = init_plan_put(plan, "agent llm", "model", plan->model, err);
    /* A name that the format cannot hold is no reason to stop. */
    if (*init->bot.name && !init_plan_get(plan, "troupe", "name"))
        (void)init_plan_put(plan, "troupe", "name", init->bot.name, NULL);
    if (*init->bot.name && !init_plan_get(plan, "agent conversation", "bot_name"))
        (void)init_plan_put(plan, "agent conversation", "bot_name", init->bot.name, NULL);
    if (status == TROUPE_OK && !init_plan_get(plan, "pipeline message", "stages"))
        status = init_plan_put(plan, "pipeline message", "stages", "conversation", err);
    return status;
}

static troupe_status put_files(struct init *init, struct error *err)
{
    struct init_plan *plan = &init->plan;
    _cleanup_buf_ struct buf text = BUF_INIT;
    char today[CLOCK_ISO_SIZE];
    troupe_status status = complete(init, err);

    if (status == TROUPE_OK)
        status = init_files_open(&init->files, err);
    if (status == TROUPE_OK && plan->token)
        status =
            init_files_put(&init->files, INIT_TOKEN_FILE, plan->token, strlen(plan->token), err);
    if (status == TROUPE_OK && plan->api_key)
        status =
            init_files_put(&init->files, INIT_KEY_FILE, plan->api_key, strlen(plan->api_key), err);
    if (status < 0)
        return status;
    clock_iso(clock_wall_ms(), today);
    today[strlen("2026-11-26")] = '\0';
    init_plan_print(plan, today, &text);
    return init_files_put(&init->files, init->files.name, buf_text(&text), text.len, err);
}

/* A drop-in is told by its own place, not by that of the link. */
static void name_drop_ins(const struct init_files *files, struct config_problems *problems)
{
    _cleanup_mem_ char *link = mem_printf("%s/" INIT_DROP_INS "/", files->stage);

    for (size_t i = 0; i < problems->count; i++) {
        char *text = problems->items[i].text;

        if (!text_starts(text, link))
            continue;
        problems->items[i].text =
            mem_printf("%s/" INIT_DROP_INS "/%s", files->dir, text + strlen(link));
        mem_free(text);
    }
}

static troupe_status stage(struct init *init)
{
    struct host_options host = init->setup.host;
    struct config_problems problems = {0};
    _cleanup_mem_ char *path = NULL;
    struct error err = {0};
    troupe_status status;

    init_files_drop(&init->files); /* of an earlier try */
    status = put_files(init, &err);
    if (status < 0) {
        init_fail(init, status == TROUPE_ARGUMENT ? EX_CONFIG : EX_CANTCREAT, err.text);
        return status;
    }
    path = mem_printf("%s/%s", init->files.stage, init->files.name);
    host.config_path = path;
    log_setup(LOG_WARN, LOG_TEXT, STDERR_FILENO);
    config_unref(init->config);
    init->config = NULL;
    status = check_config(&host, &problems, &init->config);
    name_drop_ins(&init->files, &problems);
    print_problems(&problems);
    config_problems_clear(&problems);
    if (status < 0)
        init->code = EX_CONFIG;
    return status;
}

static troupe_status test(struct init *init)
{
    _cleanup_mem_ char *path = mem_printf("%s/%s", init->files.stage, init->files.name);
    _cleanup_mem_ char *scratch = mem_printf("%s/data", init->files.stage);
    struct provider_test test = {.setup = &init->setup,
                                 .config_path = path,
                                 .scratch = scratch,
                                 .signaled = init_interrupted,
                                 .signal_arg = init};
    char text[512];

    if (!init->options->quiet && init->terminal.terminal)
        (void)dprintf(STDERR_FILENO, "Asking the language model …\n");
    provider_test_run(&test);
    if (test.status < 0) {
        init_fail(init,
                  test.status == TROUPE_CONFIG || test.status == TROUPE_DENIED ? EX_CONFIG
                                                                               : EX_UNAVAILABLE,
                  test.error.text);
        return test.status;
    }
    provider_print(&test, text, sizeof(text));
    init_say(init, "Language model: %s", text);
    return TROUPE_OK;
}

static troupe_status commit(struct init *init)
{
    struct error err;
    int signal_number = init_terminal_signal(&init->terminal);
    troupe_status status;

    if (signal_number)
        init_interrupted(init, signal_number);
    status = init_files_commit(&init->files, init->dialog.exists, &err);
    if (status < 0)
        init_fail(init, EX_CANTCREAT, err.text);
    return status;
}

troupe_status init_step(struct init *init)
{
    switch (init->dialog.step) {
    case INIT_CHECK_TOKEN: return check_token(init);
    case INIT_LOOK: return look(init);
    case INIT_LOOK_MODEL: return look_model(init);
    case INIT_STAGE: return stage(init);
    case INIT_TEST: return test(init);
    default: return commit(init);
    }
}
