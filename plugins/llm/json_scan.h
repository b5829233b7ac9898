/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking over JSON text: what json_read.c makes values of, and delta.c only looks at.
 */
#ifndef LLM_JSON_SCAN_H
#define LLM_JSON_SCAN_H

#include "json.h"

/* What is left of the text. */
struct llm_scan {
    const char *at, *end;
    int depth; /* for who walks into values */
};

/* What stands between the quotes of a string. */
struct llm_quoted {
    const char *text;
    size_t len;
    int wide;    /* it is not all ASCII, and perhaps no UTF-8 */
    int escaped; /* it has a backslash */
};

/* The next character behind blanks, which stays; 0 at the end. */
static inline char llm_scan_look(struct llm_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
    return scan->at < scan->end ? *scan->at : '\0';
}

/* Takes the character where it is the next one. */
static inline int llm_scan_take(struct llm_scan *scan, char c)
{
    if (llm_scan_look(scan) != c || scan->at == scan->end)
        return 0;
    scan->at++;
    return 1;
}

/* Takes a string. Whether each of its escapes is one is not looked at. */
static inline int llm_scan_string(struct llm_scan *scan, struct llm_quoted *ret)
{
    const char *at;

    if (!llm_scan_take(scan, '"'))
        return 0;
    *ret = (struct llm_quoted){.text = scan->at};
    for (at = scan->at;; at += 2) {
        at += llm_json_span(at, (size_t)(scan->end - at), &ret->wide);
        if (at == scan->end)
            return 0;
        if (*at == '"')
            break;
        if (*at != '\\' || scan->end - at < 2)
            return 0;
        ret->escaped = 1;
    }
    ret->len = (size_t)(at - ret->text);
    scan->at = at + 1;
    return 1;
}

/* Behind an element: 1 where another one follows, 0 at the end, -1 where neither is so. */
static inline int llm_scan_more(struct llm_scan *scan, char end)
{
    if (llm_scan_take(scan, ','))
        return 1;
    return llm_scan_take(scan, end) ? 0 : -1;
}

#endif
