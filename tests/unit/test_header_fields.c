// SPDX-License-Identifier: GPL-2.0
/*
 * Whole fields of a header with a digest that is right: each bound, and what
 * a later version may have written.
 */
#include "hostile.h"

static void set_in_both(size_t at, const void *p, size_t len)
{
	write_disk(p, len, at);
	write_disk(p, len, COPY_B + at);
	fix_digest(true);
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
	{ FIELD(data_offset), 8, (1ULL << 63) - MIB, "header-damaged" },
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

static void a_detached_record_area_lies_before_the_data(void **state)
{
	unsigned char yes = 1;

	set_in_both(FIELD(detached), &yes, 1);
	assert_reads("");
	assert_refused(FIELD(record_offset), 13 * MIB, 8, "header-damaged");
	assert_refused(FIELD(record_offset), 1ULL << 62, 8, "header-damaged");
	assert_refused(FIELD(data_offset), 3 * MIB, 8, "header-damaged");
	assert_refused(FIELD(data_offset), 7 * MIB, 8, "header-damaged");
}

/* However high its seq. */
static void a_copy_b_of_another_volume_does_not_count(void **state)
{
	__cmk_header struct cmk_header *h = NULL, *other = NULL;
	struct cmk_header_info info;
	__volume struct volume w;

	volume_init(&w, 2);
	other = volume_header(&w, CMK_FORMAT_WRAP_HK);
	cmk_header_super(other)->seq = htole64(1000);
	assert_int_equal(cmk_header_digest(other,
					   cmk_header_super(other)->digest),
			 0);
	write_disk(other->image, other->io_size, COPY_B);
	assert_int_equal(open_or_error(), CMK_COPY_A);
	assert_int_equal(cmk_header_read(&h, disk, NULL), 0);
	assert_int_equal(cmk_header_repair(h, disk, NULL), 0);
	cmk_header_get_info(h, &info);
	assert_int_equal(info.valid_copies, CMK_BOTH_COPIES);
	assert_int_equal(open_or_error(), CMK_BOTH_COPIES);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(each_field_is_bounded),
		ONE(a_detached_record_area_lies_before_the_data),
		ONE(a_copy_b_of_another_volume_does_not_count),
		ONE(what_a_later_version_adds_compatibly_is_kept),
		ONE(an_unknown_ro_compat_flag_forbids_writing),
		ONE(the_copy_that_counts_decides_about_features),
	};

	keep_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
