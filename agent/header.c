// SPDX-License-Identifier: GPL-2.0
/*
 * The header's model: geometry of a new volume, and the fields that are no
 * slots.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "header-internal.h"

#define SECTOR		512ULL
#define GIB		(1ULL << 30)
#define RANGES_AIM	1024	/* of the default range size */
#define DIRECT_AIM	16	/* up to here the KEK wraps each DEK */
#define GROWTH		16	/* a device may grow by this factor */
#define CAPACITY_MIN	256
#define DATA_MIN	CMK_FORMAT_MIB

struct cmk_header *cmk_header_alloc(uint32_t capacity)
{
	struct cmk_header *h = calloc(1, sizeof(*h));
	size_t align = CMK_IO_ALIGN;

	if (!h)
		return NULL;
	h->size = CMK_SUPER_SIZE +
		  ((size_t)capacity + 1) * sizeof(struct cmk_disk_slot);
	h->io_size = (h->size + align - 1) / align * align;
	h->image = aligned_alloc(align, h->io_size);
	if (!h->image) {
		free(h);
		return NULL;
	}
	memset(h->image, 0, h->io_size);
	return h;
}

void cmk_header_free(struct cmk_header *h)
{
	if (!h)
		return;
	free(h->image);
	free(h);
}

/* -- a new volume -- */

struct geometry {
	uint64_t record, data, data_size, range_size;
	uint32_t sector_size, ranges, capacity;
	enum cmk_format_wrap wrap;
};

static bool power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

static uint64_t count_ranges(uint64_t size, uint64_t range_size)
{
	return size / range_size + !!(size % range_size);
}

static uint64_t default_range_size(uint64_t size)
{
	uint64_t range = GIB;

	while (count_ranges(size, range) > RANGES_AIM &&
	       range < CMK_RANGE_SECTORS_MAX * SECTOR)
		range *= 2;
	return range;
}

/*
 * Capacity and position of the data depend on each other by the two layouts
 * only, so a second try is the last one.
 */
static void place_data(const struct cmk_header_params *p, struct geometry *g,
		       uint32_t capacity)
{
	g->capacity = capacity;
	g->record = p->detached ? 0 : cmk_header_record(capacity);
	g->data = p->detached ? CMK_RECORD_SIZE : cmk_header_total(capacity);
	g->data_size = 0;
	if (p->device_size > g->data)
		g->data_size = (p->device_size - g->data) / g->sector_size *
			       g->sector_size;
	g->ranges = 0;
	g->range_size = p->range_size ? p->range_size :
					default_range_size(g->data_size);
	if (count_ranges(g->data_size, g->range_size) <=
	    CMK_FORMAT_RANGES_MAX)
		g->ranges = count_ranges(g->data_size, g->range_size);
}

static uint32_t wanted_capacity(const struct geometry *g)
{
	uint32_t max = g->wrap == CMK_FORMAT_WRAP_DIRECT ?
		       CMK_FORMAT_DIRECT_MAX : CMK_FORMAT_RANGES_MAX;
	uint64_t want = (uint64_t)g->ranges * GROWTH;

	if (want < CAPACITY_MIN)
		want = CAPACITY_MIN;
	/* too many in the small layout may just fit into the large one */
	if (want > max || (!g->ranges && g->data_size))
		want = max;
	return want;
}

static int check_params(const struct cmk_header_params *p,
			uint32_t sector_size, struct cmk_error *e)
{
	static const unsigned char zero[16];

	if (!memcmp(p->uuid, zero, sizeof(zero)))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "bad-uuid",
				     "a volume's uuid is not all zeros");
	if (sector_size < 512 || sector_size > 4096 ||
	    !power_of_two(sector_size))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "bad-sector-size",
				     "sector size %u: it is 512, 1024, 2048 or 4096",
				     sector_size);
	if (p->range_size &&
	    (!power_of_two(p->range_size) ||
	     p->range_size < CMK_RANGE_SECTORS_MIN * SECTOR ||
	     p->range_size > CMK_RANGE_SECTORS_MAX * SECTOR))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "bad-range-size",
				     "range size %llu: it is a power of two from 1M to 512G",
				     (unsigned long long)p->range_size);
	if (p->wrap && p->wrap != CMK_FORMAT_WRAP_DIRECT &&
	    p->wrap != CMK_FORMAT_WRAP_HK)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "bad-wrap",
				     "DEKs are wrapped direct or by hk");
	return 0;
}

static int check_geometry(const struct cmk_header_params *p,
			  const struct geometry *g, struct cmk_error *e)
{
	if (g->data_size < DATA_MIN)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOSPC,
				     "device-small",
				     "the device has %llu bytes, a volume needs at least %llu",
				     (unsigned long long)p->device_size,
				     (unsigned long long)(g->data + DATA_MIN));
	if (!g->ranges || g->data_size > INT64_MAX - g->data)
		return cmk_error_set(e, CMK_USAGE, -ERANGE, "too-many-ranges",
				     "more than %u ranges: take a larger range size",
				     CMK_FORMAT_RANGES_MAX);
	if (g->wrap == CMK_FORMAT_WRAP_DIRECT &&
	    g->ranges > CMK_FORMAT_DIRECT_MAX)
		return cmk_error_set(e, CMK_USAGE, -ERANGE, "too-many-ranges",
				     "%u ranges are too many for DEKs wrapped one by one (%u): take a larger range size or wrap by hk",
				     g->ranges, CMK_FORMAT_DIRECT_MAX);
	return 0;
}

static int compute_geometry(const struct cmk_header_params *p,
			    struct geometry *g, struct cmk_error *e)
{
	int r;

	memset(g, 0, sizeof(*g));
	g->sector_size = p->sector_size ? p->sector_size : 4096;
	r = check_params(p, g->sector_size, e);
	if (r < 0)
		return r;

	place_data(p, g, CAPACITY_MIN);
	g->wrap = p->wrap;
	if (!g->wrap)
		g->wrap = g->ranges && g->ranges <= DIRECT_AIM ?
			  CMK_FORMAT_WRAP_DIRECT : CMK_FORMAT_WRAP_HK;
	place_data(p, g, wanted_capacity(g));
	return check_geometry(p, g, e);
}

int cmk_header_new(struct cmk_header **ret,
		   const struct cmk_header_params *params,
		   struct cmk_error *e)
{
	struct cmk_disk_super *s;
	struct geometry g;
	struct cmk_header *h;
	int r;

	r = compute_geometry(params, &g, e);
	if (r < 0)
		return r;
	h = cmk_header_alloc(g.capacity);
	if (!h)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no memory for a header");

	s = cmk_header_super(h);
	memcpy(s->magic, CMK_FORMAT_MAGIC, sizeof(s->magic));
	s->version = htole32(CMK_FORMAT_VERSION);
	memcpy(s->uuid, params->uuid, sizeof(s->uuid));
	s->created = htole64(time(NULL));
	s->header_size = htole64(cmk_header_total(g.capacity));
	s->copy_b_offset = htole64(cmk_header_copy_b(g.capacity));
	s->record_offset = htole64(g.record);
	s->data_offset = htole64(g.data);
	s->data_size = htole64(g.data_size);
	s->range_sectors = htole64(g.range_size / SECTOR);
	s->sector_size = htole32(g.sector_size);
	s->ranges = htole32(g.ranges);
	s->capacity = htole32(g.capacity);
	s->wrap = g.wrap;
	s->detached = params->detached;
	h->changed = true;
	*ret = h;
	return 0;
}

/* -- fields -- */

void cmk_header_get_info(const struct cmk_header *h,
			 struct cmk_header_info *ret)
{
	const struct cmk_disk_super *s = cmk_header_super(h);

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->uuid, s->uuid, sizeof(ret->uuid));
	ret->seq = le64toh(s->seq);
	ret->header_size = le64toh(s->header_size);
	ret->record_offset = le64toh(s->record_offset);
	ret->data_offset = le64toh(s->data_offset);
	ret->data_size = le64toh(s->data_size);
	ret->iv_offset = le64toh(s->iv_offset);
	ret->range_sectors = le64toh(s->range_sectors);
	ret->sector_size = le32toh(s->sector_size);
	ret->ranges = le32toh(s->ranges);
	ret->capacity = le32toh(s->capacity);
	ret->wrap = s->wrap;
	ret->detached = s->detached;
	ret->created = le64toh(s->created);
	ret->written = le64toh(s->written);
	ret->valid_copies = h->valid;
	ret->foreign_copies = h->foreign;
	ret->copies_differ = h->valid == CMK_BOTH_COPIES &&
			     h->newest != CMK_BOTH_COPIES;
	ret->read_only = le32toh(s->ro_compat) & ~CMK_FORMAT_RO_COMPAT;
}

const char *cmk_header_copies_name(unsigned int copies)
{
	static const char *const names[] = { "none", "A", "B", "A and B" };

	return names[copies & CMK_BOTH_COPIES];
}

bool cmk_header_get_kek(const struct cmk_header *h, unsigned int index,
			struct cmk_header_kek *ret)
{
	const struct cmk_disk_hk_wrap *w;

	if (index >= CMK_FORMAT_KIDS)
		return false;
	w = &cmk_header_super(h)->hk[index];
	if (w->provider == CMK_FORMAT_KEK_NONE)
		return false;

	memset(ret, 0, sizeof(*ret));
	ret->provider = w->provider;
	ret->alg = w->alg;
	ret->role = w->role;
	memcpy(ret->kid, w->kid, le16toh(w->kid_len));
	memcpy(ret->thumbprint, w->thumbprint, sizeof(ret->thumbprint));
	ret->blob_len = le16toh(w->blob_len);
	memcpy(ret->blob, w->blob, ret->blob_len);
	ret->wrapped_at = le64toh(w->wrapped_at);
	return true;
}

int cmk_header_set_kek(struct cmk_header *h, unsigned int index,
		       const struct cmk_header_kek *kek)
{
	size_t kid_len = strnlen(kek->kid, sizeof(kek->kid));
	struct cmk_disk_hk_wrap *w;

	if (index >= CMK_FORMAT_KIDS ||
	    (kek->provider != CMK_FORMAT_KEK_SERVICE &&
	     kek->provider != CMK_FORMAT_KEK_AZURE) ||
	    kek->alg != 1 || kek->role > UINT8_MAX ||
	    !cmk_header_kid_ok((const unsigned char *)kek->kid, kid_len) ||
	    !kek->blob_len || kek->blob_len > CMK_FORMAT_BLOB_LEN ||
	    kek->wrapped_at < 0 || kek->wrapped_at > CMK_TIME_MAX)
		return -EINVAL;

	w = &cmk_header_super(h)->hk[index];
	memset(w, 0, sizeof(*w));
	w->provider = kek->provider;
	w->alg = kek->alg;
	w->role = kek->role;
	w->kid_len = htole16(kid_len);
	w->blob_len = htole16(kek->blob_len);
	w->wrapped_at = htole64(kek->wrapped_at);
	memcpy(w->thumbprint, kek->thumbprint, sizeof(w->thumbprint));
	memcpy(w->kid, kek->kid, kid_len);
	memcpy(w->blob, kek->blob, kek->blob_len);
	h->changed = true;
	return 0;
}

void cmk_header_clear_kek(struct cmk_header *h, unsigned int index)
{
	if (index >= CMK_FORMAT_KIDS)
		return;
	memset(&cmk_header_super(h)->hk[index], 0,
	       sizeof(struct cmk_disk_hk_wrap));
	h->changed = true;
}
