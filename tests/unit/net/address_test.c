/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "net/http.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const struct {
    const char *address;
    bool allowed;
} table[] = {
    /* public */
    {"1.1.1.1", true},
    {"8.8.8.8", true},
    {"9.255.255.255", true},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.128.0.0", true},
    {"126.255.255.255", true},
    {"128.0.0.1", true},
    {"169.253.255.255", true},
    {"169.255.0.0", true},
    {"172.15.255.255", true},
    {"172.32.0.0", true},
    {"192.167.255.255", true},
    {"192.169.0.0", true},
    {"198.17.255.255", true},
    {"198.20.0.0", true},
    {"223.255.255.255", true},
    {"2606:4700:4700::1111", true},
    {"2a00:1450:4001:80b::200e", true},
    {"2001:4860:4860::8888", true},
    {"2001:200::1", true},
    /* this host, loopback */
    {"0.0.0.0", false},
    {"0.1.2.3", false},
    {"127.0.0.1", false},
    {"127.255.255.254", false},
    {"::", false},
    {"::1", false},
    /* private, shared, link-local, metadata */
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"100.64.0.0", false},
    {"100.127.255.255", false},
    {"169.254.0.1", false},
    {"169.254.169.254", false},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"192.168.0.0", false},
    {"192.168.255.255", false},
    {"fc00::1", false},
    {"fd00:ec2::254", false},
    {"fdff::1", false},
    {"fe80::1", false},
    {"febf::1", false},
    {"fec0::1", false},
    /* protocols, documentation, benchmarks, multicast, reserved */
    {"192.0.0.1", false},
    {"192.0.2.1", false},
    {"192.88.99.1", false},
    {"198.18.0.1", false},
    {"198.19.255.255", false},
    {"198.51.100.1", false},
    {"203.0.113.1", false},
    {"224.0.0.1", false},
    {"239.255.255.255", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"100::1", false},
    {"2001:db8::1", false},
    {"3fff::1", false},
    {"5f00::1", false},
    {"ff02::1", false},
    {"4000::1", false},
    /* IPv6 that embeds IPv4: as the embedded address */
    {"::ffff:127.0.0.1", false},
    {"::ffff:10.1.2.3", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:8.8.8.8", true},
    {"::127.0.0.1", false},
    {"::8.8.8.8", false},
    {"64:ff9b::127.0.0.1", false},
    {"64:ff9b::192.168.1.1", false},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b:1::8.8.8.8", false},
    {"2002:7f00:1::1", false},
    {"2002:c0a8:101::1", false},
    {"2002:808:808::1", true},
    {"2001:0:7f00:1::1", false},
    {"2001:2::1", false},
    {"2001:10::1", false},
};

static void the_guard_allows_public_addresses_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct sockaddr_in in4 = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        const struct sockaddr *address = (const struct sockaddr *)&in4;

        if (inet_pton(AF_INET, table[i].address, &in4.sin_addr) != 1) {
            assert_int_equal(inet_pton(AF_INET6, table[i].address, &in6.sin6_addr), 1);
            address = (const struct sockaddr *)&in6;
        }
        if (http_address_allowed(address) != table[i].allowed)
            fail_msg("%s must be %s", table[i].address, table[i].allowed ? "allowed" : "denied");
    }
}

static void the_guard_refuses_other_families(void **state)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};

    (void)state;
    assert_false(http_address_allowed((const struct sockaddr *)&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guard_allows_public_addresses_only),
        cmocka_unit_test(the_guard_refuses_other_families),
    };

    return cmocka_run_group_tests_name("net/address", tests, NULL, NULL);
}
