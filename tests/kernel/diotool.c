// SPDX-License-Identifier: GPL-2.0
/*
 * One direct I/O from memory laid out as asked, which dd cannot do:
 *
 *	diotool read|write|discard FILE OFFSET LENGTH [ALIGN [PIECE...]]
 *
 * The buffer begins ALIGN bytes after a page; the vector has the given pieces
 * (the last takes the rest).  Data goes from standard input or to standard
 * output.  Says the name of the errno and ends with 1 on failure.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECES 64

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerrorname_np(errno));
	return 1;
}

static int discard(int fd, unsigned long long offset, unsigned long long len)
{
	unsigned long long span[2] = { offset, len };

	return ioctl(fd, BLKDISCARD, span) ? fail("discard") : 0;
}

static int cut(struct iovec *iov, unsigned char *buf, size_t len, char **piece)
{
	size_t n;
	int i;

	for (i = 0; len && i < PIECES; i++, len -= n, buf += n) {
		n = piece[0] ? strtoul(*piece++, NULL, 0) : len;
		if (n > len)
			n = len;
		iov[i].iov_base = buf;
		iov[i].iov_len = n;
	}
	return i;
}

static int move(int fd, bool write_it, off_t offset, size_t len, size_t align,
		char **piece)
{
	unsigned char *mem = aligned_alloc(4096, len + 8192);
	struct iovec iov[PIECES];
	unsigned char *buf = mem + align;
	ssize_t n;
	int nr;

	if (!mem || (write_it && fread(buf, 1, len, stdin) != len))
		return fail("buffer");
	nr = cut(iov, buf, len, piece);
	n = write_it ? pwritev(fd, iov, nr, offset) :
		       preadv(fd, iov, nr, offset);
	if (n < 0)
		return fail(write_it ? "write" : "read");
	if ((size_t)n != len) {
		fprintf(stderr, "short: %zd\n", n);
		return 1;
	}
	return write_it || fwrite(buf, 1, len, stdout) == len ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned long long offset, len;
	int fd;

	if (argc < 5) {
		fputs("diotool VERB FILE OFFSET LENGTH [ALIGN [PIECE...]]\n",
		      stderr);
		return 2;
	}
	offset = strtoull(argv[3], NULL, 0);
	len = strtoull(argv[4], NULL, 0);
	fd = open(argv[2], O_RDWR | O_DIRECT);
	if (fd < 0)
		return fail("open");
	if (!strcmp(argv[1], "discard"))
		return discard(fd, offset, len);
	return move(fd, !strcmp(argv[1], "write"), offset, len,
		    argc > 5 ? strtoul(argv[5], NULL, 0) : 0,
		    argv + (argc > 6 ? 6 : argc));
}
