// SPDX-License-Identifier: GPL-2.0
/*
 * Slots: one wrapped DEK each, bound to volume, range and generation, so that
 * a slot which was moved, swapped or kept from earlier opens nothing.
 */
#include <errno.h>
#include <string.h>

#include "crypto.h"
#include "header-internal.h"

#define BINDING_BYTES	32

static enum cmk_format_wrap wrap_of(const struct cmk_header *h)
{
	return cmk_header_super(h)->wrap;
}

/* The slot of @range, or the spare; NULL if there is no such range. */
static const struct cmk_disk_slot *slot_of(const struct cmk_header *h,
					   uint32_t range)
{
	if (range == CMK_SLOT_SPARE)
		return cmk_header_spare(h);
	return range < cmk_header_ranges(h) ? cmk_header_disk_slot(h, range) :
					      NULL;
}

static bool kek_in_use(const struct cmk_header *h, unsigned int kek)
{
	return kek < CMK_FORMAT_KIDS &&
	       cmk_header_super(h)->hk[kek].provider != CMK_FORMAT_KEK_NONE;
}

bool cmk_header_slot(const struct cmk_header *h, uint32_t range,
		     uint32_t *ret_generation)
{
	const struct cmk_disk_slot *s;

	if (range >= cmk_header_ranges(h))
		return false;
	s = cmk_header_disk_slot(h, range);
	if (s->state != CMK_SLOT_CURRENT)
		return false;
	*ret_generation = le32toh(s->generation);
	return true;
}

static int slot_error(struct cmk_error *e, int err, const char *code,
		      uint32_t range, const char *what)
{
	if (range == CMK_SLOT_SPARE)
		return cmk_error_set(e, CMK_UNSUITABLE, err, code,
				     "the range that is rekeyed, its new DEK: %s",
				     what);
	return cmk_error_set(e, CMK_UNSUITABLE, err, code, "range %u: %s",
			     range, what);
}

/* Is it what its place is for, and of the range that it is found under? */
static bool in_place(const struct cmk_header *h,
		     const struct cmk_disk_slot *s, uint32_t range)
{
	if (range == CMK_SLOT_SPARE)
		return le32toh(s->range) < cmk_header_ranges(h);
	return le32toh(s->range) == range;
}

/* The slot of @range in @ret, with its own range and generation. */
static int find_slot(const struct cmk_header *h, uint32_t range,
		     enum cmk_format_wrap wrap,
		     const struct cmk_disk_slot **ret, struct cmk_error *e)
{
	const struct cmk_disk_slot *s = slot_of(h, range);
	enum cmk_slot_state state = range == CMK_SLOT_SPARE ? CMK_SLOT_NEXT :
							      CMK_SLOT_CURRENT;

	if (!s)
		return slot_error(e, -ERANGE, "bad-range", range,
				  "the volume has no such range");
	if (wrap_of(h) != wrap)
		return slot_error(e, -EINVAL, "bad-wrap", range,
				  "its DEK is wrapped in the other way");
	if (s->state == CMK_SLOT_EMPTY)
		return slot_error(e, -ENOKEY, "slot-empty", range,
				  "the header has no DEK for it");
	if (s->state != state || !s->generation)
		return slot_error(e, -EBADMSG, "slot-damaged", range,
				  "its slot is damaged");
	if (!in_place(h, s, range))
		return slot_error(e, -EBADMSG, "slot-moved", range,
				  "its slot holds the DEK of another range");
	*ret = s;
	return 0;
}

int cmk_header_begin_slot(const struct cmk_header *h, uint32_t range,
			  uint32_t generation, enum cmk_format_wrap wrap,
			  struct cmk_disk_slot *ret)
{
	if (range >= cmk_header_ranges(h))
		return -ERANGE;
	if (wrap_of(h) != wrap || !generation)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	ret->range = htole32(range);
	ret->generation = htole32(generation);
	ret->state = CMK_SLOT_CURRENT;
	/* A DEK that is made now was never under a former KEK. */
	ret->kek_epoch = cmk_header_super(h)->kek_epoch;
	return 0;
}

/* -- mode direct -- */

static int dek_binding(const struct cmk_header *h, uint32_t range,
		       uint32_t generation, unsigned char ret[BINDING_BYTES])
{
	static const char label[] = "cmk dek v1";
	unsigned char numbers[8];
	const struct cmk_bytes parts[] = {
		{ label, sizeof(label) - 1 },
		{ cmk_header_super(h)->uuid, 16 },
		{ numbers, sizeof(numbers) },
	};

	cmk_put_le32(numbers, range);
	cmk_put_le32(numbers + 4, generation);
	return cmk_sha256v(parts, 3, ret);
}

int cmk_header_dek_payload(const struct cmk_header *h, uint32_t range,
			   uint32_t generation, const struct cmk_secret *dek,
			   struct cmk_secret *ret)
{
	int r;

	if (dek->len != CMK_DEK_BYTES)
		return -EINVAL;
	r = cmk_secret_alloc(ret, CMK_DEK_BYTES + BINDING_BYTES);
	if (r < 0)
		return r;
	memcpy(ret->data, dek->data, CMK_DEK_BYTES);
	r = dek_binding(h, range, generation, ret->data + CMK_DEK_BYTES);
	if (r < 0)
		cmk_secret_wipe(ret);
	return r;
}

int cmk_header_put_direct(struct cmk_header *h, uint32_t n,
			  struct cmk_disk_slot *slot, unsigned int kek,
			  const void *blob, size_t len)
{
	if (!kek_in_use(h, kek) || !len || len > CMK_FORMAT_BLOB_LEN)
		return -EINVAL;
	slot->kek = kek;
	slot->blob_len = htole16(len);
	*cmk_header_disk_slot(h, n) = *slot;
	memset(cmk_header_blob(h, n), 0, CMK_FORMAT_BLOB_LEN);
	memcpy(cmk_header_blob(h, n), blob, len);
	h->changed = true;
	return 0;
}

int cmk_header_set_direct(struct cmk_header *h, uint32_t range,
			  uint32_t generation, unsigned int kek,
			  const void *blob, size_t len)
{
	struct cmk_disk_slot slot;
	int r;

	r = cmk_header_begin_slot(h, range, generation,
				  CMK_FORMAT_WRAP_DIRECT, &slot);
	if (r < 0)
		return r;
	return cmk_header_put_direct(h, range, &slot, kek, blob, len);
}

int cmk_header_get_direct(const struct cmk_header *h, uint32_t range,
			  unsigned int *ret_kek, const void **ret_blob,
			  size_t *ret_len, struct cmk_error *e)
{
	const struct cmk_disk_slot *s;
	int r;

	r = find_slot(h, range, CMK_FORMAT_WRAP_DIRECT, &s, e);
	if (r < 0)
		return r;
	if (!kek_in_use(h, s->kek) || !s->blob_len ||
	    le16toh(s->blob_len) > CMK_FORMAT_BLOB_LEN)
		return slot_error(e, -EBADMSG, "slot-damaged", range,
				  "its slot names no wrapped DEK");
	*ret_kek = s->kek;
	*ret_blob = cmk_header_blob(h, s - cmk_header_disk_slot(h, 0));
	*ret_len = le16toh(s->blob_len);
	return 0;
}

static int open_payload(const struct cmk_header *h, uint32_t range,
			const struct cmk_secret *payload,
			struct cmk_secret *ret_dek, struct cmk_error *e)
{
	unsigned char want[BINDING_BYTES];
	const struct cmk_disk_slot *s;
	int r;

	r = find_slot(h, range, CMK_FORMAT_WRAP_DIRECT, &s, e);
	if (r < 0)
		return r;
	if (payload->len != CMK_DEK_BYTES + BINDING_BYTES)
		return slot_error(e, -EBADMSG, "slot-damaged", range,
				  "what was unwrapped is not a DEK");
	r = dek_binding(h, le32toh(s->range), le32toh(s->generation), want);
	if (!r && !cmk_equal(payload->data + CMK_DEK_BYTES, want,
			     sizeof(want)))
		return slot_error(e, -EBADMSG, "slot-moved", range,
				  "what was unwrapped is the DEK of another volume, range or generation");
	if (!r)
		r = cmk_secret_alloc(ret_dek, CMK_DEK_BYTES);
	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "no-locked-memory",
				     "range %u: %s", range, strerror(-r));
	memcpy(ret_dek->data, payload->data, CMK_DEK_BYTES);
	return 0;
}

int cmk_header_open_direct(const struct cmk_header *h, uint32_t range,
			   struct cmk_secret *payload,
			   struct cmk_secret *ret_dek, struct cmk_error *e)
{
	int r = open_payload(h, range, payload, ret_dek, e);

	cmk_secret_wipe(payload);
	return r;
}

/* -- mode hk -- */

static void fill_aad(const struct cmk_header *h, uint32_t range,
		     uint32_t generation, struct cmk_disk_slot_aad *ret)
{
	memcpy(ret->uuid, cmk_header_super(h)->uuid, sizeof(ret->uuid));
	ret->range = htole32(range);
	ret->generation = htole32(generation);
}

int cmk_header_slot_key(const struct cmk_header *h, const struct cmk_secret *hk,
			struct cmk_secret *ret)
{
	return cmk_header_derive(h, hk, "cmk slot v1", ret);
}

int cmk_header_put_hk(struct cmk_header *h, uint32_t n,
		      struct cmk_disk_slot *slot, const struct cmk_secret *key,
		      const struct cmk_secret *dek)
{
	struct cmk_disk_slot_aad aad;
	const struct cmk_bytes bytes = { &aad, sizeof(aad) };
	int r;

	if (dek->len != CMK_DEK_BYTES)
		return -EINVAL;
	fill_aad(h, le32toh(slot->range), le32toh(slot->generation), &aad);
	r = cmk_gcm_seal(key, bytes, dek, slot->nonce, slot->dek, slot->tag);
	if (r < 0)
		return r;
	*cmk_header_disk_slot(h, n) = *slot;
	h->changed = true;
	return 0;
}

int cmk_header_set_hk(struct cmk_header *h, uint32_t range,
		      uint32_t generation, const struct cmk_secret *key,
		      const struct cmk_secret *dek)
{
	struct cmk_disk_slot slot;
	int r;

	r = cmk_header_begin_slot(h, range, generation, CMK_FORMAT_WRAP_HK,
				  &slot);
	if (r < 0)
		return r;
	return cmk_header_put_hk(h, range, &slot, key, dek);
}

int cmk_header_open_hk(const struct cmk_header *h, uint32_t range,
		       const struct cmk_secret *key,
		       struct cmk_secret *ret_dek, struct cmk_error *e)
{
	const struct cmk_disk_slot *s;
	struct cmk_disk_slot_aad aad;
	const struct cmk_bytes bytes = { &aad, sizeof(aad) };
	struct cmk_bytes cipher = { NULL, CMK_DEK_BYTES };
	int r;

	r = find_slot(h, range, CMK_FORMAT_WRAP_HK, &s, e);
	if (r < 0)
		return r;
	fill_aad(h, le32toh(s->range), le32toh(s->generation), &aad);
	cipher.data = s->dek;
	r = cmk_gcm_open(key, bytes, s->nonce, cipher, s->tag, ret_dek);
	if (r == -EBADMSG)
		return slot_error(e, r, "slot-damaged", range,
				  "its slot is damaged, or was made for another volume, range, generation or header key");
	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "slot-open",
				     "range %u: %s", range, strerror(-r));
	return 0;
}
