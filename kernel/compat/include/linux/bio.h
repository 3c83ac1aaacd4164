/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bios carry a write hint from Linux 6.9 on; zero_fill_bio() takes an iterator
 * from 6.7 on.
 */
#ifndef CMK_COMPAT_BIO_H
#define CMK_COMPAT_BIO_H

#include_next <linux/bio.h>

#ifndef CMK_PROBE
static inline void cmk_bio_copy_hint(struct bio *to, const struct bio *from)
{
#ifdef CMK_HAVE_BI_WRITE_HINT
	to->bi_write_hint = from->bi_write_hint;
#endif
}

#ifndef CMK_HAVE_ZERO_FILL_BIO_ITER
static inline void zero_fill_bio_iter(struct bio *bio, struct bvec_iter start)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, bio, iter, start)
		memzero_bvec(&bv);
}
#endif
#endif

#endif
