/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a table and does not say what it keeps about members.
 */
#include "fault.h"

static troupe_status do_it(troupe_turn *turn)
{
    static const troupe_statement insert = {
        "INSERT INTO {seen} (member) VALUES (:member)", {NULL, 0, sizeof(troupe_value)}, 1};

    return troupe_sql(turn)->commit(turn, &insert, 1);
}

FAULTY(.capabilities = "sql",
       .migrations = TROUPE_MIGRATIONS({1, 0, "seen", "CREATE TABLE {seen} (member TEXT NOT NULL)",
                                        NULL}));
