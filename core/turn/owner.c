/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/owner.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

bool turn_owner(const char *member, char ret[CACHE_OWNER + 1])
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (EVP_Digest(member, strlen(member), hash, NULL, EVP_sha256(), NULL) != 1)
        return false;
    for (size_t i = 0; i < CACHE_OWNER / 2; i++)
        snprintf(ret + 2 * i, 3, "%02x", hash[i]);
    return true;
}
