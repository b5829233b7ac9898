/* SPDX-License-Identifier: Apache-2.0 */
#include "store/batch.h"

#include "loop/latch.h"
#include "store/driver.h"

struct store_batch *store_batch_new(void)
{
    struct store_batch *batch = mem_zero(1, sizeof(*batch));

    batch->holds = 1;
    return batch;
}

void store_batch_hold(struct store_batch *batch)
{
    batch->holds++;
}

void store_batch_free(struct store_batch *batch)
{
    if (!batch || --batch->holds > 0)
        return;
    for (size_t i = 0; i < batch->count; i++)
        store_command_reset(&batch->commands[i]);
    for (size_t i = 0; i < batch->given_count; i++)
        mem_free(batch->given[i]);
    mem_free(batch->given);
    mem_free(batch->commands);
    mem_free(batch->failure_text);
    latch_unref(batch->latch);
    arena_clear(&batch->arena);
    mem_free(batch);
}

void store_batch_fail(struct store_batch *batch, troupe_status status, const char *text)
{
    if (batch->failure < 0)
        return;
    batch->failure = status;
    batch->failure_text = mem_strdup(text);
}

struct store_value store_batch_give(struct store_batch *batch, struct buf *data)
{
    struct store_value value = store_blob(NULL, data->len);

    batch->given = mem_resize(batch->given, batch->given_count + 1, sizeof(*batch->given));
    batch->given[batch->given_count++] = buf_take(data);
    value.data = batch->given[batch->given_count - 1];
    value.given = true;
    batch->arena.used += value.len; /* counts like a copy */
    return value;
}

size_t store_batch_add(struct store_batch *batch, const struct store_statement *statement)
{
    struct store_command command;
    struct error err;
    troupe_status status;

    if (batch->failure < 0)
        return batch->count;
    if (batch->used && !batch->open) {
        store_batch_fail(batch, TROUPE_ARGUMENT, "the batch was committed before: make a new one");
        return batch->count;
    }
    if (batch->count == STORE_BATCH_STATEMENTS) {
        store_batch_fail(batch, TROUPE_LIMIT, "too many statements in one batch: split it");
        return batch->count;
    }
    status = store_command_copy(&batch->arena, statement, STORE_BATCH_BYTES, &command, &err);
    for (size_t i = 0; status >= 0 && i < command.param_count; i++)
        if (command.params[i].type == STORE_ROWID &&
            (command.params[i].integer < 0 || (size_t)command.params[i].integer >= batch->count))
            status = error_set(&err, TROUPE_ARGUMENT,
                               "a row id of a statement that does not come before");
    if (status < 0) {
        store_batch_fail(batch, status, err.text);
        return batch->count;
    }
    if (batch->count == batch->cap) {
        batch->cap = batch->cap ? batch->cap * 2 : 8;
        batch->commands = mem_resize(batch->commands, batch->cap, sizeof(*batch->commands));
    }
    batch->commands[batch->count] = command;
    return batch->count++;
}

void store_batch_lease(struct store_batch *batch, int64_t epoch)
{
    batch->lease_epoch = epoch;
}

void store_batch_opens(struct store_batch *batch, struct latch *latch)
{
    latch_unref(batch->latch);
    batch->latch = latch_ref(latch);
}

bool store_batch_again(struct store_batch *batch)
{
    if (batch->holds > 1)
        return false;
    batch->used = false;
    return true;
}

size_t store_batch_count(const struct store_batch *batch)
{
    return batch->count;
}

int64_t store_batch_changes(const struct store_batch *batch, size_t index)
{
    return index < batch->count ? batch->commands[index].changes : 0;
}

int64_t store_batch_rowid(const struct store_batch *batch, size_t index)
{
    return index < batch->count ? batch->commands[index].rowid : 0;
}

const struct store_rows *store_batch_result(const struct store_batch *batch, size_t index)
{
    return index < batch->count ? batch->commands[index].rows : NULL;
}
