/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/mem.h"
#include "main/check.h"
#include "main/cmd.h"
#include "main/doctor.h"
#include "main/print.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void check_configuration(struct doctor *doctor)
{
    struct config_problems problems = {0};
    struct config *config = NULL;

    if (!doctor->path)
        doctor_say(doctor, DOCTOR_WARN, "configuration", "run troupe init",
                   "there is no file, the defaults hold");
    else if (!doctor->options->config_path && doctor->setup.host.fallback_config &&
             !strcmp(doctor->path, doctor->setup.host.fallback_config))
        doctor_say(doctor, DOCTOR_WARN, "configuration", "run troupe init",
                   "there is no file of your own, the sample %s holds", doctor->path);
    doctor->holds = check_config(&doctor->setup.host, &problems, &config) == TROUPE_OK;
    for (size_t i = 0; i < problems.count; i++)
        doctor_say(doctor, problems.items[i].warning ? DOCTOR_WARN : DOCTOR_FAIL, "configuration",
                   NULL, "%s", problems.items[i].text);
    config_problems_clear(&problems);
    if (doctor->holds) {
        config_unref(doctor->config);
        doctor->config = config;
        doctor_say(doctor, DOCTOR_OK, "configuration", NULL,
                   "%s holds, and every plugin that it names loads",
                   doctor->path ? doctor->path : "what is built in");
    }
}

static int report(const struct doctor *doctor)
{
    if (doctor->options->json) {
        _cleanup_json_ json_t *all = json_pack("{s:b, s:i, s:i, s:O}", "ok", !doctor->failed,
                                               "warnings", (int)doctor->warned, "failures",
                                               (int)doctor->failed, "checks", doctor->lines);

        print_json(stdout, all);
    } else if (!doctor->options->quiet) {
        (void)printf("%zu checks: %u failed, %u warned\n", json_array_size(doctor->lines),
                     doctor->failed, doctor->warned);
    }
    return doctor->failed ? 1 : EX_OK;
}

int cmd_doctor(struct options *options)
{
    struct doctor doctor = {.options = options, .lines = json_array()};
    int code;

    setup_init(&doctor.setup, options);
    log_setup(LOG_ERROR, LOG_TEXT, STDERR_FILENO);
    doctor.path = host_config_path(&doctor.setup.host);
    doctor.config = config_look(doctor.path, doctor.setup.host.sets, doctor.setup.host.set_count);
    check_configuration(&doctor);
    doctor_files(&doctor);
    doctor_host(&doctor);
    doctor_discord(&doctor);
    doctor_provider(&doctor);
    doctor_system(&doctor);
    code = report(&doctor);
    config_unref(doctor.config);
    json_decref(doctor.host);
    json_decref(doctor.lines);
    mem_free(doctor.path);
    setup_clear(&doctor.setup);
    return code;
}
