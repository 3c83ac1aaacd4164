// SPDX-License-Identifier: GPL-2.0
/*
 * The spare slot: the DEK towards which a range is rekeyed.  It is written and
 * read back before the kernel touches a sector, and takes the place of the
 * former DEK when none is under that any more.  Each of the two is one write of
 * the header: at each moment the disk has every DEK that its data needs.
 */
#include <errno.h>
#include <string.h>

#include "crypto.h"
#include "header-internal.h"

static uint32_t capacity_of(const struct cmk_header *h)
{
	return le32toh(cmk_header_super(h)->capacity);
}

static bool is_direct(const struct cmk_header *h)
{
	return cmk_header_super(h)->wrap == CMK_FORMAT_WRAP_DIRECT;
}

bool cmk_header_get_next(const struct cmk_header *h,
			 struct cmk_header_next *ret)
{
	const struct cmk_disk_slot *s = cmk_header_spare(h);

	if (s->state != CMK_SLOT_NEXT || !s->generation ||
	    le32toh(s->range) >= cmk_header_ranges(h))
		return false;
	ret->range = le32toh(s->range);
	ret->generation = le32toh(s->generation);
	memcpy(ret->run, s->run, sizeof(ret->run));
	return true;
}

static int begin_next(const struct cmk_header *h,
		      const struct cmk_header_next *next,
		      enum cmk_format_wrap wrap, struct cmk_disk_slot *ret)
{
	uint32_t generation;
	int r;

	r = cmk_header_begin_slot(h, next->range, next->generation, wrap, ret);
	if (r)
		return r;
	if (cmk_header_spare_used(h))
		return -EBUSY;
	if (!cmk_header_slot(h, next->range, &generation) ||
	    next->generation - 1 != generation)
		return -ESTALE;
	ret->state = CMK_SLOT_NEXT;
	memcpy(ret->run, next->run, sizeof(ret->run));
	return 0;
}

int cmk_header_set_next_hk(struct cmk_header *h,
			   const struct cmk_header_next *next,
			   const struct cmk_secret *slot_key,
			   const struct cmk_secret *dek)
{
	struct cmk_disk_slot slot;
	int r;

	r = begin_next(h, next, CMK_FORMAT_WRAP_HK, &slot);
	return r ?: cmk_header_put_hk(h, capacity_of(h), &slot, slot_key, dek);
}

int cmk_header_set_next_direct(struct cmk_header *h,
			       const struct cmk_header_next *next,
			       unsigned int kek, const void *blob, size_t len)
{
	struct cmk_disk_slot slot;
	int r;

	r = begin_next(h, next, CMK_FORMAT_WRAP_DIRECT, &slot);
	return r ?: cmk_header_put_direct(h, capacity_of(h), &slot, kek, blob,
					  len);
}

void cmk_header_discard(struct cmk_header *h)
{
	memset(cmk_header_spare(h), 0, sizeof(struct cmk_disk_slot));
	if (is_direct(h))
		memset(cmk_header_blob(h, capacity_of(h)), 0,
		       CMK_FORMAT_BLOB_LEN);
	h->changed = true;
}

int cmk_header_promote(struct cmk_header *h)
{
	struct cmk_header_next next;
	struct cmk_disk_slot slot;

	if (!cmk_header_get_next(h, &next))
		return -ENOENT;
	slot = *cmk_header_spare(h);
	slot.state = CMK_SLOT_CURRENT;
	memset(slot.run, 0, sizeof(slot.run));
	*cmk_header_disk_slot(h, next.range) = slot;
	if (is_direct(h))
		memcpy(cmk_header_blob(h, next.range),
		       cmk_header_blob(h, capacity_of(h)),
		       CMK_FORMAT_BLOB_LEN);
	cmk_header_discard(h);
	return 0;
}

int cmk_header_record_key(const struct cmk_header *h,
			  const struct cmk_secret *hk,
			  const struct cmk_header_next *next,
			  struct cmk_secret *ret)
{
	static const char label[] = "cmk record mac v1";
	const struct cmk_bytes none = { NULL, 0 };
	unsigned char text[sizeof(label) - 1 + 16 + 4 + CMK_FORMAT_RUN_LEN];
	const struct cmk_bytes info = { text, sizeof(text) };
	unsigned char *p = text + sizeof(label) - 1;

	if (hk->len != CMK_HK_BYTES)
		return -EINVAL;
	memcpy(text, label, sizeof(label) - 1);
	memcpy(p, cmk_header_super(h)->uuid, 16);
	cmk_put_le32(p + 16, next->range);
	memcpy(p + 20, next->run, CMK_FORMAT_RUN_LEN);
	return cmk_hkdf_sha256(hk, none, info, CMK_GCM_KEY_LEN, ret);
}
