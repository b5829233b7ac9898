/* SPDX-License-Identifier: Apache-2.0
 *
 * News go round: the thread fills some, the loop gives them back when their reader is done, so that no
 * memory is made on one thread and freed on the other for each piece of each answer.
 */
#include "base/mem.h"
#include "net/http_private.h"

#include <string.h>

#define NEWS_BLOCK 1032 /* the largest that malloc hands out without a search */
#define NEWS_ROOM  (NEWS_BLOCK - sizeof(struct http_news))

static char *own_room(struct http_news *news)
{
    return (char *)(news + 1);
}

/* Drops a block that the news took because their own room was too small. */
static void empty(struct http_news *news)
{
    if (news->data != own_room(news))
        mem_free(news->data);
}

void http_news_free(struct http_news *news)
{
    if (!news)
        return;
    empty(news);
    mem_free(news);
}

struct http_news *http_news_take(struct http_spare *spare)
{
    struct http_news *news;

    if (!spare->own)
        spare->own = atomic_exchange_explicit(&spare->given, NULL, memory_order_acquire);
    news = spare->own;
    if (news) {
        spare->own = news->next;
        atomic_fetch_sub_explicit(&spare->count, 1, memory_order_relaxed);
    } else {
        news = mem_alloc(NEWS_BLOCK);
    }
    *news = (struct http_news){.data = own_room(news), .room = NEWS_ROOM};
    return news;
}

void http_news_give(struct http_spare *spare, struct http_news *news)
{
    if (atomic_load_explicit(&spare->count, memory_order_relaxed) >= HTTP_NEWS_KEPT) {
        http_news_free(news);
        return;
    }
    empty(news);
    atomic_fetch_add_explicit(&spare->count, 1, memory_order_relaxed);
    news->next = atomic_load_explicit(&spare->given, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&spare->given, &news->next, news,
                                                  memory_order_release, memory_order_relaxed))
        continue;
}

void http_news_add(struct http_news *news, const char *data, size_t len)
{
    if (len > news->room - news->len) {
        size_t room =
            2 * (news->len + len); /* bounded by HTTP_BUFFERED_MAX and one write of libcurl */
        char *block = news->data == own_room(news) ? NULL : news->data;

        block = mem_resize(block, room, 1);
        if (news->data == own_room(news))
            memcpy(block, news->data, news->len);
        news->data = block;
        news->room = room;
    }
    memcpy(news->data + news->len, data, len);
    news->len += len;
}

void http_spare_clear(struct http_spare *spare)
{
    struct http_news *lists[] = {spare->own, atomic_load(&spare->given)};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        while (lists[i]) {
            struct http_news *news = lists[i];

            lists[i] = news->next;
            mem_free(news); /* empty */
        }
    spare->own = NULL;
    atomic_store(&spare->given, NULL);
}
