// SPDX-License-Identifier: GPL-2.0
/*
 * The record of a rekey: what is written is read, a write torn in any way
 * leaves the record before it, and a byte changed anywhere is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../kernel/rekey-record.h"
#include "crypto.h"

typedef struct cmk_disk_record_sector sector;

/* The two places of a disk. */
struct disk {
	sector place[CMK_RECORD_PLACES][CMK_RECORD_SECTORS];
};

static const unsigned char mac[32] = "what a key would have made of it";

int cmk_record_sum(const void *data, size_t len, __u8 sum[CMK_RECORD_SUM])
{
	unsigned char digest[CMK_SHA256_LEN];
	int r = cmk_sha256(data, len, digest);

	memcpy(sum, digest, CMK_RECORD_SUM);
	return r;
}

static struct cmk_record sample(uint64_t seq, unsigned int tags)
{
	struct cmk_record r = {
		.seq = seq,
		.state = tags ? CMK_RECORD_STRIPE : CMK_RECORD_CLEAN,
		.uuid = "0123456789abcdef",
		.run = "fedcba9876543210",
		.range = 7,
		.old_generation = 3,
		.generation = 4,
		.block_size = 512,
		.sector_size = 512,
		.tags = tags,
		.range_sectors = 1 << 20,
		.iv_offset = 8,
		.cursor = 1024 * (seq % 1000),
		.stripe_sectors = tags,
		.header_seq = 12,
	};

	return r;
}

/* A record as it is to be written; its length in sectors. */
static unsigned int image_of(sector *image, const struct cmk_record *r)
{
	unsigned int i, n = cmk_record_sectors(r->tags);

	if (r->seq <= 2)
		n = CMK_RECORD_SECTORS;
	cmk_record_fill(image, n, r);
	for (i = 0; i < r->tags; i++) {
		cmk_record_tag(image, i)->old = htole64(r->seq * i);
		cmk_record_tag(image, i)->new = htole64(r->seq + i);
	}
	assert_int_equal(cmk_record_finish(image, n, mac), 0);
	return n;
}

static struct cmk_record_choice choose(const struct disk *d)
{
	struct cmk_record_choice c;

	assert_int_equal(cmk_record_choose(d->place[0], d->place[1], &c), 0);
	return c;
}

/* A record goes to @place whole. */
static void put(struct disk *d, unsigned int place, uint64_t seq,
		unsigned int tags)
{
	struct cmk_record r = sample(seq, tags);
	sector image[CMK_RECORD_SECTORS];
	unsigned int n = image_of(image, &r);

	memcpy(d->place[place], image, n * sizeof(*image));
}

static void assert_found(const struct disk *d, uint64_t seq)
{
	struct cmk_record_choice c = choose(d);
	struct cmk_record r;

	assert_int_equal(c.found, CMK_RECORD_FOUND);
	assert_int_equal(cmk_record_parse(d->place[c.place], &r), 0);
	assert_int_equal(r.seq, seq);
}

static void assert_damaged(const struct disk *d)
{
	assert_int_equal(choose(d).found, CMK_RECORD_DAMAGED);
}

static void what_is_written_is_read(void **unused)
{
	struct cmk_record want = sample(3, 1024), got;
	struct disk d = { 0 };
	unsigned char read_mac[32];

	assert_int_equal(choose(&d).found, CMK_RECORD_NONE);
	put(&d, 0, 1, 0);
	put(&d, 1, 2, 0);
	put(&d, 0, 3, 1024);
	assert_found(&d, 3);
	memset(&got, 0, sizeof(got));
	assert_int_equal(cmk_record_parse(d.place[0], &got), 0);
	assert_memory_equal(&got, &want, sizeof(got));
	assert_int_equal(le64toh(cmk_record_tag(d.place[0], 1023)->old),
			 3 * 1023);
	cmk_record_unfinish(d.place[0], 40, read_mac);
	assert_memory_equal(read_mac, mac, sizeof(mac));
}

static void a_record_fits_its_place(void **unused)
{
	assert_int_equal(cmk_record_sectors(0), 8);
	assert_int_equal(cmk_record_sectors(210), 8);
	assert_int_equal(cmk_record_sectors(211), 16);
	assert_in_range(cmk_record_sectors(CMK_RECORD_TAGS), 1,
			CMK_RECORD_SECTORS);
}

/* One bit of each byte, in both places; for longer records of every 13th. */
static void a_changed_byte_is_refused(void **unused)
{
	static const unsigned int tags[] = { 0, 128, 1024 };
	unsigned int i, k;
	struct disk d;
	__u8 *p = (__u8 *)&d;

	for (k = 0; k < 3; k++) {
		memset(&d, 0, sizeof(d));
		put(&d, 0, 1, 0);
		put(&d, 1, 2, 0);
		put(&d, 0, 3, 1024);
		put(&d, 1, 4, tags[k]);
		assert_found(&d, 4);
		for (i = 0; i < sizeof(d); i += k ? 13 : 1) {
			p[i] ^= 1 << (i + k) % 8;
			assert_damaged(&d);
			p[i] ^= 1 << (i + k) % 8;
		}
	}
}

static void a_lost_sector_is_refused(void **unused)
{
	struct disk d = { 0 }, old;
	unsigned int i;
	sector keep;

	put(&d, 0, 1, 0);
	put(&d, 1, 2, 0);
	put(&d, 0, 3, 1024);
	old = d;
	put(&d, 1, 4, 1024);
	for (i = 0; i < CMK_RECORD_SECTORS; i++) {
		keep = d.place[1][i];
		memset(&d.place[1][i], 0, sizeof(keep));
		assert_damaged(&d);
		/* another one's place */
		d.place[1][i] = d.place[1][(i + 1) % CMK_RECORD_SECTORS];
		assert_damaged(&d);
		d.place[1][i] = keep;
		/* the record that does not count has an older one's */
		keep = d.place[0][i];
		d.place[0][i] = old.place[1][i];
		assert_damaged(&d);
		d.place[0][i] = keep;
	}
	assert_found(&d, 4);
}

static void two_of_one_number_are_refused(void **unused)
{
	struct disk d = { 0 };

	put(&d, 0, 3, 1024);
	put(&d, 1, 3, 1024);
	assert_damaged(&d);
}

/* What a power loss leaves of a write: these of its sectors. */
static void tear(struct disk *d, unsigned int place, const sector *image,
		 unsigned int n, const bool *arrived)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (arrived[i])
			d->place[place][i] = image[i];
}

/*
 * @mode below 40: so many from the front; below 80: from the back; random.
 * Have the first @length, which are the record, all arrived?
 */
static bool arrivals(bool *arrived, unsigned int n, unsigned int length,
		     unsigned int mode)
{
	unsigned int i, whole = 0;

	for (i = 0; i < n; i++) {
		arrived[i] = mode < 40 ? i < mode :
			mode < 80 ? i + (mode - 40) >= n : rand() & 1;
		whole += arrived[i] && i < length;
	}
	return whole == length;
}

/* A rekey is begun: both places are made zeros first, which is torn, too. */
static void blank(struct disk *d)
{
	static const sector zeros[CMK_RECORD_SECTORS];
	bool arrived[CMK_RECORD_SECTORS];
	unsigned int place, mode;
	struct disk torn;

	for (place = 0; place < CMK_RECORD_PLACES; place++) {
		for (mode = 0; mode < 140; mode++) {
			torn = *d;
			arrivals(arrived, CMK_RECORD_SECTORS, 0, mode);
			tear(&torn, place, zeros, CMK_RECORD_SECTORS, arrived);
			assert_int_equal(choose(&torn).found, CMK_RECORD_NONE);
		}
		memset(d->place[place], 0, sizeof(d->place[place]));
	}
}

/* What a write that was torn, or arrived whole, leaves. */
static void assert_torn(const struct disk *torn, uint64_t seq, bool whole,
			uint64_t before)
{
	if (seq > CMK_RECORD_FIRST)
		assert_found(torn, whole ? seq : before);
	else if (seq == CMK_RECORD_FIRST && whole)
		assert_found(torn, seq);
	else
		assert_int_equal(choose(torn).found, CMK_RECORD_NONE);
}

/* Now and then; in the first rounds one of the first two writes each time. */
static bool one_stays(uint64_t seq, unsigned int round)
{
	if (seq <= CMK_RECORD_FIRST && round < 30)
		return seq == CMK_RECORD_FIRST || round % 3 == 0;
	return !(rand() % 100);
}

/* Where a writer is: after @seq, the next one goes to @place. */
struct writer {
	struct disk d;
	uint64_t seq, before;
	unsigned int place;
};

/* After a power loss all it knows is what is on the disk. */
static void again(struct writer *w)
{
	struct cmk_record_choice c = choose(&w->d);

	w->seq = c.seq;
	w->place = !c.place;
	if (c.found != CMK_RECORD_NONE)
		return;
	blank(&w->d);
	w->seq = 0;
	w->before = 0;
}

/* A write is torn in all ways, and one of them may stay: was it so? */
static bool torn_or_written(struct writer *w, unsigned int tags,
			    unsigned int round)
{
	struct cmk_record r = sample(w->seq + 1, tags);
	bool arrived[CMK_RECORD_SECTORS], whole;
	struct disk torn, stays = w->d;
	sector image[CMK_RECORD_SECTORS];
	unsigned int mode, n = image_of(image, &r), length = n;
	bool stayed = false;

	if (r.seq > CMK_RECORD_FIRST)
		length = cmk_record_sectors(tags);
	for (mode = 0; mode < 140; mode++) {
		torn = w->d;
		whole = arrivals(arrived, n, length, mode);
		tear(&torn, w->place, image, n, arrived);
		assert_torn(&torn, r.seq, whole, w->before);
		if (!whole && one_stays(r.seq, round)) {
			stays = torn;
			stayed = true;
		}
	}
	w->d = stays;
	if (stayed)
		return true;
	memcpy(w->d.place[w->place], image, n * sizeof(*image));
	w->seq = r.seq;
	w->before = r.seq;
	w->place = !w->place;
	return false;
}

/* A life of writes of all lengths. */
static void a_torn_write_leaves_the_record_before(void **unused)
{
	static const unsigned int lengths[] = { 0, 128, 1024, 300, 0, 0, 1024 };
	unsigned int round, tags, early = 0, late = 0;
	struct writer w = { 0 };

	srand(1);
	for (round = 0; round < 90; round++) {
		tags = w.seq < CMK_RECORD_FIRST ? 0 : lengths[rand() % 7];
		if (!torn_or_written(&w, tags, round))
			continue;
		if (w.seq < CMK_RECORD_FIRST)
			early++;
		else
			late++;
		again(&w);
	}
	assert_in_range(early, 20, 40);
	assert_in_range(late, 10, 60);
}

static void parse_changed(struct cmk_record r, int want)
{
	sector image[CMK_RECORD_SECTORS];
	struct cmk_record got;

	cmk_record_fill(image, CMK_RECORD_SECTORS, &r);
	assert_int_equal(cmk_record_parse(image, &got), want);
}

#define CHANGED(tags, member, value) do {		\
	struct cmk_record r_ = sample(3, tags);		\
							\
	r_.member = (value);				\
	parse_changed(r_, -EUCLEAN);			\
} while (0)

static void a_field_out_of_bounds_is_refused(void **unused)
{
	sector image[CMK_RECORD_SECTORS];
	struct cmk_record r = sample(3, 0);

	parse_changed(sample(3, 0), 0);
	parse_changed(sample(3, 1024), 0);
	CHANGED(0, state, 0);
	CHANGED(0, state, 5);
	CHANGED(0, state, CMK_RECORD_STRIPE);
	CHANGED(0, old_generation, 0);
	CHANGED(0, old_generation, 4);
	CHANGED(0, generation, 3);
	CHANGED(0, block_size, 0);
	CHANGED(0, block_size, 256);
	CHANGED(0, block_size, 1024);
	CHANGED(0, sector_size, 0);
	CHANGED(0, sector_size, 8192);
	CHANGED(0, sector_size, 1536);
	CHANGED(0, tags, 1);
	CHANGED(0, stripe_sectors, 1);
	CHANGED(0, range, 65536);
	CHANGED(0, range_sectors, 1024);
	CHANGED(0, range_sectors, 3000);
	CHANGED(0, range_sectors, 1ULL << 31);
	CHANGED(0, cursor, (1 << 20) + 1);
	CHANGED(1024, cursor, (1 << 20) - 1023);
	CHANGED(1024, cursor, UINT64_MAX);
	CHANGED(1024, tags, 1023);
	CHANGED(1024, state, CMK_RECORD_CLEAN);
	CHANGED(1024, stripe_sectors, 1025);
	CHANGED(1024, stripe_sectors, 0);
	CHANGED(1024, stripe_sectors, 1ULL << 55);

	cmk_record_fill(image, CMK_RECORD_SECTORS, &r);
	((struct cmk_disk_record *)image->body)->version = htole32(2);
	assert_int_equal(cmk_record_parse(image, &r), -EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_record_fits_its_place),
		cmocka_unit_test(a_changed_byte_is_refused),
		cmocka_unit_test(a_lost_sector_is_refused),
		cmocka_unit_test(two_of_one_number_are_refused),
		cmocka_unit_test(a_torn_write_leaves_the_record_before),
		cmocka_unit_test(a_field_out_of_bounds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
