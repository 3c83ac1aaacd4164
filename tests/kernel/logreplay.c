// SPDX-License-Identifier: GPL-2.0
/*
 * Plays a log of dm-log-writes to a disk, as far as it is told.
 *
 *	logreplay LOG count		how many entries, and which are flushes:
 *					their numbers, one a line
 *	logreplay LOG play DISK N	entries 0 .. N-1, over what is there
 *	logreplay LOG tear DISK N M SEED
 *					entries N .. M-1 are torn: a random set
 *					of their sectors of 512 bytes arrives
 *	logreplay LOG only DISK N M K	of their sectors the K-th alone arrives;
 *	logreplay LOG but DISK N M K	all but the K-th;
 *	logreplay LOG front DISK N M K	the first K; how many sectors they have
 *					is printed
 *	logreplay A either DISK B	is each sector of DISK that of the file
 *					A or that of B?
 *
 * On the log: a sector with magic, version, number of entries and size of a
 * sector; then each entry, a sector with its head, followed by its data.
 * (drivers/md/dm-log-writes.c)
 */
#define _FILE_OFFSET_BITS 64
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC	0x6a736677736872ULL

enum { FLUSH = 1, FUA = 2, DISCARD = 4, MARK = 8 };

struct super {
	uint64_t magic, version, nr_entries;
	uint32_t sectorsize;
} __attribute__((packed));

struct entry {
	uint64_t sector, nr_sectors, flags, data_len;
};

enum tear { WHOLE, RANDOM, ONLY, BUT, FRONT };

static int log_fd, disk_fd = -1;
static uint64_t torn, special;
static unsigned char buffer[8 << 20];

static void read_at(void *p, size_t len, off_t offset)
{
	if (pread(log_fd, p, len, offset) != (ssize_t)len)
		err(1, "log at %lld", (long long)offset);
}

static void write_at(const void *p, size_t len, off_t offset)
{
	if (len && pwrite(disk_fd, p, len, offset) != (ssize_t)len)
		err(1, "disk at %lld", (long long)offset);
}

static bool arrives(enum tear tear)
{
	uint64_t i = torn++;

	switch (tear) {
	case WHOLE:
		break;
	case RANDOM:
		return random() & 1;
	case ONLY:
		return i == special;
	case BUT:
		return i != special;
	case FRONT:
		return i < special;
	}
	return true;
}

/* Of an entry that is torn each sector arrives or does not. */
static void play(const struct entry *e, off_t data, uint32_t unit,
		 enum tear tear)
{
	size_t len = e->nr_sectors * unit, i;
	off_t at = e->sector * unit;

	if (!len || e->flags & MARK)
		return;
	if (len > sizeof(buffer))
		errx(1, "an entry of %zu bytes", len);
	if (e->flags & DISCARD)
		memset(buffer, 0, len);
	else
		read_at(buffer, len, data);
	if (tear == WHOLE) {
		write_at(buffer, len, at);
		return;
	}
	for (i = 0; i < len; i += 512)
		if (arrives(tear))
			write_at(buffer + i, 512, at + i);
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 0);
}

static int file(const char *name, int flags)
{
	int fd = open(name, flags);

	if (fd < 0)
		err(1, "%s", name);
	return fd;
}

static int either(char **argv)
{
	int a = file(argv[1], O_RDONLY), disk = file(argv[3], O_RDONLY);
	int b = file(argv[4], O_RDONLY);
	unsigned char in_a[512], in_b[512], is[512];
	uint64_t i, of_b = 0;

	for (i = 0; read(disk, is, 512) == 512; i++) {
		if (read(a, in_a, 512) != 512 || read(b, in_b, 512) != 512)
			errx(1, "too short");
		if (!memcmp(is, in_b, 512))
			of_b++;
		else if (memcmp(is, in_a, 512))
			errx(1, "sector %llu is neither",
			     (unsigned long long)i);
	}
	printf("%llu of %llu sectors are of %s\n", (unsigned long long)of_b,
	       (unsigned long long)i, argv[4]);
	return !i;
}

static enum tear tear_of(const char *verb, const char *how)
{
	special = number(how);
	if (!strcmp(verb, "only"))
		return ONLY;
	if (!strcmp(verb, "but"))
		return BUT;
	if (!strcmp(verb, "front"))
		return FRONT;
	srandom(special);
	return RANDOM;
}

int main(int argc, char **argv)
{
	uint64_t i, n = UINT64_MAX, whole = UINT64_MAX;
	enum tear tear = WHOLE;
	struct super super;
	struct entry e;
	off_t at;

	if (argc < 3 || (argc > 3 && argc < 5))
		errx(2, "see the head of logreplay.c");
	if (!strcmp(argv[2], "either"))
		return either(argv);
	log_fd = file(argv[1], O_RDONLY);
	if (argc > 3) {
		disk_fd = file(argv[3], O_WRONLY);
		n = number(argv[4]);
	}
	if (argc > 6) {
		whole = n;
		n = number(argv[5]);
		tear = tear_of(argv[2], argv[6]);
	}
	read_at(&super, sizeof(super), 0);
	if (le64toh(super.magic) != MAGIC)
		errx(1, "no log");
	at = super.sectorsize;
	for (i = 0; i < super.nr_entries && i < n; i++) {
		read_at(&e, sizeof(e), at);
		at += super.sectorsize;
		if (disk_fd >= 0)
			play(&e, at, super.sectorsize,
			     i >= whole ? tear : WHOLE);
		else if (e.flags & (FLUSH | FUA))
			printf("%llu\n", (unsigned long long)i + 1);
		if (!(e.flags & DISCARD))
			at += e.nr_sectors * super.sectorsize;
	}
	if (disk_fd >= 0 && fsync(disk_fd))
		err(1, "fsync");
	if (disk_fd < 0)
		printf("entries %llu\n", (unsigned long long)i);
	else if (torn)
		printf("%llu\n", (unsigned long long)torn);
	return 0;
}
