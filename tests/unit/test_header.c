// SPDX-License-Identifier: GPL-2.0
/*
 * Geometry, fields and the way to the disk and back.
 */
#include "volume.h"

#include <fcntl.h>
#include <time.h>

#define GIB	(1ULL << 30)
#define TIB	(1ULL << 40)

static const struct geometry_row {
	uint64_t device, range_size;
	uint32_t sector;
	enum cmk_format_wrap wrap;
	bool detached;
	/* expected */
	const char *error;
	uint64_t data_offset, data_size, range;
	uint32_t ranges, capacity;
	enum cmk_format_wrap want_wrap;
} geometries[] = {
	{ 17 * MIB, 0, 0, 0, false,
	  NULL, 16 * MIB, MIB, GIB, 1, 256, CMK_FORMAT_WRAP_DIRECT },
	{ 17 * MIB - 1, 0, 0, 0, false, "device-small" },
	{ 0, 0, 0, 0, false, "device-small" },
	/* a rest shorter than a sector is left out */
	{ 20 * MIB + 4095, MIB, 4096, 0, false,
	  NULL, 16 * MIB, 4 * MIB, MIB, 4, 256, CMK_FORMAT_WRAP_DIRECT },
	{ 20 * MIB + 4095, MIB, 512, 0, false,
	  NULL, 16 * MIB, 4 * MIB + 3584, MIB, 5, 256,
	  CMK_FORMAT_WRAP_DIRECT },
	/* the default: direct up to 16 ranges */
	{ 16 * MIB + 16 * GIB, 0, 0, 0, false,
	  NULL, 16 * MIB, 16 * GIB, GIB, 16, 256, CMK_FORMAT_WRAP_DIRECT },
	{ 17 * MIB + 16 * GIB, 0, 0, 0, false,
	  NULL, 16 * MIB, MIB + 16 * GIB, GIB, 17, 272, CMK_FORMAT_WRAP_HK },
	{ 16 * MIB + 1024 * GIB, 0, 0, 0, false,
	  NULL, 16 * MIB, 1024 * GIB, GIB, 1024, 16384, CMK_FORMAT_WRAP_HK },
	{ 17 * MIB + 1024 * GIB, 0, 0, 0, false,
	  NULL, 16 * MIB, 1024 * GIB + MIB, 2 * GIB, 513, 8208,
	  CMK_FORMAT_WRAP_HK },
	/* more slots than the small layout has room for */
	{ 24 * MIB + 65536 * GIB, GIB, 0, 0, false,
	  NULL, 24 * MIB, 65536 * GIB, GIB, 65536, 65536,
	  CMK_FORMAT_WRAP_HK },
	{ 25 * MIB + 65536 * GIB, GIB, 0, 0, false, "too-many-ranges" },
	{ 2048 * TIB, 0, 0, 0, false,
	  NULL, 24 * MIB, 2048 * TIB - 24 * MIB, 512 * GIB, 4096, 65536,
	  CMK_FORMAT_WRAP_HK },
	/* detached: record area and data alone */
	{ 4 * MIB + 16 * GIB, 0, 0, 0, true,
	  NULL, 4 * MIB, 16 * GIB, GIB, 16, 256, CMK_FORMAT_WRAP_DIRECT },
	{ 4 * MIB, 0, 0, 0, true, "device-small" },
	/* direct by wish */
	{ 16 * MIB + 1024 * MIB, MIB, 0, CMK_FORMAT_WRAP_DIRECT, false,
	  NULL, 16 * MIB, 1024 * MIB, MIB, 1024, 1024,
	  CMK_FORMAT_WRAP_DIRECT },
	{ 16 * MIB + 1025 * MIB, MIB, 0, CMK_FORMAT_WRAP_DIRECT, false,
	  "too-many-ranges" },
	{ 20 * MIB, 0, 0, CMK_FORMAT_WRAP_HK, false,
	  NULL, 16 * MIB, 4 * MIB, GIB, 1, 256, CMK_FORMAT_WRAP_HK },
	/* what is no geometry */
	{ 20 * MIB, 0, 0, 3, false, "bad-wrap" },
	{ 20 * MIB, MIB / 2, 0, 0, false, "bad-range-size" },
	{ 20 * MIB, 3 * MIB, 0, 0, false, "bad-range-size" },
	{ 20 * MIB, TIB, 0, 0, false, "bad-range-size" },
	{ 20 * MIB, 0, 256, 0, false, "bad-sector-size" },
	{ 20 * MIB, 0, 8192, 0, false, "bad-sector-size" },
	{ 20 * MIB, 0, 1536, 0, false, "bad-sector-size" },
	{ UINT64_MAX, 0, 0, 0, false, "too-many-ranges" },
};

static void check_geometry(const struct geometry_row *g,
			   const struct cmk_header_info *i)
{
	bool large = g->capacity > 16384;

	assert_int_equal(i->data_offset, g->data_offset);
	assert_int_equal(i->data_size, g->data_size);
	assert_int_equal(i->range_sectors * 512, g->range);
	assert_int_equal(i->ranges, g->ranges);
	assert_int_equal(i->capacity, g->capacity);
	assert_int_equal(i->wrap, g->want_wrap);
	assert_int_equal(i->sector_size, g->sector ? g->sector : 4096);
	assert_int_equal(i->detached, g->detached);
	assert_int_equal(i->header_size, (large ? 24 : 16) * MIB);
	assert_int_equal(i->record_offset,
			 g->detached ? 0 : (large ? 10 : 4) * MIB);
	assert_int_equal(i->seq, 0);
	assert_int_equal(i->iv_offset, 0);
}

static void geometry_by_table(void **state)
{
	const struct geometry_row *g = geometries;
	size_t n;

	for (n = 0; n < sizeof(geometries) / sizeof(*g); n++, g++) {
		__cmk_header struct cmk_header *h = NULL;
		struct cmk_header_params p = {
			.uuid = "a volume", .device_size = g->device,
			.range_size = g->range_size, .sector_size = g->sector,
			.wrap = g->wrap, .detached = g->detached,
		};
		struct cmk_header_info info;
		struct cmk_error e = { 0 };
		int r = cmk_header_new(&h, &p, &e);

		print_message("row %zu\n", n);
		assert_string_equal(e.code, g->error ? g->error : "");
		assert_int_equal(r < 0, !!g->error);
		if (r < 0)
			continue;
		cmk_header_get_info(h, &info);
		check_geometry(g, &info);
		/* what is made passes what is read */
		cmk_header_super(h)->seq = htole64(1);
		assert_int_equal(cmk_header_check(h, NULL), 0);
	}
}

static void a_uuid_of_zeros_is_refused(void **state)
{
	struct cmk_header_params p = { .device_size = 20 * MIB };
	struct cmk_header *h = NULL;
	struct cmk_error e;

	assert_int_equal(cmk_header_new(&h, &p, &e), -EINVAL);
	assert_string_equal(e.code, "bad-uuid");
}

static void round_trip(enum cmk_format_wrap wrap)
{
	__volume struct volume made, got;
	struct cmk_error e = { 0 };
	int fd;

	volume_init(&made, 1);
	fd = make_volume(&made, wrap);
	assert_int_equal(volume_open(fd, &got, &e), 0);
	assert_true(volumes_equal(&made, &got));
	close(fd);
}

static void direct_slots_come_back(void **state)
{
	round_trip(CMK_FORMAT_WRAP_DIRECT);
}

static void hk_slots_come_back(void **state)
{
	round_trip(CMK_FORMAT_WRAP_HK);
}

static void the_fields_come_back(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v;
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	int fd;

	volume_init(&v, 1);
	fd = make_volume(&v, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_read(&h, fd, NULL), 0);
	cmk_header_get_info(h, &info);
	assert_memory_equal(info.uuid, v.uuid, 16);
	assert_int_equal(info.seq, 1);
	assert_int_equal(info.valid_copies, 3);
	assert_int_equal(info.foreign_copies, 0);
	assert_false(info.copies_differ);
	assert_false(info.read_only);
	assert_in_range(time(NULL) - info.created, 0, 60);
	assert_in_range(time(NULL) - info.written, 0, 60);

	assert_true(cmk_header_get_kek(h, 0, &kek));
	assert_int_equal(kek.provider, CMK_FORMAT_KEK_AZURE);
	assert_string_equal(kek.kid, VOLUME_KID);
	assert_hex(kek.thumbprint, 32, FIXED_THUMBPRINT);
	assert_int_equal(kek.wrapped_at, 1700000000);
	assert_int_equal(kek.blob_len, 256);
	assert_false(cmk_header_get_kek(h, 1, &kek));
	assert_false(cmk_header_get_kek(h, 4, &kek));
	cmk_header_clear_kek(h, 0);
	assert_false(cmk_header_get_kek(h, 0, &kek));
	close(fd);
}

static void seq_rises_with_each_write(void **state)
{
	__cmk_header struct cmk_header *h = NULL, *again = NULL;
	__volume struct volume v;
	struct cmk_header_info info;
	int fd, n;

	volume_init(&v, 1);
	fd = make_volume(&v, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_read(&h, fd, NULL), 0);
	for (n = 2; n < 5; n++)
		assert_int_equal(cmk_header_write(h, fd, &v.hk, NULL), 0);
	assert_int_equal(cmk_header_read(&again, fd, NULL), 0);
	cmk_header_get_info(again, &info);
	assert_int_equal(info.seq, 4);
	assert_int_equal(info.valid_copies, 3);
	assert_false(info.copies_differ);
	close(fd);
}

static void a_bad_kek_entry_is_refused(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v;
	struct cmk_header_kek good, k;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_HK);
	assert_true(cmk_header_get_kek(h, 0, &good));
	assert_int_equal(cmk_header_set_kek(h, 4, &good), -EINVAL);
#define REFUSED(change) \
	do { \
		k = good; \
		change; \
		assert_int_equal(cmk_header_set_kek(h, 1, &k), -EINVAL); \
	} while (0)
	REFUSED(k.provider = 0);
	REFUSED(k.provider = 3);
	REFUSED(k.alg = 2);
	REFUSED(k.role = 256);
	REFUSED(k.kid[0] = '\0');
	REFUSED(k.kid[3] = '\n');
	REFUSED(k.kid[3] = ' ');
	REFUSED(k.kid[3] = '\xc3');
	REFUSED(memset(k.kid, 'a', sizeof(k.kid)));
	REFUSED(k.blob_len = 0);
	REFUSED(k.blob_len = 513);
	REFUSED(k.wrapped_at = -1);
#undef REFUSED
	memset(good.kid, 'a', CMK_FORMAT_KID_LEN);
	good.kid[CMK_FORMAT_KID_LEN] = '\0';
	assert_int_equal(cmk_header_set_kek(h, 3, &good), 0);
	assert_true(cmk_header_get_kek(h, 3, &k));
	assert_string_equal(k.kid, good.kid);
}

static void open_locks_the_header(void **state)
{
	char path[] = "/tmp/test_header.XXXXXX";
	int first = -1, second = -1;
	struct cmk_error e;

	close(mkstemp(path));
	assert_int_equal(cmk_header_open(&first, path, true, NULL), 0);
	assert_int_equal(cmk_header_open(&second, path, false, &e), -EBUSY);
	assert_string_equal(e.code, "header-busy");
	assert_int_equal(e.status, CMK_TEMPORARY);
	close(first);
	assert_int_equal(cmk_header_open(&second, path, false, NULL), 0);
	close(second);
	unlink(path);
	assert_int_equal(cmk_header_open(&second, path, true, &e), -ENOENT);
	assert_int_equal(e.status, CMK_UNSUITABLE);
}

/* The file behind the descriptor may want aligned buffers and lengths. */
static void a_header_file_with_o_direct(void **state)
{
	__cmk_header struct cmk_header *h = NULL, *again = NULL;
	__volume struct volume v;
	char path[] = "/var/tmp/test_header.XXXXXX";
	int fd = -1;

	close(mkstemp(path));
	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_open(&fd, path, true, NULL), 0);
	if (!(fcntl(fd, F_GETFL) & O_DIRECT)) {
		close(fd);
		unlink(path);
		skip();
	}
	assert_int_equal(cmk_header_write(h, fd, &v.hk, NULL), 0);
	assert_int_equal(cmk_header_read(&again, fd, NULL), 0);
	assert_int_equal(cmk_header_verify(again, &v.hk, NULL), 0);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(geometry_by_table),
		cmocka_unit_test(a_uuid_of_zeros_is_refused),
		cmocka_unit_test(direct_slots_come_back),
		cmocka_unit_test(hk_slots_come_back),
		cmocka_unit_test(the_fields_come_back),
		cmocka_unit_test(seq_rises_with_each_write),
		cmocka_unit_test(a_bad_kek_entry_is_refused),
		cmocka_unit_test(open_locks_the_header),
		cmocka_unit_test(a_header_file_with_o_direct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
