// SPDX-License-Identifier: GPL-2.0
#include <linux/bio.h>

int probe(struct bio *bio);

int probe(struct bio *bio)
{
	return bio->bi_write_hint;
}
