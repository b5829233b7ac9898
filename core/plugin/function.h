/* SPDX-License-Identifier: Apache-2.0
 *
 * A declared function: checked arguments in, a plain C call out. The call is prepared when the
 * plugin is loaded, so that it costs tens of nanoseconds. Sentences of errors are written for
 * members: they name the parameter, what it takes and what was given.
 *
 * Immutable after plugin_manifest_read; the calls below are for any thread, invoke for the loop.
 */
#ifndef PLUGIN_FUNCTION_H
#define PLUGIN_FUNCTION_H

#include "base/buf.h"
#include "base/error.h"

#include <ffi.h>
#include <jansson.h>
#include <stdbool.h>
#include <troupe/plugin.h>

#define PLUGIN_MAX_PARAMS    16
#define PLUGIN_MAX_CHOICES   250 /* a slash command shows 25 and offers the others while typing */
#define PLUGIN_MAX_TEXT      (64 << 10) /* bytes of a string without a maximum  */
#define PLUGIN_MAX_JSON_TEXT (1 << 20)  /* bytes of any argument                */
#define PLUGIN_TOOL_NAME     64         /* characters of a name shown to models */

struct plugin_param {
    const char *name, *doc;
    uint32_t type; /* TROUPE_TYPE_INT … TROUPE_TYPE_JSON */
    bool optional; /* zero or empty where it is left out */
    bool has_default;
    bool split;   /* text that is passed as two words, see function.c */
    bool bounded; /* a range or length was declared: messages tell it */
    troupe_value def;
    int64_t min, max;    /* INT: range; STRING, JSON: bytes; ATTACHMENT: max bytes */
    double min_f, max_f; /* FLOAT */
    size_t choice_count;
    const troupe_str *choices; /* STRING; of an ATTACHMENT the kinds */
};

struct plugin_function {
    const char *name, *doc;
    uint32_t flags;      /* TROUPE_SLASH … TROUPE_PRIVATE           */
    uint32_t timeout_ms; /* 0: what is left of the turn             */
    uint32_t limit_member, limit_guild, limit_seconds; /* of its own; 0: none */
    bool is_service;                                   /* its name has a dot                      */
    size_t param_count;
    const struct plugin_param *params;
    const char *usage; /* "/roll [sides] [count]" */
    const char *menu;  /* its entry in menus; NULL: it is in none */
    /* In place of the call, where its code is in another process; values are complete. */
    troupe_status (*forward)(const struct plugin_function *function, troupe_turn *turn,
                             const troupe_value *values);
    /* The prepared call. */
    troupe_fn fn;
    ffi_cif cif;
    ffi_type *types[2 * PLUGIN_MAX_PARAMS + 1];
};

/* Whether members may call it at all, by typing or from a menu. */
#define PLUGIN_FOR_MEMBERS (TROUPE_SLASH | TROUPE_MENU_MEMBER | TROUPE_MENU_MESSAGE)

/* What a menu fills in of its target: the member, or who wrote the message; the message's text and id. */
enum plugin_menu_part { PLUGIN_MENU_MEMBER, PLUGIN_MENU_TEXT, PLUGIN_MENU_ID };
/* The parameter that gets it; NULL: none does. */
const struct plugin_param *plugin_menu_param(const struct plugin_function *function,
                                             enum plugin_menu_part part);

bool plugin_is_choice(const troupe_str *choice, const char *word);
/* Whether a parameter of it is a file. */
bool plugin_function_takes_files(const struct plugin_function *function);

/* Arguments in the order of the parameters; TROUPE_TYPE_NULL is "left out". A zeroed struct is
 * empty. `owned` is the memory of texts; values may also be borrowed from the caller. */
struct plugin_args {
    troupe_value values[PLUGIN_MAX_PARAMS];
    char *owned[PLUGIN_MAX_PARAMS];
};
void plugin_args_clear(struct plugin_args *args);
#define _cleanup_plugin_args_ __attribute__((cleanup(plugin_args_clear)))

/*
 * Arguments from a JSON object (NULL: none): every name must be a parameter, null is "left out",
 * 3.0 is a whole number, ids are numbers or strings of digits, numbers and yes or no may be strings. Texts are copied. TROUPE_ARGUMENT
 * with a sentence; `ret` is then empty.
 */
troupe_status plugin_args_from_json(const struct plugin_function *function, const json_t *object,
                                    struct plugin_args *ret, struct error *err);
/* The same from JSON text as troupe_call and models give it; "" is none. TROUPE_DATA: no JSON. */
troupe_status plugin_args_from_json_text(const struct plugin_function *function, const char *text,
                                         size_t len, struct plugin_args *ret, struct error *err);
/*
 * Arguments as a member types them behind the command's name: in order (`20 2`), by name
 * (`sides=20 count=2`, or `sides:20 count:2` as Discord shows it), or first in order and then by
 * name. A colon makes a name only of a declared parameter and where no blank follows it. "…" keeps
 * blanks, \" and \\ inside it are " and \. A last parameter of type string takes the rest of the
 * line as it is, unless it is quoted. Ids are digits or mentions (<@1>, <#2>, <@&3>). TROUPE_ARGUMENT with a sentence
 * that ends in the usage.
 */
troupe_status plugin_args_from_text(const struct plugin_function *function, const char *text,
                                    size_t len, struct plugin_args *ret, struct error *err);
/* The values as a JSON object with defaults filled in and names in declared order: what is recorded
 * and hashed. The caller's. */
json_t *plugin_args_to_json(const struct plugin_function *function, const troupe_value *values);

/* Calls nothing by the way that functions are called. The first time that is taken, the linker reads
 * the tables of every library; a process that gives pages back does it before. */
void plugin_function_warm_up(void);
/*
 * Checks types, ranges, lengths and choices of `param_count` values, fills in defaults and calls.
 * Texts in `values` are UTF-8 already (the three above see to it) and must stay until it returns.
 * TROUPE_ARGUMENT with a sentence when a value does not hold: then the plugin was not entered;
 * `ret_entered` (may be NULL) tells that apart from the function's own TROUPE_ARGUMENT. [turn]
 */
troupe_status plugin_function_invoke(const struct plugin_function *function, troupe_turn *turn,
                                     const troupe_value *values, bool *ret_entered,
                                     struct error *err);

/*
 * {"name", "description", "parameters": JSON schema}: a tool as language models take it. `name` is
 * what the model shall call it, NULL: plugin_function_tool_name. The caller's.
 */
json_t *plugin_function_schema(const struct plugin_function *function, const char *name);
/* `name` with everything outside [a-zA-Z0-9_-] as "_", cut at 64. */
void plugin_function_tool_name(const char *name, char out[PLUGIN_TOOL_NAME + 1]);
/* Usage, or of what is only in menus its entry; doc, menus, and a line for each parameter with what it
 * takes. */
void plugin_function_help(const struct plugin_function *function, struct buf *out);
/* "a whole number from 2 to 1000", "text of at most 200 bytes", "red, green or blue". */
void plugin_param_describe(const struct plugin_param *param, struct buf *out);

/* ---- for args.c ---------------------------------------------------------------------------- */

/* Whether a double is a whole number within 2^53. */
bool plugin_is_whole(double value);
/* Whether the value is of the parameter's type and inside its range, length or choices. */
bool plugin_param_fits(const struct plugin_param *param, const troupe_value *value);
/* `"sides" must be a whole number from 2 to 1000, got "abc"`; TROUPE_ARGUMENT. `got` is a stranger's:
 * it is cut and cleaned. */
troupe_status plugin_param_reject(const struct plugin_param *param, const char *got, size_t len,
                                  struct error *err);
/* `"sides" is missing: a whole number …`; TROUPE_ARGUMENT. */
troupe_status plugin_param_missing(const struct plugin_param *param, struct error *err);
/* A stranger's word between quotes, cut at 40 bytes, control characters as blanks. */
void plugin_quote(const char *text, size_t len, struct buf *out);

/* ---- for manifest.c ------------------------------------------------------------------------ */

/* Reads and checks one declaration of plugin `id` into `ret`, which was zeroed; on failure
 * plugin_function_clear frees what there is. */
troupe_status plugin_function_read(const troupe_function *declared, const char *id,
                                   struct plugin_function *ret, struct error *err);
void plugin_function_clear(struct plugin_function *function);

#endif
