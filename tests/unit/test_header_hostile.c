// SPDX-License-Identifier: GPL-2.0
/*
 * Each byte of the header that is in use, flipped in turn: in one copy, in
 * both, and by somebody who makes the digest right again.  Identical keys or
 * a named error, never other keys.  Then garbage, and later versions.
 */
#include "volume.h"

#include <time.h>

#define FIELD(name)	offsetof(struct cmk_disk_super, name)
#define COPY_B		(12 * MIB)

static struct volume v;
static int disk;
static bool direct;
static struct cmk_header *true_image;

static void read_disk(void *p, size_t len, off_t offset)
{
	assert_int_equal(pread(disk, p, len, offset), len);
}

static void write_disk(const void *p, size_t len, off_t offset)
{
	assert_int_equal(pwrite(disk, p, len, offset), len);
}

static void flip(off_t offset)
{
	unsigned char byte;

	read_disk(&byte, 1, offset);
	byte ^= 0x81;
	write_disk(&byte, 1, offset);
}

static const char *const named[] = {
	"no-header", "header-damaged", "header-version", "header-feature",
	"header-forged", "hk-foreign", "kek-pinned", "unwrap-failed",
	"slot-empty", "slot-moved", "slot-damaged",
};

static void assert_named(const struct cmk_error *e)
{
	size_t n;

	for (n = 0; n < sizeof(named) / sizeof(*named); n++)
		if (!strcmp(e->code, named[n]) && e->text[0])
			return;
	fail_msg("error \"%s\": %s", e->code, e->text);
}

/* Opens.  Return: copies that were valid and gave the true keys, or 0 */
static unsigned int open_or_error(void)
{
	__volume struct volume got;
	struct cmk_error e = { 0 };

	if (volume_open(disk, &got, &e) < 0) {
		assert_named(&e);
		return 0;
	}
	if (!volumes_equal(&got, &v))
		fail_msg("opened with other keys");
	return got.valid_copies;
}

/* Makes digests right again, of copy A and perhaps of both, as anybody can. */
static void fix_digest(bool both)
{
	__cmk_header struct cmk_header *h = cmk_header_alloc(256);
	unsigned char digest[32];

	read_disk(h->image, h->size, 0);
	assert_int_equal(cmk_header_digest(h, digest), 0);
	write_disk(digest, 32, CMK_DIGEST_OFFSET);
	if (both)
		write_disk(digest, 32, COPY_B + CMK_DIGEST_OFFSET);
}

/* The digests that are right as long as nothing else is changed. */
static void restore_digest(void)
{
	const unsigned char *digest = cmk_header_super(true_image)->digest;

	write_disk(digest, 32, CMK_DIGEST_OFFSET);
	write_disk(digest, 32, COPY_B + CMK_DIGEST_OFFSET);
}

typedef void (*each_byte_t)(off_t offset);

static void for_bytes(off_t from, size_t len, each_byte_t f)
{
	for (; len; len--)
		f(from++);
}

/*
 * What both modes have alike is tried in mode hk alone: a byte costs the
 * digests of two copies.
 */
static void for_each_used_byte(each_byte_t f)
{
	const off_t wrap = FIELD(hk);
	const size_t kid = offsetof(struct cmk_disk_hk_wrap, kid);
	const size_t blob = offsetof(struct cmk_disk_hk_wrap, blob);
	unsigned int n;

	for_bytes(CMK_SUPER_SIZE, RANGES * sizeof(struct cmk_disk_slot), f);
	if (direct) {
		for (n = 0; n < RANGES; n++)
			for_bytes(CMK_DIRECT_OFFSET + n * CMK_FORMAT_BLOB_LEN,
				  256, f);
		return;
	}
	for_bytes(0, FIELD(reserved1), f);
	for_bytes(wrap, kid, f);
	for_bytes(wrap + kid, strlen(VOLUME_KID), f);
	for_bytes(wrap + blob, 256, f);
	/* provider and lengths of the entries that are not in use */
	for (n = 1; n < CMK_FORMAT_KIDS; n++)
		for_bytes(wrap + n * sizeof(struct cmk_disk_hk_wrap), 8, f);
}

/* Which copy is used, whose bytes are all the true ones? */
static void assert_used(unsigned int copy)
{
	__cmk_header struct cmk_header *h = NULL;

	assert_int_equal(cmk_header_read(&h, disk, NULL), 0);
	assert_int_equal(h->valid, copy);
	assert_true(!memcmp(h->image, true_image->image, h->size));
}

static void in_copy_a(off_t at)
{
	flip(at);
	assert_used(CMK_COPY_B);
	flip(at);
}

static void in_copy_b(off_t at)
{
	flip(COPY_B + at);
	assert_used(CMK_COPY_A);
	flip(COPY_B + at);
}

static void in_both(off_t at)
{
	flip(at);
	flip(COPY_B + at);
	assert_int_equal(open_or_error(), 0);
	flip(at);
	flip(COPY_B + at);
}

/* What the digest covers cannot be changed by who has not the header key. */
static void by_a_forger(off_t at)
{
	if (at >= CMK_DIGEST_OFFSET && at < CMK_MAC_OFFSET)
		return;
	flip(at);
	flip(COPY_B + at);
	fix_digest(true);
	assert_int_equal(open_or_error(), 0);
	flip(at);
	flip(COPY_B + at);
	restore_digest();
}

/* In copy A alone: the other copy may serve, but nothing else may. */
static void by_a_forger_of_one(off_t at)
{
	if (at >= CMK_DIGEST_OFFSET && at < CMK_MAC_OFFSET)
		return;
	flip(at);
	fix_digest(false);
	open_or_error();
	flip(at);
	restore_digest();
}

static int setup(enum cmk_format_wrap wrap)
{
	volume_init(&v, 1);
	direct = wrap == CMK_FORMAT_WRAP_DIRECT;
	disk = make_volume(&v, wrap);
	return cmk_header_read(&true_image, disk, NULL);
}

static int setup_direct(void **state)
{
	return setup(CMK_FORMAT_WRAP_DIRECT);
}

static int setup_hk(void **state)
{
	return setup(CMK_FORMAT_WRAP_HK);
}

static int teardown(void **state)
{
	volume_wipe(&v);
	cmk_header_free(true_image);
	return close(disk);
}

static void a_byte_flipped_in_copy_a_changes_nothing(void **state)
{
	for_each_used_byte(in_copy_a);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_flipped_in_copy_b_changes_nothing(void **state)
{
	for_each_used_byte(in_copy_b);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_flipped_in_both_is_an_error(void **state)
{
	for_each_used_byte(in_both);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_forged_in_both_is_an_error(void **state)
{
	for_each_used_byte(by_a_forger);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_forged_in_copy_a_gives_no_other_keys(void **state)
{
	for_each_used_byte(by_a_forger_of_one);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

/* -- whole fields -- */

static void set_in_both(size_t at, const void *p, size_t len)
{
	write_disk(p, len, at);
	write_disk(p, len, COPY_B + at);
	fix_digest(true);
}

static void assert_reads(const char *code)
{
	__cmk_header struct cmk_header *h = NULL;
	struct cmk_error e = { 0 };

	cmk_header_read(&h, disk, &e);
	assert_string_equal(e.code, code);
	assert_int_equal(!h, !!code[0]);
}

/* Little-endian @value in the @len bytes at @at, tried and taken back. */
static void assert_refused(size_t at, uint64_t value, size_t len,
			   const char *code)
{
	uint64_t le = htole64(value), old = 0;

	read_disk(&old, len, at);
	set_in_both(at, &le, len);
	print_message("%zu = %llx\n", at, (unsigned long long)value);
	assert_reads(code);
	set_in_both(at, &old, len);
	assert_reads("");
}

static const struct bound {
	size_t at, len;
	uint64_t value;
	const char *code;
} bounds[] = {
	{ FIELD(version), 4, 2, "header-version" },
	{ FIELD(version), 4, 0, "header-version" },
	{ FIELD(incompat), 4, 1, "header-feature" },
	{ FIELD(incompat), 4, 0x80000000, "header-feature" },
	{ FIELD(seq), 8, 0, "header-damaged" },
	{ FIELD(header_size), 8, 17 * MIB, "header-damaged" },
	{ FIELD(copy_b_offset), 8, 13 * MIB, "header-damaged" },
	{ FIELD(copy_b_offset), 8, 14 * MIB, "header-damaged" },
	{ FIELD(record_offset), 8, 0, "header-damaged" },
	{ FIELD(record_offset), 8, 5 * MIB, "header-damaged" },
	{ FIELD(record_offset), 8, UINT64_MAX, "header-damaged" },
	{ FIELD(data_offset), 8, 0, "header-damaged" },
	{ FIELD(data_offset), 8, 15 * MIB, "header-damaged" },
	{ FIELD(data_offset), 8, 16 * MIB + 512, "header-damaged" },
	{ FIELD(data_offset), 8, 1ULL << 63, "header-damaged" },
	{ FIELD(data_size), 8, 0, "header-damaged" },
	{ FIELD(data_size), 8, 4 * MIB - 512, "header-damaged" },
	{ FIELD(data_size), 8, 5 * MIB, "header-damaged" },
	{ FIELD(data_size), 8, UINT64_MAX - 4095, "header-damaged" },
	{ FIELD(iv_offset), 8, UINT64_MAX, "header-damaged" },
	{ FIELD(range_sectors), 8, 0, "header-damaged" },
	{ FIELD(range_sectors), 8, 1024, "header-damaged" },
	{ FIELD(range_sectors), 8, 2049, "header-damaged" },
	{ FIELD(range_sectors), 8, 4096, "header-damaged" },
	{ FIELD(range_sectors), 8, 1ULL << 31, "header-damaged" },
	{ FIELD(range_sectors), 8, 1ULL << 63, "header-damaged" },
	{ FIELD(sector_size), 4, 0, "header-damaged" },
	{ FIELD(sector_size), 4, 768, "header-damaged" },
	{ FIELD(sector_size), 4, 8192, "header-damaged" },
	{ FIELD(ranges), 4, 0, "header-damaged" },
	{ FIELD(ranges), 4, 5, "header-damaged" },
	{ FIELD(ranges), 4, UINT32_MAX, "header-damaged" },
	{ FIELD(capacity), 4, 0, "header-damaged" },
	{ FIELD(capacity), 4, 65537, "header-damaged" },
	{ FIELD(capacity), 4, UINT32_MAX, "header-damaged" },
	{ FIELD(wrap), 1, 0, "header-damaged" },
	{ FIELD(wrap), 1, 3, "header-damaged" },
	{ FIELD(detached), 1, 2, "header-damaged" },
	{ FIELD(created), 8, UINT64_MAX, "header-damaged" },
	{ FIELD(written), 8, 1ULL << 62, "header-damaged" },
	{ FIELD(hk[0].provider), 1, 3, "header-feature" },
	{ FIELD(hk[0].alg), 1, 2, "header-feature" },
	{ FIELD(hk[0].kid_len), 2, 0, "header-damaged" },
	{ FIELD(hk[0].kid_len), 2, 513, "header-damaged" },
	{ FIELD(hk[0].kid_len), 2, 100, "header-damaged" },
	{ FIELD(hk[0].kid[0]), 1, 0x1b, "header-damaged" },
	{ FIELD(hk[0].kid[0]), 1, 0x80, "header-damaged" },
	{ FIELD(hk[0].blob_len), 2, 0, "header-damaged" },
	{ FIELD(hk[0].blob_len), 2, 513, "header-damaged" },
	{ FIELD(hk[0].wrapped_at), 8, 1ULL << 63, "header-damaged" },
	{ FIELD(hk[3].provider), 1, 1, "header-feature" },
};

static void each_field_is_bounded(void **state)
{
	const struct bound *b = bounds;
	size_t n;

	for (n = 0; n < sizeof(bounds) / sizeof(*b); n++, b++)
		assert_refused(b->at, b->value, b->len, b->code);
}

/* Unknown compat flags and reserved bytes are ignored, and kept on write. */
static void what_a_later_version_adds_compatibly_is_kept(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	struct cmk_disk_super s;
	uint32_t flag = htole32(4);
	int n;

	set_in_both(FIELD(compat), &flag, 4);
	set_in_both(FIELD(reserved1) + 9, "later", 5);
	assert_int_equal(cmk_header_read(&h, disk, NULL), 0);
	assert_int_equal(cmk_header_write(h, disk, &v.hk, NULL), 0);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
	for (n = 0; n < 2; n++) {
		read_disk(&s, sizeof(s), n * COPY_B);
		assert_int_equal(s.compat, flag);
		assert_memory_equal(s.reserved1 + 9, "later", 5);
	}
}

static void an_unknown_ro_compat_flag_forbids_writing(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	struct cmk_header_info info;
	struct cmk_disk_super before, after;
	uint32_t flag = htole32(1);
	struct cmk_error e;

	set_in_both(FIELD(ro_compat), &flag, 4);
	assert_int_equal(cmk_header_read(&h, disk, NULL), 0);
	cmk_header_get_info(h, &info);
	assert_true(info.read_only);
	read_disk(&before, sizeof(before), 0);
	assert_int_equal(cmk_header_write(h, disk, &v.hk, &e), -EROFS);
	assert_string_equal(e.code, "header-feature");
	read_disk(&after, sizeof(after), 0);
	assert_memory_equal(&before, &after, sizeof(after));
}

/* A feature that was added in the newer copy is not lost to the older one. */
static void the_copy_that_counts_decides_about_features(void **state)
{
	unsigned char *old = malloc(FIELD(reserved1));
	uint32_t flag = htole32(1);
	uint64_t seq = htole64(2);

	read_disk(old, FIELD(reserved1), 0);
	set_in_both(FIELD(incompat), &flag, 4);
	set_in_both(FIELD(seq), &seq, 8);
	write_disk(old, FIELD(reserved1), 0);		/* only B has it */
	assert_reads("header-feature");
	free(old);
}

/* -- garbage -- */

static void assert_garbage_is_refused(const void *p, size_t len,
				      const char *code)
{
	int fd = make_disk(16 * MIB), saved = disk;

	disk = fd;
	write_disk(p, len, 0);
	write_disk(p, len, COPY_B);
	assert_reads(code);
	disk = saved;
	close(fd);
}

static void garbage_is_refused(void **state)
{
	unsigned int seed = time(NULL);
	unsigned char *p = calloc(2, MIB);
	size_t n;
	int i;

	print_message("seed %u\n", seed);
	srandom(seed);
	assert_garbage_is_refused(p, MIB, "no-header");
	for (i = 0; i < 20; i++) {
		for (n = 0; n < 2 * MIB; n += 4)
			cmk_put_le32(p + n, random());
		assert_garbage_is_refused(p, 2 * MIB, "no-header");
		memcpy(p, CMK_FORMAT_MAGIC, 8);
		assert_garbage_is_refused(p, 2 * MIB, "header-version");
		cmk_put_le32(p + 8, CMK_FORMAT_VERSION);
		assert_garbage_is_refused(p, 2 * MIB, "header-damaged");
		cmk_put_le32(p + FIELD(capacity), 256);
		assert_garbage_is_refused(p, 2 * MIB, "header-damaged");
	}
	free(p);
}

static void a_short_device_is_refused(void **state)
{
	static const off_t sizes[] = { MIB, 8192, 8191, 4096, 512, 1, 0 };
	size_t n;

	for (n = 0; n < 7; n++) {
		assert_int_equal(ftruncate(disk, sizes[n]), 0);
		assert_reads(sizes[n] < 8192 ? "no-header" : "header-damaged");
	}
}

static void the_front_overwritten_is_not_the_end(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	unsigned char *junk = malloc(4 * MIB);
	struct cmk_header_info info;

	memset(junk, 0x55, 4 * MIB);
	write_disk(junk, 4 * MIB, 0);
	free(junk);
	assert_int_equal(open_or_error(), CMK_COPY_B);
	assert_int_equal(cmk_header_read(&h, disk, NULL), 0);
	cmk_header_get_info(h, &info);
	assert_int_equal(info.foreign_copies, CMK_COPY_A);
	assert_int_equal(cmk_header_repair(h, disk, NULL), 0);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

#define DIRECT(test)	{ #test "_direct", test, setup_direct, teardown, NULL }
#define ONE(test)	{ #test, test, setup_hk, teardown, NULL }
#define BOTH(test)	ONE(test), DIRECT(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_byte_flipped_in_copy_a_changes_nothing),
		BOTH(a_byte_flipped_in_copy_b_changes_nothing),
		BOTH(a_byte_flipped_in_both_is_an_error),
		BOTH(a_byte_forged_in_both_is_an_error),
		ONE(a_byte_forged_in_copy_a_gives_no_other_keys),
		ONE(each_field_is_bounded),
		ONE(what_a_later_version_adds_compatibly_is_kept),
		ONE(an_unknown_ro_compat_flag_forbids_writing),
		ONE(the_copy_that_counts_decides_about_features),
		ONE(garbage_is_refused),
		ONE(a_short_device_is_refused),
		ONE(the_front_overwritten_is_not_the_end),
	};

	keep_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
