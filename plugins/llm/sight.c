/* SPDX-License-Identifier: Apache-2.0 */
#include "sight.h"

#include <string.h>

#define TILE_SHORT 768
#define TILE_LONG  2048
#define CROP_MIN   256
#define CROP_MAX   768
#define NUMBER_MAX 1000000

/* A number from 1; 0 where there is none, -1 where it is none of ours. */
static int64_t number_of(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    if (!value)
        return 0;
    return json_is_integer(value) && json_integer_value(value) > 0 &&
                   json_integer_value(value) <= NUMBER_MAX
               ? json_integer_value(value)
               : -1;
}

const char *llm_sight_read(const json_t *json, struct llm_sight *ret)
{
    const int64_t flat = number_of(json, "flat"), patch = number_of(json, "patch"),
                  tile = number_of(json, "tile"), crop = number_of(json, "crop"),
                  most = number_of(json, "most"), factor = number_of(json, "factor"),
                  base = number_of(json, "base"), each = number_of(json, "each"),
                  low = number_of(json, "low");
    struct llm_sight sight = {.low = (uint32_t)low};

    if (!json_is_object(json) || (flat > 0) + (patch > 0) + (tile > 0) + (crop > 0) != 1 ||
        flat < 0 || patch < 0 || tile < 0 || crop < 0 || most < 0 || factor < 0 || base < 0 ||
        each < 0 || low < 0)
        return "\"sees\" is an object with one of \"flat\", \"patch\", \"tile\" and \"crop\", and "
               "whole numbers from 1";
    if (flat > 0) {
        sight.rule = LLM_SIGHT_FLAT;
        sight.most = (uint32_t)flat;
    } else if (patch > 0) {
        sight.rule = LLM_SIGHT_PATCH;
        sight.side = (uint32_t)patch;
        sight.most = (uint32_t)most;
        sight.factor = factor > 0 ? (uint32_t)factor : 1000;
        if (most == 0)
            return "\"patch\" in \"sees\" needs \"most\"";
    } else if (each == 0) {
        return "\"tile\" and \"crop\" in \"sees\" need \"each\"";
    } else {
        sight.rule = tile > 0 ? LLM_SIGHT_TILE : LLM_SIGHT_CROP;
        sight.side = (uint32_t)tile;
        sight.base = (uint32_t)base;
        sight.each = (uint32_t)each;
    }
    *ret = sight;
    return NULL;
}

static uint64_t parts(uint64_t whole, uint64_t part)
{
    return (whole + part - 1) / part;
}

static uint64_t patches(const struct llm_sight *sight, uint64_t width, uint64_t height)
{
    uint64_t count = parts(width, sight->side) * parts(height, sight->side);

    if (count > sight->most)
        count = sight->most;
    return parts(count * sight->factor, 1000);
}

static uint64_t tiles(const struct llm_sight *sight, uint64_t shorter, uint64_t longer)
{
    uint64_t scaled = parts(longer * TILE_SHORT, shorter);

    if (scaled > TILE_LONG)
        scaled = TILE_LONG;
    return sight->base + sight->each * parts(TILE_SHORT, sight->side) * parts(scaled, sight->side);
}

static uint64_t crops(const struct llm_sight *sight, uint64_t shorter, uint64_t longer)
{
    uint64_t side = shorter * 2 / 3;

    if (side < CROP_MIN)
        side = CROP_MIN;
    if (side > CROP_MAX)
        side = CROP_MAX;
    return sight->each * parts(shorter, side) * parts(longer, side);
}

uint64_t llm_sight_tokens(const struct llm_sight *sight, uint32_t width, uint32_t height, int low)
{
    const uint64_t shorter = width < height ? width : height,
                   longer = width < height ? height : width;

    if (low && sight->low > 0)
        return sight->low;
    switch (sight->rule) {
    case LLM_SIGHT_FLAT: return sight->most;
    case LLM_SIGHT_PATCH: return patches(sight, width, height);
    case LLM_SIGHT_TILE: return tiles(sight, shorter, longer);
    case LLM_SIGHT_CROP: return crops(sight, shorter, longer);
    case LLM_SIGHT_UNKNOWN: break;
    }
    return UINT64_MAX;
}
