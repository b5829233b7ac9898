/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are no plugin for this host, each for a reason of its own.
 */
#include <troupe/troupe.h>

#if defined(OTHER_ABI) || defined(NO_ENTRY)
/* What TROUPE_PLUGIN() of another SDK might leave. */
__attribute__((section(".note.troupe"), used, aligned(4))) static const troupe_note note = {
    .name_size = sizeof(TROUPE_NOTE_NAME),
    .desc_size = sizeof(troupe_note) - offsetof(troupe_note, abi_major),
    .type = TROUPE_NOTE_TYPE,
    .name = TROUPE_NOTE_NAME,
#ifdef OTHER_ABI
    .abi_major = 2,
#else
    .abi_major = TROUPE_ABI_MAJOR,
#endif
    .id = "org.example.odd",
    .version = "1.0.0"};
#endif

#if !defined(NO_ENTRY)
TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void);
TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void)
{
    return NULL;
}
#else
TROUPE_EXPORT int troupe_plugin_v0(void);
TROUPE_EXPORT int troupe_plugin_v0(void)
{
    return 0;
}
#endif
