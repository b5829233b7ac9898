/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that members attach in a script: written there, or lying beside it.
 */
#ifndef PLAY_FILES_H
#define PLAY_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define PLAY_FILES_MAX     20
#define PLAY_FILE_MAX      (4 << 20) /* bytes of one */
#define PLAY_FILE_NAME_MAX 100

struct play_file {
    char *name, *type;
    char *data;
    size_t len;
    bool given; /* its lines stand in the script */
};

struct play_files {
    struct play_file items[PLAY_FILES_MAX];
    size_t count;
};
void play_files_clear(struct play_files *files);

/* "NAME" or "NAME TYPE" of a line "file:"; NULL, else what is wrong with it. */
const char *play_files_declare(struct play_files *files, const char *text);
/* Adds a line to the last one. */
const char *play_files_line(struct play_files *files, const char *line);
/* Reads those without lines from the folder of the script at `path`; NULL, else what is wrong, with the
 * file's name in `ret_name`. */
const char *play_files_read(struct play_files *files, const char *path, const char **ret_name);

/* As the fake Discord takes it; the caller's. NULL: there is none of that name. */
json_t *play_files_attach(const struct play_files *files, const char *name, size_t len);
/* Takes each "[file NAME]" out of `text`, which is changed, and lists them, to be released by the caller; NULL: one
 * of them is none, whose place is in `ret_bad`. */
json_t *play_files_take(const struct play_files *files, char *text, const char **ret_bad);

#endif
