/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

TROUPE_EMBED(conversation_default_prompt, "prompts/default.txt");

static troupe_status bad_template(troupe_host *host, troupe_str path, const char *problem)
{
    troupe_log(host, TROUPE_LOG_ERROR, "key \"template\": \"%.*s\": %s", (int)path.len, path.ptr,
               problem);
    return TROUPE_CONFIG;
}

/* The file that `template` names. Where nobody set it and the installed file is not there, the copy
 * in this plugin does. */
static troupe_status load_template(troupe_host *host, char *ret)
{
    const troupe_str path = troupe_config_str(host, "template");
    char name[4096], problem[256];
    size_t len;
    FILE *file;
    int failed;

    snprintf(name, sizeof(name), "%.*s", (int)path.len, path.ptr);
    file = fopen(name, "re");
    if (!file && (errno != ENOENT || strcmp(name, CONVERSATION_PROMPT) != 0))
        return bad_template(host, path, strerror(errno));
    if (!file) {
        snprintf(ret, TEMPLATE_MAX, "%s", conversation_default_prompt);
        return TROUPE_OK;
    }
    len = fread(ret, 1, TEMPLATE_MAX, file);
    failed = ferror(file);
    fclose(file);
    if (failed)
        return bad_template(host, path, "it cannot be read");
    if (len == TEMPLATE_MAX)
        return bad_template(host, path, "it is larger than 16 kB");
    if (memchr(ret, 0, len))
        return bad_template(host, path, "it is no text");
    ret[len] = 0;
    if (template_check(ret, problem, sizeof(problem)) < 0)
        return bad_template(host, path, problem);
    return TROUPE_OK;
}

/* The template with the longest values that there are must fit into its share, and something must
 * be left for the message. */
static troupe_status check_budget(troupe_host *host, const struct conversation *conversation)
{
    static const char longest[] = "two to four in an answer, Wednesday, 30 September 2026, and so";
    const char *values[TEMPLATE_FIELDS];
    const struct prompt_budget *budget = &conversation->budget;
    char *text;
    int64_t tokens, fixed = budget->answer + budget->reserve + budget->system;
    size_t len;

    for (int i = 0; i < TEMPLATE_FIELDS; i++)
        values[i] = longest;
    len = template_render(conversation->template, values, NULL, 0);
    text = troupe_alloc(host, len + 1);
    if (!text)
        return TROUPE_NOMEM;
    template_render(conversation->template, values, text, len + 1);
    tokens = prompt_tokens(text, len);
    troupe_free(host, text);
    if (tokens > budget->system) {
        troupe_log(host, TROUPE_LOG_ERROR,
                   "key \"template\": its text has about %lld tokens, above system_tokens %lld; "
                   "shorten it or raise system_tokens",
                   (long long)tokens, (long long)budget->system);
        return TROUPE_CONFIG;
    }
    if (fixed >= budget->context) {
        troupe_log(host, TROUPE_LOG_ERROR,
                   "key \"context_tokens\": %lld leaves nothing for the talk; it must be above "
                   "answer_tokens, reserve_tokens and system_tokens together, which are %lld",
                   (long long)budget->context, (long long)fixed);
        return TROUPE_CONFIG;
    }
    return TROUPE_OK;
}

static troupe_status take_bot_name(troupe_host *host, struct conversation *conversation)
{
    const troupe_str name = troupe_config_str(host, "bot_name");

    if (name.len >= sizeof(conversation->bot_name)) {
        troupe_log(host, TROUPE_LOG_ERROR, "key \"bot_name\": longer than %zu bytes",
                   sizeof(conversation->bot_name) - 1);
        return TROUPE_CONFIG;
    }
    memcpy(conversation->bot_name, name.ptr, name.len);
    conversation->bot_name[name.len] = '\0';
    return TROUPE_OK;
}

troupe_status setup_create(troupe_host *host, void **ret_state)
{
    struct conversation *conversation = troupe_alloc(host, sizeof(*conversation));
    troupe_status status;

    if (!conversation)
        return TROUPE_NOMEM;
    conversation->budget.context = troupe_config_int(host, "context_tokens", 8000);
    conversation->budget.answer = troupe_config_int(host, "answer_tokens", 1024);
    conversation->budget.reserve = troupe_config_int(host, "reserve_tokens", 2000);
    conversation->budget.system = troupe_config_int(host, "system_tokens", 500);
    conversation->summary = troupe_config_int(host, "summary", 1) != 0;
    status = take_bot_name(host, conversation);
    if (status >= 0)
        status = load_template(host, conversation->template);
    if (status >= 0)
        conversation->stable = template_stable(conversation->template);
    if (status >= 0)
        status = check_budget(host, conversation);
    if (status >= 0)
        status = faq_load(host, troupe_config_str(host, "faq"), &conversation->faq);
    if (status < 0) {
        troupe_free(host, conversation);
        return status;
    }
    *ret_state = conversation;
    return TROUPE_OK;
}

void setup_destroy(troupe_host *host, void *state)
{
    struct conversation *conversation = state;

    faq_clear(host, &conversation->faq);
    troupe_free(host, conversation);
}
