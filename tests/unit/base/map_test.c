/* SPDX-License-Identifier: Apache-2.0
 *
 * Containers: the hash map and the list.
 */
#include "tap.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static void keys_are_bytes_and_are_copied(void **state)
{
    struct map map = {0};
    char key[] = "name";
    int one = 1, two = 2, three = 3;

    (void)state;
    assert_null(map_get(&map, "name"));
    assert_null(map_remove(&map, "name"));
    assert_null(map_set(&map, key, &one));
    key[0] = 'X';
    assert_ptr_equal(map_get(&map, "name"), &one);
    assert_null(map_get(&map, key));
    assert_ptr_equal(map_set(&map, "name", &two), &one); /* the one before */
    assert_null(map_setn(&map, "a\0b", 3, &three));
    assert_ptr_equal(map_getn(&map, "a\0b", 3), &three);
    assert_null(map_getn(&map, "a\0c", 3));
    assert_null(map_get(&map, "a"));
    assert_null(map_removen(&map, "a\0c", 3));
    assert_null(map_remove(&map, "a"));
    assert_ptr_equal(map_removen(&map, "a\0b", 3), &three);
    assert_null(map_getn(&map, "a\0b", 3));
    assert_null(map_setn(&map, "a\0b", 3, &three));
    assert_null(map_set(&map, "", &one));
    assert_ptr_equal(map_get(&map, ""), &one);
    assert_int_equal(map.count, 3);
    map_clear(&map);
    assert_int_equal(map.count, 0);
    assert_null(map_get(&map, "name"));
    map_clear(&map);
}

static void many_keys_keep_their_order(void **state)
{
    enum { MANY = 5000 };
    static int values[MANY];
    struct map map = {0};
    char key[16];
    int i = 0;

    (void)state;
    for (i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        assert_null(map_set(&map, key, &values[i]));
    }
    i = 0;
    map_for_each (entry, &map) {
        assert_ptr_equal(entry->value, &values[i]);
        i++;
    }
    assert_int_equal(i, MANY);
    for (i = 0; i < MANY; i += 2) {
        snprintf(key, sizeof(key), "key%d", i);
        assert_ptr_equal(map_remove(&map, key), &values[i]);
        assert_null(map_remove(&map, key));
    }
    assert_int_equal(map.count, MANY / 2);
    for (i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        assert_ptr_equal(map_get(&map, key), i % 2 ? &values[i] : NULL);
    }
    map_clear(&map);
}

static void values_may_be_freed_with_the_map(void **state)
{
    struct map map = {0};

    (void)state;
    for (int i = 0; i < 20; i++)
        map_setn(&map, (const char *)&i, sizeof(i), mem_alloc(8));
    map_clear_with(&map, mem_free); /* the sanitizer counts */
    assert_int_equal(map.count, 0);
}

/* Two maps give the same keys other places: members choose some of them. */
static void hashes_are_seeded(void **state)
{
    struct map a = {0}, b = {0};

    (void)state;
    map_set(&a, "key", &a);
    map_set(&b, "key", &b);
    assert_true(a.seed != b.seed);
    assert_true(a.entries[0].hash != b.entries[0].hash);
    map_clear(&a);
    map_clear(&b);
}

struct item {
    int number;
    struct list_link link;
};

static void lists_hold_their_order(void **state)
{
    struct list_link head;
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    int seen = 0;

    (void)state;
    list_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_pop(&head));
    list_append(&head, &items[1].link);
    list_append(&head, &items[2].link);
    list_prepend(&head, &items[0].link);
    list_for_each (link, &head)
        assert_int_equal(container_of(link, struct item, link)->number, ++seen);
    assert_int_equal(seen, 3);
    list_remove(&items[1].link);
    list_remove(&items[1].link); /* twice is safe */
    list_for_each_safe (link, &head)
        list_remove(link);
    assert_true(list_empty(&head));
    list_append(&head, &items[2].link);
    assert_ptr_equal(list_pop(&head), &items[2].link);
    assert_true(list_empty(&items[2].link));
}

/* Against a plain table: any order of adding and removing. */
static void removal_loses_no_other_key(void **state)
{
    enum { KEYS = 300, STEPS = 60000 };
    static bool there[KEYS];
    static int values[KEYS];
    struct map map = {0};
    uint32_t random = 1;
    size_t count = 0;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        char key[16];
        int i;

        random = random * 1664525u + 1013904223u;
        i = (int)((random >> 8) % KEYS);
        snprintf(key, sizeof(key), "%d", i);
        if (there[i])
            assert_ptr_equal(map_remove(&map, key), &values[i]);
        else
            assert_null(map_set(&map, key, &values[i]));
        count = there[i] ? count - 1 : count + 1;
        there[i] = !there[i];
        assert_int_equal(map.count, count);
        for (int k = 0; step % 100 == 0 && k < KEYS; k++) {
            snprintf(key, sizeof(key), "%d", k);
            assert_ptr_equal(map_get(&map, key), there[k] ? &values[k] : NULL);
        }
    }
    map_clear(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_bytes_and_are_copied),
        cmocka_unit_test(many_keys_keep_their_order),
        cmocka_unit_test(removal_loses_no_other_key),
        cmocka_unit_test(values_may_be_freed_with_the_map),
        cmocka_unit_test(hashes_are_seeded),
        cmocka_unit_test(lists_hold_their_order),
    };

    return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
