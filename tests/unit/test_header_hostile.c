// SPDX-License-Identifier: GPL-2.0
/*
 * Each byte of the header that is in use, flipped in turn: in one copy, in
 * both, and by somebody who makes the digest right again.  Identical keys or
 * a named error, never other keys.  Then garbage.
 */
#include "hostile.h"

#include <time.h>

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
static void visit_used_bytes(each_byte_t f)
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

static void a_byte_flipped_in_copy_a_changes_nothing(void **state)
{
	visit_used_bytes(in_copy_a);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_flipped_in_copy_b_changes_nothing(void **state)
{
	visit_used_bytes(in_copy_b);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_flipped_in_both_is_an_error(void **state)
{
	visit_used_bytes(in_both);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_forged_in_both_is_an_error(void **state)
{
	visit_used_bytes(by_a_forger);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
}

static void a_byte_forged_in_copy_a_gives_no_other_keys(void **state)
{
	visit_used_bytes(by_a_forger_of_one);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_byte_flipped_in_copy_a_changes_nothing),
		BOTH(a_byte_flipped_in_copy_b_changes_nothing),
		BOTH(a_byte_flipped_in_both_is_an_error),
		BOTH(a_byte_forged_in_both_is_an_error),
		ONE(a_byte_forged_in_copy_a_gives_no_other_keys),
		ONE(garbage_is_refused),
		ONE(a_short_device_is_refused),
		ONE(the_front_overwritten_is_not_the_end),
	};

	keep_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
