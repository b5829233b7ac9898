/* SPDX-License-Identifier: Apache-2.0
 *
 * A backup's archive: a tar file (POSIX ustar), so that any tar shows what is in it, whose last member is
 * MANIFEST with the size and SHA-256 of all before. An archive that was cut or altered is none. Blocks.
 */
#ifndef MAIN_ARCHIVE_H
#define MAIN_ARCHIVE_H

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#define ARCHIVE_MANIFEST    "manifest.json"
#define ARCHIVE_NAME_MAX    99 /* bytes of a member's name */
#define ARCHIVE_MEMBERS_MAX 300
#define ARCHIVE_SIZE_MAX    (((uint64_t)8 << 30) - 1) /* bytes of a member, as the form has it */

struct archive_member {
    char name[ARCHIVE_NAME_MAX + 1];
    uint64_t size;
    off_t offset;    /* of its bytes in the archive */
    char digest[65]; /* SHA-256, in hexadecimal */
};

struct archive {
    int fd;
    size_t count;
    struct archive_member members[ARCHIVE_MEMBERS_MAX];
    json_t *manifest; /* of one that was read */
};

/* Writes to `fd`, which is the caller's. */
void archive_init(struct archive *archive, int fd);
void archive_clear(struct archive *archive);
troupe_status archive_add_text(struct archive *archive, const char *name, const char *text,
                               size_t len, struct error *err);
troupe_status archive_add_file(struct archive *archive, const char *name, const char *path,
                               struct error *err);
/* The manifest: `about` (taken) with the list of the members; then the end. */
troupe_status archive_finish(struct archive *archive, json_t *about, struct error *err);

/* Reads the whole archive from `fd` and holds it against its manifest: TROUPE_DATA. */
troupe_status archive_read(struct archive *archive, int fd, struct error *err);
/* NULL where there is none of the name. */
const struct archive_member *archive_find(const struct archive *archive, const char *name);
/* Copies a member into a new file (mode 0600), which is durable then. TROUPE_CONFLICT where it is. */
troupe_status archive_extract(const struct archive *archive, const struct archive_member *member,
                              const char *path, struct error *err);

#endif
