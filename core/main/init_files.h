/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that appear all together or not at all: they are made whole in a directory of their own
 * beside their places, 0600 in a 0700 directory, and renamed when all of them hold. What was in their
 * places is kept as NAME.bak, one generation.
 */
#ifndef MAIN_INIT_FILES_H
#define MAIN_INIT_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define INIT_FILES_MAX 4
#define INIT_DROP_INS  "conf.d"

struct init_files {
    char *dir;   /* where they belong             */
    char *name;  /* of the main file, put last    */
    char *stage; /* where they are made           */
    const char *names[INIT_FILES_MAX];
    size_t count;
    size_t replaced; /* files that were there and are .bak now */
};

/* `path` is that of the main file. Looks only. */
void init_files_init(struct init_files *files, const char *path);
/* The path of a file in its place; mem_free. */
char *init_files_path(const struct init_files *files, const char *name);
/* Makes the stage, with a link to drop-ins that are there, and the directory where there is none. TROUPE_DENIED,
 * TROUPE_IO. */
troupe_status init_files_open(struct init_files *files, struct error *err);
/* `name` is static, without a slash. Durable on success. */
troupe_status init_files_put(struct init_files *files, const char *name, const char *text,
                             size_t len, struct error *err);
/* Puts them in their places, in the order of init_files_put. Without `replace` a file that is in the
 * way is TROUPE_CONFLICT, and nothing has changed; so it is after any failure. */
troupe_status init_files_commit(struct init_files *files, bool replace, struct error *err);
/* Removes the stage, with all that is in it. */
void init_files_drop(struct init_files *files);
void init_files_clear(struct init_files *files);

#endif
