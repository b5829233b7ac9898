/* SPDX-License-Identifier: Apache-2.0 */
#include "pictures.h"

#include "request.h"

#include <troupe/work.h>

#include <stdio.h>
#include <string.h>

#define NAME_SHOWN   60           /* bytes of a file's name in a sentence */
#define DIGEST_PIECE (256u << 10) /* bytes that are worked at at once    */
#define BODY_ROOM    (64u * 1024) /* for all but texts and pictures; it grows */

static const json_t *list_of(const json_t *message)
{
    return json_object_get(message, "pictures");
}

size_t llm_pictures_of(const json_t *message)
{
    return json_array_size(list_of(message));
}

int llm_pictures_any(const json_t *messages)
{
    const json_t *message;
    size_t i;

    json_array_foreach ((json_t *)messages, i, message)
        if (llm_pictures_of(message) > 0)
            return 1;
    return 0;
}

const char *llm_pictures_check(const json_t *message)
{
    const json_t *list = list_of(message), *file;
    const char *role = json_string_value(json_object_get(message, "role"));
    size_t i;

    if (!list)
        return NULL;
    if (!json_is_array(list) || !role || strcmp(role, "user") != 0 ||
        json_array_size(list) > LLM_PICTURES_MAX)
        return "pictures is a list of at most 8 places in a message of the user";
    json_array_foreach ((json_t *)list, i, file)
        if (!json_is_integer(file) || json_integer_value(file) < 0 ||
            json_integer_value(file) > UINT32_MAX)
            return "pictures lists places of the turn's files, from 0";
    return NULL;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* What a member may be shown of the name that another one gave. */
static void show_name(troupe_str name, char ret[NAME_SHOWN + 1])
{
    size_t len = 0;

    for (uint64_t i = 0; i < name.len && len < NAME_SHOWN; i++)
        if ((unsigned char)name.ptr[i] > ' ' && !strchr("\"`*_~|<>@\\\x7f", name.ptr[i]))
            ret[len++] = name.ptr[i];
    while (len > 0 && len == NAME_SHOWN && ((unsigned char)ret[len - 1] & 0xC0) == 0x80)
        len--;
    if (len == NAME_SHOWN && (unsigned char)ret[len - 1] >= 0xC0)
        len--;
    ret[len] = 0;
}

#define BAD "llm.bad_picture"

static troupe_status no_picture(troupe_turn *turn, const char *name)
{
    return troupe_fail(turn, TROUPE_DATA, BAD,
                       "\"%s\" is no picture that a language model takes. Please try a PNG, JPEG, "
                       "GIF or WebP.",
                       name);
}

static troupe_status too_large(troupe_turn *turn, const char *name, uint64_t most)
{
    return troupe_fail(turn, TROUPE_LIMIT, BAD,
                       "\"%s\" is too large: pictures of %llu kB together may be looked at, none "
                       "with a side above %d pixels. Please try a smaller one.",
                       name, (unsigned long long)(most / 1024), LLM_PICTURE_SIDE_MAX);
}

static troupe_status read_one(troupe_turn *turn, uint64_t most, uint32_t file,
                              struct llm_picture *ret)
{
    char name[NAME_SHOWN + 1];
    troupe_file info;
    troupe_status status = troupe_file_info(turn, file, &info);

    if (status == TROUPE_NOT_FOUND || status == TROUPE_UNSUPPORTED)
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.bad_arguments",
                           "llm.chat: the turn has no file %u.", file);
    if (status < 0)
        return status;
    show_name(info.name, name);
    if (info.kind != TROUPE_FILE_PICTURE)
        return no_picture(turn, name);
    if (info.bytes > most)
        return too_large(turn, name, most);
    status = troupe_file_read(turn, file, &ret->bytes);
    if (status == TROUPE_UNSUPPORTED)
        return no_picture(turn, name);
    if (status < 0)
        return status;
    if (llm_picture_read(ret->bytes.ptr, (size_t)ret->bytes.len, &ret->head) < 0)
        return no_picture(turn, name);
    if (ret->bytes.len > most || ret->head.width > LLM_PICTURE_SIDE_MAX ||
        ret->head.height > LLM_PICTURE_SIDE_MAX)
        return too_large(turn, name, most);
    ret->file = file;
    return TROUPE_OK;
}

static struct llm_picture *picture_of(struct llm_pictures *pictures, json_int_t file)
{
    for (uint32_t i = 0; pictures && i < pictures->count; i++)
        if (pictures->at[i].file == file)
            return &pictures->at[i];
    return NULL;
}

static troupe_status load_one(troupe_turn *turn, const struct llm_settings *settings,
                              json_int_t file, struct llm_pictures *pictures, uint64_t *left)
{
    const uint64_t most = *left < LLM_PICTURE_MAX ? *left : LLM_PICTURE_MAX;
    troupe_status status;

    if (picture_of(pictures, file))
        return TROUPE_OK;
    if (pictures->count >= settings->pictures)
        return troupe_fail(turn, TROUPE_LIMIT, BAD,
                           "That is more pictures than may be looked at at once, which are %u. "
                           "Please show fewer.",
                           settings->pictures);
    status = read_one(turn, most, (uint32_t)file, &pictures->at[pictures->count]);
    if (status < 0)
        return status;
    *left -= pictures->at[pictures->count++].bytes.len;
    return TROUPE_OK;
}

troupe_status llm_pictures_load(troupe_turn *turn, const struct llm_settings *settings,
                                struct llm_request *request, struct llm_pictures *ret)
{
    uint64_t left = settings->picture_bytes;
    const json_t *message, *file;
    size_t i, n;

    memset(ret, 0, sizeof(*ret));
    ret->low = settings->picture_low;
    json_array_foreach (request->messages, i, message) {
        json_array_foreach (list_of(message), n, file) {
            troupe_status status = load_one(turn, settings, json_integer_value(file), ret, &left);

            if (status < 0)
                return status;
        }
    }
    request->pictures = ret->count > 0 ? ret : NULL;
    return TROUPE_OK;
}

/* ---- counting --------------------------------------------------------------------------------- */

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t llm_pictures_tokens_of(const struct llm_request *request, const json_t *message)
{
    const json_t *file;
    uint64_t sum = 0;
    size_t i;

    json_array_foreach ((json_t *)list_of(message), i, file) {
        const struct llm_picture *picture = picture_of(request->pictures, json_integer_value(file));

        sum = add(sum, picture ? llm_sight_tokens(&request->settings->sight, picture->head.width,
                                                  picture->head.height, request->pictures->low)
                               : UINT64_MAX);
    }
    return sum;
}

uint64_t llm_pictures_tokens(const struct llm_request *request)
{
    const json_t *message;
    uint64_t sum = 0;
    size_t i;

    json_array_foreach (request->messages, i, message)
        sum = add(sum, llm_pictures_tokens_of(request, message));
    return sum;
}

uint64_t llm_pictures_guess(const struct llm_request *request, const json_t *message)
{
    const uint64_t tokens = llm_pictures_tokens_of(request, message);

    return tokens < UINT64_MAX ? tokens : LLM_PICTURE_TOKENS * llm_pictures_of(message);
}

static troupe_status digest(troupe_host *host, const void *in, uint64_t in_len, void *out,
                            uint64_t out_len)
{
    (void)host;
    if (out_len != LLM_DIGEST_SIZE)
        return TROUPE_ARGUMENT;
    llm_digest(in, (size_t)in_len, out);
    return TROUPE_OK;
}

static troupe_status digest_piece(troupe_turn *turn, const char *data, size_t len,
                                  uint8_t ret[LLM_DIGEST_SIZE])
{
    if (troupe_work(turn, digest, data, len, ret, LLM_DIGEST_SIZE) >= 0)
        return TROUPE_OK;
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    llm_digest(data, len, ret);
    return TROUPE_OK;
}

/* Piece by piece, as the host copies what a thread works at: of several pieces it is the digest of theirs. */
static troupe_status digest_one(troupe_turn *turn, const troupe_str *bytes,
                                uint8_t ret[LLM_DIGEST_SIZE])
{
    uint8_t pieces[LLM_PICTURE_MAX / DIGEST_PIECE + 1][LLM_DIGEST_SIZE];
    size_t count = 0;

    for (uint64_t at = 0; at < bytes->len && count < sizeof(pieces) / sizeof(pieces[0]);
         at += DIGEST_PIECE) {
        const uint64_t left = bytes->len - at;
        troupe_status status =
            digest_piece(turn, bytes->ptr + at, left < DIGEST_PIECE ? (size_t)left : DIGEST_PIECE,
                         pieces[count++]);

        if (status < 0)
            return status;
    }
    if (count == 1)
        memcpy(ret, pieces[0], LLM_DIGEST_SIZE);
    else
        llm_digest(pieces, count * LLM_DIGEST_SIZE, ret);
    return TROUPE_OK;
}

troupe_status llm_pictures_digest(troupe_turn *turn, struct llm_pictures *pictures)
{
    for (uint32_t i = 0; i < pictures->count; i++) {
        struct llm_picture *picture = &pictures->at[i];
        uint8_t made[LLM_DIGEST_SIZE];
        troupe_status status = digest_one(turn, &picture->bytes, made);

        if (status < 0)
            return status;
        llm_digest_text(made, picture->digest);
    }
    return TROUPE_OK;
}

json_t *llm_pictures_digests(const struct llm_request *request)
{
    json_t *list = json_array();
    const json_t *message, *file;
    size_t i, n;

    json_array_foreach (request->messages, i, message) {
        json_array_foreach (list_of(message), n, file) {
            const struct llm_picture *picture =
                picture_of(request->pictures, json_integer_value(file));

            if (json_array_append_new(list, json_string(picture ? picture->digest : "")) < 0) {
                json_decref(list);
                return NULL;
            }
        }
    }
    return list;
}

/* ---- writing ---------------------------------------------------------------------------------- */

const struct llm_picture *llm_pictures_at(const struct llm_request *request, const json_t *message,
                                          size_t n)
{
    const json_t *file = json_array_get(list_of(message), n);

    return file ? picture_of(request->pictures, json_integer_value(file)) : NULL;
}

json_t *llm_pictures_stand_in(const struct llm_picture *picture, const char *before)
{
    struct llm_picture *own = (struct llm_picture *)picture;

    if (!own->stand_in)
        own->stand_in =
            before ? json_string(before) : json_sprintf("data:%s;base64,", own->head.type);
    return json_incref(own->stand_in);
}

static size_t packed(size_t len)
{
    return (len + 2) / 3 * 4;
}

static void pack(const uint8_t *in, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; len > 0; out += 4) {
        const size_t n = len < 3 ? len : 3;
        const uint32_t bits = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) |
                              (n > 2 ? (uint32_t)in[2] : 0);

        out[0] = digits[bits >> 18];
        out[1] = digits[bits >> 12 & 63];
        out[2] = n > 1 ? digits[bits >> 6 & 63] : '=';
        out[3] = n > 2 ? digits[bits & 63] : '=';
        in += n;
        len -= n;
    }
}

/* Which text stands for a picture is told by the value itself, which nothing that was written can be. */
static const struct llm_picture *picture_behind(const struct llm_pictures *pictures,
                                                const json_t *value)
{
    for (uint32_t i = 0; i < pictures->count; i++)
        if (pictures->at[i].stand_in == value)
            return &pictures->at[i];
    return NULL;
}

static int put_picture(struct llm_json_writer *writer, const json_t *value, void *arg)
{
    const struct llm_picture *picture = picture_behind(arg, value);
    char *room;

    if (!picture)
        return 0;
    llm_json_put(writer, "\"", 1);
    llm_json_put(writer, json_string_value(value), json_string_length(value));
    room = llm_json_room(writer, packed((size_t)picture->bytes.len));
    if (room)
        pack((const uint8_t *)picture->bytes.ptr, (size_t)picture->bytes.len, room);
    llm_json_put(writer, "\"", 1);
    return 1;
}

static size_t text_room(const struct llm_request *request)
{
    return BODY_ROOM + 2 * (size_t)request->input_bytes;
}

static void drop_stand_ins(struct llm_pictures *pictures)
{
    for (uint32_t i = 0; i < pictures->count; i++) {
        json_decref(pictures->at[i].stand_in);
        pictures->at[i].stand_in = NULL;
    }
}

char *llm_pictures_print(const struct llm_request *request, const json_t *body, size_t flags)
{
    struct llm_pictures *pictures = request->pictures;
    size_t room = text_room(request);
    char *text;

    for (uint32_t i = 0; i < pictures->count; i++)
        room += packed((size_t)pictures->at[i].bytes.len);
    text = llm_json_print_with(body, flags, room, put_picture, pictures);
    drop_stand_ins(pictures);
    return text;
}

struct cutting {
    const struct llm_pictures *pictures;
    struct llm_body *body;
    int too_many;
};

static int cut_picture(struct llm_json_writer *writer, const json_t *value, void *arg)
{
    struct cutting *cutting = arg;
    struct llm_body *body = cutting->body;
    const struct llm_picture *picture = picture_behind(cutting->pictures, value);

    if (!picture)
        return 0;
    llm_json_put(writer, "\"", 1);
    llm_json_put(writer, json_string_value(value), json_string_length(value));
    if (body->count < LLM_CUTS_MAX)
        body->cuts[body->count++] = (struct llm_cut){writer->len, picture};
    else
        cutting->too_many = 1;
    llm_json_put(writer, "\"", 1);
    return 1;
}

void llm_pictures_cut(const struct llm_request *request, const json_t *body, size_t flags,
                      struct llm_body *ret)
{
    struct cutting cutting = {request->pictures, ret, 0};

    ret->count = 0;
    ret->text = llm_json_print_with(body, flags, text_room(request), cut_picture, &cutting);
    ret->len = ret->text ? strlen(ret->text) : 0;
    if (cutting.too_many) {
        free(ret->text);
        ret->count = 0;
        ret->text = llm_pictures_print(request, body, flags);
        ret->len = ret->text ? strlen(ret->text) : 0;
        return;
    }
    drop_stand_ins(request->pictures);
}
