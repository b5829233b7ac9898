/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

#include <string.h>

/* What is left of the bytes. Reading beyond them gives zeros and is remembered. */
struct bytes {
    const uint8_t *at;
    size_t left;
    int bad;
};

static const uint8_t *take(struct bytes *in, size_t n)
{
    static const uint8_t nothing[16];
    const uint8_t *at = in->at;

    if (in->bad || n > in->left) {
        in->bad = 1;
        return nothing;
    }
    in->at += n;
    in->left -= n;
    return at;
}

static void skip(struct bytes *in, size_t n)
{
    if (in->bad || n > in->left) {
        in->bad = 1;
        return;
    }
    in->at += n;
    in->left -= n;
}

static uint32_t big(const uint8_t *at, int n)
{
    uint32_t value = 0;

    for (int i = 0; i < n; i++)
        value = value << 8 | at[i];
    return value;
}

static uint32_t little(const uint8_t *at, int n)
{
    uint32_t value = 0;

    while (n-- > 0)
        value = value << 8 | at[n];
    return value;
}

static int begins(const struct bytes *in, const char *head, size_t len)
{
    return in->left >= len && memcmp(in->at, head, len) == 0;
}

static troupe_status done(const struct bytes *in, const char *type, uint32_t width, uint32_t height,
                          struct llm_picture_head *ret)
{
    if (in->bad || width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return TROUPE_DATA;
    *ret = (struct llm_picture_head){.type = type, .width = width, .height = height};
    return TROUPE_OK;
}

/* ---- PNG (ISO/IEC 15948): the header is the first chunk ------------------------------------------*/

static troupe_status read_png(struct bytes *in, struct llm_picture_head *ret)
{
    static const char first[] = "\0\0\0\rIHDR";
    static const uint8_t depths[] = {1, 2, 4, 8, 16}, colours[] = {0, 2, 3, 4, 6};
    const uint8_t *fields;

    skip(in, 8);
    if (!begins(in, first, sizeof(first) - 1))
        return TROUPE_DATA;
    skip(in, sizeof(first) - 1);
    fields = take(in, 13);
    /* Compression, filter and interlacing have one or two kinds. */
    if (!memchr(depths, fields[8], sizeof(depths)) ||
        !memchr(colours, fields[9], sizeof(colours)) || fields[10] != 0 || fields[11] != 0 ||
        fields[12] > 1)
        return TROUPE_DATA;
    return done(in, "image/png", big(fields, 4), big(fields + 4, 4), ret);
}

/* ---- JPEG (ITU-T T.81): the frame's header stands somewhere before the first scan ------------------*/

enum { SOF0 = 0xc0, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOF15 = 0xcf, RST0 = 0xd0, EOI = 0xd9 };
enum { SOS = 0xda, TEM = 0x01 };

static int is_frame(uint8_t marker)
{
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

static troupe_status read_jpeg(struct bytes *in, struct llm_picture_head *ret)
{
    skip(in, 2);
    while (!in->bad) {
        uint8_t marker = *take(in, 1) == 0xff ? 0xff : 0;
        uint32_t len;

        while (marker == 0xff && !in->bad)
            marker = *take(in, 1);
        if (marker == TEM)
            continue;
        if (marker == 0 || marker == SOS || (marker >= RST0 && marker <= EOI))
            return TROUPE_DATA;
        len = big(take(in, 2), 2);
        if (len < 2)
            return TROUPE_DATA;
        if (is_frame(marker)) {
            const uint8_t *fields = take(in, 6);

            if (len != 8 + 3 * (uint32_t)fields[5])
                return TROUPE_DATA;
            return done(in, "image/jpeg", big(fields + 3, 2), big(fields + 1, 2), ret);
        }
        skip(in, len - 2);
    }
    return TROUPE_DATA;
}

/* ---- GIF (87a and 89a): a screen, and frames on it ------------------------------------------------*/

static void skip_colours(struct bytes *in, uint8_t flags)
{
    if (flags & 0x80)
        skip(in, (size_t)3 << ((flags & 7) + 1));
}

static troupe_status read_gif(struct bytes *in, struct llm_picture_head *ret)
{
    const uint8_t *screen, *frame;
    uint32_t width, height;
    uint8_t kind;

    skip(in, 6);
    screen = take(in, 7);
    width = little(screen, 2);
    height = little(screen + 2, 2);
    skip_colours(in, screen[4]);
    while ((kind = *take(in, 1)) == 0x21 && !in->bad) {
        uint8_t block;

        skip(in, 1);
        while ((block = *take(in, 1)) != 0 && !in->bad)
            skip(in, block);
    }
    if (kind != 0x2c)
        return TROUPE_DATA;
    /* Some draw beyond the screen, which some decoders then make larger. */
    frame = take(in, 9);
    if (little(frame, 2) + little(frame + 4, 2) > width)
        width = little(frame, 2) + little(frame + 4, 2);
    if (little(frame + 2, 2) + little(frame + 6, 2) > height)
        height = little(frame + 2, 2) + little(frame + 6, 2);
    return done(in, "image/gif", width, height, ret);
}

/* ---- WebP (RFC 9649): one of three chunks comes first ----------------------------------------------*/

static troupe_status read_webp(struct bytes *in, struct llm_picture_head *ret)
{
    static const char type[] = "image/webp";
    const uint8_t *name, *fields;
    uint32_t bits;

    skip(in, 12);
    name = take(in, 4);
    skip(in, 4);
    if (memcmp(name, "VP8X", 4) == 0) {
        fields = take(in, 10);
        return done(in, type, little(fields + 4, 3) + 1, little(fields + 7, 3) + 1, ret);
    }
    if (memcmp(name, "VP8L", 4) == 0) {
        fields = take(in, 5);
        bits = little(fields + 1, 4);
        if (fields[0] != 0x2f || bits >> 29 != 0)
            return TROUPE_DATA;
        return done(in, type, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, ret);
    }
    fields = take(in, 10);
    /* A key frame, and its start code. */
    if (memcmp(name, "VP8 ", 4) != 0 || fields[0] & 1 || memcmp(fields + 3, "\x9d\x01\x2a", 3) != 0)
        return TROUPE_DATA;
    return done(in, type, little(fields + 6, 2) & 0x3fff, little(fields + 8, 2) & 0x3fff, ret);
}

troupe_status llm_picture_read(const void *data, size_t len, struct llm_picture_head *ret)
{
    struct bytes in = {.at = data, .left = len};

    if (begins(&in, "\x89PNG\r\n\x1a\n", 8))
        return read_png(&in, ret);
    if (begins(&in, "\xff\xd8\xff", 3))
        return read_jpeg(&in, ret);
    if (begins(&in, "GIF87a", 6) || begins(&in, "GIF89a", 6))
        return read_gif(&in, ret);
    if (begins(&in, "RIFF", 4) && in.left >= 12 && memcmp(in.at + 8, "WEBP", 4) == 0)
        return read_webp(&in, ret);
    return TROUPE_DATA;
}
