/* SPDX-License-Identifier: Apache-2.0
 *
 * Which addresses an untrusted request may connect to. It looks at the address that the socket is
 * about to use, so it does not matter how the name was written or what it resolved to before.
 */
#include "net/http.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct range4 {
    uint32_t base;
    unsigned bits;
};

/* The IANA special-purpose registry (RFC 6890 and its successors), multicast and class E. */
static const struct range4 denied4[] = {
    {0x00000000, 8},  /* 0.0.0.0/8: this host                                  */
    {0x0a000000, 8},  /* 10.0.0.0/8: private                                   */
    {0x64400000, 10}, /* 100.64.0.0/10: shared between carriers                */
    {0x7f000000, 8},  /* 127.0.0.0/8: loopback                                 */
    {0xa9fe0000, 16}, /* 169.254.0.0/16: link-local, with the clouds' metadata */
    {0xac100000, 12}, /* 172.16.0.0/12: private                                */
    {0xc0000000, 24}, /* 192.0.0.0/24: protocol assignments                    */
    {0xc0000200, 24}, /* 192.0.2.0/24: documentation                           */
    {0xc0586300, 24}, /* 192.88.99.0/24: 6to4 relays                           */
    {0xc0a80000, 16}, /* 192.168.0.0/16: private                               */
    {0xc6120000, 15}, /* 198.18.0.0/15: benchmarks                             */
    {0xc6336400, 24}, /* 198.51.100.0/24: documentation                        */
    {0xcb007100, 24}, /* 203.0.113.0/24: documentation                         */
    {0xe0000000, 4},  /* 224.0.0.0/4: multicast                                */
    {0xf0000000, 4},  /* 240.0.0.0/4: reserved, broadcast                      */
};

static bool allowed4(uint32_t address)
{
    for (size_t i = 0; i < sizeof(denied4) / sizeof(denied4[0]); i++) {
        uint32_t mask = ~UINT32_C(0) << (32 - denied4[i].bits);

        if ((address & mask) == denied4[i].base)
            return false;
    }
    return true;
}

static uint32_t embedded4(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool starts(const uint8_t *address, const char *prefix, size_t len)
{
    return memcmp(address, prefix, len) == 0;
}

static bool allowed6(const uint8_t *a)
{
    static const char zeros[12];

    if (starts(a, zeros, 10) && a[10] == 0xff && a[11] == 0xff) /* ::ffff:a.b.c.d mapped */
        return allowed4(embedded4(a + 12));
    if (starts(a, zeros, 12)) /* ::, ::1, and the IPv4-compatible form: nobody needs it */
        return false;
    if (starts(a, "\x00\x64\xff\x9b\x00\x00\x00\x00\x00\x00\x00\x00", 12)) /* 64:ff9b::/96 NAT64 */
        return allowed4(embedded4(a + 12));
    if (starts(a, "\x20\x02", 2)) /* 2002::/16 6to4 */
        return allowed4(embedded4(a + 2));
    /* Global unicast is 2000::/3 alone: that leaves out fc00::/7, fe80::/10, fec0::/10, ff00::/8,
     * 100::/64 and the local NAT64 prefix 64:ff9b:1::/48. */
    if ((a[0] & 0xe0) != 0x20)
        return false;
    /* 2001::/23 is for protocols (Teredo, ORCHID, benchmarks), 2001:db8::/32 and 3fff::/20 are
     * documentation, 5f00::/16 lies outside. */
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] & 0xfe) == 0)
        return false;
    return !starts(a, "\x20\x01\x0d\xb8", 4) && !(a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10);
}

bool http_address_allowed(const struct sockaddr *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    switch (address->sa_family) {
    case AF_INET: memcpy(&in4, address, sizeof(in4)); return allowed4(ntohl(in4.sin_addr.s_addr));
    case AF_INET6: memcpy(&in6, address, sizeof(in6)); return allowed6(in6.sin6_addr.s6_addr);
    default: return false;
    }
}
