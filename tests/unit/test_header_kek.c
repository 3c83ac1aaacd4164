// SPDX-License-Identifier: GPL-2.0
/*
 * A change of the KEK in the header: which wrap goes where, what is exposed to
 * a former KEK, and that a loss of power in any of its writes leaves a volume
 * that opens with one of the two KEKs.
 */
#include "volume.h"

#include <sys/syscall.h>

#define OTHER_KID	"https://hsm.example/keys/pg/fedcba9876543210"
#define DISK_BYTES	((16 + RANGES) * MIB)

/* -- the entries -- */

static void set_kek(const struct volume *v, struct cmk_header *h,
		    unsigned int index, const char *kid)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	struct cmk_header_kek kek = {
		.provider = CMK_FORMAT_KEK_AZURE, .alg = 1,
		.wrapped_at = 1700000001,
	};

	strcpy(kek.kid, kid);
	assert_int_equal(cmk_header_hk_payload(h, &v->hk, &payload), 0);
	assert_int_equal(cmk_rsa_wrap(volume_kek(), &payload, kek.blob,
				      &kek.blob_len, NULL), 0);
	assert_int_equal(cmk_header_set_kek(h, index, &kek), 0);
}

static void a_wrap_takes_the_place_of_its_own_kid_or_a_free_one(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_place_kek(h, OTHER_KID, 0), 1);
	set_kek(&v, h, 3, OTHER_KID);
	assert_int_equal(cmk_header_place_kek(h, OTHER_KID, 0), 3);
	/* what stays is not written over, though the kid is the same */
	assert_int_equal(cmk_header_place_kek(h, OTHER_KID, 3), 1);
	assert_int_equal(cmk_header_place_kek(h, VOLUME_KID, 0), 1);
	set_kek(&v, h, 1, "https://a.example/keys/a/1");
	set_kek(&v, h, 2, "https://a.example/keys/a/2");
	assert_int_equal(cmk_header_place_kek(h, VOLUME_KID, 0), -ENOSPC);
	assert_int_equal(cmk_header_place_kek(h, OTHER_KID, 0), 3);
}

static void a_rewrap_of_a_slot_refuses_what_has_no_place(void **state)
{
	__cmk_header struct cmk_header *direct = NULL, *hk = NULL;
	unsigned char blob[CMK_FORMAT_BLOB_LEN + 1] = { 1 };
	__volume struct volume v;

	volume_init(&v, 1);
	direct = volume_header(&v, CMK_FORMAT_WRAP_DIRECT);
	hk = volume_header(&v, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_rewrap(direct, RANGES, 0, blob, 8),
			 -ERANGE);
	assert_int_equal(cmk_header_rewrap(direct, 0, 1, blob, 8), -EINVAL);
	assert_int_equal(cmk_header_rewrap(direct, 0, 9, blob, 8), -EINVAL);
	assert_int_equal(cmk_header_rewrap(direct, 0, 0, blob, 0), -EINVAL);
	assert_int_equal(cmk_header_rewrap(direct, 0, 0, blob, sizeof(blob)),
			 -EINVAL);
	assert_int_equal(cmk_header_rewrap(hk, 0, 0, blob, 8), -EINVAL);
}

/* -- exposure -- */

static void rewrap_slot(const struct volume *v, struct cmk_header *h,
			uint32_t range, unsigned int kek)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	unsigned char blob[CMK_RSA_BLOB_MAX];
	size_t len;

	assert_int_equal(cmk_header_dek_payload(h, range, v->generation[range],
						&v->dek[range], &payload), 0);
	assert_int_equal(cmk_rsa_wrap(volume_kek(), &payload, blob, &len,
				      NULL), 0);
	assert_int_equal(cmk_header_rewrap(h, range, kek, blob, len), 0);
}

static void ranges_stay_exposed_until_they_have_another_dek(void **state)
{
	__cmk_header struct cmk_header *h = NULL, *again = NULL;
	__volume struct volume v;
	uint32_t n;
	int fd = make_disk(DISK_BYTES);

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_DIRECT);
	assert_int_equal(cmk_header_exposed(h), 0);
	cmk_header_expose(h);
	assert_int_equal(cmk_header_exposed(h), RANGES);
	/* another wrap of the same DEK takes nothing back */
	for (n = 0; n < RANGES; n++)
		rewrap_slot(&v, h, n, 0);
	assert_int_equal(cmk_header_exposed(h), RANGES);
	v.generation[1]++;
	volume_set_slot(&v, h, 1);
	assert_int_equal(cmk_header_exposed(h), RANGES - 1);

	assert_int_equal(cmk_header_write(h, fd, &v.hk, NULL), 0);
	assert_int_equal(cmk_header_read(&again, fd, NULL), 0);
	assert_int_equal(cmk_header_exposed(again), RANGES - 1);
	cmk_header_expose(again);
	assert_int_equal(cmk_header_exposed(again), RANGES);
	close(fd);
}

static void the_spare_slot_is_seen(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	struct cmk_header_info info;
	__volume struct volume v;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_DIRECT);
	cmk_header_get_info(h, &info);
	assert_false(cmk_header_spare_used(h));
	cmk_header_disk_slot(h, info.capacity)->state = CMK_SLOT_NEXT;
	assert_true(cmk_header_spare_used(h));
}

/* -- power loss -- */

static unsigned char *before;	/* the last write */
static off_t place;
static size_t length;
static int recorded = -1;
static unsigned int torn;

static void check_torn(const unsigned char *new);

/* Each write is torn before it is made. */
ssize_t pwrite(int fd, const void *p, size_t len, off_t offset)
{
	if (fd == recorded) {
		place = offset;
		length = len;
		check_torn(p);
	}
	return syscall(SYS_pwrite64, fd, p, len, offset);
}

static bool opens_with(int fd, const char *pin, const struct volume *want)
{
	__volume struct volume got;
	bool ok;

	volume_pin = pin;
	ok = !volume_open(fd, &got, NULL) && volumes_equal(&got, want);
	volume_pin = VOLUME_KID;
	return ok;
}

static const struct volume *the_volume;
static bool both;		/* the copies have both wraps */

/* The first @n sectors of the write arrived, or all but these. */
static void check_one(int fd, const unsigned char *new, size_t n, bool rest)
{
	size_t at = n * 512;

	assert_int_equal(syscall(SYS_pwrite64, fd, before + place, length,
				 place), length);
	if (rest)
		assert_int_equal(syscall(SYS_pwrite64, fd, new + at,
					 length - at, place + at),
				 length - at);
	else
		assert_int_equal(syscall(SYS_pwrite64, fd, new, at, place),
				 at);
	if (!opens_with(fd, VOLUME_KID, the_volume) &&
	    !opens_with(fd, OTHER_KID, the_volume))
		fail_msg("sector %zu of the write at %lld: opens with neither",
			 n, (long long)place);
	/* with both wraps on disk it is always the one the node allows */
	if (!both)
		assert_true(opens_with(fd, VOLUME_KID, the_volume));
	torn++;
}

static void check_torn(const unsigned char *new)
{
	int fd = make_disk(DISK_BYTES);
	size_t n;

	free(before);
	before = malloc(DISK_BYTES);
	assert_int_equal(pread(recorded, before, DISK_BYTES, 0), DISK_BYTES);
	assert_int_equal(syscall(SYS_pwrite64, fd, before, DISK_BYTES, 0),
			 DISK_BYTES);
	for (n = 0; n <= length / 512; n++) {
		bool same = n < length / 512 &&
			    !memcmp(before + place + n * 512, new + n * 512,
				    512);

		if (same && n)
			continue;
		check_one(fd, new, n, false);
		check_one(fd, new, n, true);
	}
	close(fd);
}

/* As agent/rewrap-write.c does it. */
static void change_kek(int fd, const struct volume *v,
		       enum cmk_format_wrap wrap)
{
	__cmk_header struct cmk_header *h = NULL;
	int index;
	uint32_t n;

	assert_int_equal(cmk_header_read(&h, fd, NULL), 0);
	index = cmk_header_place_kek(h, OTHER_KID, 0);
	set_kek(v, h, index, OTHER_KID);
	assert_int_equal(cmk_header_write(h, fd, &v->hk, NULL), 0);
	assert_true(opens_with(fd, VOLUME_KID, v));

	both = true;
	for (n = 0; wrap == CMK_FORMAT_WRAP_DIRECT && n < RANGES; n++)
		rewrap_slot(v, h, n, index);
	cmk_header_clear_kek(h, 0);
	cmk_header_expose(h);
	assert_int_equal(cmk_header_write(h, fd, &v->hk, NULL), 0);
}

static void a_change(enum cmk_format_wrap wrap)
{
	__volume struct volume v;
	int fd;

	volume_init(&v, 1);
	fd = make_volume(&v, wrap);
	the_volume = &v;
	both = false;
	torn = 0;
	recorded = fd;
	change_kek(fd, &v, wrap);
	recorded = -1;
	assert_true(opens_with(fd, OTHER_KID, &v));
	assert_false(opens_with(fd, VOLUME_KID, &v));
	assert_true(torn >= 4 * 2 * 3);
	print_message("%u disks\n", torn);
	free(before);
	before = NULL;
	close(fd);
}

static void a_loss_during_a_change_of_the_kek_mode_hk(void **state)
{
	a_change(CMK_FORMAT_WRAP_HK);
}

static void a_loss_during_a_change_of_the_kek_mode_direct(void **state)
{
	a_change(CMK_FORMAT_WRAP_DIRECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		a_wrap_takes_the_place_of_its_own_kid_or_a_free_one),
		cmocka_unit_test(
		a_rewrap_of_a_slot_refuses_what_has_no_place),
		cmocka_unit_test(
		ranges_stay_exposed_until_they_have_another_dek),
		cmocka_unit_test(the_spare_slot_is_seen),
		cmocka_unit_test(a_loss_during_a_change_of_the_kek_mode_hk),
		cmocka_unit_test(
		a_loss_during_a_change_of_the_kek_mode_direct),
	};

	keep_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
