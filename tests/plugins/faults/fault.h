/* SPDX-License-Identifier: Apache-2.0
 *
 * What the plugins with one planted fault each have in common: a stage that does nothing, and a name.
 */
#ifndef TESTS_PLUGIN_FAULT_H
#define TESTS_PLUGIN_FAULT_H

#include <troupe/troupe.h>

#define FAULTY(...)                                                                                \
    static troupe_status stage(troupe_turn *turn)                                                  \
    {                                                                                              \
        return do_it(turn);                                                                        \
    }                                                                                              \
    TROUPE_PLUGIN("org.example.faulty", "1.0.0", "Has a fault", .stage = stage, ##__VA_ARGS__)

/* The note alone, for those that write the rest by hand. */
#define FAULTY_NOTE(major)                                                                         \
    __attribute__((section(".note.troupe"), used, aligned(4))) static const troupe_note note_ = {  \
        .name_size = sizeof(TROUPE_NOTE_NAME),                                                     \
        .desc_size = sizeof(troupe_note) - offsetof(troupe_note, abi_major),                       \
        .type = TROUPE_NOTE_TYPE,                                                                  \
        .name = TROUPE_NOTE_NAME,                                                                  \
        .abi_major = (major),                                                                      \
        .abi_minor = TROUPE_ABI_MINOR,                                                             \
        .id = "org.example.faulty",                                                                \
        .version = "1.0.0"}

/* The table alone. */
#define FAULTY_TABLE(...)                                                                          \
    static const troupe_plugin table_ = {__VA_ARGS__};                                             \
    TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void);                                     \
    TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void)                                      \
    {                                                                                              \
        return &table_;                                                                            \
    }                                                                                              \
    TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void)

#endif
