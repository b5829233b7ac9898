/* SPDX-License-Identifier: Apache-2.0 */
#include "play_files.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "[file "

static char *copy(const char *text, size_t len)
{
    char *made = strndup(text, len);

    if (!made)
        abort();
    return made;
}

void play_files_clear(struct play_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
        free(files->items[i].type);
        free(files->items[i].data);
    }
    files->count = 0;
}

/* What a browser would say of it. */
static const char *type_of(const char *name)
{
    static const struct {
        const char *end, *type;
    } known[] = {
        {".txt", "text/plain"},      {".log", "text/plain"},  {".md", "text/markdown"},
        {".csv", "text/csv"},        {".html", "text/html"},  {".json", "application/json"},
        {".png", "image/png"},       {".jpg", "image/jpeg"},  {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},       {".webp", "image/webp"}, {".pdf", "application/pdf"},
        {".zip", "application/zip"},
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcasecmp(dot, known[i].end) == 0)
            return known[i].type;
    return "application/octet-stream";
}

static const struct play_file *find(const struct play_files *files, const char *name, size_t len)
{
    for (size_t i = 0; i < files->count; i++)
        if (strlen(files->items[i].name) == len && memcmp(files->items[i].name, name, len) == 0)
            return &files->items[i];
    return NULL;
}

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
            return false;
    return len > 0 && len <= PLAY_FILE_NAME_MAX && *text != '.';
}

const char *play_files_declare(struct play_files *files, const char *text)
{
    size_t len = strcspn(text, " ");
    const char *type = text + len + strspn(text + len, " ");
    struct play_file *file = &files->items[files->count];

    if (!is_name(text, len))
        return "a file's name has letters, digits, . - and _ only: it lies beside the script";
    if (strchr(type, ' ') || (*type && !strchr(type, '/')))
        return "write \"file: NAME\" or \"file: NAME TYPE\", with a type like text/plain";
    if (find(files, text, len))
        return "there is a file of this name above";
    if (files->count == PLAY_FILES_MAX)
        return "a script has at most 20 files";
    *file = (struct play_file){.name = copy(text, len)};
    file->type = copy(*type ? type : type_of(file->name), *type ? strlen(type) : 100);
    files->count++;
    return NULL;
}

static bool add(struct play_file *file, const char *data, size_t len)
{
    char *more;

    if (len > PLAY_FILE_MAX - file->len)
        return false;
    more = realloc(file->data, file->len + len + 1);
    if (!more)
        abort();
    memcpy(more + file->len, data, len);
    file->data = more;
    file->len += len;
    return true;
}

const char *play_files_line(struct play_files *files, const char *line)
{
    struct play_file *file = &files->items[files->count - 1];

    file->given = true;
    return add(file, line, strlen(line)) && add(file, "\n", 1) ? NULL : "a file has at most 4 MB";
}

static const char *read_one(struct play_file *file, const char *path)
{
    const char *slash = strrchr(path, '/'), *wrong = NULL;
    char place[2048], part[2048];
    FILE *stream;
    size_t got;

    (void)snprintf(place, sizeof(place), "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path,
                   file->name);
    stream = fopen(place, "re");
    if (!stream)
        return "write its lines below it, or put it beside the script: there is no file ";
    while (!wrong && (got = fread(part, 1, sizeof(part), stream)) > 0)
        if (!add(file, part, got))
            wrong = "a file has at most 4 MB, and larger is ";
    if (ferror(stream))
        wrong = "it cannot be read: ";
    (void)fclose(stream);
    return wrong;
}

const char *play_files_read(struct play_files *files, const char *path, const char **ret_name)
{
    const char *wrong = NULL;

    for (size_t i = 0; i < files->count && !wrong; i++) {
        if (files->items[i].given)
            continue;
        wrong = read_one(&files->items[i], path);
        *ret_name = files->items[i].name;
    }
    return wrong;
}

json_t *play_files_attach(const struct play_files *files, const char *name, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const struct play_file *file = find(files, name, len);
    json_t *made;
    char *hex;

    if (!file)
        return NULL;
    hex = malloc(2 * file->len + 1);
    if (!hex)
        abort();
    for (size_t i = 0; i < file->len; i++) {
        hex[2 * i] = digits[(unsigned char)file->data[i] >> 4];
        hex[2 * i + 1] = digits[(unsigned char)file->data[i] & 15];
    }
    hex[2 * file->len] = '\0';
    made = json_pack("{s:s,s:s,s:s}", "name", file->name, "type", file->type, "hex", hex);
    free(hex);
    return made;
}

json_t *play_files_take(const struct play_files *files, char *text, const char **ret_bad)
{
    json_t *list = json_array();
    char *at = text;

    while ((at = strstr(at, MARK))) {
        char *name = at + strlen(MARK), *end = strchr(name, ']'), *behind;
        json_t *one = end ? play_files_attach(files, name, (size_t)(end - name)) : NULL;

        if (!one) {
            *ret_bad = at;
            json_decref(list);
            return NULL;
        }
        (void)json_array_append_new(list, one);
        behind = end + 1;
        while (at > text && at[-1] == ' ') /* the blank before it goes, too */
            at--;
        memmove(at, behind, strlen(behind) + 1);
    }
    return list;
}
