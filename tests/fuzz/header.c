// SPDX-License-Identifier: GPL-2.0
/*
 * A header as hostile input: parse it, and if it passes do with it all that
 * an agent does.  What a failure is, the sanitizers say; here only what an
 * error must look like and that a key does not come out of garbage.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sanitizer/asan_interface.h>

#include "crypto.h"
#include "header-internal.h"
#include "input.h"

#define DISK_BYTES	((size_t)CMK_LARGE_HEADER)
#define RANGES_TRIED	300
#define LARGEST		(CMK_SUPER_SIZE + CMK_IO_ALIGN + \
			 CMK_FORMAT_RANGES_MAX * sizeof(struct cmk_disk_slot))

struct input {
	unsigned int flags;
	struct cmk_bytes super, slots;
};

static struct cmk_secret hk;

static void need(bool condition)
{
	if (!condition)
		abort();
}

static bool split(const uint8_t *data, size_t size, struct input *ret)
{
	size_t len;

	if (size < FUZZ_HEAD)
		return false;
	ret->flags = data[0];
	len = cmk_get_le16(data + 1);
	data += FUZZ_HEAD;
	size -= FUZZ_HEAD;
	if (len > size)
		len = size;
	if (len > FUZZ_SUPER_MAX || size - len > FUZZ_SLOTS_MAX)
		return false;
	ret->super = (struct cmk_bytes){ data, len };
	ret->slots = (struct cmk_bytes){ data + len, size - len };
	return true;
}

/* Room for the largest header; made once, since its pages cost more than all
 * the rest.
 */
static struct cmk_header *largest(void)
{
	static struct cmk_header *h;

	if (!h)
		h = cmk_header_alloc(CMK_FORMAT_RANGES_MAX);
	need(h);
	return h;
}

/* Where a table ends depends on the header; here it is always found. */
static void put_spare(struct cmk_header *h, const struct input *in)
{
	struct cmk_disk_slot *spare = cmk_header_spare(h);

	memset(spare, 0, sizeof(*spare));
	if (in->flags & FUZZ_SPARE && in->slots.len >= sizeof(*spare))
		memcpy(spare, (const char *)in->slots.data + in->slots.len -
		       sizeof(*spare), sizeof(*spare));
}

/*
 * An image of @in, or NULL when a reader would not even go on.  Borrowed until
 * the next call.  What lies behind its end is out of bounds for all.
 */
static struct cmk_header *image_of(const struct input *in)
{
	static unsigned char head[FUZZ_SUPER_MAX];
	struct cmk_header *h = largest();
	size_t all = CMK_SUPER_SIZE + FUZZ_SLOTS_MAX, room;
	uint32_t capacity;

	memset(head, 0, sizeof(head));
	memcpy(head, in->super.data, in->super.len);
	if (cmk_header_measure(head, 0, &capacity) != CMK_COPY_VALID)
		return NULL;
	ASAN_UNPOISON_MEMORY_REGION(h->image, LARGEST);
	memset(h->image, 0, all);
	memcpy(h->image, head, in->super.len);
	room = ((size_t)capacity + 1) * sizeof(struct cmk_disk_slot);
	memcpy(h->image + CMK_SUPER_SIZE, in->slots.data,
	       in->slots.len < room ? in->slots.len : room);
	h->size = CMK_SUPER_SIZE + room;
	put_spare(h, in);
	h->io_size = (h->size + CMK_IO_ALIGN - 1) / CMK_IO_ALIGN *
		     CMK_IO_ALIGN;
	ASAN_POISON_MEMORY_REGION(h->image + h->io_size,
				  LARGEST - h->io_size);
	return h;
}

static void try_slot(struct cmk_header *h, uint32_t range)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	struct cmk_error e = { 0 };
	unsigned char sum = 0, kept[CMK_FORMAT_BLOB_LEN];
	uint32_t generation;
	unsigned int kek;
	const void *blob;
	size_t len, n;

	cmk_header_slot(h, range, &generation);
	if (!cmk_header_get_direct(h, range, &kek, &blob, &len, &e)) {
		need(kek < CMK_FORMAT_KIDS && len <= CMK_FORMAT_BLOB_LEN);
		for (n = 0; n < len; n++)
			sum += ((const unsigned char *)blob)[n];
		memcpy(kept, blob, len);
		need(!cmk_header_set_direct(h, range, 1 + sum, kek, kept,
					    len));
	}
	need(!cmk_secret_alloc(&payload, CMK_DEK_BYTES + 32));
	need(cmk_header_open_direct(h, range, &payload, &dek, &e) < 0);
	need(e.code[0] && e.text[0]);
	need(!cmk_header_slot_key(h, &hk, &key));
	need(cmk_header_open_hk(h, range, &key, &dek, &e) < 0 && !dek.data);
}

/* What no key of ours has made opens to nothing in the spare slot, too. */
static void try_spare(struct cmk_header *h, const struct cmk_secret *key)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	unsigned char kept[CMK_FORMAT_BLOB_LEN];
	struct cmk_error e = { 0 };
	unsigned int kek;
	const void *blob;
	size_t len;

	if (!cmk_header_get_direct(h, CMK_SLOT_SPARE, &kek, &blob, &len, &e)) {
		need(kek < CMK_FORMAT_KIDS && len <= CMK_FORMAT_BLOB_LEN);
		memcpy(kept, blob, len);
		need(!cmk_header_rewrap(h, CMK_SLOT_SPARE, kek, kept, len));
	}
	need(!cmk_secret_alloc(&payload, CMK_DEK_BYTES + 32));
	need(cmk_header_open_direct(h, CMK_SLOT_SPARE, &payload, &dek, &e) <
	     0);
	need(e.code[0] && e.text[0]);
	need(cmk_header_open_hk(h, CMK_SLOT_SPARE, key, &dek, &e) < 0 &&
	     !dek.data);
}

/* A rekey ends, and the slot that it ends in is put back. */
static void try_promote(struct cmk_header *h,
			const struct cmk_header_next *next)
{
	__cmk_secret struct cmk_secret record = CMK_SECRET_INIT;
	struct cmk_disk_slot *slot = cmk_header_disk_slot(h, next->range);
	const struct cmk_disk_slot was = *slot;
	uint32_t now;

	need(!cmk_header_record_key(h, &hk, next, &record));
	need(!cmk_header_promote(h));
	need(cmk_header_slot(h, next->range, &now) && now == next->generation);
	*slot = was;
}

/*
 * A rekey that ends, or is not wanted, and one that begins.  The image serves
 * the next input, too, so nothing of it stays.
 */
static void try_next(struct cmk_header *h, uint32_t ranges)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	struct cmk_header_next next = { .range = 0 };

	need(!cmk_header_slot_key(h, &hk, &key));
	try_spare(h, &key);
	if (cmk_header_get_next(h, &next)) {
		need(next.range < ranges && next.generation);
		try_promote(h, &next);
	} else {
		need(cmk_header_promote(h) == -ENOENT);
		cmk_header_discard(h);
	}
	need(!cmk_header_spare_used(h));
	need(!cmk_secret_random(&dek, CMK_DEK_BYTES));
	if (!cmk_header_slot(h, next.range, &next.generation))
		return;
	next.generation++;
	if (!cmk_header_set_next_hk(h, &next, &key, &dek)) {
		cmk_secret_wipe(&dek);
		need(!cmk_header_open_hk(h, CMK_SLOT_SPARE, &key, &dek, NULL));
	}
	cmk_header_discard(h);
}

static void try_keks(struct cmk_header *h)
{
	struct cmk_header_kek kek;
	unsigned int n;
	size_t n_kid;

	for (n = 0; n <= CMK_FORMAT_KIDS; n++) {
		if (!cmk_header_get_kek(h, n, &kek))
			continue;
		n_kid = strnlen(kek.kid, sizeof(kek.kid));
		need(n_kid && n_kid <= CMK_FORMAT_KID_LEN);
		need(!cmk_header_set_kek(h, n, &kek));
		need(cmk_header_place_kek(h, kek.kid, CMK_FORMAT_KIDS) >= 0);
	}
}

static void use(struct cmk_header *h, unsigned int flags)
{
	struct cmk_header_info info;
	uint32_t n;

	cmk_header_get_info(h, &info);
	need(info.ranges && info.ranges <= info.capacity);
	need(info.data_size <= info.ranges * (info.range_sectors * 512));
	need(info.data_offset + info.data_size <= INT64_MAX);
	need(info.valid_copies <= 3 && cmk_header_copies_name(3));
	try_keks(h);
	for (n = 0; n < info.ranges && n < RANGES_TRIED; n++)
		try_slot(h, n);
	try_slot(h, info.ranges - 1);
	try_slot(h, info.ranges);
	try_slot(h, UINT32_MAX);
	try_next(h, info.ranges);
	need(cmk_header_exposed(h) <= info.ranges);
	cmk_header_generations(h);
	if (flags & FUZZ_VERIFY)
		need(cmk_header_verify(h, &hk, NULL) == -EKEYREJECTED);
}

/* Three fields agree by a rule that no mutation finds. */
static void fit_ranges(struct cmk_header *h)
{
	struct cmk_disk_super *s = cmk_header_super(h);
	uint64_t sectors = le64toh(s->data_size) / 512;
	uint64_t range = le64toh(s->range_sectors);

	if (range)
		s->ranges = htole32(sectors / range + !!(sectors % range));
}

static void put_copy(int fd, struct cmk_header *h, uint64_t offset)
{
	need(!cmk_header_digest(h, cmk_header_super(h)->digest));
	need(pwrite(fd, h->image, h->io_size, offset) == (ssize_t)h->io_size);
}

static void from_disk(const struct input *in, struct cmk_header *a)
{
	__cmk_header struct cmk_header *h = NULL;
	uint32_t capacity = le32toh(cmk_header_super(a)->capacity);
	struct cmk_error e = { 0 };
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("header", MFD_CLOEXEC);
	need(fd >= 0 && !ftruncate(fd, 0) && !ftruncate(fd, DISK_BYTES));
	put_copy(fd, a, 0);
	if (in->flags & FUZZ_OTHER_B) {
		memset(a->image + CMK_SUPER_SIZE, 0,
		       2 * sizeof(struct cmk_disk_slot));
		cmk_header_super(a)->seq++;
	}
	put_copy(fd, a, cmk_header_copy_b(capacity));
	if (cmk_header_read(&h, fd, &e) < 0) {
		need(e.code[0] && e.text[0]);
		return;
	}
	need(!cmk_header_repair(h, fd, NULL));
	use(h, in->flags);
	if (cmk_header_write(h, fd, &hk, &e) < 0)
		need(!strcmp(e.code, "header-feature"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cmk_header *h;
	struct input in;

	if (!hk.data)
		need(!cmk_secret_random(&hk, CMK_HK_BYTES));
	if (!split(data, size, &in))
		return 0;
	h = image_of(&in);
	if (!h)
		return 0;
	if (in.flags & FUZZ_FIT)
		fit_ranges(h);
	if (in.flags & FUZZ_FROM_DISK)
		from_disk(&in, h);
	else if (!cmk_header_check(h, NULL))
		use(h, in.flags);
	return 0;
}
