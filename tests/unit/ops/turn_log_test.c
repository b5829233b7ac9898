/* SPDX-License-Identifier: Apache-2.0
 *
 * The line that a turn leaves, and that nobody can tell from it who the member is.
 */
#include "tap.h"

#include "base/log.h"
#include "gateway/event.h"
#include "ops/turn_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct ops_member_key key, other_key;

static void assert_hashes_differ(const struct ops_member_key *a_key, const char *a_source,
                                 const char *a_member, const struct ops_member_key *b_key,
                                 const char *b_source, const char *b_member)
{
    char a[OPS_MEMBER_HASH_SIZE], b[OPS_MEMBER_HASH_SIZE];

    ops_member_hash(a_key, a_source, a_member, a);
    ops_member_hash(b_key, b_source, b_member, b);
    assert_int_equal(strlen(a), 16);
    assert_string_not_equal(a, b);
}

static void a_hash_is_of_a_member_and_an_installation(void **state)
{
    char one[OPS_MEMBER_HASH_SIZE], again[OPS_MEMBER_HASH_SIZE];

    (void)state;
    ops_member_hash(&key, "discord:0", "42", one);
    ops_member_hash(&key, "discord:0", "42", again);
    assert_string_equal(one, again);
    assert_hashes_differ(&key, "discord:0", "42", &key, "discord:0", "43");
    assert_hashes_differ(&key, "discord:0", "42", &key, "console", "42");
    assert_hashes_differ(&key, "discord:0", "42", &other_key, "discord:0", "42");
    assert_hashes_differ(&key, "a", "bc", &key, "ab", "c");
    ops_member_hash(&key, "discord:0", NULL, one);
    assert_string_equal(one, "");
    /* As the key, the source with its end, and the member are hashed by anybody else. */
    ops_member_hash(&key, "discord:0", "42", one);
    assert_string_equal(one, "366cb40aee6ce157");
}

/* The line of a turn, into `text`. */
static void line_of(const struct turn_figures *figures, char text[1024])
{
    ssize_t n;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    log_setup(LOG_INFO, LOG_SYSTEMD, fds[1]);
    ops_turn_log(figures, &key);
    log_setup(LOG_INFO, LOG_TEXT, STDERR_FILENO);
    n = read(fds[0], text, 1023);
    text[n > 0 ? n : 0] = '\0';
    close(fds[0]);
    close(fds[1]);
}

static const struct event event = {
    .source = "discord:0",
    .kind = "message",
    .guild = "7",
    .channel = "8",
    .member = "42",
    .member_name = "alice",
    .content = "what members wrote",
    .token = "a secret",
};

static void a_turn_is_one_line_of_its_facts(void **state)
{
    struct turn_figures figures = {
        .id = 5,
        .event = &event,
        .state = "done",
        .reason = "answered",
        .stage = "talk",
        .agent = "conversation",
        .plugin = "org.x",
        .what = "llm.chat x",
        .cost_micros = 12,
        .units_in = 3,
        .units_out = 4,
        .total_ms = 20,
        .work_ms = 10,
        .first_text_ms = 15,
    };
    char hash[OPS_MEMBER_HASH_SIZE], text[1024], expected[1024];

    (void)state;
    ops_member_hash(&key, "discord:0", "42", hash);
    snprintf(expected, sizeof(expected),
             "<6>turn: ended turn=5 source=discord:0 kind=message guild=7 channel=8 member=%s "
             "state=done reason=answered stage=talk agent=conversation plugin=org.x "
             "what=\"llm.chat x\" units_in=3 units_out=4 cost_micros=12 ms=20 work_ms=10 "
             "first_text_ms=15\n",
             hash);
    line_of(&figures, text);
    assert_string_equal(text, expected);
}

static void what_was_not_is_left_out(void **state)
{
    struct event direct = event;
    struct turn_figures figures = {.event = &direct,
                                   .state = "refused",
                                   .reason = "queue_full",
                                   .what = "",
                                   .first_text_ms = -1};
    char text[1024];

    (void)state;
    direct.guild = NULL;
    direct.flags = EVENT_DIRECT;
    line_of(&figures, text);
    assert_non_null(strstr(text, "turn=0 source=discord:0 kind=message channel=direct member="));
    assert_non_null(strstr(text, " state=refused reason=queue_full ms=0 work_ms=0\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_is_of_a_member_and_an_installation),
        cmocka_unit_test(a_turn_is_one_line_of_its_facts),
        cmocka_unit_test(what_was_not_is_left_out),
    };

    int failed;

    ops_member_key_init(&key, (const unsigned char[OPS_MEMBER_KEY_SIZE]){1, 2, 3});
    ops_member_key_init(&other_key, (const unsigned char[OPS_MEMBER_KEY_SIZE]){1, 2, 4});
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    ops_member_key_clear(&key);
    ops_member_key_clear(&other_key);
    return failed;
}
