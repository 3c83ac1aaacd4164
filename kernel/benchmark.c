// SPDX-License-Identifier: GPL-2.0
/*
 * The speed of the cipher, measured where it is used.
 *
 * Twice for each direction: the cipher alone, one data unit after the other in
 * one page; and what the module does for the data of an I/O, with its pages,
 * its vectors and its RCU sections.  The difference is what the module costs.
 *
 * No command waits for it: it runs as a work on one CPU, like any other task
 * there, and tells its result by an event.
 */

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "benchmark.h"
#include "cipher.h"
#include "notify.h"
#include "pages.h"

/* For each figure a load is repeated so long; the quickest time counts. */
#define CMK_BENCHMARK_NS	(50 * NSEC_PER_MSEC)
#define CMK_BENCHMARK_BYTES	SZ_64K
#define CMK_BENCHMARK_PAGES	(CMK_BENCHMARK_BYTES / PAGE_SIZE)

/**
 * enum cmk_benchmark_state - is one under way?
 * @CMK_BENCHMARK_IDLE: no
 * @CMK_BENCHMARK_RUNNING: yes; whoever made it so queues the work
 * @CMK_BENCHMARK_STOPPED: the module goes; the end
 */
enum cmk_benchmark_state {
	CMK_BENCHMARK_IDLE,
	CMK_BENCHMARK_RUNNING,
	CMK_BENCHMARK_STOPPED,
};

/**
 * struct cmk_benchmark - what the work needs
 * @tfm: a key of its own
 * @data: an I/O's pages
 * @bounce: pages that it is encrypted into
 * @sector_size: bytes of a data unit
 */
struct cmk_benchmark {
	struct crypto_skcipher *tfm;
	struct bio_vec data[CMK_BENCHMARK_PAGES];
	struct bio_vec bounce[CMK_BENCHMARK_PAGES];
	unsigned int sector_size;
};

static void cmk_benchmark_run(struct work_struct *work);

static atomic_t cmk_benchmark_state = ATOMIC_INIT(CMK_BENCHMARK_IDLE);
static DECLARE_WORK(cmk_benchmark_work, cmk_benchmark_run);
/* Written by who made the state RUNNING, before the work is queued. */
static unsigned int cmk_benchmark_sector_size;

/* Those that are decrypted do not come from the stash, nor get there. */
static void cmk_benchmark_put_pages(struct cmk_benchmark *b,
				    struct bio_vec *vecs)
{
	unsigned int i;

	for (i = 0; i < CMK_BENCHMARK_PAGES && vecs[i].bv_page; i++) {
		if (vecs == b->bounce)
			cmk_page_free(vecs[i].bv_page, NULL);
		else
			__free_page(vecs[i].bv_page);
		vecs[i].bv_page = NULL;
	}
}

static int cmk_benchmark_get_pages(struct cmk_benchmark *b,
				   struct bio_vec *vecs)
{
	unsigned int i;

	for (i = 0; i < CMK_BENCHMARK_PAGES; i++) {
		vecs[i].bv_page = vecs == b->bounce ?
			cmk_page_alloc(GFP_KERNEL, NULL) :
			alloc_page(GFP_KERNEL);
		if (!vecs[i].bv_page)
			return -ENOMEM;
		vecs[i].bv_len = PAGE_SIZE;
	}
	return 0;
}

/* The cipher alone. */
static int cmk_benchmark_cipher(struct cmk_benchmark *b, bool write)
{
	const unsigned int size = b->sector_size;
	struct cmk_crypt crypt __cmk_uninit;
	unsigned int done;
	int r = 0;

	cmk_crypt_init(&crypt, size, write ? b->bounce : NULL);
	for (done = 0; done < CMK_BENCHMARK_BYTES && !r; done += size) {
		struct bvec_iter iter = { .bi_size = size };

		r = cmk_crypt_section(&crypt, b->tfm, b->data, &iter, size, 0);
	}
	return r;
}

/* As a read or a write. */
static int cmk_benchmark_volume(struct cmk_benchmark *b, bool write)
{
	struct bvec_iter iter = { .bi_size = CMK_BENCHMARK_BYTES };
	struct cmk_crypt crypt __cmk_uninit;
	int r = 0;

	if (write) {
		cmk_benchmark_put_pages(b, b->bounce);
		r = cmk_benchmark_get_pages(b, b->bounce);
	}
	cmk_crypt_init(&crypt, b->sector_size, write ? b->bounce : NULL);
	while (!r && iter.bi_size) {
		rcu_read_lock();
		r = cmk_crypt_section(&crypt, b->tfm, b->data, &iter,
				      CMK_SECTION, 0);
		rcu_read_unlock();
	}
	return r;
}

/*
 * In KiB a second, when nobody else had the CPU meanwhile; 0 when it fails.
 */
static u64 cmk_benchmark_speed(struct cmk_benchmark *b, bool write,
			       int (*once)(struct cmk_benchmark *, bool))
{
	u64 end = ktime_get_ns() + CMK_BENCHMARK_NS;
	u64 begin, now, best = U64_MAX;

	do {
		begin = ktime_get_ns();
		if (once(b, write))
			return 0;
		now = ktime_get_ns();
		best = min(best, now - begin);
		cond_resched();
	} while (now < end);
	return div64_u64(CMK_BENCHMARK_BYTES / SZ_1K * NSEC_PER_SEC,
			 max(best, 1ULL));
}

static int cmk_benchmark_key(struct cmk_benchmark *b)
{
	u8 key[CMK_DEK_LEN];

	get_random_bytes(key, sizeof(key));
	b->tfm = cmk_cipher_create(key);
	memzero_explicit(key, sizeof(key));
	return PTR_ERR_OR_ZERO(b->tfm);
}

static void cmk_benchmark_measure(struct cmk_event *event)
{
	struct cmk_benchmark *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return;
	b->sector_size = event->sector_size;
	if (cmk_benchmark_key(b))
		goto free;
	if (cmk_benchmark_get_pages(b, b->data) ||
	    cmk_benchmark_get_pages(b, b->bounce))
		goto free_pages;
	event->speed.cipher_encrypt =
		cmk_benchmark_speed(b, true, cmk_benchmark_cipher);
	event->speed.cipher_decrypt =
		cmk_benchmark_speed(b, false, cmk_benchmark_cipher);
	event->speed.volume_encrypt =
		cmk_benchmark_speed(b, true, cmk_benchmark_volume);
	event->speed.volume_decrypt =
		cmk_benchmark_speed(b, false, cmk_benchmark_volume);
free_pages:
	cmk_benchmark_put_pages(b, b->bounce);
	cmk_benchmark_put_pages(b, b->data);
	cmk_cipher_destroy(b->tfm);
free:
	kfree(b);
}

static void cmk_benchmark_run(struct work_struct *work)
{
	struct cmk_event event = {
		.cmd = CMK_CMD_BENCHMARK_DONE,
		.sector_size = cmk_benchmark_sector_size,
		.driver = cmk_cipher_driver(),
	};

	cmk_benchmark_measure(&event);
	/* Who hears of the end may begin the next. */
	if (atomic_cmpxchg(&cmk_benchmark_state, CMK_BENCHMARK_RUNNING,
			   CMK_BENCHMARK_IDLE) == CMK_BENCHMARK_RUNNING)
		cmk_notify(&event);
}

/**
 * cmk_benchmark_start() - begin to measure
 * @sector_size: bytes of a data unit, one that a table may name
 *
 * Context: any command; neither waits nor allocates.
 *
 * Return: 0, the result comes as an event; -EBUSY while one is under way.
 */
int cmk_benchmark_start(unsigned int sector_size)
{
	if (atomic_cmpxchg(&cmk_benchmark_state, CMK_BENCHMARK_IDLE,
			   CMK_BENCHMARK_RUNNING) != CMK_BENCHMARK_IDLE)
		return -EBUSY;
	cmk_benchmark_sector_size = sector_size;
	queue_work(system_unbound_wq, &cmk_benchmark_work);
	return 0;
}

/**
 * cmk_benchmark_stop() - no benchmark begins or reports any more
 *
 * A command that has just made the state RUNNING may still queue the work,
 * which then tells nobody; cmk_benchmark_exit() waits for that one.
 */
void cmk_benchmark_stop(void)
{
	atomic_set(&cmk_benchmark_state, CMK_BENCHMARK_STOPPED);
	flush_work(&cmk_benchmark_work);
}

/**
 * cmk_benchmark_exit() - nothing is under way any more
 *
 * After cmk_benchmark_stop(), when no command can come.
 */
void cmk_benchmark_exit(void)
{
	flush_work(&cmk_benchmark_work);
}
