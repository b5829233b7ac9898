/* SPDX-License-Identifier: Apache-2.0 */
#include "main/archive.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BLOCK = 512,
    PIECE = 64 * 1024, /* bytes that are copied at a time */
    MANIFEST_MAX = 256 * 1024,
    FORMAT = 1,
};

/* A header's fields by their places: name, mode, size, time, sum, type, magic. */
enum { NAME_AT = 0, MODE_AT = 100, SIZE_AT = 124, TIME_AT = 136, SUM_AT = 148, TYPE_AT = 156 };
enum { MAGIC_AT = 257, SUM_LEN = 8, NUMBER_LEN = 12 };

void archive_init(struct archive *archive, int fd)
{
    archive->fd = fd;
    archive->count = 0;
    archive->manifest = NULL;
}

void archive_clear(struct archive *archive)
{
    json_decref(archive->manifest);
    archive->manifest = NULL;
}

static troupe_status failed(struct error *err, const char *what)
{
    return error_set(err, TROUPE_IO, "%s: %s", what, strerror(errno));
}

static troupe_status put(int fd, const void *data, size_t len, struct error *err)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(err, "the file cannot be written");
        at += n;
        len -= (size_t)n;
    }
    return TROUPE_OK;
}

/* Fewer bytes only at the end of the file; -1 with errno. */
static ssize_t get(int fd, void *data, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, (char *)data + got, len - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static unsigned sum_of(const unsigned char *block)
{
    unsigned sum = 0;

    for (int i = 0; i < BLOCK; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_LEN ? ' ' : block[i];
    return sum;
}

static troupe_status put_header(int fd, const char *name, uint64_t size, struct error *err)
{
    char block[BLOCK] = {0};

    snprintf(block + NAME_AT, ARCHIVE_NAME_MAX + 1, "%s", name);
    snprintf(block + MODE_AT, 8, "%07o", 0600);
    snprintf(block + SIZE_AT, NUMBER_LEN, "%011" PRIo64, size);
    snprintf(block + TIME_AT, NUMBER_LEN, "%011" PRIo64,
             (uint64_t)clock_wall_ms() / 1000 & UINT64_C(077777777777));
    block[TYPE_AT] = '0';
    snprintf(block + MAGIC_AT, 6, "ustar");
    block[MAGIC_AT + 6] = block[MAGIC_AT + 7] = '0'; /* its version */
    snprintf(block + SUM_AT, SUM_LEN, "%06o", sum_of((unsigned char *)block));
    return put(fd, block, BLOCK, err);
}

static void hex_of(EVP_MD_CTX *hash, char ret[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    EVP_DigestFinal_ex(hash, digest, &len);
    for (unsigned i = 0; i < 32; i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

/* Copies `size` bytes (`out` -1: nowhere) and takes their hash. */
static troupe_status copy(int in, int out, uint64_t size, char ret_digest[65], struct error *err)
{
    char *piece = mem_alloc(PIECE);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    troupe_status status = TROUPE_OK;

    if (!hash || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL))
        status = error_set(err, TROUPE_NOMEM, "no memory for a checksum");
    for (uint64_t done = 0; status >= 0 && done < size;) {
        size_t len = size - done < PIECE ? (size_t)(size - done) : PIECE;
        ssize_t n = get(in, piece, len);

        if (n < 0)
            status = failed(err, "the file cannot be read");
        else if ((size_t)n < len)
            status = error_set(err, TROUPE_DATA, "it ends too early: it was cut");
        else if (out >= 0)
            status = put(out, piece, len, err);
        if (status >= 0)
            EVP_DigestUpdate(hash, piece, len);
        done += len;
    }
    if (status >= 0)
        hex_of(hash, ret_digest);
    EVP_MD_CTX_free(hash);
    mem_free(piece);
    return status;
}

static size_t padding(uint64_t size)
{
    return (BLOCK - size % BLOCK) % BLOCK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static troupe_status add(struct archive *archive, const char *name, int in, uint64_t size,
                         struct error *err)
{
    static const char zeros[BLOCK];
    struct archive_member *member = &archive->members[archive->count];
    troupe_status status;

    if (archive->count == ARCHIVE_MEMBERS_MAX || strlen(name) > ARCHIVE_NAME_MAX ||
        size > ARCHIVE_SIZE_MAX)
        return error_set(err, TROUPE_LIMIT,
                         "\"%s\" does not fit into an archive of %d files of 8 GB at most", name,
                         ARCHIVE_MEMBERS_MAX);
    *member = (struct archive_member){.size = size};
    snprintf(member->name, sizeof(member->name), "%s", name);
    status = put_header(archive->fd, name, size, err);
    if (status >= 0)
        status = copy(in, archive->fd, size, member->digest, err);
    if (status >= 0)
        status = put(archive->fd, zeros, padding(size), err);
    if (status >= 0)
        archive->count++;
    return status;
}

troupe_status archive_add_file(struct archive *archive, const char *name, const char *path,
                               struct error *err)
{
    int in = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = in >= 0 ? lseek(in, 0, SEEK_END) : -1;
    troupe_status status;

    if (size < 0 || lseek(in, 0, SEEK_SET) < 0)
        status = failed(err, path);
    else
        status = add(archive, name, in, (uint64_t)size, err);
    if (in >= 0)
        close(in);
    return status;
}

troupe_status archive_add_text(struct archive *archive, const char *name, const char *text,
                               size_t len, struct error *err)
{
    FILE *file = tmpfile();
    troupe_status status;

    if (!file)
        return failed(err, "no temporary file");
    status = put(fileno(file), text, len, err);
    if (status >= 0 && lseek(fileno(file), 0, SEEK_SET) < 0)
        status = failed(err, "a temporary file");
    if (status >= 0)
        status = add(archive, name, fileno(file), len, err);
    (void)fclose(file);
    return status;
}

troupe_status archive_finish(struct archive *archive, json_t *about, struct error *err)
{
    static const char zeros[2 * BLOCK];
    json_t *files = json_array();
    _cleanup_mem_ char *text = NULL;
    troupe_status status;

    for (size_t i = 0; i < archive->count; i++)
        json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", archive->members[i].name,
                                               "size", (json_int_t)archive->members[i].size,
                                               "sha256", archive->members[i].digest));
    json_object_set_new(about, "format", json_integer(FORMAT));
    json_object_set_new(about, "files", files);
    text = json_print(about);
    json_decref(about);
    if (!text)
        return error_set(err, TROUPE_NOMEM, "no memory for the list of files");
    status = archive_add_text(archive, ARCHIVE_MANIFEST, text, strlen(text), err);
    if (status >= 0)
        status = put(archive->fd, zeros, sizeof(zeros), err);
    if (status >= 0 && fsync(archive->fd) < 0)
        status = failed(err, "the file cannot be written");
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

static troupe_status broken(struct error *err)
{
    return error_set(err, TROUPE_DATA, "it is no backup, or was cut or altered: take another one");
}

/* TROUPE_NOT_FOUND at the end. */
static troupe_status read_header(int fd, struct archive_member *member, struct error *err)
{
    char block[BLOCK + 1] = {0}, *end;
    ssize_t n = get(fd, block, BLOCK);

    if (n != BLOCK)
        return n < 0 ? failed(err, "the file cannot be read") : broken(err);
    if (!block[0])
        return TROUPE_NOT_FOUND;
    if (memcmp(block + MAGIC_AT, "ustar", 5) != 0 || (block[TYPE_AT] != '0' && block[TYPE_AT]) ||
        strtoul(block + SUM_AT, NULL, 8) != sum_of((unsigned char *)block) ||
        strnlen(block, ARCHIVE_NAME_MAX + 1) > ARCHIVE_NAME_MAX)
        return broken(err);
    *member = (struct archive_member){0};
    memcpy(member->name, block, strnlen(block, ARCHIVE_NAME_MAX));
    block[SIZE_AT + NUMBER_LEN - 1] = '\0';
    member->size = strtoull(block + SIZE_AT, &end, 8);
    if (*end || member->size > ARCHIVE_SIZE_MAX)
        return broken(err);
    member->offset = lseek(fd, 0, SEEK_CUR);
    return TROUPE_OK;
}

static troupe_status check_manifest(struct archive *archive, struct error *err)
{
    const struct archive_member *last = &archive->members[archive->count - 1];
    _cleanup_mem_ char *text = NULL;
    const json_t *files;

    if (!archive->count || strcmp(last->name, ARCHIVE_MANIFEST) != 0 || last->size > MANIFEST_MAX)
        return broken(err);
    text = mem_zero(1, (size_t)last->size + 1);
    if (lseek(archive->fd, last->offset, SEEK_SET) < 0 ||
        get(archive->fd, text, (size_t)last->size) != (ssize_t)last->size)
        return broken(err);
    archive->manifest = json_loads(text, 0, NULL);
    files = json_object_get(archive->manifest, "files");
    if (json_get_int(archive->manifest, "format", 0) > FORMAT)
        return error_set(err, TROUPE_VERSION, "it was made by a newer build: restore it with that");
    if (json_array_size(files) != archive->count - 1)
        return broken(err);
    for (size_t i = 0; i + 1 < archive->count; i++) {
        const struct archive_member *member = &archive->members[i];
        const json_t *file = json_array_get(files, i);

        if (strcmp(json_get_str(file, "name", ""), member->name) != 0 ||
            json_get_int(file, "size", -1) != (int64_t)member->size ||
            strcmp(json_get_str(file, "sha256", ""), member->digest) != 0)
            return broken(err);
    }
    return TROUPE_OK;
}

troupe_status archive_read(struct archive *archive, int fd, struct error *err)
{
    troupe_status status;

    archive_init(archive, fd);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return failed(err, "the file cannot be read");
    for (;;) {
        struct archive_member *member = &archive->members[archive->count];

        if (archive->count == ARCHIVE_MEMBERS_MAX)
            return broken(err);
        status = read_header(fd, member, err);
        if (status == TROUPE_NOT_FOUND)
            break;
        if (status >= 0)
            status = copy(fd, -1, member->size, member->digest, err);
        if (status >= 0 && lseek(fd, (off_t)padding(member->size), SEEK_CUR) < 0)
            status = failed(err, "the file cannot be read");
        if (status < 0)
            return status;
        archive->count++;
    }
    return check_manifest(archive, err);
}

const struct archive_member *archive_find(const struct archive *archive, const char *name)
{
    for (size_t i = 0; i < archive->count; i++)
        if (strcmp(archive->members[i].name, name) == 0)
            return &archive->members[i];
    return NULL;
}

troupe_status archive_extract(const struct archive *archive, const struct archive_member *member,
                              const char *path, struct error *err)
{
    char digest[65];
    troupe_status status;
    int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (out < 0 && errno == EEXIST)
        return error_set(err, TROUPE_CONFLICT, "\"%s\" is there already: move it away", path);
    if (out < 0)
        return error_set(err, TROUPE_DENIED, "\"%s\" cannot be made: %s", path, strerror(errno));
    status = lseek(archive->fd, member->offset, SEEK_SET) < 0
                 ? failed(err, "the file cannot be read")
                 : copy(archive->fd, out, member->size, digest, err);
    if (status >= 0 && strcmp(digest, member->digest) != 0)
        status = broken(err);
    if (status >= 0 && fsync(out) < 0)
        status = failed(err, path);
    close(out);
    if (status < 0)
        unlink(path);
    return status;
}
