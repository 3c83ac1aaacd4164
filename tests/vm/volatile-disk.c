// SPDX-License-Identifier: GPL-2.0
/*
 * A disk with a volatile write cache, for nbdkit:
 *
 *	nbdkit -U SOCKET volatile-disk.so file=FILE log=FILE seed=N
 *		[lies=yes]
 *
 * The power of the disk is cut when its client goes, in whatever way: each
 * write since the last flush is then dropped, kept or torn, which is any of its
 * sectors of 512 bytes without the others.  A later one may be kept over an
 * earlier one that is dropped, and the other way round.  What a flush has
 * answered for, and a write with FUA, stays.
 *
 * Most of the time nothing is under way, and a cut would find nothing to lose.
 * So it may be prepared: when there is a FILE.stop, the disk goes on for some
 * requests and does not answer the next write or flush, nor anything after it.
 * FILE.stop is then FILE.stopped, and the client is to be ended.
 *
 * The log gets a line for each cut.  The choice is made by the seed and the
 * number of the cut.  Who has a disk that lies is told the same, but a flush
 * does nothing.
 *
 * The file is what a reader sees; the memory holds what was there before each
 * write that may still be lost.  It is not endless, as in a disk: what is too
 * much is kept, the oldest first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

/* Who opens it while the former client's cut is made waits. */
#define THREAD_MODEL	NBDKIT_THREAD_MODEL_SERIALIZE_CONNECTIONS

#define SECTOR		512
#define CACHE_BYTES	(64 << 20)
#define LAST_REQUESTS	32

/**
 * struct write - one that may still be lost
 * @next: the one after it
 * @prev: the one before it
 * @at: where in the file
 * @len: bytes
 * @stays: with FUA: what was before it does not come back
 * @data: what was written, then what was there before
 */
struct write {
	struct write *next, *prev;
	uint64_t at;
	uint32_t len;
	bool stays;
	unsigned char data[];
};

enum fate { DROPPED, KEPT, TORN, FATES };

static const char *file_name, *log_name;
static char *stop_name, *stopped_name;
static uint64_t seed;
static bool lies;
static int file = -1;

static struct write *oldest, *newest;
static size_t cached;
static unsigned int cuts, flushes;
static unsigned int left;	/* requests before the power fails, from 1 */

/* splitmix64 of Steele, Lea and Flood */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static int refuse(const char *what, const char *why)
{
	nbdkit_error("%s: %s", what, why);
	return -1;
}

static int read_all(void *buf, size_t len, uint64_t at)
{
	ssize_t n;

	for (; len; buf = (char *)buf + n, len -= n, at += n) {
		n = pread(file, buf, len, at);
		if (n <= 0)
			return refuse(file_name, "cannot read");
	}
	return 0;
}

static int write_all(const void *buf, size_t len, uint64_t at)
{
	ssize_t n;

	for (; len; buf = (const char *)buf + n, len -= n, at += n) {
		n = pwrite(file, buf, len, at);
		if (n <= 0)
			return refuse(file_name, "cannot write");
	}
	return 0;
}

/* -- the cache -- */

static void forget_oldest(void)
{
	struct write *w = oldest;

	oldest = w->next;
	if (oldest)
		oldest->prev = NULL;
	else
		newest = NULL;
	cached -= w->len;
	free(w);
}

static void forget_all(void)
{
	while (oldest)
		forget_oldest();
}

static void remember(struct write *w)
{
	w->prev = newest;
	if (newest)
		newest->next = w;
	else
		oldest = w;
	newest = w;
	cached += w->len;
	while (cached > CACHE_BYTES)
		forget_oldest();
}

static enum fate fate_of(const struct write *w, uint64_t *random)
{
	if (w->stays)
		return KEPT;
	return draw(random) % FATES;
}

/* Writes what of it is not lost. */
static void suffer(const struct write *w, enum fate fate, uint64_t *random)
{
	uint32_t i, n;

	if (fate == DROPPED)
		return;
	if (fate == KEPT) {
		write_all(w->data, w->len, w->at);
		return;
	}
	for (i = 0; i < w->len; i += n) {
		/* A request need not begin at a sector. */
		n = SECTOR - (w->at + i) % SECTOR;
		if (n > w->len - i)
			n = w->len - i;
		if (draw(random) & 1)
			write_all(w->data + i, n, w->at + i);
	}
}

static void tell(const unsigned int count[FATES])
{
	FILE *log = fopen(log_name, "a");

	if (!log) {
		refuse(log_name, strerror(errno));
		return;
	}
	fprintf(log, "cut %u: %u flushes; writes dropped %u, kept %u, torn %u\n",
		cuts, flushes, count[DROPPED], count[KEPT], count[TORN]);
	fclose(log);
}

static void cut(void)
{
	unsigned int count[FATES] = { 0 };
	uint64_t random;
	enum fate fate;
	struct write *w;

	cuts++;
	random = seed ^ (uint64_t)cuts << 32;
	for (w = newest; w; w = w->prev)
		write_all(w->data + w->len, w->len, w->at);
	for (w = oldest; w; w = w->next) {
		fate = fate_of(w, &random);
		count[fate]++;
		suffer(w, fate, &random);
	}
	forget_all();
	tell(count);
	flushes = 0;
	left = 0;
}

/* Returns true when the client has gone. */
static bool power_fails(void)
{
	uint64_t random = ~seed ^ (uint64_t)cuts << 32;

	if (!left && !access(stop_name, F_OK))
		left = 1 + draw(&random) % LAST_REQUESTS;
	if (!left || --left)
		return false;
	rename(stop_name, stopped_name);
	while (!nbdkit_nanosleep(60, 0))
		;
	return true;
}

/* -- for nbdkit -- */

static int disk_config(const char *key, const char *value)
{
	if (!strcmp(key, "file"))
		file_name = value;
	else if (!strcmp(key, "log"))
		log_name = value;
	else if (!strcmp(key, "seed"))
		return nbdkit_parse_uint64_t("seed", value, &seed);
	else if (!strcmp(key, "lies"))
		lies = nbdkit_parse_bool(value) == 1;
	else
		return refuse(key, "no such word");
	return 0;
}

/* nbdkit leaves for the root folder. */
static int disk_config_complete(void)
{
	if (!file_name || !log_name)
		return refuse("file=, log=", "both are needed");
	log_name = nbdkit_absolute_path(log_name);
	file_name = nbdkit_realpath(file_name);
	if (!file_name)
		return -1;
	file = open(file_name, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return refuse(file_name, strerror(errno));
	if (asprintf(&stop_name, "%s.stop", file_name) < 0 ||
	    asprintf(&stopped_name, "%s.stopped", file_name) < 0)
		return -1;
	return log_name ? 0 : -1;
}

static void *disk_open(int readonly)
{
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static void disk_close(void *handle)
{
	cut();
}

static int64_t disk_get_size(void *handle)
{
	return lseek(file, 0, SEEK_END);
}

static int disk_can_fua(void *handle)
{
	return NBDKIT_FUA_NATIVE;
}

static int disk_pread(void *handle, void *buf, uint32_t count, uint64_t offset,
		      uint32_t flags)
{
	return read_all(buf, count, offset);
}

static int disk_pwrite(void *handle, const void *buf, uint32_t count,
		       uint64_t offset, uint32_t flags)
{
	struct write *w = calloc(1, sizeof(*w) + 2 * (size_t)count);

	if (!w) {
		nbdkit_set_error(ENOMEM);
		return -1;
	}
	w->at = offset;
	w->len = count;
	w->stays = flags & NBDKIT_FLAG_FUA && !lies;
	memcpy(w->data, buf, count);
	if (read_all(w->data + count, count, offset) ||
	    write_all(buf, count, offset)) {
		free(w);
		return -1;
	}
	remember(w);
	return power_fails() ? -1 : 0;
}

static int disk_flush(void *handle, uint32_t flags)
{
	flushes++;
	if (power_fails())
		return -1;
	if (!lies)
		forget_all();
	return 0;
}

static struct nbdkit_plugin plugin = {
	.name = "volatile-disk",
	.config = disk_config,
	.config_complete = disk_config_complete,
	.open = disk_open,
	.close = disk_close,
	.get_size = disk_get_size,
	.can_fua = disk_can_fua,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.flush = disk_flush,
};

NBDKIT_REGISTER_PLUGIN(plugin)
