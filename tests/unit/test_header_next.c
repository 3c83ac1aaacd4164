// SPDX-License-Identifier: GPL-2.0
/*
 * The spare slot of a header: how the next DEK of a range comes into it, what
 * of it opens, and that no byte of the former DEK is left when it has taken its
 * place.
 */
#include "volume.h"

static const enum cmk_format_wrap modes[] = {
	CMK_FORMAT_WRAP_HK, CMK_FORMAT_WRAP_DIRECT,
};

static bool has(const struct cmk_header *h, const void *what, size_t len)
{
	return memmem(h->image, h->io_size, what, len);
}

/* What a slot has of the wrapped DEK, to look for it later. */
static const void *wrapped(const struct cmk_header *h, uint32_t n)
{
	if (cmk_header_super(h)->wrap == CMK_FORMAT_WRAP_HK)
		return cmk_header_disk_slot(h, n)->dek;
	return cmk_header_blob(h, n);
}

static void a_rekey_from_write_to_write(enum cmk_format_wrap wrap)
{
	__cmk_header struct cmk_header *h = NULL, *again = NULL, *last = NULL;
	__volume struct volume v, got, end;
	struct cmk_header_next next;
	unsigned char former[64];
	int fd;

	volume_init(&v, 1);
	fd = make_volume(&v, wrap);
	assert_int_equal(cmk_header_read(&h, fd, NULL), 0);
	assert_false(cmk_header_get_next(h, &next));
	assert_int_equal(cmk_header_promote(h), -ENOENT);
	volume_next(&v, 1);
	assert_int_equal(volume_set_next(&v, h), 0);
	assert_int_equal(cmk_header_write(h, fd, &v.hk, NULL), 0);
	assert_int_equal(volume_open(fd, &got, NULL), 0);
	assert_true(volumes_equal(&got, &v));

	assert_int_equal(cmk_header_read(&again, fd, NULL), 0);
	assert_int_equal(cmk_header_generations(again), 1 + 2 + 3 + 4);
	memcpy(former, wrapped(again, 1), sizeof(former));
	assert_true(has(again, former, sizeof(former)));
	assert_int_equal(cmk_header_promote(again), 0);
	assert_int_equal(cmk_header_generations(again), 1 + 3 + 3 + 4);
	assert_int_equal(cmk_header_write(again, fd, &v.hk, NULL), 0);
	volume_promote(&v);
	assert_int_equal(volume_open(fd, &end, NULL), 0);
	assert_true(volumes_equal(&end, &v));
	assert_int_equal(cmk_header_read(&last, fd, NULL), 0);
	assert_int_equal(last->newest, CMK_BOTH_COPIES);
	assert_false(has(last, former, sizeof(former)));
	/* the spare slot is as format leaves it */
	assert_false(cmk_header_spare_used(last));
	assert_false(has(last, v.next.run, sizeof(v.next.run)));
	close(fd);
}

static void a_next_dek_takes_the_formers_place(void **state)
{
	a_rekey_from_write_to_write(modes[0]);
	a_rekey_from_write_to_write(modes[1]);
}

static void a_discarded_one_leaves_the_header_as_it_was(void **state)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		__cmk_header struct cmk_header *h = NULL;
		unsigned char *was;
		__volume struct volume v;

		volume_init(&v, 1);
		h = volume_header(&v, modes[i]);
		was = malloc(h->size);
		memcpy(was, h->image, h->size);
		volume_next(&v, 3);
		assert_int_equal(volume_set_next(&v, h), 0);
		assert_memory_not_equal(was, h->image, h->size);
		cmk_header_discard(h);
		assert_memory_equal(was, h->image, h->size);
		free(was);
	}
}

static void only_the_generation_after_and_only_one_at_a_time(void **state)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		__cmk_header struct cmk_header *h = NULL;
		__volume struct volume v;

		volume_init(&v, 1);
		h = volume_header(&v, modes[i]);
		volume_next(&v, 1);
		v.next.generation = v.generation[1];
		assert_int_equal(volume_set_next(&v, h), -ESTALE);
		v.next.generation = v.generation[1] + 2;
		assert_int_equal(volume_set_next(&v, h), -ESTALE);
		v.next.generation = 0;
		assert_int_equal(volume_set_next(&v, h), -EINVAL);
		v.next.range = RANGES;
		v.next.generation = 1;
		assert_int_equal(volume_set_next(&v, h), -ERANGE);
		assert_false(cmk_header_spare_used(h));
		v.next.range = 1;
		v.next.generation = v.generation[1] + 1;
		assert_int_equal(volume_set_next(&v, h), 0);
		v.next.range = 2;
		v.next.generation = v.generation[2] + 1;
		assert_int_equal(volume_set_next(&v, h), -EBUSY);
	}
}

/* A spare slot that somebody wrote: under no MAC yet. */
static void a_bad_spare_slot_opens_nothing(void **state)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		__cmk_header struct cmk_header *h = NULL;
		__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
		struct cmk_header_next next;
		struct cmk_disk_slot good;
		__volume struct volume v;
		struct cmk_error e;

		volume_init(&v, 1);
		h = volume_header(&v, modes[i]);
		assert_int_equal(volume_open_dek(h, CMK_SLOT_SPARE, &v.hk,
						 &dek, &e), -ENOKEY);
		volume_next(&v, 1);
		assert_int_equal(volume_set_next(&v, h), 0);
		good = *cmk_header_spare(h);

		cmk_header_spare(h)->range = htole32(RANGES);
		assert_false(cmk_header_get_next(h, &next));
		assert_int_equal(volume_open_dek(h, CMK_SLOT_SPARE, &v.hk,
						 &dek, &e), -EBADMSG);
		assert_string_equal(e.code, "slot-moved");
		*cmk_header_spare(h) = good;
		cmk_header_spare(h)->state = CMK_SLOT_CURRENT;
		assert_false(cmk_header_get_next(h, &next));
		assert_int_equal(volume_open_dek(h, CMK_SLOT_SPARE, &v.hk,
						 &dek, &e), -EBADMSG);
		assert_string_equal(e.code, "slot-damaged");
		/* bound to its range and generation, as any DEK */
		*cmk_header_spare(h) = good;
		cmk_header_spare(h)->range = htole32(2);
		assert_int_equal(volume_open_dek(h, CMK_SLOT_SPARE, &v.hk,
						 &dek, &e), -EBADMSG);
		*cmk_header_spare(h) = good;
		cmk_header_spare(h)->generation = htole32(4);
		assert_int_equal(volume_open_dek(h, CMK_SLOT_SPARE, &v.hk,
						 &dek, &e), -EBADMSG);
		*cmk_header_spare(h) = good;
		assert_int_equal(volume_open_dek(h, CMK_SLOT_SPARE, &v.hk,
						 &dek, &e), 0);
	}
}

/* One in the table that says "next" is no current DEK. */
static void a_next_dek_counts_in_the_spare_slot_alone(void **state)
{
	__cmk_header struct cmk_header *h = NULL;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	__volume struct volume v;
	struct cmk_error e;
	uint32_t generation;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_HK);
	cmk_header_disk_slot(h, 1)->state = CMK_SLOT_NEXT;
	assert_false(cmk_header_slot(h, 1, &generation));
	assert_int_equal(volume_open_dek(h, 1, &v.hk, &dek, &e), -EBADMSG);
}

static void a_rewrap_reaches_the_next_dek(void **state)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_header struct cmk_header *h = NULL, *hk = NULL;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	unsigned char blob[CMK_RSA_BLOB_MAX];
	struct cmk_header_next next;
	__volume struct volume v;
	size_t len;

	volume_init(&v, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_DIRECT);
	hk = volume_header(&v, CMK_FORMAT_WRAP_HK);
	volume_next(&v, 1);
	assert_int_equal(cmk_header_rewrap(h, CMK_SLOT_SPARE, 0, "x", 1),
			 -EINVAL);
	assert_int_equal(volume_set_next(&v, h), 0);
	assert_int_equal(volume_set_next(&v, hk), 0);
	assert_int_equal(cmk_header_rewrap(hk, CMK_SLOT_SPARE, 0, "x", 1),
			 -EINVAL);
	assert_int_equal(cmk_header_dek_payload(h, 1, v.next.generation,
						&v.next_dek, &payload), 0);
	assert_int_equal(cmk_rsa_wrap(volume_kek(), &payload, blob, &len,
				      NULL), 0);
	assert_memory_not_equal(wrapped(h, cmk_header_super(h)->capacity),
				blob, len);
	assert_int_equal(cmk_header_rewrap(h, CMK_SLOT_SPARE, 0, blob, len),
			 0);
	assert_memory_equal(wrapped(h, cmk_header_super(h)->capacity), blob,
			    len);
	assert_true(cmk_header_get_next(h, &next));
	assert_memory_equal(&next, &v.next, sizeof(next));
	assert_int_equal(volume_open_dek(h, CMK_SLOT_SPARE, &v.hk, &dek,
					 NULL), 0);
	assert_true(secrets_equal(&dek, &v.next_dek));
}

/* A DEK that was made under the former KEK stays exposed when it takes over. */
static void a_change_of_the_kek_exposes_the_next_dek_too(void **state)
{
	__cmk_header struct cmk_header *h = NULL, *later = NULL;
	__volume struct volume v, w;

	volume_init(&v, 1);
	volume_init(&w, 1);
	h = volume_header(&v, CMK_FORMAT_WRAP_HK);
	volume_next(&v, 1);
	assert_int_equal(volume_set_next(&v, h), 0);
	cmk_header_expose(h);
	assert_int_equal(cmk_header_promote(h), 0);
	assert_int_equal(cmk_header_exposed(h), RANGES);

	later = volume_header(&w, CMK_FORMAT_WRAP_HK);
	volume_next(&w, 1);
	cmk_header_expose(later);
	assert_int_equal(volume_set_next(&w, later), 0);
	assert_int_equal(cmk_header_promote(later), 0);
	assert_int_equal(cmk_header_exposed(later), RANGES - 1);
}

static void the_records_key_is_of_volume_range_and_run(void **state)
{
	__cmk_secret struct cmk_secret a = CMK_SECRET_INIT;
	__cmk_header struct cmk_header *h = NULL, *other = NULL;
	struct cmk_header_next next = { .range = 1, .generation = 3 };
	__volume struct volume v, w;
	unsigned int i;

	volume_init(&v, 1);
	volume_init(&w, 2);
	h = volume_header(&v, CMK_FORMAT_WRAP_HK);
	other = volume_header(&w, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_record_key(h, &v.hk, &next, &a), 0);
	assert_int_equal(a.len, 32);
	for (i = 0; i < 4; i++) {
		__cmk_secret struct cmk_secret b = CMK_SECRET_INIT;
		struct cmk_header_next n = next;

		n.range += i == 0;
		n.run[15] += i == 1;
		assert_int_equal(cmk_header_record_key(i == 2 ? other : h,
						       i == 3 ? &w.hk : &v.hk,
						       &n, &b), 0);
		assert_false(secrets_equal(&a, &b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_next_dek_takes_the_formers_place),
		cmocka_unit_test(a_discarded_one_leaves_the_header_as_it_was),
		cmocka_unit_test(
		only_the_generation_after_and_only_one_at_a_time),
		cmocka_unit_test(a_bad_spare_slot_opens_nothing),
		cmocka_unit_test(a_next_dek_counts_in_the_spare_slot_alone),
		cmocka_unit_test(a_rewrap_reaches_the_next_dek),
		cmocka_unit_test(a_change_of_the_kek_exposes_the_next_dek_too),
		cmocka_unit_test(the_records_key_is_of_volume_range_and_run),
	};

	keep_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
