/* SPDX-License-Identifier: Apache-2.0
 *
 * A doubly linked list whose links sit inside the elements. A head is a struct list_link that
 * points at itself; an element out of every list points at itself too, so removing twice is safe.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *prev, *next;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list_link *link)
{
    link->prev = link->next = link;
}
static inline bool list_empty(const struct list_link *head)
{
    return head->next == head;
}
static inline void list_insert_before(struct list_link *place, struct list_link *link)
{
    link->prev = place->prev;
    link->next = place;
    place->prev->next = link;
    place->prev = link;
}
static inline void list_append(struct list_link *head, struct list_link *link)
{
    list_insert_before(head, link);
}
static inline void list_prepend(struct list_link *head, struct list_link *link)
{
    list_insert_before(head->next, link);
}
static inline void list_remove(struct list_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}
static inline struct list_link *list_pop(struct list_link *head)
{
    struct list_link *first = head->next;

    if (first == head)
        return NULL;
    list_remove(first);
    return first;
}
#define list_for_each(link, head)                                                                  \
    for (struct list_link *link = (head)->next; link != (head); link = link->next)
/* The element under `link` may be removed in the body. */
#define list_for_each_safe(link, head)                                                             \
    for (struct list_link *link = (head)->next, *link##_next = link->next; link != (head);         \
         link = link##_next, link##_next = link->next)

#endif
