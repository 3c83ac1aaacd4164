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
	struct cmk_disk_slot *s;

	if (range >= cmk_header_ranges(h))
		return -ERANGE;
	s = cmk_header_disk_slot(h, range);
	if (cmk_header_super(h)->wrap != CMK_FORMAT_WRAP_DIRECT ||
	    s->state != CMK_SLOT_CURRENT || kek >= CMK_FORMAT_KIDS ||
	    !in_use(h, kek) || !len || len > CMK_FORMAT_BLOB_LEN)
		return -EINVAL;

	s->kek = kek;
	s->blob_len = htole16(len);
	memset(cmk_header_blob(h, range), 0, CMK_FORMAT_BLOB_LEN);
	memcpy(cmk_header_blob(h, range), blob, len);
	h->changed = true;
	return 0;
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
	uint32_t capacity = le32toh(cmk_header_super(h)->capacity);

	return cmk_header_disk_slot(h, capacity)->state != CMK_SLOT_EMPTY;
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
