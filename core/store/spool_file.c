/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool_file.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE "spool.record"
#define TAKEN 0 /* the kind of a record of our own: up to where all is taken, in 8 bytes */

static void told(const struct spool_file *file)
{
    if (file->on_write)
        file->on_write();
}

static troupe_status failed(const struct spool_file *file, const char *what, struct error *err)
{
    troupe_status status = errno == ENOSPC || errno == EDQUOT  ? TROUPE_UNAVAILABLE
                           : errno == EACCES || errno == EPERM ? TROUPE_DENIED
                                                               : TROUPE_IO;

    return error_set(err, status,
                     "the spool \"%s\" cannot be %s: %s; make room, or set spool in "
                     "[store] to another place",
                     file->path, what, strerror(errno));
}

/* ---- reading it through ----------------------------------------------------------------------- */

struct window {
    const struct spool_file *file;
    char *data;
    uint64_t at;
    size_t len;
};

static bool fill(struct window *window, uint64_t at)
{
    uint64_t left = window->file->size - at;
    size_t want = left < SPOOL_READ_SIZE ? (size_t)left : SPOOL_READ_SIZE;

    window->at = at;
    window->len = 0;
    while (window->len < want) {
        ssize_t got = pread(window->file->fd, window->data + window->len, want - window->len,
                            (off_t)(at + window->len));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        window->len += (size_t)got;
    }
    return true;
}

/* Its content is the window's until the next call. */
static troupe_status look(struct window *window, uint64_t at, enum spool_found *ret_found,
                          struct spool_record *ret, size_t *ret_size, struct error *err)
{
    bool inside = at >= window->at && at <= window->at + window->len;

    *ret_found = inside ? spool_get(window->data + (at - window->at),
                                    window->len - (size_t)(at - window->at), ret, ret_size)
                        : SPOOL_SHORT;
    if (*ret_found != SPOOL_SHORT ||
        (inside && window->at + window->len == window->file->size && window->len))
        return TROUPE_OK;
    if (!fill(window, at))
        return failed(window->file, "read", err);
    *ret_found = spool_get(window->data, window->len, ret, ret_size);
    return TROUPE_OK;
}

/* The next record that is whole, at or behind `*at`, which becomes its start. What is damaged is passed by
 * where another one stands behind it. False: there is none. */
static troupe_status next(struct window *window, uint64_t *at, bool *ret_there,
                          struct spool_record *ret, size_t *ret_size, struct error *err)
{
    uint64_t place = *at;
    size_t passed = 0;

    for (;;) {
        enum spool_found found = SPOOL_SHORT;
        troupe_status status = place < window->file->size
                                   ? look(window, place, &found, ret, ret_size, err)
                                   : TROUPE_OK;

        if (status < 0)
            return status;
        if (found == SPOOL_DAMAGED) {
            place += *ret_size;
            passed++;
            continue;
        }
        *ret_there = found == SPOOL_WHOLE;
        if (*ret_there) {
            if (passed)
                log_error("store", "%zu records of the spool \"%s\" are damaged and are lost",
                          passed, window->file->path);
            *at = place;
        }
        return TROUPE_OK;
    }
}

static void window_open(struct window *window, const struct spool_file *file)
{
    *window =
        (struct window){.file = file, .data = mem_alloc(SPOOL_READ_SIZE), .at = UINT64_MAX / 2};
}

/* ---- opening ---------------------------------------------------------------------------------- */

static uint64_t number_of(const char *bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < 8; i++)
        number |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
    return number;
}

static troupe_status check_key(const struct spool_file *file, const struct spool_record *record,
                               struct error *err)
{
    const struct store_value value = store_blob(record->data, record->len);
    char id[SEAL_KEY_ID_SIZE];

    if (!(record->flags & SPOOL_SEALED) || !seal_is(&value, id) || seal_keys_find(&file->keys, id))
        return TROUPE_OK;
    return error_set(err, TROUPE_ARGUMENT,
                     "the spool \"%s\" was written with the key %s, which is not here: add it to "
                     "encrypt_old_keys in [store] until the host has taken up what is in it",
                     file->path, id);
}

/* Where the last whole record ends, what is open of them, and whether we can read them. */
static troupe_status scan(struct spool_file *file, uint64_t *ret_end, struct spool_content *ret,
                          struct error *err)
{
    struct window window;
    struct spool_record record;
    troupe_status status = TROUPE_OK;
    uint64_t at = SPOOL_HEAD_SIZE, *ends = NULL;
    int64_t *times = NULL;
    size_t count = 0, cap = 0, size;
    bool there = true;

    window_open(&window, file);
    while (status == TROUPE_OK && there) {
        status = next(&window, &at, &there, &record, &size, err);
        if (status < 0 || !there)
            break;
        if (record.kind == TAKEN) {
            uint64_t taken = record.len == 8 ? number_of(record.data) : 0;

            if (taken > file->taken && taken <= at)
                file->taken = taken;
        } else {
            if (count == cap) {
                cap = cap ? 2 * cap : 64;
                ends = mem_resize(ends, cap, sizeof(*ends));
                times = mem_resize(times, cap, sizeof(*times));
            }
            ends[count] = at + size;
            times[count++] = record.time_ms;
            status = check_key(file, &record, err);
        }
        file->number = record.number;
        at += size;
    }
    *ret_end = at;
    *ret = (struct spool_content){0};
    for (size_t i = 0; i < count; i++)
        if (ends[i] > file->taken) {
            ret->oldest_ms = ret->count++ ? ret->oldest_ms : times[i];
        }
    mem_free(ends);
    mem_free(times);
    mem_free(window.data);
    return status;
}

/* The directory knows of the file, or of its end. */
static bool sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_mem_ char *name =
        slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return good;
}

static void drop(struct spool_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    file->size = file->taken = file->number = 0;
}

/* Emptied first: whoever has it open sees nothing in it either. */
static troupe_status remove_it(struct spool_file *file, struct error *err)
{
    told(file);
    if (ftruncate(file->fd, 0) < 0 || (unlink(file->path) < 0 && errno != ENOENT))
        return failed(file, "emptied", err);
    (void)sync_directory(file->path); /* an empty one that comes back is as good as none */
    told(file);
    drop(file);
    return TROUPE_OK;
}

static troupe_status lock(struct spool_file *file, struct error *err)
{
    if (flock(file->fd, LOCK_EX | LOCK_NB) == 0)
        return TROUPE_OK;
    return error_set(err, TROUPE_UNAVAILABLE,
                     "another process has the spool \"%s\": a data directory is of one host",
                     file->path);
}

static troupe_status take_in(struct spool_file *file, struct spool_content *ret, struct error *err)
{
    char head[SPOOL_HEAD_SIZE];
    troupe_status status = lock(file, err);
    struct stat stat;
    uint64_t end = 0;

    if (status < 0)
        return status;
    if (fstat(file->fd, &stat) < 0)
        return failed(file, "read", err);
    file->size = (uint64_t)stat.st_size;
    if (file->size < SPOOL_HEAD_SIZE) /* it was just being made */
        return remove_it(file, err);
    if (pread(file->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return failed(file, "read", err);
    if (memcmp(head, spool_head, sizeof(head)) != 0)
        return error_set(
            err, TROUPE_DATA,
            "\"%s\" is no spool of this program: move it away, or set spool in [store] "
            "to another place",
            file->path);
    status = scan(file, &end, ret, err);
    if (status < 0)
        return status;
    if (end < file->size) {
        log_warn("store",
                 "the spool \"%s\" ends within a record: its last %" PRIu64 " bytes are cut off",
                 file->path, file->size - end);
        if (ftruncate(file->fd, (off_t)end) < 0 || fdatasync(file->fd) < 0)
            return failed(file, "cut", err);
        file->size = end;
    }
    return ret->count ? TROUPE_OK : remove_it(file, err);
}

troupe_status spool_file_open(struct spool_file *file, const char *path,
                              const struct seal_keys *keys, struct spool_content *ret,
                              struct error *err)
{
    troupe_status status;

    *file = (struct spool_file){.path = mem_strdup(path), .fd = -1, .keys = *keys};
    *ret = (struct spool_content){0};
    status = seal_new(keys, &file->seal, err);
    if (status == TROUPE_OK) {
        file->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (file->fd >= 0)
            status = take_in(file, ret, err);
        else if (errno != ENOENT)
            status = failed(file, "opened", err);
    }
    if (status < 0)
        spool_file_close(file);
    return status;
}

void spool_file_close(struct spool_file *file)
{
    drop(file);
    seal_free(file->seal);
    file->seal = NULL;
    seal_keys_clear(&file->keys);
    mem_free(file->path);
    file->path = NULL;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static troupe_status make(struct spool_file *file, struct error *err)
{
    file->fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd < 0)
        return failed(file, "made", err);
    file->size = file->taken = file->number = 0;
    return lock(file, err);
}

static bool write_all(int fd, const char *data, size_t len, uint64_t at)
{
    while (len) {
        ssize_t done = pwrite(fd, data, len, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        len -= (size_t)done;
        at += (uint64_t)done;
    }
    return true;
}

/* Onto the disk, or back to what was there. */
static troupe_status write_out(struct spool_file *file, const struct buf *out, struct error *err)
{
    bool made = file->size == 0, good;
    int code;

    told(file);
    good = write_all(file->fd, buf_text(out), out->len, file->size);
    if (good)
        told(file);
    good = good && fdatasync(file->fd) == 0 && (!made || sync_directory(file->path));
    if (good) {
        file->size += out->len;
        told(file);
        return TROUPE_OK;
    }
    code = errno;
    if (made) {
        (void)unlink(file->path);
        drop(file);
    } else if (ftruncate(file->fd, (off_t)file->size) == 0) {
        (void)fdatasync(file->fd);
    }
    errno = code;
    return failed(file, "written", err);
}

static troupe_status put(struct spool_file *file, struct spool_record *record, struct buf *out,
                         struct error *err)
{
    struct spool_record written;
    troupe_status status = TROUPE_OK;

    record->number = ++file->number;
    written = *record;
    if (file->seal && file->keys.writes && record->kind != TAKEN) {
        const struct store_value plain = store_blob(record->data, record->len);
        const struct seal_place place = {
            .place = PLACE,
            .identity = {store_int((int64_t)record->number), store_int(record->kind)},
            .identity_count = 2};
        struct store_value sealed;

        status = seal_value(file->seal, &place, &plain, &sealed, err);
        if (status < 0)
            return status;
        written.flags |= SPOOL_SEALED;
        written.data = sealed.data;
        written.len = sealed.len;
    }
    spool_put(out, &written);
    if (file->seal)
        seal_reset(file->seal);
    return status;
}

troupe_status spool_file_append(struct spool_file *file, struct spool_record *records, size_t count,
                                struct error *err)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    troupe_status status = file->fd < 0 ? make(file, err) : TROUPE_OK;
    uint64_t number = file->number;

    if (status < 0) {
        drop(file);
        return status;
    }
    if (!file->size)
        buf_append(&out, spool_head, sizeof(spool_head));
    for (size_t i = 0; i < count && status == TROUPE_OK; i++)
        status = put(file, &records[i], &out, err);
    if (status == TROUPE_OK)
        status = write_out(file, &out, err);
    if (status < 0)
        file->number = file->fd < 0 ? 0 : number;
    return status;
}

/* ---- taking ----------------------------------------------------------------------------------- */

/* Its content in the portion's memory, decrypted. False: it cannot be. */
static bool open_record(struct spool_file *file, struct spool_portion *portion,
                        struct spool_record *record)
{
    struct store_value value = store_blob(record->data, record->len);
    struct error err;
    bool good = true;

    if (record->flags & SPOOL_SEALED) {
        const struct seal_place place = {
            .place = PLACE,
            .identity = {store_int((int64_t)record->number), store_int(record->kind)},
            .identity_count = 2};
        struct store_value plain;

        good = file->seal && seal_open(file->seal, &place, &value, &plain, &err) >= 0;
        if (good)
            value = plain;
        else
            log_error("store",
                      "record %" PRIu64 " of the spool \"%s\" cannot be decrypted and is lost",
                      record->number, file->path);
    }
    if (good) {
        record->data = arena_strndup(&portion->arena, value.data ? value.data : "", value.len);
        record->len = value.len;
    }
    if (file->seal)
        seal_reset(file->seal);
    return good;
}

troupe_status spool_file_read(struct spool_file *file, uint64_t from, struct spool_portion *ret,
                              struct error *err)
{
    struct spool_portion portion = {.next = from ? from : file->taken};
    struct window window;
    troupe_status status = TROUPE_OK;
    size_t bytes = 0, size;

    if (portion.next < SPOOL_HEAD_SIZE)
        portion.next = SPOOL_HEAD_SIZE;
    portion.records = arena_alloc(&portion.arena, SPOOL_PORTION_RECORDS * sizeof(*portion.records));
    window_open(&window, file);
    while (file->fd >= 0 && portion.count < SPOOL_PORTION_RECORDS && bytes < SPOOL_PORTION_BYTES) {
        struct spool_record *record = &portion.records[portion.count];
        bool there = false;

        status = next(&window, &portion.next, &there, record, &size, err);
        if (status < 0 || !there)
            break;
        portion.next += size;
        bytes += size;
        portion.count += record->kind != TAKEN && open_record(file, &portion, record);
    }
    mem_free(window.data);
    if (status < 0) {
        spool_portion_clear(&portion);
        return status;
    }
    portion.last = portion.next >= file->size;
    *ret = portion;
    return TROUPE_OK;
}

void spool_portion_clear(struct spool_portion *portion)
{
    arena_clear(&portion->arena);
    portion->records = NULL;
    portion->count = 0;
}

troupe_status spool_file_take(struct spool_file *file, uint64_t up_to, struct error *err)
{
    char bytes[8];
    struct spool_record record = {.kind = TAKEN, .data = bytes, .len = sizeof(bytes)};
    troupe_status status;

    if (file->fd < 0 || up_to <= file->taken)
        return TROUPE_OK;
    if (up_to >= file->size)
        return remove_it(file, err);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(up_to >> 8 * i & 0xff);
    status = spool_file_append(file, &record, 1, err);
    if (status == TROUPE_OK)
        file->taken = up_to;
    return status;
}
