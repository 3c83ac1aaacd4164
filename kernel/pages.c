// SPDX-License-Identifier: GPL-2.0
/*
 * Bounce pages: a stash per CPU in front of the page allocator.
 *
 * A page that comes back from the device is warm in the cache, and it need not
 * be cleared for its next use, which init_on_alloc would do: what is written
 * out of a bounce page has always been encrypted into it before, and what it
 * still holds of its last use was ciphertext.
 *
 * A page to which somebody else holds a reference goes back to the allocator,
 * not to the stash and not to the volume's reserve: a network transport may
 * still send it again after the write was completed on another path, and must
 * then send what it was given.  He who waits for the reserve gets what that
 * transport gives back from the allocator, which mempool_alloc() asks again
 * after a time.
 *
 * Pages come back in completions, so the stash of a CPU is changed with
 * interrupts off.  At most 256 KiB a CPU stay here until the module goes.
 */

#include <linux/local_lock.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sizes.h>

#include "pages.h"

#define CMK_STASH_PAGES	(SZ_256K / PAGE_SIZE)

/**
 * struct cmk_stash - pages of one CPU that wait for their next use
 * @lock: for the fields below
 * @nr: how many
 * @page: of this CPU's node
 */
struct cmk_stash {
	local_lock_t lock;
	unsigned int nr;
	struct page *page[CMK_STASH_PAGES];
};

static DEFINE_PER_CPU(struct cmk_stash, cmk_stash) = {
	.lock = INIT_LOCAL_LOCK(lock),
};

/**
 * cmk_page_alloc() - a page for ciphertext, as a mempool asks for one
 * @gfp: how the page allocator may be asked when the stash is empty
 * @unused: of mempool_alloc_t
 *
 * Context: any that @gfp allows.
 *
 * Return: struct page, its content undefined, or NULL.
 */
void *cmk_page_alloc(gfp_t gfp, void *unused)
{
	struct page *page = NULL;
	struct cmk_stash *stash;
	unsigned long flags;

	local_lock_irqsave(&cmk_stash.lock, flags);
	stash = this_cpu_ptr(&cmk_stash);
	if (likely(stash->nr))
		page = stash->page[--stash->nr];
	local_unlock_irqrestore(&cmk_stash.lock, flags);
	return likely(page) ? page : alloc_page(gfp);
}

/**
 * cmk_page_free() - take a page back, as a mempool gives one
 * @page: from cmk_page_alloc(), nobody else's
 * @unused: of mempool_free_t
 *
 * Context: any.
 */
void cmk_page_free(void *page, void *unused)
{
	struct cmk_stash *stash;
	unsigned long flags;

	local_lock_irqsave(&cmk_stash.lock, flags);
	stash = this_cpu_ptr(&cmk_stash);
	if (likely(stash->nr < CMK_STASH_PAGES &&
		   page_to_nid(page) == numa_mem_id())) {
		stash->page[stash->nr++] = page;
		page = NULL;
	}
	local_unlock_irqrestore(&cmk_stash.lock, flags);
	if (unlikely(page))
		__free_page(page);
}

/**
 * cmk_page_put() - a write no longer needs a page
 * @page: from @pool or from cmk_page_alloc()
 * @pool: reserve of the volume, which has the two functions above
 *
 * Context: any.
 */
void cmk_page_put(struct page *page, mempool_t *pool)
{
	if (likely(page_count(page) == 1 && !PageHWPoison(page)))
		mempool_free(page, pool);
	else
		__free_page(page);
}

/**
 * cmk_pages_exit() - give the stashes back; nobody uses them any more
 */
void cmk_pages_exit(void)
{
	struct cmk_stash *stash;
	int cpu;

	for_each_possible_cpu(cpu) {
		stash = per_cpu_ptr(&cmk_stash, cpu);
		while (stash->nr)
			__free_page(stash->page[--stash->nr]);
	}
}
