/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/sanitize.h"
#include "plugin_fixture.h"

#include <elf.h>

/* Reads the note of a test plugin whose bytes the caller may change first. */
struct bytes {
    unsigned char *data;
    size_t size;
};

static struct bytes bytes_of(const char *name)
{
    _cleanup_mem_ char *path = plugin_path(name);
    struct bytes bytes;

    bytes.data = read_whole(path, &bytes.size);
    return bytes;
}

static void reads_id_version_and_abi(void **state)
{
    struct bytes bytes = bytes_of("dice2");
    struct plugin_note note;
    struct error err;

    (void)state;
    assert_status(plugin_note_read(bytes.data, bytes.size, "dice2.so", &note, &err), TROUPE_OK);
    assert_string_equal(note.id, "org.example.dice");
    assert_string_equal(note.version, "2.0.0");
    assert_int_equal(note.abi_major, TROUPE_ABI_MAJOR);
    assert_int_equal(note.abi_minor, TROUPE_ABI_MINOR);
    mem_free(bytes.data);
}

static void sees_what_cannot_be_unloaded(void **state)
{
    struct bytes bytes = bytes_of("dice_pinned");
    struct plugin_note note;
    struct error err;

    (void)state;
    assert_status(plugin_note_read(bytes.data, bytes.size, "x.so", &note, &err), TROUPE_OK);
    assert_true(note.pins_itself);
    assert_string_equal(note.why_pinned, "it is marked NODELETE");
    mem_free(bytes.data);
    bytes = bytes_of("dice1");
    assert_status(plugin_note_read(bytes.data, bytes.size, "x.so", &note, &err), TROUPE_OK);
#if !defined(LOOP_ASAN) && !defined(LOOP_TSAN) /* whose runtime may take static storage */
    assert_false(note.pins_itself);
#endif
    mem_free(bytes.data);
}

static void refuse(const struct bytes *bytes, troupe_status want, const char *sentence)
{
    struct plugin_note note = {.id = "untouched"};
    struct error err = {0};

    assert_status(plugin_note_read(bytes->data, bytes->size, "x.so", &note, &err), want);
    assert_sentence(err, sentence);
    assert_string_equal(note.id, "untouched");
}

static void refuses_another_abi_with_both_versions(void **state)
{
    struct bytes bytes = bytes_of("odd_abi");

    (void)state;
    refuse(
        &bytes, TROUPE_VERSION,
        "plugin \"org.example.odd\" was built for plugin ABI 2, this host has 1; install a build "
        "for ABI 1");
    mem_free(bytes.data);
}

static void refuses_what_is_no_plugin(void **state)
{
    struct bytes text = {(unsigned char *)mem_strdup("#!/bin/sh\necho this is a script\n"), 31};
    struct bytes no_note = bytes_of("odd_note"), no_entry = bytes_of("odd_entry");

    (void)state;
    refuse(&text, TROUPE_DATA,
           "\"x.so\" is no shared object; give the .so that the plugin's build made");
    refuse(
        &no_note, TROUPE_DATA,
        "\"x.so\" is no plugin: it has no section .note.troupe; build it with TROUPE_PLUGIN() of "
        "troupe/troupe.h");
    refuse(
        &no_entry, TROUPE_DATA,
        "plugin file \"x.so\" does not export troupe_plugin_v1; build it with TROUPE_PLUGIN() of "
        "troupe/troupe.h and keep that symbol visible");
    mem_free(text.data);
    mem_free(no_note.data);
    mem_free(no_entry.data);
}

static void refuses_other_machines(void **state)
{
    struct bytes bytes = bytes_of("dice1");
    Elf64_Ehdr *head = (Elf64_Ehdr *)(void *)bytes.data;
    Elf64_Half machine = head->e_machine;
    struct plugin_note note;
    struct error err = {0};

    (void)state;
    head->e_machine = EM_RISCV;
    assert_status(plugin_note_read(bytes.data, bytes.size, "x.so", &note, &err), TROUPE_VERSION);
    assert_non_null(strstr(err.text, "plugin file \"x.so\" was built for risc-v, this host is "));
    assert_non_null(strstr(err.text, "; install a build for this machine"));
    head->e_machine = machine;
    head->e_ident[EI_CLASS] = ELFCLASS32;
    assert_status(plugin_note_read(bytes.data, bytes.size, "x.so", &note, &err), TROUPE_VERSION);
    assert_non_null(strstr(err.text, "was built for a 32-bit machine"));
    head->e_ident[EI_CLASS] = ELFCLASS64;
    head->e_type = ET_EXEC;
    refuse(&bytes, TROUPE_DATA,
           "\"x.so\" is no shared object; build the plugin with -shared -fPIC");
    mem_free(bytes.data);
}

/* In a block of exactly that size, so that a sanitizer sees one byte too many. */
static void refuses_every_truncation(void **state)
{
    struct bytes bytes = bytes_of("dice1");

    (void)state;
    for (size_t size = 0; size < bytes.size; size += size < 4096 ? 7 : 512) {
        _cleanup_mem_ unsigned char *cut = mem_alloc(size ? size : 1);
        struct plugin_note note;
        struct error err = {0};

        memcpy(cut, bytes.data, size);
        assert_int_not_equal(plugin_note_read(cut, size, "x.so", &note, &err), TROUPE_OK);
        if (size >= 64)
            assert_non_null(strstr(err.text, "is damaged or was not copied completely"));
    }
    mem_free(bytes.data);
}

/* Single bytes of the headers set to extremes: any answer is right that is one. */
static void survives_hostile_headers(void **state)
{
    static const unsigned char extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct bytes bytes = bytes_of("dice1");
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)(const void *)bytes.data;
    size_t sections = head->e_shoff, refused = 0;

    (void)state;
    for (size_t i = 0; i < 2048; i++) {
        size_t at = i < 1024 ? i : sections + (i - 1024);
        unsigned char kept;

        if (at >= bytes.size)
            break;
        kept = bytes.data[at];
        for (size_t k = 0; k < sizeof(extremes); k++) {
            struct plugin_note note;
            struct error err = {0};

            bytes.data[at] = extremes[k];
            if (plugin_note_read(bytes.data, bytes.size, "x.so", &note, &err) < 0) {
                assert_true(err.text[0] != '\0');
                refused++;
            }
        }
        bytes.data[at] = kept;
    }
    assert_true(refused > 100);
    mem_free(bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_id_version_and_abi),
        cmocka_unit_test(sees_what_cannot_be_unloaded),
        cmocka_unit_test(refuses_another_abi_with_both_versions),
        cmocka_unit_test(refuses_what_is_no_plugin),
        cmocka_unit_test(refuses_other_machines),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_hostile_headers),
    };

    return cmocka_run_group_tests_name("plugin/note", tests, NULL, NULL);
}
