/* SPDX-License-Identifier: Apache-2.0 */
#include "day.h"

#include <stdio.h>
#include <string.h>

int64_t llm_day(const char *text)
{
    static const int days_in[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, leap, n = 0;
    int64_t era, of_year, shifted;

    if (!text || strlen(text) != 10 || strspn(text, "0123456789-") != 10 ||
        sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || n != 10)
        return -1;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_in[month - 1] + (month == 2 && leap))
        return -1;
    /* Years that begin in March put the leap day last; 400 of them have 146,097 days. */
    shifted = month > 2 ? year : year - 1;
    era = shifted / 400;
    of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    shifted -= era * 400;
    return era * 146097 + shifted * 365 + shifted / 4 - shifted / 100 + of_year - 719468;
}
