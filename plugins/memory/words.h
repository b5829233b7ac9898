/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be told from the words alone, in English and German, by rules: who wants something kept, what is a
 * question, which words are the member's own, what of them is a fact, and when two facts say the same or
 * contradict each other. Everything takes any bytes. Pure.
 */
#ifndef MEMORY_WORDS_H
#define MEMORY_WORDS_H

#include <stddef.h>
#include <troupe/troupe.h>

enum {
    FACT_MAX = 500, /* bytes of a fact                                   */
    SLOT_MAX = 64,  /* of what there is one of, with its end             */
    OWN_MAX = 4000  /* of a message that are looked at, with the end     */
};

/* Whether it asks to keep something: "remember that my cat is called Tom", "merk dir, dass …". `ret` is what; it
 * is empty for "remember this", which means what the message answers. */
int words_to_keep(troupe_str text, troupe_str *ret);
/* Whether it asks something. */
int words_is_question(troupe_str text);
/* The member's own words: without quoted lines, code, and what attached files say. `ret` has OWN_MAX bytes. */
size_t words_own(troupe_str text, char *ret);
/* One sentence after the other, trimmed; 0 at the end. */
int words_next_sentence(troupe_str *rest, troupe_str *ret);
/* Without "hello there, " and its like at the beginning. */
troupe_str words_after_greeting(troupe_str sentence);
/* Whether a question says little without what was said before it: "how old is he?", "and the cat?". */
int words_points_back(troupe_str question);
/* A question as it is looked for: "what's" is "what is". `ret` has OWN_MAX bytes. */
troupe_str words_to_find(troupe_str question, char *ret);
/* Other words by which people ask for what is in that slot; "" for none. A constant. */
const char *words_of_slot(const char *slot);
/* How much a sentence of the member's tells about them for longer: 0 nothing, to 1. */
double words_fact_weight(troupe_str sentence);
/* What there is only one of, as a key: "my cat/name", "live", "like/peanuts". Empty where a newer fact
 * contradicts nothing. `ret` has SLOT_MAX bytes. */
void words_slot(troupe_str fact, char *ret);
/* Whether two texts that are alike say the same: no other numbers, no "not" in one alone, nearly the same words. */
int words_same(troupe_str a, troupe_str b);
/* Whether they say the same but for a "not" that one of them has. */
int words_opposite(troupe_str a, troupe_str b);
/* How many of the longer words of `part` are in `whole`: 0 to 1. */
double words_share(troupe_str part, troupe_str whole);
/* A fact as it is kept: blanks made one, at most FACT_MAX bytes, cut between characters. `ret` has FACT_MAX + 1
 * bytes; returns its length. */
size_t words_clean(troupe_str text, char *ret);

#endif
