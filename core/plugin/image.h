/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's code in memory. The host never maps the file that the operator may overwrite: it takes
 * a private sealed copy, looks at it (note.h), and maps that copy under a name that was never used
 * before, because the dynamic linker matches names before it looks at contents.
 *
 *   plugin_copy_read   -> a copy that was looked at (copy.h), on a worker
 *   plugin_image_take  -> an image of it, not mapped: no code has run
 *   plugin_image_load  -> mapped, entry called, declaration checked (manifest.h)
 *
 * An image is counted by references. With the last one it is unmapped, or parked for good where
 * something pins it (note.h; always in sanitizer builds, whose reports need the code). A parked
 * image is taken up again when the same bytes come back; at most PLUGIN_MAX_PARKED of one plugin
 * id are kept, then a new build is refused until the host restarts.
 *
 * Loop thread only.
 */
#ifndef PLUGIN_IMAGE_H
#define PLUGIN_IMAGE_H

#include "base/list.h"
#include "plugin/copy.h"
#include "plugin/manifest.h"
#include "plugin/note.h"
#include "plugin/registry.h"

#define PLUGIN_MAX_PARKED 32

/* All images of a process, mapped and parked. A zeroed struct with plugin_images_init. */
struct plugin_images {
    struct list_link all;
    size_t loaded; /* mapped and referenced */
    size_t parked; /* mapped without a reference */
};

struct plugin_image {
    struct list_link link; /* in plugin_images.all */
    struct plugin_images *images;
    size_t refs;
    char *path;                             /* where it was copied from; for people     */
    char build_id[PLUGIN_BUILD_ID_LEN + 1]; /* hash of the bytes: the same build anywhere */
    struct plugin_note note;
    int fd; /* the sealed copy: also of a parked image, for its bytes may come back */
    size_t size;
    char *name;   /* under which it was mapped */
    void *handle; /* of dlopen, NULL before plugin_image_load */
    const troupe_plugin *table;
    struct plugin_manifest *manifest; /* NULL before plugin_image_load */
    struct plugin_declared *declared; /* for agents in processes of their own; else NULL */
    bool proven;                      /* a trial has loaded it: the host may  */
    const void *tried;                /* the build that has it in trial just now */
};

void plugin_images_init(struct plugin_images *images);
/* Every image was released; parked ones stay mapped, their bookkeeping goes. */
void plugin_images_clear(struct plugin_images *images);

/* An image of the copy's size and hash; whether the bytes are the same is for plugin_copy_equal to
 * say. NULL: there is none. */
struct plugin_image *plugin_images_find(const struct plugin_images *images,
                                        const struct plugin_copy *copy);
/*
 * An image of the copy that was made of `path`, or `same`, whose bytes were compared, with one more
 * reference. Takes the copy's descriptor. TROUPE_LIMIT: too many parked builds of its id; then the
 * copy is the caller's as before.
 */
troupe_status plugin_image_take(struct plugin_images *images, const char *path,
                                struct plugin_copy *copy, struct plugin_image *same,
                                struct plugin_image **ret, struct error *err);
/* Read, find, compare and take in one, where it may block (tests). */
troupe_status plugin_image_open(struct plugin_images *images, const char *path,
                                struct plugin_image **ret, struct error *err);
/*
 * Maps the copy, calls the entry, checks the declaration. Runs constructors of the plugin: only
 * after a trial (trial.h) did the same. Does nothing for an image that is loaded.
 */
troupe_status plugin_image_load(struct plugin_image *image, const struct plugin_registry *registry,
                                struct error *err);
/*
 * Its steps, for the runner. The mapping alone, of the file behind `fd`, which stays the caller's;
 * `id` stands for it in sentences; `ret_name` (may be NULL) is the name it got, the caller's.
 */
troupe_status plugin_image_map(int fd, const char *id, void **ret_handle, char **ret_name,
                               struct error *err);
/* Calls the entry of what was mapped. */
troupe_status plugin_image_enter(void *handle, const char *id, const troupe_plugin **ret,
                                 struct error *err);
struct plugin_image *plugin_image_ref(struct plugin_image *image);
/* Not from inside a frame of the plugin. NULL is fine. */
void plugin_image_unref(struct plugin_image *image);
/* Parked builds of this plugin id. */
size_t plugin_images_parked(const struct plugin_images *images, const char *id);

#endif
