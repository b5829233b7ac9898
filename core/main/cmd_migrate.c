/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe migrate --from X --to Y` and `troupe reseal`: what goes through a whole database, while no host
 * uses it, which the database's own lock makes sure of.
 */
#include "base/mem.h"
#include "base/text.h"
#include "main/cmd.h"
#include "main/print.h"
#include "main/setup.h"
#include "main/solo.h"
#include "main/storage.h"
#include "store/reseal.h"
#include "store/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

enum { STATEMENT_MS = 10 * 60 * 1000 }; /* one may run so long */

struct work {
    const struct store_options *from, *to; /* `to` NULL: encrypt `from` anew */
    bool quiet;
    struct store_transferred moved;
    struct store_resealed resealed;
    troupe_status status;
    struct error err;
};

static struct config *look(struct options *options)
{
    struct setup setup;
    struct config *config;

    setup_init(&setup, options);
    _cleanup_mem_ char *file = host_config_path(&setup.host);
    config = config_look(file, setup.host.sets, setup.host.set_count);
    setup_clear(&setup);
    return config;
}

static int tell(const struct error *err)
{
    print_failure(err->text);
    switch (err->status) {
    case TROUPE_CONFLICT: return EX_CANTCREAT;
    case TROUPE_NOT_FOUND: return EX_NOINPUT;
    default: return store_exit_code(err->status);
    }
}

/* ---- migrate --------------------------------------------------------------------------------- */

static void told(void *arg, const char *ns, const char *table, uint64_t rows)
{
    const struct work *work = arg;

    if (!work->quiet && rows)
        (void)printf("%s %s: %" PRIu64 " rows\n", ns ? ns : "core", table, rows);
}

static troupe_status open_one(struct loop *loop, const struct store_options *options,
                              const char *which, struct store **ret, struct error *err)
{
    troupe_status status = store_open(loop, options, ret, err);

    if (status < 0)
        error_prefix(err, "%s", which);
    return status;
}

static void move(struct loop *loop, void *arg)
{
    struct work *work = arg;
    struct store *from = NULL, *to = NULL;

    work->status = open_one(loop, work->from, "--from", &from, &work->err);
    if (work->status >= 0)
        work->status = open_one(loop, work->to, "--to", &to, &work->err);
    if (work->status >= 0)
        work->status = store_transfer(from, to, told, work, &work->moved, &work->err);
    store_close(from);
    store_close(to);
}

/* A url or a path, with what the configuration has beside. */
static troupe_status database_of(const char *text, const struct config *config, bool is_there,
                                 struct store_options *ret, struct error *err)
{
    const struct config_section *section = config_section(config, "store", NULL);
    struct store_options options = {.encrypt_key = config_str(section, "encrypt_key"),
                                    .encrypt_old_keys = config_str(section, "encrypt_old_keys"),
                                    .unfinished = true,
                                    .alone = true,
                                    .write_ms = STATEMENT_MS};

    if (text_starts(text, "postgresql://") || text_starts(text, "postgres://")) {
        options.url = text;
        options.password = config_str(section, "password");
        if (store_url_check(text, err) < 0)
            return TROUPE_CONFIG;
    } else {
        options.path = text;
        if (is_there && access(text, F_OK) < 0)
            return error_set(err, TROUPE_NOT_FOUND, "--from: there is no database \"%s\"", text);
    }
    *ret = options;
    return TROUPE_OK;
}

int cmd_migrate(struct options *options)
{
    struct store_options from, to;
    struct work work = {.from = &from, .to = &to, .quiet = options->quiet};
    const struct solo task = {.run = move, .arg = &work};
    struct config *config;
    troupe_status status;

    if (!options->from || !options->to) {
        print_failure("migrate wants --from and --to, each a path or postgresql://USER@HOST/"
                      "DATABASE");
        return EX_USAGE;
    }
    config = look(options);
    status = database_of(options->from, config, true, &from, &work.err);
    if (status >= 0)
        status = database_of(options->to, config, false, &to, &work.err);
    if (status >= 0)
        status = solo_run(&task, &work.err);
    config_unref(config);
    if (status < 0 || work.status < 0)
        return tell(&work.err);
    if (!options->quiet)
        (void)printf("%" PRIu64 " rows of %" PRIu64 " tables are there, and their checksums are "
                     "the same; set backend, url or path in [store] before the next start\n",
                     work.moved.rows, work.moved.tables);
    return EX_OK;
}

/* ---- reseal ---------------------------------------------------------------------------------- */

static void reseal(struct loop *loop, void *arg)
{
    struct work *work = arg;
    struct store *store = NULL;
    struct seal_keys keys;

    work->status =
        seal_keys_parse(work->from->encrypt_key, work->from->encrypt_old_keys, &keys, &work->err);
    if (work->status < 0)
        return;
    work->status = store_open(loop, work->from, &store, &work->err);
    if (work->status >= 0)
        work->status = store_reseal(store, &keys, &work->resealed, &work->err);
    store_close(store);
    seal_keys_clear(&keys);
}

int cmd_reseal(struct options *options)
{
    struct store_options from = {0};
    struct work work = {.from = &from, .quiet = options->quiet};
    const struct solo task = {.run = reseal, .arg = &work};
    struct config *config = look(options);
    troupe_status status = storage_options(config, &from, &work.err);

    if (status >= 0 && !from.encrypt_key && !from.encrypt_old_keys)
        status =
            error_set(&work.err, TROUPE_CONFIG,
                      "neither encrypt_key nor encrypt_old_keys is set in [store], or its file "
                      "cannot be read: see troupe check");
    if (status >= 0 && !from.url && (!from.path || access(from.path, F_OK) < 0))
        status = error_set(&work.err, TROUPE_NOT_FOUND, "there is no database yet");
    from.write_ms = STATEMENT_MS;
    from.alone = true;
    if (status >= 0)
        status = solo_run(&task, &work.err);
    if (status < 0 || work.status < 0) {
        config_unref(config);
        return tell(&work.err);
    }
    if (!options->quiet)
        (void)printf(from.encrypt_key ? "%" PRIu64 " values are encrypted with the key of today; "
                                        "encrypt_old_keys may go\n"
                                      : "%" PRIu64
                                        " values are in the clear again; encrypt_old_keys may go\n",
                     work.resealed.values);
    config_unref(config);
    return EX_OK;
}
