/* SPDX-License-Identifier: Apache-2.0 */
#include "store/fuse.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { RANK_OFFSET = 60 /* as in the paper of Cormack, Clarke and Büttcher, 2009 */ };

struct candidate {
    struct fused fused;
    size_t list; /* the last one that counted it, from 1 */
};

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->fused.score > y->fused.score || x->fused.score < y->fused.score)
        return x->fused.score > y->fused.score ? -1 : 1;
    return strcmp(x->fused.key, y->fused.key);
}

size_t fuse_ranks(const struct fuse_list *lists, size_t list_count, size_t most, struct fused *out)
{
    struct map seen = {0};
    struct candidate *all;
    size_t total = 0, count = 0;

    for (size_t l = 0; l < list_count; l++)
        total += lists[l].weight > 0 ? lists[l].count : 0;
    all = mem_zero(total + 1, sizeof(*all));
    for (size_t l = 0; l < list_count; l++) {
        for (size_t i = 0; lists[l].weight > 0 && i < lists[l].count; i++) {
            const char *key = lists[l].keys[i];
            struct candidate *candidate = map_get(&seen, key);

            if (!candidate) {
                candidate = &all[count++];
                candidate->fused.key = key;
                map_set(&seen, key, candidate);
            }
            if (candidate->list == l + 1)
                continue;
            candidate->list = l + 1;
            candidate->fused.score += lists[l].weight / (double)(RANK_OFFSET + i + 1);
        }
    }
    qsort(all, count, sizeof(*all), by_score);
    count = count < most ? count : most;
    for (size_t i = 0; i < count; i++)
        out[i] = all[i].fused;
    map_clear(&seen);
    mem_free(all);
    return count;
}
