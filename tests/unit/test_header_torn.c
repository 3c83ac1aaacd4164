// SPDX-License-Identifier: GPL-2.0
/*
 * Power loss in each write of a header.  The program's own pwrite() and
 * fdatasync() record what a write sends and when it is flushed; then each disk
 * that a loss could leave is built: the writes up to a flush, and of the write
 * after it any set of sectors.  On each the volume must open, in the state
 * before or after, and be repaired to it.
 *
 * Sectors that a write does not change are left out: whether they arrived or
 * not gives the same disk.
 */
#include "volume.h"

#include <sys/syscall.h>

#define DISK_BYTES	((24 + RANGES) * MIB)

/* One write between two flushes: the disk before and after it. */
struct step {
	unsigned char *before, *after;
};

static struct step steps[8];
static unsigned int n_steps, n_flushes;
static int recorded = -1;	/* descriptor */

static unsigned char *image_of(int fd)
{
	unsigned char *p = malloc(DISK_BYTES);

	assert_int_equal(pread(fd, p, DISK_BYTES, 0), DISK_BYTES);
	return p;
}

ssize_t pwrite(int fd, const void *p, size_t len, off_t offset)
{
	ssize_t n;

	if (fd == recorded) {
		/* one write between two flushes, and flushes between all */
		assert_int_equal(n_steps, n_flushes);
		assert_in_range(n_steps, 0, 7);
		steps[n_steps].before = image_of(fd);
	}
	n = syscall(SYS_pwrite64, fd, p, len, offset);
	if (fd == recorded)
		steps[n_steps++].after = image_of(fd);
	return n;
}

int fdatasync(int fd)
{
	if (fd == recorded)
		n_flushes++;
	return 0;
}

static void forget_steps(void)
{
	for (; n_steps; n_steps--) {
		free(steps[n_steps - 1].before);
		free(steps[n_steps - 1].after);
	}
	n_flushes = 0;
}

static int disk_from(const unsigned char *image)
{
	int fd = make_disk(DISK_BYTES);

	assert_int_equal(syscall(SYS_pwrite64, fd, image, DISK_BYTES, 0),
			 DISK_BYTES);
	return fd;
}

/* Opens as one of the two; is repaired; opens as the same one. */
static void assert_opens(int fd, const struct volume *old,
			 const struct volume *new)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume got, again;
	struct cmk_error e = { 0 };
	bool is_new;

	if (volume_open(fd, &got, &e) < 0)
		fail_msg("does not open: %s: %s", e.code, e.text);
	is_new = volumes_equal(&got, new);
	if (!is_new && !(old && volumes_equal(&got, old)))
		fail_msg("opens with other keys");

	assert_int_equal(cmk_header_read(&h, fd, NULL), 0);
	assert_int_equal(cmk_header_repair(h, fd, NULL), 0);
	assert_int_equal(volume_open(fd, &again, NULL), 0);
	assert_int_equal(again.valid_copies, CMK_BOTH_COPIES);
	assert_true(volumes_equal(&again, &got));
}

/* Places in units of @unit bytes where a step changes the disk. */
static size_t changed_units(const struct step *s, size_t unit, off_t *ret)
{
	size_t n = 0;
	off_t at;

	for (at = 0; at < (off_t)DISK_BYTES; at += unit)
		if (memcmp(s->before + at, s->after + at, unit)) {
			assert_in_range(n, 0, 99);
			ret[n++] = at;
		}
	return n;
}

static void put_units(int fd, const struct step *s, size_t unit,
		      const off_t *at, size_t n, const bool *arrived)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(syscall(SYS_pwrite64, fd,
					 (arrived[i] ? s->after : s->before) +
					 at[i], unit, at[i]), unit);
}

/* Set number @k: all sets if there are few, else prefixes and single ones. */
static bool make_set(size_t k, size_t n, bool *ret)
{
	size_t i;

	if (n <= 6) {
		for (i = 0; i < n; i++)
			ret[i] = k >> i & 1;
		return k < 1UL << n;
	}
	for (i = 0; i < n; i++) {
		if (k <= n)
			ret[i] = i < k;			/* prefix */
		else if (k <= 2 * n)
			ret[i] = i != k - n - 1;	/* one dropped */
		else
			ret[i] = i == k - 2 * n - 1;	/* one alone */
	}
	return k <= 3 * n;
}

/*
 * @base: the disk on which the units of step @s land; what else was written
 * is in it.
 */
static size_t tear(const unsigned char *base, const struct step *s,
		   size_t unit, const struct volume *old,
		   const struct volume *new)
{
	bool arrived[100];
	off_t at[100];
	size_t n = changed_units(s, unit, at), k;

	assert_true(n > 0);
	for (k = 0; make_set(k, n, arrived); k++) {
		int fd = disk_from(base);

		put_units(fd, s, unit, at, n, arrived);
		assert_opens(fd, old, new);
		close(fd);
	}
	return k;
}

/*
 * Each step torn with none of the later ones, and with all of them: a write
 * that was acknowledged, flushed, and lost all the same.  Then the other copy
 * has the new state, and the old one would be a step back; but format reads
 * back what it wrote, so that the former volume may be what it finds.
 */
static void assert_each_loss_is_survived(const struct volume *old,
					 const struct volume *new, bool format)
{
	const unsigned char *end = steps[n_steps - 1].after;
	size_t states = 0;
	unsigned int i;

	assert_int_equal(n_flushes, n_steps);
	recorded = -1;
	for (i = 0; i < n_steps; i++) {
		states += tear(steps[i].before, &steps[i], 512, old, new);
		states += tear(steps[i].before, &steps[i], 4096, old, new);
		states += tear(end, &steps[i], 512,
			       format ? old : NULL, new);
	}
	print_message("%zu disks after %u writes\n", states, n_steps);
	forget_steps();
}

/* Writes @h to @fd and records how. */
static void record(struct cmk_header *h, int fd, const struct volume *v)
{
	forget_steps();
	recorded = fd;
	assert_int_equal(cmk_header_write(h, fd, &v->hk, NULL), 0);
	recorded = -1;
}

static int blank_disk(void)
{
	return make_disk(DISK_BYTES);
}

static void an_update(enum cmk_format_wrap wrap)
{
	__cmk_header struct cmk_header *h = NULL, *now = NULL;
	__volume struct volume old, new;
	int fd = blank_disk();

	volume_init(&old, 1);
	h = volume_header(&old, wrap);
	assert_int_equal(cmk_header_write(h, fd, &old.hk, NULL), 0);

	/* range 2 gets another DEK, and the header key another wrap */
	volume_init(&new, 1);
	new.generation[2]++;
	new.dek[2].data[5] ^= 1;
	assert_int_equal(cmk_header_read(&now, fd, NULL), 0);
	volume_set_kek(&new, now);
	volume_set_slot(&new, now, 2);
	record(now, fd, &new);
	assert_int_equal(n_steps, 2);
	assert_each_loss_is_survived(&old, &new, false);
	close(fd);
}

static void a_loss_during_an_update_mode_hk(void **state)
{
	an_update(CMK_FORMAT_WRAP_HK);
}

static void a_loss_during_an_update_mode_direct(void **state)
{
	an_update(CMK_FORMAT_WRAP_DIRECT);
}

/* The writes that a rekey begins and ends with. */
static void a_rekey(enum cmk_format_wrap wrap)
{
	__cmk_header struct cmk_header *h = NULL, *now = NULL;
	__volume struct volume old, middle, new;
	int fd = blank_disk();

	volume_init(&old, 1);
	volume_init(&middle, 1);
	volume_init(&new, 1);
	volume_next(&middle, 2);
	volume_next(&new, 2);
	volume_promote(&new);
	h = volume_header(&old, wrap);
	assert_int_equal(cmk_header_write(h, fd, &old.hk, NULL), 0);

	assert_int_equal(cmk_header_read(&now, fd, NULL), 0);
	assert_int_equal(volume_set_next(&middle, now), 0);
	record(now, fd, &middle);
	assert_each_loss_is_survived(&old, &middle, false);

	assert_int_equal(cmk_header_promote(now), 0);
	record(now, fd, &new);
	assert_each_loss_is_survived(&middle, &new, false);
	close(fd);
}

static void a_loss_during_a_rekeys_writes_mode_hk(void **state)
{
	a_rekey(CMK_FORMAT_WRAP_HK);
}

static void a_loss_during_a_rekeys_writes_mode_direct(void **state)
{
	a_rekey(CMK_FORMAT_WRAP_DIRECT);
}

/* One copy is bad already; the write must not begin with the other. */
static void an_update_beside_a_bad_copy(off_t bad)
{
	__cmk_header struct cmk_header *h = NULL, *now = NULL;
	__volume struct volume old, new;
	int fd = blank_disk();

	volume_init(&old, 1);
	h = volume_header(&old, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_write(h, fd, &old.hk, NULL), 0);
	assert_int_equal(pwrite(fd, "junk", 4, bad + 700), 4);

	volume_init(&new, 1);
	new.generation[0]++;
	assert_int_equal(cmk_header_read(&now, fd, NULL), 0);
	volume_set_slot(&new, now, 0);
	record(now, fd, &new);
	assert_int_equal(n_steps, 2);
	/* "lost all the same" would be a second fault here */
	recorded = -1;
	tear(steps[0].before, &steps[0], 512, &old, &new);
	tear(steps[1].before, &steps[1], 512, NULL, &new);
	forget_steps();
	close(fd);
}

static void a_loss_during_an_update_when_copy_a_was_bad(void **state)
{
	an_update_beside_a_bad_copy(0);
}

static void a_loss_during_an_update_when_copy_b_was_bad(void **state)
{
	an_update_beside_a_bad_copy(12 * MIB);
}

/* Copy A is ahead of B: what was opened must not be lost to a torn write. */
static void a_loss_during_the_update_after_a_loss(void **state)
{
	__cmk_header struct cmk_header *h = NULL, *now = NULL, *then = NULL;
	__volume struct volume first, second, third;
	int fd = blank_disk(), torn;

	volume_init(&first, 1);
	volume_init(&second, 1);
	volume_init(&third, 1);
	second.generation[1] = 7;
	third.generation[1] = 8;
	h = volume_header(&first, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_write(h, fd, &first.hk, NULL), 0);
	assert_int_equal(cmk_header_read(&now, fd, NULL), 0);
	volume_set_slot(&second, now, 1);
	record(now, fd, &second);
	torn = disk_from(steps[0].after);	/* only one copy is new */

	assert_int_equal(cmk_header_read(&then, torn, NULL), 0);
	volume_set_slot(&third, then, 1);
	record(then, torn, &third);
	assert_each_loss_is_survived(&second, &third, false);
	close(torn);
	close(fd);
}

/* A header of the layout with the larger table. */
static struct cmk_header *large_header(const struct volume *v)
{
	struct cmk_header *small = volume_header(v, CMK_FORMAT_WRAP_HK);
	struct cmk_header *h = cmk_header_alloc(16385);
	struct cmk_disk_super *s = cmk_header_super(h);
	uint32_t n;

	memcpy(h->image, small->image, CMK_SUPER_SIZE);
	cmk_header_free(small);
	s->capacity = htole32(16385);
	s->header_size = htole64(CMK_LARGE_HEADER);
	s->copy_b_offset = htole64(CMK_LARGE_COPY_B);
	s->record_offset = htole64(CMK_LARGE_RECORD);
	s->data_offset = htole64(CMK_LARGE_HEADER);
	for (n = 0; n < RANGES; n++)
		volume_set_slot(v, h, n);
	return h;
}

/* Format of a device that held another volume. */
static void a_format(bool old_large, bool new_large)
{
	__cmk_header struct cmk_header *h = NULL, *again = NULL;
	__volume struct volume old, new;
	int fd = blank_disk();

	volume_init(&old, 1);
	volume_init(&new, 2);
	h = old_large ? large_header(&old) :
			volume_header(&old, CMK_FORMAT_WRAP_HK);
	cmk_header_super(h)->seq = htole64(41);
	assert_int_equal(cmk_header_write(h, fd, &old.hk, NULL), 0);
	again = new_large ? large_header(&new) :
			    volume_header(&new, CMK_FORMAT_WRAP_HK);
	record(again, fd, &new);
	assert_int_equal(n_steps, old_large == new_large ? 2 : 3);
	assert_each_loss_is_survived(&old, &new, true);
	close(fd);
}

static void a_loss_during_format_over_another_volume(void **state)
{
	a_format(false, false);
}

static void a_loss_during_format_from_the_small_to_the_large_layout(void **s)
{
	a_format(false, true);
}

static void a_loss_during_format_from_the_large_to_the_small_layout(void **s)
{
	a_format(true, false);
}

/* Once format has ended, the former volume is gone from both places. */
static void a_format_leaves_no_copy_of_the_former_volume(void **state)
{
	__cmk_header struct cmk_header *h = NULL, *new = NULL, *got = NULL;
	__volume struct volume v, w;
	struct cmk_error e;
	int fd = blank_disk();

	volume_init(&v, 1);
	volume_init(&w, 2);
	h = large_header(&v);
	assert_int_equal(cmk_header_write(h, fd, &v.hk, NULL), 0);
	new = volume_header(&w, CMK_FORMAT_WRAP_HK);
	assert_int_equal(cmk_header_write(new, fd, &w.hk, NULL), 0);
	assert_int_equal(pwrite(fd, "junk", 4, 700), 4);
	assert_int_equal(pwrite(fd, "junk", 4, 12 * MIB + 700), 4);
	assert_int_equal(cmk_header_read(&got, fd, &e), -EBADMSG);
	assert_string_equal(e.code, "header-damaged");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loss_during_an_update_mode_hk),
		cmocka_unit_test(a_loss_during_an_update_mode_direct),
		cmocka_unit_test(a_loss_during_a_rekeys_writes_mode_hk),
		cmocka_unit_test(a_loss_during_a_rekeys_writes_mode_direct),
		cmocka_unit_test(a_loss_during_an_update_when_copy_a_was_bad),
		cmocka_unit_test(a_loss_during_an_update_when_copy_b_was_bad),
		cmocka_unit_test(a_loss_during_the_update_after_a_loss),
		cmocka_unit_test(a_loss_during_format_over_another_volume),
		cmocka_unit_test(
		a_loss_during_format_from_the_small_to_the_large_layout),
		cmocka_unit_test(
		a_loss_during_format_from_the_large_to_the_small_layout),
		cmocka_unit_test(a_format_leaves_no_copy_of_the_former_volume),
	};

	keep_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
