/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/cxx.h - the declaring macros of troupe/plugin.h and the lists of troupe/turn.h for C++17. They
 * are written as in C, members by name and in any order:
 *
 *     TROUPE_FUNCTION(roll, "Roll dice", TROUPE_SLASH, TROUPE_INT(sides, "Sides", .min = 2, .def = 6))
 *
 * The rest of the headers is the same in both languages. In C this header is empty.
 *
 * Nothing here runs when the plugin is loaded: tables are computed by the compiler. An exception must
 * not leave a function that the host calls.
 */
#ifndef TROUPE_CXX_H
#define TROUPE_CXX_H

#include <troupe/plugin.h>
#include <troupe/user_data.h>

#ifdef __cplusplus

/* C++17 has no designated initialisers, so ".min = 2" becomes an assignment to a member of `x`; up to
 * 16 of them, and one that is empty. */
#define TROUPE_SETS_(x, ...)      TROUPE_CAT_(TROUPE_SETS_, TROUPE_COUNT_(__VA_ARGS__))(x, __VA_ARGS__)
#define TROUPE_SET_(x, a)         (void)(x a);
#define TROUPE_SETS_1(x, a)       TROUPE_SET_(x, a)
#define TROUPE_SETS_2(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_1(x, __VA_ARGS__)
#define TROUPE_SETS_3(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_2(x, __VA_ARGS__)
#define TROUPE_SETS_4(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_3(x, __VA_ARGS__)
#define TROUPE_SETS_5(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_4(x, __VA_ARGS__)
#define TROUPE_SETS_6(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_5(x, __VA_ARGS__)
#define TROUPE_SETS_7(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_6(x, __VA_ARGS__)
#define TROUPE_SETS_8(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_7(x, __VA_ARGS__)
#define TROUPE_SETS_9(x, a, ...)  TROUPE_SET_(x, a) TROUPE_SETS_8(x, __VA_ARGS__)
#define TROUPE_SETS_10(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_9(x, __VA_ARGS__)
#define TROUPE_SETS_11(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_10(x, __VA_ARGS__)
#define TROUPE_SETS_12(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_11(x, __VA_ARGS__)
#define TROUPE_SETS_13(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_12(x, __VA_ARGS__)
#define TROUPE_SETS_14(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_13(x, __VA_ARGS__)
#define TROUPE_SETS_15(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_14(x, __VA_ARGS__)
#define TROUPE_SETS_16(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_15(x, __VA_ARGS__)
#define TROUPE_SETS_17(x, a, ...) TROUPE_SET_(x, a) TROUPE_SETS_16(x, __VA_ARGS__)

/* A value of `type` whose two first members are given and others by name. */
#define TROUPE_VALUE_(type, first, first_, second, second_, ...)                                   \
    []() constexpr                                                                                 \
    {                                                                                              \
        type troupe_value_ = type();                                                               \
        troupe_value_.first = first_;                                                              \
        troupe_value_.second = second_;                                                            \
        TROUPE_SETS_(troupe_value_, __VA_ARGS__)                                                   \
        return troupe_value_;                                                                      \
    }                                                                                              \
    ()

/* ---- lists of a call ---------------------------------------------------------------------------
 * They live to the end of the full expression: write them where the call takes them. */

template <class T, unsigned long n> constexpr troupe_array troupe_items_(const T (&items)[n])
{
    return troupe_array{items, uint32_t(n), uint32_t(sizeof(T))};
}

#define TROUPE_ITEMS_(type, ...)         troupe_items_<type>({__VA_ARGS__})
#define TROUPE_ITEM_(type, ...)          TROUPE_ITEM__(type, __VA_ARGS__, )
#define TROUPE_ITEM__(type, label_, ...) TROUPE_VALUE_(type, label, label_, flags, 0, __VA_ARGS__)

/* ---- the declaration ---------------------------------------------------------------------------*/

/* Elements of a list of the plugin's table, copied into the image: C++ has no arrays without a name. */
template <class T, unsigned long n> struct troupe_kept_ {
    T items[n];
    uint32_t count;

    constexpr troupe_array array() const
    {
        return troupe_array{items, count, uint32_t(sizeof(T))};
    }
};

template <class T, unsigned long most, unsigned long n>
constexpr troupe_kept_<T, most> troupe_keep_(const T (&items)[n])
{
    troupe_kept_<T, most> kept = troupe_kept_<T, most>();

    static_assert(n <= most, "too many elements in one list of a plugin");
    for (unsigned long i = 0; i < n; i++)
        kept.items[i] = items[i];
    kept.count = uint32_t(n);
    return kept;
}

typedef troupe_kept_<const troupe_function *, 16> troupe_kept_functions_;
typedef troupe_kept_<troupe_key, 64> troupe_kept_keys_;
typedef troupe_kept_<troupe_migration, 64> troupe_kept_migrations_;
typedef troupe_kept_<troupe_user_data, 64> troupe_kept_user_data_;
typedef troupe_kept_<troupe_metric_decl, 32> troupe_kept_metrics_;

/* The table while its members are assigned: its lists are kept by value. */
struct troupe_table_ : troupe_plugin {
    troupe_kept_functions_ functions;
    troupe_kept_keys_ config;
    troupe_kept_migrations_ migrations;
    troupe_kept_user_data_ user_data;
    troupe_kept_metrics_ metrics;
};

constexpr troupe_plugin troupe_table_of_(const troupe_table_ &from)
{
    troupe_plugin table = from;

    table.functions = from.functions.array();
    table.config = from.config.array();
    table.migrations = from.migrations.array();
    table.user_data = from.user_data.array();
    table.metrics = from.metrics.array();
    return table;
}

template <unsigned long n>
constexpr troupe_kept_functions_ troupe_functions_(const troupe_function *const (&items)[n])
{
    return troupe_keep_<const troupe_function *, 16>(items);
}

template <unsigned long n> constexpr troupe_kept_keys_ troupe_keys_(const troupe_key (&items)[n])
{
    return troupe_keep_<troupe_key, 64>(items);
}

template <unsigned long n>
constexpr troupe_kept_migrations_ troupe_migrations_(const troupe_migration (&items)[n])
{
    return troupe_keep_<troupe_migration, 64>(items);
}

template <unsigned long n>
constexpr troupe_kept_user_data_ troupe_user_data_(const troupe_user_data (&items)[n])
{
    return troupe_keep_<troupe_user_data, 64>(items);
}

template <unsigned long n>
constexpr troupe_kept_metrics_ troupe_metrics_(const troupe_metric_decl (&items)[n])
{
    return troupe_keep_<troupe_metric_decl, 32>(items);
}

constexpr troupe_param troupe_param_(const char *name, const char *doc, uint32_t type)
{
    troupe_param param = troupe_param();

    param.name = name;
    param.doc = doc;
    param.type = type;
    param.min = -__builtin_inf();
    param.max = __builtin_inf();
    param.def = __builtin_nan("");
    return param;
}

#define TROUPE_P_INIT__(type_, ctype, name_, doc_, ...)                                            \
    []() constexpr                                                                                 \
    {                                                                                              \
        troupe_param troupe_value_ = troupe_param_(#name_, doc_, type_);                           \
        TROUPE_SETS_(troupe_value_, __VA_ARGS__)                                                   \
        return troupe_value_;                                                                      \
    }                                                                                              \
    (),

#define TROUPE_DECLARE_(cname, name_, doc_, timeout_, menu_, member_, guild_, seconds_, flags_,    \
                        ...)                                                                       \
    static troupe_status cname(troupe_turn *turn TROUPE_EACH_(TROUPE_P_ARG_, __VA_ARGS__));        \
    static constexpr troupe_param cname##_params_[] = {TROUPE_EACH_(TROUPE_P_INIT_, __VA_ARGS__)   \
                                                           troupe_param()};                        \
    static const troupe_function cname##_function_ = {                                             \
        sizeof(troupe_function),                                                                   \
        (flags_),                                                                                  \
        (name_),                                                                                   \
        (doc_),                                                                                    \
        {cname##_params_, sizeof(cname##_params_) / sizeof(troupe_param) - 1,                      \
         sizeof(troupe_param)},                                                                    \
        reinterpret_cast<troupe_fn>(cname),                                                        \
        (timeout_),                                                                                \
        0,                                                                                         \
        (menu_),                                                                                   \
        (member_),                                                                                 \
        (guild_),                                                                                  \
        (seconds_),                                                                                \
        0};

#define TROUPE_KEY(name_, ...)        TROUPE_KEY_(name_, __VA_ARGS__, )
#define TROUPE_KEY_(name_, doc_, ...) TROUPE_VALUE_(troupe_key, name, name_, doc, doc_, __VA_ARGS__)
#define TROUPE_KEYS(...)              troupe_keys_({__VA_ARGS__})
#define TROUPE_LIST(...)              troupe_functions_({TROUPE_EACH_(TROUPE_F_REF_, __VA_ARGS__)})
#define TROUPE_MIGRATIONS(...)        troupe_migrations_({__VA_ARGS__})
#define TROUPE_EXTERN_                extern "C"

#define TROUPE_METRICS(...)           troupe_metrics_({__VA_ARGS__})
#define TROUPE_COUNTER(name_, ...)    TROUPE_METRIC_(TROUPE_METRIC_IS_COUNTER, name_, __VA_ARGS__, )
#define TROUPE_GAUGE(name_, ...)      TROUPE_METRIC_(TROUPE_METRIC_IS_GAUGE, name_, __VA_ARGS__, )
#define TROUPE_HISTOGRAM(name_, doc_, buckets_, ...)                                               \
    TROUPE_METRIC_(TROUPE_METRIC_IS_HISTOGRAM, name_, doc_, .buckets = buckets_, __VA_ARGS__, )
#define TROUPE_METRIC_(kind_, name_, doc_, ...)                                                    \
    TROUPE_VALUE_(troupe_metric_decl, name, name_, doc, doc_, .kind = kind_, __VA_ARGS__)

#define TROUPE_USER_DATA(...)         troupe_user_data_({__VA_ARGS__})
#define TROUPE_USER_TABLE(table, ...) TROUPE_USER_(TROUPE_USER_IS_TABLE, table, __VA_ARGS__, )
#define TROUPE_USER_KEY(key, ...)     TROUPE_USER_(TROUPE_USER_IS_KEY, key, __VA_ARGS__, )
#define TROUPE_USER_NOTHING(...)      TROUPE_USER_(TROUPE_USER_IS_NOTHING, "", __VA_ARGS__, )
#define TROUPE_USER_(kind_, name_, doc_, ...)                                                      \
    TROUPE_VALUE_(troupe_user_data, name, name_, doc, doc_, .kind = kind_, __VA_ARGS__)

#define TROUPE_PLUGIN(id_, version_, doc_, ...)                                                    \
    __attribute__((section(".note.troupe"), used,                                                  \
                   aligned(4))) static const troupe_note troupe_note_ = {                          \
        sizeof(TROUPE_NOTE_NAME),                                                                  \
        sizeof(troupe_note) - offsetof(troupe_note, abi_major),                                    \
        TROUPE_NOTE_TYPE,                                                                          \
        TROUPE_NOTE_NAME,                                                                          \
        TROUPE_ABI_MAJOR,                                                                          \
        TROUPE_ABI_MINOR,                                                                          \
        id_,                                                                                       \
        version_};                                                                                 \
    static constexpr troupe_table_ troupe_declared_ = []() constexpr                               \
    {                                                                                              \
        troupe_table_ troupe_plan_ = troupe_table_();                                              \
        troupe_plan_.size = sizeof(troupe_plugin);                                                 \
        troupe_plan_.abi_minor = TROUPE_ABI_MINOR;                                                 \
        troupe_plan_.id = id_;                                                                     \
        troupe_plan_.version = version_;                                                           \
        troupe_plan_.doc = doc_;                                                                   \
        TROUPE_SETS_(troupe_plan_, __VA_ARGS__)                                                    \
        return troupe_plan_;                                                                       \
    }                                                                                              \
    ();                                                                                            \
    static constexpr troupe_plugin troupe_plugin_ = troupe_table_of_(troupe_declared_);            \
    extern "C" TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void);                          \
    extern "C" TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void)                           \
    {                                                                                              \
        return &troupe_plugin_;                                                                    \
    }                                                                                              \
    extern "C" TROUPE_EXPORT const troupe_plugin *troupe_plugin_v1(void)

#endif

#endif
