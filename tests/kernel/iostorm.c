// SPDX-License-Identifier: GPL-2.0
/*
 * Readers and writers with O_DIRECT, each with one I/O under way, and when
 * what succeeded:
 *
 *	iostorm FILE READERS WRITERS SECONDS [BYTES [SKIP [REST]]]
 *
 * A thread ends at its first error; the program ends when all have, or after
 * SECONDS.  A writer writes its own number and a counter into each block of
 * its own stretch of the file; a reader reads anywhere behind SKIP bytes.  For
 * REST microseconds a thread rests between two I/Os.
 * Prints one line, times in microseconds of CLOCK_BOOTTIME:
 *
 *	ios=N errors=N errno=NAME|mixed last_ok_submit=T last_ok_done=T
 *	last_error=T slowest=US
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 256

struct storm {
	pthread_t thread;
	unsigned int number, of;
	bool writes;
	int fd, error;
	off_t size, skip;
	size_t bytes;
	useconds_t rest;
	uint64_t end, ios;
	uint64_t ok_submit, ok_done, error_done, slowest;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

static off_t place(const struct storm *s, unsigned int *seed)
{
	off_t blocks = (s->size - s->skip) / s->bytes;

	if (s->writes) {
		blocks /= s->of;
		return (s->number * blocks + rand_r(seed) % blocks) * s->bytes;
	}
	return s->skip + rand_r(seed) % blocks * s->bytes;
}

static void *run(void *arg)
{
	struct storm *s = arg;
	unsigned int seed = s->number + 1000 * s->writes;
	uint64_t *buf = aligned_alloc(4096, s->bytes);
	uint64_t submit, done;
	ssize_t n;

	while ((submit = now()) < s->end) {
		off_t at = place(s, &seed);

		buf[0] = s->number;
		buf[1] = s->ios;
		n = s->writes ? pwrite(s->fd, buf, s->bytes, at) :
				pread(s->fd, buf, s->bytes, at);
		done = now();
		if (done - submit > s->slowest)
			s->slowest = done - submit;
		if (n != (ssize_t)s->bytes) {
			s->error = n < 0 ? errno : EIO;
			s->error_done = done;
			break;
		}
		s->ios++;
		s->ok_submit = submit;
		s->ok_done = done;
		if (s->rest)
			usleep(s->rest);
	}
	free(buf);
	return NULL;
}

#define LATER(to, from) ((to) = (from) > (to) ? (from) : (to))

static void report(struct storm *all, unsigned int nr)
{
	unsigned int errors = 0, i;
	struct storm sum = { 0 };
	bool mixed = false;

	for (i = 0; i < nr; i++) {
		sum.ios += all[i].ios;
		LATER(sum.ok_submit, all[i].ok_submit);
		LATER(sum.ok_done, all[i].ok_done);
		LATER(sum.error_done, all[i].error_done);
		LATER(sum.slowest, all[i].slowest);
		if (!all[i].error)
			continue;
		errors++;
		mixed |= sum.error && sum.error != all[i].error;
		sum.error = all[i].error;
	}
	printf("ios=%llu errors=%u errno=%s last_ok_submit=%llu ",
	       (unsigned long long)sum.ios, errors, mixed ? "mixed" :
	       sum.error ? strerrorname_np(sum.error) : "none",
	       (unsigned long long)sum.ok_submit);
	printf("last_ok_done=%llu last_error=%llu slowest=%llu\n",
	       (unsigned long long)sum.ok_done,
	       (unsigned long long)sum.error_done,
	       (unsigned long long)sum.slowest);
}

int main(int argc, char **argv)
{
	static struct storm all[THREADS_MAX];
	unsigned int readers, writers, i;
	uint64_t end;

	if (argc < 5)
		return 2;
	readers = strtoul(argv[2], NULL, 0);
	writers = strtoul(argv[3], NULL, 0);
	end = now() + strtoull(argv[4], NULL, 0) * 1000000;
	if (!readers + !writers == 2 || readers + writers > THREADS_MAX)
		return 2;
	for (i = 0; i < readers + writers; i++) {
		struct storm *s = &all[i];

		s->writes = i >= readers;
		s->number = s->writes ? i - readers : i;
		s->of = s->writes ? writers : readers;
		s->bytes = argc > 5 ? strtoul(argv[5], NULL, 0) : 4096;
		s->skip = argc > 6 ? strtoul(argv[6], NULL, 0) : 0;
		s->rest = argc > 7 ? strtoul(argv[7], NULL, 0) : 0;
		s->end = end;
		s->fd = open(argv[1], O_RDWR | O_DIRECT);
		s->size = lseek(s->fd, 0, SEEK_END);
		if (s->fd < 0 ||
		    s->size - s->skip < (off_t)(s->of * s->bytes)) {
			perror(argv[1]);
			return 1;
		}
		if (pthread_create(&s->thread, NULL, run, s))
			return 1;
	}
	for (i = 0; i < readers + writers; i++)
		pthread_join(all[i].thread, NULL);
	report(all, readers + writers);
	return 0;
}
