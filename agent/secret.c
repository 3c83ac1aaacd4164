// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for key bytes: slots of a few sizes in chunks that are locked, not
 * dumped, empty in a child and fenced by guard pages.  A page for each secret
 * would lock 256 MiB for the 65,536 DEKs of one volume; slots take 4.
 *
 * What is known about a chunk lies on the heap, not in the chunk, so that an
 * overrun hits a guard page or another secret, but never this bookkeeping.
 * Not for use by several threads at once: in the agent it is the event loop's
 * alone.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "secret.h"

#define CHUNK_BYTES	65536
#define SLOT_MIN	32
#define SLOT_MAX	4096	/* larger secrets have a chunk of their own */
#define BITS		64

/**
 * struct chunk - one locked mapping
 * @next: list of all chunks
 * @base: first usable byte; a guard page lies before it and after the end
 * @size: usable bytes, whole pages
 * @slot: bytes of a slot, a power of two; @size when it is a single one
 * @slots: number of slots
 * @used: slots in use
 * @closed: made before a fork, of which this is the child: neither locked nor
 *	filled here, and not to be used for new secrets
 * @map: bit n is set when slot n is in use
 */
struct chunk {
	struct chunk *next;
	unsigned char *base;
	size_t size;
	size_t slot;
	unsigned int slots;
	unsigned int used;
	bool closed;
	uint64_t map[CHUNK_BYTES / SLOT_MIN / BITS];
};

static struct chunk *chunks;

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* A child of fork() inherits no lock, and these pages as zeros. */
static void close_chunks(void)
{
	struct chunk *c;

	for (c = chunks; c; c = c->next)
		c->closed = true;
}

static int watch_forks(void)
{
	static bool watching;

	if (!watching && pthread_atfork(NULL, NULL, close_chunks))
		return -ENOMEM;
	watching = true;
	return 0;
}

static void unmap_chunk(unsigned char *base, size_t size)
{
	munmap(base - page_size(), size + 2 * page_size());
}

/* Return: the first usable byte, or NULL */
static unsigned char *map_chunk(size_t size)
{
	size_t page = page_size();
	unsigned char *base;

	base = mmap(NULL, size + 2 * page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return NULL;

	base += page;
	if (mprotect(base, size, PROT_READ | PROT_WRITE) ||
	    madvise(base, size, MADV_DONTDUMP) ||
	    madvise(base, size, MADV_WIPEONFORK) || mlock(base, size)) {
		unmap_chunk(base, size);
		return NULL;
	}
	return base;
}

static struct chunk *new_chunk(size_t slot)
{
	size_t page = page_size();
	struct chunk *c;

	if (watch_forks())
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;

	c->size = slot > SLOT_MAX ? slot : CHUNK_BYTES;
	c->size = (c->size + page - 1) / page * page;
	c->slot = slot > SLOT_MAX ? c->size : slot;
	c->slots = c->size / c->slot;
	if (c->slots > CHUNK_BYTES / SLOT_MIN)
		c->slots = CHUNK_BYTES / SLOT_MIN;
	c->base = map_chunk(c->size);
	if (!c->base) {
		free(c);
		return NULL;
	}
	c->next = chunks;
	chunks = c;
	return c;
}

static struct chunk *chunk_with_room(size_t slot)
{
	struct chunk *c;

	for (c = chunks; c; c = c->next)
		if (c->slot == slot && c->used < c->slots && !c->closed)
			return c;
	return new_chunk(slot);
}

static unsigned char *take_slot(struct chunk *c)
{
	unsigned int n;

	for (n = 0; n < c->slots; n += BITS)
		if (~c->map[n / BITS])
			break;
	n += __builtin_ctzll(~c->map[n / BITS]);
	c->map[n / BITS] |= 1ULL << n % BITS;
	c->used++;
	return c->base + n * c->slot;
}

static struct chunk *chunk_of(const unsigned char *p)
{
	struct chunk *c;

	for (c = chunks; c; c = c->next)
		if (p >= c->base && p < c->base + c->size)
			return c;
	return NULL;
}

/* One empty chunk of a size stays, so that single secrets do not map anew. */
static void drop_if_spare(struct chunk *c)
{
	struct chunk **link, *other;

	if (c->used)
		return;
	for (other = chunks; other; other = other->next)
		if (other != c && other->slot == c->slot && !other->closed)
			break;
	if (!other && !c->closed && c->slot <= SLOT_MAX)
		return;

	for (link = &chunks; *link != c; link = &(*link)->next)
		;
	*link = c->next;
	unmap_chunk(c->base, c->size);
	free(c);
}

int cmk_secret_alloc(struct cmk_secret *s, size_t len)
{
	size_t slot = SLOT_MIN;
	struct chunk *c;

	cmk_secret_wipe(s);
	if (!len || len > SIZE_MAX / 2)
		return -EINVAL;
	while (slot < len && slot < SLOT_MAX)
		slot *= 2;
	if (len > SLOT_MAX)
		slot = len;

	c = chunk_with_room(slot);
	if (!c)
		return -ENOMEM;
	s->data = take_slot(c);
	s->len = len;
	return 0;
}

int cmk_secret_random(struct cmk_secret *s, size_t len)
{
	int r;

	r = cmk_secret_alloc(s, len);
	if (r < 0)
		return r;
	if (RAND_priv_bytes_ex(NULL, s->data, len, 256) != 1) {
		cmk_secret_wipe(s);
		return -EIO;
	}
	return 0;
}

void cmk_secret_move(struct cmk_secret *dst, struct cmk_secret *src)
{
	if (dst == src)
		return;
	cmk_secret_wipe(dst);
	*dst = *src;
	src->data = NULL;
	src->len = 0;
}

/*
 * A secret that was copied and wiped twice is a mistake of the same rank as a
 * double free(), and ends like one.
 */
void cmk_secret_wipe(struct cmk_secret *s)
{
	struct chunk *c;
	size_t n;

	if (!s->data)
		return;
	c = chunk_of(s->data);
	if (!c)
		abort();
	n = (s->data - c->base) / c->slot;
	if (s->data != c->base + n * c->slot ||
	    !(c->map[n / BITS] & 1ULL << n % BITS))
		abort();

	explicit_bzero(s->data, c->slot);
	c->map[n / BITS] &= ~(1ULL << n % BITS);
	c->used--;
	s->data = NULL;
	s->len = 0;
	drop_if_spare(c);
}

void cmk_wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}
