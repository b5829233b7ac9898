/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/base64.h"

#include <string.h>

/* RFC 4648, section 10. */
static const struct {
    const char *bytes, *text;
} known[] = {{"", ""},
             {"f", "Zg=="},
             {"fo", "Zm8="},
             {"foo", "Zm9v"},
             {"foob", "Zm9vYg=="},
             {"fooba", "Zm9vYmE="},
             {"foobar", "Zm9vYmFy"}};

static void bytes_become_the_text_of_the_standard_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT, bytes = BUF_INIT;

        base64_put(&text, known[i].bytes, strlen(known[i].bytes));
        assert_string_equal(buf_text(&text), known[i].text);
        assert_true(base64_take(&bytes, known[i].text, strlen(known[i].text)));
        assert_string_equal(buf_text(&bytes), known[i].bytes);
    }
}

static void every_byte_survives(void **state)
{
    _cleanup_buf_ struct buf text = BUF_INIT, bytes = BUF_INIT;
    unsigned char all[256];

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (unsigned char)i;
    base64_put(&text, all, sizeof(all));
    assert_true(base64_take(&bytes, buf_text(&text), text.len));
    assert_int_equal(bytes.len, sizeof(all));
    assert_memory_equal(bytes.data, all, sizeof(all));
}

static void what_is_no_such_text_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9\n", "Zm9*"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        _cleanup_buf_ struct buf bytes = BUF_INIT;

        if (base64_take(&bytes, bad[i], strlen(bad[i])))
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_the_text_of_the_standard_and_back),
        cmocka_unit_test(every_byte_survives),
        cmocka_unit_test(what_is_no_such_text_is_refused),
    };

    return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL);
}
