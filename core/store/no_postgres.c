/* SPDX-License-Identifier: Apache-2.0
 *
 * A build without libpq: what there is to say about servers.
 */
#include "store/store.h"

#define ABSENT "this build has no PostgreSQL: build it where libpq is, or set backend = sqlite"

troupe_status store_url_check(const char *url, struct error *err)
{
    (void)url;
    return error_set(err, TROUPE_ARGUMENT, ABSENT);
}

troupe_status store_check_server(const char *url, const char *password, struct error *err)
{
    (void)password;
    return store_url_check(url, err);
}
