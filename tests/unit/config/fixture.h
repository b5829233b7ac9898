/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of core/config share: a temporary directory with files in it, and the problems of
 * a configuration as one text, so that a test compares whole messages.
 */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include "tap.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    struct config_problems problems;
    struct buf text; /* the problems, one a line, with the directory replaced by "DIR" */
    struct config *config;
};

static inline int fixture_setup(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/troupe-config-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    *state = fixture;
    return 0;
}

static inline int fixture_remove(const char *path, const struct stat *info, int kind,
                                 struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static inline int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    nftw(fixture->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
    config_problems_clear(&fixture->problems);
    buf_clear(&fixture->text);
    config_unref(fixture->config);
    log_mask_clear();
    mem_free(fixture);
    return 0;
}

/* A path in the fixture's directory; the result lives until sixteen calls later. */
static inline const char *fixture_path(const struct fixture *fixture, const char *name)
{
    static char paths[16][256];
    static unsigned next;
    char *path = paths[next++ % 16];

    snprintf(path, sizeof(paths[0]), "%s/%s", fixture->dir, name);
    return path;
}

static inline const char *fixture_write(const struct fixture *fixture, const char *name,
                                        const char *text)
{
    const char *path = fixture_path(fixture, name);
    char dir[256];
    FILE *file;

    snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
    mkdir(dir, 0700);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    return path;
}

/* The problems collected so far, one a line; warnings begin with "warning: ". Empties the list. */
static inline const char *fixture_problems(struct fixture *fixture)
{
    buf_reset(&fixture->text);
    for (size_t i = 0; i < fixture->problems.count; i++) {
        const char *p = fixture->problems.items[i].text, *hit;

        if (fixture->problems.items[i].warning)
            buf_puts(&fixture->text, "warning: ");
        while ((hit = strstr(p, fixture->dir))) {
            buf_append(&fixture->text, p, (size_t)(hit - p));
            buf_puts(&fixture->text, "DIR");
            p = hit + strlen(fixture->dir);
        }
        buf_puts(&fixture->text, p);
        buf_putc(&fixture->text, '\n');
    }
    config_problems_clear(&fixture->problems);
    return buf_text(&fixture->text);
}

/* Checks what was parsed against the core's tables and `schemas`, and frees it. */
static inline troupe_status fixture_check(struct fixture *fixture, struct config_raw *raw,
                                          const struct config_schema *schemas, size_t count,
                                          unsigned flags)
{
    troupe_status status;

    config_unref(fixture->config);
    fixture->config = NULL;
    status = config_check(raw, schemas, count, flags, &fixture->config, &fixture->problems);
    config_raw_free(raw);
    return status;
}

/* Both steps over a text named "t.ini". */
static inline troupe_status fixture_text(struct fixture *fixture, const char *text,
                                         const struct config_schema *schemas, size_t count)
{
    struct config_raw *raw = NULL;
    troupe_status status = config_parse_text("t.ini", text, strlen(text), &raw, &fixture->problems);

    return status < 0 ? status : fixture_check(fixture, raw, schemas, count, 0);
}

/* Both steps over a file. */
static inline troupe_status fixture_load(struct fixture *fixture, const char *path)
{
    struct config_raw *raw = NULL;
    troupe_status status = config_parse(path, NULL, 0, &raw, &fixture->problems);

    return status < 0 ? status : fixture_check(fixture, raw, NULL, 0, 0);
}

/* The text of a value, for comparing; "(unset)" without one. */
static inline const char *fixture_value(const struct fixture *fixture, const char *kind,
                                        const char *name, const char *key)
{
    const struct config_section *section = config_section(fixture->config, kind, name);
    const struct config_value *value = section ? config_value(section, key) : NULL;

    assert_non_null(value);
    return value->set ? value->text : "(unset)";
}

#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
