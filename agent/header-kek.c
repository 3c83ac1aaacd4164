// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of the KEK as the header sees them: other wraps of the same keys,
 * and the memory of which DEKs a former KEK has wrapped.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "header-internal.h"

static const struct cmk_disk_hk_wrap *wrap_of(const struct cmk_header *h,
					      unsigned int index)
{
	return &cmk_header_super(h)->hk[index];
}

static bool in_use(const struct cmk_header *h, unsigned int index)
{
	return wrap_of(h, index)->provider != CMK_FORMAT_KEK_NONE;
}

static bool is_kid(const struct cmk_header *h, unsigned int index,
		   const char *kid)
{
	const struct cmk_disk_hk_wrap *w = wrap_of(h, index);
	size_t len = strlen(kid);

	return in_use(h, index) && le16toh(w->kid_len) == len &&
	       !strncasecmp((const char *)w->kid, kid, len);
}

int cmk_header_place_kek(const struct cmk_header *h, const char *kid,
			 unsigned int keep)
{
	unsigned int i;

	/* As an interrupted change has left it. */
	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (i != keep && is_kid(h, i, kid))
			return i;
	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (i != keep && !in_use(h, i))
			return i;
	return -ENOSPC;
}

int cmk_header_rewrap(struct cmk_header *h, uint32_t range, unsigned int kek,
		      const void *blob, size_t len)
{
	bool spare = range == CMK_SLOT_SPARE;
	struct cmk_disk_slot slot;

	if (spare)
		range = le32toh(cmk_header_super(h)->capacity);
	else if (range >= cmk_header_ranges(h))
		return -ERANGE;
	slot = *cmk_header_disk_slot(h, range);
	if (cmk_header_super(h)->wrap != CMK_FORMAT_WRAP_DIRECT ||
	    slot.state != (spare ? CMK_SLOT_NEXT : CMK_SLOT_CURRENT))
		return -EINVAL;
	return cmk_header_put_direct(h, range, &slot, kek, blob, len);
}

void cmk_header_expose(struct cmk_header *h)
{
	struct cmk_disk_super *s = cmk_header_super(h);

	s->kek_epoch = htole32(le32toh(s->kek_epoch) + 1);
	h->changed = true;
}

uint32_t cmk_header_exposed(const struct cmk_header *h)
{
	uint32_t n = 0, i;

	for (i = 0; i < cmk_header_ranges(h); i++) {
		const struct cmk_disk_slot *s = cmk_header_disk_slot(h, i);

		n += s->state == CMK_SLOT_CURRENT &&
		     s->kek_epoch != cmk_header_super(h)->kek_epoch;
	}
	return n;
}

bool cmk_header_spare_used(const struct cmk_header *h)
{
	return cmk_header_spare(h)->state != CMK_SLOT_EMPTY;
}

uint64_t cmk_header_generations(const struct cmk_header *h)
{
	uint32_t i, generation;
	uint64_t sum = 0;

	for (i = 0; i < cmk_header_ranges(h); i++)
		if (cmk_header_slot(h, i, &generation))
			sum += generation;
	return sum;
}
