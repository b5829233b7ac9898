/* SPDX-License-Identifier: Apache-2.0 */
#include "main/provider.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/co.h"
#include "main/solo.h"
#include "turn/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SERVICE "llm.chat"
#define ASK_MS  60000
#define LOG_MAX 65536
/* Room for models that think before they answer one word. */
#define ANSWER_TOKENS 64

struct asking {
    struct provider_test *test;
    struct host_options options;
    struct host *host;
    int log;    /* what agents say about it */
    off_t from; /* of it, that the question is answered for */
};

json_t *provider_question(void)
{
    return json_pack("{s:[{s:s, s:s}], s:i}", "messages", "role", "user", "content",
                     "Reply with the word OK.", "max_tokens", ANSWER_TOKENS);
}

void provider_read(const json_t *result, struct provider_test *test)
{
    const json_t *usage = json_object_get(result, "usage");

    snprintf(test->model, sizeof(test->model), "%s", json_get_str(result, "model", "the model"));
    test->cost_micros = json_get_int(result, "cost_micros", 0);
    test->estimated = json_is_true(json_object_get(usage, "estimated"));
}

void provider_print(const struct provider_test *test, char *ret, size_t size)
{
    snprintf(ret, size, "%s answers after %" PRIi64 " ms; that cost %.6f USD%s", test->model,
             test->ms, (double)test->cost_micros / 1e6,
             test->estimated ? " (estimated: the provider does not say)" : "");
}

/* ---- why it failed ------------------------------------------------------------------------- */

/* The agent's first words on it in the log, which tell more than members are told; what the owner is told of it
 * comes behind them. */
static char *first_words(const struct asking *asking)
{
    _cleanup_mem_ char *text = mem_alloc(LOG_MAX + 1);
    ssize_t len = pread(asking->log, text, LOG_MAX, asking->from);
    char *rest = NULL;

    text[len > 0 ? len : 0] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        _cleanup_json_ json_t *entry = NULL;

        if (json_parse(line, strlen(line), &entry, NULL) < 0 ||
            !text_starts(json_get_str(entry, "part", ""), "plugin:"))
            continue;
        return mem_strdup(json_get_str(entry, "message", ""));
    }
    return NULL;
}

static void explain(struct asking *asking)
{
    struct error *err = &asking->test->error;
    _cleanup_mem_ char *words = first_words(asking);
    char told[ERROR_TEXT_MAX];
    size_t len = strlen(err->text);

    if (!words || !*words)
        return;
    if (len && err->text[len - 1] == '.')
        err->text[len - 1] = '\0';
    snprintf(told, sizeof(told), "%.300s (%.400s)", err->text, words);
    error_set(err, err->status, "%s", told);
}

/* ---- asking -------------------------------------------------------------------------------- */

static void take_problems(struct provider_test *test, const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (!problems->items[i].warning) {
            test->status = error_set(&test->error, TROUPE_CONFIG, "%s", problems->items[i].text);
            return;
        }
    }
}

static void call(struct asking *asking)
{
    struct provider_test *test = asking->test;
    _cleanup_json_ json_t *question = provider_question(), *result = NULL;
    _cleanup_mem_ char *given = json_print(question), *text = NULL, *json = NULL;
    uint64_t begun = clock_ms();

    asking->from = lseek(asking->log, 0, SEEK_END);
    test->status = turn_engine_call(host_engine(asking->host), SERVICE, given, co_after(ASK_MS),
                                    &text, &json, &test->error);
    test->ms = (int64_t)(clock_ms() - begun);
    if (test->status < 0)
        explain(asking);
    else if (json && json_parse(json, strlen(json), &result, NULL) == TROUPE_OK)
        provider_read(result, test);
}

static void ask(struct loop *loop, void *arg)
{
    struct asking *asking = arg;
    struct provider_test *test = asking->test;
    struct config_problems problems = {0};
    struct host_boot *boot = NULL;
    int code;

    test->status = host_boot(&asking->options, &boot, &problems);
    if (test->status >= 0)
        test->status = host_start(loop, boot, &asking->host, &problems, &test->error, &code);
    if (test->status >= 0)
        call(asking);
    else
        take_problems(test, &problems);
    if (asking->host)
        host_stop(asking->host, 0);
    config_problems_clear(&problems);
}

static void over(void *arg)
{
    host_free(((struct asking *)arg)->host);
}

/* Ours come instead of theirs: a key may be given once. */
static bool is_ours(const char *set)
{
    return text_starts(set, "troupe.data=") || text_starts(set, "troupe.control_socket=") ||
           text_starts(set, "store.path=");
}

void provider_test_run(struct provider_test *test)
{
    const struct host_options *host = &test->setup->host;
    _cleanup_mem_ const char **sets = mem_zero(host->set_count + 3, sizeof(*sets));
    _cleanup_mem_ char *data = mem_printf("troupe.data=%s", test->scratch);
    _cleanup_mem_ char *path = mem_printf("store.path=%s/troupe.db", test->scratch);
    struct asking asking = {.test = test, .options = *host, .log = -1};
    const struct solo task = {.run = ask,
                              .over = over,
                              .arg = &asking,
                              .signaled = test->signaled,
                              .signal_arg = test->signal_arg};
    size_t count = 0;
    troupe_status status;

    for (size_t i = 0; i < host->set_count; i++) {
        if (!is_ours(host->sets[i]))
            sets[count++] = host->sets[i];
    }
    sets[count++] = data;
    sets[count++] = path;
    asking.options.config_path = test->config_path;
    asking.options.sets = sets;
    asking.options.set_count = count;
    asking.options.console_only = asking.options.one_call = true;
    asking.log = memfd_create("log", MFD_CLOEXEC);
    log_setup(LOG_WARN, LOG_JSON, asking.log >= 0 ? asking.log : STDERR_FILENO);
    status = solo_run(&task, &test->error);
    if (status < 0)
        test->status = status;
    log_setup(LOG_WARN, LOG_TEXT, STDERR_FILENO);
    if (asking.log >= 0)
        close(asking.log);
}
