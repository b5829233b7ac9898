/* SPDX-License-Identifier: Apache-2.0
 *
 * Values in the binary form of PostgreSQL's protocol.
 */
#include "store/postgres/postgres.h"

#include <endian.h>
#include <limits.h>

/* From the server's catalogue; they never change. */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_CHAR = 18,
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = POSTGRES_TEXT,
    TYPE_OID = 26,
    TYPE_JSON = 114,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_UNKNOWN = 705,
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_NUMERIC = 1700,
    TYPE_VOID = 2278,
};

void postgres_encode(const struct store_value *value, int64_t rowid, struct postgres_param *ret)
{
    uint64_t bits = 0;

    *ret = (struct postgres_param){0};
    switch (value ? value->type : STORE_NULL) {
    case STORE_INT:
    case STORE_ROWID:
        bits = (uint64_t)(value->type == STORE_INT ? value->integer : rowid);
        ret->type = TYPE_INT8;
        break;
    case STORE_DOUBLE:
        memcpy(&bits, &value->real, sizeof(bits));
        ret->type = TYPE_FLOAT8;
        break;
    case STORE_TEXT:
    case STORE_BLOB: /* no longer than a batch may be */
        ret->type = value->type == STORE_TEXT ? TYPE_TEXT : TYPE_BYTEA;
        ret->data = value->data ? value->data : "";
        ret->len = value->len <= INT_MAX ? (int)value->len : INT_MAX;
        return;
    case STORE_NULL: return; /* of whatever type stands there */
    }
    bits = htobe64(bits);
    memcpy(ret->number, &bits, sizeof(bits));
    ret->data = ret->number;
    ret->len = sizeof(bits);
}

static uint64_t big_endian(const char *data, int len)
{
    uint64_t bits = 0;

    for (int i = 0; i < len; i++)
        bits = bits << 8 | (unsigned char)data[i];
    return bits;
}

static int16_t short_at(const char *data)
{
    return (int16_t)(uint16_t)big_endian(data, 2);
}

/* Sums are numeric there. Digits of base 10,000: how many, the weight of the first, sign, shown
 * digits, then they. A whole number stays one where it fits. */
static struct store_value numeric(const char *data, int len)
{
    int count = len >= 8 ? short_at(data) : 0, weight = len >= 8 ? short_at(data + 2) : 0;
    bool negative = len >= 8 && short_at(data + 4) != 0, whole = weight < 4;
    double real = 0, unit = 1;
    int64_t integer = 0;

    if (count < 0 || len < 8 + 2 * count)
        return store_null();
    for (int i = 0; i <= weight || i < count; i++) {
        int digit = i < count ? short_at(data + 8 + 2 * i) : 0;

        if (i <= weight) {
            real = real * 10000 + digit;
            if (whole)
                integer = integer * 10000 + digit;
        } else {
            for (int k = 0; k < i - weight && i - weight < 64; k++)
                unit = k == 0 ? 1e-4 : unit * 1e-4;
            real += digit * unit;
            whole = whole && digit == 0;
        }
    }
    if (whole)
        return store_int(negative ? -integer : integer);
    return store_double(negative ? -real : real);
}

static bool cell(const PGresult *result, int row, int column, struct store_value *ret)
{
    const char *data = PQgetvalue(result, row, column);
    int len = PQgetlength(result, row, column);
    uint64_t bits;
    float narrow;
    uint32_t narrow_bits;

    *ret = store_null();
    if (PQgetisnull(result, row, column))
        return true;
    switch (PQftype(result, column)) {
    case TYPE_BOOL: *ret = store_int(len == 1 && data[0] != 0); break;
    case TYPE_INT2: *ret = store_int(short_at(data)); break;
    case TYPE_INT4: *ret = store_int((int32_t)(uint32_t)big_endian(data, 4)); break;
    case TYPE_OID: *ret = store_int((int64_t)big_endian(data, 4)); break;
    case TYPE_INT8: *ret = store_int((int64_t)big_endian(data, 8)); break;
    case TYPE_FLOAT4:
        narrow_bits = (uint32_t)big_endian(data, 4);
        memcpy(&narrow, &narrow_bits, sizeof(narrow));
        *ret = store_double((double)narrow);
        break;
    case TYPE_FLOAT8:
        bits = big_endian(data, 8);
        memcpy(&ret->real, &bits, sizeof(bits));
        ret->type = STORE_DOUBLE;
        break;
    case TYPE_NUMERIC: *ret = numeric(data, len); break;
    case TYPE_BYTEA: *ret = store_blob(data, (size_t)len); break;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BPCHAR:
    case TYPE_NAME:
    case TYPE_CHAR:
    case TYPE_JSON:
    case TYPE_UNKNOWN: *ret = store_textn(data, (size_t)len); break;
    case TYPE_VOID: break;
    default: return false;
    }
    return true;
}

troupe_status postgres_decode(const PGresult *result, struct store_rows **ret, struct error *err)
{
    int columns = PQnfields(result), count = PQntuples(result);
    struct store_rows *rows;
    struct store_value value;

    if (columns == 0)
        return TROUPE_OK;
    rows = store_rows_new((size_t)columns);
    for (int i = 0; i < columns; i++)
        store_rows_name(rows, (size_t)i, PQfname(result, i));
    for (int row = 0; row < count; row++)
        for (int column = 0; column < columns; column++) {
            troupe_status status = TROUPE_OK;

            if (!cell(result, row, column, &value))
                status = error_set(err, TROUPE_ARGUMENT,
                                   "column \"%.80s\" is no number, text or bytes: CAST it",
                                   PQfname(result, column));
            else if (store_rows_put(rows, value) < 0)
                status = error_set(err, TROUPE_LIMIT,
                                   "the result is larger than %d rows or %u bytes: ask for less",
                                   STORE_ROWS_MAX, STORE_BYTES_MAX);
            if (status < 0) {
                store_rows_free(rows);
                return status;
            }
        }
    *ret = rows;
    return TROUPE_OK;
}
