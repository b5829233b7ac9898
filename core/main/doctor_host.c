/* SPDX-License-Identifier: Apache-2.0
 *
 * The host that runs tells how it is; where none runs, its database is looked at.
 */
#include "base/json.h"
#include "base/mem.h"
#include "main/doctor.h"
#include "main/storage.h"
#include "ops/client.h"
#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#define ASK_MS 15000

static json_t *ask_status(struct doctor *doctor, struct error *err)
{
    _cleanup_mem_ char *path = setup_socket(&doctor->setup);
    struct ops_client client;
    json_t *result = NULL;
    int code;

    if (ops_client_open(&client, path, err) < 0)
        return NULL;
    if (ops_client_call(&client, json_pack("{s:s}", "cmd", "status"), ASK_MS, &result, &code, err) <
        0) {
        json_decref(result);
        result = NULL;
        doctor_say(doctor, DOCTOR_FAIL, "host", "see its log", "the host does not answer: %s",
                   err->text);
    }
    ops_client_close(&client);
    return result;
}

static void check_running(struct doctor *doctor)
{
    const json_t *discord = json_object_get(doctor->host, "discord");
    const json_t *spool = json_object_get(doctor->host, "spool");
    const char *phase = json_get_str(discord, "phase", ""), *why = json_get_str(discord, "why", "");

    doctor_say(doctor, DOCTOR_OK, "host", NULL, "it runs, process %" PRIi64 ", version %s",
               json_get_int(doctor->host, "pid", 0), json_get_str(doctor->host, "version", "?"));
    if (json_is_true(json_object_get(doctor->host, "degraded")))
        doctor_say(doctor, DOCTOR_FAIL, "store", "see its log, and the disk or the server",
                   "the last write of the host failed");
    else
        doctor_say(doctor, DOCTOR_OK, "store", NULL, "the running host writes to it");
    if (json_get_int(spool, "events", 0) > 0)
        doctor_say(doctor, DOCTOR_WARN, "spool", "bring the database back",
                   "%" PRIi64 " events wait in %" PRIi64 " of %" PRIi64 " bytes for the database",
                   json_get_int(spool, "events", 0), json_get_int(spool, "bytes", 0),
                   json_get_int(spool, "max_bytes", 0));
    if (!discord)
        return;
    doctor_say(doctor,
               !strcmp(phase, "ready")   ? DOCTOR_OK
               : !strcmp(phase, "ended") ? DOCTOR_FAIL
                                         : DOCTOR_WARN,
               "session", NULL, "the host's session with Discord is %s%s%s", phase,
               *why ? ": " : "", why);
}

static void check_store(struct doctor *doctor)
{
    struct store_options options;
    const char *path;
    struct error err;
    troupe_status status;

    if (!doctor->config || storage_options(doctor->config, &options, &err) < 0 || !options.path)
        return; /* told with the configuration */
    if (options.url) {
        status = store_check_server(options.url, options.password, &err);
        if (status < 0)
            doctor_say(doctor, DOCTOR_FAIL, "store", NULL, "%s", err.text);
        else
            doctor_say(doctor, DOCTOR_OK, "store", NULL, "the database's server answers");
        return;
    }
    path = options.path;
    status = store_check(path, &err);
    if (status == TROUPE_OK)
        doctor_say(doctor, DOCTOR_OK, "store", NULL, "%s is whole", path);
    else if (status == TROUPE_NOT_FOUND)
        doctor_say(doctor, DOCTOR_OK, "store", NULL, "%s will be made at the first start", path);
    else
        doctor_say(doctor, DOCTOR_FAIL, "store", NULL, "%s", err.text);
}

void doctor_host(struct doctor *doctor)
{
    struct error err = {0};

    doctor->host = ask_status(doctor, &err);
    if (doctor->host) {
        check_running(doctor);
        return;
    }
    if (err.status == TROUPE_DENIED)
        doctor_say(doctor, DOCTOR_FAIL, "host", "run this as the host's user", "%s", err.text);
    if (err.status != TROUPE_UNAVAILABLE)
        return;
    doctor_say(doctor, DOCTOR_OK, "host", NULL, "none runs for this data directory");
    check_store(doctor);
}
