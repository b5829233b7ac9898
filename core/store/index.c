/* SPDX-License-Identifier: Apache-2.0 */
#include "store/index.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "loop/chan.h"
#include "store/sql/index.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    BYTES_DEFAULT = 256 << 20,
    SCOPE_OVERHEAD = 512,
    WAIT_MS = 30000,    /* for who reads a scope, where the caller has no deadline */
    PRUNE_ONCE_IN = 32, /* changes; so a few more than INDEX_CHANGES are there     */
    BOTH_TRIES = 4      /* of two at once, while one drives out the other */
};

/* A scope in a form. */
struct kept {
    struct list_link link;
    char *name; /* in the map */
    const struct store_index_form *form;
    void *index;
    int64_t epoch, seq; /* of the change that it has everything up to                        */
    size_t bytes;
    bool loaded;
    bool forgotten;    /* while somebody worked at it: what it has may be deleted             */
    int64_t too_large; /* so many entries did not fit; 0: not known                           */
    struct chan *busy; /* while somebody brings it up to date; others wait for it to close */
};

struct store_index {
    struct map scopes;     /* struct kept */
    struct list_link used; /* the one searched longest ago first */
    size_t bytes, max_bytes;
    uint64_t loads, updates;
};

/* ---- writing ---- */

/* A scope that is emptied and filled again begins anew with its numbers, but with another one of these. */
static int64_t new_epoch(void)
{
    uint64_t number = 0;

    while (getrandom(&number, sizeof(number), 0) != sizeof(number))
        continue;
    return (int64_t)(number >> 1 | 1);
}

static void note(struct store_batch *batch, const char *ns, const char *scope, const char *key)
{
    store_batch_add(batch,
                    STORE_SQL(SQL_INDEX_NOTE, store_text(ns), store_text(scope), store_text(key)));
    if (new_epoch() / 2 % PRUNE_ONCE_IN == 0)
        store_batch_add(batch, STORE_SQL(SQL_INDEX_PRUNE, store_text(ns), store_text(scope),
                                         store_int(INDEX_CHANGES)));
}

void store_index_put(struct store_batch *batch, const char *ns, const char *scope, const char *key,
                     const void *value, size_t len)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_INDEX_PUT, store_text(ns), store_text(scope),
                                        store_text(key), store_int(new_epoch())));
    store_kv_put(batch, ns, scope, key, value, len, 0);
    note(batch, ns, scope, key);
}

void store_index_remove(struct store_batch *batch, const char *ns, const char *scope,
                        const char *key)
{
    store_batch_add(
        batch, STORE_SQL(SQL_INDEX_REMOVE, store_text(ns), store_text(scope), store_text(key)));
    store_kv_delete(batch, ns, scope, key);
    note(batch, ns, scope, key);
}

troupe_status store_index_others(struct store *store, const char *ns, const char *scope,
                                 const char *key, uint64_t deadline, int64_t *ret,
                                 struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        store, STORE_SQL(SQL_INDEX_ROOM, store_text(ns), store_text(scope), store_text(key)),
        deadline, &rows, err);

    if (status >= 0)
        *ret = store_cell_int(rows, 0, 0, 0) - store_cell_int(rows, 0, 1, 0);
    return status;
}

/* ---- what is in memory ---- */

struct store_index *store_index_new(size_t max_bytes)
{
    struct store_index *index = mem_zero(1, sizeof(*index));

    index->max_bytes = max_bytes ? max_bytes : BYTES_DEFAULT;
    list_init(&index->used);
    return index;
}

static void drop(struct store_index *index, struct kept *kept)
{
    list_remove(&kept->link);
    (void)map_remove(&index->scopes, kept->name);
    index->bytes -= kept->bytes;
    if (kept->index)
        kept->form->free(kept->index);
    mem_free(kept->name);
    mem_free(kept);
}

void store_index_free(struct store_index *index)
{
    if (!index)
        return;
    while (!list_empty(&index->used))
        drop(index, container_of(index->used.next, struct kept, link));
    map_clear(&index->scopes);
    mem_free(index);
}

static char *name_of(const struct store_index_form *form, size_t variant, const char *ns,
                     const char *scope)
{
    return mem_printf("%s\n%zu\n%s\n%s", form->name, variant, ns, scope);
}

static struct kept *keep(struct store_index *index, const struct store_index_form *form,
                         const char *name)
{
    struct kept *kept = mem_zero(1, sizeof(*kept));

    kept->name = mem_strdup(name);
    kept->form = form;
    kept->bytes = SCOPE_OVERHEAD;
    index->bytes += kept->bytes;
    list_append(&index->used, &kept->link);
    (void)map_set(&index->scopes, name, kept);
    return kept;
}

/* Counts what it takes, and lets go of others for it. False: it is too large by itself. */
static bool fit(struct store_index *index, struct kept *kept)
{
    size_t bytes = SCOPE_OVERHEAD + (kept->index ? kept->form->bytes(kept->index) : 0);

    index->bytes += bytes - kept->bytes;
    kept->bytes = bytes;
    list_for_each_safe (link, &index->used) {
        struct kept *other = container_of(link, struct kept, link);

        if (index->bytes <= index->max_bytes)
            return true;
        if (other != kept && !other->busy)
            drop(index, other);
    }
    return index->bytes <= index->max_bytes;
}

static void empty(struct store_index *index, struct kept *kept)
{
    if (kept->index)
        kept->form->free(kept->index);
    kept->index = NULL;
    kept->loaded = false;
    index->bytes -= kept->bytes - SCOPE_OVERHEAD;
    kept->bytes = SCOPE_OVERHEAD;
}

/* ---- bringing it up to date ---- */

struct place {
    struct store *store;
    const char *ns, *scope;
    size_t variant;
    int64_t epoch, seq, entries;
    uint64_t deadline;
};

static troupe_status no_room(const struct store_index *index, struct kept *kept, int64_t entries,
                             struct error *err)
{
    kept->too_large = entries > 0 ? entries : 1;
    return error_set(err, TROUPE_LIMIT, "a scope's index takes more than %zu bytes of memory",
                     index->max_bytes);
}

/* Rows of key and value from a column on; NULL is a value that is gone. */
static bool take_rows(struct kept *kept, const struct store_rows *rows, size_t column)
{
    for (size_t i = 0; i < rows->count; i++) {
        const char *key = store_cell_text(rows, i, column, "");
        const struct store_value *value = store_cell(rows, i, column + 1);

        if (!value->data)
            kept->form->remove(kept->index, key);
        else if (!kept->form->put(kept->index, key, value->data, value->len))
            return false;
    }
    return true;
}

/* Entries that come meanwhile have a later number: they are read again as changes. [waits] */
static troupe_status load(const struct place *place, struct kept *kept, struct error *err)
{
    struct store_index *index = store_index_of(place->store);
    _cleanup_mem_ char *after = NULL;

    empty(index, kept);
    kept->index = kept->form->make(place->variant);
    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status = store_kv_list(place->store, place->ns, place->scope, "", after,
                                             INDEX_PAGE, place->deadline, &rows, err);

        if (status < 0)
            return status;
        if (!take_rows(kept, rows, 0) || !fit(index, kept))
            return no_room(index, kept, place->entries, err);
        if (rows->count < INDEX_PAGE)
            break;
        mem_free(after);
        after = mem_strdup(store_cell_text(rows, rows->count - 1, 0, ""));
    }
    index->loads++;
    kept->loaded = true;
    kept->epoch = place->epoch;
    kept->seq = place->seq;
    return TROUPE_OK;
}

/* [waits] */
static troupe_status update(const struct place *place, struct kept *kept, struct error *err)
{
    struct store_index *index = store_index_of(place->store);

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status = store_query(place->store,
                                           STORE_SQL(SQL_INDEX_CHANGES, store_text(place->ns),
                                                     store_text(place->scope), store_int(kept->seq),
                                                     store_int(INDEX_PAGE)),
                                           place->deadline, &rows, err);

        if (status < 0)
            return status;
        if (!take_rows(kept, rows, 1) || !fit(index, kept))
            return no_room(index, kept, place->entries, err);
        if (rows->count)
            kept->seq = store_cell_int(rows, rows->count - 1, 0, kept->seq);
        if (rows->count < INDEX_PAGE)
            break;
    }
    index->updates++;
    kept->seq = kept->seq > place->seq ? kept->seq : place->seq;
    return TROUPE_OK;
}

static bool is_current(const struct kept *kept, const struct place *place)
{
    return kept->loaded && kept->epoch == place->epoch && kept->seq >= place->seq;
}

/* One works at a scope, others wait for that. [waits] */
static troupe_status work(const struct place *place, struct kept *kept, struct error *err)
{
    bool by_changes = kept->loaded && kept->epoch == place->epoch && place->seq >= kept->seq &&
                      place->seq - kept->seq <= INDEX_CHANGES;
    troupe_status status;

    kept->busy = chan_new(store_loop_of(place->store), 1, NULL);
    status = by_changes ? update(place, kept, err) : load(place, kept, err);
    chan_close(kept->busy, TROUPE_END);
    chan_unref(kept->busy);
    kept->busy = NULL;
    /* Changes that were taken in part are taken again; a scope that was read in part is nothing. */
    if (status == TROUPE_LIMIT || (status < 0 && !kept->loaded))
        empty(store_index_of(place->store), kept);
    return status;
}

/* Whether the one who worked at it is done. [waits] */
static troupe_status wait_for(struct kept *kept, uint64_t deadline, struct error *err)
{
    struct chan *busy = chan_ref(kept->busy);
    void *item;
    troupe_status status = chan_recv(busy, deadline ? deadline : co_after(WAIT_MS), &item);

    chan_unref(busy);
    return status == TROUPE_END ? TROUPE_OK
                                : error_set(err, status, "a scope's index was not there in time");
}

/* NULL, and TROUPE_OK: once more. [waits] */
static troupe_status bring(const struct place *place, const struct store_index_form *form,
                           const char *name, struct kept **ret, struct error *err)
{
    struct store_index *index = store_index_of(place->store);
    struct kept *kept = map_get(&index->scopes, name);
    troupe_status status;

    *ret = NULL;
    if (kept && kept->busy && !is_current(kept, place))
        return wait_for(kept, place->deadline, err);
    if (kept && kept->too_large && place->entries >= kept->too_large - kept->too_large / 8)
        return no_room(index, kept, kept->too_large, err);
    if (!kept)
        kept = keep(index, form, name);
    status = is_current(kept, place) ? TROUPE_OK : work(place, kept, err);
    if (kept->forgotten && !kept->busy) {
        drop(index, kept);
        return status;
    }
    if (status < 0) {
        if (!kept->too_large && !kept->loaded)
            drop(index, kept);
        return status;
    }
    kept->too_large = 0;
    list_remove(&kept->link);
    list_append(&index->used, &kept->link);
    *ret = kept;
    return TROUPE_OK;
}

/* Where the scope's numbers are. [waits] */
static troupe_status look(struct place *place, bool *ret_there, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        place->store, STORE_SQL(SQL_INDEX_LOOK, store_text(place->ns), store_text(place->scope)),
        place->deadline, &rows, err);

    if (status < 0)
        return status;
    place->epoch = store_cell_int(rows, 0, 0, 0);
    place->seq = store_cell_int(rows, 0, 1, 0);
    place->entries = store_cell_int(rows, 0, 2, 0);
    *ret_there = rows->count > 0 && place->entries > 0;
    return TROUPE_OK;
}

troupe_status store_index_use(struct store *store, const struct store_index_form *form,
                              size_t variant, const char *ns, const char *scope, uint64_t deadline,
                              void **ret, struct error *err)
{
    struct store_index *index = store_index_of(store);
    struct place place = {
        .store = store, .ns = ns, .scope = scope, .variant = variant, .deadline = deadline};
    _cleanup_mem_ char *name = name_of(form, variant, ns, scope);
    struct kept *kept = NULL;
    bool there = false;
    troupe_status status = look(&place, &there, err);

    while (status == TROUPE_OK && there && !kept)
        status = bring(&place, form, name, &kept, err);
    if (status < 0)
        return status;
    *ret = kept ? kept->index : NULL;
    if (!kept && (kept = map_get(&index->scopes, name)) && !kept->busy)
        drop(index, kept); /* it is empty now */
    return TROUPE_OK;
}

/* ---- two at once ---- */

/* Where the numbers of both scopes are; what is not there has no entry. [waits] */
static troupe_status look_both(struct place places[2], struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(places[0].store,
                    STORE_SQL(SQL_INDEX_LOOK_BOTH, store_text(places[0].ns),
                              store_text(places[0].scope), store_text(places[1].scope)),
                    places[0].deadline, &rows, err);

    for (size_t row = 0; status >= 0 && row < rows->count; row++)
        for (size_t i = 0; i < 2; i++) {
            if (strcmp(store_cell_text(rows, row, 3, ""), places[i].scope) != 0)
                continue;
            places[i].epoch = store_cell_int(rows, row, 0, 0);
            places[i].seq = store_cell_int(rows, row, 1, 0);
            places[i].entries = store_cell_int(rows, row, 2, 0);
        }
    return status;
}

/* Whether it is there, or empty, without waiting. */
static bool is_ready(const struct place *place, const char *name, struct store_index_wish *wish)
{
    struct store_index *index = store_index_of(place->store);
    struct kept *kept = map_get(&index->scopes, name);

    wish->index = NULL;
    if (place->entries <= 0) {
        if (kept && !kept->busy)
            drop(index, kept);
        return true;
    }
    if (!kept || !is_current(kept, place))
        return false;
    list_remove(&kept->link);
    list_append(&index->used, &kept->link);
    wish->index = kept->index;
    return true;
}

troupe_status store_index_use_both(struct store *store, const char *ns,
                                   struct store_index_wish wishes[2], uint64_t deadline,
                                   struct error *err)
{
    struct place places[2];
    _cleanup_mem_ char *first = name_of(wishes[0].form, wishes[0].variant, ns, wishes[0].scope);
    _cleanup_mem_ char *second = name_of(wishes[1].form, wishes[1].variant, ns, wishes[1].scope);
    const char *const names[2] = {first, second};
    troupe_status status;

    for (size_t i = 0; i < 2; i++)
        places[i] = (struct place){.store = store,
                                   .ns = ns,
                                   .scope = wishes[i].scope,
                                   .variant = wishes[i].variant,
                                   .deadline = deadline};
    status = look_both(places, err);
    /* While one is read, the other may have had to go. */
    for (size_t tries = 0; status >= 0 && tries < BOTH_TRIES; tries++) {
        bool ready[2] = {is_ready(&places[0], names[0], &wishes[0]),
                         is_ready(&places[1], names[1], &wishes[1])};

        if (ready[0] && ready[1])
            return TROUPE_OK;
        for (size_t i = 0; i < 2 && status >= 0; i++) {
            struct kept *kept = NULL;

            while (status >= 0 && !ready[i] && !kept)
                status = bring(&places[i], wishes[i].form, names[i], &kept, err);
        }
    }
    return status < 0
               ? status
               : error_set(err, TROUPE_LIMIT, "two scopes' indexes do not fit into %zu bytes",
                           store_index_of(store)->max_bytes);
}

/* ---- forgetting ---- */

static bool ends_in(const char *name, const char *member)
{
    size_t len = strlen(name), n = strlen(member);

    return len > n && name[len - n - 1] == '/' && !strcmp(name + len - n, member);
}

void store_index_forget(struct store *store, const char *member)
{
    struct store_index *index = store_index_of(store);

    list_for_each_safe (link, &index->used) {
        struct kept *kept = container_of(link, struct kept, link);

        if (!ends_in(kept->name, member))
            continue;
        if (kept->busy)
            kept->forgotten = true;
        else
            drop(index, kept);
    }
}

void store_index_stats(const struct store *store, struct store_index_stats *ret)
{
    const struct store_index *index = store_index_of(store);

    *ret = (struct store_index_stats){index->scopes.count, index->bytes, index->max_bytes,
                                      index->loads, index->updates};
}
