/* SPDX-License-Identifier: GPL-2.0 */
/* Bounce pages: a stash per CPU in front of the page allocator. */
#ifndef CMK_PAGES_H
#define CMK_PAGES_H

#include <linux/gfp.h>
#include <linux/mempool.h>

void *cmk_page_alloc(gfp_t gfp, void *unused);
void cmk_page_free(void *page, void *unused);
void cmk_page_put(struct page *page, mempool_t *pool);
void cmk_pages_exit(void);

#endif
