// SPDX-License-Identifier: GPL-2.0
/*
 * May the header in a backup come back on this device?  A restore brings old
 * wraps back, and may bring old DEKs back.  Old DEKs would make garbage of what
 * was rekeyed since, so that a known higher generation is final; merely older
 * wraps are taken on a person's word.  What nobody here knows the kernel's
 * record of the last rekey does: a header that is older than it opens nothing
 * (keys-install.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "methods-header.h"

static const char *when(int64_t t, char *buf, size_t size)
{
	time_t sec = t;
	struct tm tm;

	gmtime_r(&sec, &tm);
	strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
	return buf;
}

/* Does the header there have a DEK, of a rekey, that the backup has not? */
static bool newer_next(const struct upkeep *u, const struct cmk_header *live)
{
	struct cmk_header_next next, had;
	uint32_t generation;

	if (!cmk_header_get_next(live, &next))
		return false;
	if (cmk_header_get_next(u->header, &had) &&
	    !memcmp(&next, &had, sizeof(next)))
		return false;
	return !cmk_header_slot(u->header, next.range, &generation) ||
	       generation < next.generation;
}

/* Return: does somebody know that a DEK of the backup was replaced since? */
static bool newer_generation(const struct upkeep *u,
			     const struct cmk_header *live)
{
	uint32_t i, a, b;

	if (live && newer_next(u, live))
		return true;

	if (u->known &&
	    u->st.generations > cmk_header_generations(u->header))
		return true;
	for (i = 0; live && i < u->info.ranges; i++)
		if (cmk_header_slot(live, i, &a) &&
		    cmk_header_slot(u->header, i, &b) && a > b)
			return true;
	return false;
}

static int refuse(const struct upkeep *u, uint64_t seq, bool final,
		  const char *why, struct cmk_error *e)
{
	char date[64];

	return cmk_error_set(e, CMK_UNSUITABLE, -ESTALE,
			     final ? "generation" : "header-rolled-back",
			     "the backup is of %s, sequence %llu, generations %llu; %s (sequence %llu)%s",
			     when(u->info.written, date, sizeof(date)),
			     (unsigned long long)u->info.seq,
			     (unsigned long long)
			     cmk_header_generations(u->header), why,
			     (unsigned long long)seq,
			     final ? "; what was written since would be lost" :
			     "; if it is meant, use --accept-header");
}

int cmk_upkeep_check_age(const struct upkeep *u, const struct cmk_header *live,
			 struct cmk_error *e)
{
	struct cmk_header_info info = { .seq = 0 };
	uint64_t seq = u->known ? u->st.seq : 0;

	if (live)
		cmk_header_get_info(live, &info);
	if (live && memcmp(info.uuid, u->info.uuid, 16))
		return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "uuid",
				     "there is a header of another volume on %s; erase it first",
				     u->path);
	if (info.seq > seq)
		seq = info.seq;
	if (newer_generation(u, live))
		return refuse(u, seq, true, "a key of it was replaced since",
			      e);
	if (u->accept)
		return 0;
	if (seq > u->info.seq)
		return refuse(u, seq, false,
			      "a later header of the volume is known", e);
	/* The disk is whoever's: it alone does not say which is the last. */
	if (!u->known)
		return refuse(u, seq, false,
			      "this node does not know whether it is the last",
			      e);
	return 0;
}

/* The data of the volume must have room behind it. */
static int check_size(const struct upkeep *u, struct cmk_error *e)
{
	uint64_t need = u->info.detached ? 0 :
			u->info.data_offset + u->info.data_size;
	struct stat st;
	uint64_t size;
	int fd, r;

	r = cmk_header_open(&fd, u->path, false, e);
	if (r)
		return r;
	size = lseek(fd, 0, SEEK_END);
	r = fstat(fd, &st);
	close(fd);
	if (r || (size < need && S_ISBLK(st.st_mode)) ||
	    (size < u->info.header_size && !S_ISREG(st.st_mode)))
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOSPC,
				     "device-small",
				     "%s is smaller than the volume", u->path);
	return 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (stat(a, &x) || stat(b, &y))
		return false;
	if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode))
		return x.st_rdev == y.st_rdev;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int cmk_upkeep_check_place(const struct upkeep *u, struct cmk_error *e)
{
	/* Copy B would come to lie in the data. */
	if (u->known && u->info.detached && same_file(u->path, u->st.device))
		return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "data-device",
				     "%s is the volume's data device, and the header is apart from it",
				     u->path);
	return check_size(u, e);
}
