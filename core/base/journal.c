/* SPDX-License-Identifier: Apache-2.0 */
#include "base/journal.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void put_name(struct buf *entry, const char *name)
{
    for (; *name; name++)
        buf_putc(entry, isalnum((unsigned char)*name) ? (char)toupper((unsigned char)*name) : '_');
}

void journal_put(struct buf *entry, const char *prefix, const char *name, const char *value,
                 size_t len)
{
    unsigned char size[8];

    put_name(entry, prefix);
    put_name(entry, name);
    if (!memchr(value, '\n', len)) {
        buf_putc(entry, '=');
    } else { /* with its length, little-endian */
        for (int i = 0; i < 8; i++)
            size[i] = (unsigned char)((uint64_t)len >> (8 * i));
        buf_putc(entry, '\n');
        buf_append(entry, size, sizeof(size));
    }
    buf_append(entry, value, len);
    buf_putc(entry, '\n');
}

int journal_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd;

    if (len >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, len);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool journal_send(int fd, const struct buf *entry)
{
    ssize_t sent;

    if (entry->len > JOURNAL_ENTRY_MAX)
        return false;
    do
        sent = send(fd, entry->data, entry->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)entry->len;
}
