/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer's file layer. SQLite writes its log frame by frame, a head and a page each, and syncs
 * once they are all there: some twenty writes for a short turn. Here they are gathered and leave as
 * one. Whatever else is done with the log writes first what is gathered, so nobody sees a
 * difference; a crash leaves a log without its last frames, as it might before its sync in any case.
 *
 * Only for synchronous = FULL: there the sync stands between the frames and the index by which the
 * readers find them.
 */
#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <string.h>

/* Bytes; a frame is 4,120. SQLite's own layer takes less than 128k at a time (os_unix.c). */
#define GATHER_MAX (96u << 10)
#define FRAME_HEAD 24

struct sqlite_log_vfs {
    sqlite3_vfs vfs; /* first */
    char name[32];
    void (*durable)(void *arg);
    void *arg;
};

/* The real file stands behind it. */
struct log_file {
    sqlite3_file base; /* first */
    sqlite3_file *real;
    struct sqlite_log_vfs *vfs;
    unsigned char *data;
    sqlite3_int64 at; /* of the gathered bytes */
    size_t len;
    bool commits; /* the frame that ends a transaction was written, and no sync came since */
};

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)(void *)file;
}

static sqlite3_vfs *parent_of(const sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

/* ---- the log ------------------------------------------------------------------------------- */

/* What could not be written is given up: SQLite undoes the transaction and writes its frames anew. */
static int write_out(struct log_file *log)
{
    size_t len = log->len;
    int code = SQLITE_OK;

    log->len = 0;
    if (len)
        code = log->real->pMethods->xWrite(log->real, log->data, (int)len, log->at);
    log->commits = log->commits && code == SQLITE_OK;
    return code;
}

/* Of the head of a frame the second number is not 0 where it ends a transaction (SQLite's file format,
 * 4.1 "WAL Frame Header"). The log's own head is longer. */
static bool ends_transaction(const unsigned char *data, size_t size, sqlite3_int64 at)
{
    return size == FRAME_HEAD && at > 0 && (data[4] | data[5] | data[6] | data[7]) != 0;
}

static int log_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    size_t size = (size_t)n;

    if (log->len && (at != log->at + (sqlite3_int64)log->len || size > GATHER_MAX - log->len)) {
        int code = write_out(log);

        if (code != SQLITE_OK)
            return code;
    }
    log->commits = log->commits || ends_transaction(data, size, at);
    if (size > GATHER_MAX)
        return log->real->pMethods->xWrite(log->real, data, n, at);
    if (!log->data && !(log->data = mem_try(GATHER_MAX)))
        return SQLITE_IOERR_NOMEM;
    if (!log->len)
        log->at = at;
    memcpy(log->data + log->len, data, size);
    log->len += size;
    return SQLITE_OK;
}

static int log_close(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    int written = write_out(log), closed = log->real->pMethods->xClose(log->real);

    mem_free(log->data);
    log->data = NULL;
    return written != SQLITE_OK ? written : closed;
}

/* Everything else, behind what was gathered. */
#define BEHIND(call)                                                                               \
    do {                                                                                           \
        struct log_file *log = log_of(file);                                                       \
        int code = write_out(log);                                                                 \
                                                                                                   \
        return code == SQLITE_OK ? log->real->pMethods->call : code;                               \
    } while (0)

static int log_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
    BEHIND(xRead(log->real, data, n, at));
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    BEHIND(xTruncate(log->real, size));
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = log_of(file);
    int code = write_out(log);

    if (code == SQLITE_OK)
        code = log->real->pMethods->xSync(log->real, flags);
    if (code == SQLITE_OK && log->commits && log->vfs->durable)
        log->vfs->durable(log->vfs->arg);
    log->commits = false;
    return code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    BEHIND(xFileSize(log->real, ret));
}

static int log_lock(sqlite3_file *file, int level)
{
    BEHIND(xLock(log->real, level));
}

static int log_unlock(sqlite3_file *file, int level)
{
    BEHIND(xUnlock(log->real, level));
}

static int log_reserved(sqlite3_file *file, int *ret)
{
    BEHIND(xCheckReservedLock(log->real, ret));
}

static int log_control(sqlite3_file *file, int what, void *arg)
{
    struct log_file *log = log_of(file);

    /* Hints and questions; none of them looks at the bytes. */
    return log->real->pMethods->xFileControl(log->real, what, arg);
}

static int log_sector(sqlite3_file *file)
{
    return log_of(file)->real->pMethods->xSectorSize(log_of(file)->real);
}

static int log_device(sqlite3_file *file)
{
    return log_of(file)->real->pMethods->xDeviceCharacteristics(log_of(file)->real);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1, /* without shared memory and maps, which a log has not */
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_device,
};

/* ---- the file layer ------------------------------------------------------------------------ */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret)
{
    sqlite3_vfs *parent = parent_of(vfs);
    struct log_file *log = log_of(file);
    int code;

    if (!(flags & SQLITE_OPEN_WAL))
        return parent->xOpen(parent, name, file, flags, ret); /* as it is */
    *log = (struct log_file){
        .real = (sqlite3_file *)(void *)(log + 1),
        .vfs = (struct sqlite_log_vfs *)(void *)vfs,
    };
    code = parent->xOpen(parent, name, log->real, flags, ret);
    if (code == SQLITE_OK)
        log->base.pMethods = &log_methods;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    return parent_of(vfs)->xDelete(parent_of(vfs), name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    return parent_of(vfs)->xAccess(parent_of(vfs), name, flags, ret);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    return parent_of(vfs)->xFullPathname(parent_of(vfs), name, size, out);
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *out)
{
    return parent_of(vfs)->xRandomness(parent_of(vfs), size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    return parent_of(vfs)->xSleep(parent_of(vfs), us);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
    return parent_of(vfs)->xCurrentTime(parent_of(vfs), ret);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    return parent_of(vfs)->xGetLastError(parent_of(vfs), size, out);
}

troupe_status sqlite_log_vfs_new(const char *parent_name, struct sqlite_log_vfs **ret,
                                 struct error *err)
{
    sqlite3_vfs *parent = sqlite3_vfs_find(parent_name);
    struct sqlite_log_vfs *vfs;

    if (!parent)
        return error_set(err, TROUPE_ARGUMENT, "SQLite has no file layer \"%s\"", parent_name);
    vfs = mem_zero(1, sizeof(*vfs));
    snprintf(vfs->name, sizeof(vfs->name), "troupe-log-%p", (void *)vfs); /* one for each store */
    vfs->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(struct log_file) + parent->szOsFile,
        .mxPathname = parent->mxPathname,
        .zName = vfs->name,
        .pAppData = parent,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    if (sqlite3_vfs_register(&vfs->vfs, 0) != SQLITE_OK) {
        mem_free(vfs);
        return error_set(err, TROUPE_NOMEM, "no memory for SQLite's file layer");
    }
    *ret = vfs;
    return TROUPE_OK;
}

void sqlite_log_vfs_durable(struct sqlite_log_vfs *vfs, void (*durable)(void *arg), void *arg)
{
    vfs->durable = durable;
    vfs->arg = arg;
}

const char *sqlite_log_vfs_name(const struct sqlite_log_vfs *vfs)
{
    return vfs->name;
}

void sqlite_log_vfs_free(struct sqlite_log_vfs *vfs)
{
    if (!vfs)
        return;
    sqlite3_vfs_unregister(&vfs->vfs);
    mem_free(vfs);
}
