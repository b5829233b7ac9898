/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of the source tree as a string in the program: SQL, templates and units stay files of
 * their own and need no installation. The assembler reads it from the include path, so the
 * object must name the file as a prerequisite in its Makefile.inc:
 *
 *     EMBED_TEXT(schema_001, "store/sql/001_core.sql");      -> schema_001 is a const char []
 *     core/store/libtroupe_a-schema.$(OBJEXT): $(top_srcdir)/core/store/sql/001_core.sql
 *
 * The text ends with a NUL that EMBED_LEN does not count. `symbol` is unique in the program.
 */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

/* clang-format off */
#define EMBED_TEXT(symbol, file)                                                                   \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #symbol "\n.hidden " #symbol "\n"                                           \
            ".global " #symbol "_end\n.hidden " #symbol "_end\n"                                   \
            ".type " #symbol ", %object\n"                                                         \
            ".balign 8\n" #symbol ":\n"                                                            \
            ".incbin \"" file "\"\n" #symbol "_end:\n"                                             \
            ".byte 0\n"                                                                            \
            ".size " #symbol ", . - " #symbol "\n"                                                 \
            ".popsection\n");                                                                      \
    extern const char symbol[] __attribute__((visibility("hidden")));                              \
    extern const char symbol##_end[] __attribute__((visibility("hidden")))
/* clang-format on */

#define EMBED_LEN(symbol) ((size_t)(symbol##_end - symbol))

#endif
