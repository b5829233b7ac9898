/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/user_data.h"

#include "base/mem.h"
#include "base/text.h"
#include "plugin/manifest.h"

#include <ctype.h>
#include <string.h>

#define DATA_1_6  (offsetof(troupe_user_data, flags) + sizeof(uint32_t))
#define DATA_KEEP (offsetof(troupe_user_data, keep_days) + sizeof(uint32_t))
#define KEEP_MAX  3650
#define MAX_NAME  63
#define MAX_KEY   200
#define MAX_DOC   200
#define KEY_PLACE "{member}"

static troupe_status defect(const struct plugin_manifest *manifest, uint32_t at, struct error *err,
                            const char *what)
{
    return error_set(
        err, TROUPE_DATA,
        "plugin \"%s\": line %u of its user_data %s; correct the declaration and build "
        "it again",
        manifest->id, at + 1, what);
}

/* Of a table or column: it goes into SQL as it is. */
static bool is_name(const char *text)
{
    size_t len = text ? strnlen(text, MAX_NAME + 1) : 0;

    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)text[i]) && text[i] != '_' &&
            (i == 0 || !isdigit((unsigned char)text[i])))
            return false;
    return len > 0 && len <= MAX_NAME;
}

static bool is_line(const char *text, size_t max)
{
    size_t len = text ? strnlen(text, max + 1) : 0;

    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)text[i]))
            return false;
    return len > 0 && len <= max && text_is_utf8(text, len);
}

static troupe_status take(const troupe_user_data *from, size_t stride, uint32_t at, uint32_t count,
                          struct plugin_manifest *manifest, struct error *err)
{
    troupe_user_data *to = &manifest->user_data[at];

    *to = (troupe_user_data){.name = from->name,
                             .doc = from->doc,
                             .member = from->member,
                             .kind = from->kind,
                             .flags = from->flags};
    if (stride >= DATA_KEEP) {
        to->age = from->age;
        to->keep_days = from->keep_days;
    }
    if (!to->age != !to->keep_days || to->keep_days > KEEP_MAX ||
        (to->age && (to->kind != TROUPE_USER_IS_TABLE || !is_name(to->age))))
        return defect(manifest, at, err,
                      "wants the column of the age and 1 to 3,650 days together, of a table");
    if (!is_line(to->doc, MAX_DOC))
        return defect(manifest, at, err, "needs a doc of one line and at most 200 bytes");
    if (!to->member)
        to->member = "member";
    switch (to->kind) {
    case TROUPE_USER_IS_NOTHING:
        return count == 1 && !to->flags ? TROUPE_OK
                                        : defect(manifest, at, err, "says nothing beside others");
    case TROUPE_USER_IS_TABLE:
        if (!is_name(to->name) || !is_name(to->member))
            return defect(manifest, at, err,
                          "names no table and column in small letters, digits and _");
        if (to->flags & ~TROUPE_USER_ANONYMISE)
            return defect(manifest, at, err, "has flags that this host does not know");
        return plugin_manifest_can(manifest, "sql") || manifest->migration_count
                   ? TROUPE_OK
                   : defect(manifest, at, err,
                            "names a table, and there are no migrations and no capability \"sql\"");
    case TROUPE_USER_IS_KEY:
        if (!is_line(to->name, MAX_KEY) || !strstr(to->name, KEY_PLACE))
            return defect(manifest, at, err, "names no key with " KEY_PLACE " in it");
        if (to->flags)
            return defect(manifest, at, err, "has flags, which a key cannot have");
        return plugin_manifest_can(manifest, "kv") || plugin_manifest_can(manifest, "blobs")
                   ? TROUPE_OK
                   : defect(manifest, at, err,
                            "names a key without the capability \"kv\" or \"blobs\"");
    default: return defect(manifest, at, err, "is of a kind that this host does not know");
    }
}

troupe_status plugin_user_data_read(const troupe_plugin *table, struct plugin_manifest *manifest,
                                    struct error *err)
{
    const troupe_array *list = TROUPE_HAS(table, user_data) ? &table->user_data : NULL;
    troupe_status status = TROUPE_OK;

    if (!list || !list->count)
        return TROUPE_OK;
    if (list->count > PLUGIN_MAX_USER_DATA)
        return error_set(err, TROUPE_LIMIT,
                         "plugin \"%s\" has %u lines of user_data, at most %d are possible",
                         manifest->id, list->count, PLUGIN_MAX_USER_DATA);
    if (!list->ptr || list->stride < DATA_1_6)
        return defect(manifest, 0, err, "is broken");
    manifest->user_data = mem_zero(list->count, sizeof(*manifest->user_data));
    manifest->user_data_count = list->count;
    for (uint32_t i = 0; status == TROUPE_OK && i < list->count; i++)
        status = take(TROUPE_AT(*list, troupe_user_data, i), list->stride, i, list->count, manifest,
                      err);
    return status;
}
