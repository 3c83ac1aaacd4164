/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Volumes for the tests of the header: keys that are functions of a seed, a
 * KEK that is the fixed RSA key, and an open that does all that an agent does.
 */
#ifndef CMK_TEST_VOLUME_H
#define CMK_TEST_VOLUME_H

#include "hex.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto.h"
#include "fixed-key.h"
#include "header-internal.h"

#define MIB		(1ULL << 20)
#define VOLUME_KID	"https://kv.example/keys/pg/0123456789abcdef"
#define RANGES		4

struct volume {
	unsigned char uuid[16];
	unsigned int valid_copies;	/* when it was opened */
	struct cmk_secret hk;
	struct cmk_secret dek[RANGES];
	uint32_t generation[RANGES];
	bool has_next;			/* a rekey is under way */
	struct cmk_header_next next;
	struct cmk_secret next_dek;
};

static inline struct cmk_rsa *volume_kek(void)
{
	static struct cmk_rsa *key;
	char path[] = "/tmp/test_volume.XXXXXX";
	int fd;

	if (key)
		return key;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, FIXED_PEM, sizeof(FIXED_PEM) - 1),
			 sizeof(FIXED_PEM) - 1);
	close(fd);
	assert_int_equal(cmk_rsa_load_pem(&key, path, NULL), 0);
	unlink(path);
	return key;
}

/*
 * Copies of a header are taken from the heap, where their pages stay: else
 * page faults are most of the time of a test that reads thousands of them.
 */
static inline void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

/* Another @seed gives other keys. */
static inline void volume_init(struct volume *v, unsigned int seed)
{
	size_t n, i;

	memset(v, 0, sizeof(*v));
	for (n = 0; n < 16; n++)
		v->uuid[n] = seed * 16 + n + 1;
	assert_int_equal(cmk_secret_alloc(&v->hk, CMK_HK_BYTES), 0);
	memset(v->hk.data, seed * 16 + 1, CMK_HK_BYTES);
	for (i = 0; i < RANGES; i++) {
		assert_int_equal(cmk_secret_alloc(&v->dek[i], CMK_DEK_BYTES),
				 0);
		for (n = 0; n < CMK_DEK_BYTES; n++)
			v->dek[i].data[n] = seed * 31 + i * 7 + n;
		v->generation[i] = 1 + i;
	}
}

static inline void volume_wipe(struct volume *v)
{
	size_t i;

	cmk_secret_wipe(&v->hk);
	for (i = 0; i < RANGES; i++)
		cmk_secret_wipe(&v->dek[i]);
	cmk_secret_wipe(&v->next_dek);
}

#define __volume __attribute__((cleanup(volume_wipe)))

static inline void volume_set_kek(const struct volume *v, struct cmk_header *h)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	struct cmk_header_kek kek = {
		.provider = CMK_FORMAT_KEK_AZURE, .alg = 1,
		.kid = VOLUME_KID, .wrapped_at = 1700000000,
	};

	assert_int_equal(cmk_header_hk_payload(h, &v->hk, &payload), 0);
	assert_int_equal(cmk_rsa_wrap(volume_kek(), &payload, kek.blob,
				      &kek.blob_len, NULL), 0);
	assert_int_equal(cmk_rsa_thumbprint(volume_kek(), kek.thumbprint), 0);
	assert_int_equal(cmk_header_set_kek(h, 0, &kek), 0);
}

static inline void volume_set_slot(const struct volume *v,
				   struct cmk_header *h, uint32_t range)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	unsigned char blob[CMK_RSA_BLOB_MAX];
	struct cmk_header_info info;
	uint32_t generation = v->generation[range];
	size_t len;

	cmk_header_get_info(h, &info);
	if (info.wrap == CMK_FORMAT_WRAP_HK) {
		assert_int_equal(cmk_header_slot_key(h, &v->hk, &key), 0);
		assert_int_equal(cmk_header_set_hk(h, range, generation, &key,
						   &v->dek[range]), 0);
		return;
	}
	assert_int_equal(cmk_header_dek_payload(h, range, generation,
						&v->dek[range], &payload), 0);
	assert_int_equal(cmk_rsa_wrap(volume_kek(), &payload, blob, &len,
				      NULL), 0);
	assert_int_equal(cmk_header_set_direct(h, range, generation, 0, blob,
					       len), 0);
}

/* A rekey of @range begins. */
static inline void volume_next(struct volume *v, uint32_t range)
{
	size_t n;

	v->has_next = true;
	v->next.range = range;
	v->next.generation = v->generation[range] + 1;
	memset(v->next.run, 0xa0 + range, sizeof(v->next.run));
	assert_int_equal(cmk_secret_alloc(&v->next_dek, CMK_DEK_BYTES), 0);
	for (n = 0; n < CMK_DEK_BYTES; n++)
		v->next_dek.data[n] = 200 + range - n;
}

static inline int volume_set_next(const struct volume *v,
				  struct cmk_header *h)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	const struct cmk_header_next *next = &v->next;
	unsigned char blob[CMK_RSA_BLOB_MAX];
	struct cmk_header_info info;
	size_t len;

	cmk_header_get_info(h, &info);
	if (info.wrap == CMK_FORMAT_WRAP_HK) {
		assert_int_equal(cmk_header_slot_key(h, &v->hk, &key), 0);
		return cmk_header_set_next_hk(h, next, &key, &v->next_dek);
	}
	assert_int_equal(cmk_header_dek_payload(h, next->range,
						next->generation,
						&v->next_dek, &payload), 0);
	assert_int_equal(cmk_rsa_wrap(volume_kek(), &payload, blob, &len,
				      NULL), 0);
	return cmk_header_set_next_direct(h, next, 0, blob, len);
}

/* And it ends. */
static inline void volume_promote(struct volume *v)
{
	cmk_secret_wipe(&v->dek[v->next.range]);
	cmk_secret_move(&v->dek[v->next.range], &v->next_dek);
	v->generation[v->next.range] = v->next.generation;
	v->has_next = false;
}

/* A header as format makes it; RANGES ranges of 1 MiB. */
static inline struct cmk_header *volume_header(const struct volume *v,
					       enum cmk_format_wrap wrap)
{
	struct cmk_header_params p = {
		.device_size = (16 + RANGES) * MIB, .range_size = MIB,
		.wrap = wrap,
	};
	struct cmk_header *h = NULL;
	uint32_t n;

	memcpy(p.uuid, v->uuid, sizeof(p.uuid));
	assert_int_equal(cmk_header_new(&h, &p, NULL), 0);
	volume_set_kek(v, h);
	for (n = 0; n < RANGES; n++)
		volume_set_slot(v, h, n);
	return h;
}

/* A disk in memory. */
static inline int make_disk(uint64_t size)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static inline int make_volume(const struct volume *v,
			      enum cmk_format_wrap wrap)
{
	__cmk_header struct cmk_header *h = volume_header(v, wrap);
	int fd = make_disk((16 + RANGES) * MIB);

	assert_int_equal(cmk_header_write(h, fd, &v->hk, NULL), 0);
	return fd;
}

/*
 * Unwraps under the KEK.  The last few answers are remembered, since tests
 * open the same volume thousands of times.
 */
static inline int volume_unwrap(const void *blob, size_t len,
				struct cmk_secret *ret, struct cmk_error *e)
{
	static struct {
		unsigned char blob[256];
		struct cmk_secret plain;
	} memo[8];
	static unsigned int turn;
	unsigned int n;
	int r;

	for (n = 0; n < 8 && len == 256; n++) {
		if (!memo[n].plain.data || memcmp(memo[n].blob, blob, 256))
			continue;
		r = cmk_secret_alloc(ret, memo[n].plain.len);
		if (!r)
			memcpy(ret->data, memo[n].plain.data, ret->len);
		return r;
	}
	r = cmk_rsa_unwrap(volume_kek(), blob, len, ret, e);
	if (r < 0 || len != 256)
		return r;
	n = turn++ % 8;
	memcpy(memo[n].blob, blob, 256);
	r = cmk_secret_alloc(&memo[n].plain, ret->len);
	if (!r)
		memcpy(memo[n].plain.data, ret->data, ret->len);
	return r;
}

/* The KEK that the node allows. */
static const char *volume_pin __attribute__((unused)) = VOLUME_KID;

/* Index of the pinned KEK's wrap, -1 if there is none. */
static inline int volume_wrap(const struct cmk_header *h,
			      struct cmk_header_kek *ret)
{
	int i;

	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (cmk_header_get_kek(h, i, ret) &&
		    !strcmp(ret->kid, volume_pin))
			return i;
	return -1;
}

/* The header key, if the pinned KEK unwraps it and the MAC is right. */
static inline int volume_open_hk(const struct cmk_header *h,
				 struct cmk_secret *ret, struct cmk_error *e)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	struct cmk_header_kek kek;
	int r;

	if (volume_wrap(h, &kek) < 0)
		return cmk_error_set(e, CMK_UNSUITABLE, -EPERM, "kek-pinned",
				     "another KEK");
	r = volume_unwrap(kek.blob, kek.blob_len, &payload, e);
	if (!r)
		r = cmk_header_hk_open(h, &payload, ret, e);
	if (!r)
		r = cmk_header_verify(h, ret, e);
	return r;
}

static inline int volume_open_dek(const struct cmk_header *h, uint32_t range,
				  const struct cmk_secret *hk,
				  struct cmk_secret *ret, struct cmk_error *e)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	struct cmk_header_info info;
	struct cmk_header_kek pinned;
	unsigned int kek;
	const void *blob;
	size_t len;
	int r;

	cmk_header_get_info(h, &info);
	if (info.wrap == CMK_FORMAT_WRAP_HK)
		return cmk_header_slot_key(h, hk, &key) ?:
		       cmk_header_open_hk(h, range, &key, ret, e);
	r = cmk_header_get_direct(h, range, &kek, &blob, &len, e);
	if (!r && (int)kek != volume_wrap(h, &pinned))
		r = cmk_error_set(e, CMK_UNSUITABLE, -EPERM, "kek-pinned",
				  "a DEK under another KEK");
	if (!r)
		r = volume_unwrap(blob, len, &payload, e);
	if (!r)
		r = cmk_header_open_direct(h, range, &payload, ret, e);
	return r;
}

/*
 * Opens the volume on @fd as an agent does.  Return: 0 and DEKs, generations
 * and header key in @ret; or negative errno and @e.
 */
static inline int volume_open(int fd, struct volume *ret, struct cmk_error *e)
{
	__cmk_header struct cmk_header *h = NULL;
	struct cmk_header_info info;
	uint32_t n;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = cmk_header_read(&h, fd, e);
	if (!r)
		r = volume_open_hk(h, &ret->hk, e);
	if (r < 0)
		return r;
	cmk_header_get_info(h, &info);
	memcpy(ret->uuid, info.uuid, 16);
	ret->valid_copies = info.valid_copies;
	assert_int_equal(info.ranges, RANGES);
	for (n = 0; !r && n < RANGES; n++) {
		r = volume_open_dek(h, n, &ret->hk, &ret->dek[n], e);
		if (!r)
			assert_true(cmk_header_slot(h, n,
						    &ret->generation[n]));
	}
	ret->has_next = cmk_header_get_next(h, &ret->next);
	assert_true(ret->has_next == cmk_header_spare_used(h));
	if (!r && ret->has_next)
		r = volume_open_dek(h, CMK_SLOT_SPARE, &ret->hk,
				    &ret->next_dek, e);
	return r;
}

static inline bool secrets_equal(const struct cmk_secret *a,
				 const struct cmk_secret *b)
{
	return a->len == b->len && a->len && !memcmp(a->data, b->data, a->len);
}

static inline bool volumes_equal(const struct volume *a,
				 const struct volume *b)
{
	size_t n;

	if (memcmp(a->uuid, b->uuid, 16) || !secrets_equal(&a->hk, &b->hk))
		return false;
	for (n = 0; n < RANGES; n++)
		if (a->generation[n] != b->generation[n] ||
		    !secrets_equal(&a->dek[n], &b->dek[n]))
			return false;
	if (a->has_next != b->has_next)
		return false;
	return !a->has_next || (!memcmp(&a->next, &b->next, sizeof(a->next)) &&
				secrets_equal(&a->next_dek, &b->next_dek));
}

#endif
