// SPDX-License-Identifier: GPL-2.0
/*
 * Copies a header block by block into a sparse file, and removes the copies
 * that are too many.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "span.h"

#define BLOCK	(1 << 20)

static int failed(struct cmk_error *e, int err, const char *path)
{
	return cmk_error_set(e, CMK_FAILED, err, "backup",
			     "cannot back up the header to '%s': %s", path,
			     strerror(-err));
}

static bool is_zero(const unsigned char *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

/* The header's own device has no record area if it is apart from the data. */
static bool in_record(const struct cmk_header_info *info, uint64_t offset)
{
	return !info->detached && offset >= info->record_offset &&
	       offset < info->record_offset + CMK_RECORD_SIZE;
}

static int copy_blocks(int from, int to, const struct cmk_header_info *info,
		       unsigned char *buf)
{
	uint64_t offset;

	for (offset = 0; offset < info->header_size; offset += BLOCK) {
		ssize_t n;

		if (in_record(info, offset))
			continue;
		n = pread(from, buf, BLOCK, offset);
		if (n <= 0)
			return n ? -errno : -ENODATA;
		if (is_zero(buf, n))
			continue;
		if (pwrite(to, buf, n, offset) != n)
			return -EIO;
	}
	return ftruncate(to, info->header_size) || fsync(to) ? -errno : 0;
}

int cmk_backup_copy(const char *source, int to,
		    const struct cmk_header_info *info, struct cmk_error *e)
{
	unsigned char *buf;
	int from, r;

	r = cmk_header_open(&from, source, false, e);
	if (r)
		return r;
	buf = aligned_alloc(4096, BLOCK);
	r = buf ? copy_blocks(from, to, info, buf) : -ENOMEM;
	free(buf);
	close(from);
	return r ? failed(e, r, source) : 0;
}

/*
 * The names sort by age: the sequence has a fixed width.  @last stays in any
 * case: after a restore of an older header it has not the highest sequence.
 */
static void prune(const char *dir, const char *uuid, unsigned int keep,
		  const char *last)
{
	char pattern[4096];
	size_t i;
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/backup/%s-*.hdr", dir, uuid);
	if (glob(pattern, 0, NULL, &g))
		return;
	for (i = 0; i + keep < g.gl_pathc; i++)
		if (strcmp(g.gl_pathv[i], last))
			unlink(g.gl_pathv[i]);
	globfree(&g);
}

int cmk_backup_header(const char *dir, const char *source,
		      const struct cmk_header_info *info, unsigned int keep,
		      char *ret, unsigned int size, struct cmk_error *e)
{
	char path[4096], tmp[4096 + 8], uuid[37];
	int to, r;

	cmk_format_uuid(info->uuid, uuid);
	r = snprintf(path, sizeof(path), "%s/backup/%s-%010" PRIu64 ".hdr",
		     dir, uuid, info->seq);
	if ((size_t)r >= sizeof(path) || (size_t)r >= size)
		return failed(e, -ENAMETOOLONG, dir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (to < 0)
		return failed(e, -errno, tmp);
	r = cmk_backup_copy(source, to, info, e);
	close(to);
	if (!r && rename(tmp, path))
		r = failed(e, -errno, path);
	if (r) {
		unlink(tmp);
		return r;
	}
	prune(dir, uuid, keep, path);
	strcpy(ret, path);
	return 0;
}

/* Over its data only: the file has holes where the header is zero. */
static int overwrite(int fd)
{
	static const unsigned char zero[65536];
	off_t at = 0, end;

	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		end = lseek(fd, at, SEEK_HOLE);
		while (at < end) {
			size_t n = sizeof(zero);

			if (end - at < (off_t)n)
				n = end - at;
			if (pwrite(fd, zero, n, at) != (ssize_t)n)
				return errno ? -errno : -EIO;
			at += n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

bool cmk_backup_exists(const char *dir, const unsigned char uuid[16])
{
	char pattern[4096], id[37];
	glob_t g;

	cmk_format_uuid(uuid, id);
	snprintf(pattern, sizeof(pattern), "%s/backup/%s-*.hdr", dir, id);
	if (glob(pattern, 0, NULL, &g))
		return false;
	globfree(&g);
	return true;
}

static int forget(const char *path, struct cmk_error *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int r;

	r = fd < 0 ? -errno : overwrite(fd);
	if (fd >= 0)
		close(fd);
	if (unlink(path) && !r)
		r = -errno;
	if (!r || r == -ENOENT)
		return 0;
	return cmk_error_set(e, CMK_FAILED, r, "backup",
			     "cannot remove the header backup '%s': %s", path,
			     strerror(-r));
}

/* What cannot be listed is not for that reason nothing. */
static int on_glob_error(const char *path, int err)
{
	return err != ENOENT;
}

/* A copy that was being made when the agent was killed counts, too. */
int cmk_backup_forget(const char *dir, const unsigned char uuid[16],
		      const char *keep, struct cmk_error *e)
{
	char pattern[4096], id[37];
	int r, one;
	glob_t g;
	size_t i;

	cmk_format_uuid(uuid, id);
	snprintf(pattern, sizeof(pattern), "%s/backup/%s-*.hdr*", dir, id);
	r = glob(pattern, 0, on_glob_error, &g);
	if (r == GLOB_NOMATCH)
		return 0;
	if (r)
		return cmk_error_set(e, CMK_FAILED, r == GLOB_NOSPACE ?
				     -ENOMEM : -EIO, "backup",
				     "cannot list the header backups in '%s/backup'",
				     dir);
	for (i = 0; i < g.gl_pathc; i++) {
		if (keep && !strcmp(g.gl_pathv[i], keep))
			continue;
		one = forget(g.gl_pathv[i], e);
		r = r ?: one;
	}
	globfree(&g);
	return r;
}
