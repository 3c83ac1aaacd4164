/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One volume on a disk in memory, for tests that damage it.
 */
#ifndef CMK_TEST_HOSTILE_H
#define CMK_TEST_HOSTILE_H

#include "volume.h"

#define FIELD(name)	offsetof(struct cmk_disk_super, name)
#define COPY_B		(12 * MIB)

static struct volume v;
static int disk;
static bool direct;
static struct cmk_header *true_image;

static inline void read_disk(void *p, size_t len, off_t offset)
{
	assert_int_equal(pread(disk, p, len, offset), len);
}

static inline void write_disk(const void *p, size_t len, off_t offset)
{
	assert_int_equal(pwrite(disk, p, len, offset), len);
}

static inline void flip(off_t offset)
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

static inline void assert_named(const struct cmk_error *e)
{
	size_t n;

	for (n = 0; n < sizeof(named) / sizeof(*named); n++)
		if (!strcmp(e->code, named[n]) && e->text[0])
			return;
	fail_msg("error \"%s\": %s", e->code, e->text);
}

/* Opens.  Return: copies that were valid and gave the true keys, or 0 */
static inline unsigned int open_or_error(void)
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
static inline void fix_digest(bool both)
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
static inline void restore_digest(void)
{
	const unsigned char *digest = cmk_header_super(true_image)->digest;

	write_disk(digest, 32, CMK_DIGEST_OFFSET);
	write_disk(digest, 32, COPY_B + CMK_DIGEST_OFFSET);
}

static inline void assert_reads(const char *code)
{
	__cmk_header struct cmk_header *h = NULL;
	struct cmk_error e = { 0 };

	cmk_header_read(&h, disk, &e);
	assert_string_equal(e.code, code);
	assert_int_equal(!h, !!code[0]);
}

static inline int setup(enum cmk_format_wrap wrap)
{
	volume_init(&v, 1);
	direct = wrap == CMK_FORMAT_WRAP_DIRECT;
	disk = make_volume(&v, wrap);
	return cmk_header_read(&true_image, disk, NULL);
}

static inline int setup_direct(void **state)
{
	return setup(CMK_FORMAT_WRAP_DIRECT);
}

static inline int setup_hk(void **state)
{
	return setup(CMK_FORMAT_WRAP_HK);
}

static inline int teardown(void **state)
{
	volume_wipe(&v);
	cmk_header_free(true_image);
	return close(disk);
}

#define DIRECT(test)	{ #test "_direct", test, setup_direct, teardown, NULL }
#define ONE(test)	{ #test, test, setup_hk, teardown, NULL }
#define BOTH(test)	ONE(test), DIRECT(test)

#endif
