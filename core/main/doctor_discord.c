/* SPDX-License-Identifier: Apache-2.0
 *
 * Discord and the language model: whether they would let the bot in, and at what price.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "gateway/discord/discord.h"
#include "gateway/discord/invite.h"
#include "main/doctor.h"
#include "main/init_files.h"
#include "main/preflight.h"
#include "main/provider.h"
#include "ops/client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKEW_WARN_MS    30000
#define IDENTIFIES_WARN 50
#define CALL_MS         90000
#define BUILT_MS        INT64_C(1780272000000) /* 2026-06-01: before this program was written */

/* ---- Discord ------------------------------------------------------------------------------- */

static void check_account(struct doctor *doctor, const struct preflight *preflight)
{
    const struct discord_preflight *found = &preflight->found;
    _cleanup_buf_ struct buf intents = BUF_INIT;
    char link[DISCORD_INVITE_MAX], names[256];
    uint64_t permissions = discord_permissions_for(doctor->config);

    doctor_say(doctor, DOCTOR_OK, "token", NULL, "it is that of %s (%s)", found->name,
               found->account);
    doctor_say(doctor, found->owners ? DOCTOR_OK : DOCTOR_WARN, "owner",
               found->owners ? NULL : "name them with owners in [discord]", "%s",
               found->owners ? found->owner : "Discord names none");
    preflight_intents(doctor->config, found, &intents);
    if (intents.len)
        doctor_say(doctor, DOCTOR_WARN, "intents", NULL, "%.*s", (int)intents.len - 1,
                   buf_text(&intents));
    else
        doctor_say(doctor, DOCTOR_OK, "intents", NULL, "what the bot asks for is switched on");
    discord_invite_url(found->application, permissions, link);
    discord_permissions_print(permissions, names, sizeof(names));
    doctor_say(doctor, DOCTOR_OK, "invite", NULL, "%s (%s)", link, names);
}

static void check_gateway(struct doctor *doctor, const struct preflight *preflight)
{
    const struct discord_preflight *found = &preflight->found;

    if (preflight->door < 0)
        doctor_say(doctor, DOCTOR_FAIL, "gateway", NULL, "%s", preflight->door_error.text);
    else
        doctor_say(doctor, DOCTOR_OK, "gateway", NULL, "%s can be reached", found->gateway);
    if (!found->identifies)
        return;
    doctor_say(doctor,
               !found->left                    ? DOCTOR_FAIL
               : found->left < IDENTIFIES_WARN ? DOCTOR_WARN
                                               : DOCTOR_OK,
               "identifies",
               found->left < IDENTIFIES_WARN ? "stop whatever starts the bot again and again"
                                             : NULL,
               "%" PRIi64 " of %" PRIi64 " are left; all of them again in %" PRIi64 " min",
               found->left, found->identifies, found->reset_ms / 60000);
}

static void check_clock(struct doctor *doctor, const struct discord_preflight *found)
{
    static const char remedy[] = "switch on time synchronisation: timedatectl set-ntp true";
    int64_t ahead = found->clock_ahead_ms, off = ahead < 0 ? -ahead : ahead;

    if (clock_wall_ms() < BUILT_MS)
        doctor_say(doctor, DOCTOR_FAIL, "clock", remedy, "it stands before this program was made");
    else if (found->clock_known && off > SKEW_WARN_MS)
        doctor_say(doctor, DOCTOR_WARN, "clock", remedy, "it is %" PRIi64 " s %s Discord's",
                   off / 1000, ahead > 0 ? "ahead of" : "behind");
    else
        doctor_say(doctor, DOCTOR_OK, "clock", NULL, "%s",
                   found->clock_known ? "it agrees with Discord's" : "it is plausible");
}

void doctor_discord(struct doctor *doctor)
{
    const struct config_section *discord = config_section(doctor->config, "discord", NULL);
    struct preflight preflight = {.config = doctor->config, .gateway = true};

    if (!discord_wanted(discord)) {
        doctor_say(doctor, DOCTOR_WARN, "token", "run troupe init, or set token in [discord]",
                   "there is none, so Discord is off");
        check_clock(doctor, &preflight.found);
        return;
    }
    preflight.token = config_str(discord, "token");
    preflight_run(&preflight);
    if (preflight.account < 0) {
        doctor_say(doctor, DOCTOR_FAIL, "token", NULL, "%s", preflight.account_error.text);
    } else {
        check_account(doctor, &preflight);
        check_gateway(doctor, &preflight);
    }
    check_clock(doctor, &preflight.found);
}

/* ---- the language model -------------------------------------------------------------------- */

/* By the host that runs: it has the connections, and the caps of the day. */
static void ask_host(struct doctor *doctor, struct provider_test *test)
{
    _cleanup_mem_ char *path = setup_socket(&doctor->setup);
    json_t *request = json_pack("{s:s, s:s, s:o}", "cmd", "call", "function", "llm.chat",
                                "arguments", provider_question()),
           *result = NULL;
    uint64_t begun = clock_ms();
    struct ops_client client;
    int code;

    test->status = ops_client_open(&client, path, &test->error);
    if (test->status < 0) {
        json_decref(request);
        return;
    }
    test->status = ops_client_call(&client, request, CALL_MS, &result, &code, &test->error);
    ops_client_close(&client);
    test->ms = (int64_t)(clock_ms() - begun);
    if (test->status >= 0)
        provider_read(json_object_get(result, "json"), test);
    json_decref(result);
}

static void ask_alone(struct provider_test *test)
{
    const char *base = getenv("TMPDIR");
    _cleanup_mem_ char *dir = mem_printf("%s/troupe-doctor-XXXXXX", base && *base ? base : "/tmp");
    struct init_files files = {0};

    if (!mkdtemp(dir)) {
        test->status = error_set(&test->error, TROUPE_IO, "no directory can be made in %s",
                                 base && *base ? base : "/tmp");
        return;
    }
    test->scratch = dir;
    provider_test_run(test);
    files.stage = mem_strdup(dir);
    init_files_drop(&files);
}

static void check_cap(struct doctor *doctor)
{
    const struct config_section *budget = config_section(doctor->config, "budget", NULL);
    int64_t daily = config_micros(budget, "daily");
    char text[32];

    config_format_money(daily, text);
    if (daily)
        doctor_say(doctor, DOCTOR_OK, "budget", NULL, "at most %s USD a day", text);
    else
        doctor_say(doctor, DOCTOR_WARN, "budget", "set daily in [budget]",
                   "the cap is 0: only models that cost nothing are asked");
}

void doctor_provider(struct doctor *doctor)
{
    struct provider_test test = {.setup = &doctor->setup, .config_path = doctor->path};
    char text[512];

    check_cap(doctor);
    if (!doctor->holds) {
        doctor_say(doctor, DOCTOR_WARN, "language model", NULL,
                   "not asked, as the configuration does not hold");
        return;
    }
    if (setup_wants_model(&doctor->setup)) {
        doctor_say(doctor, DOCTOR_WARN, "language model",
                   "set base_url and model in [agent llm], or run troupe init --force",
                   "none is set up: commands work, talk does not");
        return;
    }
    if (doctor->host)
        ask_host(doctor, &test);
    else
        ask_alone(&test);
    if (test.status == TROUPE_NOT_FOUND) {
        doctor_say(doctor, DOCTOR_WARN, "language model", NULL, "no agent offers one");
    } else if (test.status < 0) {
        doctor_say(doctor, DOCTOR_FAIL, "language model", NULL, "%s", test.error.text);
    } else {
        provider_print(&test, text, sizeof(text));
        doctor_say(doctor, DOCTOR_OK, "language model", NULL, "%s", text);
    }
}
