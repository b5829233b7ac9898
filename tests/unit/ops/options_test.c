/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/error.h"
#include "base/mem.h"
#include "main/options.h"
#include "main/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int do_nothing(struct options *options)
{
    (void)options;
    return 0;
}

static const struct subcommand subcommands[] = {
    {"run", "", "", OPTIONS_FILES | OPTION_VERBOSE | OPTION_SUPERVISE, 0, 0, do_nothing},
    {"call", "NAME [KEY=VALUE…]", "", OPTIONS_CLIENT, 1, 100, do_nothing},
    {"status", "", "", OPTIONS_CLIENT, 0, 0, do_nothing},
    {"init", "", "", OPTIONS_INIT, 0, 0, do_nothing},
};

#define WORDS_MAX 128

/* Splits at spaces and parses; the words live until the next call. */
static troupe_status parse(struct options *options, const char *line, struct error *err)
{
    static char copy[4096];
    static char *words[WORDS_MAX];
    int count = 0;

    *err = (struct error){0};
    snprintf(copy, sizeof(copy), "troupe %s", line);
    for (char *rest = NULL, *word = strtok_r(copy, " ", &rest); word && count < WORDS_MAX - 1;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    words[count] = NULL;
    return options_parse(options, count, words, subcommands,
                         sizeof(subcommands) / sizeof(subcommands[0]), err);
}

static void assert_refused(const char *line, const char *part)
{
    struct options options;
    struct error err;

    assert_status(parse(&options, line, &err), TROUPE_ARGUMENT);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" gave \"%s\", which has no \"%s\"", line, err.text, part);
    options_clear(&options);
}

/* The child of a supervisor gets the same words without that one. */
static void test_the_word_that_asks_for_a_supervisor_is_known(void **state)
{
    struct options options;
    struct error err;

    (void)state;
    assert_status(parse(&options, "run -c /x.ini --superv -v", &err), TROUPE_OK);
    assert_ptr_equal(options.supervise, options.words[4]);
    assert_string_equal(options.supervise, "--superv");
    options_clear(&options);
    assert_status(parse(&options, "--supervise run", &err), TROUPE_OK);
    assert_ptr_equal(options.supervise, options.words[1]);
    options_clear(&options);
    assert_status(parse(&options, "run", &err), TROUPE_OK);
    assert_null(options.supervise);
    options_clear(&options);
    assert_refused("status --supervise", "\"--supervise\" means nothing to troupe status");
}

static void test_options_stand_anywhere(void **state)
{
    static const char *const lines[] = {
        "-c /x.ini --json call roll sides=6",
        "call -c /x.ini roll --json sides=6",
        "call roll sides=6 --json --config=/x.ini",
        "--json call --config /x.ini -- roll sides=6",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct options options;
        struct error err;

        if (parse(&options, lines[i], &err) < 0)
            fail_msg("%s: %s", lines[i], err.text);
        assert_string_equal(options.subcommand->name, "call");
        assert_string_equal(options.config_path, "/x.ini");
        assert_true(options.json);
        assert_int_equal(options.argument_count, 2);
        assert_string_equal(options.arguments[0], "roll");
        assert_string_equal(options.arguments[1], "sides=6");
        options_clear(&options);
    }
}

static void test_after_two_dashes_all_is_arguments(void **state)
{
    struct options options;
    struct error err;

    (void)state;
    assert_status(parse(&options, "call -- roll --json -x", &err), TROUPE_OK);
    assert_false(options.json);
    assert_int_equal(options.argument_count, 3);
    assert_string_equal(options.arguments[1], "--json");
    assert_string_equal(options.arguments[2], "-x");
    options_clear(&options);
}

static void test_sets(void **state)
{
    struct options options;
    struct error err;
    char here[1000], expected[1200];

    (void)state;
    assert_status(parse(&options, "run --set a.b=c --data /srv/bot --set agent llm.x=1 -vv", &err),
                  TROUPE_ARGUMENT); /* "llm.x=1" became an argument */
    options_clear(&options);
    assert_status(parse(&options, "run --set a.b=c --data /srv/bot -vv", &err), TROUPE_OK);
    assert_int_equal(options.set_count, 2);
    assert_string_equal(options.sets[0], "a.b=c");
    assert_string_equal(options.sets[1], "troupe.data=/srv/bot");
    assert_int_equal(options.verbose, 2);
    options_clear(&options);
    assert_status(parse(&options, "run --data bot", &err), TROUPE_OK);
    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(expected, sizeof(expected), "troupe.data=%s/bot", here);
    assert_string_equal(options.sets[0], expected);
    options_clear(&options);
}

static void test_too_many_sets(void **state)
{
    _cleanup_mem_ char *line = mem_strdup("run");
    struct options options;
    struct error err;

    (void)state;
    for (int i = 0; i < OPTIONS_SETS_MAX - 1; i++) {
        char *longer = mem_printf("%s --set=a.b=c", line);

        mem_free(line);
        line = longer;
    }
    assert_status(parse(&options, line, &err), TROUPE_OK);
    assert_status(options_add_set(&options, "x.y=z", &err), TROUPE_OK);
    assert_status(options_add_set(&options, "x.y=z", &err), TROUPE_LIMIT);
    options_clear(&options);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused("stauts", "did you mean \"status\"");
    assert_refused("frobnicate", "is not known; see troupe help");
    assert_refused("run --jsno", "did you mean \"--json\"");
    assert_refused("--frob", "option \"--frob\" is not known");
    assert_refused("-x run", "option \"-x\"");
    assert_refused("run -c", "\"-c\" needs a value");
    assert_refused("run --set", "\"--set\" needs a value");
    assert_refused("run --data=", "--data needs a directory");
    assert_refused("run --json", "option \"--json\" means nothing to troupe run");
    assert_refused("run now", "\"now\" is too much");
    assert_refused("call", "an argument is missing: troupe call NAME");
}

static void test_help_and_version_win(void **state)
{
    struct options options;
    struct error err;

    (void)state;
    assert_status(parse(&options, "call --help", &err), TROUPE_OK);
    assert_int_equal(options.given, OPTION_HELP);
    options_clear(&options);
    assert_status(parse(&options, "-V", &err), TROUPE_OK);
    assert_null(options.subcommand);
    assert_int_equal(options.given, OPTION_VERSION);
    options_clear(&options);
    assert_status(parse(&options, "", &err), TROUPE_OK);
    assert_null(options.subcommand);
}

/* ---- paths ----------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_paths_of_a_build_directory(void **state)
{
    char dir[] = "/tmp/troupe-paths-XXXXXX";
    _cleanup_mem_ char *exe = NULL, *archive = NULL, *makefile = NULL, *expected = NULL;
    struct paths paths;

    (void)state;
    assert_non_null(mkdtemp(dir));
    exe = mem_printf("%s/troupe", dir);
    archive = mem_printf("%s/libtroupe.a", dir);
    makefile = mem_printf("%s/Makefile", dir);

    paths_init_for(&paths, exe);
    assert_false(paths.uninstalled);
    assert_null(paths.package_dir);
    assert_null(paths.runner);
    assert_non_null(paths.sample);
    paths_clear(&paths);

    write_file(archive, "");
    paths_init_for(&paths, exe);
    assert_false(paths.uninstalled); /* no makefile: some library that lies there */
    paths_clear(&paths);

    write_file(makefile, "srcdir = x\nabs_top_srcdir = /usr/./share/..\n");
    paths_init_for(&paths, exe);
    assert_true(paths.uninstalled);
    expected = mem_printf("%s/plugins", dir);
    assert_string_equal(paths.package_dir, expected);
    assert_string_equal(paths.sample, "/usr/etc/troupe.ini");
    assert_string_equal(paths.prices, "/usr/etc/prices.json");
    assert_string_equal(paths.templates, "/usr/sdk/template");
    assert_string_equal(paths.libexec, dir);
    paths_clear(&paths);
    unlink(makefile);
    unlink(archive);
    rmdir(dir);
}

static void test_secrets_are_refused_without_repeating_them(void **state)
{
    static const char *const lines[] = {"init --token hush-hush", "--token=hush-hush init",
                                        "init --api-key hush-hush", "run --key hush-hush"};
    struct options options;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_status(parse(&options, lines[i], &err), TROUPE_ARGUMENT);
        assert_non_null(strstr(err.text, "--token-file"));
        assert_null(strstr(err.text, "hush"));
        options_clear(&options);
    }
}

static void test_what_init_is_given(void **state)
{
    struct options options;
    struct error err;

    (void)state;
    assert_status(parse(&options,
                        "init --token-file - --base-url http://x/v1 --model m --key-file k --daily "
                        "2 --from-env --non-interactive --force",
                        &err),
                  TROUPE_OK);
    assert_string_equal(options.token_file, "-");
    assert_string_equal(options.base_url, "http://x/v1");
    assert_string_equal(options.model, "m");
    assert_string_equal(options.key_file, "k");
    assert_string_equal(options.daily, "2");
    assert_int_equal(options.given & OPTIONS_INIT, OPTIONS_INIT & ~(OPTIONS_FILES | OPTION_QUIET));
    options_clear(&options);
    assert_refused("run --force", "\"--force\" means nothing to troupe run");
    assert_refused("status --from-env", "\"--from-env\" means nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stand_anywhere),
        cmocka_unit_test(test_the_word_that_asks_for_a_supervisor_is_known),
        cmocka_unit_test(test_after_two_dashes_all_is_arguments),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_too_many_sets),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_help_and_version_win),
        cmocka_unit_test(test_secrets_are_refused_without_repeating_them),
        cmocka_unit_test(test_what_init_is_given),
        cmocka_unit_test(test_paths_of_a_build_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
