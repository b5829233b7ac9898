/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers: which file wins, where a value came from, and what includes may do.
 */
#include "fixture.h"

/* "value @ origin" of a key. */
static void assert_value(const struct fixture *fixture, const char *kind, const char *name,
                         const char *key, const char *text, const char *file, unsigned line)
{
    const struct config_section *section = config_section(fixture->config, kind, name);
    const struct config_value *value = section ? config_value(section, key) : NULL;

    assert_non_null(value);
    assert_string_equal(value->text, text);
    assert_string_equal(value->file, strchr(file, '/') ? fixture_path(fixture, file + 2) : file);
    assert_int_equal(value->line, line);
}

static void later_layers_win_key_by_key(void **state)
{
    static const char *const sets[] = {"console.member=set", "agent hello.specialty=a=b.c",
                                       " agent   hello . priority=7"};
    struct fixture *fixture = *state;
    struct config_raw *raw = NULL;
    const char *path;

    path = fixture_write(fixture, "troupe.ini",
                         "include = more/*.ini\n"
                         "[troupe]\nname = main\n"
                         "[console]\nprefix = main\nmember = main\n"
                         "[agent hello]\npriority = 1\n");
    fixture_write(fixture, "more/a.ini", "[troupe]\nname = a\nlog_level = debug\n");
    fixture_write(fixture, "more/b.ini", "[troupe]\nlog_level = warn\n");
    fixture_write(fixture, "more/c.txt", "[troupe]\nlog_level = error\n");
    fixture_write(fixture, "conf.d/10-x.ini", "[console]\nprefix = ten\nmember = ten\n");
    fixture_write(fixture, "conf.d/9-y.ini", "[console]\nprefix = nine\n");
    fixture_write(fixture, "conf.d/.hidden.ini", "[console]\nprefix = hidden\n");
    assert_status(config_parse(path, sets, 3, &raw, &fixture->problems), TROUPE_OK);
    assert_status(fixture_check(fixture, raw, NULL, 0, 0), TROUPE_OK);
    assert_string_equal(config_path(fixture->config), path);
    assert_value(fixture, "troupe", NULL, "name", "main", "./troupe.ini", 3);
    assert_value(fixture, "troupe", NULL, "log_level", "warn", "./more/b.ini", 2);
    assert_value(fixture, "console", NULL, "prefix", "nine", "./conf.d/9-y.ini", 2);
    assert_value(fixture, "console", NULL, "member", "set", "--set", 0);
    assert_value(fixture, "agent", "hello", "specialty", "a=b.c", "--set", 0);
    assert_value(fixture, "agent", "hello", "priority", "7", "--set", 0);
    assert_value(fixture, "admission", NULL, "queue", "100", "default", 0);
}

static void works_without_any_file(void **state)
{
    struct fixture *fixture = *state;
    struct config_raw *raw = NULL;

    assert_status(config_parse(NULL, NULL, 0, &raw, &fixture->problems), TROUPE_OK);
    assert_status(fixture_check(fixture, raw, NULL, 0, 0), TROUPE_OK);
    assert_string_equal(config_path(fixture->config), "");
    assert_value(fixture, "budget", NULL, "daily", "1.00", "default", 0);
    assert_null(config_next(fixture->config, "agent", NULL));
}

static void names_what_an_override_should_look_like(void **state)
{
    static const struct {
        const char *set, *problem;
    } cases[] = {
        {"daily=2", "--set: expected SECTION.KEY=VALUE, for example \"agent llm.model=NAME\"\n"},
        {"budget.daily",
         "--set: expected SECTION.KEY=VALUE, for example \"agent llm.model=NAME\"\n"},
        {"bud get x.daily=2",
         "--set: expected [KIND] or [KIND NAME], each of at most 48 letters, digits, \"_\" or "
         "\"-\", a name also with \".\"\n"},
        {"budget.da ily=2", "--set: a key is made of at most 48 letters, digits, \"_\" or \"-\"\n"},
        {"budget.daily=\xff", "--set: the argument is not UTF-8 text\n"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_raw *raw = NULL;

        assert_status(config_parse(NULL, &cases[i].set, 1, &raw, &fixture->problems),
                      TROUPE_CONFIG);
        assert_null(raw);
        assert_string_equal(fixture_problems(fixture), cases[i].problem);
    }
}

static void a_bad_include_is_named_where_it_stands(void **state)
{
    struct fixture *fixture = *state;
    const char *path;

    path = fixture_write(fixture, "a.ini",
                         "; comment\ninclude = none.ini\ninclude =\ninclude = none*.ini\n"
                         "include = sub\n");
    fixture_write(fixture, "sub/x", "");
    assert_status(fixture_load(fixture, path), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/a.ini:2: include: there is no file \"DIR/none.ini\"\n"
                        "DIR/a.ini:3: include: expected a path\n"
                        "DIR/a.ini:5: \"DIR/sub\" is not a regular file\n");

    path = fixture_write(fixture, "a.ini", "[troupe]\ninclude = b.ini\n");
    assert_status(fixture_load(fixture, path), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/a.ini:2: key \"include\" in [troupe]: include lines stand at the top "
                        "of a file, before its first section\n");
}

static void a_circle_of_includes_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *path = fixture_write(fixture, "a.ini", "include = b.ini\n");

    fixture_write(fixture, "b.ini", "include = a.ini\n");
    assert_status(fixture_load(fixture, path), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/b.ini:1: \"DIR/a.ini\" includes itself through other files; remove "
                        "one include\n");
    fixture_write(fixture, "b.ini", "include = ./b.ini\n");
    assert_status(fixture_load(fixture, path), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/b.ini:1: \"DIR/b.ini\" includes itself; remove one include\n");
}

static void depth_and_number_of_includes_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    char name[32], text[64];

    for (int i = 0; i <= CONFIG_MAX_DEPTH + 1; i++) {
        snprintf(name, sizeof(name), "f%d.ini", i);
        snprintf(text, sizeof(text), "%sinclude = f%d.ini\n", i <= CONFIG_MAX_DEPTH ? "" : ";",
                 i + 1);
        fixture_write(fixture, name, text);
    }
    assert_status(fixture_load(fixture, fixture_path(fixture, "f1.ini")), TROUPE_OK);
    assert_status(fixture_load(fixture, fixture_path(fixture, "f0.ini")), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "DIR/f8.ini:1: \"DIR/f9.ini\" is included more than 8 levels deep\n");

    for (int i = 0; i < CONFIG_MAX_INCLUDES; i++) {
        snprintf(name, sizeof(name), "many/%02d.ini", i);
        fixture_write(fixture, name, "");
    }
    fixture_write(fixture, "all.ini", "include = many/*.ini\n");
    assert_status(fixture_load(fixture, fixture_path(fixture, "all.ini")), TROUPE_OK);
    fixture_write(fixture, "many/more.ini", "");
    assert_status(fixture_load(fixture, fixture_path(fixture, "all.ini")), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture), "DIR/all.ini:1: more than 64 included files\n");
}

static void unreadable_files_are_named(void **state)
{
    struct fixture *fixture = *state;
    const char *path = fixture_path(fixture, "none.ini");
    struct buf large = BUF_INIT;

    assert_status(fixture_load(fixture, path), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "cannot open \"DIR/none.ini\": No such file or directory\n");
    assert_status(fixture_load(fixture, fixture->dir), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture), "\"DIR\" is not a regular file\n");

    path = fixture_path(fixture, "pipe.ini"); /* must not wait for a writer */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_status(fixture_load(fixture, path), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture), "\"DIR/pipe.ini\" is not a regular file\n");

    while (large.len <= CONFIG_MAX_FILE)
        buf_puts(&large, "; a comment that repeats itself until the file is too large\n");
    path = fixture_write(fixture, "large.ini", buf_text(&large));
    buf_clear(&large);
    assert_status(fixture_load(fixture, path), TROUPE_CONFIG);
    assert_string_equal(fixture_problems(fixture),
                        "\"DIR/large.ini\" is larger than 1048576 bytes\n");
}

/* The directory's own name is no pattern. */
static void drop_ins_are_found_beside_any_path(void **state)
{
    struct fixture *fixture = *state;
    const char *path;

    mkdir(fixture_path(fixture, "odd[1]*"), 0700);
    path = fixture_write(fixture, "odd[1]*/t.ini", "");
    fixture_write(fixture, "odd[1]*/conf.d/x.ini", "[troupe]\nname = odd\n");
    assert_status(fixture_load(fixture, path), TROUPE_OK);
    assert_string_equal(fixture_value(fixture, "troupe", NULL, "name"), "odd");
}

static void the_default_path_is_the_users_own(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    char *path = NULL;

    if (access(TROUPE_CONFIG_DIR "/troupe.ini", F_OK) == 0)
        skip(); /* a system-wide file wins, as it should */
    setenv("XDG_CONFIG_HOME", fixture->dir, 1);
    assert_status(config_default_path(&path, &err), TROUPE_NOT_FOUND);
    assert_null(path);
    assert_non_null(strstr(err.text, fixture->dir));
    assert_non_null(strstr(err.text, "troupe init"));
    if (access(TROUPE_CONFIG_DIR, F_OK) < 0) {
        path = config_new_path(); /* where it will be found */
        assert_string_equal(path, fixture_path(fixture, "troupe/troupe.ini"));
        mem_free(path);
        path = NULL;
    }
    fixture_write(fixture, "troupe/troupe.ini", "");
    assert_status(config_default_path(&path, &err), TROUPE_OK);
    assert_string_equal(path, fixture_path(fixture, "troupe/troupe.ini"));
    mem_free(path);
    path = config_new_path(); /* the one that is there */
    assert_string_equal(path, fixture_path(fixture, "troupe/troupe.ini"));
    mem_free(path);

    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", fixture->dir, 1);
    mkdir(fixture_path(fixture, ".config"), 0700);
    fixture_write(fixture, ".config/troupe/troupe.ini", "");
    assert_status(config_default_path(&path, &err), TROUPE_OK);
    assert_string_equal(path, fixture_path(fixture, ".config/troupe/troupe.ini"));
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(later_layers_win_key_by_key),
        FIXTURE_TEST(works_without_any_file),
        FIXTURE_TEST(names_what_an_override_should_look_like),
        FIXTURE_TEST(a_bad_include_is_named_where_it_stands),
        FIXTURE_TEST(a_circle_of_includes_is_refused),
        FIXTURE_TEST(depth_and_number_of_includes_are_bounded),
        FIXTURE_TEST(unreadable_files_are_named),
        FIXTURE_TEST(drop_ins_are_found_beside_any_path),
        FIXTURE_TEST(the_default_path_is_the_users_own),
    };

    return cmocka_run_group_tests_name("config/layers", tests, NULL, NULL);
}
