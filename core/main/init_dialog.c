/* SPDX-License-Identifier: Apache-2.0 */
#include "main/init_dialog.h"

#include "base/mem.h"
#include "base/text.h"
#include "config/config.h"
#include "gateway/discord/preflight.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAILY_DEFAULT "1.00"

/* ---- where it goes ------------------------------------------------------------------------- */

/* The first step from `step` on that is still open. */
static void go(struct init_dialog *dialog, enum init_step step)
{
    struct init_plan *plan = dialog->plan;

    if (step == INIT_REPLACE && (!dialog->exists || dialog->force))
        step = INIT_TOKEN;
    if (step == INIT_REPLACE && !dialog->patient)
        step = INIT_STOPPED;
    if (step == INIT_TOKEN && dialog->no_discord)
        step = INIT_LOOK;
    if (step == INIT_TOKEN && plan->token)
        step = INIT_CHECK_TOKEN;
    if (step == INIT_LOOK && (plan->base_url || dialog->no_model))
        step = INIT_BASE_URL;
    if (step == INIT_BASE_URL && dialog->no_model)
        step = INIT_DAILY;
    if (step == INIT_BASE_URL && plan->base_url)
        step = INIT_LOOK_MODEL;
    if (step == INIT_MODEL && plan->model)
        step = INIT_KEY;
    if (step == INIT_KEY && (plan->api_key || dialog->key_asked))
        step = INIT_DAILY;
    if (step == INIT_DAILY && init_plan_get(plan, "budget", "daily"))
        step = INIT_STAGE;
    if (step == INIT_TEST && !plan->base_url)
        step = INIT_COMMIT;
    dialog->step = step;
}

void init_dialog_start(struct init_dialog *dialog)
{
    go(dialog, INIT_REPLACE);
}

/* ---- questions ----------------------------------------------------------------------------- */

static void ask(struct init_question *question, const char *text, const char *default_text)
{
    snprintf(question->text, sizeof(question->text), "%s [%s]: ", text, default_text);
}

bool init_dialog_question(const struct init_dialog *dialog, struct init_question *ret)
{
    *ret = (struct init_question){0};
    switch (dialog->step) {
    case INIT_REPLACE:
        snprintf(ret->text, sizeof(ret->text),
                 "%.300s is there already. Replace it? The old one is kept as .bak [y/N]: ",
                 dialog->path);
        return true;
    case INIT_TOKEN:
        ret->secret = true;
        snprintf(ret->text, sizeof(ret->text),
                 "Discord bot token, from https://discord.com/developers/applications, Bot, Reset "
                 "Token (it is not shown; \"none\" leaves Discord off)%s%s%s: ",
                 dialog->found.token ? " [" : "",
                 dialog->found.token ? dialog->found.token_from : "",
                 dialog->found.token ? "]" : "");
        return true;
    case INIT_TOKEN_ANYWAY:
        snprintf(ret->text, sizeof(ret->text), "Go on without that check? [y/N]: ");
        return true;
    case INIT_BASE_URL:
        ask(ret, "Language model: address of its API, or \"none\"",
            dialog->found.base_url ? dialog->found.base_url : "none");
        return true;
    case INIT_MODEL:
        ask(ret, "Model", dialog->found.model ? dialog->found.model : "default");
        return true;
    case INIT_KEY:
        ret->secret = true;
        ask(ret, "API key (it is not shown)", dialog->found.key ? dialog->found.key_from : "none");
        return true;
    case INIT_DAILY:
        ask(ret, "Most that answers may cost a day, in US dollars", DAILY_DEFAULT);
        return true;
    case INIT_TEST_ANYWAY:
        snprintf(ret->text, sizeof(ret->text),
                 "Keep this language model anyway? No asks for another one [y/N]: ");
        return true;
    default: return false;
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

static bool says_yes(const char *line)
{
    return line && (!strcasecmp(line, "y") || !strcasecmp(line, "yes"));
}

static troupe_status take_token(struct init_dialog *dialog, char *line, struct error *err)
{
    const char *found = dialog->found.token;
    char *token;

    if (!strcasecmp(line, "none")) {
        dialog->no_discord = true;
        go(dialog, INIT_LOOK);
        return TROUPE_OK;
    }
    if (!*line && !found)
        return error_set(err, TROUPE_ARGUMENT,
                         "no Discord token: type or paste it, pipe it in, or use --token-file FILE "
                         "or --from-env with DISCORD_TOKEN");
    if (!*line) {
        init_plan_set(&dialog->plan->token, found);
        token = discord_token_clean(dialog->plan->token);
        if (token)
            memmove(dialog->plan->token, token, strlen(token) + 1);
    } else {
        token = discord_token_clean(line);
        init_plan_set(&dialog->plan->token, token);
    }
    if (!token) {
        init_plan_set(&dialog->plan->token, NULL);
        return error_set(err, TROUPE_ARGUMENT,
                         "that is no bot token: copy it whole from the Developer Portal under Bot, "
                         "Reset Token");
    }
    go(dialog, INIT_CHECK_TOKEN);
    return TROUPE_OK;
}

static troupe_status take_base_url(struct init_dialog *dialog, char *line, struct error *err)
{
    const char *url = *line ? line : dialog->found.base_url;
    size_t len;

    if (!url || !strcasecmp(url, "none")) {
        dialog->no_model = true;
        go(dialog, INIT_DAILY);
        return TROUPE_OK;
    }
    for (len = strlen(url); len && url[len - 1] == '/'; len--)
        ;
    if ((!text_starts(url, "http://") && !text_starts(url, "https://")) || strchr(url, ' '))
        return error_set(err, TROUPE_ARGUMENT,
                         "\"%.100s\" is no address: write for example https://api.openai.com/v1 or "
                         "http://127.0.0.1:11434/v1, or \"none\"",
                         url);
    {
        _cleanup_mem_ char *cut = mem_strndup(url, len);

        init_plan_set(&dialog->plan->base_url, cut);
    }
    go(dialog, INIT_LOOK_MODEL);
    return TROUPE_OK;
}

static troupe_status take_daily(struct init_dialog *dialog, const char *line, struct error *err)
{
    const char *text = *line == '$' ? line + 1 : line;
    int64_t micros;
    troupe_status status;

    if (!*text)
        text = DAILY_DEFAULT;
    if (config_parse_money(text, &micros) < 0 || micros < 0)
        return error_set(err, TROUPE_ARGUMENT,
                         "\"%.40s\" is no amount: write US dollars, for example 2.50, or 0 for "
                         "models that cost nothing",
                         text);
    status = init_plan_put(dialog->plan, "budget", "daily", text, err);
    if (status == TROUPE_OK)
        go(dialog, INIT_STAGE);
    return status;
}

/* Another provider is asked for from the start. */
static void forget_provider(struct init_dialog *dialog)
{
    init_plan_set(&dialog->plan->base_url, NULL);
    init_plan_set(&dialog->plan->model, NULL);
    init_plan_set(&dialog->plan->api_key, NULL);
    dialog->key_asked = false;
    go(dialog, INIT_BASE_URL);
}

static troupe_status take(struct init_dialog *dialog, char *line, bool more, struct error *err)
{
    switch (dialog->step) {
    case INIT_REPLACE: go(dialog, says_yes(line) ? INIT_TOKEN : INIT_STOPPED); return TROUPE_OK;
    case INIT_TOKEN: return take_token(dialog, line, err);
    case INIT_TOKEN_ANYWAY: go(dialog, says_yes(line) ? INIT_LOOK : INIT_STOPPED); return TROUPE_OK;
    case INIT_BASE_URL: return take_base_url(dialog, line, err);
    case INIT_MODEL:
        if (!*line && !dialog->found.model && !dialog->patient)
            return error_set(err, TROUPE_ARGUMENT, "no model is named for \"%s\": use --model NAME",
                             dialog->plan->base_url);
        init_plan_set(&dialog->plan->model, *line                 ? line
                                            : dialog->found.model ? dialog->found.model
                                                                  : "default");
        go(dialog, INIT_KEY);
        return TROUPE_OK;
    case INIT_KEY:
        dialog->key_asked = true;
        init_plan_set(&dialog->plan->api_key, !*line                      ? dialog->found.key
                                              : !strcasecmp(line, "none") ? NULL
                                                                          : line);
        go(dialog, INIT_DAILY);
        return TROUPE_OK;
    case INIT_DAILY: return take_daily(dialog, line, err);
    case INIT_TEST_ANYWAY:
        if (says_yes(line))
            go(dialog, INIT_COMMIT);
        else if (more)
            forget_provider(dialog);
        else
            go(dialog, INIT_STOPPED);
        return TROUPE_OK;
    default: return error_set(err, TROUPE_ARGUMENT, "nothing was asked");
    }
}

troupe_status init_dialog_answer(struct init_dialog *dialog, const char *line, struct error *err)
{
    char *copy = mem_strdup(line);
    size_t len = strlen(copy);
    troupe_status status = take(dialog, text_trim(copy), line != NULL, err);

    explicit_bzero(copy, len);
    mem_free(copy);
    return status;
}

/* ---- what was done ------------------------------------------------------------------------- */

static void token_checked(struct init_dialog *dialog, troupe_status outcome)
{
    if (outcome >= 0) {
        go(dialog, INIT_LOOK);
    } else if (!dialog->patient || ++dialog->tries == INIT_TOKEN_TRIES) {
        go(dialog, INIT_STOPPED);
    } else if (outcome == TROUPE_DENIED) {
        init_plan_set(&dialog->plan->token, NULL);
        dialog->found.token = NULL;
        go(dialog, INIT_TOKEN);
    } else {
        go(dialog, INIT_TOKEN_ANYWAY);
    }
}

void init_dialog_done(struct init_dialog *dialog, troupe_status outcome)
{
    switch (dialog->step) {
    case INIT_CHECK_TOKEN: token_checked(dialog, outcome); break;
    case INIT_LOOK: go(dialog, INIT_BASE_URL); break;
    case INIT_LOOK_MODEL: go(dialog, INIT_MODEL); break;
    case INIT_STAGE: go(dialog, outcome < 0 ? INIT_STOPPED : INIT_TEST); break;
    case INIT_TEST:
        go(dialog, outcome >= 0 ? INIT_COMMIT : dialog->patient ? INIT_TEST_ANYWAY : INIT_STOPPED);
        break;
    case INIT_COMMIT: go(dialog, outcome < 0 ? INIT_STOPPED : INIT_DONE); break;
    default: break;
    }
}
