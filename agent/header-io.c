// SPDX-License-Identifier: GPL-2.0
/*
 * Reads and writes the two copies.  The order of writes is the whole defence
 * against power loss: at each moment one copy on disk is whole, and no write
 * begins with the only copy of the latest state.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "header-internal.h"

#define LOCK_TRIES	40
#define LOCK_PAUSE_NS	(50 * 1000 * 1000)
#define HEAD_BYTES	8192	/* holds a struct cmk_disk_super */

static int io_error(struct cmk_error *e, int err, const char *what)
{
	return cmk_error_set(e, CMK_FAILED, err, "header-io",
			     "the header cannot be %s: %s", what,
			     strerror(-err));
}

static int lock_header(int fd, int how)
{
	const struct timespec pause = { 0, LOCK_PAUSE_NS };
	int n;

	for (n = 0; n < LOCK_TRIES; n++) {
		if (!flock(fd, how | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

static int open_storage(const char *path, bool write, struct cmk_error *e)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		    (write ? O_RDWR | O_DSYNC : 0);
	struct stat st;
	int fd;

	fd = open(path, flags | O_DIRECT);
	if (fd < 0 && errno == EINVAL)	/* tmpfs knows no O_DIRECT */
		fd = open(path, flags);
	if (fd < 0)
		return cmk_error_set(e, CMK_UNSUITABLE, -errno, "header-open",
				     "%s: %s", path, strerror(errno));
	if (!fstat(fd, &st) && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		return fd;
	close(fd);
	return cmk_error_set(e, CMK_UNSUITABLE, -ENOTBLK, "header-open",
			     "%s: neither a block device nor a file", path);
}

int cmk_header_open(int *ret_fd, const char *path, bool write,
		    struct cmk_error *e)
{
	int fd, r;

	fd = open_storage(path, write, e);
	if (fd < 0)
		return fd;
	r = lock_header(fd, write ? LOCK_EX : LOCK_SH);
	if (r < 0) {
		close(fd);
		return cmk_error_set(e, r == -EBUSY ? CMK_TEMPORARY :
				     CMK_FAILED, r, "header-busy",
				     "%s: locked by another program", path);
	}
	*ret_fd = fd;
	return 0;
}

int cmk_header_claim(int *ret_fd, const char *path, struct cmk_error *e)
{
	struct stat st;

	*ret_fd = -1;
	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return 0;
	*ret_fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (*ret_fd >= 0)
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -errno, "device-busy",
			     "%s is in use: %s", path, strerror(errno));
}

/* -- reading -- */

/* Return: 0; -ENODATA when the device ends before; or negative errno */
static int read_at(int fd, unsigned char *p, size_t len, uint64_t offset)
{
	ssize_t n;

	for (; len; p += n, len -= n, offset += n) {
		n = pread(fd, p, len, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n ? -errno : -ENODATA;
	}
	return 0;
}

/* One copy, and what it is; @header only when it is valid. */
struct copy {
	enum cmk_copy_state state;
	int err;		/* of reading */
	struct cmk_header *header;
};

static void copy_release(struct copy *c)
{
	cmk_header_free(c->header);
}

#define _copy __attribute__((cleanup(copy_release)))

static int read_whole(int fd, uint64_t offset, uint32_t capacity,
		      struct copy *ret)
{
	struct cmk_header *h = cmk_header_alloc(capacity);

	if (!h)
		return -ENOMEM;
	ret->err = read_at(fd, h->image, h->io_size, offset);
	/* what lies behind the slots is not ours and not checked */
	memset(h->image + h->size, 0, h->io_size - h->size);
	if (ret->err || !cmk_header_digest_ok(h)) {
		cmk_header_free(h);
		ret->state = CMK_COPY_DAMAGED;
		return 0;
	}
	ret->state = CMK_COPY_VALID;
	ret->header = h;
	return 0;
}

/* Return: 0 whatever the copy is, or -ENOMEM */
static int read_copy(int fd, uint64_t offset, struct copy *ret)
{
	unsigned char *head = aligned_alloc(CMK_IO_ALIGN, HEAD_BYTES);
	uint32_t capacity;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (!head)
		return -ENOMEM;
	ret->err = read_at(fd, head, HEAD_BYTES, offset);
	if (ret->err)
		ret->state = CMK_COPY_FOREIGN;
	else
		ret->state = cmk_header_measure(head, offset, &capacity);
	if (ret->state == CMK_COPY_VALID)
		r = read_whole(fd, offset, capacity, ret);
	free(head);
	return r;
}

static uint64_t seq_of(const struct copy *c)
{
	return le64toh(cmk_header_super(c->header)->seq);
}

static uint64_t written_of(const struct copy *c)
{
	return le64toh(cmk_header_super(c->header)->written);
}

/*
 * Without copy A, copy B may be in either place.  Two valid ones can be there
 * while format of a used device is interrupted: the later one counts.
 */
static int find_copy_b(int fd, struct copy *ret)
{
	_copy struct copy other = { 0 };
	struct copy swap;
	int r;

	r = read_copy(fd, CMK_SMALL_COPY_B, ret);
	if (!r)
		r = read_copy(fd, CMK_LARGE_COPY_B, &other);
	if (r < 0)
		return r;
	if (other.state > ret->state ||
	    (other.state == CMK_COPY_VALID && ret->state == CMK_COPY_VALID &&
	     written_of(&other) > written_of(ret))) {
		swap = *ret;
		*ret = other;
		other = swap;
	}
	return 0;
}

/*
 * A copy B of another volume is what a format of a used device leaves when it
 * is interrupted after A.
 */
static int read_copy_b(int fd, const struct copy *a, struct copy *ret)
{
	const struct cmk_disk_super *s;
	int r;

	if (a->state != CMK_COPY_VALID)
		return find_copy_b(fd, ret);
	s = cmk_header_super(a->header);
	r = read_copy(fd, cmk_header_copy_b(le32toh(s->capacity)), ret);
	if (r < 0 || ret->state != CMK_COPY_VALID)
		return r;
	if (memcmp(s->uuid, cmk_header_super(ret->header)->uuid, 16)) {
		ret->state = CMK_COPY_DAMAGED;
		cmk_header_free(ret->header);
		ret->header = NULL;
	}
	return 0;
}

static int no_copy(const struct copy *a, const struct copy *b,
		   struct cmk_error *e)
{
	enum cmk_copy_state best = a->state > b->state ? a->state : b->state;
	int err = a->err ? a->err : b->err;

	if (err && err != -ENODATA && best == CMK_COPY_FOREIGN)
		return io_error(e, err, "read");
	switch (best) {
	case CMK_COPY_FOREIGN:
		return cmk_error_set(e, CMK_UNSUITABLE, -ENODATA, "no-header",
				     "there is no cmk header");
	case CMK_COPY_VERSION:
		return cmk_error_set(e, CMK_UNSUITABLE, -EOPNOTSUPP,
				     "header-version",
				     "the header is of another version than %u, which is all that this cmk knows",
				     CMK_FORMAT_VERSION);
	case CMK_COPY_DAMAGED:
	case CMK_COPY_VALID:
		break;
	}
	return cmk_error_set(e, CMK_UNSUITABLE, -EBADMSG, "header-damaged",
			     "both copies of the header are damaged: restore a backup of it");
}

static unsigned int when(const struct copy *a, const struct copy *b,
			 enum cmk_copy_state state)
{
	return (a->state == state ? CMK_COPY_A : 0) |
	       (b->state == state ? CMK_COPY_B : 0);
}

/* Takes the header out of the copy that counts. */
static struct cmk_header *choose(struct copy *a, struct copy *b)
{
	bool both = a->header && b->header;
	struct cmk_header *h;
	struct copy *best;

	best = a->header ? a : b;
	if (both && seq_of(b) > seq_of(a))
		best = b;
	h = best->header;
	h->newest = best == a ? CMK_COPY_A : CMK_COPY_B;
	if (both && !memcmp(cmk_header_super(a->header)->digest,
			    cmk_header_super(b->header)->digest, 32))
		h->newest = CMK_BOTH_COPIES;
	best->header = NULL;
	return h;
}

int cmk_header_read(struct cmk_header **ret, int fd, struct cmk_error *e)
{
	_copy struct copy a = { 0 }, b = { 0 };
	struct cmk_header *h;
	int r;

	r = read_copy(fd, 0, &a);
	if (!r)
		r = read_copy_b(fd, &a, &b);
	if (r < 0)
		return io_error(e, r, "read");
	if (!a.header && !b.header)
		return no_copy(&a, &b, e);

	h = choose(&a, &b);
	h->valid = when(&a, &b, CMK_COPY_VALID);
	h->foreign = when(&a, &b, CMK_COPY_FOREIGN);
	r = cmk_header_check(h, e);
	if (r < 0) {
		cmk_header_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* -- writing -- */

static int write_at(int fd, const unsigned char *p, size_t len,
		    uint64_t offset)
{
	ssize_t n;

	for (; len; p += n, len -= n, offset += n) {
		n = pwrite(fd, p, len, offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n ? -errno : -EIO;
	}
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int write_copy(struct cmk_header *h, int fd, unsigned int copy)
{
	uint64_t offset = 0;
	int r;

	if (copy == CMK_COPY_B)
		offset = le64toh(cmk_header_super(h)->copy_b_offset);
	h->valid &= ~copy;
	h->newest &= ~copy;
	r = write_at(fd, h->image, h->io_size, offset);
	if (r < 0)
		return r;
	h->valid |= copy;
	h->foreign &= ~copy;
	return 0;
}

/*
 * A later reader without copy A must not find the copy B that a former volume
 * of the other layout had.
 */
static int forget_other_layout(const struct cmk_header *h, int fd)
{
	uint64_t offset = CMK_SMALL_COPY_B;
	unsigned char *block;
	int r;

	if (le64toh(cmk_header_super(h)->copy_b_offset) == offset)
		offset = CMK_LARGE_COPY_B;

	block = aligned_alloc(CMK_IO_ALIGN, CMK_IO_ALIGN);
	if (!block)
		return -ENOMEM;
	r = read_at(fd, block, CMK_IO_ALIGN, offset);
	if (!r && !memcmp(block, CMK_FORMAT_MAGIC, 8)) {
		memset(block, 0, CMK_IO_ALIGN);
		r = write_at(fd, block, CMK_IO_ALIGN, offset);
	}
	free(block);
	return r == -ENODATA ? 0 : r;
}

static int stamp(struct cmk_header *h, const struct cmk_secret *hk)
{
	struct cmk_disk_super *s = cmk_header_super(h);
	int r;

	s->seq = htole64(le64toh(s->seq) + 1);
	s->written = htole64(time(NULL));
	r = cmk_header_mac(h, hk, s->mac);
	return r < 0 ? r : cmk_header_digest(h, s->digest);
}

/* Not with the only copy of the latest state; else with A. */
static unsigned int first_to_write(const struct cmk_header *h)
{
	return h->newest == CMK_COPY_A ? CMK_COPY_B : CMK_COPY_A;
}

int cmk_header_write(struct cmk_header *h, int fd,
		     const struct cmk_secret *hk, struct cmk_error *e)
{
	bool new = !cmk_header_super(h)->seq;
	unsigned int first = first_to_write(h);
	int r;

	if (le32toh(cmk_header_super(h)->ro_compat) & ~CMK_FORMAT_RO_COMPAT)
		return cmk_error_set(e, CMK_UNSUITABLE, -EROFS,
				     "header-feature",
				     "a later version of cmk made this header read-only for this one");
	h->changed = true;
	r = stamp(h, hk);
	if (r < 0)
		return io_error(e, r, "authenticated");
	r = write_copy(h, fd, first);
	if (r < 0)
		return io_error(e, r, "written");

	h->newest = first;
	h->changed = false;
	r = write_copy(h, fd, CMK_BOTH_COPIES & ~first);
	if (!r && new)
		r = forget_other_layout(h, fd);
	if (r < 0)
		return cmk_error_set(e, CMK_PARTIAL, r, "header-io",
				     "only copy %s of the header could be written: %s",
				     cmk_header_copies_name(first),
				     strerror(-r));
	h->newest = CMK_BOTH_COPIES;
	return 0;
}

int cmk_header_repair(struct cmk_header *h, int fd, struct cmk_error *e)
{
	int r;

	if (h->changed)
		return cmk_error_set(e, CMK_FAILED, -EBUSY, "header-changed",
				     "the header was changed since it was read");
	if (h->newest == CMK_BOTH_COPIES)
		return 0;
	r = write_copy(h, fd, CMK_BOTH_COPIES & ~h->newest);
	if (r < 0)
		return io_error(e, r, "repaired");
	h->newest = CMK_BOTH_COPIES;
	return 0;
}

int cmk_header_write_back(struct cmk_header *h, int fd, struct cmk_error *e)
{
	int r;

	if (h->changed)
		return cmk_error_set(e, CMK_FAILED, -EBUSY, "header-changed",
				     "the header was changed since it was read");
	r = write_copy(h, fd, CMK_COPY_A);
	if (r < 0)
		return io_error(e, r, "written");
	h->newest = CMK_COPY_A;
	r = write_copy(h, fd, CMK_COPY_B);
	if (!r)
		r = forget_other_layout(h, fd);
	if (r < 0)
		return cmk_error_set(e, CMK_PARTIAL, r, "header-io",
				     "only copy A of the header could be written: %s",
				     strerror(-r));
	h->newest = CMK_BOTH_COPIES;
	return 0;
}
