/* SPDX-License-Identifier: Apache-2.0
 *
 * What is shown of a configuration, what a reload would change, and that manual page and sample
 * tell of the same keys as the tables.
 */
#include "fixture.h"

static char *slurp(const char *name)
{
    const char *top = getenv("TROUPE_SRCDIR");
    _cleanup_mem_ char *path = mem_printf("%s/%s", top ? top : ".", name);
    struct buf text = BUF_INIT;
    char chunk[4096];
    size_t n;
    FILE *file = fopen(path, "r");

    if (!file)
        fail_msg("cannot open %s: set TROUPE_SRCDIR", path);
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_append(&text, chunk, n);
    fclose(file);
    return buf_take(&text);
}

static void each_key_is_printed_with_its_origin(void **state)
{
    struct fixture *fixture = *state;
    struct buf out = BUF_INIT;
    const char *text;

    assert_status(fixture_text(fixture,
                               "[budget]\ndaily = 2.50\n[pipeline message]\nstages = a,b\n"
                               "[agent hello]\nspecialty = tab\there\n",
                               NULL, 0),
                  TROUPE_OK);
    config_print(fixture->config, &out);
    text = buf_text(&out);
    assert_non_null(strstr(text, "[budget]\ndaily = 2.50 ; t.ini:2\n; per_guild_daily has no "
                                 "value\n"));
    assert_non_null(strstr(text, "\n\n[pipeline message]\nstages = a, b ; t.ini:4\n"));
    assert_non_null(strstr(text, "\n[agent hello]\nplugin = hello ; default\nenabled = yes ; "
                                 "default\n"));
    assert_non_null(strstr(text, "specialty = tab\\x09here ; t.ini:6\n"));
    buf_clear(&out);
}

static void json_holds_typed_values(void **state)
{
    struct fixture *fixture = *state;
    json_t *json, *entry;

    assert_status(fixture_text(fixture,
                               "[admission]\nfirst_text = 1m\n[http]\nallow_private = a b:80\n"
                               "[agent x]\nenabled = off\n",
                               NULL, 0),
                  TROUPE_OK);
    json = config_json(fixture->config);
    entry = json_object_get(json_object_get(json, "admission"), "first_text");
    assert_int_equal(json_integer_value(json_object_get(entry, "value")), 60000);
    assert_string_equal(json_string_value(json_object_get(entry, "file")), "t.ini");
    assert_int_equal(json_integer_value(json_object_get(entry, "line")), 2);
    entry = json_object_get(json_object_get(json, "http"), "allow_private");
    assert_int_equal(json_array_size(json_object_get(entry, "value")), 2);
    entry = json_object_get(json_object_get(json, "agent x"), "enabled");
    assert_true(json_is_false(json_object_get(entry, "value")));
    entry = json_object_get(json_object_get(json, "budget"), "daily");
    assert_string_equal(json_string_value(json_object_get(entry, "value")), "1.00");
    assert_string_equal(json_string_value(json_object_get(entry, "file")), "default");
    assert_null(json_object_get(entry, "line"));
    entry = json_object_get(json_object_get(json, "budget"), "per_guild_daily");
    assert_true(json_is_null(json_object_get(entry, "value")));
    json_decref(json);
}

static void put_change(const struct config_change *change, void *user)
{
    buf_printf(user, "%s%s%s%s%s\n", change->section, change->key ? "." : "",
               change->key ? change->key : "",
               change->added     ? " added"
               : change->removed ? " removed"
                                 : "",
               change->live ? "" : " needs a restart");
}

static void a_reload_knows_what_changed(void **state)
{
    struct fixture *fixture = *state;
    struct buf out = BUF_INIT;
    struct config *old;

    assert_status(fixture_text(fixture,
                               "[troupe]\ndata = /a\n[admission]\nfirst_text = 60s\n"
                               "[agent a]\n[agent b]\n[pipeline p]\nstages = x y\n",
                               NULL, 0),
                  TROUPE_OK);
    old = config_ref(fixture->config);
    assert_status(fixture_text(fixture,
                               "[pipeline p]\nstages = x, z\n[agent c]\n[agent a]\n"
                               "[admission]\nfirst_text = 1m\n[troupe]\ndata = /b\n",
                               NULL, 0),
                  TROUPE_OK);
    config_diff(old, fixture->config, put_change, &out);
    assert_string_equal(buf_text(&out), "troupe.data needs a restart\n"
                                        "troupe.control_socket needs a restart\n"
                                        "store.path needs a restart\n"
                                        "store.spool needs a restart\n"
                                        "pipeline p.stages\n"
                                        "agent c added\n"
                                        "agent b removed\n");
    assert_true(config_section_equal(config_section(old, "admission", NULL),
                                     config_section(fixture->config, "admission", NULL)));
    assert_true(config_section_equal(config_section(old, "agent", "a"),
                                     config_section(fixture->config, "agent", "a")));
    assert_false(config_section_equal(config_section(old, "pipeline", "p"),
                                      config_section(fixture->config, "pipeline", "p")));
    assert_false(config_section_equal(config_section(old, "agent", "b"), NULL));
    assert_true(config_section_equal(NULL, NULL));
    config_unref(old);
    buf_clear(&out);
}

/* The entry of a key in a section's part of the page, up to the next one; fails without one. */
static char *page_entry(const char *part, const char *kind, const struct config_key *key)
{
    _cleanup_mem_ char *head = mem_printf("\n.TP\n.B %s\n", key->name);
    const char *section_end = strstr(part + 1, "\n.SS "), *hit = strstr(part, head), *end;

    if (!hit || (section_end && hit > section_end))
        fail_msg("man/troupe.ini.5 lacks \"%s\" of [%s]", key->name, kind);
    end = strstr(hit + 1, "\n.TP");
    if (!end || (section_end && end > section_end))
        end = section_end;
    return end ? mem_strndup(hit, (size_t)(end - hit)) : mem_strdup(hit);
}

/* Every section and key of the core has its place, with its default and when it is taken over. */
static void the_manual_page_tells_of_every_key(void **state)
{
    _cleanup_mem_ char *page = slurp("man/troupe.ini.5");
    const struct config_schema *schemas;
    size_t count;

    (void)state;
    schemas = config_core_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        _cleanup_mem_ char *head = mem_printf(".SS [%s%s]\n", schemas[i].kind,
                                              schemas[i].flags & CONFIG_NAMED ? " NAME" : "");
        const char *part = strstr(page, head);

        if (!part)
            fail_msg("man/troupe.ini.5 lacks [%s]", schemas[i].kind);
        for (size_t k = 0; k < schemas[i].count; k++) {
            const struct config_key *key = &schemas[i].keys[k];
            _cleanup_mem_ char *entry = page_entry(part, schemas[i].kind, key);
            _cleanup_mem_ char *def = mem_printf("default %s", key->def ? key->def : "");

            if (key->def && *key->def != '$' && *key->def != '/' && !strstr(entry, def))
                fail_msg("man/troupe.ini.5: \"%s\" of [%s] lacks its %s", key->name,
                         schemas[i].kind, def);
            if (!strstr(entry, "restart\"") != !!(key->flags & CONFIG_LIVE))
                fail_msg("man/troupe.ini.5: whether \"%s\" of [%s] needs a restart is wrong",
                         key->name, schemas[i].kind);
        }
    }
}

/* The sample as it is, and again with every commented default switched on. */
static void the_sample_holds_and_shows_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    _cleanup_mem_ char *sample = slurp("etc/troupe.ini");
    struct config_raw *raw = NULL;
    const struct config_schema *schemas;
    struct buf on = BUF_INIT, changes = BUF_INIT;
    struct config *plain;
    size_t count;

    assert_status(config_parse_text("troupe.ini", sample, strlen(sample), &raw, &fixture->problems),
                  TROUPE_OK);
    assert_status(fixture_check(fixture, raw, NULL, 0, CONFIG_CHECK_OPEN), TROUPE_OK);
    plain = config_ref(fixture->config);
    assert_int_equal(config_list(config_section(plain, "pipeline", "message"), "stages")->count, 1);
    for (const char *p = sample, *end; *p; p = *end ? end + 1 : end) {
        end = strchrnul(p, '\n');
        if (*p == ';' && p[1] != ' ') /* ";key = default"; prose has a space */
            p++;
        buf_append(&on, p, (size_t)(end - p));
        buf_putc(&on, '\n');
    }
    assert_status(config_parse_text("troupe.ini", buf_text(&on), on.len, &raw, &fixture->problems),
                  TROUPE_OK);
    assert_status(fixture_check(fixture, raw, NULL, 0, CONFIG_CHECK_OPEN), TROUPE_OK);
    config_diff(plain, fixture->config, put_change, &changes);
    assert_string_equal(buf_text(&changes), "");
    /* Each key with a fixed default of the sections that are always there stands in it. */
    schemas = config_core_schemas(&count);
    for (size_t i = 0; i < count; i++) {
        const struct config_section *section =
            config_section(fixture->config, schemas[i].kind, NULL);

        for (size_t k = 0; section && k < schemas[i].count; k++) {
            const struct config_key *key = &schemas[i].keys[k];

            if (key->def && *key->def != '$' && *key->def != '/' &&
                !config_value(section, key->name)->line)
                fail_msg("etc/troupe.ini lacks \"%s\" of [%s]", key->name, schemas[i].kind);
        }
    }
    config_unref(plain);
    buf_clear(&on);
    buf_clear(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(each_key_is_printed_with_its_origin),
        FIXTURE_TEST(json_holds_typed_values),
        FIXTURE_TEST(a_reload_knows_what_changed),
        cmocka_unit_test(the_manual_page_tells_of_every_key),
        FIXTURE_TEST(the_sample_holds_and_shows_the_defaults),
    };

    return cmocka_run_group_tests_name("config/print", tests, NULL, NULL);
}
