// SPDX-License-Identifier: GPL-2.0
#include <linux/bio.h>

void probe(struct bio *bio);

void probe(struct bio *bio)
{
	zero_fill_bio_iter(bio, bio->bi_iter);
}
