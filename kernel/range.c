// SPDX-License-Identifier: GPL-2.0
/* The memory of the table of ranges. */

#include <linux/mm.h>
#include <linux/slab.h>

#include "range.h"

/**
 * cmk_ranges_reserve() - make room for ranges
 * @ranges: the table
 * @nr: ranges that it must be able to hold, at most CMK_RANGES_MAX
 *
 * Does not change the number of ranges in use.  On failure the table stays
 * usable as it was; chunks already added are kept for the next try.
 *
 * Context: process context, the caller holds the mutex of constructors.
 *
 * Return: 0 or -ENOMEM.
 */
int cmk_ranges_reserve(struct cmk_ranges *ranges, u32 nr)
{
	u32 i;

	for (i = 0; i < DIV_ROUND_UP(nr, CMK_CHUNK_RANGES); i++) {
		struct cmk_range *chunk;

		if (ranges->chunk[i])
			continue;
		chunk = kvcalloc(CMK_CHUNK_RANGES, sizeof(*chunk), GFP_KERNEL);
		if (!chunk)
			return -ENOMEM;
		ranges->chunk[i] = chunk;
	}
	return 0;
}

void cmk_ranges_free(struct cmk_ranges *ranges)
{
	u32 i;

	for (i = 0; i < CMK_CHUNKS_MAX; i++)
		kvfree(ranges->chunk[i]);
}
