// SPDX-License-Identifier: GPL-2.0
/*
 * A slot opens at its place, in its volume, in its generation and under its
 * key, and nowhere else.
 */
#include "volume.h"

static struct cmk_error err;

static int open_slot(const struct cmk_header *h, uint32_t range,
		     const struct volume *v)
{
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	int r;

	memset(&err, 0, sizeof(err));
	r = volume_open_dek(h, range, &v->hk, &dek, &err);
	assert_int_equal(!r, !!dek.data);
	if (!r)
		assert_true(secrets_equal(&dek, &v->dek[range]));
	return r;
}

/* Puts slot and blob of @from in @src into the place of @to in @dst. */
static void move_slot(struct cmk_header *dst, uint32_t to,
		      const struct cmk_header *src, uint32_t from)
{
	memcpy(cmk_header_disk_slot(dst, to), cmk_header_disk_slot(src, from),
	       sizeof(struct cmk_disk_slot));
	memcpy(cmk_header_blob(dst, to), cmk_header_blob(src, from),
	       CMK_FORMAT_BLOB_LEN);
}

static void a_moved_slot_is_refused(enum cmk_format_wrap wrap,
				    const char *code)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v;

	volume_init(&v, 1);
	h = volume_header(&v, wrap);
	assert_int_equal(open_slot(h, 2, &v), 0);
	move_slot(h, 2, h, 1);
	assert_int_equal(open_slot(h, 2, &v), -EBADMSG);
	assert_string_equal(err.code, "slot-moved");
	/* also when its range number was set right, and its generation */
	cmk_header_disk_slot(h, 2)->range = htole32(2);
	assert_int_equal(open_slot(h, 2, &v), -EBADMSG);
	assert_string_equal(err.code, code);
	cmk_header_disk_slot(h, 2)->generation = htole32(v.generation[2]);
	assert_int_equal(open_slot(h, 2, &v), -EBADMSG);
	assert_string_equal(err.code, code);
	assert_int_equal(open_slot(h, 1, &v), 0);
}

static void a_moved_direct_slot_is_refused(void **state)
{
	a_moved_slot_is_refused(CMK_FORMAT_WRAP_DIRECT, "slot-moved");
}

static void a_moved_hk_slot_is_refused(void **state)
{
	a_moved_slot_is_refused(CMK_FORMAT_WRAP_HK, "slot-damaged");
}

static void an_older_generation_is_refused(enum cmk_format_wrap wrap,
					   const char *code)
{
	__cmk_header struct cmk_header *h = NULL, *old = NULL;
	__volume struct volume v;

	volume_init(&v, 1);
	old = volume_header(&v, wrap);
	v.generation[3]++;
	v.dek[3].data[0] ^= 1;
	h = volume_header(&v, wrap);
	assert_int_equal(open_slot(h, 3, &v), 0);
	move_slot(h, 3, old, 3);
	cmk_header_disk_slot(h, 3)->generation = htole32(v.generation[3]);
	assert_int_equal(open_slot(h, 3, &v), -EBADMSG);
	assert_string_equal(err.code, code);
}

static void an_older_direct_generation_is_refused(void **state)
{
	an_older_generation_is_refused(CMK_FORMAT_WRAP_DIRECT, "slot-moved");
}

static void an_older_hk_generation_is_refused(void **state)
{
	an_older_generation_is_refused(CMK_FORMAT_WRAP_HK, "slot-damaged");
}

/* Same header key and KEK, other uuid: what a clone gives. */
static void a_slot_of_another_volume_is_refused(enum cmk_format_wrap wrap,
						const char *code)
{
	__cmk_header struct cmk_header *mine = NULL, *other = NULL;
	__volume struct volume v;

	volume_init(&v, 1);
	mine = volume_header(&v, wrap);
	v.uuid[15] ^= 1;
	other = volume_header(&v, wrap);
	move_slot(mine, 0, other, 0);
	assert_int_equal(open_slot(mine, 0, &v), -EBADMSG);
	assert_string_equal(err.code, code);
	assert_int_equal(open_slot(other, 0, &v), 0);
}

static void a_direct_slot_of_another_volume_is_refused(void **state)
{
	a_slot_of_another_volume_is_refused(CMK_FORMAT_WRAP_DIRECT,
					    "slot-moved");
}

static void an_hk_slot_of_another_volume_is_refused(void **state)
{
	a_slot_of_another_volume_is_refused(CMK_FORMAT_WRAP_HK,
					    "slot-damaged");
}

static void another_header_key_opens_nothing(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v, other;
	unsigned char a[32], b[32];
	int fd;

	volume_init(&v, 1);
	volume_init(&other, 2);
	fd = make_volume(&v, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_read(&h, fd, NULL), 0);
	assert_int_equal(cmk_header_verify(h, &v.hk, NULL), 0);
	assert_int_equal(cmk_header_verify(h, &other.hk, &err), -EKEYREJECTED);
	assert_string_equal(err.code, "header-forged");
	assert_int_equal(open_slot(h, 0, &other), -EBADMSG);
	assert_string_equal(err.code, "slot-damaged");
	assert_int_equal(cmk_header_hk_id(&v.hk, a), 0);
	assert_int_equal(cmk_header_hk_id(&other.hk, b), 0);
	assert_memory_not_equal(a, b, 32);
	close(fd);
}

static void a_header_key_of_another_volume_is_refused(void **state)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	__cmk_header struct cmk_header *mine = NULL, *other = NULL;
	__volume struct volume v, w;

	volume_init(&v, 1);
	volume_init(&w, 2);
	mine = volume_header(&v, CMK_FORMAT_WRAP_HK);
	other = volume_header(&w, CMK_FORMAT_WRAP_HK);

	assert_int_equal(cmk_header_hk_payload(mine, &v.hk, &payload), 0);
	assert_int_equal(payload.len, 64);
	assert_int_equal(cmk_header_hk_open(mine, &payload, &hk, NULL), 0);
	assert_true(secrets_equal(&hk, &v.hk));
	assert_null(payload.data);
	cmk_secret_wipe(&hk);

	assert_int_equal(cmk_header_hk_payload(other, &w.hk, &payload), 0);
	assert_int_equal(cmk_header_hk_open(mine, &payload, &hk, &err),
			 -EKEYREJECTED);
	assert_string_equal(err.code, "hk-foreign");
	assert_null(payload.data);
	assert_null(hk.data);
	/* a DEK in the place of the header key, or anything else */
	assert_int_equal(cmk_secret_random(&payload, 96), 0);
	assert_int_equal(cmk_header_hk_open(mine, &payload, &hk, &err),
			 -EKEYREJECTED);
	assert_int_equal(cmk_secret_random(&payload, 1), 0);
	assert_int_equal(cmk_header_hk_open(mine, &payload, &hk, &err),
			 -EKEYREJECTED);
}

static void an_unwrapped_value_of_another_length_is_refused(void **state)
{
	static const size_t lengths[] = { 1, 64, 95, 97, 446 };
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v;
	size_t n;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_DIRECT);
	for (n = 0; n < 5; n++) {
		assert_int_equal(cmk_secret_random(&payload, lengths[n]), 0);
		assert_int_equal(cmk_header_open_direct(h, 0, &payload, &dek,
							&err), -EBADMSG);
		assert_string_equal(err.code, "slot-damaged");
		assert_null(payload.data);
		assert_null(dek.data);
	}
}

static void an_empty_slot_says_so(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v;
	uint32_t generation;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_HK);
	assert_true(cmk_header_slot(h, 0, &generation));
	assert_int_equal(generation, 1);
	memset(cmk_header_disk_slot(h, 0), 0, sizeof(struct cmk_disk_slot));
	assert_false(cmk_header_slot(h, 0, &generation));
	assert_int_equal(open_slot(h, 0, &v), -ENOKEY);
	assert_string_equal(err.code, "slot-empty");
	assert_false(cmk_header_slot(h, RANGES, &generation));
}

static void what_has_no_place_is_refused(void **state)
{
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	__cmk_header struct cmk_header *hk = NULL, *direct = NULL;
	__volume struct volume v;
	unsigned char blob[513] = { 1 };
	unsigned int kek;
	const void *p;
	size_t len;

	volume_init(&v, 1);
	hk = volume_header(&v, CMK_FORMAT_WRAP_HK);
	direct = volume_header(&v, CMK_FORMAT_WRAP_DIRECT);
	assert_int_equal(cmk_header_slot_key(hk, &v.dek[0], &key), -EINVAL);
	assert_int_equal(cmk_header_slot_key(hk, &v.hk, &key), 0);
	assert_int_equal(cmk_header_set_hk(hk, RANGES, 1, &key, &v.dek[0]),
			 -ERANGE);
	assert_int_equal(cmk_header_set_hk(hk, 0, 0, &key, &v.dek[0]),
			 -EINVAL);
	assert_int_equal(cmk_header_set_hk(hk, 0, 1, &v.dek[0], &v.dek[0]),
			 -EINVAL);
	assert_int_equal(cmk_header_set_hk(hk, 0, 1, &key, &v.hk), -EINVAL);
	assert_int_equal(cmk_header_set_hk(direct, 0, 1, &key, &v.dek[0]),
			 -EINVAL);
	assert_int_equal(cmk_header_set_direct(hk, 0, 1, 0, blob, 256),
			 -EINVAL);
	assert_int_equal(cmk_header_set_direct(direct, 0, 1, 1, blob, 256),
			 -EINVAL);
	assert_int_equal(cmk_header_set_direct(direct, 0, 1, 4, blob, 256),
			 -EINVAL);
	assert_int_equal(cmk_header_set_direct(direct, 0, 1, 0, blob, 0),
			 -EINVAL);
	assert_int_equal(cmk_header_set_direct(direct, 0, 1, 0, blob, 513),
			 -EINVAL);
	assert_int_equal(cmk_header_set_direct(direct, RANGES, 1, 0, blob,
					       256), -ERANGE);
	assert_int_equal(cmk_header_get_direct(direct, RANGES, &kek, &p, &len,
					       &err), -ERANGE);
	assert_int_equal(cmk_header_get_direct(hk, 0, &kek, &p, &len, &err),
			 -EINVAL);
	assert_int_equal(cmk_header_open_hk(direct, 0, &key, &dek, &err),
			 -EINVAL);
	assert_string_equal(err.code, "bad-wrap");
	/* nothing of it has changed a slot */
	assert_int_equal(open_slot(hk, 0, &v), 0);
	assert_int_equal(open_slot(direct, 0, &v), 0);
}

static void a_slot_with_fields_out_of_bounds_is_refused(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	struct cmk_disk_slot good, *s;
	__volume struct volume v;
	unsigned int kek;
	const void *blob;
	size_t len;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_DIRECT);
	s = cmk_header_disk_slot(h, 0);
	good = *s;
#define REFUSED(change) \
	do { \
		*s = good; \
		change; \
		assert_int_equal(cmk_header_get_direct(h, 0, &kek, &blob, \
						       &len, &err), \
				 -EBADMSG); \
		assert_string_equal(err.code, "slot-damaged"); \
	} while (0)
	REFUSED(s->kek = 1);
	REFUSED(s->kek = 255);
	REFUSED(s->blob_len = 0);
	REFUSED(s->blob_len = htole16(513));
	REFUSED(s->generation = 0);
	REFUSED(s->state = CMK_SLOT_NEXT);
	REFUSED(s->state = 255);
#undef REFUSED
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moved_direct_slot_is_refused),
		cmocka_unit_test(a_moved_hk_slot_is_refused),
		cmocka_unit_test(an_older_direct_generation_is_refused),
		cmocka_unit_test(an_older_hk_generation_is_refused),
		cmocka_unit_test(a_direct_slot_of_another_volume_is_refused),
		cmocka_unit_test(an_hk_slot_of_another_volume_is_refused),
		cmocka_unit_test(another_header_key_opens_nothing),
		cmocka_unit_test(a_header_key_of_another_volume_is_refused),
		cmocka_unit_test(
			an_unwrapped_value_of_another_length_is_refused),
		cmocka_unit_test(an_empty_slot_says_so),
		cmocka_unit_test(what_has_no_place_is_refused),
		cmocka_unit_test(a_slot_with_fields_out_of_bounds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
