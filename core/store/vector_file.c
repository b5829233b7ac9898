/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_file.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/vector_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIVE = 0x4556494c, ERASED = 0x53415245, RECORD = 0x43455256, ORDER = 0x01020304 };
enum { MAP_MIN = 1 << 20, ZEROS = 1 << 16 };

struct file_head {
    char magic[8];
    uint32_t order, version;
    char unused[48];
};

/* What is above `tag` stays when the record is erased, so that the next one is found. */
struct record_head {
    uint32_t magic, state; /* the state alone changes, and is in no checksum */
    uint32_t size, dim;    /* of the whole record, a multiple of 8           */
    uint32_t scope_len, key_len;
    uint64_t head_sum;
    uint64_t tag;
    uint64_t body_sum; /* over the tag and what follows */
};

struct vector_file {
    char *path;
    int fd;
    uint64_t end, max, erased, dropped, damaged;
    const char *map; /* as long as `mapped`, which may be more than the file has */
    size_t mapped;
};

static troupe_status failed(const struct vector_file *file, const char *what, struct error *err)
{
    int code = errno;

    switch (code) {
    case EACCES:
    case EPERM:
        return error_set(err, TROUPE_DENIED, "cannot %s \"%s\": no permission: let it be the bot's",
                         what, file->path);
    case ENOENT:
    case ENOTDIR:
        return error_set(err, TROUPE_NOT_FOUND, "cannot %s \"%s\": create its directory", what,
                         file->path);
    case ENOSPC:
    case EDQUOT:
        return error_set(err, TROUPE_UNAVAILABLE, "cannot %s \"%s\": the disk is full: make room",
                         what, file->path);
    default:
        return error_set(err, TROUPE_IO, "cannot %s \"%s\": %s: look at its disk", what, file->path,
                         strerror(code));
    }
}

static bool write_at(int fd, const void *data, size_t len, uint64_t offset)
{
    const char *from = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n < 0 ? errno : EIO;
            return false;
        }
        from += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool zero_at(int fd, uint64_t offset, uint64_t len)
{
    static const char zeros[ZEROS];

    while (len > 0) {
        size_t part = len < ZEROS ? (size_t)len : ZEROS;

        if (!write_at(fd, zeros, part, offset))
            return false;
        offset += part;
        len -= part;
    }
    return true;
}

static bool map(struct vector_file *file)
{
    size_t want = file->mapped > MAP_MIN ? file->mapped : MAP_MIN;
    void *at;

    if (file->map && file->end <= file->mapped)
        return true;
    while (want < file->end)
        want *= 2;
    at = mmap(NULL, want, PROT_READ, MAP_SHARED, file->fd, 0);
    if (at == MAP_FAILED)
        return false;
    if (file->map)
        munmap((void *)(uintptr_t)file->map, file->mapped);
    file->map = at;
    file->mapped = want;
    return true;
}

/* ---- records ---- */

static size_t names_size(const struct record_head *head)
{
    return ((size_t)head->scope_len + head->key_len + 3) & ~(size_t)3;
}

static uint32_t size_of(const struct record_head *head)
{
    size_t size = sizeof(*head) + names_size(head) + sizeof(float) * head->dim;

    return (uint32_t)((size + 7) & ~(size_t)7);
}

static uint64_t add_number(uint64_t sum, uint32_t number)
{
    const char bytes[] = {(char)(number & 0xff), (char)(number >> 8 & 0xff),
                          (char)(number >> 16 & 0xff), (char)(number >> 24)};

    return hash_add(sum, bytes, sizeof(bytes));
}

static uint64_t head_sum(const struct record_head *head)
{
    uint64_t sum = add_number(add_number(HASH_START, head->magic), head->size);

    sum = add_number(add_number(sum, head->dim), head->scope_len);
    return hash_finish(add_number(sum, head->key_len));
}

/* `body` follows the head. */
static uint64_t body_sum(const struct record_head *head, const char *body)
{
    uint64_t sum = hash_add(HASH_START, (const char *)&head->tag, sizeof(head->tag));

    return hash_finish(hash_add(sum, body, head->size - sizeof(*head)));
}

static const struct record_head *head_at(const struct vector_file *file, uint64_t offset)
{
    return (const struct record_head *)(const void *)(file->map + offset);
}

static bool is_head(const struct record_head *head, uint64_t room)
{
    return head->magic == RECORD && (head->state == LIVE || head->state == ERASED) &&
           head->dim >= 1 && head->dim <= VECTOR_DIM_MAX && head->scope_len <= VECTOR_SCOPE_MAX &&
           head->key_len <= VECTOR_KEY_MAX && head->size == size_of(head) && head->size <= room &&
           head->head_sum == head_sum(head);
}

static bool is_whole(const struct record_head *head)
{
    const char *body = (const char *)(head + 1);
    const float *values = (const float *)(const void *)(body + names_size(head));

    if (head->body_sum != body_sum(head, body))
        return false;
    for (size_t i = 0; i < head->dim; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static bool is_zero(const struct record_head *head)
{
    const char *rest = (const char *)&head->tag, *end = (const char *)head + head->size;

    while (rest < end)
        if (*rest++)
            return false;
    return true;
}

static void read_record(const struct record_head *head, uint64_t offset, struct vector_record *ret)
{
    const char *body = (const char *)(head + 1);

    *ret = (struct vector_record){
        .scope = body,
        .key = body + head->scope_len,
        .scope_len = head->scope_len,
        .key_len = head->key_len,
        .values = (const float *)(const void *)(body + names_size(head)),
        .dim = head->dim,
        .tag = head->tag,
        .offset = offset,
    };
}

const float *vector_file_values(const struct vector_file *file, uint64_t offset)
{
    struct vector_record record;

    read_record(head_at(file, offset), offset, &record);
    return record.values;
}

static bool erase_at(struct vector_file *file, uint64_t offset)
{
    const uint32_t state = ERASED;
    uint32_t size = head_at(file, offset)->size;

    return write_at(file->fd, &state, sizeof(state),
                    offset + offsetof(struct record_head, state)) &&
           zero_at(file->fd, offset + offsetof(struct record_head, tag),
                   size - offsetof(struct record_head, tag));
}

/* ---- open and close ---- */

static const struct file_head first = {
    .magic = {'T', 'R', 'O', 'U', 'P', 'E', 'V', 'F'}, .order = ORDER, .version = 1};

static troupe_status read_file(struct vector_file *file, vector_record_fn *found, void *arg,
                               struct error *err)
{
    uint64_t at = sizeof(first);
    troupe_status status = TROUPE_OK;

    while (at < file->end) {
        const struct record_head *head = head_at(file, at);
        uint64_t room = file->end - at;
        struct vector_record record;

        if (room < sizeof(*head) || !is_head(head, room))
            break;
        if (head->state == LIVE && is_whole(head)) {
            read_record(head, at, &record);
            if ((status = found(arg, &record, err)) < 0)
                return status;
        } else if (head->state == LIVE && head->size == room) {
            break;
        } else {
            file->damaged += head->state == LIVE;
            file->erased += head->size;
            if ((head->state == LIVE || !is_zero(head)) && !erase_at(file, at))
                return failed(file, "write", err);
        }
        at += head->size;
    }
    if (at == file->end)
        return TROUPE_OK;
    file->dropped = file->end - at;
    if (!zero_at(file->fd, at, file->dropped) || ftruncate(file->fd, (off_t)at) < 0)
        return failed(file, "write", err);
    file->end = at;
    return vector_file_sync(file, err);
}

static troupe_status take_file(struct vector_file *file, struct error *err)
{
    struct stat st;

    if (flock(file->fd, LOCK_EX | LOCK_NB) < 0)
        return error_set(err, TROUPE_UNAVAILABLE,
                         "another process has \"%s\": stop it, or name another file", file->path);
    if (fstat(file->fd, &st) < 0)
        return failed(file, "read", err);
    file->end = (uint64_t)st.st_size;
    if (S_ISREG(st.st_mode) && file->end < sizeof(first)) { /* new, or its creation was cut */
        char begun[sizeof(first)];
        ssize_t n = pread(file->fd, begun, sizeof(begun), 0);

        if (n == (ssize_t)file->end && memcmp(begun, &first, (size_t)n) == 0) {
            if (!write_at(file->fd, &first, sizeof(first), 0))
                return failed(file, "write", err);
            file->end = sizeof(first);
        }
    }
    if (!S_ISREG(st.st_mode) || file->end < sizeof(first) || file->end > SIZE_MAX / 4)
        return error_set(err, TROUPE_DATA, "\"%s\" is no file of vectors: move it away",
                         file->path);
    if (!map(file))
        return failed(file, "map", err);
    if (memcmp(file->map, &first, sizeof(first)) != 0)
        return error_set(err, TROUPE_DATA,
                         "\"%s\" is no file of vectors, or one of another machine or version: "
                         "move it away",
                         file->path);
    return TROUPE_OK;
}

/* A compaction that a crash cut leaves copies behind, which nobody could erase later. */
static void discard_copy(const struct vector_file *file)
{
    _cleanup_mem_ char *path = mem_printf("%s.new", file->path);
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && zero_at(fd, 0, (uint64_t)st.st_size))
        (void)fdatasync(fd);
    (void)unlink(path);
    close(fd);
}

troupe_status vector_file_open(const char *path, uint64_t max_bytes, vector_record_fn *found,
                               void *arg, struct vector_file **ret, struct error *err)
{
    struct vector_file *file = mem_zero(1, sizeof(*file));
    troupe_status status;

    file->path = mem_strdup(path);
    file->max = max_bytes;
    file->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd < 0)
        status = failed(file, "open", err);
    else if ((status = take_file(file, err)) >= 0) {
        discard_copy(file);
        status = read_file(file, found, arg, err);
    }
    if (status < 0) {
        vector_file_close(file);
        return status;
    }
    *ret = file;
    return TROUPE_OK;
}

void vector_file_close(struct vector_file *file)
{
    if (!file)
        return;
    if (file->map)
        munmap((void *)(uintptr_t)file->map, file->mapped);
    if (file->fd >= 0)
        close(file->fd);
    mem_free(file->path);
    mem_free(file);
}

/* ---- changes ---- */

troupe_status vector_file_append(struct vector_file *file, const struct vector_record *record,
                                 uint64_t *ret_offset, struct error *err)
{
    _cleanup_mem_ char *bytes = NULL;
    struct record_head head = {.magic = RECORD,
                               .state = LIVE,
                               .dim = (uint32_t)record->dim,
                               .scope_len = (uint32_t)record->scope_len,
                               .key_len = (uint32_t)record->key_len,
                               .tag = record->tag};
    uint64_t end = file->end;
    char *body;

    head.size = size_of(&head);
    if (file->max && end + head.size > file->max)
        return error_set(err, TROUPE_LIMIT,
                         "\"%s\" may not grow above %llu bytes: remove vectors, or raise its size",
                         file->path, (unsigned long long)file->max);
    if (!(bytes = mem_try(head.size)))
        return error_set(err, TROUPE_BUSY, "no memory for a vector: try again later");
    memset(bytes, 0, head.size);
    body = bytes + sizeof(head);
    memcpy(body, record->scope, record->scope_len);
    memcpy(body + record->scope_len, record->key, record->key_len);
    memcpy(body + names_size(&head), record->values, sizeof(float) * record->dim);
    head.head_sum = head_sum(&head);
    head.body_sum = body_sum(&head, body);
    memcpy(bytes, &head, sizeof(head));
    file->end += head.size;
    if (!map(file) || !write_at(file->fd, bytes, head.size, end)) {
        troupe_status status = failed(file, "write", err);

        file->end = end;
        (void)!ftruncate(file->fd, (off_t)end); /* the next open drops it otherwise */
        return status;
    }
    *ret_offset = end;
    return TROUPE_OK;
}

troupe_status vector_file_erase(struct vector_file *file, uint64_t offset, struct error *err)
{
    uint32_t size = head_at(file, offset)->size;

    if (!erase_at(file, offset))
        return failed(file, "write", err);
    file->erased += size;
    return TROUPE_OK;
}

troupe_status vector_file_sync(struct vector_file *file, struct error *err)
{
    return fdatasync(file->fd) < 0 ? failed(file, "sync", err) : TROUPE_OK;
}

/* ---- compaction ---- */

static bool copy_records(const struct vector_file *file, struct vector_file *to)
{
    if (!write_at(to->fd, &first, sizeof(first), 0))
        return false;
    to->end = sizeof(first);
    for (uint64_t at = sizeof(first); at < file->end;) {
        const struct record_head *head = head_at(file, at);

        if (head->state == LIVE) {
            if (!write_at(to->fd, head, head->size, to->end))
                return false;
            to->end += head->size;
        }
        at += head->size;
    }
    return fdatasync(to->fd) == 0;
}

static bool sync_directory(const char *path)
{
    _cleanup_mem_ char *copy = mem_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return done;
}

/* Puts the new file into the old one's place; true: it is there. */
static bool replace(struct vector_file *file, struct vector_file *with)
{
    with->fd = open(with->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return with->fd >= 0 && flock(with->fd, LOCK_EX | LOCK_NB) == 0 && copy_records(file, with) &&
           map(with) && rename(with->path, file->path) == 0;
}

troupe_status vector_file_compact(struct vector_file *file, vector_record_fn *moved, void *arg,
                                  struct error *err)
{
    struct vector_file *with = mem_zero(1, sizeof(*with)), old;
    troupe_status status = TROUPE_OK;

    with->path = mem_printf("%s.new", file->path);
    with->max = file->max;
    with->dropped = file->dropped;
    with->damaged = file->damaged;
    if (!replace(file, with)) {
        status = failed(with, "write", err);
        if (with->fd >= 0) {
            (void)zero_at(with->fd, 0, with->end);
            (void)unlink(with->path);
        }
        vector_file_close(with);
        return status;
    }
    old = *file;
    *file = *with;
    file->path = old.path;
    old.path = with->path;
    *with = old;
    /* The live records' bytes must not stay in the free part of the disk, where nobody could erase them
     * later; best effort, since nothing can be taken back any more. */
    (void)(sync_directory(file->path) && zero_at(with->fd, 0, with->end) &&
           fdatasync(with->fd) == 0);
    vector_file_close(with);
    for (uint64_t at = sizeof(first); at < file->end && status >= 0;) {
        const struct record_head *head = head_at(file, at);
        struct vector_record record;

        read_record(head, at, &record);
        status = moved(arg, &record, err);
        at += head->size;
    }
    return status;
}

void vector_file_stats(const struct vector_file *file, struct vector_file_stats *ret)
{
    *ret = (struct vector_file_stats){.bytes = file->end,
                                      .erased = file->erased,
                                      .dropped = file->dropped,
                                      .damaged = file->damaged};
}
