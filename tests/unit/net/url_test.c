/* SPDX-License-Identifier: Apache-2.0
 *
 * A URL that goes where the last one went is copied and not parsed; what comes of it must be what
 * the parser makes of it.
 */
#include "tap.h"

#include "base/mem.h"
#include "net/http_private.h"

#include <string.h>

/* In parts, after those of another request: libcurl gets out of them what it gets out of the text. */
static void check_parts(struct http_url_parts *parts, const struct http_url *url)
{
    CURLU *apart = http_url_take_apart(parts, url), *whole = curl_url();
    static const CURLUPart kinds[] = {CURLUPART_SCHEME, CURLUPART_HOST,    CURLUPART_PORT,
                                      CURLUPART_PATH,   CURLUPART_QUERY,   CURLUPART_USER,
                                      CURLUPART_ZONEID, CURLUPART_FRAGMENT};

    assert_non_null(whole);
    assert_int_equal(curl_url_set(whole, CURLUPART_URL, url->text, 0), CURLUE_OK);
    for (size_t i = 0; apart && i < sizeof(kinds) / sizeof(*kinds); i++) {
        char *a = NULL, *b = NULL;

        assert_int_equal(curl_url_get(apart, kinds[i], &a, 0),
                         curl_url_get(whole, kinds[i], &b, 0));
        assert_string_equal(a ? a : "(none)", b ? b : "(none)");
        curl_free(a);
        curl_free(b);
    }
    curl_url_cleanup(whole);
}

static void check_same(struct http_url_known *known, struct http_url_parts *parts, const char *text)
{
    struct http_url parsed = {0}, read = {0};
    struct error err;
    troupe_status status = http_url_parse(text, NULL, &parsed, &err);

    assert_int_equal(http_url_read(text, known, &read, &err), status);
    if (status == TROUPE_OK) {
        assert_string_equal(read.text, parsed.text);
        assert_string_equal(read.origin, parsed.origin);
        check_parts(parts, &read);
    }
    http_url_clear(&parsed);
    http_url_clear(&read);
}

static void what_is_copied_is_what_the_parser_makes_of_it(void **state)
{
    static const char *const bases[] = {
        "https://discord.com/",     "http://127.0.0.1:8080/", "https://DISCORD.com/",
        "https://discord.com:443/", "http://[::1]:80/",       "https://discord.com.evil.example/",
        "http://user:pw@localhost/"};
    static const char *const rests[] = {
        "",
        "api/v10/channels/1/messages",
        "api/v10/channels/1/messages?limit=50&around=2",
        "a//b",
        "./a",
        "a/../b",
        "a/..",
        "a.b/c..d",
        ".hidden",
        "a/%2e%2e/b",
        "reactions/%F0%9F%91%80/@me",
        "a#fragment",
        "a?b#c",
        "a?b/../c",
        "?q",
        "\\evil.example",
        "a b",
        "a\r\nHost: evil.example",
        "@evil.example/",
        ":80/x",
        "\xc3\xa4",
        "a;b=1",
        "[x]",
        "a'b\"c<d>e",
    };
    struct http_url_known known = {0};
    struct http_url_parts parts = {0};

    (void)state;
    for (size_t first = 0; first < sizeof(bases) / sizeof(*bases); first++)
        for (size_t b = 0; b < sizeof(bases) / sizeof(*bases); b++)
            for (size_t i = 0; i < sizeof(rests) / sizeof(*rests); i++) {
                _cleanup_mem_ char *before = mem_printf("%splain/path", bases[first]);
                _cleanup_mem_ char *text = mem_printf("%s%s", bases[b], rests[i]);

                check_same(&known, &parts, before);
                check_same(&known, &parts, text);
                check_same(&known, &parts, text);
                assert_true(i != 1 || b == 6 || known.len == 0 ||
                            parts.len == known.len - 1); /* taken apart, where it is plain */
                http_url_forget_path(&parts);
                check_same(&known, &parts, text);
            }
    http_url_parts_clear(&parts);
}

static void a_known_origin_bounds_nothing_anew(void **state)
{
    struct http_url_known known = {0};
    struct http_url_parts parts = {0};
    _cleanup_mem_ char *longest = mem_alloc(HTTP_URL_MAX + 2);

    (void)state;
    check_same(&known, &parts, "https://discord.com/");
    assert_true(known.len > 0);
    memset(longest, 'a', HTTP_URL_MAX + 1);
    memcpy(longest, "https://discord.com/", 20);
    longest[HTTP_URL_MAX + 1] = '\0';
    check_same(&known, &parts, longest); /* one too long */
    longest[HTTP_URL_MAX] = '\0';
    check_same(&known, &parts, longest);
    check_same(&known, &parts, "https://discord.co");
    check_same(&known, &parts, "");
    http_url_parts_clear(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_copied_is_what_the_parser_makes_of_it),
        cmocka_unit_test(a_known_origin_bounds_nothing_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
