// SPDX-License-Identifier: GPL-2.0
/*
 * Readers and writers with O_DIRECT, which know what each block may hold.
 *
 * Each worker has blocks of its own in every range.  A block holds its place
 * and the number of the write that it is from.  One that failed may have
 * reached the disk or not: until it is read, the block may hold that of any
 * write since the last one that succeeded.
 *
 * Whether an I/O may succeed: the count of the gate's changes is read before
 * and after.  The same odd number twice means that all of it was behind a
 * closed gate.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "race.h"

#define BLOCK		4096
#define WORDS		(BLOCK / sizeof(uint64_t))
/* Blocks of a worker in one range; an I/O is of one or several of them. */
#define RUN		16
#define WORKERS_MAX	64
#define RING		256

struct past {
	uint64_t submit, done;
	bool ok;
};

/**
 * struct worker - one thread with one I/O under way at most
 * @thread: itself
 * @number: of it
 * @reads: it does
 * @writes: it does
 * @fd: the device
 * @seed: of its choices
 * @acked: number of the oldest write that each block may be from
 * @last: number of the newest
 * @written: number of its last write
 * @buf: of an I/O
 * @ring: its last I/Os
 * @nr: how many there were
 * @submitted: when the one under way began, 0 for none
 * @ok_submit: when the last one that succeeded began
 * @ok_done: when it ended
 * @refused: how many since the last that succeeded
 * @ios: that succeeded
 * @slowest: of them
 */
struct worker {
	pthread_t thread;
	unsigned int number;
	bool reads, writes;
	int fd;
	unsigned int seed;
	uint64_t acked[RANGES * RUN], last[RANGES * RUN], written;
	uint64_t *buf;
	struct past ring[RING];
	unsigned int nr;
	_Atomic uint64_t submitted;
	uint64_t ok_submit, ok_done;
	unsigned int refused;
	atomic_uint ios;
	uint64_t slowest;
};

static struct worker workers[WORKERS_MAX];
static unsigned int nr_workers;
static const char *file;
static const char *_Atomic permitted;
static atomic_bool insists;
static atomic_uint gate;
static atomic_ulong failures;

/* @pausing, @shutting, @ending and @idle; changes are signalled. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool pausing, shutting, ending;
static unsigned int idle;

static off_t place(const struct worker *w, unsigned int at)
{
	off_t range = at / RUN * (RANGE_SECTORS / 8);

	return (range + w->number * RUN + at % RUN) * BLOCK;
}

static void fill(uint64_t *block, uint64_t at, uint64_t number)
{
	uint64_t x = (at + 1) * 0x9e3779b97f4a7c15ULL + number;
	unsigned int i;

	block[0] = at;
	block[1] = number;
	for (i = 2; i < WORDS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		block[i] = x;
	}
}

static void check(struct worker *w, unsigned int at, const uint64_t *block)
{
	static _Thread_local uint64_t want[WORDS];
	uint64_t number = block[1];

	fill(want, place(w, at), number);
	if (memcmp(want, block, BLOCK))
		fault("wrong data at %llu: %llx %llx %llx",
		      (unsigned long long)place(w, at),
		      (unsigned long long)block[0],
		      (unsigned long long)block[1],
		      (unsigned long long)block[2]);
	if (number < w->acked[at] || number > w->last[at])
		fault("write %llu at %llu, not %llu to %llu",
		      (unsigned long long)number,
		      (unsigned long long)place(w, at),
		      (unsigned long long)w->acked[at],
		      (unsigned long long)w->last[at]);
	w->acked[at] = number;
	w->last[at] = number;
}

static ssize_t move(struct worker *w, bool write, unsigned int at,
		    unsigned int n)
{
	unsigned int i;
	ssize_t r;

	if (!write)
		return pread(w->fd, w->buf, n * BLOCK, place(w, at));
	w->written++;
	for (i = 0; i < n; i++) {
		fill(w->buf + i * WORDS, place(w, at + i), w->written);
		w->last[at + i] = w->written;
	}
	w->submitted = now();
	r = pwrite(w->fd, w->buf, n * BLOCK, place(w, at));
	if (r == (ssize_t)(n * BLOCK))
		for (i = 0; i < n; i++)
			w->acked[at + i] = w->written;
	return r;
}

static void note(struct worker *w, bool ok, uint64_t done)
{
	struct past *p = &w->ring[w->nr++ % RING];

	p->submit = w->submitted;
	p->done = done;
	p->ok = ok;
	if (!ok)
		return;
	w->ok_submit = p->submit;
	w->ok_done = done;
	w->refused = 0;
	w->ios++;
	if (done - w->submitted > w->slowest)
		w->slowest = done - w->submitted;
}

static void one(struct worker *w)
{
	bool write = w->writes && (!w->reads || rand_r(&w->seed) % 2);
	unsigned int at = rand_r(&w->seed) % (RANGES * RUN);
	unsigned int n = 1, i, before = gate;
	ssize_t r;
	int error;

	if (rand_r(&w->seed) % 4 == 0)
		n += rand_r(&w->seed) % (RUN - at % RUN);
	w->submitted = now();
	errno = 0;
	r = move(w, write, at, n);
	error = r < 0 ? errno : r == (ssize_t)(n * BLOCK) ? 0 : EIO;
	/* Of those that are sure to be refused there are too many. */
	if (!error || before % 2 == 0)
		note(w, !error, now());
	w->submitted = 0;
	if (!error && before == gate && before % 2)
		fault("%s succeeded behind a closed gate",
		      write ? "a write" : "a read");
	if (!error && !write)
		for (i = 0; i < n; i++)
			check(w, at + i, w->buf + i * WORDS);
	if (!error)
		return;
	failures++;
	if (!strstr(permitted, strerrorname_np(error)))
		fault("%s was told %s", write ? "a write" : "a read",
		      strerrorname_np(error));
	/* Not to be busy with being refused. */
	if (!insists)
		usleep(++w->refused > 8 ? 16000 : 1000);
}

static void open_it(struct worker *w)
{
	if (w->fd < 0)
		w->fd = open(file, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (w->fd < 0)
		fault("%s: %s", file, strerrorname_np(errno));
}

/* False at the end. */
static bool may_go(struct worker *w)
{
	bool end;

	pthread_mutex_lock(&lock);
	if (pausing) {
		if (shutting && w->fd >= 0) {
			close(w->fd);
			w->fd = -1;
		}
		idle++;
		pthread_cond_broadcast(&changed);
		while (pausing)
			pthread_cond_wait(&changed, &lock);
		idle--;
		pthread_cond_broadcast(&changed);
	}
	end = ending;
	pthread_mutex_unlock(&lock);
	return !end;
}

static void first_writes(struct worker *w)
{
	unsigned int at;

	for (at = 0; at < RANGES * RUN; at += RUN)
		if (move(w, true, at, RUN) != RUN * BLOCK)
			fault("the first writes fail");
	w->submitted = 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	open_it(w);
	first_writes(w);
	while (may_go(w)) {
		open_it(w);
		one(w);
	}
	close(w->fd);
	return NULL;
}

void load_start(const char *path, unsigned int readers, unsigned int writers,
		unsigned int both)
{
	unsigned int i;

	file = path;
	nr_workers = readers + writers + both;
	if (nr_workers > WORKERS_MAX)
		fault("too many workers");
	for (i = 0; i < nr_workers; i++) {
		struct worker *w = &workers[i];

		w->number = i;
		w->reads = i < readers || i >= readers + writers;
		w->writes = i >= readers;
		w->fd = -1;
		w->seed = pick(1u << 30);
		w->buf = aligned_alloc(BLOCK, RUN * BLOCK);
		if (!w->buf || pthread_create(&w->thread, NULL, work, w))
			fault("no worker");
	}
	load_pause(false);
	load_go();
}

void load_permit(const char *errors)
{
	permitted = errors;
}

void load_insist(void)
{
	insists = true;
}

void load_gate(bool open)
{
	if (open == gate % 2)
		gate++;
}

/* Who is told why has a machine with a task that hangs. */
static void hangs(void)
{
	unsigned int i;
	uint64_t t;

	for (i = 0; i < nr_workers; i++) {
		t = workers[i].submitted;
		if (t)
			printf("# worker %u: an I/O for %llu us\n", i,
			       (unsigned long long)(now() - t));
	}
	fault("an I/O does not end");
}

static void wait_idle(unsigned int want)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE / 1000000;
	while (idle != want)
		if (pthread_cond_timedwait(&changed, &lock, &end) == ETIMEDOUT)
			hangs();
}

void load_pause(bool shut)
{
	pthread_mutex_lock(&lock);
	pausing = true;
	shutting = shut;
	wait_idle(nr_workers);
	pthread_mutex_unlock(&lock);
}

void load_go(void)
{
	pthread_mutex_lock(&lock);
	pausing = false;
	pthread_cond_broadcast(&changed);
	wait_idle(0);
	pthread_mutex_unlock(&lock);
}

struct seen load_seen(uint64_t from, uint64_t to, uint64_t until)
{
	struct seen s = { 0 };
	const struct past *p;
	unsigned int i, k;

	for (i = 0; i < nr_workers; i++) {
		if (workers[i].ok_done > s.last_ok)
			s.last_ok = workers[i].ok_done;
		if (workers[i].ok_submit > s.last_submit)
			s.last_submit = workers[i].ok_submit;
		for (k = 0; k < RING && k < workers[i].nr; k++) {
			p = &workers[i].ring[k];
			if (p->submit > to || p->done < from)
				continue;
			s.ok += p->ok;
			s.late += p->ok && p->done > until;
			s.failed += !p->ok;
		}
	}
	return s;
}

static unsigned int succeeded(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_workers; i++)
		n += workers[i].ios;
	return n;
}

void load_succeeds(unsigned int n)
{
	unsigned int before = succeeded();
	uint64_t end = now() + PATIENCE;

	while (succeeded() - before < n) {
		if (now() > end)
			hangs();
		usleep(500);
	}
}

void load_stop(void)
{
	unsigned int i;

	load_pause(false);
	pthread_mutex_lock(&lock);
	ending = true;
	pausing = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < nr_workers; i++)
		pthread_join(workers[i].thread, NULL);
}

void load_report(void)
{
	uint64_t slowest = 0;
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		if (workers[i].slowest > slowest)
			slowest = workers[i].slowest;
	printf("ios=%u refused=%lu slowest=%llu ", succeeded(),
	       (unsigned long)failures, (unsigned long long)slowest);
}
