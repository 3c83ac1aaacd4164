// SPDX-License-Identifier: GPL-2.0
/*
 * A header as hostile input.  The digest proves nothing against somebody who
 * writes the disk, and the MAC can be checked only after a key was unwrapped
 * with what the header says; so every field is bounded before it is used.
 */
#include <errno.h>
#include <string.h>

#include "header-internal.h"

#define CHECK(cond, field)						\
	do {								\
		if (!(cond))						\
			return damaged(e, field);			\
	} while (0)

static int damaged(struct cmk_error *e, const char *field)
{
	return cmk_error_set(e, CMK_UNSUITABLE, -EBADMSG, "header-damaged",
			     "the header's field %s is out of bounds", field);
}

enum cmk_copy_state cmk_header_measure(const void *head, uint64_t offset,
				       uint32_t *ret_capacity)
{
	const struct cmk_disk_super *s = head;
	uint32_t capacity = le32toh(s->capacity);

	if (memcmp(s->magic, CMK_FORMAT_MAGIC, sizeof(s->magic)))
		return CMK_COPY_FOREIGN;
	if (le32toh(s->version) != CMK_FORMAT_VERSION)
		return CMK_COPY_VERSION;
	if (!capacity || capacity > CMK_FORMAT_RANGES_MAX)
		return CMK_COPY_DAMAGED;
	if (offset && offset != cmk_header_copy_b(capacity))
		return CMK_COPY_DAMAGED;
	*ret_capacity = capacity;
	return CMK_COPY_VALID;
}

bool cmk_header_digest_ok(const struct cmk_header *h)
{
	unsigned char digest[32];

	return !cmk_header_digest(h, digest) &&
	       !memcmp(digest, cmk_header_super(h)->digest, sizeof(digest));
}

/* What error texts, logs and the command line can show as it is. */
bool cmk_header_kid_ok(const unsigned char *kid, size_t len)
{
	size_t n;

	for (n = 0; n < len; n++)
		if (kid[n] <= ' ' || kid[n] > '~')
			return false;
	return len && len <= CMK_FORMAT_KID_LEN;
}

static int check_features(const struct cmk_disk_super *s, struct cmk_error *e)
{
	uint32_t unknown = le32toh(s->incompat) & ~CMK_FORMAT_INCOMPAT;

	if (unknown)
		return cmk_error_set(e, CMK_UNSUITABLE, -EOPNOTSUPP,
				     "header-feature",
				     "the header uses features (0x%x) of a later version of cmk",
				     unknown);
	return 0;
}

static bool aligned(uint64_t offset)
{
	return offset % CMK_FORMAT_MIB == 0 && offset <= INT64_MAX;
}

/* Header, record area and data do not share a MiB. */
static int check_places(const struct cmk_disk_super *s, struct cmk_error *e)
{
	uint32_t capacity = le32toh(s->capacity);
	uint64_t record = le64toh(s->record_offset);
	uint64_t data = le64toh(s->data_offset);
	uint64_t size = le64toh(s->data_size);

	CHECK(s->detached <= 1, "detached");
	CHECK(le64toh(s->header_size) == cmk_header_total(capacity),
	      "header_size");
	CHECK(le64toh(s->copy_b_offset) == cmk_header_copy_b(capacity),
	      "copy_b_offset");
	CHECK(aligned(data), "data_offset");
	CHECK(aligned(record), "record_offset");
	if (s->detached) {
		CHECK(data >= CMK_RECORD_SIZE, "data_offset");
		CHECK(record <= data - CMK_RECORD_SIZE, "record_offset");
	} else {
		CHECK(data >= cmk_header_total(capacity), "data_offset");
		CHECK(record == cmk_header_record(capacity), "record_offset");
	}
	CHECK(size && size <= INT64_MAX - data, "data_size");
	return 0;
}

/* The kernel refuses the same, but later and without the field's name. */
static int check_grid(const struct cmk_disk_super *s, struct cmk_error *e)
{
	uint32_t sector = le32toh(s->sector_size);
	uint32_t ranges = le32toh(s->ranges);
	uint64_t sectors = le64toh(s->data_size) / 512;
	uint64_t range = le64toh(s->range_sectors);

	CHECK(sector == 512 || sector == 1024 || sector == 2048 ||
	      sector == 4096, "sector_size");
	CHECK(le64toh(s->data_size) % sector == 0, "data_size");
	CHECK(range >= CMK_RANGE_SECTORS_MIN &&
	      range <= CMK_RANGE_SECTORS_MAX && !(range & (range - 1)),
	      "range_sectors");
	CHECK(ranges == sectors / range + !!(sectors % range), "ranges");
	CHECK(ranges <= le32toh(s->capacity), "capacity");
	CHECK(le64toh(s->iv_offset) <= INT64_MAX / 512, "iv_offset");
	CHECK(s->wrap == CMK_FORMAT_WRAP_DIRECT ||
	      s->wrap == CMK_FORMAT_WRAP_HK, "wrap");
	CHECK(s->wrap == CMK_FORMAT_WRAP_HK ||
	      le32toh(s->capacity) <= CMK_FORMAT_DIRECT_MAX, "capacity");
	CHECK(le64toh(s->seq), "seq");
	CHECK(le64toh(s->created) <= CMK_TIME_MAX, "created");
	CHECK(le64toh(s->written) <= CMK_TIME_MAX, "written");
	return 0;
}

static int check_kek(const struct cmk_disk_hk_wrap *w, struct cmk_error *e)
{
	if (w->provider == CMK_FORMAT_KEK_NONE)
		return 0;
	if (w->provider > CMK_FORMAT_KEK_AZURE || w->alg != 1)
		return cmk_error_set(e, CMK_UNSUITABLE, -EOPNOTSUPP,
				     "header-feature",
				     "the header key is wrapped in a way (%u/%u) of a later version of cmk",
				     w->provider, w->alg);
	CHECK(cmk_header_kid_ok(w->kid, le16toh(w->kid_len)), "kid");
	CHECK(le16toh(w->blob_len) &&
	      le16toh(w->blob_len) <= CMK_FORMAT_BLOB_LEN, "blob_len");
	CHECK(le64toh(w->wrapped_at) <= CMK_TIME_MAX, "wrapped_at");
	return 0;
}

/* Slots are checked when they are used: one bad slot is one bad range. */
int cmk_header_check(const struct cmk_header *h, struct cmk_error *e)
{
	const struct cmk_disk_super *s = cmk_header_super(h);
	unsigned int n;
	int r;

	r = check_features(s, e);
	if (!r)
		r = check_places(s, e);
	if (!r)
		r = check_grid(s, e);
	for (n = 0; !r && n < CMK_FORMAT_KIDS; n++)
		r = check_kek(&s->hk[n], e);
	return r;
}
