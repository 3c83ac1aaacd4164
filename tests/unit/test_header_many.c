// SPDX-License-Identifier: GPL-2.0
/*
 * A header of 65,536 ranges, the most there can be, read from a file as an
 * agent reads it: both copies and their digests, the header key's binding, the
 * MAC, the DEK of each slot.  But for the key server's answer that is all that
 * an open does here, and it is bounded by the CPU time that it takes, which
 * does not depend on what else the machine does.
 */
#include "volume.h"

#include <time.h>

#define MANY		65536

/* What the sanitizers cost is not the agent's. */
#ifdef __SANITIZE_ADDRESS__
#define CPU_MS_MAX	60000
#else
#define CPU_MS_MAX	2000
#endif

/* Unlike that of any other range, and of what a buffer is filled with. */
static void fill_dek(unsigned char dek[CMK_DEK_BYTES], uint32_t range)
{
	size_t n;

	for (n = 0; n < CMK_DEK_BYTES; n += 4)
		cmk_put_le32(dek + n, range * 0x9e3779b1U + n + 1);
}

static void set_slots(struct cmk_header *h, const struct cmk_secret *hk)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	uint32_t n;

	assert_int_equal(cmk_header_slot_key(h, hk, &key), 0);
	assert_int_equal(cmk_secret_alloc(&dek, CMK_DEK_BYTES), 0);
	for (n = 0; n < MANY; n++) {
		fill_dek(dek.data, n);
		assert_int_equal(cmk_header_set_hk(h, n, n + 1, &key, &dek),
				 0);
	}
}

static int make_file(const struct volume *v)
{
	struct cmk_header_params p = {
		.device_size = CMK_LARGE_HEADER + MANY * MIB,
		.range_size = MIB, .wrap = CMK_FORMAT_WRAP_HK,
	};
	__cmk_header struct cmk_header *h = NULL;
	char path[] = "/tmp/test_header.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, CMK_LARGE_HEADER), 0);
	memcpy(p.uuid, v->uuid, sizeof(p.uuid));
	assert_int_equal(cmk_header_new(&h, &p, NULL), 0);
	volume_set_kek(v, h);
	set_slots(h, &v->hk);
	assert_int_equal(cmk_header_write(h, fd, &v->hk, NULL), 0);
	return fd;
}

static double cpu_ms(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* As agent/keys-install.c does: one after the other, each wiped at once. */
static void open_slots(const struct cmk_header *h, const struct cmk_secret *hk)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	unsigned char want[CMK_DEK_BYTES];
	uint32_t n, generation;

	assert_int_equal(cmk_header_slot_key(h, hk, &key), 0);
	for (n = 0; n < MANY; n++) {
		__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;

		if (!cmk_header_slot(h, n, &generation) ||
		    generation != n + 1)
			fail_msg("range %u: not its generation", n);
		if (cmk_header_open_hk(h, n, &key, &dek, NULL))
			fail_msg("range %u: does not open", n);
		fill_dek(want, n);
		if (memcmp(dek.data, want, sizeof(want)))
			fail_msg("range %u: another DEK", n);
	}
}

static void many_ranges_are_opened_in_two_seconds_of_cpu(void **state)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	__cmk_header struct cmk_header *h = NULL;
	double begin, parsed, verified, end;
	__volume struct volume v;
	struct cmk_header_info info;
	int fd;

	volume_init(&v, 1);
	fd = make_file(&v);

	begin = cpu_ms();
	assert_int_equal(cmk_header_read(&h, fd, NULL), 0);
	parsed = cpu_ms();
	/* What the key server answers. */
	assert_int_equal(cmk_header_hk_payload(h, &v.hk, &payload), 0);
	assert_int_equal(cmk_header_hk_open(h, &payload, &hk, NULL), 0);
	assert_int_equal(cmk_header_verify(h, &hk, NULL), 0);
	verified = cpu_ms();
	open_slots(h, &hk);
	end = cpu_ms();
	close(fd);

	cmk_header_get_info(h, &info);
	assert_int_equal(info.ranges, MANY);
	assert_int_equal(info.valid_copies, CMK_BOTH_COPIES);
	print_message("# %.0f ms of CPU: %.0f parse, %.0f MAC, %.0f unwrap\n",
		      end - begin, parsed - begin, verified - parsed,
		      end - verified);
	assert_true(end - begin < CPU_MS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_ranges_are_opened_in_two_seconds_of_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
